//! Focal loss: cross entropy down-weighted for well-classified voxels.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::voxel::{Base, Contribution, Voxel, VoxelLoss};
use crate::parameter::non_negative;

/// Focal loss (5), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w Σ_c v·(1 − s)^γ·g·log s
/// ```
///
/// `w` is the weight of a voxel, `v` the weight of a class, `g` the target and `s` the predicted probability of the
/// class. With independent classes (sigmoid) the loss of a voxel and class is
/// `g·(1 − s)^γ·(−log s) + (1 − g)·s^γ·(−log(1 − s))`, and the loss of a voxel is the mean over the classes, weighted
/// by `v`. `γ = 0` is weighted cross entropy bit for bit. The class weights `v` are the α of the source. The value is
/// in nats per voxel. Default: `γ = 2`.
///
/// # Errors
/// [`Error`] unless `γ` is finite and ≥ 0.
///
/// # Source
/// Lin et al. (2017), <https://arxiv.org/abs/1708.02002>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Focal, Term, View, evaluate, scratch_len};
///
/// // Two voxels of two classes, whose target classes have the probabilities 0.5 and 0.8.
/// let (probabilities, labels) = ([0.5f64, 0.2, 0.5, 0.8], [0u8, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let loss = Focal { gamma: 2.0 };
/// let terms = [Term::new(1.0, &loss)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// let expected = (-0.25 * 0.5f64.ln() - 0.04 * 0.8f64.ln()) / 2.0;
/// assert!((value - expected).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    /// The focusing parameter `γ` ≥ 0.
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
    // s·ln s tends to 0 with s.
    const SLOPE_NEEDS_LOG_OF_ZERO: bool = false;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { probability, complement, log_probability, power, .. } = voxel;
        let nats = -log_probability;
        // (−log s)/(1 − s) tends to 1 for s → 1.
        let ratio = nats / complement;
        let ratio = if complement == T::zero() { T::one() } else { ratio };
        // Product rule, with ∂s/∂ln s = s. The product s·ln s tends to 0 for s → 0.
        (power * nats, -power * (T::one() + ratio.times(T::of(self.gamma) * probability)))
    }

    fn exponent(&self) -> f64 {
        self.gamma
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"gamma", self.gamma)])
    }
}

impl Loss for Focal {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
