//! Power cross entropy: the second half of the exponential logarithmic loss.

use crate::{
    Base, Contribution, DefaultClassWeights, Error, Loss, LossKind, Real, Voxel, VoxelLoss, non_negative,
};

/// Power cross entropy, the second half of the exponential logarithmic loss (16), ≥ 0; 0 is perfect.
///
/// ```text
/// L = (1/W) Σ w Σ_c v·g·(−log s)^γ               v_c = (Σf / f_c)^½,  f_c = Σ_b Σ w·g
/// ```
///
/// Due on the true class only, with classes on their own too. Class weights that are given take the
/// place of those from frequencies. Below `−log s = 1e-6` a power under 1 is its chord, so that the
/// slope stays finite.
///
/// # Errors
/// [`Error`] unless `γ` is finite and not negative.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerCrossEntropy {
    /// The exponent `γ`.
    pub gamma: f64,
}

impl Default for PowerCrossEntropy {
    /// `γ = 0.3`, as in the source.
    fn default() -> Self {
        Self { gamma: 0.3 }
    }
}

/// Below this a power under one is its chord.
const TAU: f64 = 1e-6;

impl VoxelLoss for PowerCrossEntropy {
    const CONTRIBUTION: Contribution = Contribution::TrueClass;
    const POWER_BASE: Base = Base::NegLogProbability;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { log_probability, power: raised, .. } = voxel;
        let (surprise, gamma) = (-log_probability, T::of(self.gamma));
        if self.gamma == 1.0 {
            return (surprise, -T::one());
        }
        // Below τ the power of τ was raised: the chord's steepness is τ^γ/τ, of the slope τ^(γ−1) itself.
        let is_flat = self.gamma < 1.0 && surprise < T::of(TAU);
        let value = if is_flat { surprise * (raised / T::of(TAU)) } else { raised };
        // ∂x^γ/∂x = γ·x^(γ−1), and 0 at x = 0 for γ above one.
        let steepness = if is_flat { raised } else { gamma * raised };
        // −log s falls as log s rises.
        (value, -steepness)
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
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Frequency
    }
}
