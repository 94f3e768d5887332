//! The getters of the losses. Generated from src/table: `SEGLOSS_UPDATE=1 cargo test --test generated`.

use crate::compound::balanced_cross_entropy::BalancedCrossEntropy;
use crate::compound::log_dice::LogDice;
use crate::compound::power_cross_entropy::PowerCrossEntropy;
use crate::distribution::cross_entropy::CrossEntropy;
use crate::distribution::distance_penalized::DistancePenalized;
use crate::distribution::focal::Focal;
use crate::error::Error;
use crate::ffi::codes::*;
use crate::ffi::losses::{by_hand, no_defaults, unknown, uses};
use crate::ffi::structs::{LossVisitor, segloss_loss, segloss_term};
use crate::loss::voxel::Normalizer;
use crate::region::asymmetric_similarity::AsymmetricSimilarity;
use crate::region::dice::{Dice, Squares};
use crate::region::focal_tversky::FocalTversky;
use crate::region::generalized_dice::{GeneralizedDice, Volume};
use crate::region::iou::Iou;
use crate::region::penalty::Penalty;
use crate::region::sensitivity_specificity::SensitivitySpecificity;
use crate::region::tversky::Tversky;

/// Cross entropy (2) and, with class weights, weighted cross entropy (3); in nats, >= 0.
///
///   softmax   L = -1/n sum_i w sum_c v_c g' log s
///   sigmoid   L = -1/W sum_i w sum_c v_c (g' log s + (1 - g') log(1 - s)) / sum_c v_c
///   g' = (1 - lambda) g + lambda/C (softmax), (1 - lambda) g + lambda/2 (sigmoid)
///   n  = W, or sum_i w sum_c v_c g with SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT
///
/// Parameters:
///   label_smoothing  lambda, in [0, 1]; default 0
///   normalizer       SEGLOSS_NORMALIZE_BY_VOXELS (default), SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_cross_entropy() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: no_defaults,
            uses: uses::LABEL_SMOOTHING | uses::NORMALIZER,
            with_loss: cross_entropy,
        }
    }
}

fn cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&CrossEntropy { label_smoothing: term.label_smoothing, normalizer: normalizer(term)? })
}

/// TopK cross entropy (4): cross entropy of the voxels K with the highest loss; in nats, >= 0.
///
///   L = -(sum_K w sum_c v_c g log s) / (sum_K w); 0 if K is empty
///   sigmoid: as segloss_cross_entropy
///
/// SEGLOSS_TOPK_FRACTION: K holds the floor(k * counted voxels) voxels of the batch, at least one, with the highest
/// loss, class weights included. Voxels that tie at the threshold share the remaining places equally.
/// SEGLOSS_TOPK_THRESHOLD: K holds the voxels whose loss without class weights is above -log k; for softmax and
/// labels, where the target class has s < k. K is constant for the gradient.
///
/// Parameters:
///   k             fraction of the counted voxels or probability threshold, in (0, 1]; default 0.1
///   variant       SEGLOSS_TOPK_FRACTION (default), SEGLOSS_TOPK_THRESHOLD
///   top_k_search  by fraction in parts: a search that is done; default NULL
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_top_k() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: by_hand::default_top_k,
            uses: uses::K | uses::VARIANT | uses::TOP_K_SEARCH,
            with_loss: by_hand::top_k,
        }
    }
}

/// Focal loss (5): cross entropy down-weighted for well-classified voxels; in nats, >= 0.
///
///   softmax   L = -1/W sum_i w sum_c v_c (1 - s)^gamma g log s
///   sigmoid   the class mean over v of -(1 - s)^gamma g log s - s^gamma (1 - g) log(1 - s)
///
/// gamma = 0 is weighted cross entropy. class_weight weighs classes; the alpha of a sigmoid focal loss, which
/// weighs positive against negative outcomes, is not offered.
///
/// Parameters:
///   gamma  finite and >= 0; default 2
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_focal() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_focal, uses: uses::GAMMA, with_loss: focal } }
}

fn default_focal(term: &mut segloss_term) {
    term.gamma = Focal::default().gamma;
}

fn focal(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Focal { gamma: term.gamma })
}

/// Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target; in nats,
/// >= 0.
///
///   L = -1/W sum_i w (1 + D) sum_c v_c g log s,   D = 1 - (d - d_min)/d_max
///   sigmoid: as segloss_cross_entropy
///
/// d is the distance to the nearest voxel with another label, in the unit of spacing; d_min and d_max are taken
/// over the voxels of the same label in the sample. A sample with a single label has D = 0.
///
/// Parameters:
///   field  D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps in which
///          exactly one class is 1 in each voxel
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_distance_penalized() -> *const segloss_loss {
    &const { segloss_loss { defaults: no_defaults, uses: uses::FIELD, with_loss: distance_penalized } }
}

