//! The exponential.
//!
//! ```text
//! eˣ = 2ᵏ · eʳ     k = ⌊x / ln 2⌉     r = x − k ln 2,  |r| ≤ ln 2 / 2
//! eʳ = 1 + r + r²·tail(r)
//! ```
//!
//! `x − k·upper(ln 2)` is exact. The product with the lower part of ln 2 is added to the small `r²·tail` and not
//! rounded into `r`: with the same number of operations the error is a quarter of an ulp smaller.

use crate::simd::math::float::Format;
use crate::simd::math::float::select;

/// Returns `e` to the power `x + rest`, where `rest` is about an ulp of `x` at most.
#[inline(always)]
pub(crate) fn exp<T: Format>(x: T, rest: T) -> T {
    // Clamps x, and lets NaN through: beyond these limits the two factors would leave their range.
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

/// Returns `eˣ` for `x ≤ 0`, and 0 where the result is not a normal number: one factor is enough, which saves a
/// third of the time.
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
