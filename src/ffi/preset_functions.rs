//! Compound losses by name: one function each, so that the linker drops the losses a program does not use.

use crate::compound::presets::{Combo, ExponentialLogarithmic, GeneralizedDiceBoundary};
use crate::error::{Error, Status};
use crate::ffi::call::report;
use crate::ffi::codes::{SEGLOSS_EXCLUDE_BACKGROUND, SEGLOSS_MINUS_ONE};
use crate::ffi::losses::generated::{
    segloss_balanced_cross_entropy, segloss_boundary, segloss_cross_entropy, segloss_dice, segloss_focal,
    segloss_generalized_dice, segloss_hausdorff, segloss_log_dice, segloss_power_cross_entropy,
    segloss_top_k,
};
use crate::ffi::read::write;
use crate::ffi::structs::segloss_loss;
use crate::ffi::structs::{NO_TERM, segloss_status, segloss_term};

/// Fills terms with Dice without background + cross entropy, weights 1 and 1: the loss of nnU-Net plus 1. Its Dice term
/// is -D; SEGLOSS_MINUS_ONE in the flags of the first term gives its value. The gradient is the same.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_cross_entropy(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([no_background(segloss_dice()), term(segloss_cross_entropy())], terms, size, n_terms) }
}

/// Fills terms with combo loss (15): 0.5 balanced cross entropy + 0.5 (Dice loss - 1), Dice with smoothing 1.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_combo(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let Combo { alpha, dice, .. } = Combo::default();
    let dice = segloss_term {
        weight: 1.0 - alpha,
        flags: SEGLOSS_MINUS_ONE as u32,
        smooth_numerator: dice.smooth_numerator,
        smooth_denominator: dice.smooth_denominator,
        ..term(segloss_dice())
    };
    let cross_entropy = segloss_term { weight: alpha, ..term(segloss_balanced_cross_entropy()) };
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([cross_entropy, dice], terms, size, n_terms) }
}

/// Fills terms with exponential logarithmic loss (16): 0.8 logarithmic Dice + 0.2 power cross entropy.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_exponential_logarithmic(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let ExponentialLogarithmic { dice_weight, cross_entropy_weight, .. } = ExponentialLogarithmic::default();
    let dice = segloss_term { weight: dice_weight, ..term(segloss_log_dice()) };
    let cross_entropy = segloss_term { weight: cross_entropy_weight, ..term(segloss_power_cross_entropy()) };
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([dice, cross_entropy], terms, size, n_terms) }
}

/// Fills terms with Dice without background + TopK with k = 0.1, weights 1 and 1: a loss of nnU-Net plus 1, as
/// segloss_preset_dice_cross_entropy.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_top_k(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([no_background(segloss_dice()), term(segloss_top_k())], terms, size, n_terms) }
}

/// Fills terms with Dice + focal loss, the loss of AnatomyNet: weights 1 and 1.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_focal(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([term(segloss_dice()), term(segloss_focal())], terms, size, n_terms) }
}

/// Fills terms with generalized Dice + 0.01 boundary (Kervadec et al.). The caller raises the weight of the
/// boundary term during training.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_generalized_dice_boundary(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let weight = GeneralizedDiceBoundary::default().boundary_weight;
    let boundary = segloss_term { weight, ..term(segloss_boundary()) };
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([term(segloss_generalized_dice()), boundary], terms, size, n_terms) }
}

/// Fills terms with Dice without background + Hausdorff by distance transform: weights 1 and 1.
///
/// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
/// @param size     sizeof(segloss_term).
/// @param n_terms  receives the number of terms.
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_hausdorff(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises room for the terms and n_terms.
    unsafe { fill([no_background(segloss_dice()), term(segloss_hausdorff())], terms, size, n_terms) }
}

/// A term with the defaults of its loss.
fn term(loss: *const segloss_loss) -> segloss_term {
    let mut term = segloss_term { weight: 1.0, loss, ..NO_TERM };
    // SAFETY: `loss` is the result of a getter, which is static.
    if let Some(loss) = unsafe { loss.as_ref() } {
        (loss.defaults)(&mut term);
    }
    term
}

/// [`term`] without class 0.
fn no_background(loss: *const segloss_loss) -> segloss_term {
    segloss_term { flags: SEGLOSS_EXCLUDE_BACKGROUND as u32, ..term(loss) }
}

/// Writes the terms of a preset.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
unsafe fn fill(
    preset: [segloss_term; 2],
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let result = || {
        if n_terms.is_null() {
            return Err(Error::new(Status::NullPointer, c"n_terms", c"a pointer"));
        }
        for (k, term) in preset.iter().enumerate() {
            let term = segloss_term { struct_size: size as u32, ..*term };
            // SAFETY: the caller promises room for SEGLOSS_MAX_TERMS terms.
            unsafe { write(&term, if terms.is_null() { terms } else { terms.byte_add(k * size) }, size)? };
        }
        // SAFETY: the caller promises that n_terms is writable; it need not be aligned.
        unsafe { n_terms.write_unaligned(preset.len()) };
        Ok(())
    };
    // SAFETY: the error pointer is NULL.
    unsafe { report(result(), core::ptr::null_mut()) }
}
