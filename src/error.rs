//! What was wrong with a call: which argument, where, and what was wanted instead.

use core::ffi::CStr;
use core::fmt;

/// The kind of a failure. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// A pointer that is needed is null.
    NullPointer = 1,
    /// A struct of C gives a size this library does not know.
    StructSize = 2,
    /// The element type does not fit the argument.
    Dtype = 3,
    /// Shapes that do not belong together, or a slice of the wrong length.
    Shape = 4,
    /// A product of extents or strides that the address space cannot hold.
    TooLarge = 5,
    /// Strides by which an output meets itself, or leaves its slice.
    Strides = 6,
    /// An address that is no multiple of the element's alignment.
    Misaligned = 7,
    /// An output lies over an input or over another output.
    Overlap = 8,
    /// The scratch is too short.
    Scratch = 9,
    /// A number out of its range.
    Parameter = 10,
    /// The label of a counted voxel is neither a class nor ignored.
    Label = 11,
    /// The loss has no meaning for this input.
    Unsupported = 12,
    /// A loss weighted by distance was given no field where none can be computed.
    MissingField = 13,
}

impl Status {
    /// A short name of the kind, static ASCII.
    pub const fn name(self) -> &'static CStr {
        match self {
            Status::NullPointer => c"null pointer",
            Status::StructSize => c"unknown struct size",
            Status::Dtype => c"element type does not fit",
            Status::Shape => c"shapes do not fit",
            Status::TooLarge => c"too large for the address space",
            Status::Strides => c"strides do not fit",
            Status::Misaligned => c"misaligned address",
            Status::Overlap => c"an output overlaps another argument",
            Status::Scratch => c"scratch too short",
            Status::Parameter => c"parameter out of range",
            Status::Label => c"label is neither a class nor ignored",
            Status::Unsupported => c"not defined for this input",
            Status::MissingField => c"no field given and none can be computed",
        }
    }
}

/// A refused call. Nothing has been written when a function returns one.
///
/// Its texts are ASCII and end in NUL, so that C can have them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of failure.
    pub status: Status,
    /// The argument it was found in.
    pub argument: &'static CStr,
    /// What the argument has to be.
    pub expected: &'static CStr,
    /// The voxel `b·N + i`, the axis or the entry it was found at.
    pub index: Option<usize>,
    /// The term it belongs to.
    pub term: Option<usize>,
    /// The number that was refused, by its bits, so that an error equals itself where that is NaN.
    given: Option<u64>,
    /// The number that is needed.
    needed: Option<u64>,
}

impl Error {
    /// An error without a place or numbers; [`Error::at`], [`Error::in_term`] and the others add them.
    pub const fn new(status: Status, argument: &'static CStr, wants: &'static CStr) -> Self {
        Self { status, argument, expected: wants, index: None, term: None, given: None, needed: None }
    }

    /// The same error, at an entry, axis or voxel.
    pub const fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    /// The same error, in term number `term`.
    pub const fn in_term(self, term: usize) -> Self {
        Self { term: Some(term), ..self }
    }

    /// The same error, with the number that was refused: a parameter, a label, an extent, a length, bytes.
    pub const fn with_given(self, number: f64) -> Self {
        Self { given: Some(number.to_bits()), ..self }
    }

    /// The same error, with the number that is needed instead.
    pub const fn with_needed(self, number: f64) -> Self {
        Self { needed: Some(number.to_bits()), ..self }
    }

    /// The same error, with a length and the one that is needed.
    pub(crate) const fn with_lengths(self, given: usize, needed: usize) -> Self {
        self.with_given(given as f64).with_needed(needed as f64)
    }

    /// The number that was refused, where it is known: a parameter, a label, an extent, a length, bytes. Integers are
    /// exact up to 2⁵³.
    pub fn given(&self) -> Option<f64> {
        self.given.map(f64::from_bits)
    }

    /// The number that is needed instead, where there is one: an extent, a length, bytes.
    pub fn needed(&self) -> Option<f64> {
        self.needed.map(f64::from_bits)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &'static CStr| text.to_str().unwrap_or_default();
        f.write_str(text(self.argument))?;
        if let Some(index) = self.index {
            write!(f, " at {index}")?;
        }
        if let Some(term) = self.term {
            write!(f, " of term {term}")?;
        }
        write!(f, ": {}", text(self.status.name()))?;
        if let Some(given) = self.given() {
            write!(f, ": {given}")?;
        }
        f.write_str("; wanted ")?;
        if let Some(needed) = self.needed() {
            write!(f, "{needed}, ")?;
        }
        f.write_str(text(self.expected))
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_error_is_a_sentence() {
        let error = Error::new(Status::Parameter, c"alpha", c"finite and >= 0").in_term(1);
        assert_eq!(error.to_string(), "alpha of term 1: parameter out of range; wanted finite and >= 0");
        let error = error.with_given(-0.5);
        assert_eq!(
            error.to_string(),
            "alpha of term 1: parameter out of range: -0.5; wanted finite and >= 0"
        );
        let short =
            Error::new(Status::Scratch, c"scratch", c"as the size query says").with_lengths(100, 4096);
        assert_eq!(short.to_string(), "scratch: scratch too short: 100; wanted 4096, as the size query says");
        assert_eq!(error.with_given(f64::NAN), error.with_given(f64::NAN));
    }
}
