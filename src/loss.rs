//! What a loss is: up to four weighted terms, each a closed form of sums or a cost per voxel.
//!
//! ```text
//! Region   one class's tally          → value, slopes      Dice, IoU, Tversky, …
//! Joint    the tallies of all classes → value, slopes      generalized Dice
//! Cost     one voxel                  → cost, slope        cross entropy, focal, boundary, …
//! ```
//!
//! A loss never sees an array. Whoever implements one of these traits and [`Form`] for a
//! struct of parameters has a loss, in value and gradient, for every input the crate reads.

use crate::engine::cost::{DynVoxelLossOf, VoxelLossInfo};
use crate::selection::Selection;
use crate::{ClassSums, Error, Real, TopKSearch, View};
use core::ffi::CStr;

/// A closed form of one class's sums, averaged over classes and samples as its term says.
pub trait RegionLoss {
    /// The value for one class, and its slope with respect to each of the class's sums.
    /// Only the slopes of `predicted`, `overlap`, `missed` and `spilled` reach the gradient.
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums);

    /// Whether the form reads `missed` or `spilled`; linear forms save their sums.
    fn uses_squared_error(&self) -> bool {
        false
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A closed form in which the classes of a sample meet: no average over classes.
pub trait JointRegionLoss {
    /// The value for one sample; adds the slope of each class to `slopes`, which are zero on entry.
    /// `weights[c]` is the weight of class `c`, 0 for a class left out.
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64;

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Which outcomes of a voxel pay a cost, and how the classes are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// A likelihood. Exclusive classes: the true class pays. Classes on their own: both outcomes
    /// of each class pay, and the cost of a voxel is the mean over the classes.
    NegLogLikelihood,
    /// The true class pays, whatever the activation; summed over the classes.
    TrueClass,
    /// Both outcomes of every class pay, at the prices of [`Cost::prices`]; summed over the classes.
    BothOutcomes,
    /// Every class of every voxel pays. The cost is a function of `s`, and the mean runs over
    /// classes and voxels.
    AllClasses,
}

/// What a cost may know of one voxel and class, or of one outcome of it.
///
/// For [`Charge::Everywhere`] the outcome is "the class is here". For the others it is the
/// outcome that pays: for "the class is not here", `probability` is `1 − s` and `complement` is `s`.
#[derive(Clone, Copy, Debug)]
pub struct Voxel<T> {
    /// Probability of the outcome.
    pub probability: T,
    /// One minus it, to full relative precision.
    pub complement: T,
    /// Its natural logarithm, to full relative precision.
    pub log_probability: T,
    /// The truth `g` of the class.
    pub target: T,
    /// The field of the term; 0 if it has none.
    pub field: T,
    /// The [`Cost::BASE`] to the power of [`Cost::exponent`] where the cost is wanted, of [`Cost::slope_exponent`]
    /// where its slope is.
    pub power: T,
}

impl<T: Real> Voxel<T> {
    /// `s − g`, to full relative precision where the truth is 1.
    #[inline(always)]
    pub fn error(&self) -> T {
        let of_small = self.probability - self.target;
        let of_large = (T::one() - self.target) - self.complement;
        // What was given as a probability may lie outside of the unit interval; its complement does not.
        let is_large = (self.probability > T::of(0.5)) & (self.probability <= T::one());
        if is_large { of_large } else { of_small }
    }
}

/// What the sum of a cost is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalizer {
    /// `W = Σ w`: the paper's mean over voxels.
    #[default]
    Voxels,
    /// `Σ w Σ_c v·g`: PyTorch's mean for labels with class weights. With classes on their own, `W`.
    ClassWeight,
}

/// The class weights of a form where none are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultClassWeights {
    /// All 1.
    #[default]
    Equal,
    /// All 1, and 0 for class 0 of two or more.
    NoBackground,
    /// `(Σf/f_c)^½`, with `f_c` the truth of the class in the batch; 0 for an absent class.
    Frequency,
    /// 1 where `Frequency` is not 0; and of given weights, too, only whether they are 0 matters.
    Presence,
}

/// What a cost raises to a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    None,
    /// One minus the probability of the outcome.
    Complement,
    /// The negative logarithm of the probability of the outcome.
    NegLogProbability,
}

