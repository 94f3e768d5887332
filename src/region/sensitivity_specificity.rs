//! Sensitivity-specificity: the squared error of what is there and of what is not, each over its size.

use crate::{Error, Form, NOTHING, Parts, Region, Tally, non_negative, within};

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

impl Region for SensitivitySpecificity {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let Self { sensitivity, smooth_denominator } = *self;
        let over = |weight: f64, all: f64| if all < NOTHING { 0.0 } else { weight / all };
        let of_missed = over(sensitivity, class.truth + smooth_denominator);
        let of_spilled = over(1.0 - sensitivity, class.voxels - class.truth + smooth_denominator);
        let loss = of_missed * class.missed + of_spilled * class.spilled;
        (loss, Tally { missed: of_missed, spilled: of_spilled, ..Tally::ZERO })
    }

    fn squares(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<(), Error> {
        within(&[(c"alpha", self.sensitivity)], |r| (0.0..=1.0).contains(&r), c"in [0, 1]")?;
        non_negative(&[(c"smooth_denominator", self.smooth_denominator)])
    }
}

impl Form for SensitivitySpecificity {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    #[test]
    fn one_of_two_missed_two_of_eight_spilled() {
        let class = Tally { voxels: 10.0, truth: 2.0, missed: 1.0, spilled: 2.0, ..Tally::ZERO };
        let bare = SensitivitySpecificity { sensitivity: 0.4, smooth_denominator: 0.0 };
        assert_close(bare.score(&class).0, 0.4 / 2.0 + 0.6 * 2.0 / 8.0);
        assert_eq!(bare.score(&Tally::ZERO).0, 0.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&SensitivitySpecificity::default());
    }
}
