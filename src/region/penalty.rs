//! Penalty loss (pGD): generalized Dice loss `GD` divided by `1 + k·(1 − GD)`.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::JointRegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::non_negative;
use crate::region::generalized_dice::GeneralizedDice;

/// Penalty loss of a sample (14), also called pGD, in [0, 1]; 0 is perfect.
///
/// ```text
/// L = GD / (1 + k·(1 − GD))              GD = generalized Dice loss
/// ```
///
/// `k = 0` is [`GeneralizedDice`] bit for bit. Default: `k = 2.5`, with the defaults of [`GeneralizedDice`].
///
/// # Errors
/// [`Error`] unless `k` and both smoothings are finite and ≥ 0.
///
/// # Source
/// Su, Kuo, Ho (2019), <https://arxiv.org/abs/1910.09783>.
///
/// # Examples
/// ```
/// use segloss::custom::JointRegionLoss;
/// use segloss::{ClassSums, GeneralizedDice, Penalty};
///
/// let class = ClassSums { target: 4.0, prediction: 4.0, intersection: 2.0, ..ClassSums::ZERO };
/// let dice = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
/// let loss = Penalty { generalized_dice: dice, k: 2.0 };
/// assert_eq!(loss.evaluate(&[class], &[1.0], &mut [ClassSums::ZERO]), 0.5 / (1.0 + 2.0 * 0.5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// The generalized Dice loss `GD`.
    pub generalized_dice: GeneralizedDice,
    /// The penalty strength `k` ≥ 0; 0 is generalized Dice.
    pub k: f64,
}

impl Default for Penalty {
    /// `k = 2.5`, the best setting of the source.
    fn default() -> Self {
        Self { generalized_dice: GeneralizedDice::default(), k: 2.5 }
    }
}

impl JointRegionLoss for Penalty {
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64 {
        let loss = self.generalized_dice.evaluate(classes, weights, slopes);
        let denominator = 1.0 + self.k * (1.0 - loss);
        // Quotient rule: the numerator of the derivative is denominator + k·GD = 1 + k.
        let derivative = (1.0 + self.k) / (denominator * denominator);
        for slope in slopes {
            slope.combine(&ClassSums::ZERO, |x, _| x * derivative);
        }
        loss / denominator
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"k", self.k)])?;
        self.generalized_dice.validate()
    }
}

impl Loss for Penalty {
    fn kind(&self) -> LossKind<'_> {
        LossKind::JointRegion(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_joint_slopes};

    #[test]
    fn half_an_intersection_has_half_of_its_generalized_dice_loss() {
        let class = ClassSums { target: 4.0, prediction: 4.0, intersection: 2.0, ..ClassSums::ZERO };
        let bare = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
        let penalty = Penalty { generalized_dice: bare, k: 2.0 };
        assert_close(penalty.evaluate(&[class], &[1.0], &mut [ClassSums::ZERO]), 0.5 / 2.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_joint_slopes(&Penalty::default());
    }

    #[test]
    fn k_zero_is_generalized_dice() {
        let class = ClassSums { target: 4.0, prediction: 3.0, intersection: 2.0, ..ClassSums::ZERO };
        let (mut slopes, mut expected) = ([ClassSums::ZERO], [ClassSums::ZERO]);
        let value = Penalty { k: 0.0, ..Penalty::default() }.evaluate(&[class], &[1.0], &mut slopes);
        assert_eq!(value, GeneralizedDice::default().evaluate(&[class], &[1.0], &mut expected));
        assert_eq!(slopes, expected);
    }
}
