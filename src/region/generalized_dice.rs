//! Generalized Dice: one Dice of all classes, small ones weighed up.

use crate::{Error, Form, Joint, NOTHING, Parts, Tally, non_negative};

/// How generalized Dice weighs a class by its truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    /// `1/G²`
    #[default]
    InverseSquare,
    /// `1/G`
    Inverse,
    /// All alike.
    Uniform,
}

/// Generalized Dice loss of a sample (11), in [0, 1]; 0 is perfect.
///
/// ```text
///          2·Σ_c u_c·I + ε_n            I = Σ w·g·s
/// 1 − ────────────────────────────      S = Σ w·s          u_c = v_c·(G_min / G_c)^p
///        Σ_c u_c·(S + G) + ε_d          G = Σ w·g
/// ```
///
/// `p` is 2, 1 or 0 by [`Volume`]. `G_min` is the smallest positive `G` among the counted classes of
/// the sample, or of the batch when samples are pooled. A counted class without truth takes 1 in
/// place of the power; if none has truth, all do. Then `u` is divided by its largest value, so that
/// `ε` has the unit of voxels and the value does not drift with the size of the volume.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and not negative.
///
/// # Source
/// Sudre et al. (2017), <https://arxiv.org/abs/1707.03237>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralizedDice {
    /// The weight of a class.
    pub volume: Volume,
    /// Smoothing `ε_n` of the numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing `ε_d` of the denominator, in voxels.
    pub smooth_denominator: f64,
}

impl Default for GeneralizedDice {
    /// Inverse squares, as in the source, smoothed by 1e-5 of a voxel.
    fn default() -> Self {
        Self { volume: Volume::InverseSquare, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl GeneralizedDice {
    /// `u_c` before it is divided by the largest.
    fn weight(&self, truth: f64, smallest: f64, weight: f64) -> f64 {
        if truth > 0.0 {
            let share = smallest / truth;
            match self.volume {
                Volume::InverseSquare => weight * (share * share),
                Volume::Inverse => weight * share,
                Volume::Uniform => weight,
            }
        } else {
            weight
        }
    }
}

impl Joint for GeneralizedDice {
    fn score(&self, classes: &[Tally], weights: &[f64], slopes: &mut [Tally]) -> f64 {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        let counted = || classes.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let truths = counted().map(|(class, _)| class.truth).filter(|&truth| truth > 0.0);
        let smallest = truths.fold(f64::INFINITY, f64::min);
        let of = |class: &Tally, weight: f64| self.weight(class.truth, smallest, weight);
        let largest = counted().map(|(class, &weight)| of(class, weight)).fold(0.0, f64::max);

        let (mut mistakes, mut found) = (0.0, 0.0);
        for (class, &weight) in counted() {
            let u = of(class, weight) / largest;
            let wrong = (class.predicted - class.overlap) + (class.truth - class.overlap);
            mistakes += u * wrong;
            found += u * (2.0 * class.overlap);
        }
        let all = found + mistakes + smooth_denominator;
        if all < NOTHING {
            return 0.0;
        }
        // loss = 1 − ratio, and each is formed without cancellation: the loss of a perfect prediction is exactly 0, and a
        // ratio near 0 keeps its digits.
        let loss = (mistakes + smooth_denominator - smooth_numerator) / all;
        let ratio = (found + smooth_numerator) / all;
        // Quotient rule, with ∂all/∂overlap = 0 and ∂all/∂predicted = u.
        for ((class, &weight), slope) in classes.iter().zip(weights).zip(slopes) {
            if weight > 0.0 {
                let u = of(class, weight) / largest;
                slope.overlap += -2.0 * u / all;
                slope.predicted += u * (ratio / all);
            }
        }
        loss
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        non_negative(&[(c"smooth_numerator", smooth_numerator), (c"smooth_denominator", smooth_denominator)])
    }
}

impl Form for GeneralizedDice {
    fn parts(&self) -> Parts<'_> {
        Parts::Joint(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_joint_slopes};

    #[test]
    fn a_class_of_a_tenth_weighs_a_hundredfold() {
        let small = Tally { truth: 1.0, predicted: 1.0, overlap: 0.5, ..Tally::ZERO };
        let large = Tally { truth: 10.0, predicted: 10.0, overlap: 9.0, ..Tally::ZERO };
        let bare = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
        let loss = bare.score(&[small, large], &[1.0, 1.0], &mut [Tally::ZERO; 2]);
        assert_close(loss, 1.0 - 2.0 * (0.5 + 0.01 * 9.0) / (2.0 + 0.01 * 20.0));
    }

    #[test]
    fn where_nobody_is_present_all_weigh_alike() {
        let empty = Tally { predicted: 3.0, ..Tally::ZERO };
        let loss = GeneralizedDice::default().score(&[empty; 2], &[1.0; 2], &mut [Tally::ZERO; 2]);
        assert_close(loss, 1.0 - 1e-5 / (6.0 + 1e-5));
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        for volume in [Volume::InverseSquare, Volume::Inverse, Volume::Uniform] {
            check_joint_slopes(&GeneralizedDice { volume, ..Default::default() });
        }
    }
}
