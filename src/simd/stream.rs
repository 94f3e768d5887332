//! Stores past the caches.
//!
//! A gradient much larger than the caches is gone from them before anybody reads it. To fetch its cache lines
//! only to overwrite them is a third of all the traffic of one sweep.

use crate::checked::{split, split_mut};
use crate::engine::arena::Plain;

/// From how many bytes on a gradient is written past the caches. It was measured on two machines: with 32 MiB of
/// third-level cache all losses gained from 16 MiB on, up to 15 %, and some from 8; with 480 MiB of it, shared by many
/// cores, one sweep gained from 16 MiB on, two from 32.
pub(crate) const STREAM_FROM: usize = 16 << 20;

/// Copies `from` past the caches, where the CPU can. Whoever has done so ends with [`fence`].
#[inline]
pub(crate) fn stream<T: Plain>(from: &[T], to: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
        let count = from.len().min(to.len());
        let skip = to.as_ptr().align_offset(16).min(count);
        let (head, from) = split(from, skip);
        let (to_head, to) = split_mut(to, skip);
        copy(head, to_head);
        let vectors = from.len().min(to.len()) * size_of::<T>() / 16;
        let (source, target) = (from.as_ptr().cast::<__m128i>(), to.as_mut_ptr().cast::<__m128i>());
        for i in 0..vectors {
            // SAFETY: SSE2 is part of x86-64; vector i lies in both slices, and the target is aligned.
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

/// Orders what was written past the caches before what this thread writes next, as other stores are.
#[inline]
pub(crate) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))] // Miri does not know it
    // SAFETY: SSE is part of x86-64, and the fence does nothing but wait.
    unsafe {
        core::arch::x86_64::_mm_sfence()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn any_length_arrives_at_any_alignment() {
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
