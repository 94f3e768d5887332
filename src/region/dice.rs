//! Dice: twice the overlap, over the sizes of both.

use crate::{Error, Form, NOTHING, Parts, Region, Tally, non_negative};

/// Whether a denominator adds up probabilities or their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Squares {
    /// `S + G`, as most libraries do.
    #[default]
    Linear,
    /// `S₂ + G₂`, the paper and V-Net.
    Squared,
}

/// Dice loss of a class (8), in [0, 1]; 0 is perfect.
///
/// ```text
///          2·I + ε_n             I = Σ w·g·s        D = S + G    or, squared,
/// 1 − ────────────────           S = Σ w·s              S₂ + G₂ = Σ w·s² + Σ w·g²
///           D + ε_d              G = Σ w·g
/// ```
///
/// `s` is the predicted probability of the class at a voxel, `g` its truth, both in [0, 1], soft
/// truth included; `w` is the weight of the voxel. Sums run over the voxels of one sample, or of
/// all of them when samples are pooled.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and not negative.
///
/// # Source
/// Milletari, Navab, Ahmadi (2016), V-Net, <https://arxiv.org/abs/1606.04797>, for the squared form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    /// What the denominator adds up.
    pub squares: Squares,
    /// Smoothing `ε_n` of the numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for Dice {
    /// Linear, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { squares: Squares::Linear, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl Region for Dice {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let Self { squares, smooth_numerator, smooth_denominator } = *self;
        // D − 2·I, the mistakes: false positives and negatives, or the squared error.
        let mistakes = match squares {
            Squares::Linear => (class.predicted - class.overlap) + (class.truth - class.overlap),
            Squares::Squared => class.missed + class.spilled,
        };
        let all = 2.0 * class.overlap + mistakes + smooth_denominator;
        if all < NOTHING {
            return (0.0, Tally::ZERO);
        }
        // loss = 1 − ratio, and each is formed without cancellation: the loss of a perfect prediction is exactly 0, and a
        // ratio near 0 keeps its digits.
        let loss = (mistakes + smooth_denominator - smooth_numerator) / all;
        let ratio = (2.0 * class.overlap + smooth_numerator) / all;
        // Quotient rule. Linear: ∂all/∂overlap = 0, ∂all/∂predicted = 1.
        // Squared: ∂all/∂overlap = 2, ∂all/∂missed = ∂all/∂spilled = 1.
        let slope = match squares {
            Squares::Linear => Tally { overlap: -2.0 / all, predicted: ratio / all, ..Tally::ZERO },
            Squares::Squared => {
                Tally { overlap: -2.0 * loss / all, missed: ratio / all, spilled: ratio / all, ..Tally::ZERO }
            }
        };
        (loss, slope)
    }

    fn squares(&self) -> bool {
        self.squares == Squares::Squared
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        non_negative(&[(c"smooth_numerator", smooth_numerator), (c"smooth_denominator", smooth_denominator)])
    }
}

impl Form for Dice {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_slopes};

    const BARE: Dice = Dice { squares: Squares::Linear, smooth_numerator: 0.0, smooth_denominator: 0.0 };

    #[test]
    fn one_found_one_overlooked_two_invented() {
        let class = Tally { voxels: 5.0, truth: 2.0, predicted: 3.0, overlap: 1.0, ..Tally::ZERO };
        assert_close(BARE.score(&class).0, 1.0 - 2.0 / 5.0);
        // The same voxels, sure of themselves: the squared error is that of one miss and two spills.
        let class = Tally { missed: 1.0, spilled: 2.0, ..class };
        assert_close(Dice { squares: Squares::Squared, ..BARE }.score(&class).0, 1.0 - 2.0 / 5.0);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        check_slopes(&Dice::default());
        check_slopes(&Dice { squares: Squares::Squared, ..Dice::default() });
        check_slopes(&Dice { smooth_numerator: 0.0, smooth_denominator: 1.0, ..Dice::default() });
    }

    #[test]
    fn a_class_nobody_mentions_is_free() {
        assert_eq!(Dice::default().score(&Tally::ZERO).0, 0.0);
        assert_eq!(BARE.score(&Tally::ZERO).0, 0.0);
    }
}
