//! The forms: one getter each, so that the linker drops what a program does not name.

pub mod boundary;
pub mod compound;
pub mod custom;
pub mod distribution;
pub mod region;

use super::codes::*;
use super::structs::{Borrower, segloss_form, segloss_term};
use crate::region::{Squares, Volume};
use crate::{Error, Status};

/// A form without parameters of its own.
fn no_defaults(_: &mut segloss_term) {}

fn squares(term: &segloss_term) -> Result<Squares, Error> {
    match term.variant as i32 {
        SEGLOSS_LINEAR => Ok(Squares::Linear),
        SEGLOSS_SQUARED => Ok(Squares::Squared),
        _ => Err(unknown(c"variant")),
    }
}

fn volume(term: &segloss_term) -> Result<Volume, Error> {
    match term.variant as i32 {
        SEGLOSS_INVERSE_SQUARE => Ok(Volume::InverseSquare),
        SEGLOSS_INVERSE => Ok(Volume::Inverse),
        SEGLOSS_UNIFORM => Ok(Volume::Uniform),
        _ => Err(unknown(c"variant")),
    }
}

/// A constant that the form does not know.
pub(super) fn unknown(argument: &'static core::ffi::CStr) -> Error {
    Error::new(Status::Parameter, argument, c"one of the header's constants")
}
