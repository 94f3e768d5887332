//! The forms: one getter each, so that the linker drops what a program does not name.

use super::codes::*;
use super::structs::segloss_term;
use crate::region::Squares;
use crate::{Boundary, CrossEntropy, Dice, Error, Form, Normalizer, Status, Tversky};

/// What a form does with a loss once it stands on the form's own stack frame.
pub(super) type Borrower<'a> = &'a mut dyn FnMut(&dyn Form) -> Result<(), Error>;

/// A loss by name: static, immutable, never freed.
pub struct segloss_form {
    /// Fills the parameters the form names; the rest is zero.
    pub(super) defaults: fn(&mut segloss_term),
    /// Builds the typed loss and lends it.
    pub(super) lend: fn(&segloss_term, Borrower<'_>) -> Result<(), Error>,
}

/// Cross entropy (2), (3). Parameters: label_smoothing, normalizer.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_cross_entropy() -> *const segloss_form {
    &const { segloss_form { defaults: |_| (), lend: lend_cross_entropy } }
}

fn lend_cross_entropy(term: &segloss_term, borrower: Borrower<'_>) -> Result<(), Error> {
    let normalizer = match term.normalizer as i32 {
        SEGLOSS_BY_VOXELS => Normalizer::Voxels,
        SEGLOSS_BY_CLASS_WEIGHT => Normalizer::ClassWeight,
        _ => return Err(unknown(c"normalizer")),
    };
    borrower(&CrossEntropy { label_smoothing: term.label_smoothing, normalizer })
}

/// Dice (8). Parameters: variant (SEGLOSS_LINEAR, SEGLOSS_SQUARED), and those of all region forms:
/// smooth_numerator, smooth_denominator, class_average, sample_average, absent.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_dice() -> *const segloss_form {
    &const { segloss_form { defaults: default_dice, lend: lend_dice } }
}

fn default_dice(term: &mut segloss_term) {
    let Dice { smooth_numerator, smooth_denominator, .. } = Dice::default();
    *term = segloss_term { smooth_numerator, smooth_denominator, ..*term };
}

fn lend_dice(term: &segloss_term, borrower: Borrower<'_>) -> Result<(), Error> {
    let &segloss_term { smooth_numerator, smooth_denominator, .. } = term;
    borrower(&Dice { squares: squares(term)?, smooth_numerator, smooth_denominator })
}

/// Tversky (10). Parameters: alpha (false positives), beta (false negatives), those of region forms.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_tversky() -> *const segloss_form {
    &const { segloss_form { defaults: default_tversky, lend: lend_tversky } }
}

fn default_tversky(term: &mut segloss_term) {
    let Tversky { alpha, beta, smooth_numerator, smooth_denominator } = Tversky::default();
    *term = segloss_term { alpha, beta, smooth_numerator, smooth_denominator, ..*term };
}

fn lend_tversky(term: &segloss_term, borrower: Borrower<'_>) -> Result<(), Error> {
    let &segloss_term { alpha, beta, smooth_numerator, smooth_denominator, .. } = term;
    borrower(&Tversky { alpha, beta, smooth_numerator, smooth_denominator })
}

/// Boundary loss. Parameters: variant (0, SEGLOSS_RIM_ZERO), field.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_boundary() -> *const segloss_form {
    &const { segloss_form { defaults: |_| (), lend: lend_boundary } }
}

fn lend_boundary(term: &segloss_term, borrower: Borrower<'_>) -> Result<(), Error> {
    match term.variant as i32 {
        0 => borrower(&Boundary { rim_zero: false }),
        SEGLOSS_RIM_ZERO => borrower(&Boundary { rim_zero: true }),
        _ => Err(unknown(c"variant")),
    }
}

fn squares(term: &segloss_term) -> Result<Squares, Error> {
    match term.variant as i32 {
        SEGLOSS_LINEAR => Ok(Squares::Linear),
        SEGLOSS_SQUARED => Ok(Squares::Squared),
        _ => Err(unknown(c"variant")),
    }
}

/// A constant that the form does not know.
pub(super) fn unknown(argument: &'static core::ffi::CStr) -> Error {
    Error::new(Status::Parameter, argument, c"one of the header's constants")
}
