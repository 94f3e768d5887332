//! Between two passes the squares of a block live in the block's own output.
//!
//! ```text
//! u16        w squares, then w bits: inside     2·w + ⌈w/8⌉ bytes of at least 4·w
//! u32, f32   w squares, the sign bit: inside    4·w
//! f64        the same, in outputs of f64        8·w
//! ```
//!
//! So no pass needs a volume of scratch, and no two blocks touch a byte in common.

use crate::distance::cell::Cell;
use crate::distance::rows::{get_bits, put_bits};

/// A cell that can wait in the output.
pub trait Slot: Cell {
    /// Writes the first `width` lanes, and the sides of them unless there is one only.
    ///
    /// # Safety
    /// `at` is the output of a block of `width ≤ N` voxels that nobody else touches.
    unsafe fn put<const N: usize>(row: &[Self; N], sides: Option<u64>, at: *mut u8, width: usize);

    /// Reads them back; lanes beyond `width` are 0 and harmless. `narrow`: the block was put as u16,
    /// in units of this square.
    ///
    /// # Safety
    /// `at` is the output of a block of `width ≤ N` voxels that was put there.
    unsafe fn get<const N: usize>(
        row: &mut [Self; N],
        sided: bool,
        narrow: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64;
}

/// Copies `width` elements by registers, if they are at least half of a row: its two ends, which may overlap.
///
/// # Safety
/// Both are valid for `width ≤ N` elements, of any alignment, and apart.
#[inline(always)]
pub unsafe fn copy<T, const N: usize>(from: *const T, to: *mut T, width: usize) {
    // SAFETY: promised by the caller. Halves of a row of N lanes that overlap make a shorter one.
    unsafe {
        if width == N {
            to.cast::<[T; N]>().write_unaligned(from.cast::<[T; N]>().read_unaligned());
        } else if N == 64 && width >= 32 {
            ends::<T, 32>(from, to, width);
        } else if N == 32 && width >= 16 {
            ends::<T, 16>(from, to, width);
        } else if N == 16 && width >= 8 {
            ends::<T, 8>(from, to, width);
        } else {
            core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), width * size_of::<T>());
        }
    }
}

/// # Safety
/// As for `copy`, and `HALF ≤ width`.
#[inline(always)]
unsafe fn ends<T, const HALF: usize>(from: *const T, to: *mut T, width: usize) {
    // SAFETY: promised by the caller.
    unsafe {
        for begin in [0, width - HALF] {
            let half = from.cast::<u8>().add(begin * size_of::<T>()).cast::<[T; HALF]>().read_unaligned();
            to.cast::<u8>().add(begin * size_of::<T>()).cast::<[T; HALF]>().write_unaligned(half);
        }
    }
}

impl Slot for u16 {
    #[inline(always)]
    unsafe fn put<const N: usize>(row: &[Self; N], sides: Option<u64>, at: *mut u8, width: usize) {
        // SAFETY: 2·w + ⌈w/8⌉ ≤ 4·w bytes, for every w ≥ 1.
        unsafe {
            copy::<_, N>(row.as_ptr(), at.cast(), width);
            if let Some(sides) = sides {
                put_bits(at.add(2 * width), sides, width);
            }
        }
    }

    #[inline(always)]
    unsafe fn get<const N: usize>(
        row: &mut [Self; N],
        sided: bool,
        _: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64 {
        // SAFETY: as in `put`.
        unsafe {
            if width < N {
                *row = [0; N];
            }
            copy::<_, N>(at.cast(), row.as_mut_ptr(), width);
            if sided { get_bits(at.add(2 * width), width) } else { 0 }
        }
    }
}

/// The sign bit as a word of sides, lane by lane.
macro_rules! signed_slot {
    ($cell:ty, $to_bits:expr, $from_bits:expr, $from_narrow:expr) => {
        impl Slot for $cell {
            #[inline(always)]
            unsafe fn put<const N: usize>(row: &[Self; N], sides: Option<u64>, at: *mut u8, width: usize) {
                let sides = sides.unwrap_or(0);
                let halves = [sides as u32, (sides >> 32) as u32];
                let mut signed = [0u32; N];
                for i in 0..N {
                    signed[i] = $to_bits(row[i]) | (halves[i / 32] >> (i % 32)) << 31;
                }
                // SAFETY: 4·w bytes are the least that the output of w voxels has.
                unsafe { copy::<_, N>(signed.as_ptr(), at.cast(), width) };
            }

            #[inline(always)]
            unsafe fn get<const N: usize>(
                row: &mut [Self; N],
                sided: bool,
                narrow: Option<f64>,
                at: *const u8,
                width: usize,
            ) -> u64 {
                if let Some(unit) = narrow {
                    let mut squares = [0u16; N];
                    // SAFETY: promised by the caller.
                    let sides = unsafe { u16::get(&mut squares, sided, None, at, width) };
                    for i in 0..N {
                        row[i] = $from_narrow(squares[i], unit);
                    }
                    return sides;
                }
                let mut signed = [0u32; N];
                // SAFETY: as in `put`.
                unsafe { copy::<_, N>(at.cast(), signed.as_mut_ptr(), width) };
                let mut sides = 0;
                for i in 0..N {
                    row[i] = $from_bits(signed[i] & (u32::MAX >> 1));
                    sides |= u64::from(signed[i] >> 31) << i;
                }
                sides
            }
        }
    };
}
signed_slot!(u32, |cell: u32| cell, |bits: u32| bits, |square: u16, _| u32::from(square));
signed_slot!(f32, f32::to_bits, f32::from_bits, |square: u16, unit: f64| {
    // Rounded once; far stays far.
    if square == u16::MAX { f32::INFINITY } else { (f64::from(square) * unit) as f32 }
});

impl Slot for f64 {
    #[inline(always)]
    unsafe fn put<const N: usize>(row: &[Self; N], sides: Option<u64>, at: *mut u8, width: usize) {
        let sides = sides.unwrap_or(0);
        let mut signed = [0u64; N];
        for i in 0..N {
            signed[i] = row[i].to_bits() | (sides >> i) << 63;
        }
        // SAFETY: an output of f64, the only one with these cells, has 8·w bytes.
        unsafe { copy::<_, N>(signed.as_ptr(), at.cast(), width) };
    }

    #[inline(always)]
    unsafe fn get<const N: usize>(
        row: &mut [Self; N],
        _: bool,
        _: Option<f64>,
        at: *const u8,
        width: usize,
    ) -> u64 {
        let mut signed = [0u64; N];
        // SAFETY: as in `put`.
        unsafe { copy::<_, N>(at.cast(), signed.as_mut_ptr(), width) };
        let mut sides = 0;
        for i in 0..N {
            row[i] = f64::from_bits(signed[i] & (u64::MAX >> 1));
            sides |= (signed[i] >> 63) << i;
        }
        sides
    }
}
