//! Losses that are a function of one voxel.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::selection::Selection;

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
///
/// ```
/// use segloss::custom::{Real, Voxel};
///
/// /// `|s − g|` and its slope by `s`.
/// fn absolute_error<T: Real>(voxel: Voxel<T>) -> (T, T) {
///     let error = voxel.error();
///     (error.abs(), error.signum())
/// }
/// ```
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
/// A custom loss implements this trait and [`Loss`](crate::Loss):
///
/// ```
/// use segloss::custom::{Contribution, LossKind, Real, Voxel, VoxelLoss};
/// use segloss::{Activation, Batch, Loss, Term, View, evaluate, scratch_len};
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

    /// For [`Contribution::AllClasses`]: whether the loss reads [`Voxel::log_probability`]. If it does not, softmax with
    /// labels computes no logarithms of all classes for it.
    const READS_LOGARITHM: bool = true;

    /// Returns the loss of a voxel and its slope: `∂/∂s` for [`Contribution::AllClasses`], `∂/∂ln(probability)`
    /// otherwise.
    ///
    /// Implementations should be `#[inline(always)]` and branch-free, made of functions of [`Real`], so that the loop
    /// over a row vectorises.
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T);

    /// Returns the derivative of the slope of [`evaluate`](Self::evaluate) by the same variable. `None` (the default):
    /// unsupported.
    ///
    /// No function of this version calls it. A loss that implements it now has second derivatives as soon as the engine
    /// computes them.
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
