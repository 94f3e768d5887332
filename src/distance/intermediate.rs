//! Between two passes the squared distances of a block are stored in the output elements of that block.
//!
//! ```text
//! u16        w squares, then w inside bits          2·w + ⌈w/8⌉ bytes of at least 4·w
//! u32, f32   w squares, inside in the sign bit      4·w
//! f64        the same, in outputs of f64            8·w
//! ```
//!
//! No pass needs scratch of the size of the image, and no two blocks share a byte.

use crate::distance::bits::{read_bits, write_bits};
use crate::distance::squared_distance::SquaredDistance;

/// A squared distance that can be stored in the output between passes.
pub trait Intermediate: SquaredDistance {
    /// Writes the first `width` lanes, and their inside bits unless `inside` is `None`.
    ///
    /// # Safety
    /// `at` is the output of a block of `width ≤ N` voxels, which no other thread accesses.
    unsafe fn write<const N: usize>(row: &[Self; N], inside: Option<u64>, at: *mut u8, width: usize);

    /// Reads a block into `row` and returns its inside bits; lanes beyond `width` are set to 0. With `from_u16` the
    /// block was written as u16, in units of this square.
    ///
    /// # Safety
    /// `at` is the output of a block of `width ≤ N` voxels, written by [`write`](Self::write).
    unsafe fn read<const N: usize>(
        row: &mut [Self; N],
        has_inside: bool,
        from_u16: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64;
}

/// Copies `width` elements. At least half a row is copied through registers, as two halves that may overlap.
///
/// # Safety
/// `from` is valid for reads and `to` for writes of `width ≤ N` elements, of any alignment, and they do not overlap.
#[inline(always)]
pub unsafe fn copy<T, const N: usize>(from: *const T, to: *mut T, width: usize) {
    // SAFETY: as promised by the caller. Two halves of N lanes that overlap cover exactly `width` elements.
    unsafe {
        if width == N {
            to.cast::<[T; N]>().write_unaligned(from.cast::<[T; N]>().read_unaligned());
        } else if N == 64 && width >= 32 {
            copy_ends::<T, 32>(from, to, width);
        } else if N == 32 && width >= 16 {
            copy_ends::<T, 16>(from, to, width);
        } else if N == 16 && width >= 8 {
            copy_ends::<T, 8>(from, to, width);
        } else {
            core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), width * size_of::<T>());
        }
    }
}

/// # Safety
/// As for `copy`; in addition `HALF ≤ width`.
#[inline(always)]
unsafe fn copy_ends<T, const HALF: usize>(from: *const T, to: *mut T, width: usize) {
    // SAFETY: as promised by the caller.
    unsafe {
        for begin in [0, width - HALF] {
            let half = from.cast::<u8>().add(begin * size_of::<T>()).cast::<[T; HALF]>().read_unaligned();
            to.cast::<u8>().add(begin * size_of::<T>()).cast::<[T; HALF]>().write_unaligned(half);
        }
    }
}

impl Intermediate for u16 {
    #[inline(always)]
    unsafe fn write<const N: usize>(row: &[Self; N], inside: Option<u64>, at: *mut u8, width: usize) {
        // SAFETY: 2·w + ⌈w/8⌉ ≤ 4·w bytes for every w ≥ 1, and the output of w voxels has at least 4·w.
        unsafe {
            copy::<_, N>(row.as_ptr(), at.cast(), width);
            if let Some(inside) = inside {
                write_bits(at.add(2 * width), inside, width);
            }
        }
    }

    #[inline(always)]
    unsafe fn read<const N: usize>(
        row: &mut [Self; N],
        has_inside: bool,
        _: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64 {
        // SAFETY: the same bytes as in `write`.
        unsafe {
            if width < N {
                *row = [0; N];
            }
            copy::<_, N>(at.cast(), row.as_mut_ptr(), width);
            if has_inside { read_bits(at.add(2 * width), width) } else { 0 }
        }
    }
}

/// Stores the inside bit of each lane in its sign bit.
macro_rules! signed_intermediate {
    ($type:ty, $to_bits:expr, $from_bits:expr, $from_u16:expr) => {
        impl Intermediate for $type {
            #[inline(always)]
            unsafe fn write<const N: usize>(row: &[Self; N], inside: Option<u64>, at: *mut u8, width: usize) {
                let inside = inside.unwrap_or(0);
                let halves = [inside as u32, (inside >> 32) as u32];
                let mut signed = [0u32; N];
                for i in 0..N {
                    signed[i] = $to_bits(row[i]) | (halves[i / 32] >> (i % 32)) << 31;
                }
                // SAFETY: the output of w voxels has at least 4·w bytes.
                unsafe { copy::<_, N>(signed.as_ptr(), at.cast(), width) };
            }

            #[inline(always)]
            unsafe fn read<const N: usize>(
                row: &mut [Self; N],
                has_inside: bool,
                from_u16: Option<f64>,
                at: *const u8,
                width: usize,
            ) -> u64 {
                if let Some(squared_spacing) = from_u16 {
                    let mut squares = [0u16; N];
                    // SAFETY: as promised by the caller.
                    let inside = unsafe { u16::read(&mut squares, has_inside, None, at, width) };
                    for i in 0..N {
                        row[i] = $from_u16(squares[i], squared_spacing);
                    }
                    return inside;
                }
                let mut signed = [0u32; N];
                // SAFETY: the same bytes as in `write`.
                unsafe { copy::<_, N>(at.cast(), signed.as_mut_ptr(), width) };
                let mut inside = 0;
                for i in 0..N {
                    row[i] = $from_bits(signed[i] & (u32::MAX >> 1));
                    inside |= u64::from(signed[i] >> 31) << i;
                }
                inside
            }
        }
    };
}
signed_intermediate!(u32, |square: u32| square, |bits: u32| bits, |square: u16, _| u32::from(square));
signed_intermediate!(f32, f32::to_bits, f32::from_bits, |square: u16, squared_spacing: f64| {
    // Rounded once; a saturated square becomes infinity.
    if square == u16::MAX { f32::INFINITY } else { (f64::from(square) * squared_spacing) as f32 }
});

impl Intermediate for f64 {
    #[inline(always)]
    unsafe fn write<const N: usize>(row: &[Self; N], inside: Option<u64>, at: *mut u8, width: usize) {
        let inside = inside.unwrap_or(0);
        let mut signed = [0u64; N];
        for i in 0..N {
            signed[i] = row[i].to_bits() | (inside >> i) << 63;
        }
        // SAFETY: this type is used for outputs of f64 only, which have 8·w bytes.
        unsafe { copy::<_, N>(signed.as_ptr(), at.cast(), width) };
    }

    #[inline(always)]
    unsafe fn read<const N: usize>(
        row: &mut [Self; N],
        _: bool,
        _: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64 {
        let mut signed = [0u64; N];
        // SAFETY: the same bytes as in `write`.
        unsafe { copy::<_, N>(at.cast(), signed.as_mut_ptr(), width) };
        let mut inside = 0;
        for i in 0..N {
            row[i] = f64::from_bits(signed[i] & (u64::MAX >> 1));
            inside |= (signed[i] >> 63) << i;
        }
        inside
    }
}
