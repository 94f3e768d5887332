//! Sums of logarithms by one logarithm.
//!
//! ```text
//! Σ ln(1 + r) = ln Π(1 + r) = ln(1 + p)      p ← p + r + p·r,  from p = 0
//! ```
//!
//! `p` is the product less 1: a product near 1 keeps its digits. With `r ≥ 0` all terms are positive and nothing
//! cancels, so each factor costs one or two roundings, less than a logarithm of its own.

use super::logarithm::ln_1p_of_product;
use crate::simd::lanes::{Lanes, Scalar, Vector};

/// The product of at most [`most_factors`] numbers `1 + r`, `r ≥ 0`, in each lane.
#[derive(Clone, Copy)]
pub struct LogProduct<T: Scalar, S: Lanes<T>> {
    /// The product less 1.
    less_one: Vector<T, S>,
}

/// The largest number of factors, whatever their size: 16 vectors of 16 lanes are 256 voxels.
const MOST_FACTORS: usize = 16;
/// The largest product: its reciprocal is a normal f32.
const LARGEST_PRODUCT: u128 = 1 << 126;

/// Returns how many factors from 1 to `largest` have a product of at most 2¹²⁶: `⌊126 / log₂ largest⌋`, at most 16.
/// In softmax a factor is at most the number of classes.
pub const fn most_factors(largest: u32) -> usize {
    let (mut count, mut product) = (0, 1u128);
    while count < MOST_FACTORS {
        match product.checked_mul(largest as u128) {
            Some(next) if next <= LARGEST_PRODUCT => product = next,
            _ => break,
        }
        count += 1;
    }
    count
}

impl<T: Scalar, S: Lanes<T>> core::fmt::Debug for LogProduct<T, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LogProduct").finish_non_exhaustive()
    }
}

impl<T: Scalar, S: Lanes<T>> LogProduct<T, S> {
    /// Returns the product of no factor.
    #[inline(always)]
    pub fn new(s: S) -> Self {
        Self { less_one: s.splat(T::ZERO) }
    }

    /// Returns the product from what [`less_one`](Self::less_one) has returned.
    #[inline(always)]
    pub fn of(less_one: Vector<T, S>) -> Self {
        Self { less_one }
    }

    /// Returns the product less 1.
    #[inline(always)]
    pub fn less_one(&self) -> Vector<T, S> {
        self.less_one
    }

    /// Multiplies by `1 + r`.
    #[inline(always)]
    pub fn multiply(&mut self, s: S, r: Vector<T, S>) {
        self.less_one = s.mul_add(self.less_one, r, self.less_one + r);
    }

    /// Returns the logarithm of the product, which becomes 1 again.
    #[inline(always)]
    pub fn take_ln(&mut self, s: S) -> Vector<T, S> {
        let log = ln_1p_of_product(s, self.less_one);
        self.less_one = s.splat(T::ZERO);
        log
    }
}
