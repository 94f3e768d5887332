//! The table of losses: one row each, from which tests/generated writes what C, C++, Python and the README say of them.
//!
//! `SEGLOSS_UPDATE=1 cargo test --test generated` renews the generated files; without the variable, the test compares
//! them. The library does not read the table. The defaults of a loss are those of its `Default`; `tests/c/defaults.cpp`
//! compares them with the defaults here.

mod choices;
mod loss_rows;

pub use choices::CHOICES;
pub use loss_rows::{LOSSES, PRESETS};

/// What is written about a loss outside of its own file.
#[derive(Debug)]
pub struct LossRow {
    /// The name in C and Python, without `segloss_`.
    pub name: &'static str,
    /// The Rust type. The last segment is also the name in C++.
    pub path: &'static str,
    pub family: Family,
    /// What the loss is, with its number in the paper: the start of its comment in C and C++.
    pub summary: &'static str,
    /// The range and unit of its values.
    pub values: &'static str,
    /// The lines of the equation in ASCII, in the notation of the header.
    pub equation: &'static [&'static str],
    /// What the equation does not say, one paragraph; may be empty.
    pub notes: &'static str,
    /// The fields of `segloss_term` that the loss uses, in the order of the documentation and of the C++ members.
    pub fields: &'static [TermField],
    /// The entry in the README.
    pub readme: &'static str,
    /// Whether `src/ffi/losses/by_hand.rs` holds the conversion of a term, because a field of the term is not one
    /// member of the Rust type.
    pub by_hand: bool,
}

/// The family of a loss: a row of the README's table and a folder of `src`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// `src/distribution`
    Distribution,
    /// `src/region`
    Region,
    /// `src/boundary`
    Boundary,
    /// `src/compound`
    Compound,
}

/// A field of `segloss_term` that a loss uses.
#[derive(Clone, Copy, Debug)]
pub struct TermField {
    /// The name in `segloss_term`.
    pub name: &'static str,
    /// The name of the Rust and C++ member. `Error::c_argument` translates it where it is not `name`.
    pub member: &'static str,
    /// The member of the Rust type that holds `member`, a loss of that name; empty if the type itself holds it.
    pub inside: &'static str,
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// A parameter.
    Number(Number),
    /// One of several constants; the first is the default.
    Choice(&'static Choice),
    /// A set of constants in `variant`, for each a `bool` in C++, and at most one choice.
    Flags { choice: Option<&'static Choice>, flags: &'static [Constant], text: &'static str },
    /// A pointer to a struct of the type; NULL by default.
    Pointer { pointee: &'static str, text: &'static str },
    /// An option of the term, not a member of the loss.
    Option { text: &'static str },
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The symbol in the equation if it is not the name of the field; may be empty.
    pub symbol: &'static str,
    /// What the number is; may be empty.
    pub meaning: &'static str,
    pub range: Range,
    /// The unit, or what a value does; may be empty.
    pub note: &'static str,
    /// The default, a decimal number or a fraction of integers.
    pub default: &'static str,
}

/// The range of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// Finite and not negative.
    NonNegative,
    /// Finite and above 0.
    Positive,
    /// In [0, 1].
    Unit,
    /// In (0, 1].
    Share,
}

/// A type of constants.
#[derive(Debug)]
pub struct Choice {
    /// The Rust type. The last segment is also the name in C++.
    pub path: &'static str,
    /// What is chosen.
    pub what: &'static str,
    /// In `snake_case` as in C++; in Rust the variant in `CamelCase`.
    pub constants: &'static [Constant],
}

/// A constant of the header.
#[derive(Debug)]
pub struct Constant {
    /// The C++ name.
    pub name: &'static str,
    /// The C name.
    pub code: &'static str,
    /// What it means; may be empty.
    pub what: &'static str,
}

/// A compound loss by name: `src/compound/presets.rs` and `src/ffi/preset_functions.rs`.
#[derive(Debug)]
pub struct Preset {
    /// The name in C without `segloss_preset_`.
    pub name: &'static str,
    /// The entry in the README.
    pub readme: &'static str,
}

impl TermField {
    const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self { name, member: name, inside: "", kind }
    }

    /// The field under another name in Rust and C++.
    const fn member(self, member: &'static str) -> Self {
        Self { member, ..self }
    }

    /// The field of a loss that is a member of this one.
    const fn of(self, inside: &'static str) -> Self {
        Self { inside, ..self }
    }

    /// The parameter by its symbol in the equation.
    const fn symbol(self, symbol: &'static str) -> Self {
        match self.kind {
            FieldKind::Number(number) => {
                Self { kind: FieldKind::Number(Number { symbol, ..number }), ..self }
            }
            _ => self,
        }
    }

    /// The parameter with its unit, or what a value does.
    const fn note(self, note: &'static str) -> Self {
        match self.kind {
            FieldKind::Number(number) => Self { kind: FieldKind::Number(Number { note, ..number }), ..self },
            _ => self,
        }
    }
}

/// A parameter with a meaning and a range.
pub(super) const fn number(
    name: &'static str,
    meaning: &'static str,
    range: Range,
    default: &'static str,
) -> TermField {
    TermField::new(name, FieldKind::Number(Number { symbol: "", meaning, range, note: "", default }))
}

pub(super) const fn constant(name: &'static str, code: &'static str, what: &'static str) -> Constant {
    Constant { name, code, what }
}
