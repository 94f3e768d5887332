//! The prediction as masks: which voxels of a sample it holds to be each class.

use super::activation::activate;
use super::precise::Precise;
use super::row::{BLOCK, blocks, blocks_mut, row, row_mut};
use super::simd::{Kernel, dispatch};
use super::softmax::raise_to;
use super::tile::Tile;
use super::waves::Chunk;
use crate::Real;
use crate::batch::Plan;
use crate::distance::bits_equal;

/// Masks of all classes of a sample, a word per block of each. Chunks have their own words.
#[derive(Clone, Copy)]
pub(crate) struct Masks {
    pub words: *mut u64,
    pub words_per_class: usize,
}

/// Writes a bit per voxel of a chunk, class by class: `s > ½`, or where a class is the largest, the lowest
/// among equals. A voxel that does not count is outside, and so is NaN.
///
/// # Safety
/// The arrays of the plan are readable, the masks writable; nobody else uses the chunk's words.
pub(crate) unsafe fn mark<T: Precise>(
    plan: &Plan<'_>,
    tile: &mut Tile<'_, T>,
    Chunk { sample, start, end }: Chunk,
    by_argmax: bool,
    masks: Masks,
) {
    for (at, len) in tile.spans(start, end) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        unsafe {
            tile.open(plan, sample, at, len);
            activate(tile, plan, sample, at);
        }
        let (width, used) = (tile.span.width, tile.span.used);
        let largest = row_mut(tile.made.total, 0, width, used);
        if by_argmax {
            largest.fill(T::of(f64::NEG_INFINITY));
            row_mut(tile.made.largest, 0, width, used).fill(T::zero());
            for class in 0..plan.classes {
                dispatch(Raise { largest, s: row(tile.seen.probability, class, width, used) });
            }
        }
        let taken = row_mut(tile.made.largest, 0, width, used);
        for class in 0..plan.classes {
            let first = masks.words.wrapping_add(class * masks.words_per_class + at / BLOCK);
            // SAFETY: the class has a word for each block of the tile, and they are the chunk's.
            let words = unsafe { core::slice::from_raw_parts_mut(first, used / BLOCK) };
            let s = row(tile.seen.probability, class, width, used);
            let weight = row(tile.seen.weight, 0, width, used);
            match by_argmax {
                true => dispatch(First { s, largest, weight, taken, words }),
                false => dispatch(Above { s, weight, words }),
            }
        }
    }
}

struct Raise<'a, T> {
    largest: &'a mut [T],
    s: &'a [T],
}

impl<T: Real> Kernel for Raise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        raise_to(self.largest, self.s);
    }
}

/// Where a class is the largest, and none before it was.
struct First<'a, T> {
    s: &'a [T],
    largest: &'a [T],
    weight: &'a [T],
    /// 1 where a class before was the largest.
    taken: &'a mut [T],
    words: &'a mut [u64],
}

impl<T: Real> Kernel for First<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { s, largest, weight, taken, words } = self;
        let rows = blocks(s).iter().zip(blocks(largest)).zip(blocks(weight)).zip(blocks_mut(taken));
        for ((((s, largest), weight), taken), word) in rows.zip(words) {
            let mut inside = [0; BLOCK];
            for i in 0..BLOCK {
                let is_first = (s[i] == largest[i]) & (taken[i] == T::zero());
                taken[i] += T::one().masked(is_first);
                inside[i] = u8::from(is_first & (weight[i] > T::zero()));
            }
            *word = bits_equal(&inside, 1);
        }
    }
}

/// Where a class is more likely than not.
struct Above<'a, T> {
    s: &'a [T],
    weight: &'a [T],
    words: &'a mut [u64],
}

impl<T: Real> Kernel for Above<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { s, weight, words } = self;
        for ((s, weight), word) in blocks(s).iter().zip(blocks(weight)).zip(words) {
            let mut inside = [0; BLOCK];
            for i in 0..BLOCK {
                inside[i] = u8::from((s[i] > T::of(0.5)) & (weight[i] > T::zero()));
            }
            *word = bits_equal(&inside, 1);
        }
    }
}
