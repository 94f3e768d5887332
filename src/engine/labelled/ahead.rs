//! The next tile's logits, asked for while exponentials of this one are taken. Rows of a tile are short, and the
//! hardware foresees little of them.

use crate::engine::row::BLOCK;

/// Memory that will be read soon.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    from: *const u8,
    /// Cache lines of a block.
    lines: usize,
}

impl Ahead {
    /// What follows a row in memory; nothing, if there is none.
    #[inline(always)]
    pub fn of<T>(row: Option<&[T]>) -> Self {
        match row {
            Some(row) => Self { from: row.as_ptr_range().end.cast(), lines: size_of::<[T; BLOCK]>() / 64 },
            None => Self { from: core::ptr::null(), lines: 0 },
        }
    }

    /// Asks for the lines of block `k`: a hint, which never fails.
    #[inline(always)]
    pub fn ask(self, k: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in 0..self.lines {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint reads nothing; SSE is part of x86-64.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(self.from.wrapping_add((k * self.lines + line) * 64).cast())
            };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (k, self.from, self.lines);
    }
}
