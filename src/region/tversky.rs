//! Tversky loss: a Dice loss with separate weights for false positives and false negatives.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::{MIN_DENOMINATOR, non_negative};

/// Tversky loss of a class (10), in [0, 1]; 0 is perfect.
///
/// ```text
///                I + ε_n                  I  = Σ w·g·s          true positives
/// 1 − ──────────────────────────         FP = Σ w·(1 − g)·s    false positives
///      I + α·FP + β·FN + ε_d             FN = Σ w·g·(1 − s)    false negatives
/// ```
///
/// `s` is the predicted probability of the class at a voxel and `g` its target, both in [0, 1] (soft targets
/// included); `w` is the weight of the voxel. The sums run over the voxels of one sample, or of all samples if
/// samples are pooled. `α = β = ½` with smoothing `ε` is Dice with `2ε`; `α = β = 1` is IoU; `β > α` favours recall.
/// A denominator below [`MIN_DENOMINATOR`] gives the value 0 and the gradient 0. Defaults: `α = 0.3`, `β = 0.7`,
/// `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless all four parameters are finite and ≥ 0.
///
/// # Source
/// Salehi, Erdogmus, Gholipour (2017), <https://arxiv.org/abs/1706.05721>.
/// The paper has no `ε`. With `ε_n = ε_d > 0` a class absent from target and prediction has the value 0.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, Tversky};
///
/// // One true positive, one false negative, two false positives.
/// let class = ClassSums { target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = Tversky { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Tversky::default() };
/// assert!((loss.evaluate(&class).0 - (1.0 - 1.0 / (1.0 + 0.3 * 2.0 + 0.7))).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tversky {
    /// The weight `α` of false positives, ≥ 0.
    pub alpha: f64,
    /// The weight `β` of false negatives, ≥ 0.
    pub beta: f64,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for Tversky {
    /// `α = 0.3`, `β = 0.7`, the best setting of the paper, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { alpha: 0.3, beta: 0.7, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl RegionLoss for Tversky {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { alpha, beta, smooth_numerator, smooth_denominator } = *self;
        let false_positive = class.prediction - class.intersection;
        let false_negative = class.target - class.intersection;
        let errors = alpha * false_positive + beta * false_negative;
        let denominator = class.intersection + errors + smooth_denominator;
        if denominator < MIN_DENOMINATOR {
            return (0.0, ClassSums::ZERO);
        }
        // Loss and ratio are formed separately: 1 − ratio would cancel near a perfect prediction, where the loss is
        // exactly 0, and 1 − loss would cancel for a small ratio.
        let loss = (errors + smooth_denominator - smooth_numerator) / denominator;
        let ratio = (class.intersection + smooth_numerator) / denominator;
        // Quotient rule, with ∂denominator/∂intersection = 1 − α − β and ∂denominator/∂prediction = α.
        let slope = ClassSums {
            intersection: (ratio * (1.0 - alpha - beta) - 1.0) / denominator,
            prediction: ratio * alpha / denominator,
            ..ClassSums::ZERO
        };
        (loss, slope)
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { alpha, beta, smooth_numerator, smooth_denominator } = *self;
        non_negative(&[
            (c"alpha", alpha),
            (c"beta", beta),
            (c"smooth_numerator", smooth_numerator),
            (c"smooth_denominator", smooth_denominator),
        ])
    }
}

impl Loss for Tversky {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    const BARE: Tversky = Tversky { alpha: 0.3, beta: 0.7, smooth_numerator: 0.0, smooth_denominator: 0.0 };

    #[test]
    fn one_true_positive_one_false_negative_two_false_positives() {
        let class =
            ClassSums { weight: 5.0, target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
        let (loss, _) = BARE.evaluate(&class);
        assert_close(loss, 1.0 - 1.0 / (1.0 + 2.0 * 0.3 + 1.0 * 0.7));
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Tversky::default());
        check_slopes(&Tversky { alpha: 1.0, beta: 1.0, ..Tversky::default() });
    }

    #[test]
    fn a_class_absent_from_target_and_prediction_has_zero_loss() {
        assert_eq!(Tversky::default().evaluate(&ClassSums::ZERO).0, 0.0);
        assert_eq!(BARE.evaluate(&ClassSums::ZERO).0, 0.0);
    }

    #[test]
    fn a_nan_parameter_is_refused() {
        assert!(Tversky { alpha: f64::NAN, ..BARE }.validate().is_err());
    }
}
