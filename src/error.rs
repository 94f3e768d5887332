//! Errors of a refused call: the argument, its place, the number given and what is expected instead.

use core::ffi::CStr;
use core::fmt;

/// The kind of an error. The discriminants are the status codes of the C header.
///
/// ```
/// use segloss::{Status, View};
///
/// let error = View::new(&[0f32; 7], &[2, 4]).unwrap_err();
/// assert_eq!(error.status, Status::Shape);
/// assert_eq!(error.status as i32, 4);
/// assert_eq!(error.status.name(), "shape mismatch");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// A required pointer is null. C only.
    NullPointer = 1,
    /// The `struct_size` of a C struct is unknown to this version of the library. C only.
    StructSize = 2,
    /// The element type is not supported for this argument.
    Dtype = 3,
    /// A shape differs from the expected one, or a slice has the wrong length.
    Shape = 4,
    /// A product of extents or strides exceeds the address space.
    TooLarge = 5,
    /// Output strides map two indices to the same element, or strides leave the slice or the address space.
    Strides = 6,
    /// An address is not a multiple of the element's alignment. C only.
    Misaligned = 7,
    /// An output overlaps an input or another output in memory. C only.
    Overlap = 8,
    /// The scratch buffer is too short.
    Scratch = 9,
    /// A number is out of its range, or an option is set that the loss does not use.
    Parameter = 10,
    /// The target of a counted voxel is invalid: a label that is neither a class nor ignored, a mask value other than 0
    /// and 1, or a dense value outside [0, 1] by more than 0.001.
    Label = 11,
    /// The loss is not defined for this input.
    Unsupported = 12,
    /// The term needs a distance field that is neither given nor computed by this function.
    MissingField = 13,
}

impl Status {
    /// Returns a short description of the kind.
    pub const fn name(self) -> &'static str {
        text(self.c_name())
    }

    /// Returns the description for C.
    pub(crate) const fn c_name(self) -> &'static CStr {
        match self {
            Status::NullPointer => c"null pointer",
            Status::StructSize => c"unknown struct size",
            Status::Dtype => c"unsupported element type",
            Status::Shape => c"shape mismatch",
            Status::TooLarge => c"too large for the address space",
            Status::Strides => c"invalid strides",
            Status::Misaligned => c"misaligned address",
            Status::Overlap => c"an output overlaps another argument",
            Status::Scratch => c"buffer too short",
            Status::Parameter => c"parameter out of range",
            Status::Label => c"label is neither a class nor ignored",
            Status::Unsupported => c"not defined for this input",
            Status::MissingField => c"no field given and none can be computed",
        }
    }
}

/// A refused call. A function that returns an error has written no output.
///
/// `Display` writes one sentence:
///
/// ```
/// use segloss::{Activation, Batch, Dice, Term, View, scratch_len};
///
/// let (logits, labels) = ([0f32; 6], [0u8; 3]);
/// let batch =
///     Batch::new(View::new(&logits, &[1, 2, 3])?, Activation::Softmax, View::new(&labels, &[1, 3])?);
/// let (dice, invalid) = (Dice::default(), Dice { smooth_numerator: -0.5, ..Dice::default() });
/// let terms = [Term::new(1.0, &dice), Term::new(1.0, &invalid)];
///
/// let error = scratch_len(&batch, &terms).unwrap_err();
/// assert_eq!(error.to_string(), "term 1: invalid smooth_numerator: -0.5 (expected finite and >= 0)");
/// assert_eq!((error.term, error.argument(), error.given()), (Some(1), "smooth_numerator", Some(-0.5)));
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The kind of the error.
    pub status: Status,
    /// The voxel `b·N + i`, the axis or the entry that is invalid.
    pub index: Option<usize>,
    /// The index of the term that the argument belongs to.
    pub term: Option<usize>,
    /// ASCII. A C string, so that the C layer reports it without a copy; so is `expected`.
    pub(crate) argument: &'static CStr,
    pub(crate) expected: &'static CStr,
    /// The invalid number, stored by its bits so that an error with NaN is equal to itself.
    given: Option<u64>,
    /// The required number, stored by its bits.
    needed: Option<u64>,
}

impl Error {
    /// Creates an error without an index, a term or numbers. `argument` names the invalid argument, `expected` the
    /// condition that it has to meet. Both are ASCII, and C strings because the C layer returns them as they are.
    ///
    /// ```
    /// use segloss::{Error, Status};
    ///
    /// let error = Error::new(Status::Parameter, c"spacing", c"finite and > 0").at(2).with_given(0.0);
    /// assert_eq!(error.to_string(), "invalid spacing at index 2: 0 (expected finite and > 0)");
    /// let error = Error::new(Status::Shape, c"weights", c"one per class").with_given(3.0).with_needed(4.0);
    /// assert_eq!(error.to_string(), "invalid weights: shape mismatch: 3 (expected 4, one per class)");
    /// ```
    pub const fn new(status: Status, argument: &'static CStr, expected: &'static CStr) -> Self {
        Self { status, argument, expected, index: None, term: None, given: None, needed: None }
    }

