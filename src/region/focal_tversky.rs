//! Focal Tversky loss: the power `1/γ` of the Tversky loss.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::check;
use crate::region::power::power;
use crate::region::tversky::Tversky;

/// Focal Tversky loss of a class (12), in [0, 1]; 0 is perfect.
///
/// ```text
/// L = T^(1/γ)            T = Tversky
/// ```
///
/// For `γ > 1` the power has a vertical tangent at 0: below `T = 1e-6` it is replaced by its chord, so that the slope
/// is finite. `γ = 1` is [`Tversky`] bit for bit. Default: `γ = 4/3`, with the defaults of [`Tversky`].
///
/// # Errors
/// [`Error`] unless `γ` is finite and > 0 and the parameters of [`Tversky`] are valid.
///
/// # Source
/// Abraham, Khan (2018), <https://arxiv.org/abs/1810.07842>.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, FocalTversky, Tversky};
///
/// // One true positive, one false negative, two false positives.
/// let class = ClassSums { target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
/// let loss = FocalTversky::default();
/// let tversky = Tversky::default().evaluate(&class).0;
/// assert!((loss.evaluate(&class).0 - tversky.powf(0.75)).abs() < 1e-14);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalTversky {
    /// The Tversky loss `T`.
    pub tversky: Tversky,
    /// The focusing parameter `γ` > 0.
    pub gamma: f64,
}

impl Default for FocalTversky {
    /// `γ = 4/3`, with the defaults of [`Tversky`].
    fn default() -> Self {
        Self { tversky: Tversky::default(), gamma: 4.0 / 3.0 }
    }
}

impl RegionLoss for FocalTversky {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let (tversky, slope) = self.tversky.evaluate(class);
        let (value, derivative) = power(tversky, 1.0 / self.gamma);
        // Chain rule.
        let mut scaled = ClassSums::ZERO;
        scaled.add_scaled(derivative, &slope);
        (value, scaled)
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"gamma", self.gamma)], |gamma| gamma > 0.0, c"finite and > 0")?;
        self.tversky.validate()
    }
}

impl Loss for FocalTversky {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_slopes;

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&FocalTversky::default());
        check_slopes(&FocalTversky { gamma: 0.5, ..FocalTversky::default() });
    }

    #[test]
    fn gamma_one_is_tversky() {
        let class =
            ClassSums { weight: 5.0, target: 2.0, prediction: 3.0, intersection: 1.0, ..ClassSums::ZERO };
        let plain = FocalTversky { gamma: 1.0, ..FocalTversky::default() };
        assert_eq!(plain.evaluate(&class), Tversky::default().evaluate(&class));
    }
}
