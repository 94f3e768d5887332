//! Blocks of voxels: the unit of every sum.
//!
//! A row is some whole blocks of one class. Loops run over rows whose length is a
//! multiple of [`BLOCK`], so that none has a tail: the last tile of a sample is
//! filled up with voxels of weight 0, which add nothing.

use crate::array::real::Real;
use crate::checked::{slice, slice_mut};
use crate::simd::level::Kernel;
use core::sync::atomic::{Ordering, compiler_fence};

/// Voxels added up together, counted from the start of the sample.
pub(crate) const BLOCK: usize = 64;
/// Blocks are added in order inside a chunk, chunks in order into the tally.
pub(crate) const CHUNK: usize = 16384;
/// Partial sums of a block; as many as the widest vectors hold, on every CPU.
pub(crate) const LANES: usize = 16;

/// Adds up blocks whose lanes are `lanes`, in order.
///
/// Lanes go through memory between the loop that makes them and this one: in a single loop the
/// adding up, which is narrow, would narrow the making.
#[inline(always)]
pub(crate) fn add_blocks<T: Real>(lanes: &[T], sum: &mut f64) {
    for lanes in lanes.as_chunks::<LANES>().0 {
        *sum += block_sum(lanes);
    }
}

/// The sum of a block's lanes, in f64.
#[inline(always)]
fn block_sum<T: Real>(lanes: &[T; LANES]) -> f64 {
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

/// The lanes of each block of `x`: four neighbours, 16 apart, in order.
#[inline(always)]
pub(crate) fn lanes_of<T: Real>(x: &[T], lanes: &mut [T]) {
    for (x, lanes) in blocks(x).iter().zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i));
    }
}

/// The lanes of each block of `w·x`.
#[inline(always)]
pub(crate) fn weighted_lanes<T: Real>(x: &[T], w: &[T], lanes: &mut [T]) {
    for ((x, w), lanes) in blocks(x).iter().zip(blocks(w)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(w, i) * of(x, i));
    }
}

/// The same of costs, which may be infinite where they weigh nothing.
#[inline(always)]
fn charged_lanes<T: Real>(x: &[T], w: &[T], lanes: &mut [T]) {
    for ((x, w), lanes) in blocks(x).iter().zip(blocks(w)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i).times(of(w, i)));
    }
}

/// The lanes of a block of something. They are made here, where nobody can see them, and not in the row that they are
/// for: what might be part of what they are made from is taken one by one.
///
/// The fence is no instruction. It keeps the compiler from a loop over sixteen blocks at once, for which LLVM gathers
/// elements that lie 64 apart: at AVX-512 slower than AVX2.
#[inline(always)]
pub(crate) fn block_lanes<T: Real>(at: impl Fn(usize) -> T) -> [T; LANES] {
    let mut lanes = [T::zero(); LANES];
    for part in 0..BLOCK / LANES {
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane += at(part * LANES + i);
        }
    }
    compiler_fence(Ordering::AcqRel);
    lanes
}

/// An element of a block, whose index the compiler need not have seen through: no check is left that could fail.
#[inline(always)]
pub(crate) fn of<T: Copy, const N: usize>(block: &[T; N], i: usize) -> T {
    block[i % N]
}

/// Adds a row of costs to a sum, weighted or not, block by block.
pub(crate) struct AddUp<'a, T> {
    pub row: &'a [T],
    pub weight: Option<&'a [T]>,
    /// A quarter of a row.
    pub lanes: &'a mut [T],
    pub sum: &'a mut f64,
}

impl<T: Real> Kernel for AddUp<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, weight, lanes, sum } = self;
        let lanes = slice_mut(lanes, 0..row.len() / (BLOCK / LANES));
        match weight {
            Some(weight) => charged_lanes(row, weight, lanes),
            None => lanes_of(row, lanes),
        }
        add_blocks(lanes, sum);
    }
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
    slice(rows, start..start + used)
}

/// [`row`], to be written.
#[inline(always)]
pub(crate) fn row_mut<T>(rows: &mut [T], class: usize, width: usize, used: usize) -> &mut [T] {
    let start = class * width;
    slice_mut(rows, start..start + used)
}

/// Copies as much of a row as both have.
#[inline(always)]
pub(crate) fn copy_row<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(block: &[f32; BLOCK]) -> f64 {
        let (mut lanes, mut sum) = ([0.0; LANES], 0.0);
        lanes_of(block, &mut lanes);
        add_blocks(&lanes, &mut sum);
        sum
    }

    #[test]
    fn a_block_is_added_by_lanes() {
        let numbers: [f32; BLOCK] = core::array::from_fn(|i| i as f32);
        assert_eq!(sum(&numbers), (0..BLOCK).sum::<usize>() as f64);
        // 2²⁴ + 1 is lost within a lane of f32, and not across lanes.
        let mut across = [0f32; BLOCK];
        (across[0], across[1]) = (16_777_216.0, 1.0);
        assert_eq!(sum(&across), 16_777_217.0);
        (across[1], across[LANES]) = (0.0, 1.0);
        assert_eq!(sum(&across), 16_777_216.0);
    }
}
