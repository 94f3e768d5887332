//! Correctly rounded square roots of squared distances.

use crate::array::real::Real;
use crate::distance::squared_distance::SquaredDistance;

/// A squared distance with a square root.
pub trait SquareRoot: SquaredDistance {
    /// Returns the square in f64, without further rounding.
    fn widened(self) -> f64;
    /// Returns the correctly rounded root.
    fn root(self) -> f32;
    /// Returns the roots of a row.
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        for i in 0..N {
            roots[i] = row[i].root();
        }
        roots
    }
}

impl SquareRoot for u16 {
    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn root(self) -> f32 {
        Real::sqrt(f32::from(self))
    }
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        #[cfg(target_arch = "x86_64")]
        if N == 64 {
            for (from, to) in row.as_chunks().0.iter().zip(roots.as_chunks_mut().0) {
                // SAFETY: a plan has 64 lanes only where the CPU level in use is AVX-512.
                *to = unsafe { roots_of_16(from) };
            }
            return roots;
        }
        for i in 0..N {
            roots[i] = row[i].root();
        }
        roots
    }
}

/// Returns sixteen roots, in half the time of the CPU's square root instruction on Intel.
///
/// An estimate of `1/√n` to 2⁻¹⁴ and one Newton step give `s = √n (1 + e)` and `h = (1 + f) / 2√n` with `|e| < 1.3 ·
/// 2⁻²⁴`, a float next to the root, and `|f| < 2⁻²²`. Then `s + h (n − s²)`, with the bracket exact and the sum
/// rounded once, has an error of `|e f| < 2⁻⁴⁵` before that rounding, and no root of an integer below 2¹⁶ is so close
/// to the middle of two floats (`no_root_is_near_a_middle`).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
#[inline]
fn roots_of_16(squares: &[u16; 16]) -> [f32; 16] {
    use core::arch::x86_64::*;
    // SAFETY: the code reads the 32 bytes of `squares` and writes the 64 bytes of `roots`.
    unsafe {
        let n = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(squares.as_ptr().cast())));
        let half = _mm512_set1_ps(0.5);
        // The inverse root of 0 is infinite; with the inverse root of 1 the root of 0 is 0.
        let y = _mm512_rsqrt14_ps(_mm512_max_ps(n, _mm512_set1_ps(1.0)));
        let (s, h) = (_mm512_mul_ps(n, y), _mm512_mul_ps(half, y));
        let r = _mm512_fnmadd_ps(s, h, half);
        let (s, h) = (_mm512_fmadd_ps(s, r, s), _mm512_fmadd_ps(h, r, h));
        let s = _mm512_fmadd_ps(h, _mm512_fnmadd_ps(s, s, n), s);
        let mut roots = [0.0; 16];
        _mm512_storeu_ps(roots.as_mut_ptr(), s);
        roots
    }
}

impl SquareRoot for u32 {
    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(self)
    }
    // An integer above 2²⁴ may not be an f32. Rounding the f64 root a second time is innocuous.
    #[inline(always)]
    fn root(self) -> f32 {
        Real::sqrt(f64::from(self)) as f32
    }
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        let mut all = 0;
        for i in 0..N {
            all |= row[i];
        }
        // Below 2²⁴ (4,096 voxels) the square is an f32. Signed integers convert in fewer instructions.
        if all < 1 << 24 {
            for i in 0..N {
                roots[i] = Real::sqrt(row[i] as i32 as f32);
            }
        } else {
            for i in 0..N {
                roots[i] = Real::sqrt(f64::from(row[i] as i32)) as f32;
            }
        }
        roots
    }
}

impl SquareRoot for f32 {
    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn root(self) -> f32 {
        Real::sqrt(self)
    }
}

impl SquareRoot for f64 {
    #[inline(always)]
    fn widened(self) -> f64 {
        self
    }
    // Not used: an output of f32 has other types.
    #[inline(always)]
    fn root(self) -> f32 {
        Real::sqrt(self) as f32
    }
}

#[cfg(test)]
mod tests {
    use crate::distance::root::{SquareRoot, SquaredDistance};
    use crate::simd::level::{Kernel, Level, dispatch, level};

    struct Roots<D, const N: usize>([D; N]);

    impl<D: SquareRoot, const N: usize> Kernel for Roots<D, N> {
        type Output = [f32; N];
        #[inline(always)]
        fn run(self) -> [f32; N] {
            D::roots(&self.0)
        }
    }

    /// u32: below and above the integers of f32, near squares and near the middle between squares.
    #[test]
    fn every_root_of_u32_is_correctly_rounded() {
        let check = |row: [u32; 32]| {
            for (square, root) in row.iter().zip(dispatch(Roots(row))) {
                assert_eq!(root.to_bits(), (f64::from(*square).sqrt() as f32).to_bits(), "{square}");
            }
        };
        for root in (0..46_340u32).step_by(7) {
            check(core::array::from_fn(|i| {
                (root * root + root / 2 * (i as u32 % 3)).saturating_sub(i as u32)
            }));
        }
        check([1 << 24; 32]);
        check([(1 << 24) - 1; 32]);
        check([u32::SATURATED - 1; 32]);
    }

    #[test]
    fn every_root_of_u16_is_correctly_rounded() {
        if level() < Level::Avx512 {
            return;
        }
        for first in (0..=u16::MAX).step_by(64) {
            let row: [u16; 64] = core::array::from_fn(|i| first + i as u16);
            let roots = dispatch(Roots(row));
            for (square, root) in row.iter().zip(roots) {
                // Rounding twice is innocuous from 53 to 24 bits.
                assert_eq!(root.to_bits(), (f64::from(*square).sqrt() as f32).to_bits());
            }
        }
    }

    /// With an inverse root within 2⁻²² the last step rounds as the exact root does, whatever the CPU's estimate.
    #[test]
    fn no_root_is_near_a_middle() {
        for square in 1..=u16::MAX {
            let root = f64::from(square).sqrt() as f32;
            for middle in
                [root.next_down(), root].map(|low| (f64::from(low) + f64::from(low.next_up())) / 2.0)
            {
                // Exact: the middle has 25 bits.
                let distance = (f64::from(square) - middle * middle).abs() / (2.0 * f64::from(square));
                assert!(distance > (-45f64).exp2(), "{square}");
            }
        }
    }
}
