//! The getters of the boundary losses.

use crate::boundary::boundary_loss::Boundary;
use crate::boundary::hausdorff::Hausdorff;
use crate::boundary::hausdorff::Sides;
use crate::error::Error;
use crate::ffi::codes::*;
use crate::ffi::losses::{LossVisitor, no_defaults, segloss_loss, unknown, uses};
use crate::ffi::structs::segloss_term;
use core::ffi::CStr;

/// Boundary loss: the mean of predicted probability times signed distance; in the unit of spacing, negative where
/// the prediction lies inside the target.
///
///   L = (sum_b sum_c v_c sum_i w phi_c s_c) / (sum_b sum_c v_c W_b)
///
/// phi_c is the signed distance to the boundary of class c of the target: outside + the distance to the nearest
/// voxel of the class, inside - the distance to the nearest voxel outside. SEGLOSS_BOUNDARY_RIM_ZERO: inside -(d -
/// smallest spacing). A class with no voxel, or with every voxel, has phi = 0. Default class weights: 0 for class 0
/// if C >= 2, else 1.
///
/// Parameters:
///   variant  0 (default), SEGLOSS_BOUNDARY_RIM_ZERO
///   field    phi, [B,C,...] or [B,...]; default absent: computed from labels, 0/1 masks or maps of 0 and 1
///
/// @return the loss, for segloss_term_init; static, never NULL.
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

/// Hausdorff loss by distance transform, >= 0; in the unit of spacing to the power of alpha.
///
///   L = (sum_b sum_c v_c sum_i w (s - g)^2 D_c) / (sum_b sum_c v_c W_b),   D = d_G^alpha + d_S^alpha
///
/// d_G and d_S are the distances from a voxel to the nearest voxel on the other side of the mask of the target and
/// of the prediction. The mask of the prediction is s > 0.5; a voxel that is not counted is outside. A mask without
/// a boundary has d = 0. D is constant for the gradient. Default class weights: 0 for class 0 if C >= 2, else 1.
///
/// Parameters:
///   alpha    exponent of the distances, finite and > 0; default 2
///   variant  0 (default), or SEGLOSS_HAUSDORFF_ARGMAX (C >= 2), SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG and
///            one of SEGLOSS_HAUSDORFF_TARGET_ONLY and SEGLOSS_HAUSDORFF_PREDICTION_ONLY, or-ed
///   flags    SEGLOSS_FIELD_COMPLETE: field is D instead of d_G^alpha
///   field    d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: computed
///            from labels, 0/1 masks or maps of 0 and 1
///
/// @return the loss, for segloss_term_init; static, never NULL.
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
