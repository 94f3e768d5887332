//! Sensitivity-specificity: the squared error of what is there and of what is not, each over its size.

use crate::{ClassSums, Error, Loss, LossKind, MIN_DENOMINATOR, RegionLoss, check, non_negative};

/// Sensitivity-specificity loss of a class (7), in [0, 1]; 0 is perfect.
///
/// ```text
///         Σ w·g·(s − g)²                 Σ w·(1 − g)·(s − g)²
/// r · ────────────────────  + (1 − r) · ──────────────────────
///           Σ w·g + ε                       Σ w·(1 − g) + ε
/// ```
///
/// `s` is the predicted probability of the class at a voxel, `g` its truth, both in [0, 1], soft
/// truth included; `w` is the weight of the voxel. The first part is the error in sensitivity, the
/// second in specificity. A part whose denominator is nothing is 0.
///
/// # Errors
/// [`Error`] unless `r` lies in [0, 1] and `ε` is finite and not negative.
///
/// # Source
/// Brosch et al. (2015), <https://doi.org/10.1007/978-3-319-24574-4_1>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensitivitySpecificity {
    /// The weight `r` of sensitivity.
    pub sensitivity: f64,
    /// Smoothing `ε` of both denominators, in voxels.
    pub smooth_denominator: f64,
}

impl Default for SensitivitySpecificity {
    /// `r = 0.05`, as in the source, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { sensitivity: 0.05, smooth_denominator: 1e-5 }
    }
}

impl RegionLoss for SensitivitySpecificity {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Self { sensitivity, smooth_denominator } = *self;
        let over = |weight: f64, all: f64| if all < MIN_DENOMINATOR { 0.0 } else { weight / all };
        let of_missed = over(sensitivity, class.target + smooth_denominator);
        let of_spilled = over(1.0 - sensitivity, class.weight - class.target + smooth_denominator);
        let loss = of_missed * class.squared_error_positive + of_spilled * class.squared_error_negative;
        (
            loss,
            ClassSums {
                squared_error_positive: of_missed,
                squared_error_negative: of_spilled,
                ..ClassSums::ZERO
            },
        )
    }

    fn uses_squared_error(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"alpha", self.sensitivity)], |r| (0.0..=1.0).contains(&r), c"in [0, 1]")?;
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
    fn one_of_two_missed_two_of_eight_spilled() {
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
