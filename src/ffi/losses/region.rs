//! Region losses. All of them: smooth_numerator, smooth_denominator, class_average,
//! sample_average, absent.

use super::super::structs::segloss_term;
use super::{LossVisitor, segloss_loss, squares, uses, volume};
use crate::{
    AsymmetricSimilarity, Dice, Error, FocalTversky, GeneralizedDice, Iou, Penalty, SensitivitySpecificity,
    Tversky,
};

/// Sensitivity-specificity (7). Parameters: alpha (r), smooth_denominator.
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

/// Dice (8). Parameters: variant (SEGLOSS_DICE_LINEAR, SEGLOSS_DICE_SQUARED), and those of all region forms:
/// smooth_numerator, smooth_denominator, class_average, sample_average, absent.
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

/// IoU (9). Parameters: variant (SEGLOSS_DICE_LINEAR, SEGLOSS_DICE_SQUARED), those of region forms.
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

/// Tversky (10). Parameters: alpha (false positives), beta (false negatives), those of region forms.
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

/// Generalized Dice (11). Parameters: variant (SEGLOSS_GDICE_INVERSE_SQUARE, SEGLOSS_GDICE_INVERSE,
/// SEGLOSS_GDICE_UNIFORM), those of region forms but class_average: the classes meet in the formula.
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

/// Focal Tversky (12). Parameters: alpha, beta, gamma, those of region forms.
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

/// Asymmetric similarity (13). Parameters: beta, those of region forms.
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

/// Penalty, or pGD (14). Parameters: k, those of generalized Dice.
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
