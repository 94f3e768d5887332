//! The sigmoid of a logit, without losing either end.

use crate::array::real::Real;
use crate::simd::level::Kernel;

/// `s`, `1 − s` and `ln s` of a logit; with `t = e^−|z|` no end loses precision.
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(z: T) -> (T, T, T) {
    let positive = z > T::zero();
    let minus_abs = if positive { -z } else { z };
    let t = minus_abs.exp_nonpositive();
    let large = T::one() / (T::one() + t);
    let small = t * large;
    let below_zero = if positive { T::zero() } else { z };
    let (s, complement) = if positive { (large, small) } else { (small, large) };
    (s, complement, below_zero - t.ln_1p_by(large))
}

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
