//! The prediction as masks: which voxels of a sample it holds to be each class.

use super::activation::activate;
use super::precise::Precise;
use super::row::{BLOCK, blocks, row, row_mut};
use super::tile::Tile;
use crate::batch::Plan;

/// Writes a bit per voxel, class by class: `s > ½`, or where a class is the largest, the lowest
/// among equals. A voxel that does not count is outside, and so is NaN.
///
/// # Safety
/// The arrays of the plan are readable. `masks` holds a word per block of every class.
pub(crate) unsafe fn mark<T: Precise>(
    plan: &Plan<'_>,
    tile: &mut Tile<'_, T>,
    sample: usize,
    by_argmax: bool,
    masks: &mut [u64],
) {
    let words = plan.voxels.div_ceil(BLOCK);
    for (at, len) in tile.spans(0, plan.voxels) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        unsafe {
            tile.open(plan, sample, at, len);
            activate(tile, plan, sample, at);
        }
        let (width, used) = (tile.span.width, tile.span.used);
        // What a class has to exceed, or with argmax to reach first.
        let bar = row_mut(tile.made.total, 0, width, used);
        bar.fill(T::of(0.5));
        if by_argmax {
            bar.fill(T::of(f64::NEG_INFINITY));
            for class in 0..plan.classes {
                for (bar, &s) in bar.iter_mut().zip(row(tile.seen.probability, class, width, used)) {
                    *bar = if s > *bar { s } else { *bar };
                }
            }
        }
        let taken = row_mut(tile.made.largest, 0, width, used);
        taken.fill(T::zero());
        for class in 0..plan.classes {
            let s = blocks(row(tile.seen.probability, class, width, used));
            let rows =
                s.iter().zip(blocks(tile.seen.weight)).zip(blocks(bar)).zip(super::row::blocks_mut(taken));
            for (k, (((s, weight), bar), taken)) in rows.enumerate() {
                let mut word = 0u64;
                for i in 0..BLOCK {
                    let first = s[i] == bar[i] && taken[i] == T::zero();
                    let inside = if by_argmax { first } else { s[i] > bar[i] };
                    taken[i] += T::one().masked(inside);
                    word |= u64::from(inside && weight[i] > T::zero()) << i;
                }
                if let Some(to) = masks.get_mut(class * words + at / BLOCK + k) {
                    *to = word;
                }
            }
        }
    }
}
