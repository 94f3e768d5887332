//! How a row of the output reaches memory: through the cache, or past it.

use crate::distance::emit::Placement;
use crate::distance::slots::copy;

/// Writes row `y` of a tile.
///
/// # Safety
/// It lies in the canvas of `place`, and nobody else touches it.
#[inline(always)]
pub unsafe fn store<T, const N: usize>(row: &[T; N], place: Placement, y: usize, past_cache: bool) {
    let Placement { canvas, first, pitch, width } = place;
    // SAFETY: promised by the caller; a row is a multiple of two lines: 32 or 64 f32, or 16 f64 and more.
    unsafe {
        let at = canvas.at(first + y * pitch);
        #[cfg(target_arch = "x86_64")]
        if past_cache && width == N {
            return stream(row, at);
        }
        let _ = past_cache;
        copy::<T, N>(row.as_ptr(), at.cast(), width);
    }
}

/// Whole lines go past the cache; what is left of a line at either end belongs to neighbours as well.
///
/// # Safety
/// `at` is valid for writing a row, of at least two lines and a multiple of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn stream<T, const N: usize>(row: &[T; N], at: *mut u8) {
    let (from, bytes) = (row.as_ptr().cast::<u8>(), N * size_of::<T>());
    let head = at.align_offset(64);
    // SAFETY: promised by the caller; the constant ranges are what LLVM unrolls.
    unsafe {
        if head == 0 {
            for i in (0..bytes).step_by(64) {
                line::<N>(from.add(i), at.add(i));
            }
            return;
        }
        piece(from, at, head);
        for i in (0..bytes - 64).step_by(64) {
            line::<N>(from.add(head + i), at.add(head + i));
        }
        let tail = bytes - 64 + head;
        piece(from.add(tail), at.add(tail), 64 - head);
    }
}

/// Copies a line past the cache, at once where rows have 64 lanes.
///
/// # Safety
/// Both are valid for 64 bytes, `at` is a multiple of them, and with 64 lanes the level in force is AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn line<const N: usize>(from: *const u8, at: *mut u8) {
    use core::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128, _mm512_loadu_si512, _mm512_stream_si512};
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn whole(from: *const u8, at: *mut u8) {
        // SAFETY: promised by the caller of `line`.
        unsafe { _mm512_stream_si512(at.cast(), _mm512_loadu_si512(from.cast())) };
    }
    // SAFETY: promised by the caller.
    unsafe {
        if N == 64 {
            return whole(from, at);
        }
        for i in (0..64).step_by(16) {
            _mm_stream_si128(at.add(i).cast(), _mm_loadu_si128(from.add(i).cast()));
        }
    }
}

/// Copies less than a line of whole f32: a loop would become a call.
///
/// # Safety
/// Both are valid for `bytes`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn piece(mut from: *const u8, mut at: *mut u8, bytes: usize) {
    // SAFETY: promised by the caller.
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

/// Makes streamed stores visible to whoever is told that the work is done.
#[inline]
pub fn fence() {
    // SAFETY: part of SSE. Miri does not know it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[allow(unused_unsafe)]
    unsafe {
        core::arch::x86_64::_mm_sfence();
    }
}
