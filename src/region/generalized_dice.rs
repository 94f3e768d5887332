//! Generalized Dice loss: one Dice loss over all classes, with larger weights for small classes.

use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::JointRegionLoss;
use crate::loss::sums::ClassSums;
use crate::parameter::{MIN_DENOMINATOR, non_negative};

/// The weight of a class in generalized Dice, as a function of its volume `G` in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Volume {
    /// `1/G²`
    #[default]
    InverseSquare,
    /// `1/G`
    Inverse,
    /// 1
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
/// `s` is the predicted probability of the class at a voxel and `g` its target, both in [0, 1] (soft targets
/// included); `w` is the weight of the voxel. The sums run over the voxels of one sample, or of all samples if
/// samples are pooled. `v_c` is the weight of a class; a class is counted if `v_c > 0`. The exponent `p` is 2, 1 or 0
/// by [`Volume`]. `G_min` is the smallest positive `G` among the counted classes of the sample, or of the batch if
/// samples are pooled. For a class with `G ≤ 0` the power is replaced by 1. The `u_c` are divided by the largest of
/// them, so that `ε` has the unit of voxels and its effect does not depend on the size of the volume. A denominator
/// below [`MIN_DENOMINATOR`] gives the value 0 and the gradient 0. `u_c` is a constant for the gradient. Defaults:
/// `p = 2`, `ε_n = ε_d = 1e-5`.
///
/// # Errors
/// [`Error`] unless both smoothings are finite and ≥ 0.
///
/// # Source
/// Sudre et al. (2017), <https://arxiv.org/abs/1707.03237>.
///
/// # Examples
/// ```
/// use segloss::custom::JointRegionLoss;
/// use segloss::{ClassSums, GeneralizedDice};
///
/// // A class of one voxel weighs 100 times as much as a class of ten.
/// let small = ClassSums { target: 1.0, prediction: 1.0, intersection: 0.5, ..ClassSums::ZERO };
/// let large = ClassSums { target: 10.0, prediction: 10.0, intersection: 9.0, ..ClassSums::ZERO };
/// let loss = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
/// let value = loss.evaluate(&[small, large], &[1.0, 1.0], &mut [ClassSums::ZERO; 2]);
/// assert!((value - (1.0 - 2.0 * (0.5 + 0.01 * 9.0) / (2.0 + 0.01 * 20.0))).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralizedDice {
    /// The weight of a class as a function of its volume.
    pub volume: Volume,
    /// The smoothing `ε_n` of the numerator, in voxels, ≥ 0.
    pub smooth_numerator: f64,
    /// The smoothing `ε_d` of the denominator, in voxels, ≥ 0.
    pub smooth_denominator: f64,
}

impl Default for GeneralizedDice {
    /// Inverse squares, as in the source, with smoothings of 1e-5 voxels.
    fn default() -> Self {
        Self { volume: Volume::InverseSquare, smooth_numerator: 1e-5, smooth_denominator: 1e-5 }
    }
}

impl GeneralizedDice {
    /// Returns `u_c` before the division by the largest.
    fn weight(&self, volume: f64, smallest: f64, weight: f64) -> f64 {
        if volume > 0.0 {
            let ratio = smallest / volume;
            match self.volume {
                Volume::InverseSquare => weight * (ratio * ratio),
                Volume::Inverse => weight * ratio,
                Volume::Uniform => weight,
            }
        } else {
            weight
        }
    }
}

impl JointRegionLoss for GeneralizedDice {
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64 {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        let counted = || classes.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let volumes = counted().map(|(class, _)| class.target).filter(|&volume| volume > 0.0);
        let smallest = volumes.fold(f64::INFINITY, f64::min);
        let unscaled = |class: &ClassSums, weight: f64| self.weight(class.target, smallest, weight);
        let largest = counted().map(|(class, &weight)| unscaled(class, weight)).fold(0.0, f64::max);

        let (mut errors, mut overlap) = (0.0, 0.0);
        for (class, &weight) in counted() {
            let u = unscaled(class, weight) / largest;
            errors += u * ((class.prediction - class.intersection) + (class.target - class.intersection));
            overlap += u * (2.0 * class.intersection);
        }
        let denominator = overlap + errors + smooth_denominator;
        if denominator < MIN_DENOMINATOR {
            return 0.0;
        }
        // Loss and ratio are formed separately: 1 − ratio would cancel near a perfect prediction, where the loss is
        // exactly 0, and 1 − loss would cancel for a small ratio.
        let loss = (errors + smooth_denominator - smooth_numerator) / denominator;
        let ratio = (overlap + smooth_numerator) / denominator;
        // Quotient rule, with ∂denominator/∂intersection = 0 and ∂denominator/∂prediction = u.
        for ((class, &weight), slope) in classes.iter().zip(weights).zip(slopes) {
            if weight > 0.0 {
                let u = unscaled(class, weight) / largest;
                slope.intersection += -2.0 * u / denominator;
                slope.prediction += u * (ratio / denominator);
            }
        }
        loss
    }

    fn validate(&self) -> Result<(), Error> {
        let Self { smooth_numerator, smooth_denominator, .. } = *self;
        non_negative(&[(c"smooth_numerator", smooth_numerator), (c"smooth_denominator", smooth_denominator)])
    }
}

impl Loss for GeneralizedDice {
    fn kind(&self) -> LossKind<'_> {
        LossKind::JointRegion(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_joint_slopes};

    #[test]
    fn a_class_of_a_tenth_of_the_volume_has_a_hundred_times_the_weight() {
        let small = ClassSums { target: 1.0, prediction: 1.0, intersection: 0.5, ..ClassSums::ZERO };
        let large = ClassSums { target: 10.0, prediction: 10.0, intersection: 9.0, ..ClassSums::ZERO };
        let bare = GeneralizedDice { smooth_numerator: 0.0, smooth_denominator: 0.0, ..Default::default() };
        let loss = bare.evaluate(&[small, large], &[1.0, 1.0], &mut [ClassSums::ZERO; 2]);
        assert_close(loss, 1.0 - 2.0 * (0.5 + 0.01 * 9.0) / (2.0 + 0.01 * 20.0));
    }

    #[test]
    fn without_present_classes_all_weights_are_equal() {
        let empty = ClassSums { prediction: 3.0, ..ClassSums::ZERO };
        let loss = GeneralizedDice::default().evaluate(&[empty; 2], &[1.0; 2], &mut [ClassSums::ZERO; 2]);
        assert_close(loss, 1.0 - 1e-5 / (6.0 + 1e-5));
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        for volume in [Volume::InverseSquare, Volume::Inverse, Volume::Uniform] {
            check_joint_slopes(&GeneralizedDice { volume, ..Default::default() });
        }
    }
}
