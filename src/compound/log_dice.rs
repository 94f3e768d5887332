//! Logarithmic Dice loss: a power of the negative logarithm of Dice; the first term of the exponential logarithmic
//! loss.

use crate::error::Error;
use crate::loss::kind::{DefaultClassWeights, Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::{MIN_DENOMINATOR, non_negative};
use crate::region::power::power;

/// Logarithmic Dice loss of a class, the first term of the exponential logarithmic loss (16), ≥ 0; 0 is perfect.
///
/// ```text
/// L = (−log Dice)^γ            Dice = (2·I + ε_n) / (S + G + ε_d)
/// ```
///
/// The sums are those of [`Dice`](crate::region::dice::Dice). Of given class weights only whether they are 0 matters;
/// without them a class that is absent from the batch is excluded. A ratio below 2⁻¹²⁶ is replaced by 2⁻¹²⁶, with a
/// gradient of 0. For `γ < 1` and `−log Dice < 1e-6` the power is replaced by its chord, so that the slope is finite.
/// Defaults: `γ = 0.3`, `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless `γ` and both smoothings are finite and ≥ 0.
///
/// # Source
/// Wong et al. (2018), <https://arxiv.org/abs/1809.00076>.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, LogDice};
///
/// // Dice = 1/2.
/// let class = ClassSums { target: 2.0, prediction: 2.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = LogDice { gamma: 1.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
/// assert!((loss.evaluate(&class).0 - 2f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDice {
    /// The exponent `γ` ≥ 0.
    pub gamma: f64,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for LogDice {
    /// `γ = 0.3`, as in the source, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { gamma: 0.3, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

/// 2⁻¹²⁶: the lower limit of the argument of the logarithm.
const FLOOR: f64 = f32::MIN_POSITIVE as f64;

impl RegionLoss for LogDice {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { gamma, smooth_numerator, smooth_denominator } = *self;
        let errors = (class.prediction - class.intersection) + (class.target - class.intersection);
        let numerator = 2.0 * class.intersection + smooth_numerator;
        let denominator = 2.0 * class.intersection + errors + smooth_denominator;
        if denominator < MIN_DENOMINATOR {
            return (0.0, ClassSums::ZERO);
        }
        let ratio = numerator / denominator;
        if ratio < FLOOR {
            return (power(-libm::log(FLOOR), gamma).0, ClassSums::ZERO);
        }
        // For a ratio near 1 the logarithm is computed from the loss, which has more significant digits there.
        let loss = (errors + smooth_denominator - smooth_numerator) / denominator;
        let negative_log = if loss > 0.5 { -libm::log(ratio) } else { -libm::log1p(-loss) };
        let (value, derivative) = power(negative_log, gamma);
        // ∂(−log ratio) = ∂denominator/denominator − ∂numerator/numerator, with ∂denominator/∂prediction = 1 and
        // ∂numerator/∂intersection = 2.
        let slope = ClassSums {
            intersection: -2.0 * derivative / numerator,
            prediction: derivative / denominator,
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
    fn dice_of_one_half() {
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
    fn without_intersection_the_ratio_is_replaced_by_the_floor() {
        let class = ClassSums { target: 2.0, prediction: 2.0, ..ClassSums::ZERO };
        let bare = LogDice { gamma: 1.0, smooth_numerator: 0.0, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 126.0 * 2f64.ln());
    }
}