    /// Returns the error with the index of the invalid entry, axis or voxel.
    pub const fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Returns the error with the index of the term that it belongs to.
    pub const fn in_term(self, term: usize) -> Self {
        Self { term: Some(term), ..self }
    }

    /// Returns the error with the invalid number: a parameter, a label, an extent, a length or a number of bytes.
    pub const fn with_given(self, number: f64) -> Self {
        Self { given: Some(number.to_bits()), ..self }
    }

    /// Returns the error with the required number: an extent, a length or a number of bytes.
    pub const fn with_needed(self, number: f64) -> Self {
        Self { needed: Some(number.to_bits()), ..self }
    }

    /// Returns the error with an invalid length and the required one.
    pub(crate) const fn with_lengths(self, given: usize, needed: usize) -> Self {
        self.with_given(given as f64).with_needed(needed as f64)
    }

    /// Returns the name of the invalid argument, field or parameter, as Rust spells it.
    pub const fn argument(&self) -> &'static str {
        text(self.argument)
    }

    /// Returns the condition that the argument has to meet.
    pub const fn expected(&self) -> &'static str {
        text(self.expected)
    }

    /// Returns the invalid number, if the error has one: a parameter, a label, an extent, a length or a number of
    /// bytes. Integers are exact up to 2⁵³.
    pub fn given(&self) -> Option<f64> {
        self.given.map(f64::from_bits)
    }

    /// Returns the required number, if the error has one: an extent, a length or a number of bytes.
    pub fn needed(&self) -> Option<f64> {
        self.needed.map(f64::from_bits)
    }

    /// Returns the name of the argument in the C interface, where some arguments have another name than in Rust.
    #[cfg(feature = "capi")]
    pub(crate) fn c_argument(&self) -> &'static CStr {
        match (self.argument.to_bytes(), self.status) {
            (b"prediction", _) => c"pred",
            (b"gradient", _) => c"grad",
            (b"scale", _) => c"grad_scale",
            (b"selection", _) => c"k",
            (b"sensitivity", _) => c"alpha",
            // The C layer names its pointer `terms`, and the length of the array `n_terms`.
            (b"terms", Status::Parameter) => c"n_terms",
            _ => self.argument,
        }
    }
}

/// Returns a text of an error; an empty one instead of bytes that are no UTF-8.
const fn text(text: &'static CStr) -> &'static str {
    match text.to_str() {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Writes the fields, with numbers as numbers.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("status", &self.status)
            .field("argument", &self.argument())
            .field("expected", &self.expected())
            .field("index", &self.index)
            .field("term", &self.term)
            .field("given", &self.given())
            .field("needed", &self.needed())
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(term) = self.term {
            write!(f, "term {term}: ")?;
        }
        write!(f, "invalid {}", self.argument())?;
        if let Some(index) = self.index {
            write!(f, " at index {index}")?;
        }
        // "invalid" says all that `Status::Parameter` does.
        if self.status != Status::Parameter {
            write!(f, ": {}", self.status.name())?;
        }
        if let Some(given) = self.given() {
            write!(f, ": {given}")?;
        }
        f.write_str(" (expected ")?;
        if let Some(needed) = self.needed() {
            write!(f, "{needed}, ")?;
        }
        write!(f, "{})", self.expected())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn display_names_term_argument_index_kind_and_numbers() {
        let error = Error::new(Status::Parameter, c"alpha", c"finite and >= 0").in_term(1);
        assert_eq!(error.to_string(), "term 1: invalid alpha (expected finite and >= 0)");
        let error = error.with_given(-0.5);
        assert_eq!(error.to_string(), "term 1: invalid alpha: -0.5 (expected finite and >= 0)");
        let label =
            Error::new(Status::Label, c"target", c"a class or an ignored label").at(6).with_given(3.0);
        assert_eq!(
            label.to_string(),
            "invalid target at index 6: label is neither a class nor ignored: 3 \
             (expected a class or an ignored label)"
        );
        let short =
            Error::new(Status::Scratch, c"scratch", c"the bytes of the size query").with_lengths(100, 4096);
        assert_eq!(
            short.to_string(),
            "invalid scratch: buffer too short: 100 (expected 4096, the bytes of the size query)"
        );
    }

    #[test]
    fn debug_shows_numbers() {
        let error = Error::new(Status::Label, c"target", c"a class").at(2).with_given(9.0);
        assert_eq!(
            std::format!("{error:?}"),
            "Error { status: Label, argument: \"target\", expected: \"a class\", index: Some(2), term: None, \
             given: Some(9.0), needed: None }"
        );
    }

    #[test]
    fn an_error_with_nan_equals_itself() {
        let error = Error::new(Status::Parameter, c"alpha", c"finite and >= 0").with_given(f64::NAN);
        assert_eq!(error, error);
    }
}
