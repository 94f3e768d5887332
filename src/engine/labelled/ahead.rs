//! The next tile's logits, asked for while exponentials of this one are taken. Rows of a tile are short, and the
//! hardware foresees little of them.

#[cfg(target_arch = "x86_64")]
use crate::engine::row::BLOCK;

/// Memory that will be read soon.
#[derive(Clone, Copy)]
pub(super) struct Ahead<T>(*const T);

impl<T> Ahead<T> {
    /// What follows a row in memory.
    #[inline(always)]
    pub fn of(row: &[T]) -> Self {
        Self(row.as_ptr_range().end)
    }

    /// Asks for block `k` of it: a hint, which never fails.
    #[inline(always)]
    pub fn ask(self, k: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in 0..size_of::<[T; BLOCK]>() / 64 {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let block = self.0.wrapping_add(k * BLOCK).cast::<i8>();
            // SAFETY: a hint reads nothing; SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(block.wrapping_add(line * 64)) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (k, self.0);
    }
}
