//! The traits of a loss and its weighted terms.
//!
//! ```text
//! RegionLoss       the sums of one class           → value, slopes    Dice, IoU, Tversky, …
//! JointRegionLoss  the sums of all classes         → value, slopes    generalized Dice
//! VoxelLoss        one voxel, one class or outcome → value, slope     cross entropy, focal, boundary, …
//! ```
//!
//! A loss contains no array code. A struct of parameters that implements one of these traits and [`Loss`] is evaluated
//! and differentiated by the engine for every supported element type, layout, target format and activation.

use crate::engine::cost::{DynVoxelLossOf, VoxelLossInfo};
use crate::selection::Selection;
use crate::{ClassSums, Error, Real, TopKSearch, View};
use core::ffi::CStr;
use core::fmt;

/// A loss that is a closed form of the sums of one class. The engine averages it over classes and samples as the
/// [`Term`] says.
///
/// A custom loss implements this trait and [`Loss`]:
///
/// ```
/// use segloss::{
///     Activation, Batch, ClassSums, Loss, LossKind, RegionLoss, Term, View, evaluate, scratch_len,
/// };
///
/// /// The relative error of the predicted volume, `(S − G)² / G²`; 0 for an absent class.
/// struct VolumeError;
///
/// impl RegionLoss for VolumeError {
///     fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
///         if class.target <= 0.0 {
///             return (0.0, ClassSums::ZERO);
///         }
///         let error = (class.prediction - class.target) / class.target;
///         (error * error, ClassSums { prediction: 2.0 * error / class.target, ..ClassSums::ZERO })
///     }
/// }
///
/// impl Loss for VolumeError {
///     fn kind(&self) -> LossKind<'_> {
///         LossKind::Region(self)
///     }
/// }
///
/// let probabilities = [0.5f32, 0.5, 0.5, 0.5];
/// let labels = [1u8, 0, 0, 0];
/// let prediction = View::new(&probabilities, &[1, 1, 4])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 4])?);
/// let terms = [Term::new(1.0, &VolumeError)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// assert_eq!(evaluate(&batch, &terms, &mut scratch)?, 1.0);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait RegionLoss {
    /// Returns the value for one class and its partial derivative with respect to each sum.
    ///
    /// The derivatives by `prediction`, `intersection`, `squared_error_positive` and `squared_error_negative` enter the
    /// gradient; the others are ignored.
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums);

    /// Returns the derivative of the slopes of [`evaluate`](Self::evaluate) along `direction`: the product of the
    /// Hessian of the value and `direction`. `None` (the default): unsupported.
    ///
    /// No function of this version calls it.
    fn second_derivative(&self, _class: &ClassSums, _direction: &ClassSums) -> Option<ClassSums> {
        None
    }

    /// Returns whether the loss reads `squared_error_positive` or `squared_error_negative`. Default: false; the engine
    /// then does not compute these sums.
    fn uses_squared_error(&self) -> bool {
        false
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter that is out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A loss that is a closed form of the sums of all classes of a sample. It has no average over classes.
///
/// ```
/// use segloss::{ClassSums, GeneralizedDice, JointRegionLoss};
///
/// let class = ClassSums { target: 4.0, prediction: 4.0, intersection: 3.0, ..ClassSums::ZERO };
/// let loss = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
/// let mut slopes = [ClassSums::ZERO; 2];
/// let value = loss.evaluate(&[class, class], &[1.0, 1.0], &mut slopes);
/// assert_eq!((value, slopes[0].intersection), (0.25, -0.125));
/// ```
pub trait JointRegionLoss {
    /// Returns the value for one sample and adds its partial derivatives with respect to the sums of each class to
    /// `slopes`, which are zero on entry. `weights[c]` is the weight of class `c`, 0 for an excluded class. The three
    /// slices have one entry per class.
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64;

    /// Adds the derivative of the slopes of [`evaluate`](Self::evaluate) along `directions`, one per class, to `out`:
    /// the product of the Hessian of the value and `directions`. `None` (the default): unsupported, `out` is
    /// unchanged.
    ///
    /// No function of this version calls it.
    fn second_derivative(
        &self,
        _classes: &[ClassSums],
        _weights: &[f64],
        _directions: &[ClassSums],
        _out: &mut [ClassSums],
    ) -> Option<()> {
        None
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter that is out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Which outcomes of a voxel contribute to a voxel loss, and how the classes are combined.
///
/// A class has two outcomes at a voxel: positive ("the voxel belongs to the class", with target `g`) and negative (with
/// target `1 − g`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contribution {
    /// A negative log-likelihood. Exclusive classes: only the target class contributes, `g·L`. Independent classes:
    /// both outcomes contribute, `g·L₁ + (1 − g)·L₀`, and the loss of a voxel is the weighted mean over the classes.
    NegLogLikelihood,
    /// Only the positive outcome contributes, `g·L`, for every activation; summed over the classes.
    TrueClass,
    /// Both outcomes of every class contribute with the weights [`VoxelLoss::outcome_weights`], for every activation;
    /// summed over the classes.
    BothOutcomes,
    /// Every class of every voxel contributes. The loss is a function of `s`; the mean runs over classes and voxels.
    AllClasses,
}

/// One voxel and class, as a [`VoxelLoss`] reads it.
///
/// For [`Contribution::AllClasses`] the fields describe the positive outcome. For the others they describe the outcome
/// that contributes: for the negative outcome `probability` is `1 − s` and `complement` is `s`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Voxel<T> {
    /// The probability of the outcome.
    pub probability: T,
    /// `1 − probability`, to full relative precision.
    pub complement: T,
    /// `ln(probability)`, to full relative precision.
    pub log_probability: T,
    /// The target `g` of the class.
    pub target: T,
    /// The value of the term's distance field; 0 if the loss uses none.
    pub field: T,
    /// [`VoxelLoss::POWER_BASE`] raised to [`VoxelLoss::exponent`] when the engine uses the value, to
    /// [`VoxelLoss::slope_exponent`] when it uses the slope.
    pub power: T,
}

impl<T: Real> Voxel<T> {
    /// Returns `s − g`, to full relative precision where the target is 1.
    #[inline(always)]
    pub fn error(&self) -> T {
        let of_small = self.probability - self.target;
        let of_large = (T::one() - self.target) - self.complement;
        // A probability given as input may lie outside [0, 1]; then its complement is not used.
        let is_large = (self.probability > T::of(0.5)) & (self.probability <= T::one());
        if is_large { of_large } else { of_small }
    }
}

/// The divisor of the sum of a likelihood over voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normalizer {
    /// `W = Σ w`: the mean over voxels of the paper.
    #[default]
    Voxels,
    /// `Σ w Σ_c v·g`: the mean that PyTorch computes for labels with class weights. For independent classes, `W`.
    ClassWeight,
}

