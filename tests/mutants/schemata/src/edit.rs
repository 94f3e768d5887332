//! The text of a file with its mutants behind switches.

use std::ops::Range;

pub type Bytes = Range<usize>;

/// What one node of the syntax tree becomes. Alternatives are numbers of mutants and what they put in.
pub enum Change {
    /// `left op right`, with other operators.
    Binary { left: Bytes, operator: String, right: Bytes, alternatives: Vec<(u64, String)> },
    /// `!operand` or `-operand`, without its operator.
    Unary { operator: String, operand: Bytes, id: u64 },
    /// The condition of an arm, as a constant.
    Guard { alternatives: Vec<(u64, String)> },
    /// An insertion after the pattern of an arm.
    Arm { id: u64 },
    /// An insertion before the first statement of a function.
    Body { alternatives: Vec<(u64, String)> },
    /// A struct without one of its fields.
    Fields { alternatives: Vec<(u64, Bytes)> },
    /// Nothing in its place.
    Removal,
}

/// A node with a change, and the nodes with changes inside of it, in the order of the text.
pub struct Place {
    pub bytes: Bytes,
    pub change: Change,
    pub inner: Vec<Place>,
}

pub fn rewrite(text: &str, places: &[Place]) -> String {
    part(text, 0..text.len(), places)
}

/// A part of the text, with those changes that lie in it.
fn part(text: &str, bytes: Bytes, places: &[Place]) -> String {
    let mut out = String::new();
    let mut at = bytes.start;
    for place in
        places.iter().filter(|place| bytes.start <= place.bytes.start && place.bytes.end <= bytes.end)
    {
        out += &text[at..place.bytes.start];
        out += &changed(text, place);
        at = place.bytes.end;
    }
    out + &text[at..bytes.end]
}

fn marked(id: u64, code: &str) -> String {
    format!("/*[{id}*/ {code} /*{id}]*/")
}

/// The original, or whichever alternative is switched on.
fn choice(original: &str, alternatives: &[(u64, String)]) -> String {
    let off: Vec<String> = alternatives.iter().map(|(id, _)| format!("crate::mutants::off({id})")).collect();
    let mut out = format!("(if {} {{ {original} }}", off.join(" && "));
    for (index, (id, code)) in alternatives.iter().enumerate() {
        let condition = if index + 1 < alternatives.len() {
            format!("if crate::mutants::on({id}) ")
        } else {
            String::new()
        };
        out += &format!(" else {condition}{{ {} }}", marked(*id, code));
    }
    out + ")"
}

fn changed(text: &str, place: &Place) -> String {
    let inside = |bytes: &Bytes| part(text, bytes.clone(), &place.inner);
    match &place.change {
        Change::Binary { left, operator, right, alternatives } => {
            let (left, right) = (inside(left), inside(right));
            let with = |operator: &str| match operator.ends_with('=')
                && !matches!(operator, "==" | "!=" | "<=" | ">=")
            {
                // A place that is assigned to need not be in parentheses.
                true => format!("{left} {operator} ({right})"),
                false => format!("({left}) {operator} ({right})"),
            };
            let codes: Vec<(u64, String)> =
                alternatives.iter().map(|(id, other)| (*id, with(other))).collect();
            choice(&with(operator), &codes)
        }
        Change::Unary { operator, operand, id } => {
            let operand = inside(operand);
            choice(&format!("{operator}({operand})"), &[(*id, operand.clone())])
        }
        Change::Guard { alternatives } => choice(&inside(&place.bytes), alternatives),
        Change::Arm { id } => format!(" if {} ", marked(*id, &format!("crate::mutants::off({id})"))),
        Change::Body { alternatives } => {
            let one = |(id, code): &(u64, String)| {
                format!("if crate::mutants::on({id}) {{ return {}; }} ", marked(*id, code))
            };
            alternatives.iter().map(one).collect()
        }
        Change::Fields { alternatives } => {
            let without = |field: &Bytes| {
                inside(&(place.bytes.start..field.start)) + &inside(&(field.end..place.bytes.end))
            };
            let codes: Vec<(u64, String)> =
                alternatives.iter().map(|(id, field)| (*id, without(field))).collect();
            choice(&inside(&place.bytes), &codes)
        }
        Change::Removal => String::new(),
    }
}
