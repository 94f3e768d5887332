//! A weighted term of a loss, and how its classes and samples are averaged.

use crate::array::view::View;
use crate::engine::radix_select::TopKSearch;
use crate::loss::kind::{DefaultClassWeights, Loss};

/// How a loss of kind [`LossKind::Region`](crate::custom::LossKind::Region) is averaged over the classes of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassAverage {
    /// The mean of the values of the classes, weighted by the class weights.
    #[default]
    Mean,
    /// The value of the weighted sum of the classes' sums: the literal equations of the paper.
    Pooled,
}

/// How a region loss is averaged over the samples of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleAverage {
    /// The mean of the values of the samples.
    #[default]
    Mean,
    /// The value of the sums over all samples: "batch Dice".
    Pooled,
}

/// How a region loss treats a class that is absent from the target of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbsentClass {
    /// The class takes part in the average.
    #[default]
    Counted,
    /// The class does not take part in the average.
    Skipped,
}

/// A weighted term of a loss: [`weight`](Self::weight) · [`loss`](Self::loss) with options of averaging and weighting.
///
/// A loss is a slice of 1 to [`MAX_TERMS`](crate::loss::sums::MAX_TERMS) terms. All terms are evaluated in the same
/// passes over the voxels.
///
/// ```
/// use segloss::{CrossEntropy, Dice, SampleAverage, Term};
///
/// // nnU-Net's Dice + cross entropy with batch Dice.
/// let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
/// let terms = [
///     Term { exclude_background: true, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &dice) },
///     Term::new(1.0, &cross_entropy),
/// ];
/// assert_eq!(terms.map(|term| term.weight), [1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// The loss and its parameters.
    pub loss: &'a dyn Loss,
    /// The weight `λ` of the term, finite. The value of the whole loss is `Σ_k λ_k·L_k`.
    pub weight: f64,
    /// Subtracts 1 from the value of the loss: nnU-Net's `−Dice`. The gradient is unchanged.
    pub minus_one: bool,
    /// Losses of kind [`LossKind::Region`](crate::custom::LossKind::Region): the average over classes.
    pub class_average: ClassAverage,
    /// Region losses: the average over samples.
    pub sample_average: SampleAverage,
    /// Region losses: the treatment of classes absent from the target.
    pub absent: AbsentClass,
    /// One weight per class, finite and ≥ 0, at least one above 0. `None`: the default of the loss.
    pub class_weight: Option<&'a [f64]>,
    /// Sets the weight of class 0 to 0, also beside class weights, if there are two classes or more.
    pub exclude_background: bool,
    /// The distance field of a loss that uses one: `[B, C, …]`, or `[B, …]` for all classes. `None`: the engine
    /// computes it from the target. [`distance_field`](crate::api::distance_field) computes it ahead.
    pub field: Option<View<'a>>,
    /// Hausdorff: the given field is the complete `D`; the engine adds nothing for the prediction.
    pub field_complete: bool,
    /// TopK by fraction: the result of a finished search over all parts of a batch. `None`: the selection is made
    /// from the batch of the call, which has to be the whole batch.
    pub top_k_search: Option<&'a TopKSearch>,
}

impl<'a> Term<'a> {
    /// Creates the term `weight · loss` with the averages of the paper: the mean over classes and samples, absent
    /// classes counted, the default class weights of the loss.
    pub const fn new(weight: f64, loss: &'a dyn Loss) -> Self {
        Self {
            loss,
            weight,
            minus_one: false,
            class_average: ClassAverage::Mean,
            sample_average: SampleAverage::Mean,
            absent: AbsentClass::Counted,
            class_weight: None,
            exclude_background: false,
            field: None,
            field_complete: false,
            top_k_search: None,
        }
    }

    /// Returns `v_c` for weights that do not come from frequencies.
    pub(crate) fn class_weight(&self, class: usize, classes: usize) -> f64 {
        match self.class_weight {
            _ if self.excludes(class, classes) => 0.0,
            Some(weights) => weights.get(class).copied().unwrap_or(0.0),
            None => 1.0,
        }
    }

    /// Returns whether the class has weight 0 in every sample.
    pub(crate) fn excludes(&self, class: usize, classes: usize) -> bool {
        let is_background = class == 0 && classes > 1;
        match self.class_weight {
            _ if is_background && self.exclude_background => true,
            Some(weights) => weights.get(class).is_none_or(|&v| v == 0.0),
            None => is_background && self.loss.default_class_weights() == DefaultClassWeights::NoBackground,
        }
    }
}
