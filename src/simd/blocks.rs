//! Blocks of 64 voxels: the unit of every sum.
//!
//! A row holds whole blocks of one class, so loops over rows have no tail: the last block of a sample is padded with
//! voxels of weight 0.

use crate::array::real::Real;
use crate::checked::{slice, slice_mut};
use crate::simd::level::Kernel;
use core::sync::atomic::{Ordering, compiler_fence};

/// Voxels per block, counted from the start of the sample.
pub(crate) const BLOCK: usize = 64;
/// Voxels per chunk. Blocks are added in order within a chunk, and chunks in order to the class sums.
pub(crate) const CHUNK: usize = 16384;
/// Partial sums per block: the number of f32 lanes of AVX-512, on every CPU, so that all CPUs give the same bits.
pub(crate) const LANES: usize = 16;

/// Adds the blocks with partial sums `lanes` to `sum`, in order.
///
/// The partial sums are stored between the loop that computes them and this one: in a single loop, LLVM would vectorise
/// both at the width of the f64 additions.
#[inline(always)]
pub(crate) fn add_blocks<T: Real>(lanes: &[T], sum: &mut f64) {
    for lanes in lanes.as_chunks::<LANES>().0 {
        *sum += block_sum(lanes);
    }
}

/// Returns the sum of a block's lanes in f64.
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

/// Computes the partial sums of each block of `x`: lane `i` is `x[i] + x[i + 16] + x[i + 32] + x[i + 48]`, in this
/// order.
#[inline(always)]
pub(crate) fn lanes_of<T: Real>(x: &[T], lanes: &mut [T]) {
    for (x, lanes) in blocks(x).iter().zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i));
    }
}

/// Computes the partial sums of each block of `w·x`.
#[inline(always)]
pub(crate) fn weighted_lanes<T: Real>(x: &[T], w: &[T], lanes: &mut [T]) {
    for ((x, w), lanes) in blocks(x).iter().zip(blocks(w)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(w, i) * of(x, i));
    }
}

/// Computes the partial sums of each block of `w·x`, with `0·∞ = 0`: losses may be infinite at voxels of weight 0.
#[inline(always)]
fn weighted_loss_lanes<T: Real>(x: &[T], w: &[T], lanes: &mut [T]) {
    for ((x, w), lanes) in blocks(x).iter().zip(blocks(w)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i).times(of(w, i)));
    }
}

/// Returns the partial sums of a block whose element `i` is `at(i)`. They accumulate in a local array: it cannot alias
/// the inputs, so LLVM vectorises the loop.
///
/// The compiler fence emits no instruction. Without it LLVM vectorises over sixteen blocks and gathers elements that
/// are 64 apart, which made AVX-512 slower than AVX2.
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

/// Returns element `i` of a block. The remainder removes the bounds check, and with it the panic.
#[inline(always)]
pub(crate) fn of<T: Copy, const N: usize>(block: &[T; N], i: usize) -> T {
    block[i % N]
}

/// Adds a row of losses, optionally weighted, to a sum, block by block.
pub(crate) struct AddUp<'a, T> {
    pub row: &'a [T],
    pub weight: Option<&'a [T]>,
    /// Buffer for the partial sums: a quarter of the length of `row`.
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
            Some(weight) => weighted_loss_lanes(row, weight, lanes),
            None => lanes_of(row, lanes),
        }
        add_blocks(lanes, sum);
    }
}

/// Returns a row as blocks.
#[inline(always)]
pub(crate) fn blocks<T>(row: &[T]) -> &[[T; BLOCK]] {
    row.as_chunks().0
}

/// Returns a row as mutable blocks.
#[inline(always)]
pub(crate) fn blocks_mut<T>(row: &mut [T]) -> &mut [[T; BLOCK]] {
    row.as_chunks_mut().0
}

/// Returns the first `used` elements of row `class`, for rows that are `width` elements apart.
#[inline(always)]
pub(crate) fn row<T>(rows: &[T], class: usize, width: usize, used: usize) -> &[T] {
    let start = class * width;
    slice(rows, start..start + used)
}

/// The mutable form of [`row`].
#[inline(always)]
pub(crate) fn row_mut<T>(rows: &mut [T], class: usize, width: usize, used: usize) -> &mut [T] {
    let start = class * width;
    slice_mut(rows, start..start + used)
}

/// Copies the elements that both rows have.
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
    fn block_is_summed_by_lanes() {
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
