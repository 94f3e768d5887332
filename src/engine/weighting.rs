//! Products of a row with the weights of its voxels.

use crate::array::real::Real;
use crate::simd::level::Kernel;

/// Multiplies a row by the weights of its voxels.
pub(crate) struct Weigh<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Weigh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x *= weight;
        }
    }
}

/// Multiplies a row of costs, which may be infinite, by the weights of its voxels.
pub(crate) struct WeighCosts<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for WeighCosts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (cost, &weight) in self.row.iter_mut().zip(self.weight) {
            *cost = cost.times(weight);
        }
    }
}

/// Takes them off again.
pub(crate) struct Unweigh<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Unweigh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x /= weight;
        }
    }
}
