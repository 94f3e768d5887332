//! Distribution losses.

use super::super::codes::*;
use super::super::structs::segloss_term;
use super::{LossVisitor, no_defaults, segloss_loss, unknown, uses};
use crate::{CrossEntropy, DistancePenalized, Error, Focal, Normalizer, Selection, TopK};

/// Cross entropy (2), (3). Parameters: label_smoothing, normalizer.
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

/// TopK cross entropy (4). Parameters: variant (SEGLOSS_TOPK_FRACTION, SEGLOSS_TOPK_THRESHOLD), k.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_top_k() -> *const segloss_loss {
    &const { segloss_loss { defaults: default_top_k, uses: uses::VARIANT | uses::K | uses::SELECT, with_loss: top_k } }
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

/// Focal loss (5). Parameters: gamma.
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

/// Distance-penalised cross entropy (6). Parameters: field, [B,...] or [B,C,...].
#[unsafe(no_mangle)]
pub extern "C" fn segloss_distance_penalized() -> *const segloss_loss {
    &const { segloss_loss { defaults: no_defaults, uses: uses::FIELD, with_loss: distance_penalized } }
}

fn distance_penalized(_: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    visit(&DistancePenalized)
}
