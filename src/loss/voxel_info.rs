//! What the engine reads of a voxel loss besides its loops: contribution, outcome weights, normalizer, selection.

use crate::array::real::Real;
use crate::loss::activation::Activation;
use crate::loss::selection::Selection;
use crate::loss::voxel::{Contribution, Normalizer};

/// The properties of a voxel loss that the engine reads besides its loops: the constants and methods of
/// [`VoxelLoss`].
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct VoxelLossInfo {
    pub(crate) contribution: Contribution,
    pub(crate) linear: bool,
    /// Whether the loss is `−ln(probability)`.
    pub(crate) is_neg_log: bool,
    pub(crate) log_of_zero: bool,
    pub(crate) reads_logarithm: bool,
    pub(crate) field: bool,
    pub(crate) outcome_weights: [f64; 2],
    pub(crate) smoothing: f64,
    pub(crate) normalizer: Normalizer,
    pub(crate) selection: Option<Selection>,
    pub(crate) logarithmic: bool,
}

/// The weights of the two outcomes as functions of the target: `positive·t` and `negative·(1 − t)` with
/// `t = keep·g + floor`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutcomeWeights<T> {
    pub keep: T,
    pub floor: T,
    pub positive: T,
    pub negative: T,
}

impl VoxelLossInfo {
    /// Returns the weights under `activation` with `classes` classes.
    pub(crate) fn outcome_weights<T: Real>(
        &self,
        activation: Activation,
        classes: usize,
    ) -> OutcomeWeights<T> {
        let [positive, negative] = match self.contribution {
            Contribution::NegLogLikelihood if activation.is_exclusive() => [1.0, 0.0],
            Contribution::NegLogLikelihood | Contribution::AllClasses => [1.0, 1.0],
            Contribution::TrueClass => [1.0, 0.0],
            Contribution::BothOutcomes => self.outcome_weights,
        };
        let shared_by = if activation.is_exclusive() { classes as f64 } else { 2.0 };
        OutcomeWeights {
            keep: T::of(1.0 - self.smoothing),
            floor: T::of(self.smoothing / shared_by),
            positive: T::of(positive),
            negative: T::of(negative),
        }
    }
}
