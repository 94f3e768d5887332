//! Probabilities that wait where the gradient will be: written by one sweep, found by the next.
//!
//! To take exponentials again would save their traffic and was slower, in the caches and beyond them.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::tile::{Span, Tile};
use crate::simd::blocks::{copy_row, row, row_mut};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::stream::stream;

/// Leaves the probabilities of a tile where the gradient will be.
///
/// # Safety
/// The array of `parking` is writable and holds the tile's voxels.
pub(crate) unsafe fn park<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    classes: usize,
    step: BlockRange<'_>,
    parking: GradientOutput,
) {
    let Span { width, .. } = tile.span;
    let voxels = (step.sample, step.at, tile.len);
    // Nobody needs the logits any more.
    let spare = Some(&mut *tile.inputs.logit).filter(|_| parking.streams);
    // SAFETY: promised by the caller.
    if unsafe { parking.rows.store_interleaved(classes, voxels, tile.inputs.probability, width, spare) } {
        return;
    }
    for class in 0..classes {
        // SAFETY: promised by the caller.
        let to = unsafe { parking.rows.slice_mut::<T>(step.sample, class, step.at, tile.len) };
        let from = row(tile.inputs.probability, class, width, tile.len);
        match to {
            Some(to) if parking.streams => stream(from, to),
            Some(to) => dispatch(Copied { from, to }),
            None => (),
        }
    }
}

/// Takes them up again.
///
/// # Safety
/// The array of `parking` is readable and holds the tile's voxels.
pub(crate) unsafe fn unpark<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    classes: usize,
    step: BlockRange<'_>,
    parking: GradientOutput,
) {
    let Span { width, used } = tile.span;
    row_mut(tile.inputs.inverse, 0, width, used).fill(T::one());
    let voxels = (step.sample, step.at, tile.len);
    // SAFETY: promised by the caller.
    let is_there = unsafe { parking.rows.load_interleaved(classes, voxels, tile.inputs.logit, width) };
    for class in 0..classes {
        // SAFETY: promised by the caller.
        let direct = unsafe { parking.rows.slice::<T>(step.sample, class, step.at, tile.len) };
        let interleaved = row(tile.inputs.logit, class, width, tile.len);
        let from = if is_there { interleaved } else { direct.unwrap_or(&[]) };
        let to = row_mut(tile.inputs.probability, class, width, used);
        to.get_mut(tile.len..).unwrap_or(&mut []).fill(T::zero());
        dispatch(Copied { from, to });
    }
}

/// Copies a row.
struct Copied<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
}

impl<T: Copy> Kernel for Copied<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        copy_row(self.from, self.to);
    }
}
