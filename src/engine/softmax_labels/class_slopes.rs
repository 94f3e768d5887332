//! The derivative of the loss with respect to the probabilities of a tile, as far as slopes and labels determine it.

use crate::array::real::Real;
use crate::engine::pass_plan::ProbabilitySlope;
use crate::loss::sums::ClassSums;

/// The slopes of a sample, for softmax and labels.
#[derive(Clone, Copy)]
pub(crate) struct ClassSlopes<'a> {
    /// The slopes of each class.
    pub slopes: &'a [ClassSums],
    pub first_label: i32,
    /// How `p = ∂L/∂s` is represented.
    pub probability_slope: ProbabilitySlope,
    /// Whether there is a `v = ∂L/∂ln s` of the target class, in `gradients.positive`.
    pub has_target_loss: bool,
}

impl ClassSlopes<'_> {
    /// Returns `p` of a class for voxels of other classes, if it is constant; 0 beyond the last class.
    #[inline(always)]
    pub fn slope<T: Real>(&self, class: usize) -> T {
        T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.prediction))
    }

    /// Returns `p` of a class for voxels of the class, if it is constant. Never −0, which would not survive a sum with
    /// zeros.
    #[inline(always)]
    pub fn slope_at_target<T: Real>(&self, class: usize) -> T {
        let intersection = T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.intersection));
        self.slope::<T>(class) + intersection + T::zero()
    }
}
