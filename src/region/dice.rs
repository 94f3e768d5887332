//! Dice loss: one minus twice the intersection over the sum of the sizes of prediction and target.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::{MIN_DENOMINATOR, non_negative};

/// Whether the denominator of [`Dice`] and [`Iou`](crate::region::iou::Iou) sums probabilities or their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Squares {
    /// `S + G`, as in most libraries.
    #[default]
    Linear,
    /// `S₂ + G₂`, as in the paper and V-Net.
    Squared,
}

/// Dice loss of a class (8), in [0, 1]; 0 is perfect.
///
/// ```text
///          2·I + ε_n             I = Σ w·g·s        D = S + G    or, squared,
/// 1 − ────────────────           S = Σ w·s              S₂ + G₂ = Σ w·s² + Σ w·g²
///           D + ε_d              G = Σ w·g
/// ```
///
/// `s` is the predicted probability of the class at a voxel and `g` its target, both in [0, 1] (soft targets
/// included); `w` is the weight of the voxel. The sums run over the voxels of one sample, or of all samples if
/// samples are pooled. A denominator below [`MIN_DENOMINATOR`] gives the value 0 and the gradient 0. Defaults:
/// linear, `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and ≥ 0.
///
/// # Source
/// Milletari, Navab, Ahmadi (2016), V-Net, <https://arxiv.org/abs/1606.04797>, for the squared form.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, Dice};
///
/// // One true positive, one false negative, two false positives.
/// let class = ClassSums { target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = Dice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Dice::default() };
/// assert_eq!(loss.evaluate(&class).0, 1.0 - 2.0 / 5.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    /// The sums in the denominator.
    pub squares: Squares,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for Dice {
    /// Linear, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { squares: Squares::Linear, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl RegionLoss for Dice {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { squares, smooth_numerator, smooth_denominator } = *self;
        // D − 2·I: false positives and false negatives, or the squared error.
        let errors = match squares {
            Squares::Linear => (class.prediction - class.intersection) + (class.target - class.intersection),
            Squares::Squared => class.squared_error_positive + class.squared_error_negative,
        };
        let denominator = 2.0 * class.intersection + errors + smooth_denominator;
        if denominator < MIN_DENOMINATOR {
            return (0.0, ClassSums::ZERO);
        }
        // Loss and ratio are formed separately: 1 − ratio would cancel near a perfect prediction, where the loss is
        // exactly 0, and 1 − loss would cancel for a small ratio.
        let loss = (errors + smooth_denominator - smooth_numerator) / denominator;
        let ratio = (2.0 * class.intersection + smooth_numerator) / denominator;
        // Quotient rule. Linear: ∂denominator/∂intersection = 0, ∂denominator/∂prediction = 1.
        // Squared: ∂denominator/∂intersection = 2, 1 for both squared errors.
        let slope = match squares {
            Squares::Linear => ClassSums {
                intersection: -2.0 / denominator,
                prediction: ratio / denominator,
                ..ClassSums::ZERO
            },
            Squares::Squared => ClassSums {
                intersection: -2.0 * loss / denominator,
                squared_error_positive: ratio / denominator,
                squared_error_negative: ratio / denominator,
                ..ClassSums::ZERO
            },
        };
        (loss, slope)
    }

    fn uses_squared_error(&self) -> bool {
        self.squares == Squares::Squared
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        non_negative(&[(c"smooth_numerator", smooth_numerator), (c"smooth_denominator", smooth_denominator)])
    }
}

impl Loss for Dice {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    const BARE: Dice = Dice { squares: Squares::Linear, smooth_numerator: 0.0, smooth_denominator: 0.0 };

    #[test]
    fn one_true_positive_one_false_negative_two_false_positives() {
        let class =
            ClassSums { weight: 5.0, target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
        assert_close(BARE.evaluate(&class).0, 1.0 - 2.0 / 5.0);
        // For probabilities of 0 and 1 the squared form has the same value.
        let class = ClassSums { squared_error_positive: 1.0, squared_error_negative: 2.0, ..class };
        assert_close(Dice { squares: Squares::Squared, ..BARE }.evaluate(&class).0, 1.0 - 2.0 / 5.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Dice::default());
        check_slopes(&Dice { squares: Squares::Squared, ..Dice::default() });
        check_slopes(&Dice { smooth_numerator: 0.0, smooth_denominator: 1.0, ..Dice::default() });
    }

    #[test]
    fn a_class_absent_from_target_and_prediction_has_zero_loss() {
        assert_eq!(Dice::default().evaluate(&ClassSums::ZERO).0, 0.0);
        assert_eq!(BARE.evaluate(&ClassSums::ZERO).0, 0.0);
    }
}
