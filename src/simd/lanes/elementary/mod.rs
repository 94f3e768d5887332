//! Elementary functions of vectors: exponentials, logarithms, powers.
//!
//! No branch, no table, no call: operations of [`Lanes`](super::Lanes) in a fixed order. Each function is written once,
//! for f32 and f64, fused and split; the coefficients are constants of [`Scalar`](super::Scalar).
//!
//! | | error ≤ ulps | measured, f32 | for |
//! | --- | --- | --- | --- |
//! | [`exp_nonpositive`] | 0.91 | 0.904 | x ≤ 0; 0 where the exponential is less than the smallest normal number |
//! | [`exp`] | 1 | 0.88 | every x |
//! | [`ln`] | 1 | 0.960 | every x |
//! | [`ln_1p`] | 1 | 0.993 | every x |
//! | [`ln_1p_of_product`] | 1 | 0.957 | 0 ≤ x ≤ 2¹²⁶ |
//! | [`softplus`] | 2 | 1.68 | every x |
//! | [`pow`] | 2 | 1.9 | x ≥ 0, exponents from −4 to 8, normal results |
//! | `sqrt`, `reciprocal` of [`Lanes`](super::Lanes) | ½ | ½ | every x |
//!
//! The bounds hold for f32, fused and split, and for f64. The measured errors are the larger of fused and split: two
//! digits are from every 97th f32, three from every f32 where the error is largest. `tests/exhaustive/lanes.rs` tests
//! all f32; the unit tests compare f64 with arithmetic of 192 bits.

mod exponential;
mod log_product;
mod logarithm;
mod polynomial;
mod real_power;

pub use exponential::{exp, exp_nonpositive};
pub use log_product::{LogProduct, most_factors};
pub use logarithm::{ln, ln_1p, ln_1p_of_product, softplus};
pub use real_power::{RealPower, pow};
