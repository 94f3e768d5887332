//! Penalty: generalized Dice, bent so that a poor overlap costs less and a good one is worth more.

use super::GeneralizedDice;
use crate::{Error, Form, Joint, Parts, Tally, non_negative};

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

impl Joint for Penalty {
    fn score(&self, classes: &[Tally], weights: &[f64], slopes: &mut [Tally]) -> f64 {
        let loss = self.generalized_dice.score(classes, weights, slopes);
        let bend = 1.0 + self.k * (1.0 - loss);
        // Quotient rule: the numerator of the derivative is bend + k·GD = 1 + k.
        let steepness = (1.0 + self.k) / (bend * bend);
        for slope in slopes {
            slope.combine(&Tally::ZERO, |x, _| x * steepness);
        }
        loss / bend
    }

    fn validate(&self) -> Result<(), Error> {
        non_negative(&[(c"k", self.k)])?;
        self.generalized_dice.validate()
    }
}

impl Form for Penalty {
    fn parts(&self) -> Parts<'_> {
        Parts::Joint(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_joint_slopes};

    #[test]
    fn half_an_overlap_costs_less() {
        let class = Tally { truth: 4.0, predicted: 4.0, overlap: 2.0, ..Tally::ZERO };
        let bare = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
        let penalty = Penalty { generalized_dice: bare, k: 2.0 };
        assert_close(penalty.score(&[class], &[1.0], &mut [Tally::ZERO]), 0.5 / 2.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_joint_slopes(&Penalty::default());
    }

    #[test]
    fn k_zero_is_generalized_dice() {
        let class = Tally { truth: 4.0, predicted: 3.0, overlap: 2.0, ..Tally::ZERO };
        let (mut bent, mut plain) = ([Tally::ZERO], [Tally::ZERO]);
        let value = Penalty { k: 0.0, ..Penalty::default() }.score(&[class], &[1.0], &mut bent);
        assert_eq!(value, GeneralizedDice::default().score(&[class], &[1.0], &mut plain));
        assert_eq!(bent, plain);
    }
}
