//! Probabilities cached in the gradient buffer, from the pass that stores them to the pass that overwrites them with
//! the gradient.
//!
//! Computing the exponentials again instead would save this memory traffic, and was slower both within the caches and
//! beyond them.

use crate::array::real::Real;
use crate::checked::{expected, tail_mut};
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::simd::blocks::{copy_row, row, row_mut};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::stream::stream;

/// Stores the probabilities of a tile.
///
/// # Safety
/// The buffer is writable and holds the voxels of the tile, which no other thread uses.
pub(crate) unsafe fn store_probabilities<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    classes: usize,
    block: BlockRange<'_>,
    output: GradientOutput,
) {
    let Span { width, .. } = tile.span;
    let voxels = (block.sample, block.start, tile.len);
    // The rows of logits are no longer used and serve as a buffer.
    let buffer = Some(&mut *tile.inputs.logit).filter(|_| output.streams);
    // SAFETY: the caller's promise.
    if unsafe { output.rows.store_interleaved(classes, voxels, tile.inputs.probability, width, buffer) } {
        return;
    }
    for class in 0..classes {
        // SAFETY: the caller's promise.
        let to = unsafe { output.rows.slice_mut::<T>(block.sample, class, block.start, tile.len) };
        let from = row(tile.inputs.probability, class, width, tile.len);
        // A buffer that holds probabilities is interleaved or has contiguous rows.
        match expected(to) {
            Some(to) if output.streams => stream(from, to),
            Some(to) => dispatch(CopyRow { from, to }),
            None => (),
        }
    }
}

/// Loads the probabilities of a tile.
///
/// # Safety
/// The buffer is readable and holds the voxels of the tile.
pub(crate) unsafe fn load_probabilities<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    classes: usize,
    block: BlockRange<'_>,
    output: GradientOutput,
) {
    let Span { width, used } = tile.span;
    row_mut(tile.inputs.inverse, 0, width, used).fill(T::one());
    let voxels = (block.sample, block.start, tile.len);
    // SAFETY: the caller's promise.
    let is_interleaved = unsafe { output.rows.load_interleaved(classes, voxels, tile.inputs.logit, width) };
    for class in 0..classes {
        let from = if is_interleaved {
            row(tile.inputs.logit, class, width, tile.len)
        } else {
            // SAFETY: the caller's promise.
            let direct = unsafe { output.rows.slice::<T>(block.sample, class, block.start, tile.len) };
            expected(direct).unwrap_or(&[])
        };
        let to = row_mut(tile.inputs.probability, class, width, used);
        tail_mut(to, tile.len).fill(T::zero());
        dispatch(CopyRow { from, to });
    }
}

/// Copies a row.
struct CopyRow<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
}

impl<T: Copy> Kernel for CopyRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        copy_row(self.from, self.to);
    }
}