/// A function of one voxel.
pub trait VoxelLoss {
    /// Who pays.
    const CONTRIBUTION: Contribution;
    /// Whether the cost reads a field.
    const USES_FIELD: bool = false;
    /// What the cost raises to a power, if anything: done for whole rows, before [`Cost::at`].
    const POWER_BASE: Base = Base::None;

    /// Whether the slope does not depend on the prediction.
    const CONSTANT_SLOPE: bool = false;

    /// Whether the slope depends on the logarithm of a probability that is too small for its type. If it does not,
    /// probabilities may be kept between two sweeps in place of logits.
    const SLOPE_NEEDS_LOG_OF_ZERO: bool = !Self::CONSTANT_SLOPE;

    /// The cost and its slope: `∂/∂s` for [`Charge::Everywhere`], else `∂/∂ln(probability)`.
    /// Implementations are `#[inline(always)]`, branch-free, and made of [`Real`]'s functions.
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T);

    /// For [`Charge::Outcomes`]: what the outcomes "here" and "not here" pay per unit of truth.
    fn outcome_weights(&self) -> [f64; 2] {
        [1.0, 1.0]
    }

    /// Label smoothing `λ` in [0, 1]: the truth that pays is `(1 − λ)·g + λ/C`, for classes on
    /// their own `(1 − λ)·g + λ/2`.
    fn label_smoothing(&self) -> f64 {
        0.0
    }

    /// The exponent of [`Cost::BASE`].
    fn exponent(&self) -> f64 {
        1.0
    }

    /// The exponent of [`Cost::BASE`] for the slope. A derivative `γ·x^(γ−1)` raised as such overflows
    /// only where it is too large itself, and not where `x^γ` is.
    fn slope_exponent(&self) -> f64 {
        self.exponent()
    }

    /// The least base that is raised: smaller ones are held there.
    fn min_base(&self) -> f64 {
        0.0
    }

    /// Which voxels pay, if not all.
    fn selection(&self) -> Option<Selection> {
        None
    }

    /// Whether the value is `ln(1 + L)` instead of `L`.
    fn is_logarithmic(&self) -> bool {
        false
    }

    /// What a likelihood is divided by.
    fn normalizer(&self) -> Normalizer {
        Normalizer::Voxels
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A [`Cost`] as an object: its loops over rows of voxels, in both precisions. Every `Cost` is one.
pub trait DynVoxelLoss: DynVoxelLossOf<f32> + DynVoxelLossOf<f64> {
    #[doc(hidden)]
    fn info(&self) -> VoxelLossInfo;
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
}

impl<C: VoxelLoss + Sync> DynVoxelLoss for C {
    fn info(&self) -> VoxelLossInfo {
        VoxelLossInfo {
            contribution: C::CONTRIBUTION,
            linear: C::CONSTANT_SLOPE,
            log_of_zero: C::SLOPE_NEEDS_LOG_OF_ZERO,
            field: C::USES_FIELD,
            outcome_weights: self.outcome_weights(),
            smoothing: self.label_smoothing(),
            normalizer: self.normalizer(),
            selection: self.selection(),
            logarithmic: self.is_logarithmic(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.validate()
    }
}

/// What a form is made of.
#[derive(Clone, Copy)]
pub enum LossKind<'a> {
    /// A closed form of one class.
    Region(&'a dyn RegionLoss),
    /// A closed form of all classes of a sample.
    JointRegion(&'a dyn JointRegionLoss),
    /// A cost per voxel.
    Voxel(&'a dyn DynVoxelLoss),
}

// The forms of the crate mark `parts` and `field` as `#[inline(never)]`: where rustc inlines one across crates, it makes
// the kernels behind it once more in every crate that names the form.
/// A loss, as the engine sees it.
pub trait Loss: Sync {
    /// The form as one of the three kinds.
    fn kind(&self) -> LossKind<'_>;

    /// The class weights where none are given.
    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Equal
    }

    /// Checks what depends on the number of classes.
    ///
    /// # Errors
    /// [`Error`] if the form has no meaning for so many.
    fn check_classes(&self, _classes: usize) -> Result<(), Error> {
        Ok(())
    }

    /// How the form makes its field, if it can.
    fn field(&self) -> Option<&dyn crate::boundary::Field> {
        None
    }
}

/// How the classes of a region form are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassAverage {
    /// The weighted mean of the classes' values.
    #[default]
    Mean,
    /// The value of the classes' weighted sums: the paper's literal equations.
    Pooled,
}

/// How the samples of a region form are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleAverage {
    /// The mean of the samples' values.
    #[default]
    Mean,
    /// The value of the samples' sums: "batch Dice".
    Pooled,
}

/// What a class without truth in a sample does in a region form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AbsentClass {
    /// It counts like any other.
    #[default]
    Counted,
    /// It is left out of the mean.
    Skipped,
}

/// One weighted term of a loss.
#[derive(Clone, Copy)]
pub struct Term<'a> {
    /// The form and its parameters.
    pub loss: &'a dyn Loss,
    /// The weight `λ` of the term.
    pub weight: f64,
    /// Writes the value as `L − 1`, as nnU-Net's `−Dice`.
    pub minus_one: bool,
    /// Region forms: how classes are joined.
    pub class_average: ClassAverage,
    /// Region forms: how samples are joined.
    pub sample_average: SampleAverage,
    /// Region forms: what absent classes do.
    pub absent: AbsentClass,
    /// One weight per class, finite and ≥ 0, not all 0; `None` is the form's default.
    pub class_weight: Option<&'a [f64]>,
    /// Class 0 of two or more weighs 0, beside class weights too. One class is no background.
    pub exclude_background: bool,
    /// The field, where the form has one: `[B, C, …]`, or `[B, …]` for all classes.
    /// `None` computes it from labels.
    pub field: Option<View<'a>>,
    /// The field given is all of Hausdorff's weight: nothing is added for the prediction.
    pub field_complete: bool,
    /// TopK by fraction: the voxels it selects, found by a search over all parts that is done. `None` selects
    /// from the batch at hand, which a part of a batch cannot.
    pub select: Option<&'a TopKSearch>,
}

