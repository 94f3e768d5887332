//! Distances of any length and spacings of any ratio, in f64, one lane at a time.
//!
//! Used for tiles with distances of more than 46,340 voxels, for spacings whose squares f32 does not hold, and for
//! more than five axes of unequal spacing. The element of a voxel is too short for such squares. Between passes it
//! therefore identifies the nearest voxel of the other side (a feature transform): the number of steps along each
//! axis, as the digits of one mixed-radix integer.
//!
//! ```text
//! 4 bytes   highest bit: inside; the rest: Σ over the passed axes of  steps · Π (extent + 1) over the axes before
//! 8 bytes   the same
//! ```
//!
//! Nothing is rounded between passes, whatever the number of axes. The exception: where the axes before the last pass
//! have more than 2³¹ voxels together, four bytes hold the distance instead, rounded to f32.

use crate::array::real::Real;
use crate::checked::{divide, expected};
use crate::distance::bits::low_bits;
use crate::distance::conversion::Conversion;
use crate::distance::envelope::Envelope;
use crate::distance::output_buffer::OutputBuffer;
use crate::distance::plan::{Arithmetic, Axis, Plan};
use crate::distance::rows::{NONE, RowRecord};
use crate::distance::tile::{ScratchSlice, take_slice};
use core::mem::size_of;
use core::ops::Range;

/// Lanes of a tile: one cache line of an f32 output.
const LANES: usize = 16;

/// The value of a voxel without a known voxel of the other side.
const NO_VOXEL: u64 = INSIDE_BIT - 1;

/// The bit that is set for inside voxels.
const INSIDE_BIT: u64 = 1 << 63;

/// The scratch of one worker.
struct ExactTile<'a> {
    /// Row `y` holds voxel `y` of neighbouring columns: first the input, then the output of the pass.
    elements: ScratchSlice<'a, [u64; LANES]>,
    /// The row records of a block, which the output of the block overwrites.
    records: ScratchSlice<'a, RowRecord>,
    /// The input of one lane.
    input: ScratchSlice<'a, u64>,
    /// Steps to the next change of side.
    steps_ahead: ScratchSlice<'a, u64>,
    values: ScratchSlice<'a, f64>,
    vertices: ScratchSlice<'a, u64>,
    starts: ScratchSlice<'a, u64>,
}

/// Returns the bytes of scratch for columns of `extent` rows, a multiple of 64.
pub fn exact_len(extent: usize) -> usize {
    let row = size_of::<RowRecord>() + size_of::<[u64; LANES]>() + 5 * size_of::<u64>();
    // Each of the seven slices is rounded up to 64 bytes.
    extent.saturating_mul(row).saturating_add(7 * 64 + 63) & !63
}

impl<'a> ExactTile<'a> {
    /// Partitions `scratch`, which is aligned to 64 bytes. Returns `None` if it is too short. The records come first,
    /// where the tiles of other types leave them.
    fn new(mut scratch: &'a mut [u8], extent: usize) -> Option<Self> {
        let rest = &mut scratch;
        if rest.as_ptr().align_offset(64) != 0 {
            return None;
        }
        let column = extent.checked_mul(size_of::<u64>())?;
        // SAFETY: records, integers and floats are valid for any bytes; every slice is a multiple of 64 bytes.
        unsafe {
            Some(Self {
                records: ScratchSlice::new(take_slice(rest, extent.checked_mul(size_of::<RowRecord>())?)?)?,
                elements: ScratchSlice::new(take_slice(
                    rest,
                    extent.checked_mul(size_of::<[u64; LANES]>())?,
                )?)?,
                input: ScratchSlice::new(take_slice(rest, column)?)?,
                steps_ahead: ScratchSlice::new(take_slice(rest, column)?)?,
                values: ScratchSlice::new(take_slice(rest, column)?)?,
                vertices: ScratchSlice::new(take_slice(rest, column)?)?,
                starts: ScratchSlice::new(take_slice(rest, column)?)?,
            })
        }
    }
}