/// The class weights of a loss if the term gives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefaultClassWeights {
    /// 1 for every class.
    #[default]
    Equal,
    /// 1 for every class except class 0 of two or more classes, which has 0.
    NoBackground,
    /// `(Σf/f_c)^½`, with `f_c = Σ_b Σ w·g` over the batch; 0 for an absent class.
    Frequency,
    /// 1 for a class that is present in the batch, 0 for an absent one. Of weights that the term gives, only whether
    /// they are 0 matters.
    Presence,
}

/// The quantity that a voxel loss raises to a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Base {
    /// The loss raises no power.
    None,
    /// `1 − probability` of the outcome.
    Complement,
    /// `−ln(probability)` of the outcome.
    NegLogProbability,
}

/// A loss that is a mean over voxels of a function of one voxel.
///
/// A custom loss implements this trait and [`Loss`]:
///
/// ```
/// use segloss::{
///     Activation, Batch, Contribution, Loss, LossKind, Real, Term, View, Voxel, VoxelLoss, evaluate,
///     scratch_len,
/// };
///
/// /// The Brier score: the mean over voxels and classes of (s − g)².
/// struct Brier;
///
/// impl VoxelLoss for Brier {
///     const CONTRIBUTION: Contribution = Contribution::AllClasses;
///
///     #[inline(always)]
///     fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
///         let error = voxel.error();
///         (error * error, error + error)
///     }
/// }
///
/// impl Loss for Brier {
///     fn kind(&self) -> LossKind<'_> {
///         LossKind::Voxel(self)
///     }
/// }
///
/// let probabilities = [0.5f32, 1.0];
/// let labels = [1u8, 0];
/// let prediction = View::new(&probabilities, &[1, 1, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let terms = [Term::new(1.0, &Brier)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// assert_eq!(evaluate(&batch, &terms, &mut scratch)?, (0.25 + 1.0) / 2.0);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait VoxelLoss {
    /// Which outcomes contribute, and how the classes are combined.
    const CONTRIBUTION: Contribution;
    /// Whether the loss reads a distance field, [`Voxel::field`].
    const USES_FIELD: bool = false;
    /// The quantity that the loss raises to a power. The engine computes [`Voxel::power`] for a row of voxels before it
    /// calls [`evaluate`](Self::evaluate).
    const POWER_BASE: Base = Base::None;

    /// Whether the slope does not depend on the prediction.
    const CONSTANT_SLOPE: bool = false;

    /// Whether the slope depends on the logarithm of a probability that underflows to 0. If it does not, the engine may
    /// cache probabilities in place of logits between the forward and the backward pass.
    const SLOPE_NEEDS_LOG_OF_ZERO: bool = !Self::CONSTANT_SLOPE;

    /// Returns the loss of a voxel and its slope: `∂/∂s` for [`Contribution::AllClasses`], `∂/∂ln(probability)`
    /// otherwise.
    ///
    /// Implementations should be `#[inline(always)]` and branch-free, made of functions of [`Real`], so that the loop
    /// over a row vectorises.
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T);

    /// Returns the derivative of the slope of [`evaluate`](Self::evaluate) by the same variable. `None` (the default):
    /// unsupported.
    ///
    /// No function of this version calls it.
    #[inline(always)]
    fn second_derivative<T: Real>(&self, _voxel: Voxel<T>) -> Option<T> {
        None
    }

    /// For [`Contribution::BothOutcomes`]: returns the weights of the positive and of the negative outcome. Default:
    /// 1, 1.
    fn outcome_weights(&self) -> [f64; 2] {
        [1.0, 1.0]
    }

    /// Returns the label smoothing `λ` in [0, 1], by default 0. Exclusive classes: `(1 − λ)·g + λ/C` replaces `g`;
    /// independent classes: `(1 − λ)·g + λ/2`.
    fn label_smoothing(&self) -> f64 {
        0.0
    }

    /// Returns the exponent of [`POWER_BASE`](Self::POWER_BASE) for the value. Default: 1.
    fn exponent(&self) -> f64 {
        1.0
    }

    /// Returns the exponent of [`POWER_BASE`](Self::POWER_BASE) for the slope. Default: the exponent for the value.
    ///
    /// A slope `γ·x^(γ−1)` computed with its own exponent overflows only where the slope itself is too large, and not
    /// already where `x^γ` is.
    fn slope_exponent(&self) -> f64 {
        self.exponent()
    }

    /// Returns the smallest base that is raised to a power; smaller bases are replaced by it. Default: 0.
    fn min_base(&self) -> f64 {
        0.0
    }

    /// Returns which voxels contribute. `None` (the default): all counted voxels.
    fn selection(&self) -> Option<Selection> {
        None
    }

    /// Returns whether the value is `ln(1 + L)` instead of `L`. Default: false.
    fn is_logarithmic(&self) -> bool {
        false
    }

    /// Returns the divisor of a likelihood. Default: [`Normalizer::Voxels`].
    fn normalizer(&self) -> Normalizer {
        Normalizer::Voxels
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error`] with the first parameter that is out of its range.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// An object-safe [`VoxelLoss`]: its loops over rows of voxels in f32 and in f64. Every `VoxelLoss` that is `Sync`
/// implements it.
///
/// ```
/// use segloss::{CrossEntropy, DynVoxelLoss, Focal, LossKind};
///
/// let (focal, cross_entropy) = (Focal::default(), CrossEntropy::default());
/// let losses: [&dyn DynVoxelLoss; 2] = [&focal, &cross_entropy];
/// assert_eq!(losses.map(|loss| format!("{:?}", LossKind::Voxel(loss))), ["Voxel", "Voxel"]);
/// ```
pub trait DynVoxelLoss: DynVoxelLossOf<f32> + DynVoxelLossOf<f64> {
    #[doc(hidden)]
    fn info(&self) -> VoxelLossInfo;
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
}

impl<L: VoxelLoss + Sync> DynVoxelLoss for L {
    fn info(&self) -> VoxelLossInfo {
        VoxelLossInfo {
            contribution: L::CONTRIBUTION,
            linear: L::CONSTANT_SLOPE,
            log_of_zero: L::SLOPE_NEEDS_LOG_OF_ZERO,
            field: L::USES_FIELD,
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

/// A loss as one of the three kinds that the engine evaluates.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum LossKind<'a> {
    /// A closed form of the sums of one class.
    Region(&'a dyn RegionLoss),
    /// A closed form of the sums of all classes of a sample.
    JointRegion(&'a dyn JointRegionLoss),
    /// A function of one voxel.
    Voxel(&'a dyn DynVoxelLoss),
}

impl fmt::Debug for LossKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LossKind::Region(_) => "Region",
            LossKind::JointRegion(_) => "JointRegion",
            LossKind::Voxel(_) => "Voxel",
        })
    }
}

// The losses of the crate declare `kind` and `field` `#[inline(never)]`: where rustc inlines one of them across crates,
// it compiles the kernels behind it again in every crate that names the loss.
/// A loss that a [`Term`] can hold.
///
/// [`RegionLoss`] and [`VoxelLoss`] show the implementation of a custom loss.
///
/// ```
/// use segloss::{CrossEntropy, Dice, GeneralizedDice, Loss, LossKind};
///
/// assert!(matches!(Dice::default().kind(), LossKind::Region(_)));
/// assert!(matches!(GeneralizedDice::default().kind(), LossKind::JointRegion(_)));
/// assert!(matches!(CrossEntropy::default().kind(), LossKind::Voxel(_)));
/// ```
pub trait Loss: Sync {
    /// Returns the loss as one of the three kinds.
    fn kind(&self) -> LossKind<'_>;

    /// Returns the class weights that apply if the term gives none. Default: [`DefaultClassWeights::Equal`].
    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Equal
    }

    /// Checks the parameters that depend on the number of classes.
    ///
    /// # Errors
    /// [`Error`] if the loss is not defined for this number of classes.
    fn check_classes(&self, _classes: usize) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the distance field of the loss. `None` (the default): the loss computes none.
    fn field(&self) -> Option<&dyn crate::boundary::Field> {
        None
    }
}

impl fmt::Debug for dyn Loss + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss of kind {:?}", self.kind())
    }
}

