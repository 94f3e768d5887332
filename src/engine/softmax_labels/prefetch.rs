//! The next tile's logits, asked for while exponentials of this one are taken. Rows of a tile are short, and the
//! hardware foresees little of them.

use crate::simd::blocks::BLOCK;
use crate::simd::prefetch::prefetch;

/// Memory that will be read soon.
#[derive(Clone, Copy)]
pub(super) struct Ahead<T>(*const T);

impl<T> Ahead<T> {
    /// What follows a row in memory.
    #[inline(always)]
    pub fn of(row: &[T]) -> Self {
        Self(row.as_ptr_range().end)
    }

    /// Asks for block `k` of it.
    #[inline(always)]
    pub fn ask(self, k: usize) {
        prefetch(self.0.wrapping_add(k * BLOCK).cast(), size_of::<[T; BLOCK]>());
    }
}
