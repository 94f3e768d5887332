//! Sensitivity-specificity loss: the mean squared errors over the voxels of the class and over the other voxels,
//! weighted.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::{MIN_DENOMINATOR, check, non_negative};

/// Sensitivity-specificity loss of a class (7), in [0, 1]; 0 is perfect.
///
/// ```text
///         Σ w·g·(s − g)²                 Σ w·(1 − g)·(s − g)²
/// r · ────────────────────  + (1 − r) · ──────────────────────
///           Σ w·g + ε                       Σ w·(1 − g) + ε
/// ```
///
/// `s` is the predicted probability of the class at a voxel and `g` its target, both in [0, 1] (soft targets
/// included); `w` is the weight of the voxel. The sums run over the voxels of one sample, or of all samples if
/// samples are pooled. The first part is the error in sensitivity, the second the error in specificity. A part whose
/// denominator is below [`MIN_DENOMINATOR`] is 0. Defaults: `r = 0.05`, `ε = 1e-5`.
///
/// # Errors
/// [`Error`] unless `r` lies in [0, 1] and `ε` is finite and ≥ 0.
///
/// # Source
/// Brosch et al. (2015), <https://doi.org/10.1007/978-3-319-24574-4_1>.
///
/// # Examples
/// ```
/// use segloss::custom::RegionLoss;
/// use segloss::{ClassSums, SensitivitySpecificity};
///
/// // Of ten voxels two belong to the class: a squared error of 1 on them and of 2 on the others.
/// let class = ClassSums {
///     weight: 10.0,
///     target: 2.0,
///     squared_error_positive: 1.0,
///     squared_error_negative: 2.0,
///     ..ClassSums::ZERO
/// };
/// let loss = SensitivitySpecificity { sensitivity: 0.5, smooth_denominator: 0.0 };
/// assert_eq!(loss.evaluate(&class).0, 0.5 * (1.0 / 2.0) + 0.5 * (2.0 / 8.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensitivitySpecificity {
    /// The weight `r` of the error in sensitivity, in [0, 1].
    pub sensitivity: f64,
    /// The smoothing `ε` of both denominators, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for SensitivitySpecificity {
    /// `r = 0.05`, as in the source, with a smoothing of 1e-5 voxels.
    fn default() -> Self {
        Self { sensitivity: 0.05, smooth_denominator: 1e-5 }
    }
}

impl RegionLoss for SensitivitySpecificity {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { sensitivity, smooth_denominator } = *self;
        let over = |weight: f64, size: f64| if size < MIN_DENOMINATOR { 0.0 } else { weight / size };
        let positive = over(sensitivity, class.target + smooth_denominator);
        let negative = over(1.0 - sensitivity, class.weight - class.target + smooth_denominator);
        let loss = positive * class.squared_error_positive + negative * class.squared_error_negative;
        (
            loss,
            ClassSums {
                squared_error_positive: positive,
                squared_error_negative: negative,
                ..ClassSums::ZERO
            },
        )
    }

    fn uses_squared_error(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"sensitivity", self.sensitivity)], |r| (0.0..=1.0).contains(&r), c"in [0, 1]")?;
        non_negative(&[(c"smooth_denominator", self.smooth_denominator)])
    }
}

impl Loss for SensitivitySpecificity {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    #[test]
    fn one_of_two_positives_and_two_of_eight_negatives_are_wrong() {
        let class = ClassSums {
            weight: 10.0,
            target: 2.0,
            squared_error_positive: 1.0,
            squared_error_negative: 2.0,
            ..ClassSums::ZERO
        };
        let bare = SensitivitySpecificity { sensitivity: 0.4, smooth_denominator: 0.0 };
        assert_close(bare.evaluate(&class).0, 0.4 / 2.0 + 0.6 * 2.0 / 8.0);
        assert_eq!(bare.evaluate(&ClassSums::ZERO).0, 0.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&SensitivitySpecificity::default());
    }
}
