//! The mathematics of rows: `exp`, `decay`, `ln`, `ln_1p`, `softplus`, `pow`, `sqrt`.
//!
//! Neither `core` nor `libm` has them in a form that vectorises, so they are ours:
//! `+ − × ÷ √`, comparisons that select and bit operations, no branch, no table, no
//! call. A plain loop over a row inside a `Kernel` of [`simd`](crate::simd::level) becomes
//! vector code at every level, and every level computes the same bits, because Rust
//! never contracts `a·b + c`.
//!
//! Each algorithm is written once, for any [`Float`]; what differs between f32 and
//! f64 (polynomials, layout of the bits) is in `single` and `double`.
//!
//! | largest error in ulps | f32 | f64 | for |
//! | --- | --- | --- | --- |
//! | `exp` | 0.91 | ≤ 1 | every x, subnormal results too |
//! | `decay` | 0.91 | ≤ 1 | every x ≤ 0; 0 where the exponential is no normal number |
//! | `ln` | 0.91 | ≤ 1 | every x, subnormal ones too |
//! | `ln_1p` | 0.92 | ≤ 1 | every x |
//! | `ln_1p_by` | 0.92 | ≤ 1 | every finite x ≥ 0 |
//! | `ln_by` | 0.84 | ≤ 1 | every normal x ≤ ½; every x above ½, relative to ln(1 − complement) |
//! | `softplus` | 1.78 | ≤ 2 | every x |
//! | `pow` | ≤ 2 | ≤ 2 | exponents from −4 to 8, normal results |
//! | `sqrt` | ½ | ½ | every x |
//!
//! The two-digit numbers were found by trying all 2³² inputs.

mod double;
mod exp;
mod float;
mod ln;
mod pow;
mod single;
mod sqrt;

pub use float::Float;
pub use pow::{Power, Raise};

/// The functions of a row.
///
/// Call them on a type parameter `T: Math`, or as `Math::exp(x)`: where std is
/// linked, `x.exp()` on a plain `f32` is std's function, which does not vectorise.
pub trait Math: Float {
    /// `eˣ`; at most 1 where `x ≤ 0`, exactly 1 at 0.
    #[inline(always)]
    fn exp(self) -> Self {
        exp::exp(self, Self::ZERO)
    }

    /// `eˣ` for `x ≤ 0`, exactly 1 at 0; where that is no normal number, 0.
    #[inline(always)]
    fn exp_nonpositive(self) -> Self {
        exp::exp_nonpositive(self)
    }

    /// `ln x`; −∞ at 0, NaN below.
    #[inline(always)]
    fn ln(self) -> Self {
        ln::ln(self)
    }

    /// `ln(1 + x)` without losing a small `x`; −∞ at −1, NaN below.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        ln::ln_1p(self)
    }

    /// `ln(1 + x)` for finite `x ≥ 0` whose `1/(1 + x)` is at hand.
    #[inline(always)]
    fn ln_1p_by(self, inverse: Self) -> Self {
        ln::ln_1p_by(self, inverse)
    }

    /// `ln x` for a normal `x ≤ 1` whose `1 − x` is at hand; above ½ it is made of that, and keeps its digits.
    #[inline(always)]
    fn ln_by(self, complement: Self) -> Self {
        ln::ln_by(self, complement)
    }

    /// `ln(1 + eˣ)`, for which a large `|x|` neither overflows nor cancels.
    #[inline(always)]
    fn softplus(self) -> Self {
        ln::softplus(self)
    }

    /// `xᵉ` for `x ≥ 0`, with `e` the same for a whole row.
    ///
    /// In a loop, only inside [`Power::choose`]: that makes `power` a constant way.
    /// Otherwise its branch stays in the loop, which then does not vectorise.
    #[inline(always)]
    fn pow(self, power: Power<Self>) -> Self {
        power.raise(self)
    }

    /// `√x`, correctly rounded.
    #[inline(always)]
    fn sqrt(self) -> Self {
        Float::square_root(self)
    }
}

impl Math for f32 {}
impl Math for f64 {}
