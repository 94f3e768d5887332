//! The sigmoid of a logit, without losing either end.

use crate::array::real::Real;
use crate::loss::probability::sigmoid;
use crate::simd::level::Kernel;

/// The sigmoid of a row.
pub(crate) struct Sigmoid<'a, T> {
    pub logit: &'a [T],
    pub probability: &'a mut [T],
}

impl<T: Real> Kernel for Sigmoid<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (s, &z) in self.probability.iter_mut().zip(self.logit) {
            *s = sigmoid(z).0;
        }
    }
}