fn distance_penalized(_: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&DistancePenalized)
}

/// Sensitivity-specificity loss (7); in [0, 1].
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
    let loss = SensitivitySpecificity::default();
    term.alpha = loss.sensitivity;
    term.smooth_denominator = loss.smooth_denominator;
}

fn sensitivity_specificity(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&SensitivitySpecificity { sensitivity: term.alpha, smooth_denominator: term.smooth_denominator })
}

/// Dice loss (8); in [0, 1] if eps_n <= eps_d.
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
    let loss = Dice::default();
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Dice {
        squares: squares(term)?,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
}

/// IoU (Jaccard) loss (9); in [0, 1] if eps_n <= eps_d.
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
    let loss = Iou::default();
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn iou(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Iou {
        squares: squares(term)?,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
}

/// Tversky loss (10); in [0, 1] if eps_n <= eps_d.
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
    let loss = Tversky::default();
    term.alpha = loss.alpha;
    term.beta = loss.beta;
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn tversky(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Tversky {
        alpha: term.alpha,
        beta: term.beta,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
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
    let loss = GeneralizedDice::default();
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn generalized_dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&GeneralizedDice {
        volume: volume(term)?,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
}

/// Focal Tversky loss (12): Tversky to the power of 1/gamma; in [0, 1] if eps_n <= eps_d.
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
    let loss = FocalTversky::default();
    term.alpha = loss.tversky.alpha;
    term.beta = loss.tversky.beta;
    term.gamma = loss.gamma;
    term.smooth_numerator = loss.tversky.smooth_numerator;
    term.smooth_denominator = loss.tversky.smooth_denominator;
}

fn focal_tversky(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&FocalTversky {
        tversky: Tversky {
            alpha: term.alpha,
            beta: term.beta,
            smooth_numerator: term.smooth_numerator,
            smooth_denominator: term.smooth_denominator,
        },
        gamma: term.gamma,
    })
}

/// Asymmetric similarity loss (13): 1 minus the F_beta score; in [0, 1] if eps_n <= eps_d.
///
///   L = Tversky loss with alpha = 1/(1 + beta^2) and beta^2/(1 + beta^2) for beta
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
    let loss = AsymmetricSimilarity::default();
    term.beta = loss.beta;
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn asymmetric_similarity(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&AsymmetricSimilarity {
        beta: term.beta,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
}

/// Penalty loss (14), also called pGD; in [0, 1] if eps_n <= eps_d.
///
///   L = GD / (1 + k (1 - GD)),   GD = generalized Dice loss (11)
///
/// k = 0 is generalized Dice, bit for bit.
///
/// Parameters:
///   k                   penalty strength, finite and >= 0, 0 is generalized Dice; default 2.5
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
            uses: uses::K | uses::VARIANT | uses::JOINT_RATIO,
            with_loss: penalty,
        }
    }
}

fn default_penalty(term: &mut segloss_term) {
    let loss = Penalty::default();
    term.k = loss.k;
    term.smooth_numerator = loss.generalized_dice.smooth_numerator;
    term.smooth_denominator = loss.generalized_dice.smooth_denominator;
}

fn penalty(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&Penalty {
        k: term.k,
        generalized_dice: GeneralizedDice {
            volume: volume(term)?,
            smooth_numerator: term.smooth_numerator,
            smooth_denominator: term.smooth_denominator,
        },
    })
}

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
    &const {
        segloss_loss {
            defaults: no_defaults,
            uses: uses::VARIANT | uses::FIELD,
            with_loss: by_hand::boundary,
        }
    }
}

/// Hausdorff loss by distance transform; >= 0, in the unit of spacing to the power of alpha.
///
///   L = (sum_b sum_c v_c sum_i w (s - g)^2 D_c) / (sum_b sum_c v_c W_b),   D = d_G^alpha + d_S^alpha
///
/// d_G and d_S are the distances from a voxel to the nearest voxel on the other side of the mask of the target and
/// of the prediction. The mask of the prediction is s > 0.5; a voxel that is not counted is outside. A mask without
/// a boundary has d = 0. D is constant for the gradient. Default class weights: 0 for class 0 if C >= 2, else 1.
///
/// Parameters:
///   alpha    exponent of the distances, finite and > 0; default 2
///   variant  0 (default), or SEGLOSS_HAUSDORFF_ARGMAX (C >= 2), SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG
///            and one of SEGLOSS_HAUSDORFF_TARGET_ONLY and SEGLOSS_HAUSDORFF_PREDICTION_ONLY, or-ed
///   flags    SEGLOSS_FIELD_COMPLETE: field is D instead of d_G^alpha
///   field    d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: computed from
///            labels, 0/1 masks or maps of 0 and 1
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_hausdorff() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: by_hand::default_hausdorff,
            uses: uses::ALPHA | uses::VARIANT | uses::FIELD_COMPLETE | uses::FIELD,
            with_loss: by_hand::hausdorff,
        }
    }
}

