//! The getters of the distribution losses.

use crate::distribution::cross_entropy::CrossEntropy;
use crate::distribution::distance_penalized::DistancePenalized;
use crate::distribution::focal::Focal;
use crate::distribution::top_k::TopK;
use crate::error::Error;
use crate::ffi::codes::*;
use crate::ffi::losses::{LossVisitor, no_defaults, segloss_loss, unknown, uses};
use crate::ffi::structs::segloss_term;
use crate::loss::selection::Selection;
use crate::loss::voxel::Normalizer;

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
    let normalizer = match term.normalizer as i32 {
        SEGLOSS_NORMALIZE_BY_VOXELS => Normalizer::Voxels,
        SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT => Normalizer::ClassWeight,
        other => {
            return Err(unknown(
                c"normalizer",
                c"SEGLOSS_NORMALIZE_BY_VOXELS or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT",
            )
            .with_given(other.into()));
        }
    };
    visit(&CrossEntropy { label_smoothing: term.label_smoothing, normalizer })
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
///   variant       SEGLOSS_TOPK_FRACTION (default), SEGLOSS_TOPK_THRESHOLD
///   k             fraction or threshold, in (0, 1]; default 0.1
///   top_k_search  by fraction in parts: a search that is done; default NULL
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_top_k() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: default_top_k,
            uses: uses::VARIANT | uses::K | uses::TOP_K_SEARCH,
            with_loss: top_k,
        }
    }
}

fn default_top_k(term: &mut segloss_term) {
    let (Selection::Fraction(k) | Selection::Threshold(k)) = TopK::default().selection;
    term.k = k;
}

fn top_k(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
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

/// Focal loss (5): cross entropy down-weighted for well-classified voxels; in nats, >= 0.
///
///   softmax   L = -1/W sum_i w sum_c v_c (1 - s)^gamma g log s
///   sigmoid   the class mean over v of -(1 - s)^gamma g log s - s^gamma (1 - g) log(1 - s)
///
/// gamma = 0 is weighted cross entropy, bit for bit. class_weight is the alpha of the source.
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

/// Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target; in nats, >=
/// 0.
///
///   L = -1/W sum_i w (1 + D) sum_c v_c g log s,   D = 1 - (d - d_min)/d_max
///   sigmoid: as segloss_cross_entropy
///
/// d is the distance to the nearest voxel with another label, in the unit of spacing; d_min and d_max are taken
/// over the voxels of the same label in the sample. A sample with a single label has D = 0.
///
/// Parameters:
///   field  D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps in
///          which exactly one class is 1 in each voxel
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_distance_penalized() -> *const segloss_loss {
    &const { segloss_loss { defaults: no_defaults, uses: uses::FIELD, with_loss: distance_penalized } }
}

fn distance_penalized(_: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&DistancePenalized)
}
