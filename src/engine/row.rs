//! Blocks of voxels: the unit of every sum.
//!
//! A row is some whole blocks of one class. Loops run over rows whose length is a
//! multiple of [`BLOCK`], so that none has a tail: the last tile of a sample is
//! filled up with voxels of weight 0, which add nothing.

use crate::Real;

/// Voxels added up together, counted from the start of the sample.
pub(crate) const BLOCK: usize = 64;
/// Blocks are added in order inside a chunk, chunks in order into the tally.
pub(crate) const CHUNK: usize = 16384;
/// Partial sums of a block; as many as the widest vectors hold, on every CPU.
const LANES: usize = 16;

/// The sum of a block: each lane in the precision of the voxels, the lanes in f64.
///
/// It takes finished numbers and no closure: a closure need not be inlined, and one that stays a
/// call is compiled for the baseline.
#[inline(always)]
pub(crate) fn block_sum<T: Real>(block: &[T; BLOCK]) -> f64 {
    let mut lanes = [T::zero(); LANES];
    for part in block.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            lanes[i] += part[i];
        }
    }
    let mut sums = [0.0; LANES];
    for i in 0..LANES {
        sums[i] = lanes[i].widen();
    }
    for i in 0..8 {
        sums[i] += sums[i + 8];
    }
    for i in 0..4 {
        sums[i] += sums[i + 4];
    }
    for i in 0..2 {
        sums[i] += sums[i + 2];
    }
    sums[0] + sums[1]
}

/// A row as blocks.
#[inline(always)]
pub(crate) fn blocks<T>(row: &[T]) -> &[[T; BLOCK]] {
    row.as_chunks().0
}

/// A row as blocks, to be written.
#[inline(always)]
pub(crate) fn blocks_mut<T>(row: &mut [T]) -> &mut [[T; BLOCK]] {
    row.as_chunks_mut().0
}

/// Row number `class` of several rows of `width` elements, as far as they are `used`.
#[inline(always)]
pub(crate) fn row<T>(rows: &[T], class: usize, width: usize, used: usize) -> &[T] {
    let start = class * width;
    rows.get(start..start + used).unwrap_or(&[])
}

/// [`row`], to be written.
#[inline(always)]
pub(crate) fn row_mut<T>(rows: &mut [T], class: usize, width: usize, used: usize) -> &mut [T] {
    let start = class * width;
    rows.get_mut(start..start + used).unwrap_or(&mut [])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_added_by_lanes() {
        let numbers: [f32; BLOCK] = core::array::from_fn(|i| i as f32);
        assert_eq!(block_sum(&numbers), (0..BLOCK).sum::<usize>() as f64);
        // 2²⁴ + 1 is lost within a lane of f32, and not across lanes.
        let mut across = [0f32; BLOCK];
        (across[0], across[1]) = (16_777_216.0, 1.0);
        assert_eq!(block_sum(&across), 16_777_217.0);
        (across[1], across[LANES]) = (0.0, 1.0);
        assert_eq!(block_sum(&across), 16_777_216.0);
    }
}
