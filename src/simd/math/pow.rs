//! Powers with an exponent that is constant over a row.
//!
//! ```text
//! xᵉ = exp(e·ln x)
//! ```
//!
//! An error of the product is an error of the result times the result, so a large
//! product needs more places than the type has: `ln x`, `e` and their product are
//! kept in two parts each. The exponents that losses like best need none of it.

use crate::simd::math::exp::exp;
use crate::simd::math::float::Format;
use crate::simd::math::float::select;
use crate::simd::math::ln::ln_parts;

/// An exponent, and by which way a row is raised to it.
///
/// A negative base gives NaN unless the way is `Zero` or a product; a NaN gives NaN, also to
/// the power of 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power<T> {
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
    General(Exponent<T>),
}

/// Evaluates `$body` with `$way` as `$power`. The branch on the way is taken here and not in the loop of the body,
/// which is compiled once per way: a loop that branches on it does not vectorise.
macro_rules! with_power {
    ($power:expr, $way:ident => $body:expr) => {
        match $power {
            $crate::simd::math::Power::Zero => {
                let $way = $crate::simd::math::Power::Zero;
                $body
            }
            $crate::simd::math::Power::Half => {
                let $way = $crate::simd::math::Power::Half;
                $body
            }
            $crate::simd::math::Power::One => {
                let $way = $crate::simd::math::Power::One;
                $body
            }
            $crate::simd::math::Power::Two => {
                let $way = $crate::simd::math::Power::Two;
                $body
            }
            $crate::simd::math::Power::Three => {
                let $way = $crate::simd::math::Power::Three;
                $body
            }
            $crate::simd::math::Power::Four => {
                let $way = $crate::simd::math::Power::Four;
                $body
            }
            $crate::simd::math::Power::General(exponent) => {
                let $way = $crate::simd::math::Power::General(exponent);
                $body
            }
        }
    };
}

pub(crate) use with_power;

/// An exponent without a way of its own, prepared by [`Power::of`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponent<T> {
    /// Half a mantissa of it.
    upper: T,
    /// The rest: for f32 with more places than an f32 has.
    lower: T,
    at_zero: T,
    at_infinity: T,
}

impl<T: Format> Power<T> {
    /// The way to raise to `exponent`; at its best for −4 to 8.
    #[inline]
    pub fn of(exponent: f64) -> Self {
        match exponent {
            0.0 => Self::Zero,
            0.5 => Self::Half,
            1.0 => Self::One,
            2.0 => Self::Two,
            3.0 => Self::Three,
            4.0 => Self::Four,
            _ => Self::General(Exponent::of(exponent)),
        }
    }

    /// `x` raised to this power.
    #[inline(always)]
    pub fn raise(self, x: T) -> T {
        match self {
            Self::Zero => select(x.is_undefined(), x, T::ONE),
            Self::Half => x.square_root(),
            Self::One => x,
            Self::Two => x * x,
            Self::Three => x * x * x,
            Self::Four => (x * x) * (x * x),
            Self::General(exponent) => exponent.raise(x),
        }
    }
}

impl<T: Format> Exponent<T> {
    fn of(exponent: f64) -> Self {
        let upper = T::nearest(exponent).upper_half();
        let lower = T::nearest(exponent - upper.into());
        let (zero, infinity) = (T::ZERO, T::INFINITY);
        let (at_zero, at_infinity) = if exponent > 0.0 { (zero, infinity) } else { (infinity, zero) };
        Self { upper, lower, at_zero, at_infinity }
    }

    #[inline(always)]
    fn raise(self, x: T) -> T {
        let (coarse, fine) = ln_parts(x);
        let (log, log_rest) = sum(coarse, fine);
        let log_upper = log.upper_half();
        // Two halves of a mantissa: the first product is exact, the others are small.
        let product = self.upper * log_upper;
        let product_rest = self.upper * ((log - log_upper) + log_rest) + self.lower * log;
        let (turn, turn_rest) = sum(product, product_rest);
        let inside = exp(turn, turn_rest);

        let positive = select(x < T::INFINITY, inside, self.at_infinity);
        select(x > T::ZERO, positive, select(x == T::ZERO, self.at_zero, T::NAN))
    }
}

/// `large + small`, rounded, and what the rounding lost.
#[inline(always)]
fn sum<T: Format>(large: T, small: T) -> (T, T) {
    let sum = large + small;
    (sum, (large - sum) + small)
}
