//! Boundary losses.

use super::super::codes::*;
use super::super::structs::segloss_term;
use super::{LossVisitor, no_defaults, segloss_loss, unknown, uses};
use crate::boundary::Sides;
use crate::{Boundary, Error, Hausdorff};
use core::ffi::CStr;

/// Boundary loss. Parameters: variant (0, SEGLOSS_BOUNDARY_RIM_ZERO), field. Class 0 of two or more is left out where no class
/// weights are given.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_boundary() -> *const segloss_loss {
    &const { segloss_loss { defaults: no_defaults, uses: uses::VARIANT | uses::FIELD, with_loss: boundary } }
}

fn boundary(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    match term.variant as i32 {
        0 => visit(&Boundary { rim_zero: false }),
        SEGLOSS_BOUNDARY_RIM_ZERO => visit(&Boundary { rim_zero: true }),
        other => Err(unknown(c"variant", c"0 or SEGLOSS_BOUNDARY_RIM_ZERO").with_given(other.into())),
    }
}

/// Hausdorff by distance transform. Parameters: alpha, field (the target's half, or all of it by
/// SEGLOSS_FIELD_COMPLETE), variant: SEGLOSS_HAUSDORFF_TARGET_ONLY, SEGLOSS_HAUSDORFF_PREDICTION_ONLY, SEGLOSS_HAUSDORFF_ARGMAX,
/// SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG, or-ed. Class 0 of two or more is left out where no class weights are given.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_hausdorff() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_hausdorff,
            uses: uses::VARIANT | uses::ALPHA | uses::FIELD | uses::FIELD_COMPLETE,
            with_loss: hausdorff,
        }
    }
}

fn default_hausdorff(term: &mut segloss_term) {
    term.alpha = Hausdorff::default().alpha;
}

fn hausdorff(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    const ALL: i32 = SEGLOSS_HAUSDORFF_TARGET_ONLY
        | SEGLOSS_HAUSDORFF_PREDICTION_ONLY
        | SEGLOSS_HAUSDORFF_ARGMAX
        | SEGLOSS_HAUSDORFF_INTERIOR
        | SEGLOSS_HAUSDORFF_LOG;
    const EXPECTED: &CStr =
        c"SEGLOSS_HAUSDORFF_ARGMAX, _INTERIOR, _LOG and one of _TARGET_ONLY and _PREDICTION_ONLY, or-ed";
    let variant =
        flags_of(term.variant, ALL).ok_or(unknown(c"variant", EXPECTED).with_given(term.variant.into()))?;
    let has = |flag: i32| variant & flag as u32 & 0xffff != 0;
    let sides = match (has(SEGLOSS_HAUSDORFF_TARGET_ONLY), has(SEGLOSS_HAUSDORFF_PREDICTION_ONLY)) {
        (false, false) => Sides::Both,
        (true, false) => Sides::Target,
        (false, true) => Sides::Prediction,
        (true, true) => return Err(unknown(c"variant", EXPECTED)),
    };
    visit(&Hausdorff {
        alpha: term.alpha,
        sides,
        argmax: has(SEGLOSS_HAUSDORFF_ARGMAX),
        interior: has(SEGLOSS_HAUSDORFF_INTERIOR),
        logarithmic: has(SEGLOSS_HAUSDORFF_LOG),
    })
}
