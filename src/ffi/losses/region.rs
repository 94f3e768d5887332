//! The getters of the region losses.

use crate::error::Error;
use crate::ffi::losses::{LossVisitor, segloss_loss, squares, uses, volume};
use crate::ffi::structs::segloss_term;
use crate::region::asymmetric_similarity::AsymmetricSimilarity;
use crate::region::dice::Dice;
use crate::region::focal_tversky::FocalTversky;
use crate::region::generalized_dice::GeneralizedDice;
use crate::region::iou::Iou;
use crate::region::penalty::Penalty;
use crate::region::sensitivity_specificity::SensitivitySpecificity;
use crate::region::tversky::Tversky;

/// Sensitivity-specificity loss (7), in [0, 1].
///
///   L = r E1 / (G + eps_d) + (1 - r) E0 / (sum w (1 - g) + eps_d)
///   E1 = sum w g (s - g)^2,   E0 = sum w (1 - g) (s - g)^2
///
/// A part whose denominator is below 1e-30 is 0.
///
/// Parameters:
///   alpha               r, weight of sensitivity, in [0, 1]; default 0.05
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_sensitivity_specificity() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_sensitivity_specificity,
            uses: uses::ALPHA | uses::SMOOTH_DENOMINATOR | uses::AVERAGES,
            with_loss: sensitivity_specificity,
        }
    }
}

fn default_sensitivity_specificity(term: &mut segloss_term) {
    let SensitivitySpecificity { sensitivity, smooth_denominator } = SensitivitySpecificity::default();
    *term = segloss_term { alpha: sensitivity, smooth_denominator, ..*term };
}

fn sensitivity_specificity(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let &segloss_term { alpha: sensitivity, smooth_denominator, .. } = term;
    visit(&SensitivitySpecificity { sensitivity, smooth_denominator })
}

/// Dice loss (8), in [0, 1] if eps_n <= eps_d.
///
///   L = 1 - (2 I + eps_n) / (D + eps_d)
///   D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
///
/// Parameters:
///   variant             SEGLOSS_DICE_LINEAR (default), SEGLOSS_DICE_SQUARED
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_dice() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_dice, uses: uses::VARIANT | uses::RATIO, with_loss: dice } }
}

fn default_dice(term: &mut segloss_term) {
    let Dice { smooth_numerator, smooth_denominator, .. } = Dice::default();
    *term = segloss_term { smooth_numerator, smooth_denominator, ..*term };
}

fn dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let &segloss_term { smooth_numerator, smooth_denominator, .. } = term;
    visit(&Dice { squares: squares(term)?, smooth_numerator, smooth_denominator })
}

/// IoU (Jaccard) loss (9), in [0, 1] if eps_n <= eps_d.
///
///   L = 1 - (I + eps_n) / (D - I + eps_d)
///   D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
///
/// Parameters:
///   variant             SEGLOSS_DICE_LINEAR (default), SEGLOSS_DICE_SQUARED
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_iou() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_iou, uses: uses::VARIANT | uses::RATIO, with_loss: iou } }
}

fn default_iou(term: &mut segloss_term) {
    let Iou { smooth_numerator, smooth_denominator, .. } = Iou::default();
    *term = segloss_term { smooth_numerator, smooth_denominator, ..*term };
}

fn iou(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let &segloss_term { smooth_numerator, smooth_denominator, .. } = term;
    visit(&Iou { squares: squares(term)?, smooth_numerator, smooth_denominator })
}

/// Tversky loss (10), in [0, 1] if eps_n <= eps_d.
///
///   L = 1 - (I + eps_n) / (I + alpha FP + beta FN + eps_d),   FP = S - I,   FN = G - I
///
/// Parameters:
///   alpha               weight of false positives, finite and >= 0; default 0.3
///   beta                weight of false negatives, finite and >= 0; default 0.7
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_tversky() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_tversky,
            uses: uses::ALPHA | uses::BETA | uses::RATIO,
            with_loss: tversky,
        }
    }
}

fn default_tversky(term: &mut segloss_term) {
    let Tversky { alpha, beta, smooth_numerator, smooth_denominator } = Tversky::default();
    *term = segloss_term { alpha, beta, smooth_numerator, smooth_denominator, ..*term };
}

fn as_tversky(term: &segloss_term) -> Tversky {
    let &segloss_term { alpha, beta, smooth_numerator, smooth_denominator, .. } = term;
    Tversky { alpha, beta, smooth_numerator, smooth_denominator }
}

