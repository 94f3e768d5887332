//! The sigmoid of a row of logits.

use crate::array::real::Real;
use crate::loss::probability::sigmoid;
use crate::simd::level::Kernel;

/// Computes the sigmoid of a row.
pub(crate) struct SigmoidRow<'a, T> {
    pub logit: &'a [T],
    pub probability: &'a mut [T],
}

impl<T: Real> Kernel for SigmoidRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (s, &z) in self.probability.iter_mut().zip(self.logit) {
            *s = sigmoid(z).0;
        }
    }
}
