//! Intersection over union, or Jaccard: the overlap, over everything that either claims.

use super::{Squares, Tversky};
use crate::{Error, Form, NOTHING, Parts, Region, Tally};

/// IoU loss of a class (9), in [0, 1]; 0 is perfect.
///
/// ```text
///          I + ε_n             I = Σ w·g·s        D = S + G    or, squared,
/// 1 − ────────────────         S = Σ w·s              S₂ + G₂ = Σ w·s² + Σ w·g²
///        D − I + ε_d           G = Σ w·g
/// ```
///
/// `s` is the predicted probability of the class at a voxel, `g` its truth, both in [0, 1], soft
/// truth included; `w` is the weight of the voxel. Sums run over the voxels of one sample, or of
/// all of them when samples are pooled. The linear form is [`Tversky`] with `α = β = 1`.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and not negative.
///
/// # Source
/// Rahman, Wang (2016), <https://doi.org/10.1007/978-3-319-50835-1_22>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iou {
    /// What the denominator adds up.
    pub squares: Squares,
    /// Smoothing `ε_n` of the numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for Iou {
    /// Linear, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { squares: Squares::Linear, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl Iou {
    fn as_tversky(&self) -> Tversky {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        Tversky { alpha: 1.0, beta: 1.0, smooth_numerator, smooth_denominator }
    }
}

impl Region for Iou {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let Self { squares, smooth_numerator, smooth_denominator } = *self;
        if squares == Squares::Linear {
            return self.as_tversky().score(class);
        }
        let mistakes = class.missed + class.spilled;
        let all = class.overlap + mistakes + smooth_denominator;
        if all < NOTHING {
            return (0.0, Tally::ZERO);
        }
        // loss = 1 − ratio, and each is formed without cancellation: the loss of a perfect prediction is exactly 0, and a
        // ratio near 0 keeps its digits.
        let loss = (mistakes + smooth_denominator - smooth_numerator) / all;
        let ratio = (class.overlap + smooth_numerator) / all;
        // Quotient rule, with ∂all/∂overlap = ∂all/∂missed = ∂all/∂spilled = 1.
        let slope = Tally { overlap: -loss / all, missed: ratio / all, spilled: ratio / all, ..Tally::ZERO };
        (loss, slope)
    }

    fn squares(&self) -> bool {
        self.squares == Squares::Squared
    }

    fn validate(&self) -> Result<(), Error> {
        self.as_tversky().validate()
    }
}

impl Form for Iou {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    #[test]
    fn one_found_one_overlooked_two_invented() {
        let class = Tally {
            voxels: 5.0,
            truth: 2.0,
            predicted: 3.0,
            overlap: 1.0,
            missed: 1.0,
            spilled: 2.0,
            ..Tally::ZERO
        };
        let bare = Iou { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Iou::default() };
        assert_close(bare.score(&class).0, 1.0 - 1.0 / 4.0);
        assert_close(Iou { squares: Squares::Squared, ..bare }.score(&class).0, 1.0 - 1.0 / 4.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Iou::default());
        check_slopes(&Iou { squares: Squares::Squared, ..Iou::default() });
    }
}