/// How a loss of kind [`LossKind::Region`] is averaged over the classes of a sample.
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
/// A loss is a slice of 1 to [`MAX_TERMS`](crate::MAX_TERMS) terms. All terms are evaluated in the same passes over the
/// voxels.
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
    /// Losses of kind [`LossKind::Region`]: the average over classes.
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
    /// computes it from the target. [`distance_field`](crate::distance_field) computes it ahead.
    pub field: Option<View<'a>>,
    /// Hausdorff: the given field is the complete `D`; the engine adds nothing for the prediction.
    pub field_complete: bool,
    /// TopK by fraction: the result of a finished search over all parts of a batch. `None`: the selection is made
    /// from the batch of the call, which has to be the whole batch.
    pub select: Option<&'a TopKSearch>,
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
            select: None,
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

/// Denominators below this value are treated as zero: the ratio is defined as 1 and its gradient as 0.
pub const MIN_DENOMINATOR: f64 = 1e-30;

/// Checks that every parameter is finite and ≥ 0.
///
/// # Errors
/// [`Error`] with the first parameter that is not.
///
/// # Examples
/// ```
/// use segloss::non_negative;
///
/// assert!(non_negative(&[(c"alpha", 0.3), (c"beta", 0.0)]).is_ok());
/// let error = non_negative(&[(c"alpha", 0.3), (c"beta", -1.0)]).unwrap_err();
/// assert_eq!(error.to_string(), "invalid beta: -1 (expected finite and >= 0)");
/// ```
pub fn non_negative(parameters: &[(&'static CStr, f64)]) -> Result<(), Error> {
    check(parameters, |x| x >= 0.0, c"finite and >= 0")
}

/// Checks that every parameter is finite and that `is_valid` holds for it.
///
/// # Errors
/// [`Error`] with the first parameter for which this fails; `expected` is its [`Error::expected`].
///
/// # Examples
/// ```
/// use segloss::check;
///
/// let error = check(&[(c"k", 1.5)], |k| k > 0.0 && k <= 1.0, c"in (0, 1]").unwrap_err();
/// assert_eq!(error.to_string(), "invalid k: 1.5 (expected in (0, 1])");
/// ```
pub fn check(
    parameters: &[(&'static CStr, f64)],
    is_valid: impl Fn(f64) -> bool,
    expected: &'static CStr,
) -> Result<(), Error> {
    match parameters.iter().find(|(_, x)| !(x.is_finite() && is_valid(*x))) {
        Some((name, x)) => Err(Error::new(crate::Status::Parameter, name, expected).with_given(*x)),
        None => Ok(()),
    }
}