impl<'a> Term<'a> {
    /// `weight · form`, averaged as the paper averages.
    pub const fn new(weight: f64, form: &'a dyn Loss) -> Self {
        Self {
            loss: form,
            weight,
            minus_one: false,
            class_average: ClassAverage::Mean,
            sample_average: SampleAverage::Mean,
            absent: AbsentClass::Counted,
            class_weight: None,
            exclude_background: false,
            field: None,
            field_complete: false,
            select: None,
        }
    }

    /// `v_c` where it does not come from frequencies.
    pub(crate) fn class_weight(&self, class: usize, classes: usize) -> f64 {
        match self.class_weight {
            _ if self.excludes(class, classes) => 0.0,
            Some(weights) => weights.get(class).copied().unwrap_or(0.0),
            None => 1.0,
        }
    }

    /// Whether the class has weight 0 in every sample.
    pub(crate) fn excludes(&self, class: usize, classes: usize) -> bool {
        let is_background = class == 0 && classes > 1;
        match self.class_weight {
            _ if is_background && self.exclude_background => true,
            Some(weights) => weights.get(class).is_none_or(|&v| v == 0.0),
            None => is_background && self.loss.default_class_weights() == DefaultClassWeights::NoBackground,
        }
    }
}

/// Below this a denominator is nothing: the ratio is 1, whatever its numerator, and feels nothing.
pub const MIN_DENOMINATOR: f64 = 1e-30;

/// Passes when every value is finite and not negative.
///
/// # Errors
/// [`Error`] naming the first parameter that is not.
pub fn non_negative(parameters: &[(&'static CStr, f64)]) -> Result<(), Error> {
    check(parameters, |x| x >= 0.0, c"finite and >= 0")
}

/// Passes when every value is finite and `holds`.
///
/// # Errors
/// [`Error`] naming the first parameter that is not, with `wants` as the sentence.
pub fn check(
    parameters: &[(&'static CStr, f64)],
    holds: impl Fn(f64) -> bool,
    wants: &'static CStr,
) -> Result<(), Error> {
    match parameters.iter().find(|(_, x)| !(x.is_finite() && holds(*x))) {
        Some((name, x)) => Err(Error::new(crate::Status::Parameter, name, wants).with_given(*x)),
        None => Ok(()),
    }
}
