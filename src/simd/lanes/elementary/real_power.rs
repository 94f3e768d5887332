//! Powers with one exponent for all lanes.
//!
//! ```text
//! xᵉ = exp(e·ln x)
//! ```
//!
//! An absolute error of `e·ln x` is a relative error of the power, so `e`, `ln x` and their product have two parts. The
//! most frequent exponents of losses need no logarithm.

use super::exponential::exp_of_sum;
use super::logarithm::{ln_in_two_parts, sum_and_rest};
use crate::simd::lanes::{Lanes, Scalar, Vector};

/// An exponent, and the operations that raise to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RealPower<T> {
    /// `x⁰ = 1`.
    Zero,
    /// `√x`.
    Half,
    /// `x`.
    One,
    /// `x·x`.
    Two,
    /// `x·x·x`.
    Three,
    /// `(x·x)·(x·x)`.
    Four,
    /// `exp(e·ln x)`.
    General {
        /// The upper half of the bits of the exponent.
        upper: T,
        /// The rest of the exponent.
        lower: T,
    },
}

impl<T: Scalar> RealPower<T> {
    /// Returns the operations for an exponent; the error bound holds from −4 to 8.
    #[inline]
    pub fn of(exponent: f64) -> Self {
        match exponent {
            0.0 => Self::Zero,
            0.5 => Self::Half,
            1.0 => Self::One,
            2.0 => Self::Two,
            3.0 => Self::Three,
            4.0 => Self::Four,
            _ => {
                let upper = T::constant(exponent).upper_half();
                Self::General { upper, lower: T::constant(exponent - upper.into()) }
            }
        }
    }
}

/// Returns `x` raised to a power; NaN for a negative `x`, unless the power is a product or 0, and NaN for NaN.
#[inline(always)]
pub fn pow<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>, power: RealPower<T>) -> Vector<T, S> {
    match power {
        RealPower::Zero => s.select(s.eq(x, x), s.splat(T::ONE), x),
        RealPower::Half => s.sqrt(x),
        RealPower::One => x,
        RealPower::Two => x * x,
        RealPower::Three => x * x * x,
        RealPower::Four => (x * x) * (x * x),
        RealPower::General { upper, lower } => general(s, x, upper, lower),
    }
}

#[inline(always)]
fn general<T: Scalar, S: Lanes<T>>(s: S, x: Vector<T, S>, upper: T, lower: T) -> Vector<T, S> {
    let (log, log_rest) = ln_in_two_parts(s, x);
    let log_upper = s.upper_half(log);
    // Two halves of a mantissa: the first product is exact, the others are small.
    let product = s.splat(upper) * log_upper;
    let product_rest = s.splat(upper) * ((log - log_upper) + log_rest) + s.splat(lower) * log;
    let (turn, turn_rest) = sum_and_rest(product, product_rest);
    let inside = exp_of_sum(s, turn, turn_rest);

    let (zero, infinity) = (s.splat(T::ZERO), s.splat(T::INFINITY));
    let (at_zero, at_infinity) = if upper > T::ZERO { (zero, infinity) } else { (infinity, zero) };
    let positive = s.select(s.lt(x, infinity), inside, at_infinity);
    s.select(s.lt(zero, x), positive, s.select(s.eq(x, zero), at_zero, s.splat(T::NAN)))
}
