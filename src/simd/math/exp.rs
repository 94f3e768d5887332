//! The exponential.
//!
//! ```text
//! eˣ = 2ᵏ · eʳ     k = ⌊x / ln 2⌉     r = x − k ln 2,  |r| ≤ ln 2 / 2
//! eʳ = 1 + r + r²·tail(r)
//! ```
//!
//! `x − k·upper(ln 2)` is exact. What the lower part of ln 2 takes off joins the
//! small `r²·tail` instead of being rounded into `r`: for the same operations a
//! quarter of an ulp less.

use crate::simd::math::float::Format;
use crate::simd::math::float::select;

/// `e` to the `x + rest`, where `rest` is at most an ulp or so of `x`.
#[inline(always)]
pub(crate) fn exp<T: Format>(x: T, rest: T) -> T {
    // Both holds let NaN through; beyond them the two factors would leave their range.
    let x = select(T::EXP_IS_INFINITE < x, T::EXP_IS_INFINITE, x);
    let x = select(T::EXP_IS_ZERO > x, T::EXP_IS_ZERO, x);

    let (whole, [one, other]) = (x * T::LOG2_E).power_of_two();
    let upper = x - whole * T::LN2_UPPER;
    let lower = whole * T::LN2_LOWER - rest;
    let r = upper - lower;
    let square = r * r;
    let power = T::ONE + (upper - (lower - square * T::exp_tail(r, square)));
    // The first product is exact, so a subnormal result is rounded once.
    power * one * other
}

/// `eˣ` for `x ≤ 0`, and 0 where that is no normal number: one factor serves, and a third of the work is saved.
#[inline(always)]
pub(crate) fn exp_nonpositive<T: Format>(x: T) -> T {
    let (whole, factor) = (x * T::LOG2_E).normal_power_of_two();
    let upper = x - whole * T::LN2_UPPER;
    let lower = whole * T::LN2_LOWER;
    let r = upper - lower;
    let square = r * r;
    let power = T::ONE + (upper - (lower - square * T::exp_tail(r, square)));
    select(x < T::EXP_IS_SUBNORMAL, T::ZERO, power * factor)
}
