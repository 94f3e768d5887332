//! Prefetches the logits of the next tile while the exponentials of this one are computed. Rows of a tile are too short
//! for hardware prefetchers.

use crate::simd::blocks::BLOCK;
use crate::simd::prefetch::prefetch;

/// The memory that follows a row.
#[derive(Clone, Copy)]
pub(super) struct RowPrefetch<T>(*const T);

impl<T> RowPrefetch<T> {
    #[inline(always)]
    pub fn after(row: &[T]) -> Self {
        Self(row.as_ptr_range().end)
    }

    /// Prefetches block `k`.
    #[inline(always)]
    pub fn block(self, k: usize) {
        prefetch(self.0.wrapping_add(k * BLOCK).cast(), size_of::<[T; BLOCK]>());
    }
}
