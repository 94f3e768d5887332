//! `exp`, `ln`, `ln_1p`, `softplus`, powers and roots that vectorise.
//!
//! The functions of `std` and libm do not: they branch, look up tables or are calls. These consist of `+ − × ÷ √`,
//! comparisons that select, and bit operations. A plain loop over a row inside a
//! [`Kernel`](crate::simd::level::Kernel) becomes vector code at every CPU level, and every level computes the same
//! bits, because Rust never contracts `a·b + c`.
//!
//! Each algorithm is written once, for any [`Format`]. What differs between f32 and f64 (polynomials, layout of the
//! bits) is in `single` and `double`. [`Real`](crate::array::real::Real) offers the functions as methods.
//!
//! | largest error in ulps | f32 | f64 | for |
//! | --- | --- | --- | --- |
//! | `exp` | 0.91 | ≤ 1 | every x, subnormal results too |
//! | `exp_nonpositive` | 0.91 | ≤ 1 | every x ≤ 0; 0 where the exponential is no normal number |
//! | `ln` | 0.91 | ≤ 1 | every x, subnormal ones too |
//! | `ln_1p` | 0.92 | ≤ 1 | every x |
//! | `ln_1p_by` | 0.92 | ≤ 1 | every finite x ≥ 0 |
//! | `ln_by` | 0.84 | ≤ 1 | every normal x ≤ ½; every x above ½, relative to ln(1 − complement) |
//! | `softplus` | 1.78 | ≤ 2 | every x |
//! | [`Power`] | ≤ 2 | ≤ 2 | exponents from −4 to 8, normal results |
//! | `sqrt` | ½ | ½ | every x |
//!
//! The numbers with two digits are the maxima over all 2³² inputs (`tests/exhaustive`).

mod double;
mod exp;
mod float;
mod ln;
mod pow;
mod single;
mod sqrt;

pub(crate) use exp::{exp, exp_nonpositive};
pub use float::Format;
pub(crate) use ln::{ln, ln_1p, ln_1p_by, ln_by, softplus};
pub use pow::Power;
pub(crate) use pow::with_power;