/// A pass over a range of tiles.
pub struct ExactPass<'a> {
    pub plan: &'a Plan,
    /// Number of the axis, in the order of the passes.
    pub pass: usize,
    pub axis: Axis,
    pub buffer: OutputBuffer,
    /// Conversion to the output in the last pass. `None`: steps for the next pass.
    pub conversion: Option<Conversion>,
    pub tiles: Range<usize>,
    /// The number of row records of the first tile that are already saved in scratch.
    pub saved_records: usize,
    pub scratch: &'a mut [u8],
}

impl ExactPass<'_> {
    /// Runs the pass.
    pub fn run(mut self) {
        let scratch = core::mem::take(&mut self.scratch);
        let Some(mut tile) = expected(ExactTile::new(scratch, self.plan.longest())) else {
            return;
        };
        for item in self.tiles.clone() {
            let plan = self.plan;
            let (column, block) = divide(item, plan.blocks);
            let (start, width) = plan.block(block);
            let first = plan.row(column, Some(self.pass)) * plan.pitch + plan.skip + start;
            for start in (0..width).step_by(LANES) {
                let lanes = (width - start).min(LANES);
                // SAFETY: the columns of the tile lie in the buffer, and no two tiles share a voxel.
                unsafe {
                    self.load(&mut tile, first, start, width);
                    for lane in 0..lanes {
                        self.solve(&mut tile, lane);
                    }
                    self.store(&tile, first + start, lanes);
                }
            }
            self.saved_records = 0;
        }
    }

    /// Voxels of the image from one row of a column to the next.
    fn pitch(&self) -> usize {
        self.axis.stride * self.plan.pitch
    }

    /// Loads the lanes from `start` on of a block of `width` voxels, whose first voxel has the index `first` in the
    /// buffer.
    ///
    /// # Safety
    /// The block lies in the buffer, in each row of the column, and no other thread writes it.
    unsafe fn load(&self, tile: &mut ExactTile<'_>, first: usize, start: usize, width: usize) {
        for y in 0..self.axis.extent {
            // SAFETY: as promised by the caller.
            unsafe {
                let at = self.buffer.at(first + y * self.pitch());
                if self.pass == 0 && start == 0 && y >= self.saved_records {
                    tile.records[y] = RowRecord::read(at, width, self.plan);
                }
                for (lane, element) in (start..width).zip(tile.elements[y].iter_mut()) {
                    *element = if self.pass == 0 {
                        self.input_of_voxel(tile.records[y], lane, width)
                    } else if self.buffer.element == size_of::<u64>() {
                        at.cast::<u64>().add(lane).read()
                    } else {
                        let bits = at.cast::<u32>().add(lane).read();
                        let steps = u64::from(bits & (NO_VOXEL >> 32) as u32);
                        u64::from(bits >> 31) << 63 | if steps == NO_VOXEL >> 32 { NO_VOXEL } else { steps }
                    };
                }
            }
        }
    }

    /// # Safety
    /// As for `load`; in addition, no other thread reads these voxels.
    unsafe fn store(&self, tile: &ExactTile<'_>, first: usize, width: usize) {
        for y in 0..self.axis.extent {
            // SAFETY: as promised by the caller.
            unsafe {
                let at = self.buffer.at(first + y * self.pitch());
                for (lane, &element) in tile.elements[y].iter().enumerate().take(width) {
                    if self.buffer.element == size_of::<u64>() {
                        at.cast::<u64>().add(lane).write(element);
                    } else if self.conversion.is_some() {
                        at.cast::<f32>().add(lane).write(f64::from_bits(element) as f32);
                    } else {
                        // The lowest 31 bits of `NO_VOXEL` are all ones, as they are in eight bytes.
                        let side = (element >> 32) as u32 & (INSIDE_BIT >> 32) as u32;
                        at.cast::<u32>().add(lane).write(side | element as u32 & (NO_VOXEL >> 32) as u32);
                    }
                }
            }
        }
    }

    /// Returns the input of voxel `lane` of a block after the row pass.
    fn input_of_voxel(&self, record: RowRecord, lane: usize, width: usize) -> u64 {
        let inside = record.bits >> lane & 1;
        if self.plan.one_sided && inside == 0 {
            return 0;
        }
        let mut steps = NONE;
        if record.left != NONE {
            steps = record.left + lane as u64;
        }
        if record.right != NONE {
            steps = steps.min(record.right + (width - 1 - lane) as u64);
        }
        let changes = record.changes(width);
        let before = changes & low_bits(lane + 1);
        if before != 0 {
            steps = steps.min((lane + 1) as u64 - u64::from(63 - before.leading_zeros()));
        }
        let after = changes & !low_bits(lane + 1);
        if after != 0 {
            steps = steps.min(u64::from(after.trailing_zeros()) - lane as u64);
        }
        let encoded = if steps == NONE { NO_VOXEL } else { steps };
        inside << 63 | encoded
    }

    /// Returns the squared length of a step: 1 with equal spacings, so that squares are integers.
    fn step_square(&self, squared_spacing: f64) -> f64 {
        if matches!(self.plan.arithmetic, Arithmetic::Integer { .. }) { 1.0 } else { squared_spacing }
    }

    /// Returns the squared distance that an element without its inside bit encodes.
    fn square(&self, encoded: u64) -> f64 {
        if encoded == NO_VOXEL {
            return f64::INFINITY;
        }
        if self.plan.rounds_between_passes && self.pass > 0 {
            let distance = f64::from(f32::from_bits(encoded as u32));
            return distance * distance;
        }
        let (mut rest, mut sum) = (encoded, 0.0);
        for digit in 0..=self.pass {
            let (extent, squared_spacing) = self.plan.axis_in_pass_order(digit);
            let base = extent as u64 + 1;
            // The divisor is at least 2.
            let next = rest.checked_div(base).unwrap_or(0);
            let steps = (rest - next * base) as f64;
            sum += self.step_square(squared_spacing) * (steps * steps);
            rest = next;
        }
        sum
    }

    /// Solves one lane in place.
    fn solve(&self, tile: &mut ExactTile<'_>, lane: usize) {
        let ExactTile { elements, input, steps_ahead, values, vertices, starts, .. } = tile;
        let Axis { extent, border, .. } = self.axis;
        let squared_spacing = self.step_square(self.axis.squared_spacing);
        let mut envelope = Envelope { values, vertices, starts, squared_spacing, count: 0 };
        for y in 0..extent {
            input[y] = expected(elements[y].get(lane)).copied().unwrap_or(0);
            envelope.push(y, self.square(input[y] & NO_VOXEL), extent);
        }
        // Steps to the nearest row of the other side. With a border the rows beyond the column's ends are outside.
        let after = |steps: u64, own: u64, other: Option<u64>| match other {
            None if border && own & INSIDE_BIT != 0 => 1,
            Some(other) if (own ^ other) & INSIDE_BIT != 0 => 1,
            None => NONE,
            Some(_) => steps.saturating_add(1),
        };
        let mut steps = NONE;
        for y in (0..extent).rev() {
            steps = after(steps, input[y], if y + 1 < extent { Some(input[y + 1]) } else { None });
            steps_ahead[y] = steps;
        }
        let weight = (0..=self.pass).fold(1, |weight: u64, digit| {
            weight.wrapping_mul(self.plan.axis_in_pass_order(digit).0 as u64 + 1)
        });
        let (mut steps, mut k) = (NONE, 0);
        for y in 0..extent {
            steps = after(steps, input[y], if y > 0 { Some(input[y - 1]) } else { None });
            let mut best = (f64::INFINITY, NO_VOXEL);
            if envelope.count > 0 {
                let r = envelope.lowest(&mut k, y);
                let offset = weight.wrapping_mul(r.abs_diff(y) as u64);
                best = (envelope.at(r, y), (input[r] & NO_VOXEL).wrapping_add(offset));
            }
            let along = steps.min(steps_ahead[y]);
            let square = squared_spacing * (along as f64 * along as f64);
            if along != NONE && square < best.0 {
                best = (square, weight.wrapping_mul(along));
            }
            let (square, element) = best;
            let side = input[y] & INSIDE_BIT;
            let element = match self.conversion {
                Some(conversion) => conversion.value(square, side != 0).to_bits(),
                None if square == f64::INFINITY => side | NO_VOXEL,
                None if self.plan.rounds_between_passes => {
                    side | u64::from((Real::sqrt(square) as f32).to_bits())
                }
                None => side | element,
            };
            if let Some(to) = expected(elements[y].get_mut(lane)) {
                *to = element;
            }
        }
    }
}
