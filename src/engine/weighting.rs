//! Products and quotients of a row and the weights of its voxels.

use crate::array::real::Real;
use crate::simd::level::Kernel;

/// Multiplies a row by weights.
pub(crate) struct Multiply<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x *= weight;
        }
    }
}

/// Multiplies a row of losses by weights, with `0·∞ = 0`.
pub(crate) struct MultiplyLosses<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for MultiplyLosses<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (loss, &weight) in self.row.iter_mut().zip(self.weight) {
            *loss = loss.times(weight);
        }
    }
}

/// Divides a row by weights.
pub(crate) struct Divide<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Divide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x /= weight;
        }
    }
}
