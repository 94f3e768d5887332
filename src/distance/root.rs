//! Roots of squared distances, correctly rounded.

use crate::distance::cell::Cell;
use crate::simd::math::Math;

/// A cell whose root can be taken.
pub trait Root: Cell {
    /// The square, exact or rounded to f32 where the cell has been rounded already.
    fn square64(self) -> f64;
    /// The correctly rounded root.
    fn root(self) -> f32;
    /// The roots of a row.
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        for i in 0..N {
            roots[i] = row[i].root();
        }
        roots
    }
}

impl Root for u16 {
    #[inline(always)]
    fn square64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn root(self) -> f32 {
        Math::sqrt(f32::from(self))
    }
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        #[cfg(target_arch = "x86_64")]
        if N == 64 {
            for (from, to) in row.as_chunks().0.iter().zip(roots.as_chunks_mut().0) {
                // SAFETY: a plan has 64 lanes only where the level in force is AVX-512.
                *to = unsafe { sixteen(from) };
            }
            return roots;
        }
        for i in 0..N {
            roots[i] = row[i].root();
        }
        roots
    }
}

/// Sixteen roots in half the time that the CPU's own root takes on Intel's.
///
/// `1/√n` to 2⁻¹⁴ and a step of Newton's give `s = √n (1 + e)`, `h = (1 + f) / 2√n` with `|e| < 1.3 · 2⁻²⁴`, a float
/// next to the root, and `|f| < 2⁻²²`. Then `s + h (n − s²)`, with the bracket exact and the sum rounded once, is off
/// by `|e f| < 2⁻⁴⁵` before that rounding, and no root of an integer below 2¹⁶ is so close to the middle of two
/// floats (`no_root_is_near_a_middle`).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
#[inline]
fn sixteen(squares: &[u16; 16]) -> [f32; 16] {
    use core::arch::x86_64::*;
    // SAFETY: 32 bytes are read and 64 written.
    unsafe {
        let n = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(squares.as_ptr().cast())));
        let half = _mm512_set1_ps(0.5);
        // Of 0 the inverse would be infinite; with that of 1 its root is 0.
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

impl Root for u32 {
    #[inline(always)]
    fn square64(self) -> f64 {
        f64::from(self)
    }
    // An integer beyond 2²⁴ is not an f32; rounding the f64 root a second time is innocuous.
    #[inline(always)]
    fn root(self) -> f32 {
        Math::sqrt(f64::from(self)) as f32
    }
    #[inline(always)]
    fn roots<const N: usize>(row: &[Self; N]) -> [f32; N] {
        let mut roots = [0.0; N];
        let mut all = 0;
        for i in 0..N {
            all |= row[i];
        }
        // Below 4,096 voxels the square is an f32. Signed numbers convert in fewer instructions.
        if all < 1 << 24 {
            for i in 0..N {
                roots[i] = Math::sqrt(row[i] as i32 as f32);
            }
        } else {
            for i in 0..N {
                roots[i] = Math::sqrt(f64::from(row[i] as i32)) as f32;
            }
        }
        roots
    }
}

impl Root for f32 {
    #[inline(always)]
    fn square64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn root(self) -> f32 {
        Math::sqrt(self)
    }
}

impl Root for f64 {
    #[inline(always)]
    fn square64(self) -> f64 {
        self
    }
    // Never asked for: an output of f32 has other cells.
    #[inline(always)]
    fn root(self) -> f32 {
        Math::sqrt(self) as f32
    }
}

#[cfg(test)]
mod tests {
    use crate::distance::root::{Cell, Root};
    use crate::simd::level::{Kernel, Level, dispatch, level};

    struct Roots<C, const N: usize>([C; N]);

    impl<C: Root, const N: usize> Kernel for Roots<C, N> {
        type Output = [f32; N];
        #[inline(always)]
        fn run(self) -> [f32; N] {
            C::roots(&self.0)
        }
    }

    /// Of u32: below and above what f32 holds, about squares and about half-way between them.
    #[test]
    fn every_root_of_a_wide_cell_is_the_correctly_rounded_one() {
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
        check([u32::FAR - 1; 32]);
    }

    #[test]
    fn every_root_is_the_correctly_rounded_one() {
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

    /// With any inverse within 2⁻²² the last step rounds as the root itself does, whatever the CPU's estimate was.
    #[test]
    fn no_root_is_near_a_middle() {
        for square in 1..=u16::MAX {
            let root = f64::from(square).sqrt() as f32;
            for middle in
                [root.next_down(), root].map(|low| (f64::from(low) + f64::from(low.next_up())) / 2.0)
            {
                // Exact: the middle has 25 bits.
                let apart = (f64::from(square) - middle * middle).abs() / (2.0 * f64::from(square));
                assert!(apart > (-45f64).exp2(), "{square}");
            }
        }
    }
}
