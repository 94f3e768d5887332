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

use crate::engine::cost::{Bill, RowsOf};
use crate::selection::Selection;
use crate::{Error, Real, Tally, TopKSearch, View};
use core::ffi::CStr;

/// A closed form of one class's sums, averaged over classes and samples as its term says.
pub trait Region {
    /// The value for one class, and its slope with respect to each of the class's sums.
    /// Only the slopes of `predicted`, `overlap`, `missed` and `spilled` reach the gradient.
    fn score(&self, class: &Tally) -> (f64, Tally);

    /// Whether the form reads `missed` or `spilled`; linear forms save their sums.
    fn squares(&self) -> bool {
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
pub trait Joint {
    /// The value for one sample; adds the slope of each class to `slopes`, which are zero on entry.
    /// `weights[c]` is the weight of class `c`, 0 for a class left out.
    fn score(&self, classes: &[Tally], weights: &[f64], slopes: &mut [Tally]) -> f64;

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
pub enum Charge {
    /// A likelihood. Exclusive classes: the true class pays. Classes on their own: both outcomes
    /// of each class pay, and the cost of a voxel is the mean over the classes.
    Likelihood,
    /// The true class pays, whatever the activation; summed over the classes.
    Truth,
    /// Both outcomes of every class pay, at the prices of [`Cost::prices`]; summed over the classes.
    Outcomes,
    /// Every class of every voxel pays. The cost is a function of `s`, and the mean runs over
    /// classes and voxels.
    Everywhere,
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
    pub truth: T,
    /// The field of the term; 0 if it has none.
    pub field: T,
    /// The [`Cost::BASE`] to the power of [`Cost::exponent`] where the cost is wanted, of [`Cost::slope_exponent`]
    /// where its slope is.
    pub raised: T,
}

impl<T: Real> Voxel<T> {
    /// `s − g`, to full relative precision where the truth is 1.
    #[inline(always)]
    pub fn error(&self) -> T {
        let of_small = self.probability - self.truth;
        let of_large = (T::one() - self.truth) - self.complement;
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
pub enum Weighting {
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
    Surprise,
}

/// A function of one voxel.
pub trait Cost {
    /// Who pays.
    const CHARGE: Charge;
    /// Whether the cost reads a field.
    const FIELD: bool = false;
    /// What the cost raises to a power, if anything: done for whole rows, before [`Cost::at`].
    const BASE: Base = Base::None;

    /// Whether the slope does not depend on the prediction.
    const LINEAR: bool = false;

    /// Whether the slope depends on the logarithm of a probability that is too small for its type. If it does not,
    /// probabilities may be kept between two sweeps in place of logits.
    const SLOPE_NEEDS_LOG_OF_ZERO: bool = !Self::LINEAR;

    /// The cost and its slope: `∂/∂s` for [`Charge::Everywhere`], else `∂/∂ln(probability)`.
    /// Implementations are `#[inline(always)]`, branch-free, and made of [`Real`]'s functions.
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T);

    /// For [`Charge::Outcomes`]: what the outcomes "here" and "not here" pay per unit of truth.
    fn prices(&self) -> [f64; 2] {
        [1.0, 1.0]
    }

    /// Label smoothing `λ` in [0, 1]: the truth that pays is `(1 − λ)·g + λ/C`, for classes on
    /// their own `(1 − λ)·g + λ/2`.
    fn smoothing(&self) -> f64 {
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
    fn least_base(&self) -> f64 {
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
pub trait Rows: RowsOf<f32> + RowsOf<f64> {
    #[doc(hidden)]
    fn bill(&self) -> Bill;
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
}

impl<C: Cost + Sync> Rows for C {
    fn bill(&self) -> Bill {
        Bill {
            charge: C::CHARGE,
            linear: C::LINEAR,
            log_of_zero: C::SLOPE_NEEDS_LOG_OF_ZERO,
            field: C::FIELD,
            prices: self.prices(),
            smoothing: self.smoothing(),
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
pub enum Parts<'a> {
    /// A closed form of one class.
    Region(&'a dyn Region),
    /// A closed form of all classes of a sample.
    Joint(&'a dyn Joint),
    /// A cost per voxel.
    Cost(&'a dyn Rows),
}

// The forms of the crate mark `parts` and `field` as `#[inline(never)]`: where rustc inlines one across crates, it makes
// the kernels behind it once more in every crate that names the form.
/// A loss, as the engine sees it.
pub trait Form: Sync {
    /// The form as one of the three kinds.
    fn parts(&self) -> Parts<'_>;

    /// The class weights where none are given.
    fn weighting(&self) -> Weighting {
        Weighting::Equal
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
pub enum Absent {
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
    pub form: &'a dyn Form,
    /// The weight `λ` of the term.
    pub weight: f64,
    /// Writes the value as `L − 1`, as nnU-Net's `−Dice`.
    pub minus_one: bool,
    /// Region forms: how classes are joined.
    pub class_average: ClassAverage,
    /// Region forms: how samples are joined.
    pub sample_average: SampleAverage,
    /// Region forms: what absent classes do.
    pub absent: Absent,
    /// One weight per class, finite and ≥ 0, not all 0; `None` is the form's default.
    pub class_weight: Option<&'a [f64]>,
    /// Class 0 of two or more weighs 0, beside class weights too. One class is no background.
    pub leave_out_background: bool,
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
    pub const fn new(weight: f64, form: &'a dyn Form) -> Self {
        Self {
            form,
            weight,
            minus_one: false,
            class_average: ClassAverage::Mean,
            sample_average: SampleAverage::Mean,
            absent: Absent::Counted,
            class_weight: None,
            leave_out_background: false,
            field: None,
            field_complete: false,
            select: None,
        }
    }

    /// `v_c` where it does not come from frequencies.
    pub(crate) fn class_weight(&self, class: usize, classes: usize) -> f64 {
        match self.class_weight {
            _ if self.leaves_out(class, classes) => 0.0,
            Some(weights) => weights.get(class).copied().unwrap_or(0.0),
            None => 1.0,
        }
    }

    /// Whether the class has weight 0 in every sample.
    pub(crate) fn leaves_out(&self, class: usize, classes: usize) -> bool {
        let is_background = class == 0 && classes > 1;
        match self.class_weight {
            _ if is_background && self.leave_out_background => true,
            Some(weights) => weights.get(class).is_none_or(|&v| v == 0.0),
            None => is_background && self.form.weighting() == Weighting::NoBackground,
        }
    }
}

/// Below this a denominator is nothing: the ratio is 1, whatever its numerator, and feels nothing.
pub const NOTHING: f64 = 1e-30;

/// Passes when every value is finite and not negative.
///
/// # Errors
/// [`Error`] naming the first parameter that is not.
pub fn non_negative(parameters: &[(&'static CStr, f64)]) -> Result<(), Error> {
    within(parameters, |x| x >= 0.0, c"finite and >= 0")
}

/// Passes when every value is finite and `holds`.
///
/// # Errors
/// [`Error`] naming the first parameter that is not, with `wants` as the sentence.
pub fn within(
    parameters: &[(&'static CStr, f64)],
    holds: impl Fn(f64) -> bool,
    wants: &'static CStr,
) -> Result<(), Error> {
    match parameters.iter().find(|(_, x)| !(x.is_finite() && holds(*x))) {
        Some((name, x)) => Err(Error::new(crate::Status::Parameter, name, wants).with_given(*x)),
        None => Ok(()),
    }
}
