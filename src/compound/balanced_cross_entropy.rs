//! Balanced cross entropy: cross entropy of both outcomes of each class with two weights; the first term of Combo.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::parameter::check;

/// Balanced cross entropy, the first term of Combo loss (15), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w Σ_c v·(β·g·log s + (1 − β)·(1 − g)·log(1 − s))
/// ```
///
/// `w` is the weight of a voxel, `v` the weight of a class, `g` the target and `s` the predicted probability of the
/// class. The loss of a voxel is the sum over the classes for every activation: with softmax too, both outcomes of
/// each class contribute. The value is in nats per voxel. Default: `β = ½`.
///
/// # Errors
/// [`Error`] unless `β` lies in [0, 1].
///
/// # Source
/// Taghanaki et al. (2018), <https://arxiv.org/abs/1805.02798>.
///
/// # Examples
/// ```
/// use segloss::{Activation, BalancedCrossEntropy, Batch, Term, View, evaluate, scratch_len};
///
/// // Two voxels of two classes, whose target classes have the probabilities 0.5 and 0.8.
/// let (probabilities, labels) = ([0.5f64, 0.2, 0.5, 0.8], [0u8, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let loss = BalancedCrossEntropy { beta: 0.5 };
/// let terms = [Term::new(1.0, &loss)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // Both classes contribute ½·(−ln s) of the target class.
/// assert!((value - (-0.5f64.ln() - 0.8f64.ln()) / 2.0).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalancedCrossEntropy {
    /// The weight `β` of the positive outcome, in [0, 1]; the negative outcome has the weight `1 − β`.
    pub beta: f64,
}

impl Default for BalancedCrossEntropy {
    /// `β = ½`, equal weights.
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
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
