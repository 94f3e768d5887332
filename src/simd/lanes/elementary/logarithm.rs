//! Logarithms.
//!
//! ```text
//! x = 2ᵏ·(1 + f),  ¾ ≤ 1 + f < 1½          ln x = k·ln 2 + ln(1 + f)
//! 1 + x = 2ᵏ·(1 + f)                        f = x·2⁻ᵏ + (2⁻ᵏ − 1)
//! ```
//!
//! `f` is exact in both: with this range of mantissas the terms of the second sum are within a factor of two of each
//! other, or `k` is 0. ln 2 has two parts: `k·upper` is exact, `k·lower` is added to what is small.

use super::exponential::exp_nonpositive;
use super::polynomial::horner;
use crate::simd::lanes::{Lanes, LnSeries, Scalar, Vector};
use core::ops::{Add, Sub};

/// Returns `ln x`; −∞ at 0, NaN below 0 and for NaN.
#[inline(always)]
pub fn ln<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> Vector<T, S> {
    let (exponent, f) = exponent_and_fraction(s, x);
    let (upper, lost) = sum_and_rest(exponent * s.splat(T::LN2_UPPER), f);
    let small = s.mul_add(exponent, s.splat(T::LN2_LOWER), small_part(s, f));
    with_limits(s, x, upper + (lost + small))
}

/// Returns `ln(1 + x)`, of a small `x` too; −∞ at −1, NaN below −1 and for NaN.
#[inline(always)]
pub fn ln_1p<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> Vector<T, S> {
    // A number whose reciprocal might be subnormal is divided by 4: it absorbs the 1 in any case.
    let is_large = s.lt(s.splat(T::constant(1e30)), x);
    let quarter = x * s.splat(T::constant(0.25));
    let inside = ln_1p_shifted(s, s.select(is_large, quarter, x), s.keep(is_large, s.splat(T::TWO)));
    with_limits(s, s.splat(T::ONE) + x, inside)
}

/// Returns `ln(1 + x)` for `0 ≤ x ≤ 2¹²⁶`, NaN for NaN: as [`ln_1p`], without the operations for other numbers.
#[inline(always)]
pub fn ln_1p_of_product<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> Vector<T, S> {
    ln_1p_shifted(s, x, s.splat(T::ZERO))
}

/// Returns `ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`, without overflow or cancellation; 0 where `eˣ` is less than the
/// smallest normal number.
#[inline(always)]
pub fn softplus<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> Vector<T, S> {
    let [power] = exp_nonpositive(s, [-s.abs(x)]);
    // NaN is the second operand of `max` and remains.
    s.max(s.splat(T::ZERO), x) + ln_1p_of_product(s, power)
}

/// Returns `ln x` as the sum of a large and a small part, for positive finite `x`: more exact than [`ln`].
#[inline(always)]
pub(super) fn ln_in_two_parts<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> (Vector<T, S>, Vector<T, S>) {
    let half = s.splat(T::HALF);
    let (exponent, f) = exponent_and_fraction(s, x);
    // f²/2 in two parts: the square of the upper half of the bits is exact.
    let f_upper = s.upper_half(f);
    let square_upper = f_upper * (half * f_upper);
    let square_lower = (f - f_upper) * (half * (f + f_upper));
    let (sum, lost) = sum_and_rest(exponent * s.splat(T::LN2_UPPER), f);
    let (large, lost_too) = sum_and_rest(sum, -square_upper);
    let small = s.mul_add(exponent, s.splat(T::LN2_LOWER), cubic_part(s, f) - square_lower);
    sum_and_rest(large, (lost + lost_too) + small)
}

/// Returns `k` and `f` with `x = 2ᵏ·(1 + f)`, for positive finite `x`.
#[inline(always)]
fn exponent_and_fraction<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>) -> (Vector<T, S>, Vector<T, S>) {
    let is_subnormal = s.lt(x, s.splat(T::SMALLEST_NORMAL));
    let normal = s.select(is_subnormal, x * s.splat(T::LIFT), x);
    let (exponent, mantissa) = s.exponent_and_mantissa(normal);
    (exponent - s.keep(is_subnormal, s.splat(T::LIFT_EXPONENT)), mantissa - s.splat(T::ONE))
}

/// Returns `ln(2ⁿ·(1 + x))`, where 1 + x is positive and its reciprocal is normal.
#[inline(always)]
fn ln_1p_shifted<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>, n: Vector<T, S>) -> Vector<T, S> {
    let one = s.splat(T::ONE);
    let (exponent, inverse) = s.exponent_and_inverse(one + x);
    // The product is exact.
    let f = s.mul_add(x, inverse, inverse - one);
    let exponent = exponent + n;
    let small = s.mul_add(exponent, s.splat(T::LN2_LOWER), small_part(s, f));
    s.mul_add(exponent, s.splat(T::LN2_UPPER), f + small)
}

/// Returns `ln(1 + f) − f` for ¾ ≤ 1 + f < 1½.
#[inline(always)]
fn small_part<T: Scalar, S: Lanes<T>>(s: S, f: Vector<T, S>) -> Vector<T, S> {
    let half = s.splat(T::HALF);
    match T::LN {
        LnSeries::Powers(coefficients) => {
            let [series] = horner(s, coefficients, [f]);
            f * f * s.mul_add(series, f, -half)
        }
        LnSeries::Quotient(_) => cubic_part(s, f) - f * (half * f),
    }
}

/// Returns `ln(1 + f) − f + f²/2` for ¾ ≤ 1 + f < 1½.
#[inline(always)]
fn cubic_part<T: Scalar, S: Lanes<T>>(s: S, f: Vector<T, S>) -> Vector<T, S> {
    match T::LN {
        LnSeries::Powers(coefficients) => {
            let [series] = horner(s, coefficients, [f]);
            f * f * (f * series)
        }
        LnSeries::Quotient(coefficients) => {
            let quotient = f / (s.splat(T::TWO) + f);
            let square = quotient * quotient;
            let [series] = horner(s, coefficients, [square]);
            quotient * s.mul_add(square, series, f * (s.splat(T::HALF) * f))
        }
    }
}

/// Returns the rounded sum of a large and a small number, and what the rounding lost.
#[inline(always)]
pub(super) fn sum_and_rest<V>(large: V, small: V) -> (V, V)
where
    V: Copy + Add<Output = V> + Sub<Output = V>,
{
    let sum = large + small;
    (sum, (large - sum) + small)
}

/// Returns `result` where `x` is positive and finite, the limits of the logarithm of `x` elsewhere.
#[inline(always)]
fn with_limits<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>, result: Vector<T, S>) -> Vector<T, S> {
    let (zero, infinity) = (s.splat(T::ZERO), s.splat(T::INFINITY));
    let result = s.select(s.lt(x, infinity), result, x);
    let at_most_zero = s.select(s.eq(x, zero), -infinity, s.splat(T::NAN));
    s.select(s.lt(zero, x), result, at_most_zero)
}
