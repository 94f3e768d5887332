//! Power cross entropy: the mean of a power of `−log s`; the second term of the exponential logarithmic loss.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::kind::{DefaultClassWeights, Loss, LossKind};
use crate::loss::voxel::{Base, Contribution, Voxel, VoxelLoss};
use crate::parameter::non_negative;

/// Power cross entropy, the second term of the exponential logarithmic loss (16), ≥ 0; 0 is perfect.
///
/// ```text
/// L = (1/W) Σ w Σ_c v·g·(−log s)^γ               v_c = (Σf / f_c)^½,  f_c = Σ_b Σ w·g
/// ```
///
/// `w` is the weight of a voxel, `g` the target and `s` the predicted probability of the class. Only the positive
/// outcome contributes, for every activation. The class weights `v_c` come from the frequencies in the batch, 0 for
/// an absent class; given class weights replace them. For `γ < 1` and `−log s < 1e-6` the power is replaced by its
/// chord, so that the slope is finite. The value is in nats to the power of `γ` per voxel. Default: `γ = 0.3`.
///
/// # Errors
/// [`Error`] unless `γ` is finite and ≥ 0.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, PowerCrossEntropy, Term, View, evaluate, scratch_len};
///
/// // Two voxels of two classes, whose target classes have the probabilities 0.5 and 0.8.
/// let (probabilities, labels) = ([0.5f64, 0.2, 0.5, 0.8], [0u8, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let loss = PowerCrossEntropy { gamma: 2.0 };
/// let terms = [Term::new(1.0, &loss)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // Each class has half of the voxels, so that its weight is √2.
/// let expected = 2f64.sqrt() * (0.5f64.ln().powi(2) + 0.8f64.ln().powi(2)) / 2.0;
/// assert!((value - expected).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerCrossEntropy {
    /// The exponent `γ` ≥ 0.
    pub gamma: f64,
}

impl Default for PowerCrossEntropy {
    /// `γ = 0.3`, as in the source.
    fn default() -> Self {
        Self { gamma: 0.3 }
    }
}

/// Below this value a power with an exponent below 1 is replaced by its chord.
const TAU: f64 = 1e-6;

impl VoxelLoss for PowerCrossEntropy {
    const CONTRIBUTION: Contribution = Contribution::TrueClass;
    const POWER_BASE: Base = Base::NegLogProbability;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { log_probability, power, .. } = voxel;
        let (nats, gamma) = (-log_probability, T::of(self.gamma));
        if self.gamma == 1.0 {
            return (nats, -T::one());
        }
        // Below τ the base of `power` is τ (`min_base`). The slope of the chord is τ^γ/τ = τ^(γ−1): for the value
        // `power` is τ^γ, for the slope τ^(γ−1).
        let is_chord = self.gamma < 1.0 && nats < T::of(TAU);
        let value = if is_chord { nats * (power / T::of(TAU)) } else { power };
        // ∂x^γ/∂x = γ·x^(γ−1), which is 0 at x = 0 for γ > 1.
        let derivative = if is_chord { power } else { gamma * power };
        // ∂(−log s)/∂log s = −1.
        (value, -derivative)
    }

    fn exponent(&self) -> f64 {
        self.gamma
    }

    fn slope_exponent(&self) -> f64 {
        self.gamma - 1.0
    }

    fn min_base(&self) -> f64 {
        if self.gamma < 1.0 { TAU } else { 0.0 }
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"gamma", self.gamma)])
    }
}

impl Loss for PowerCrossEntropy {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Frequency
    }
}
