//! Non-temporal stores.
//!
//! A gradient much larger than the caches is evicted before it is read. Ordinary stores would first read its cache
//! lines, a third of the memory traffic of one pass.

use crate::engine::arena::Plain;

/// Size in bytes from which on a gradient is written by non-temporal stores. Measured on two machines: with 32 MiB of
/// L3 cache all losses were faster from 16 MiB on, by up to 15 %, and some from 8 MiB; with 480 MiB of L3, shared by
/// many cores, losses of one pass were faster from 16 MiB on, those of two passes from 32 MiB.
pub(crate) const STREAM_FROM: usize = 16 << 20;

/// Copies `from` to `to` by non-temporal stores, on x86-64. The caller ends a series of copies with [`fence`].
#[inline]
pub(crate) fn stream<T: Plain>(from: &[T], to: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::checked::{split, split_mut};
        use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
        let count = from.len().min(to.len());
        let skip = to.as_ptr().align_offset(16).min(count);
        let (head, from) = split(from, skip);
        let (to_head, to) = split_mut(to, skip);
        copy(head, to_head);
        let vectors = from.len().min(to.len()) * size_of::<T>() / 16;
        let (source, target) = (from.as_ptr().cast::<__m128i>(), to.as_mut_ptr().cast::<__m128i>());
        for i in 0..vectors {
            // SAFETY: SSE2 is part of x86-64; vector i lies in both slices, and `target` is aligned to 16 bytes.
            unsafe { _mm_stream_si128(target.add(i), _mm_loadu_si128(source.add(i))) };
        }
        let done = vectors * (16 / size_of::<T>());
        copy(from.get(done..).unwrap_or(&[]), to.get_mut(done..).unwrap_or(&mut []));
    }
    #[cfg(not(target_arch = "x86_64"))]
    copy(from, to);
}

fn copy<T: Plain>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Orders earlier non-temporal stores before later stores of this thread, as ordinary stores are.
#[inline]
pub(crate) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))] // Miri does not support `sfence`.
    // SAFETY: SSE is part of x86-64; `sfence` has no preconditions.
    unsafe {
        core::arch::x86_64::_mm_sfence()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn copies_every_length_at_every_alignment() {
        let from: std::vec::Vec<f32> = (0..300).map(|i| i as f32).collect();
        for skip in 0..8 {
            for len in [0, 1, 3, 4, 5, 63, 64, 200] {
                let mut to = vec![-1.0f32; 300];
                stream(&from[..len], &mut to[skip..skip + len]);
                fence();
                assert_eq!(to[skip..skip + len], from[..len]);
                assert!(to[..skip].iter().chain(&to[skip + len..]).all(|&x| x == -1.0));
            }
        }
    }
}
