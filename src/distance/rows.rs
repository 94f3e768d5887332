//! The first pass, along the rows, from the bits of the mask; its time does not depend on the mask.
//!
//! Each block of up to 64 voxels is reduced to a word of inside bits and two distances: from its first voxel to the
//! nearest voxel of the other side on the left, and from its last voxel to the nearest one on the right. This
//! [`RowRecord`] is stored in the block's own output elements. The next pass computes squared distances from it.

use crate::checked::expected;
use crate::distance::Mask;
use crate::distance::bits::{low_bits, read_bits, write_bits};
use crate::distance::output_buffer::OutputBuffer;
use crate::distance::plan::Plan;
use crate::simd::level::Kernel;
use crate::simd::prefetch::prefetch;
use core::ops::Range;

/// Number of rows that are prefetched ahead. Each record is one cache line of a block's output, which the hardware
/// prefetcher does not predict.
const PREFETCH_ROWS: usize = 16;

/// No change of side in this direction.
pub const NONE: u64 = u64::MAX;

/// A block after the row pass.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RowRecord {
    /// Bit `i` is set where voxel `i` is inside; 0 beyond the block.
    pub bits: u64,
    /// Steps from the first voxel to the nearest voxel of the other side on the left, or [`NONE`].
    pub left: u64,
    /// Steps from the last voxel to the nearest voxel of the other side on the right, or [`NONE`].
    pub right: u64,
}

impl RowRecord {
    /// Returns a word with bit `i` ≥ 1 set where voxels `i − 1` and `i` of the block's `width` voxels are on
    /// different sides.
    #[inline(always)]
    pub fn changes(&self, width: usize) -> u64 {
        (self.bits ^ self.bits << 1) & low_bits(width) & !1
    }

    /// Reads the record of a block of `count` voxels.
    ///
    /// # Safety
    /// `at` is the output of the block, written by [`RowPass`].
    #[inline(always)]
    pub unsafe fn read(at: *const u8, count: usize, plan: &Plan) -> Self {
        // SAFETY: as promised by the caller. With several blocks each has at least 16 voxels, so 64 bytes. A single
        // block holds its bits only, ⌈count / 8⌉ bytes of at least 4·count.
        unsafe {
            if plan.blocks > 1 {
                let [bits, left, right] = at.cast::<[u64; 3]>().read_unaligned();
                return Self { bits, left, right };
            }
            let bits = read_bits(at, count);
            let end = |inside: u64| if plan.border && inside & 1 != 0 { 1 } else { NONE };
            Self { bits, left: end(bits), right: end(bits >> (count - 1)) }
        }
    }
}

/// The row pass over a range of rows. Returns whether the rows contain outside and inside voxels.
pub struct RowPass<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub buffer: OutputBuffer,
    pub rows: Range<usize>,
    /// Buffer for one row of the mask and one more word.
    pub words: &'a mut [u64],
}

impl Kernel for RowPass<'_> {
    type Output = [bool; 2];

    #[inline(always)]
    fn run(self) -> [bool; 2] {
        let Self { plan, mask, buffer, rows, words } = self;
        let length = plan.width.div_ceil(64);
        let Some(words) = expected(words.get_mut(..length + 1)) else { return [false; 2] };
        // `records` shifts words together and reads one word past the row: it is 0.
        words.iter_mut().skip(length).for_each(|word| *word = 0);
        let (mut zeros, mut ones) = (0, 0);
        let flip = if plan.inverted { u64::MAX } else { 0 };
        for row in rows {
            let row = plan.row(row, None);
            if plan.single_voxel_rows {
                for (first, word) in (0..plan.width).step_by(64).zip(words.iter_mut()) {
                    *word = 0;
                    for bit in 0..(plan.width - first).min(64) {
                        let mut voxel = [0];
                        mask.bits(row * plan.width + first + bit, 0, 1, &mut voxel);
                        *word |= voxel[0] << bit;
                    }
                }
            } else if let Some(words) = expected(words.get_mut(..length)) {
                mask.bits(row, plan.skip, plan.width, words);
            }
            let mut rest = plan.width;
            for word in words.iter_mut() {
                let valid = low_bits(rest.min(64));
                *word = (*word ^ flip) & valid;
                ones |= *word;
                zeros |= !*word & valid;
                rest -= rest.min(64);
            }
            // SAFETY: `row` is a row of the plan, so its blocks lie in the buffer; ranges of rows are disjoint.
            unsafe { write_records(plan, words, buffer, row * plan.pitch + plan.skip) };
        }
        [zeros != 0, ones != 0]
    }
}

/// # Safety
/// A row of the plan begins at voxel `first`, and no other thread accesses its output.
#[inline(always)]
unsafe fn write_records(plan: &Plan, words: &[u64], buffer: OutputBuffer, first: usize) {
    let word = |index: usize| expected(words.get(index)).copied().unwrap_or(0);
    let block_bits = |start: usize, width: usize| {
        let (index, shift) = (start / 64, start % 64);
        let high = if shift == 0 { 0 } else { word(index + 1) << (64 - shift) };
        (word(index) >> shift | high) & low_bits(width)
    };
    if plan.blocks == 1 {
        // SAFETY: as promised by the caller; the row has at least as many bytes as its bits.
        unsafe { write_bits(buffer.at(first), word(0), plan.width) };
        return;
    }
    // A change of side is recorded at the voxel on its right. Without a border the row's ends are no changes.
    let mut before = word(0) & 1 & u64::from(!plan.border);
    let mut change = None;
    for block in 0..plan.blocks {
        let (start, width) = plan.block(block);
        let bits = block_bits(start, width);
        let changes = (bits ^ (bits << 1 | before)) & low_bits(width);
        let left = match change {
            _ if changes & 1 != 0 => 1,
            Some(at) => (start - at + 1) as u64,
            None => NONE,
        };
        if changes != 0 {
            change = Some(start + 63 - changes.leading_zeros() as usize);
        }
        before = bits >> (width - 1) & 1;
        // SAFETY: as promised by the caller; the output of the block has at least 64 bytes.
        unsafe {
            let at = buffer.at(first + start);
            prefetch(at.wrapping_add(PREFETCH_ROWS.wrapping_mul(plan.pitch * buffer.element)), 24);
            at.cast::<[u64; 2]>().write_unaligned([bits, left]);
        }
    }
    let mut after = before & u64::from(!plan.border);
    let mut change = None;
    for block in (0..plan.blocks).rev() {
        let (start, width) = plan.block(block);
        let bits = block_bits(start, width);
        // In this direction a change of side is recorded at the voxel on its left.
        let changes = bits ^ (bits >> 1 | after << (width - 1));
        let right = match change {
            _ if changes >> (width - 1) & 1 != 0 => 1,
            Some(at) => (at - (start + width - 1) + 1) as u64,
            None => NONE,
        };
        if changes != 0 {
            change = Some(start + changes.trailing_zeros() as usize);
        }
        after = bits & 1;
        // SAFETY: as promised by the caller; the output of the block has at least 64 bytes.
        unsafe { buffer.at(first + start).add(16).cast::<u64>().write_unaligned(right) };
    }
}
