//! Every method at every level that the CPU has, fused and split, against scalar code.

mod accuracy;
mod bit_operations;
mod memory;
mod operations;
mod rows_of_f16;
mod sums_of_logarithms;

use super::{LaneKernel, Vectorized, dispatch_at};
use crate::simd::level::Level;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::vec::Vec;

/// Runs a kernel with every instruction set, fused and split, and returns the results with the kind.
fn on_every_set<T: Vectorized, K: LaneKernel<T> + Clone>(kernel: K) -> Vec<(Level, bool, K::Output)> {
    let mut results = Vec::new();
    for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
        for fused in [false, true] {
            let result = dispatch_at(level, fused, kernel.clone());
            results.extend(result.map(|result| (level, fused, result)));
        }
    }
    results
}

/// The scalar operations that vectors are compared with.
trait Reference:
    Vectorized
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    fn bits_of(self) -> u64;
    fn from_bits_of(bits: u64) -> Self;
    fn fused(self, by: Self, plus: Self) -> Self;
    fn root(self) -> Self;
    fn absolute(self) -> Self;
    /// `self·2^exponent`, rounded once.
    fn scaled(self, exponent: i32) -> Self;

    /// Whether two results are the same: the sign and the payload of a NaN are unspecified.
    fn is_same_as(self, other: Self) -> bool {
        self.bits_of() == other.bits_of() || self.is_nan() && other.is_nan()
    }

    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }

    /// Zeros, infinities, NaN, the ends of the normal and the subnormal numbers, and ordinary numbers; then `random`
    /// random bit patterns.
    fn numbers(random: usize) -> Vec<Self> {
        let positive = [0.0, 1.0, 1.5, 2.0 / 3.0, 4.0 / 3.0, 0.1, 3.0, 1e10, 1e-10, f64::INFINITY, f64::NAN];
        let mut numbers: Vec<Self> = positive.iter().map(|&x| Self::constant(x)).collect();
        let smallest = Self::SMALLEST_NORMAL.bits_of();
        numbers.extend([1, 2, smallest - 1, smallest, smallest + 1].map(Self::from_bits_of));
        let largest = Self::INFINITY.bits_of() - 1;
        numbers.extend([largest, largest - 1].map(Self::from_bits_of));
        let sign = Self::constant(-0.0).bits_of();
        numbers.extend(numbers.clone().iter().map(|x| Self::from_bits_of(x.bits_of() | sign)));
        numbers.extend(random_bits(random).map(Self::from_bits_of));
        numbers
    }
}

/// A fixed sequence of random bits, in the upper and the lower half of a word alike.
fn random_bits(count: usize) -> impl Iterator<Item = u64> {
    (1..=count as u64).map(|i| {
        let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    })
}

macro_rules! reference {
    ($type:ident, $bits:ident, $ldexp:path) => {
        impl Reference for $type {
            fn bits_of(self) -> u64 {
                self.to_bits().into()
            }

            fn from_bits_of(bits: u64) -> Self {
                $type::from_bits(bits as $bits)
            }

            fn fused(self, by: Self, plus: Self) -> Self {
                self.mul_add(by, plus)
            }

            fn root(self) -> Self {
                $type::sqrt(self)
            }

            fn absolute(self) -> Self {
                $type::abs(self)
            }

            fn scaled(self, exponent: i32) -> Self {
                $ldexp(self, exponent)
            }
        }
    };
}
reference!(f32, u32, libm::ldexpf);
reference!(f64, u64, libm::ldexp);
