//! Tversky: an overlap that prices the two kinds of mistake separately.

use crate::{Error, Form, NOTHING, Parts, Region, Tally, non_negative};

/// Tversky loss of a class (10), in [0, 1]; 0 is perfect.
///
/// ```text
///                I + ε_n                  I  = Σ w·g·s          found
/// 1 − ──────────────────────────         FP = Σ w·(1 − g)·s    invented
///      I + α·FP + β·FN + ε_d             FN = Σ w·g·(1 − s)    overlooked
/// ```
///
/// `s` is the predicted probability of the class at a voxel, `g` its truth,
/// both in [0, 1], soft truth included; `w` is the weight of the voxel. Sums run
/// over the voxels of one sample, or of all of them when samples are pooled.
/// `α = β = ½` with smoothing `ε` is Dice with `2ε`; `α = β = 1` is IoU;
/// `β > α` favours recall.
///
/// # Errors
/// [`Error`] unless all four parameters are finite and not negative.
///
/// # Source
/// Salehi, Erdogmus, Gholipour (2017), <https://arxiv.org/abs/1706.05721>.
/// The paper has no `ε`: it keeps a class absent from truth and prediction at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tversky {
    /// Price `α` of a false positive.
    pub alpha: f64,
    /// Price `β` of a false negative.
    pub beta: f64,
    /// Smoothing `ε_n` of the numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for Tversky {
    /// The best setting of the paper, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { alpha: 0.3, beta: 0.7, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl Region for Tversky {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let Self { alpha, beta, smooth_numerator, smooth_denominator } = *self;
        let false_positive = class.predicted - class.overlap;
        let false_negative = class.truth - class.overlap;
        let price = alpha * false_positive + beta * false_negative;
        let all = class.overlap + price + smooth_denominator;
        if all < NOTHING {
            return (0.0, Tally::ZERO);
        }
        // loss = 1 − ratio, and each is formed without cancellation: the loss of a perfect prediction is exactly 0, and a
        // ratio near 0 keeps its digits.
        let loss = (price + smooth_denominator - smooth_numerator) / all;
        let ratio = (class.overlap + smooth_numerator) / all;
        // Quotient rule, with ∂all/∂overlap = 1 − α − β and ∂all/∂predicted = α.
        let slope = Tally {
            overlap: (ratio * (1.0 - alpha - beta) - 1.0) / all,
            predicted: ratio * alpha / all,
            ..Tally::ZERO
        };
        (loss, slope)
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { alpha, beta, smooth_numerator, smooth_denominator } = *self;
        non_negative(&[
            (c"alpha", alpha),
            (c"beta", beta),
            (c"smooth_numerator", smooth_numerator),
            (c"smooth_denominator", smooth_denominator),
        ])
    }
}

impl Form for Tversky {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    const BARE: Tversky = Tversky { alpha: 0.3, beta: 0.7, smooth_numerator: 0.0, smooth_denominator: 0.0 };

    #[test]
    fn one_found_one_overlooked_two_invented() {
        let class = Tally { voxels: 5.0, truth: 2.0, predicted: 3.0, overlap: 1.0, ..Tally::ZERO };
        let (loss, _) = BARE.score(&class);
        assert_close(loss, 1.0 - 1.0 / (1.0 + 2.0 * 0.3 + 1.0 * 0.7));
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Tversky::default());
        check_slopes(&Tversky { alpha: 1.0, beta: 1.0, ..Tversky::default() });
    }

    #[test]
    fn a_class_nobody_mentions_is_free() {
        assert_eq!(Tversky::default().score(&Tally::ZERO).0, 0.0);
        assert_eq!(BARE.score(&Tally::ZERO).0, 0.0);
    }

    #[test]
    fn nan_is_no_price() {
        assert!(Tversky { alpha: f64::NAN, ..BARE }.validate().is_err());
    }
}
