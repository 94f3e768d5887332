//! (2) to (6).

use super::{CROSS_ENTROPY, Loss, one, weighted};
use crate::naive::{Form, Normalizer, Selection};

pub fn losses() -> Vec<Loss> {
    let cross_entropy = |label_smoothing, normalizer| Form::CrossEntropy { label_smoothing, normalizer };
    let smoothed = cross_entropy(0.1, Normalizer::Voxels);
    let fraction = |k| Form::TopK(Selection::Fraction(k));
    let threshold = |t| Form::TopK(Selection::Threshold(t));
    let focal = |gamma| Form::Focal { gamma };
    vec![
        one("cross entropy", CROSS_ENTROPY),
        one("cross entropy, smoothed labels", smoothed),
        weighted("weighted cross entropy", CROSS_ENTROPY),
        weighted("weighted cross entropy, by class weight", cross_entropy(0.0, Normalizer::ClassWeight)),
        weighted("weighted cross entropy, smoothed labels", smoothed),
        weighted(
            "weighted cross entropy, smoothed labels, by class weight",
            cross_entropy(0.1, Normalizer::ClassWeight),
        ),
        one("top k", fraction(0.1)),
        weighted("top k, weighted", fraction(0.3)),
        one("top k of all", fraction(1.0)),
        one("top k, threshold", threshold(0.7)),
        weighted("top k, threshold, weighted", threshold(0.4)),
        one("focal, γ = 0", focal(0.0)),
        one("focal, γ = 0.5", focal(0.5)),
        one("focal", focal(2.0)),
        one("focal, γ = 3.7", focal(3.7)),
        weighted("focal, weighted", focal(2.0)),
        one("distance-penalised cross entropy", Form::DistancePenalized),
        weighted("distance-penalised cross entropy, weighted", Form::DistancePenalized),
    ]
}
