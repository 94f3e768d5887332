//! The first pass: along the rows, from bits, whatever is in them.
//!
//! A block of up to 64 voxels becomes one word and two numbers: its sides, and how far from its
//! first and last voxel the nearest voxel of another side is, to the left and to the right. They
//! wait in the block's own output ([`Record`]), where the next pass makes squared distances of them.

use super::Mask;
use super::canvas::Canvas;
use super::plan::Plan;
use crate::engine::prefetch::prefetch;
use crate::engine::simd::Kernel;
use core::ops::Range;

/// Rows whose records are on their way: each is one line of a block's output, which no CPU foresees.
const AHEAD: usize = 16;

/// No change of side in this direction.
pub const NONE: u64 = u64::MAX;

/// A block after the first pass.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Record {
    /// Which voxels are inside; 0 beyond the block.
    pub bits: u64,
    /// Steps from the first voxel to the left.
    pub left: u64,
    /// Steps from the last voxel to the right.
    pub right: u64,
}

/// The lowest `count` bits.
#[inline(always)]
pub fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Writes the low bytes of `bits` that `count` voxels need.
///
/// # Safety
/// They lie in the output.
#[inline(always)]
pub unsafe fn put_bits(at: *mut u8, bits: u64, count: usize) {
    // SAFETY: count ≤ 64 voxels are at most the eight bytes of a word; `at` as promised.
    unsafe {
        match count.div_ceil(8) {
            8 => at.cast::<[u8; 8]>().write_unaligned(bits.to_le_bytes()),
            4 => at.cast::<[u8; 4]>().write_unaligned((bits as u32).to_le_bytes()),
            bytes => (0..bytes).for_each(|i| at.add(i).write((bits >> (8 * i)) as u8)),
        }
    }
}

/// Reads what [`put_bits`] wrote.
///
/// # Safety
/// It lies in the output.
#[inline(always)]
pub unsafe fn get_bits(at: *const u8, count: usize) -> u64 {
    // SAFETY: as in `put_bits`.
    unsafe {
        match count.div_ceil(8) {
            8 => u64::from_le_bytes(at.cast::<[u8; 8]>().read_unaligned()),
            4 => u64::from(u32::from_le_bytes(at.cast::<[u8; 4]>().read_unaligned())),
            bytes => (0..bytes).fold(0, |word, i| word | u64::from(at.add(i).read()) << (8 * i)),
        }
    }
}

impl Record {
    /// Which of the block's `width` voxels are on another side than the one before them, from the second on.
    #[inline(always)]
    pub fn changes(&self, width: usize) -> u64 {
        (self.bits ^ self.bits << 1) & low_bits(width) & !1
    }

    /// Reads the record of a block of `count` voxels.
    ///
    /// # Safety
    /// `at` is the block's output, and [`Rows`] has written it.
    #[inline(always)]
    pub unsafe fn get(at: *const u8, count: usize, plan: &Plan) -> Self {
        // SAFETY: of several blocks each has at least 16 voxels, so 64 bytes; a single block
        // has written no more than its bits, an eighth of a byte for a voxel of at least four.
        unsafe {
            if plan.blocks > 1 {
                let [bits, left, right] = at.cast::<[u64; 3]>().read_unaligned();
                return Self { bits, left, right };
            }
            let bits = get_bits(at, count);
            let end = |inside: u64| if plan.border && inside & 1 != 0 { 1 } else { NONE };
            Self { bits, left: end(bits), right: end(bits >> (count - 1)) }
        }
    }
}

/// The pass over a range of rows; returns the sides it has seen, outside and inside.
pub struct Rows<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub canvas: Canvas,
    pub rows: Range<usize>,
    /// Room for a row of the mask.
    pub words: &'a mut [u64],
}

impl Kernel for Rows<'_> {
    type Output = [bool; 2];

    #[inline(always)]
    fn run(self) -> [bool; 2] {
        let Self { plan, mask, canvas, rows, words } = self;
        let length = plan.width.div_ceil(64);
        let Some(words) = words.get_mut(..length + 1) else { return [false; 2] };
        // `records` shifts words together and reads one word past the row: it is 0.
        words.iter_mut().skip(length).for_each(|word| *word = 0);
        let (mut zeros, mut ones) = (0, 0);
        let flip = if plan.inverted { u64::MAX } else { 0 };
        for row in rows {
            let row = plan.row(row, None);
            if plan.gathered {
                for (first, word) in (0..plan.width).step_by(64).zip(words.iter_mut()) {
                    *word = 0;
                    for bit in 0..(plan.width - first).min(64) {
                        let mut voxel = [0];
                        mask.bits(row * plan.width + first + bit, 0, 1, &mut voxel);
                        *word |= voxel[0] << bit;
                    }
                }
            } else if let Some(words) = words.get_mut(..length) {
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
            // SAFETY: `row` is a row of the plan, so its blocks lie in the canvas.
            unsafe { records(plan, words, canvas, row * plan.pitch + plan.skip) };
        }
        [zeros != 0, ones != 0]
    }
}

/// # Safety
/// A row of the plan begins at voxel `first`, and nobody else touches its output.
#[inline(always)]
unsafe fn records(plan: &Plan, words: &[u64], canvas: Canvas, first: usize) {
    let word = |index: usize| words.get(index).copied().unwrap_or(0);
    let block_bits = |start: usize, width: usize| {
        let (index, shift) = (start / 64, start % 64);
        let high = if shift == 0 { 0 } else { word(index + 1) << (64 - shift) };
        (word(index) >> shift | high) & low_bits(width)
    };
    if plan.blocks == 1 {
        // SAFETY: promised by the caller.
        unsafe { put_bits(canvas.at(first), word(0), plan.width) };
        return;
    }
    // A change is counted at the voxel right of it. Beyond an end without a border nothing changes.
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
        // SAFETY: promised by the caller; the block's output has at least 64 bytes.
        unsafe {
            let at = canvas.at(first + start);
            prefetch(at.wrapping_add(AHEAD.wrapping_mul(plan.pitch * canvas.element)), 24);
            at.cast::<[u64; 2]>().write_unaligned([bits, left]);
        }
    }
    let mut after = before & u64::from(!plan.border);
    let mut change = None;
    for block in (0..plan.blocks).rev() {
        let (start, width) = plan.block(block);
        let bits = block_bits(start, width);
        // Here a change is counted at the voxel left of it.
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
        // SAFETY: as above.
        unsafe { canvas.at(first + start).add(16).cast::<u64>().write_unaligned(right) };
    }
}
