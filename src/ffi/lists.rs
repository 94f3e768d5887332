//! The losses and presets, for programs that run over all of them. Generated from src/table:
//! `SEGLOSS_UPDATE=1 cargo test --test generated`.

use crate::ffi::losses::generated::*;
use crate::ffi::preset_functions::*;
use crate::ffi::structs::{segloss_loss, segloss_status, segloss_term};

/// The getter of every loss but that of the caller's.
pub const LOSSES: [extern "C" fn() -> *const segloss_loss; 17] = [
    segloss_cross_entropy,
    segloss_top_k,
    segloss_focal,
    segloss_distance_penalized,
    segloss_sensitivity_specificity,
    segloss_dice,
    segloss_iou,
    segloss_tversky,
    segloss_generalized_dice,
    segloss_focal_tversky,
    segloss_asymmetric_similarity,
    segloss_penalty,
    segloss_boundary,
    segloss_hausdorff,
    segloss_balanced_cross_entropy,
    segloss_power_cross_entropy,
    segloss_log_dice,
];

/// Every preset.
pub const PRESETS: [unsafe extern "C" fn(*mut segloss_term, usize, *mut usize) -> segloss_status; 7] = [
    segloss_preset_dice_cross_entropy,
    segloss_preset_combo,
    segloss_preset_exponential_logarithmic,
    segloss_preset_dice_top_k,
    segloss_preset_dice_focal,
    segloss_preset_generalized_dice_boundary,
    segloss_preset_dice_hausdorff,
];