fn tversky(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&as_tversky(term))
}

/// Generalized Dice loss (11): one Dice over all classes, weighted by their size; in [0, 1] if eps_n <= eps_d.
///
///   L = 1 - (2 sum_c u_c I_c + eps_n) / (sum_c u_c (S_c + G_c) + eps_d)
///   u_c = v_c (G_min / G_c)^p, divided by the largest u_c
///
/// p is 2 for SEGLOSS_GDICE_INVERSE_SQUARE, 1 for SEGLOSS_GDICE_INVERSE and 0 for SEGLOSS_GDICE_UNIFORM. G_min is
/// the smallest positive G of the counted classes. A counted class with G = 0 takes 1 in place of the power.
/// Because the formula combines the classes, class_average does not apply.
///
/// Parameters:
///   variant             SEGLOSS_GDICE_INVERSE_SQUARE (default), SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_generalized_dice() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_generalized_dice,
            uses: uses::VARIANT | uses::JOINT_RATIO,
            with_loss: generalized_dice,
        }
    }
}

fn default_generalized_dice(term: &mut segloss_term) {
    let GeneralizedDice { smooth_numerator, smooth_denominator, .. } = GeneralizedDice::default();
    *term = segloss_term { smooth_numerator, smooth_denominator, ..*term };
}

fn as_generalized_dice(term: &segloss_term) -> Result<GeneralizedDice, Error> {
    let &segloss_term { smooth_numerator, smooth_denominator, .. } = term;
    Ok(GeneralizedDice { volume: volume(term)?, smooth_numerator, smooth_denominator })
}

fn generalized_dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&as_generalized_dice(term)?)
}

/// Focal Tversky loss (12), in [0, 1] if eps_n <= eps_d.
///
///   L = T^(1/gamma),   T = Tversky loss (10)
///
/// If gamma > 1, T^(1/gamma) is linear below T = 1e-6, so that the gradient stays finite. gamma = 1 is Tversky, bit
/// for bit.
///
/// Parameters:
///   alpha               weight of false positives, finite and >= 0; default 0.3
///   beta                weight of false negatives, finite and >= 0; default 0.7
///   gamma               finite and > 0; default 4/3
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_focal_tversky() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_focal_tversky,
            uses: uses::ALPHA | uses::BETA | uses::GAMMA | uses::RATIO,
            with_loss: focal_tversky,
        }
    }
}

fn default_focal_tversky(term: &mut segloss_term) {
    default_tversky(term);
    term.gamma = FocalTversky::default().gamma;
}

fn focal_tversky(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&FocalTversky { tversky: as_tversky(term), gamma: term.gamma })
}

/// Asymmetric similarity loss (13), in [0, 1] if eps_n <= eps_d.
///
///   L = Tversky loss with alpha = 1/(1 + beta^2) and beta^2/(1 + beta^2) for beta: 1 minus the F_beta score
///
/// Parameters:
///   beta                finite and >= 0, above 1 favours recall; default 1.5
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_asymmetric_similarity() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_asymmetric_similarity,
            uses: uses::BETA | uses::RATIO,
            with_loss: asymmetric_similarity,
        }
    }
}

fn default_asymmetric_similarity(term: &mut segloss_term) {
    let AsymmetricSimilarity { beta, smooth_numerator, smooth_denominator } = AsymmetricSimilarity::default();
    *term = segloss_term { beta, smooth_numerator, smooth_denominator, ..*term };
}

fn asymmetric_similarity(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let &segloss_term { beta, smooth_numerator, smooth_denominator, .. } = term;
    visit(&AsymmetricSimilarity { beta, smooth_numerator, smooth_denominator })
}

/// Penalty loss (14), also called pGD, in [0, 1] if eps_n <= eps_d.
///
///   L = GD / (1 + k (1 - GD)),   GD = generalized Dice loss (11)
///
/// k = 0 is generalized Dice, bit for bit.
///
/// Parameters:
///   k                   penalty strength, finite and >= 0; default 2.5
///   variant             SEGLOSS_GDICE_INVERSE_SQUARE (default), SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_penalty() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_penalty,
            uses: uses::VARIANT | uses::K | uses::JOINT_RATIO,
            with_loss: penalty,
        }
    }
}

fn default_penalty(term: &mut segloss_term) {
    default_generalized_dice(term);
    term.k = Penalty::default().k;
}

fn penalty(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Penalty { generalized_dice: as_generalized_dice(term)?, k: term.k })
}
