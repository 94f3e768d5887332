//! Presets: compound losses by name. One function each, for the linker.

use super::call::report;
use super::codes::{SEGLOSS_EXCLUDE_BACKGROUND, SEGLOSS_MINUS_ONE};
use super::losses::boundary::{segloss_boundary, segloss_hausdorff};
use super::losses::compound::{segloss_balanced_cross_entropy, segloss_log_dice, segloss_power_cross_entropy};
use super::losses::distribution::{segloss_cross_entropy, segloss_focal, segloss_top_k};
use super::losses::region::{segloss_dice, segloss_generalized_dice};
use super::read::write;
use super::structs::segloss_loss;
use super::structs::{NO_TERM, segloss_status, segloss_term};
use crate::presets::{Combo, ExponentialLogarithmic, GeneralizedDiceBoundary};
use crate::{Error, Status};

/// Dice without background + cross entropy: nnU-Net's. Fills terms[0..*n_terms), room for
/// SEGLOSS_MAX_TERMS; size is sizeof(segloss_term). So do all presets.
///
/// # Safety
/// terms is writable for SEGLOSS_MAX_TERMS times size bytes, n_terms is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_cross_entropy(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe { fill([no_background(segloss_dice()), term(segloss_cross_entropy())], terms, size, n_terms) }
}

/// Combo (15): a half of balanced cross entropy, a half of minus Dice with smoothing 1.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
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
    // SAFETY: promised by the caller.
    unsafe { fill([cross_entropy, dice], terms, size, n_terms) }
}

/// Exponential logarithmic (16): 0.8 of logarithmic Dice, 0.2 of power cross entropy.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_exponential_logarithmic(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let ExponentialLogarithmic { dice_weight, cross_entropy_weight, .. } = ExponentialLogarithmic::default();
    let dice = segloss_term { weight: dice_weight, ..term(segloss_log_dice()) };
    let cross_entropy = segloss_term { weight: cross_entropy_weight, ..term(segloss_power_cross_entropy()) };
    // SAFETY: promised by the caller.
    unsafe { fill([dice, cross_entropy], terms, size, n_terms) }
}

/// Dice without background + TopK of the hardest tenth: nnU-Net's.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_top_k(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe { fill([no_background(segloss_dice()), term(segloss_top_k())], terms, size, n_terms) }
}

/// Dice + focal: AnatomyNet's.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_focal(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe { fill([term(segloss_dice()), term(segloss_focal())], terms, size, n_terms) }
}

/// Generalized Dice + 0.01 boundary: Kervadec's, at the start of a schedule that the caller raises.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_generalized_dice_boundary(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    let weight = GeneralizedDiceBoundary::default().boundary_weight;
    let boundary = segloss_term { weight, ..term(segloss_boundary()) };
    // SAFETY: promised by the caller.
    unsafe { fill([term(segloss_generalized_dice()), boundary], terms, size, n_terms) }
}

/// Dice without background + Hausdorff.
///
/// # Safety
/// As segloss_preset_dice_cross_entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_preset_dice_hausdorff(
    terms: *mut segloss_term,
    size: usize,
    n_terms: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe { fill([no_background(segloss_dice()), term(segloss_hausdorff())], terms, size, n_terms) }
}

/// A term with its form's defaults.
fn term(form: *const segloss_loss) -> segloss_term {
    let mut term = segloss_term { weight: 1.0, loss: form, ..NO_TERM };
    // SAFETY: forms of getters are static.
    if let Some(form) = unsafe { form.as_ref() } {
        (form.defaults)(&mut term);
    }
    term
}

fn no_background(form: *const segloss_loss) -> segloss_term {
    segloss_term { flags: SEGLOSS_EXCLUDE_BACKGROUND as u32, ..term(form) }
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
    let go = || {
        if n_terms.is_null() {
            return Err(Error::new(Status::NullPointer, c"n_terms", c"a pointer"));
        }
        for (k, term) in preset.iter().enumerate() {
            let term = segloss_term { struct_size: size as u32, ..*term };
            // SAFETY: promised by the caller.
            unsafe { write(&term, if terms.is_null() { terms } else { terms.byte_add(k * size) }, size)? };
        }
        // SAFETY: promised by the caller.
        unsafe { n_terms.write_unaligned(preset.len()) };
        Ok(())
    };
    // SAFETY: there is no fault to write.
    unsafe { report(go(), core::ptr::null_mut()) }
}
