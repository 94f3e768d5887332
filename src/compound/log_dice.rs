//! Logarithmic Dice: the first half of the exponential logarithmic loss.

use crate::region::power::power;
use crate::{
    ClassSums, DefaultClassWeights, Error, Loss, LossKind, MIN_DENOMINATOR, RegionLoss, non_negative,
};

/// Logarithmic Dice loss of a class, the first half of the exponential logarithmic loss (16), ≥ 0;
/// 0 is perfect.
///
/// ```text
/// L = (−log Dice)^γ            Dice = (2·I + ε_n) / (S + G + ε_d)
/// ```
///
/// Of class weights only whether they are 0 matters; without given ones an absent class is left
/// out. A ratio below 2⁻¹²⁶ is held there. Below `−log Dice = 1e-6` a power under 1 is its chord,
/// so that the slope stays finite.
///
/// # Errors
/// [`Error`] unless `γ` and both smoothings are finite and not negative.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDice {
    /// The exponent `γ`.
    pub gamma: f64,
    /// Smoothing `ε_n` of the ratio's numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the ratio's denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for LogDice {
    /// `γ = 0.3`, as in the source, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { gamma: 0.3, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

/// 2⁻¹²⁶: no logarithm is taken below it.
const FLOOR: f64 = f32::MIN_POSITIVE as f64;

impl RegionLoss for LogDice {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { gamma, smooth_numerator, smooth_denominator } = *self;
        let mistakes = (class.prediction - class.intersection) + (class.target - class.intersection);
        let found = 2.0 * class.intersection + smooth_numerator;
        let all = 2.0 * class.intersection + mistakes + smooth_denominator;
        if all < MIN_DENOMINATOR {
            return (0.0, ClassSums::ZERO);
        }
        let ratio = found / all;
        if ratio < FLOOR {
            return (power(-libm::log(FLOOR), gamma).0, ClassSums::ZERO);
        }
        // Near perfect the ratio has lost the digits that the loss has, and far from it the other way round.
        let loss = (mistakes + smooth_denominator - smooth_numerator) / all;
        let surprise = if loss > 0.5 { -libm::log(ratio) } else { -libm::log1p(-loss) };
        let (value, steepness) = power(surprise, gamma);
        // ∂(−log ratio) = ∂all/all − ∂found/found, with ∂all/∂predicted = 1 and ∂found/∂overlap = 2.
        let slope = ClassSums {
            intersection: -2.0 * steepness / found,
            prediction: steepness / all,
            ..ClassSums::ZERO
        };
        (value, slope)
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { gamma, smooth_numerator, smooth_denominator } = *self;
        non_negative(&[
            (c"gamma", gamma),
            (c"smooth_numerator", smooth_numerator),
            (c"smooth_denominator", smooth_denominator),
        ])
    }
}

impl Loss for LogDice {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }

    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::Presence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    #[test]
    fn a_dice_of_one_half() {
        let class = ClassSums { target: 2.0, prediction: 2.0, intersection: 1.0, ..ClassSums::ZERO };
        let bare = LogDice { gamma: 2.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 2f64.ln() * 2f64.ln());
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&LogDice::default());
        check_slopes(&LogDice { gamma: 1.5, ..LogDice::default() });
    }

    #[test]
    fn no_overlap_at_all_is_held_at_the_floor() {
        let class = ClassSums { target: 2.0, prediction: 2.0, ..ClassSums::ZERO };
        let bare = LogDice { gamma: 1.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 126.0 * 2f64.ln());
    }
}
