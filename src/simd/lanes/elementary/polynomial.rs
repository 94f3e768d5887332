//! Polynomials.

use crate::simd::lanes::{Lanes, Scalar, Vector};

/// Evaluates a polynomial of each vector by Horner's rule; `coefficients` start with that of x⁰. The vectors advance
/// together.
#[inline(always)]
pub(super) fn horner<T: Scalar, S: Lanes<T>, const N: usize>(
    s: S,
    coefficients: &[T],
    x: [Vector<T, S>; N],
) -> [Vector<T, S>; N] {
    let Some((&highest, lower)) = coefficients.split_last() else { return [s.splat(T::ZERO); N] };
    let mut sum = [s.splat(highest); N];
    for &coefficient in lower.iter().rev() {
        let coefficient = s.splat(coefficient);
        for i in 0..N {
            sum[i] = s.mul_add(sum[i], x[i], coefficient);
        }
    }
    sum
}
