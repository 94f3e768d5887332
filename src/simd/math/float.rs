//! The properties of a floating-point type that the algorithms need.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// The constants, bits and polynomials of a floating-point type: f32 or f64.
///
/// A supertrait of [`Real`](crate::array::real::Real) that no other crate can name.
pub trait Format:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Into<f64>
{
    /// 0.
    const ZERO: Self;
    /// ½.
    const HALF: Self;
    /// 1.
    const ONE: Self;
    /// 2.
    const TWO: Self;
    /// ∞.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The smallest number with a full mantissa.
    const SMALLEST_NORMAL: Self;

    /// 1 / ln 2.
    const LOG2_E: Self;
    /// ln 2 to so few places that its product with any exponent is exact.
    const LN2_UPPER: Self;
    /// What `LN2_UPPER` leaves of ln 2.
    const LN2_LOWER: Self;

    /// At and below this `exp` is 0; its power of two is still in reach of two factors.
    const EXP_IS_ZERO: Self;
    /// Below this `exp` is no normal number.
    const EXP_IS_SUBNORMAL: Self;
    /// At and above this `exp` is ∞; likewise.
    const EXP_IS_INFINITE: Self;

    /// A power of two that makes every subnormal number normal.
    const LIFT: Self;
    /// log₂ of `LIFT`.
    const LIFT_EXPONENT: Self;

    /// The nearest number to `value`.
    fn nearest(value: f64) -> Self;

    /// Its distance from 0.
    fn magnitude(self) -> Self;

    /// Whether it is not a number.
    fn is_undefined(self) -> bool;

    /// `√self`.
    fn square_root(self) -> Self;

    /// Half the mantissa, towards 0: the product of two such numbers is exact.
    fn upper_half(self) -> Self;

    /// The nearest whole number `k`, and two factors whose product is `2ᵏ`.
    ///
    /// Two, because subnormal results and those next to overflow need a `2ᵏ` that
    /// is itself no normal number. Holds where `exp` is neither 0 nor ∞.
    fn power_of_two(self) -> (Self, [Self; 2]);

    /// The nearest whole number `k`, and `2ᵏ` where that is a normal number.
    fn normal_power_of_two(self) -> (Self, Self);

    /// `(k, m)` with `self = 2ᵏ·m` and `⅔ ≤ m < 4⁄3`, for normal positive numbers.
    fn exponent_and_mantissa(self) -> (Self, Self);

    /// `(eʳ − 1 − r) / r²` for `|r| ≤ ln 2 / 2`.
    fn exp_tail(r: Self, square: Self) -> Self;

    /// `ln((1 + s)/(1 − s)) / s − 2` as a function of `z = s²`, for `|s| ≤ ⅕`.
    fn ln_tail(z: Self) -> Self;
}

/// `yes` or `no`: both are computed, so that lanes may differ.
#[inline(always)]
pub(super) fn select<T>(condition: bool, yes: T, no: T) -> T {
    if condition { yes } else { no }
}
