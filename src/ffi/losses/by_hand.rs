//! The losses whose fields of a term are not members of the Rust type one by one: `by_hand` in `src/table`.

use crate::boundary::boundary_loss::Boundary;
use crate::boundary::hausdorff::{Hausdorff, Sides};
use crate::distribution::top_k::TopK;
use crate::error::Error;
use crate::ffi::codes::*;
use crate::ffi::losses::unknown;
use crate::ffi::structs::{LossVisitor, segloss_term};
use crate::loss::selection::Selection;
use core::ffi::CStr;

/// `k` and `variant` are one member, [`Selection`].
pub(super) fn top_k(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let selection = match term.variant as i32 {
        SEGLOSS_TOPK_FRACTION => Selection::Fraction(term.k),
        SEGLOSS_TOPK_THRESHOLD => Selection::Threshold(term.k),
        other => {
            return Err(unknown(c"variant", c"SEGLOSS_TOPK_FRACTION or SEGLOSS_TOPK_THRESHOLD")
                .with_given(other.into()));
        }
    };
    visit(&TopK { selection })
}

pub(super) fn default_top_k(term: &mut segloss_term) {
    let (Selection::Fraction(k) | Selection::Threshold(k)) = TopK::default().selection;
    term.k = k;
}

/// `variant` is a flag.
pub(super) fn boundary(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    match term.variant as i32 {
        0 => visit(&Boundary { rim_zero: false }),
        SEGLOSS_BOUNDARY_RIM_ZERO => visit(&Boundary { rim_zero: true }),
        other => Err(unknown(c"variant", c"0 or SEGLOSS_BOUNDARY_RIM_ZERO").with_given(other.into())),
    }
}

/// `variant` is a set of flags and a choice of sides.
pub(super) fn hausdorff(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
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

pub(super) fn default_hausdorff(term: &mut segloss_term) {
    term.alpha = Hausdorff::default().alpha;
}
