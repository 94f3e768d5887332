//! Rows of f16 by the CPU's own conversions.
//!
//! x86-64-v3 has them (F16C), but no plain loop becomes them. The values are those of
//! [`narrow`](crate::array::float16), for a tenth of its instructions; a NaN may keep other digits.

use crate::array::real::Real;
use half::f16;

/// Reads a row of halves, if this CPU converts them to `T`; returns whether it did.
///
/// # Safety
/// `from` is readable for as many elements as `out` has.
#[inline]
pub(crate) unsafe fn read<T: Real>(from: *const f16, out: &mut [T]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if converts::<T>() {
        // SAFETY: promised by the caller.
        let from = unsafe { core::slice::from_raw_parts(from, out.len()) };
        // SAFETY: `T` is f32.
        let out = unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<f32>(), out.len()) };
        // SAFETY: this CPU has F16C.
        unsafe { f16c::widen(from, out) };
        return true;
    }
    let _ = (from, out);
    false
}

/// Writes a row as halves, if this CPU converts `T` to them; returns whether it did.
///
/// # Safety
/// `to` is writable for as many elements as `row` has, and no other code accesses them.
#[inline]
pub(crate) unsafe fn write<T: Real>(row: &[T], to: *mut f16) -> bool {
    #[cfg(target_arch = "x86_64")]
    if converts::<T>() {
        // SAFETY: promised by the caller.
        let to = unsafe { core::slice::from_raw_parts_mut(to, row.len()) };
        // SAFETY: `T` is f32.
        let row = unsafe { core::slice::from_raw_parts(row.as_ptr().cast::<f32>(), row.len()) };
        // SAFETY: this CPU has F16C.
        unsafe { f16c::narrow(row, to) };
        return true;
    }
    let _ = (row, to);
    false
}

/// Whether the CPU has F16C, and `T` is f32.
#[cfg(target_arch = "x86_64")]
fn converts<T: Real>() -> bool {
    use crate::array::dtype::Dtype;
    use crate::simd::level::{Level, level};
    T::DTYPE == Dtype::F32 && level() >= Level::Avx2
}

#[cfg(target_arch = "x86_64")]
mod f16c {
    use crate::array::float16::{f16_to_f32, f32_to_f16};
    use core::arch::x86_64::{
        __m128i, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps,
        _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_storeu_ps,
    };
    use half::f16;

    #[target_feature(enable = "avx,f16c")]
    pub fn widen(from: &[f16], to: &mut [f32]) {
        let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
        for (from, to) in from.iter().zip(to) {
            // SAFETY: both hold eight elements; no alignment is asked for.
            unsafe {
                let halves = _mm_loadu_si128(from.as_ptr().cast::<__m128i>());
                _mm256_storeu_ps(to.as_mut_ptr(), _mm256_cvtph_ps(halves));
            }
        }
        for (from, to) in from_rest.iter().zip(to_rest) {
            *to = f16_to_f32(from.to_bits());
        }
    }

    #[target_feature(enable = "avx,f16c")]
    pub fn narrow(from: &[f32], to: &mut [f16]) {
        let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
        for (from, to) in from.iter().zip(to) {
            // SAFETY: both hold eight elements; no alignment is asked for.
            unsafe {
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(from.as_ptr()));
                _mm_storeu_si128(to.as_mut_ptr().cast::<__m128i>(), halves);
            }
        }
        for (from, to) in from_rest.iter().zip(to_rest) {
            *to = f16::from_bits(f32_to_f16(*from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::float16::{f16_to_f32, f32_to_f16};
    use std::vec::Vec;

    #[test]
    fn every_half_is_read_as_its_bits_say() {
        let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
        let mut singles = std::vec![0f32; halves.len()];
        // SAFETY: as many of one as of the other.
        if unsafe { read(halves.as_ptr(), &mut singles) } {
            for (half, single) in halves.iter().zip(singles) {
                let expected = f16_to_f32(half.to_bits());
                assert!(single.to_bits() == expected.to_bits() || single.is_nan() && expected.is_nan());
            }
        }
    }

    #[test]
    fn singles_round_as_by_their_bits() {
        // Every pattern of the upper half, with the lower bits at the ties and beside them.
        let lower = [0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001];
        let bits = (0..=u16::MAX).flat_map(|upper| lower.map(|lower| u32::from(upper) << 16 | lower));
        let singles: Vec<f32> = bits.map(f32::from_bits).collect();
        let mut halves = std::vec![f16::ZERO; singles.len()];
        // SAFETY: as many of one as of the other.
        if unsafe { write(&singles, halves.as_mut_ptr()) } {
            for (single, half) in singles.iter().zip(halves) {
                let expected = f16::from_bits(f32_to_f16(*single));
                let same = half.to_bits() == expected.to_bits() || half.is_nan() && expected.is_nan();
                assert!(same, "{single:e}: {half}, not {expected}");
            }
        }
    }

    #[test]
    fn a_row_of_any_length_is_whole() {
        for len in 0..20 {
            let row: Vec<f32> = (0..len).map(|i| i as f32 - 2.5).collect();
            let mut halves = std::vec![f16::NAN; len + 1];
            let mut back = std::vec![f32::NAN; len];
            // SAFETY: all are at least as long as the row.
            if unsafe { write(&row, halves.as_mut_ptr()) && read(halves.as_ptr(), &mut back) } {
                assert_eq!(back, row);
                assert!(halves[len].is_nan());
            }
        }
    }
}
