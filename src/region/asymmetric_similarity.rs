//! Asymmetric similarity loss: one minus the F_β score, a Tversky loss whose weights sum to one.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::non_negative;
use crate::region::tversky::Tversky;

/// Asymmetric similarity loss of a class (13), in [0, 1]; 0 is perfect.
///
/// ```text
/// Tversky with  α = 1/(1 + β²)  on false positives and  β²/(1 + β²)  on false negatives
/// ```
///
/// `β > 1` favours recall; `β = 1` is Tversky with `α = β = ½`. Sums and smoothing are those of [`Tversky`]. Defaults:
/// `β = 1.5`, `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless all three parameters are finite and ≥ 0.
///
/// # Source
/// Hashemi et al. (2018), <https://arxiv.org/abs/1803.11078>.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, AsymmetricSimilarity};
///
/// // One true positive, one false negative, two false positives.
/// let class = ClassSums { target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = AsymmetricSimilarity { beta: 2.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
/// assert!((loss.evaluate(&class).0 - (1.0 - 1.0 / (1.0 + 0.2 * 2.0 + 0.8))).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AsymmetricSimilarity {
    /// The parameter `β` ≥ 0 of the F_β score: false negatives weigh `β²` times as much as false positives.
    pub beta: f64,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for AsymmetricSimilarity {
    /// `β = 1.5`, the best setting of the source, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { beta: 1.5, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl AsymmetricSimilarity {
    fn as_tversky(&self) -> Tversky {
        let Self { beta, smooth_numerator, smooth_denominator } = *self;
        // By 1/β², because β²/(1 + β²) is NaN where β² overflows.
        let false_negative = 1.0 / (1.0 + 1.0 / (beta * beta));
        Tversky {
            alpha: 1.0 / (1.0 + beta * beta),
            beta: false_negative,
            smooth_numerator,
            smooth_denominator,
        }
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
    fn one_true_positive_one_false_negative_two_false_positives() {
        let class =
            ClassSums { weight: 5.0, target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
        let bare = AsymmetricSimilarity { beta: 2.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 1.0 - 1.0 / (1.0 + 2.0 * 0.2 + 1.0 * 0.8));
        // With β = 0 only false positives count.
        assert_close(AsymmetricSimilarity { beta: 0.0, ..bare }.evaluate(&class).0, 1.0 - 1.0 / 3.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&AsymmetricSimilarity::default());
    }
}
