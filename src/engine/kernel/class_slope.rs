//! The slopes of region losses, in the precision of the voxels.

use crate::array::real::Real;
use crate::loss::sums::ClassSums;

/// The slopes of a class that enter the gradient, in the precision of the voxels.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct ClassSlope<T> {
    /// `∂L/∂s` for voxels of other classes, at `s = 0`.
    pub elsewhere: T,
    /// `∂L/∂s` for voxels of the class, at `s = 1`.
    pub at_target: T,
    /// The factor of `s` for voxels of other classes.
    pub squared_elsewhere: T,
    /// The factor of `1 − s` for voxels of the class, subtracted.
    pub squared_at_target: T,
}

impl<T: Real> ClassSlope<T> {
    /// Returns the slopes of a class.
    pub fn of(slopes: &ClassSums) -> Self {
        Self {
            elsewhere: T::of(slopes.prediction),
            at_target: T::of(slopes.prediction) + T::of(slopes.intersection),
            squared_elsewhere: T::of(2.0 * slopes.squared_error_negative),
            squared_at_target: T::of(2.0 * slopes.squared_error_positive),
        }
    }
}
