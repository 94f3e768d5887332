//! Cross entropy: the logarithm of what the truth was thought likely.

use crate::{Contribution, Error, Loss, LossKind, Normalizer, Real, Voxel, VoxelLoss, check};

/// Cross entropy (2) and, with class weights, weighted cross entropy (3); ≥ 0, and 0 is perfect.
///
/// ```text
/// L = −(1/n) Σ w Σ_c v·g·log s            n = W = Σ w, or Σ w Σ_c v·g by class weight
/// ```
///
/// With classes on their own (sigmoid) each is a Bernoulli variable: `g·log s + (1 − g)·log(1 − s)`
/// stands for `g·log s`, and the cost of a voxel is the mean over the classes, weighted by `v`.
/// Label smoothing `λ` replaces `g` by `(1 − λ)·g + λ/C`, with sigmoid by `(1 − λ)·g + λ/2`; `n` uses
/// `g` before it. The value is in nats per voxel.
///
/// # Errors
/// [`Error`] unless `label_smoothing` lies in [0, 1].
///
/// # Source
/// Ma (2020), <https://arxiv.org/abs/2005.13449>, equations (2) and (3); weights of classes: Ronneberger, Fischer, Brox
/// (2015), U-Net, <https://arxiv.org/abs/1505.04597>; label smoothing: Szegedy et al. (2016),
/// <https://arxiv.org/abs/1512.00567>.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// Label smoothing `λ`.
    pub label_smoothing: f64,
    /// What the sum is divided by.
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
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
