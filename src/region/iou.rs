//! IoU (Jaccard) loss: one minus the intersection over the union of prediction and target.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::MIN_DENOMINATOR;
use crate::region::dice::Squares;
use crate::region::tversky::Tversky;

/// IoU loss of a class (9), in [0, 1]; 0 is perfect.
///
/// ```text
///          I + ε_n             I = Σ w·g·s        D = S + G    or, squared,
/// 1 − ────────────────         S = Σ w·s              S₂ + G₂ = Σ w·s² + Σ w·g²
///        D − I + ε_d           G = Σ w·g
/// ```
///
/// `s` is the predicted probability of the class at a voxel and `g` its target, both in [0, 1] (soft targets
/// included); `w` is the weight of the voxel. The sums run over the voxels of one sample, or of all samples if
/// samples are pooled. The linear form is [`Tversky`] with `α = β = 1`. A denominator below [`MIN_DENOMINATOR`] gives
/// the value 0 and the gradient 0. Defaults: linear, `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and ≥ 0.
///
/// # Source
/// Rahman, Wang (2016), <https://doi.org/10.1007/978-3-319-50835-1_22>.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, Iou};
///
/// // One true positive, one false negative, two false positives.
/// let class = ClassSums { target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = Iou { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Iou::default() };
/// assert_eq!(loss.evaluate(&class).0, 1.0 - 1.0 / 4.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iou {
    /// The sums in the denominator.
    pub squares: Squares,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for Iou {
    /// Linear, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { squares: Squares::Linear, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl Iou {
    fn as_tversky(&self) -> Tversky {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        Tversky { alpha: 1.0, beta: 1.0, smooth_numerator, smooth_denominator }
    }
}

impl RegionLoss for Iou {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { squares, smooth_numerator, smooth_denominator } = *self;
        if squares == Squares::Linear {
            return self.as_tversky().evaluate(class);
        }
        let errors = class.squared_error_positive + class.squared_error_negative;
        let denominator = class.intersection + errors + smooth_denominator;
        if denominator < MIN_DENOMINATOR {
            return (0.0, ClassSums::ZERO);
        }
        // Loss and ratio are formed separately: 1 − ratio would cancel near a perfect prediction, where the loss is
        // exactly 0, and 1 − loss would cancel for a small ratio.
        let loss = (errors + smooth_denominator - smooth_numerator) / denominator;
        let ratio = (class.intersection + smooth_numerator) / denominator;
        // Quotient rule: the derivative of the denominator by the intersection and by both squared errors is 1.
        let slope = ClassSums {
            intersection: -loss / denominator,
            squared_error_positive: ratio / denominator,
            squared_error_negative: ratio / denominator,
            ..ClassSums::ZERO
        };
        (loss, slope)
    }

    fn uses_squared_error(&self) -> bool {
        self.squares == Squares::Squared
    }

    fn validate(&self) -> Result<(), Error> {
        self.as_tversky().validate()
    }
}

impl Loss for Iou {
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
        let class = ClassSums {
            weight: 5.0,
            target: 2.0,
            prediction: 3.0,
            intersection: 1.0,
            squared_error_positive: 1.0,
            squared_error_negative: 2.0,
            ..ClassSums::ZERO
        };
        let bare = Iou { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Iou::default() };
        assert_close(bare.evaluate(&class).0, 1.0 - 1.0 / 4.0);
        assert_close(Iou { squares: Squares::Squared, ..bare }.evaluate(&class).0, 1.0 - 1.0 / 4.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Iou::default());
        check_slopes(&Iou { squares: Squares::Squared, ..Iou::default() });
    }
}
