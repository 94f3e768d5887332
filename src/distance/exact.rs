//! Distances of any length and spacings of any ratio: f64, a lane at a time.
//!
//! The last resort of the transform, for tiles with distances of more than 46,340 voxels, for spacings whose squares f32
//! does not hold, and for more than five axes of unequal spacing. A voxel's output is too short for such squares, so
//! between passes it holds *which* voxel is the nearest: how many steps away along each axis, as the digits of a number.
//!
//! ```text
//! 4 bytes   the side in the highest bit, then Σ over the axes passed of steps · Π (extent + 1) of those before
//! 8 bytes   the same
//! ```
//!
//! So nothing is rounded between passes, whatever the number of axes. Where the axes passed before the last one have more
//! than 2³¹ voxels together (the image has twice as many and more), four bytes hold the distance, rounded to f32.

use crate::distance::canvas::OutputBuffer;
use crate::distance::emit::Conversion;
use crate::distance::envelope::Envelope;
use crate::distance::plan::{Axis, Plan, Route};
use crate::distance::rows::{NONE, Record, low_bits};
use crate::distance::tile::{Part, cut};
use crate::simd::math::Math;
use core::mem::size_of;
use core::ops::Range;

/// Lanes of a tile: a line of an output of f32.
const LANES: usize = 16;

/// Nowhere.
const FAR: u64 = SIDE - 1;

/// The side of a cell.
const SIDE: u64 = 1 << 63;

/// The scratch of one worker.
struct Tile<'a> {
    /// Row `y` holds voxel `y` of neighbouring columns: first what is known of them, then what is written.
    cells: Part<'a, [u64; LANES]>,
    /// The records of a block, which its output overwrites.
    saved: Part<'a, Record>,
    /// What a lane held.
    near: Part<'a, u64>,
    /// Steps to the next change of side.
    ahead: Part<'a, u64>,
    values: Part<'a, f64>,
    vertices: Part<'a, u64>,
    starts: Part<'a, u64>,
}

/// Bytes of scratch for columns of `extent` rows; a multiple of 64.
pub fn exact_len(extent: usize) -> usize {
    let row = size_of::<Record>() + size_of::<[u64; LANES]>() + 5 * size_of::<u64>();
    // Each of seven parts is rounded up.
    extent.saturating_mul(row).saturating_add(7 * 64 + 63) & !63
}

impl<'a> Tile<'a> {
    /// Cuts `scratch`, which starts at a multiple of 64; none if it is too short. The records come first, where tiles
    /// of other cells leave them.
    fn new(mut scratch: &'a mut [u8], extent: usize) -> Option<Self> {
        let rest = &mut scratch;
        if rest.as_ptr().align_offset(64) != 0 {
            return None;
        }
        let column = extent.checked_mul(size_of::<u64>())?;
        // SAFETY: records, integers and floats take any bytes; parts are multiples of 64.
        unsafe {
            Some(Self {
                saved: Part::new(cut(rest, extent.checked_mul(size_of::<Record>())?)?)?,
                cells: Part::new(cut(rest, extent.checked_mul(size_of::<[u64; LANES]>())?)?)?,
                near: Part::new(cut(rest, column)?)?,
                ahead: Part::new(cut(rest, column)?)?,
                values: Part::new(cut(rest, column)?)?,
                vertices: Part::new(cut(rest, column)?)?,
                starts: Part::new(cut(rest, column)?)?,
            })
        }
    }
}

/// A pass over a range of tiles.
pub struct Exact<'a> {
    pub plan: &'a Plan,
    /// Which axis, in the order of passes.
    pub pass: usize,
    pub axis: Axis,
    pub canvas: OutputBuffer,
    /// None: for the next pass.
    pub finish: Option<Conversion>,
    pub tiles: Range<usize>,
    /// How many records of the first tile have been saved.
    pub saved: usize,
    pub scratch: &'a mut [u8],
}

