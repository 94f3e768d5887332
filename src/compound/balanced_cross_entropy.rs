//! Balanced cross entropy: the first half of combo, in which both outcomes pay.

use crate::{Contribution, Error, Loss, LossKind, Real, Voxel, VoxelLoss, check};

/// Balanced cross entropy, the first half of combo loss (15), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w Σ_c v·(β·g·log s + (1 − β)·(1 − g)·log(1 − s))
/// ```
///
/// Summed over the classes for every activation: with softmax, too, a class pays where it is not.
/// In nats per voxel.
///
/// # Errors
/// [`Error`] unless `β` lies in [0, 1].
///
/// # Source
/// Taghanaki et al. (2018), <https://arxiv.org/abs/1805.02798>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalancedCrossEntropy {
    /// What a false negative pays; a false positive pays `1 − β`.
    pub beta: f64,
}

impl Default for BalancedCrossEntropy {
    /// `β = ½`: both alike.
    fn default() -> Self {
        Self { beta: 0.5 }
    }
}

impl VoxelLoss for BalancedCrossEntropy {
    const CONTRIBUTION: Contribution = Contribution::BothOutcomes;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (-voxel.log_probability, -T::one())
    }

    fn outcome_weights(&self) -> [f64; 2] {
        [self.beta, 1.0 - self.beta]
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"beta", self.beta)], |beta| (0.0..=1.0).contains(&beta), c"in [0, 1]")
    }
}

impl Loss for BalancedCrossEntropy {
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
