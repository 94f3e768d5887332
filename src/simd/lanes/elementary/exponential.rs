//! The exponential.
//!
//! ```text
//! eˣ = 2ᵏ·eʳ      k = x / ln 2, rounded      r = x − k·ln 2,  |r| ≤ ln 2 / 2
//! eʳ = 1 + r + r²·(a₀ + a₁r + …)
//! ```
//!
//! ln 2 has two parts: `x − k·upper` is exact, `k·lower` is small.

use super::polynomial::horner;
use crate::simd::lanes::{Lanes, Scalar, Vector};

/// Returns `eˣ` for `x ≤ 0`: exactly 1 at 0, 0 where the exponential is less than the smallest normal number, NaN for
/// NaN.
///
/// [`Lanes::IN_STEP`] of the vectors advance together: the exponential is a chain of dependent operations, and a single
/// chain leaves most of the CPU idle.
#[inline(always)]
pub fn exp_nonpositive<T: Scalar, S: Lanes<T>, const N: usize>(
    s: S,
    mut x: [Vector<T, S>; N],
) -> [Vector<T, S>; N] {
    match S::IN_STEP {
        8.. => in_groups::<T, S, 8>(s, &mut x),
        4.. => in_groups::<T, S, 4>(s, &mut x),
        2.. => in_groups::<T, S, 2>(s, &mut x),
        _ => in_groups::<T, S, 1>(s, &mut x),
    }
    x
}

#[inline(always)]
fn in_groups<T: Scalar, S: Lanes<T>, const K: usize>(s: S, x: &mut [Vector<T, S>]) {
    let (groups, rest) = x.as_chunks_mut::<K>();
    for group in groups {
        *group = in_step(s, *group);
    }
    for x in rest {
        [*x] = in_step(s, [*x]);
    }
}

/// Exponentials in step: each operation on all vectors, then the next. Fused these are 13 operations.
#[inline(always)]
fn in_step<T: Scalar, S: Lanes<T>, const K: usize>(s: S, x: [Vector<T, S>; K]) -> [Vector<T, S>; K] {
    let zero = s.splat(T::ZERO);
    let one = s.splat(T::ONE);
    let log2_e = s.splat(T::LOG2_E);
    let (ln2_upper, ln2_lower) = (s.splat(T::LN2_UPPER), s.splat(T::LN2_LOWER));
    let limit = s.splat(T::EXP_IS_SUBNORMAL);
    let mut whole = [s.nearest_power_of_two(zero, log2_e); K];
    let (mut upper, mut r, mut power) = (x, x, x);

    for i in 0..K {
        whole[i] = s.nearest_power_of_two(x[i], log2_e);
    }
    for i in 0..K {
        upper[i] = s.neg_mul_add(whole[i].exponent, ln2_upper, x[i]);
    }
    for i in 0..K {
        r[i] = s.neg_mul_add(whole[i].exponent, ln2_lower, upper[i]);
    }
    let tail = horner(s, T::EXP_TAIL, r);
    if S::FUSED {
        for i in 0..K {
            power[i] = s.mul_add(tail[i], r[i], one);
        }
        for i in 0..K {
            power[i] = s.mul_add(power[i], r[i], one);
        }
    } else {
        // The roundings of `r` and of `r·(1 + …)` would cost a quarter of an ulp each. The sum takes `upper` instead,
        // which is exact, and adds the rest of `r` to what is small.
        for i in 0..K {
            let small = whole[i].exponent * ln2_lower - r[i] * r[i] * tail[i];
            power[i] = one + (upper[i] - small);
        }
    }
    for i in 0..K {
        power[i] = s.keep(s.not_lt(x[i], limit), s.scale(power[i], whole[i]));
    }
    power
}

/// Returns `eˣ`: exactly 1 at 0; subnormal, 0 or ∞ where the exponential is; NaN for NaN.
#[inline(always)]
pub fn exp<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> Vector<T, S> {
    exp_of_sum(s, x, s.splat(T::ZERO))
}

/// Returns `e` to the power `x + rest`, where `rest` is about an ulp of `x` at most.
#[inline(always)]
pub(super) fn exp_of_sum<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>, rest: Vector<T, S>) -> Vector<T, S> {
    // Beyond these limits the exponents would leave their range. NaN is the second operand and remains.
    let x = s.min(s.splat(T::EXP_IS_INFINITE), x);
    let x = s.max(s.splat(T::EXP_IS_ZERO), x);
    let whole = s.nearest_power_of_two(x, s.splat(T::LOG2_E));
    let upper = s.neg_mul_add(whole.exponent, s.splat(T::LN2_UPPER), x);
    let lower = whole.exponent * s.splat(T::LN2_LOWER) - rest;
    let r = upper - lower;
    let [tail] = horner(s, T::EXP_TAIL, [r]);
    let power = s.splat(T::ONE) + (upper - s.neg_mul_add(r * r, tail, lower));
    s.scale_wide(power, whole)
}
