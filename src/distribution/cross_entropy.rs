//! Cross entropy: the negative log-likelihood of the target.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::voxel::{Contribution, Normalizer, Voxel, VoxelLoss};
use crate::parameter::check;

/// Cross entropy (2) and, with class weights, weighted cross entropy (3); ≥ 0, and 0 is perfect.
///
/// ```text
/// L = −(1/n) Σ w Σ_c v·g·log s            n = W = Σ w, or Σ w Σ_c v·g by class weight
/// ```
///
/// `w` is the weight of a voxel, `v` the weight of a class, `g` the target and `s` the predicted probability of the
/// class. With independent classes (sigmoid) each class is a Bernoulli variable: `g·log s + (1 − g)·log(1 − s)`
/// replaces `g·log s`, and the loss of a voxel is the mean over the classes, weighted by `v`. Label smoothing `λ`
/// replaces `g` by `(1 − λ)·g + λ/C`, with sigmoid by `(1 − λ)·g + λ/2`; `n` uses `g` before smoothing. The value is
/// in nats per voxel. Defaults: `λ = 0`, `n = W`.
///
/// # Errors
/// [`Error`] unless `label_smoothing` lies in [0, 1].
///
/// # Source
/// Ma (2020), <https://arxiv.org/abs/2005.13449>, equations (2) and (3); class weights: Ronneberger, Fischer, Brox
/// (2015), U-Net, <https://arxiv.org/abs/1505.04597>; label smoothing: Szegedy et al. (2016),
/// <https://arxiv.org/abs/1512.00567>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Term, View, evaluate, scratch_len};
///
/// // Two voxels of two classes, whose target classes have the probabilities 0.5 and 0.8.
/// let (probabilities, labels) = ([0.5f64, 0.2, 0.5, 0.8], [0u8, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let loss = CrossEntropy::default();
/// let terms = [Term::new(1.0, &loss)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// let expected = (-0.5f64.ln() - 0.8f64.ln()) / 2.0;
/// assert!((value - expected).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Label smoothing `λ`, in [0, 1].
    pub label_smoothing: f64,
    /// The divisor `n` of the sum.
    pub normalizer: Normalizer,
}

impl VoxelLoss for CrossEntropy {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;
    const CONSTANT_SLOPE: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (-voxel.log_probability, -T::one())
    }

    fn label_smoothing(&self) -> f64 {
        self.label_smoothing
    }

    fn normalizer(&self) -> Normalizer {
        self.normalizer
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"label_smoothing", self.label_smoothing)], |x| (0.0..=1.0).contains(&x), c"in [0, 1]")
    }
}

impl Loss for CrossEntropy {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
