//! Software prefetch, for access patterns that the hardware prefetcher does not follow.

/// Prefetches the cache lines of `bytes` bytes from `at` on. A hint: it never fails, for any address.
#[inline(always)]
pub(crate) fn prefetch(at: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in 0..bytes.div_ceil(64) {
            // SAFETY: SSE is part of x86-64; a prefetch accepts every address.
            #[allow(unused_unsafe)]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(64 * line).cast());
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (at, bytes);
}
