//! Logarithms.
//!
//! ```text
//! x = 2ᵏ·(1 + f),  ⅔ ≤ 1 + f < 4⁄3          ln x = k ln 2 + ln(1 + f)
//! s = f / (2 + f)                           ln(1 + f) = f − (f²/2 − s·(f²/2 + tail(s²)))
//! ```
//!
//! The second line is fdlibm's: `f` is exact and what is subtracted from it is small.
//! `k ln 2 + f` is kept as a sum and its rounding error, because it may cancel to a
//! third of its terms.

use crate::simd::math::exp::exp;
use crate::simd::math::float::Format;
use crate::simd::math::float::select;

/// `ln x`.
#[inline(always)]
pub(crate) fn ln<T: Format>(x: T) -> T {
    let (upper, lower) = ln_parts(x);
    ends(x, upper + lower)
}

/// `ln(1 + x)`.
#[inline(always)]
pub(crate) fn ln_1p<T: Format>(x: T) -> T {
    ends(T::ONE + x, ln_1p_inside(x))
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`.
#[inline(always)]
pub(crate) fn softplus<T: Format>(x: T) -> T {
    select(x > T::ZERO, x, T::ZERO) + ln_1p_inside(exp(-x.magnitude(), T::ZERO))
}

/// `ln x` in two parts for positive finite `x`: the upper to be rounded to, the lower to be kept.
#[inline(always)]
pub(super) fn ln_parts<T: Format>(x: T) -> (T, T) {
    let subnormal = x < T::SMALLEST_NORMAL;
    let normal = select(subnormal, x * T::LIFT, x);
    ln_parts_of_normal(normal, select(subnormal, T::LIFT_EXPONENT, T::ZERO))
}

/// `ln(2^−lift · x)` in two parts, for a normal positive `x`.
#[inline(always)]
fn ln_parts_of_normal<T: Format>(x: T, lift: T) -> (T, T) {
    let (exponent, mantissa) = x.exponent_and_mantissa();
    series(exponent - lift, mantissa - T::ONE)
}

/// `exponent·ln 2 + ln(1 + f)` in two parts.
#[inline(always)]
fn series<T: Format>(exponent: T, f: T) -> (T, T) {
    let s = f / (T::TWO + f);
    let half_square = f * (T::HALF * f);
    let small = half_square - s * (half_square + T::ln_tail(s * s));

    let turns = exponent * T::LN2_UPPER;
    let upper = turns + f;
    // Exact: `turns` is 0 or larger than `f`.
    let lost = (turns - upper) + f;
    (upper, lost + (exponent * T::LN2_LOWER - small))
}

/// `ln(1 + x)` for finite `x > −1`; lets NaN through.
#[inline(always)]
fn ln_1p_inside<T: Format>(x: T) -> T {
    let (sum, lost) = one_more(x);
    let (upper, lower) = ln_parts_of_normal(sum, T::ZERO);
    upper + (lower + lost / sum)
}

/// The same for `x ≥ 0`, with `inverse = 1/(1 + x)`: a product where the other divides.
#[inline(always)]
pub(crate) fn ln_1p_by<T: Format>(x: T, inverse: T) -> T {
    let (sum, lost) = one_more(x);
    let (upper, lower) = ln_parts_of_normal(sum, T::ZERO);
    upper + (lower + lost * inverse)
}

/// `ln x` for a normal `x ≤ 1`. Above ½ the result is computed from `complement` = 1 − x, which has digits that `x` has
/// lost. Up to ½ `complement` is not used: callers pass that of the largest class, which is not 1 − x of the others.
#[inline(always)]
pub(crate) fn ln_by<T: Format>(x: T, complement: T) -> T {
    let (exponent, mantissa) = x.exponent_and_mantissa();
    // `x` is its own mantissa from ⅔ on; below it is doubled.
    let near = select(mantissa == x, -complement, T::ONE - (complement + complement));
    let (upper, lower) = series(exponent, select(x > T::HALF, near, mantissa - T::ONE));
    select(x > T::ZERO, upper + lower, T::NAN)
}

/// `1 + x`, and what that lost of `x`, by ln(sum + lost) ≈ ln sum + lost/sum.
#[inline(always)]
fn one_more<T: Format>(x: T) -> (T, T) {
    let sum = T::ONE + x;
    (sum, x - (sum - T::ONE))
}

/// `result` where `x` is positive and finite, the limits of the logarithm elsewhere.
#[inline(always)]
fn ends<T: Format>(x: T, result: T) -> T {
    let result = select(x < T::INFINITY, result, x);
    select(x > T::ZERO, result, select(x == T::ZERO, -T::INFINITY, T::NAN))
}
