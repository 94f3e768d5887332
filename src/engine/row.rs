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

/// `Σ f(i)` over a block, each lane in the precision of the voxels, the lanes in f64.
#[inline(always)]
pub(crate) fn block_sum<T: Real>(f: impl Fn(usize) -> T) -> f64 {
    let mut lanes = [T::zero(); LANES];
    for turn in 0..BLOCK / LANES {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(turn * LANES + lane);
        }
    }
    let mut sums = lanes.map(T::widen);
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
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
        assert_eq!(block_sum(|i| i as f32), (0..BLOCK).sum::<usize>() as f64);
        // 2²⁴ + 1 is lost within a lane of f32, and not across lanes.
        let across = block_sum(|i| if i == 0 { 16_777_216.0f32 } else { (i == 1) as u8 as f32 });
        assert_eq!(across, 16_777_217.0);
    }
}
