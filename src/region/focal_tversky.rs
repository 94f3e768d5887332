//! Focal Tversky: a power of Tversky that leaves easy classes alone.

use super::{Tversky, power::power};
use crate::{ClassSums, Error, Loss, LossKind, RegionLoss, check};

/// Focal Tversky loss of a class (12), in [0, 1]; 0 is perfect.
///
/// ```text
/// L = T^(1/γ)            T = Tversky
/// ```
///
/// `γ > 1` lifts small losses: below `T = 1e-6` the power is its chord, so that the slope stays
/// finite. `γ = 1` is [`Tversky`] bit for bit.
///
/// # Errors
/// [`Error`] unless the parameters of Tversky hold and `γ` is finite and above 0.
///
/// # Source
/// Abraham, Khan (2018), <https://arxiv.org/abs/1810.07842>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalTversky {
    /// What is raised.
    pub tversky: Tversky,
    /// Focusing parameter `γ`.
    pub gamma: f64,
}

impl Default for FocalTversky {
    /// The default of [`Tversky`], `γ = 4/3`.
    fn default() -> Self {
        Self { tversky: Tversky::default(), gamma: 4.0 / 3.0 }
    }
}

impl RegionLoss for FocalTversky {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let (tversky, slope) = self.tversky.evaluate(class);
        let (value, steepness) = power(tversky, 1.0 / self.gamma);
        let mut steep = ClassSums::ZERO;
        steep.add_scaled(steepness, &slope);
        (value, steep)
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