/// Balanced cross entropy, the cross entropy part of combo loss (15); in nats, >= 0.
///
///   L = -1/W sum_i w sum_c v_c (beta g log s + (1 - beta) (1 - g) log(1 - s))
///
/// Summed over the classes with every activation.
///
/// Parameters:
///   beta  weight of the positive outcome, in [0, 1]; default 0.5
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_balanced_cross_entropy() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_balanced_cross_entropy,
            uses: uses::BETA,
            with_loss: balanced_cross_entropy,
        }
    }
}

fn default_balanced_cross_entropy(term: &mut segloss_term) {
    term.beta = BalancedCrossEntropy::default().beta;
}

fn balanced_cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&BalancedCrossEntropy { beta: term.beta })
}

/// Power cross entropy, the cross entropy part of exponential logarithmic loss (16); >= 0.
///
///   L = 1/W sum_i w sum_c v_c g (-log s)^gamma
///
/// Only the target class contributes, with sigmoid too. Default class weights: sqrt(sum_k G_k / G_c), with G summed
/// over the batch, and 0 for a class with G_c = 0. If gamma < 1, the power is linear below -log s = 1e-6, so that
/// the gradient stays finite.
///
/// Parameters:
///   gamma  exponent, finite and >= 0; default 0.3
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_power_cross_entropy() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_power_cross_entropy,
            uses: uses::GAMMA,
            with_loss: power_cross_entropy,
        }
    }
}

fn default_power_cross_entropy(term: &mut segloss_term) {
    term.gamma = PowerCrossEntropy::default().gamma;
}

fn power_cross_entropy(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&PowerCrossEntropy { gamma: term.gamma })
}

/// Logarithmic Dice, the Dice part of exponential logarithmic loss (16); >= 0.
///
///   L = (-log Dice)^gamma,   Dice = (2 I + eps_n) / (S + G + eps_d)
///
/// Of class_weight only zero or not zero matters. Default class weights: 0 for a class with G = 0 over the batch,
/// else 1. Dice is clamped to at least 2^-126. If gamma < 1, the power is linear below -log Dice = 1e-6, so that
/// the gradient stays finite.
///
/// Parameters:
///   gamma               exponent, finite and >= 0; default 0.3
///   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
///   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_log_dice() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_log_dice, uses: uses::GAMMA | uses::RATIO, with_loss: log_dice } }
}

fn default_log_dice(term: &mut segloss_term) {
    let loss = LogDice::default();
    term.gamma = loss.gamma;
    term.smooth_numerator = loss.smooth_numerator;
    term.smooth_denominator = loss.smooth_denominator;
}

fn log_dice(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&LogDice {
        gamma: term.gamma,
        smooth_numerator: term.smooth_numerator,
        smooth_denominator: term.smooth_denominator,
    })
}

fn normalizer(term: &segloss_term) -> Result<Normalizer, Error> {
    match term.normalizer as i32 {
        SEGLOSS_NORMALIZE_BY_VOXELS => Ok(Normalizer::Voxels),
        SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT => Ok(Normalizer::ClassWeight),
        other => {
            Err(unknown(c"normalizer", c"SEGLOSS_NORMALIZE_BY_VOXELS or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT")
                .with_given(other.into()))
        }
    }
}

fn squares(term: &segloss_term) -> Result<Squares, Error> {
    match term.variant as i32 {
        SEGLOSS_DICE_LINEAR => Ok(Squares::Linear),
        SEGLOSS_DICE_SQUARED => Ok(Squares::Squared),
        other => {
            Err(unknown(c"variant", c"SEGLOSS_DICE_LINEAR or SEGLOSS_DICE_SQUARED").with_given(other.into()))
        }
    }
}

fn volume(term: &segloss_term) -> Result<Volume, Error> {
    match term.variant as i32 {
        SEGLOSS_GDICE_INVERSE_SQUARE => Ok(Volume::InverseSquare),
        SEGLOSS_GDICE_INVERSE => Ok(Volume::Inverse),
        SEGLOSS_GDICE_UNIFORM => Ok(Volume::Uniform),
        other => Err(unknown(
            c"variant",
            c"SEGLOSS_GDICE_INVERSE_SQUARE, SEGLOSS_GDICE_INVERSE or SEGLOSS_GDICE_UNIFORM",
        )
        .with_given(other.into())),
    }
}
