//! Probabilities of one logit, or of one class of a softmax, to full relative precision.

use crate::array::real::Real;

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

/// `1 − s` to full relative precision: only the largest class exceeds one half.
#[inline(always)]
pub(crate) fn softmax_complement<T: Real>(s: T, of_largest: T) -> T {
    let from_s = T::one() - s;
    if s > T::of(0.5) { of_largest } else { from_s }
}