impl Exact<'_> {
    /// Runs the pass.
    pub fn run(mut self) {
        let Some(mut tile) = Tile::new(core::mem::take(&mut self.scratch), self.plan.longest()) else {
            return;
        };
        for item in self.tiles.clone() {
            let plan = self.plan;
            let column = item.checked_div(plan.blocks).unwrap_or(0);
            let (start, width) = plan.block(item - column * plan.blocks);
            let first = plan.row(column, Some(self.pass)) * plan.pitch + plan.skip + start;
            for start in (0..width).step_by(LANES) {
                let lanes = (width - start).min(LANES);
                // SAFETY: the columns of the tile lie in the canvas, and tiles have no voxel in common.
                unsafe {
                    self.load(&mut tile, first, start, width);
                    for lane in 0..lanes {
                        self.solve(&mut tile, lane);
                    }
                    self.store(&tile, first + start, lanes);
                }
            }
            self.saved = 0;
        }
    }

    /// Voxels from a row of a column to the next.
    fn pitch(&self) -> usize {
        self.axis.stride * self.plan.pitch
    }

    /// Loads the lanes from `start` on of a block of `width` voxels that begins at voxel `first` of the canvas.
    ///
    /// # Safety
    /// The block lies in the canvas, in each row of the column.
    unsafe fn load(&self, tile: &mut Tile<'_>, first: usize, start: usize, width: usize) {
        for y in 0..self.axis.extent {
            // SAFETY: promised by the caller.
            unsafe {
                let at = self.canvas.at(first + y * self.pitch());
                if self.pass == 0 && start == 0 && y >= self.saved {
                    tile.saved[y] = Record::get(at, width, self.plan);
                }
                for (lane, cell) in (start..width).zip(tile.cells[y].iter_mut()) {
                    *cell = if self.pass == 0 {
                        self.of_record(tile.saved[y], lane, width)
                    } else if self.canvas.element == size_of::<u64>() {
                        at.cast::<u64>().add(lane).read()
                    } else {
                        let slot = at.cast::<u32>().add(lane).read();
                        let near = u64::from(slot & (FAR >> 32) as u32);
                        u64::from(slot >> 31) << 63 | if near == FAR >> 32 { FAR } else { near }
                    };
                }
            }
        }
    }

    /// # Safety
    /// As for `load`; these voxels are used by no other task.
    unsafe fn store(&self, tile: &Tile<'_>, first: usize, width: usize) {
        for y in 0..self.axis.extent {
            // SAFETY: promised by the caller.
            unsafe {
                let at = self.canvas.at(first + y * self.pitch());
                for (lane, &cell) in tile.cells[y].iter().enumerate().take(width) {
                    if self.canvas.element == size_of::<u64>() {
                        at.cast::<u64>().add(lane).write(cell);
                    } else if self.finish.is_some() {
                        at.cast::<f32>().add(lane).write(f64::from_bits(cell) as f32);
                    } else {
                        // Nowhere is all ones here as well.
                        let side = (cell >> 32) as u32 & (SIDE >> 32) as u32;
                        at.cast::<u32>().add(lane).write(side | cell as u32 & (FAR >> 32) as u32);
                    }
                }
            }
        }
    }

    /// Voxel `lane` of a block after the first pass.
    fn of_record(&self, record: Record, lane: usize, width: usize) -> u64 {
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
        let near = if steps == NONE { FAR } else { steps };
        inside << 63 | near
    }

    /// The square of a step: equal spacings count in voxels, so that squares are whole.
    fn unit(&self, unit: f64) -> f64 {
        if matches!(self.plan.route, Route::Equal { .. }) { 1.0 } else { unit }
    }

    /// The squared distance of a cell.
    fn square(&self, near: u64) -> f64 {
        if near == FAR {
            return f64::INFINITY;
        }
        if self.plan.rounded && self.pass > 0 {
            let distance = f64::from(f32::from_bits(near as u32));
            return distance * distance;
        }
        let (mut rest, mut sum) = (near, 0.0);
        for digit in 0..=self.pass {
            let (extent, unit) = self.plan.digit(digit);
            let base = extent as u64 + 1;
            let next = rest.checked_div(base).unwrap_or(0);
            let steps = (rest - next * base) as f64;
            sum += self.unit(unit) * (steps * steps);
            rest = next;
        }
        sum
    }

    /// Solves a lane in place.
    fn solve(&self, tile: &mut Tile<'_>, lane: usize) {
        let Tile { cells, near, ahead, values, vertices, starts, .. } = tile;
        let Axis { extent, border, .. } = self.axis;
        let unit = self.unit(self.axis.unit);
        let mut envelope = Envelope { values, vertices, starts, unit, count: 0 };
        for y in 0..extent {
            near[y] = cells[y].get(lane).copied().unwrap_or(0);
            envelope.push(y, self.square(near[y] & FAR), extent);
        }
        // Steps to the nearest row of another side; with a border what is beyond the column's ends is outside.
        let after = |steps: u64, own: u64, other: Option<u64>| match other {
            None if border && own & SIDE != 0 => 1,
            Some(other) if (own ^ other) & SIDE != 0 => 1,
            None => NONE,
            Some(_) => steps.saturating_add(1),
        };
        let mut steps = NONE;
        for y in (0..extent).rev() {
            steps = after(steps, near[y], if y + 1 < extent { Some(near[y + 1]) } else { None });
            ahead[y] = steps;
        }
        let weight = (0..=self.pass)
            .fold(1, |weight: u64, digit| weight.wrapping_mul(self.plan.digit(digit).0 as u64 + 1));
        let (mut steps, mut k) = (NONE, 0);
        for y in 0..extent {
            steps = after(steps, near[y], if y > 0 { Some(near[y - 1]) } else { None });
            let mut best = (f64::INFINITY, FAR);
            if envelope.count > 0 {
                let r = envelope.lowest(&mut k, y);
                let away = weight.wrapping_mul(r.abs_diff(y) as u64);
                best = (envelope.at(r, y), (near[r] & FAR).wrapping_add(away));
            }
            let along = steps.min(ahead[y]);
            let square = unit * (along as f64 * along as f64);
            if along != NONE && square < best.0 {
                best = (square, weight.wrapping_mul(along));
            }
            let (square, cell) = best;
            let side = near[y] & SIDE;
            let cell = match self.finish {
                Some(finish) => finish.value(square, side != 0).to_bits(),
                None if square == f64::INFINITY => side | FAR,
                None if self.plan.rounded => side | u64::from((Math::sqrt(square) as f32).to_bits()),
                None => side | cell,
            };
            if let Some(to) = cells[y].get_mut(lane) {
                *to = cell;
            }
        }
    }
}
