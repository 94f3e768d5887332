//! Focal: cross entropy that looks away from what is already right.

use crate::{Base, Contribution, Error, Loss, LossKind, Real, Voxel, VoxelLoss, non_negative};

/// Focal loss (5), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w Σ_c v·(1 − s)^γ·g·log s
/// ```
///
/// With classes on their own (sigmoid) each voxel and class pays
/// `g·(1 − s)^γ·(−log s) + (1 − g)·s^γ·(−log(1 − s))`, and the cost of a voxel is the mean over the
/// classes, weighted by `v`. `γ = 0` is weighted cross entropy, bit for bit. The class weights `v`
/// are the α of the source. In nats per voxel.
///
/// # Errors
/// [`Error`] unless `γ` is finite and not negative.
///
/// # Source
/// Lin et al. (2017), <https://arxiv.org/abs/1708.02002>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    /// Focusing parameter `γ`.
    pub gamma: f64,
}

impl Default for Focal {
    /// `γ = 2`, the best setting of the source.
    fn default() -> Self {
        Self { gamma: 2.0 }
    }
}

impl VoxelLoss for Focal {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;
    const POWER_BASE: Base = Base::Complement;
    // s·ln s is 0 where s is.
    const SLOPE_NEEDS_LOG_OF_ZERO: bool = false;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { probability, complement, log_probability, power: raised, .. } = voxel;
        let surprise = -log_probability;
        // (−log s)/(1 − s) is 1 in the limit s = 1.
        let ratio = surprise / complement;
        let ratio = if complement == T::zero() { T::one() } else { ratio };
        // Product rule, by ∂s/∂ln s = s. In the limit s = 0 the product s·ln s is 0.
        (raised * surprise, -raised * (T::one() + ratio.times(T::of(self.gamma) * probability)))
    }

    fn exponent(&self) -> f64 {
        self.gamma
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"gamma", self.gamma)])
    }
}

impl Loss for Focal {
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
