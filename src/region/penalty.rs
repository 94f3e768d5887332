//! Penalty: generalized Dice, bent so that a poor overlap costs less and a good one is worth more.

use super::GeneralizedDice;
use crate::{ClassSums, Error, JointRegionLoss, Loss, LossKind, non_negative};

/// Penalty loss of a sample (14), also called pGD, in [0, 1]; 0 is perfect.
///
/// ```text
/// L = GD / (1 + k·(1 − GD))              GD = generalized Dice loss
/// ```
///
/// `k = 0` is [`GeneralizedDice`] bit for bit.
///
/// # Errors
/// [`Error`] unless the parameters are finite and not negative.
///
/// # Source
/// Su, Kuo, Ho (2019), <https://arxiv.org/abs/1910.09783>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// What is bent.
    pub generalized_dice: GeneralizedDice,
    /// How much.
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
        let bend = 1.0 + self.k * (1.0 - loss);
        // Quotient rule: the numerator of the derivative is bend + k·GD = 1 + k.
        let steepness = (1.0 + self.k) / (bend * bend);
        for slope in slopes {
            slope.combine(&ClassSums::ZERO, |x, _| x * steepness);
        }
        loss / bend
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
    fn half_an_overlap_costs_less() {
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
        let (mut bent, mut plain) = ([ClassSums::ZERO], [ClassSums::ZERO]);
        let value = Penalty { k: 0.0, ..Penalty::default() }.evaluate(&[class], &[1.0], &mut bent);
        assert_eq!(value, GeneralizedDice::default().evaluate(&[class], &[1.0], &mut plain));
        assert_eq!(bent, plain);
    }
}
