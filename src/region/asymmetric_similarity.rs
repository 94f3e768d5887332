//! Asymmetric similarity: an F_β score, and so a Tversky whose prices add up to one.

use super::Tversky;
use crate::{ClassSums, Error, Loss, LossKind, RegionLoss, non_negative};

/// Asymmetric similarity loss of a class (13), in [0, 1]; 0 is perfect.
///
/// ```text
/// Tversky with  α = 1/(1 + β²)  on false positives and  β²/(1 + β²)  on false negatives
/// ```
///
/// `β > 1` favours recall; `β = 1` is `Tversky(½, ½)`.
///
/// # Errors
/// [`Error`] unless the parameters are finite and not negative.
///
/// # Source
/// Hashemi et al. (2018), <https://arxiv.org/abs/1803.11078>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AsymmetricSimilarity {
    /// How much more a false negative costs than a false positive, its root.
    pub beta: f64,
    /// Smoothing `ε_n` of the numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for AsymmetricSimilarity {
    /// `β = 1.5`, the best setting of the source, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { beta: 1.5, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl AsymmetricSimilarity {
    fn as_tversky(&self) -> Tversky {
        let Self { beta, smooth_numerator, smooth_denominator } = *self;
        // By 1/β² where β² would overflow the sum.
        let overlooked = 1.0 / (1.0 + 1.0 / (beta * beta));
        Tversky { alpha: 1.0 / (1.0 + beta * beta), beta: overlooked, smooth_numerator, smooth_denominator }
    }
}

impl RegionLoss for AsymmetricSimilarity {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        self.as_tversky().evaluate(class)
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"beta", self.beta)])?;
        self.as_tversky().validate()
    }
}

impl Loss for AsymmetricSimilarity {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    #[test]
    fn one_found_one_overlooked_two_invented() {
        let class =
            ClassSums { weight: 5.0, target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
        let bare = AsymmetricSimilarity { beta: 2.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 1.0 - 1.0 / (1.0 + 2.0 * 0.2 + 1.0 * 0.8));
        // β = 0 prices false positives only.
        assert_close(AsymmetricSimilarity { beta: 0.0, ..bare }.evaluate(&class).0, 1.0 - 1.0 / 3.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&AsymmetricSimilarity::default());
    }
}
