//! Stores of output rows, through the cache or non-temporal.

use crate::distance::intermediate::copy;
use crate::distance::output_buffer::TileRows;

/// Writes row `y` of a tile.
///
/// # Safety
/// The row lies in the buffer of `location`, and no other thread accesses it.
#[inline(always)]
pub unsafe fn store<T, const N: usize>(row: &[T; N], location: TileRows, y: usize, non_temporal: bool) {
    let TileRows { buffer, first, pitch, width } = location;
    // SAFETY: as promised by the caller; a row is a multiple of two cache lines: 32 or 64 f32, or 16 f64 and more.
    unsafe {
        let at = buffer.at(first + y * pitch);
        #[cfg(target_arch = "x86_64")]
        if non_temporal && width == N {
            return store_non_temporal(row, at);
        }
        let _ = non_temporal;
        copy::<T, N>(row.as_ptr(), at.cast(), width);
    }
}

/// Writes whole cache lines with non-temporal stores, and the partial lines at both ends, which neighbouring rows
/// share, through the cache.
///
/// # Safety
/// `at` is valid for writes of a row, which is a multiple of 64 bytes and at least 128.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_non_temporal<T, const N: usize>(row: &[T; N], at: *mut u8) {
    let (from, bytes) = (row.as_ptr().cast::<u8>(), N * size_of::<T>());
    let head = at.align_offset(64);
    // SAFETY: as promised by the caller, every offset lies in the row. LLVM unrolls the loops, whose ranges are
    // constant.
    unsafe {
        if head == 0 {
            for i in (0..bytes).step_by(64) {
                store_line::<N>(from.add(i), at.add(i));
            }
            return;
        }
        copy_partial_line(from, at, head);
        for i in (0..bytes - 64).step_by(64) {
            store_line::<N>(from.add(head + i), at.add(head + i));
        }
        let tail = bytes - 64 + head;
        copy_partial_line(from.add(tail), at.add(tail), 64 - head);
    }
}

/// Copies a cache line with non-temporal stores; with 64 lanes, one store.
///
/// # Safety
/// `from` is valid for reads and `at` for writes of 64 bytes, `at` is aligned to 64 bytes, and with 64 lanes the CPU
/// level in use is AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_line<const N: usize>(from: *const u8, at: *mut u8) {
    use core::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128, _mm512_loadu_si512, _mm512_stream_si512};
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn whole(from: *const u8, at: *mut u8) {
        // SAFETY: as promised by the caller of `store_line`.
        unsafe { _mm512_stream_si512(at.cast(), _mm512_loadu_si512(from.cast())) };
    }
    // SAFETY: as promised by the caller.
    unsafe {
        if N == 64 {
            return whole(from, at);
        }
        for i in (0..64).step_by(16) {
            _mm_stream_si128(at.add(i).cast(), _mm_loadu_si128(from.add(i).cast()));
        }
    }
}

/// Copies less than a cache line of whole f32. Written out, because a loop would be compiled to a call.
///
/// # Safety
/// `from` is valid for reads and `at` for writes of `bytes` < 64 bytes, a multiple of 4.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_partial_line(mut from: *const u8, mut at: *mut u8, bytes: usize) {
    // SAFETY: as promised by the caller; the parts add up to `bytes`.
    unsafe {
        if bytes & 32 != 0 {
            at.cast::<[u8; 32]>().write_unaligned(from.cast::<[u8; 32]>().read_unaligned());
            (from, at) = (from.add(32), at.add(32));
        }
        if bytes & 16 != 0 {
            at.cast::<[u8; 16]>().write_unaligned(from.cast::<[u8; 16]>().read_unaligned());
            (from, at) = (from.add(16), at.add(16));
        }
        if bytes & 8 != 0 {
            at.cast::<[u8; 8]>().write_unaligned(from.cast::<[u8; 8]>().read_unaligned());
            (from, at) = (from.add(8), at.add(8));
        }
        if bytes & 4 != 0 {
            at.cast::<[u8; 4]>().write_unaligned(from.cast::<[u8; 4]>().read_unaligned());
        }
    }
}

/// Orders non-temporal stores before the signal that the work is done.
#[inline]
pub fn fence() {
    // SAFETY: the instruction is part of SSE, which x86-64 includes. Miri does not support it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[allow(unused_unsafe)]
    unsafe {
        core::arch::x86_64::_mm_sfence();
    }
}
