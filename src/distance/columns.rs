//! A pass along one axis: load a tile, add the axis, write it back as squares or as distances.
//!
//! One set of passes gives both sides. With `near` the squared distance over the earlier axes *to the
//! other side*, and `h` the distance along this axis to it,
//!
//! ```text
//! best(y) = min( h(y)²,  min over r of near(r) + (y − r)² )
//! ```
//!
//! holds without asking whether voxel `r` is on the side of voxel `y`: if it is not, then
//! `|y − r| ≥ h(y)` already.

use super::across::{across, expand};
use super::canvas::Canvas;
use super::cell::Cell;
use super::emit::{Finish, Place};
use super::lower::extremes;
use super::plan::{Axis, Plan};
use super::root::Root;
use super::rows::Record;
use super::slots::Slot;
use super::solve::Column;
use super::tile::{Tile, Window, tile_rows};
use crate::engine::prefetch::prefetch;
use crate::engine::simd::Kernel;
use core::ops::Range;

/// Where a tile's squares come from.
#[derive(Clone, Copy)]
pub enum Source {
    /// The first pass.
    Records,
    /// A pass with the same cells.
    Same,
    /// A pass in u16, in units of this square.
    Narrow(f64),
}

/// What became of a run of tiles.
#[derive(Clone, Copy)]
pub struct Outcome {
    /// The first tile that is not done.
    pub next: usize,
    /// How many of its records have been saved.
    pub saved: usize,
    /// A distance was found that is too far for the cell.
    pub far: bool,
}

/// The pass over a range of tiles: those of the first block of all columns, then of the second.
///
/// The last pass stops before it writes a tile with a distance that is too far for the cell, and wide cells stop after
/// a tile that narrow ones would have held.
pub struct Columns<'a, C: Cell, const N: usize> {
    pub plan: &'a Plan,
    /// Which axis, in the order of passes.
    pub pass: usize,
    pub axis: Axis,
    pub canvas: Canvas,
    pub source: Source,
    /// None: squares, for the next pass.
    pub finish: Option<Finish>,
    /// Look for squares of at least this; before the last pass, for any that are far but not nowhere.
    pub limit: Option<C>,
    /// Stop after a tile whose squares are all below this.
    pub enough: Option<C>,
    pub tiles: Range<usize>,
    /// How many records of the first tile have been saved.
    pub saved: usize,
    pub scratch: &'a mut [u8],
}

impl<C: Slot + Root, const N: usize> Kernel for Columns<'_, C, N> {
    type Output = Outcome;

    #[inline(always)]
    fn run(mut self) -> Outcome {
        let extent = self.axis.extent;
        let mut outcome = Outcome { next: self.tiles.end, saved: 0, far: false };
        let (longest, width) = (self.plan.longest(), self.plan.width);
        let Some(mut tile) = Tile::<C, N>::new(core::mem::take(&mut self.scratch), longest, width) else {
            return outcome;
        };
        // The squares that all tiles of the axis look up.
        let centre = tile_rows::<C>(extent) - 1;
        for (i, step) in tile.steps.run_mut(..).iter_mut().enumerate().take(2 * centre + 1) {
            *step = C::square(i.abs_diff(centre), self.axis.unit);
        }
        let mut loaded = false;
        for item in self.tiles.clone() {
            let block = self.place(item);
            let mut top = C::ZERO;
            // Cells that are wider than those of the plan take a block in parts.
            for start in (0..block.width).step_by(N) {
                let place =
                    Place { first: block.first + start, width: (block.width - start).min(N), ..block };
                let mut window = Window::first::<C>(extent);
                // SAFETY: the tile's columns lie in the canvas, and tiles have no voxel in common.
                unsafe {
                    if !loaded {
                        self.load(&mut tile, block, start, 0, 0..window.rows);
                    }
                    loop {
                        let column = Column::new(&tile, self.axis.unit, centre, window);
                        across(&mut tile, self.plan, self.axis, window);
                        let next = window.next(extent);
                        if let Some(next) = next {
                            tile.keep(next.base - window.base..window.rows);
                        }
                        column.solve(&mut tile);
                        let rows = tile.best.run(window.begin..window.end);
                        if self.finish.is_none() {
                            // A window is a part of the column. Whether squares of the whole saturate is not known: it counts as far.
                            outcome.far |= self.limit.is_some() && (window.rows < extent || saturates(rows));
                        } else if self.limit.is_some() || self.enough.is_some() {
                            top = top.most(highest(rows));
                            if self.limit.is_some_and(|limit| !top.below(limit)) {
                                return Outcome { next: item, saved: window.base + window.rows, far: true };
                            }
                        }
                        // Rows of a later pass are further apart than the CPU looks ahead, and often in the same set of
                        // its caches: the next tile comes in while the roots of this one are taken.
                        let follows = item + 1 < self.tiles.end && window.rows == extent;
                        loaded = self.finish.is_some() && follows && !matches!(self.source, Source::Records);
                        let ahead = if loaded { Some(self.place(item + 1)) } else { None };
                        self.store(&mut tile, place, window, ahead);
                        let Some(next) = next else { break };
                        let known = window.base + window.rows;
                        tile.restore(next.base - window.base..window.rows);
                        self.load(&mut tile, block, start, next.base, known..next.base + next.rows);
                        window = next;
                    }
                }
            }
            self.saved = 0;
            if self.enough.is_some_and(|enough| top.below(enough)) {
                return Outcome { next: item + 1, ..outcome };
            }
        }
        outcome
    }
}

/// Rows of the next tile that are on their way.
const AHEAD: usize = 8;

#[inline(always)]
fn divide(number: usize, by: usize) -> (usize, usize) {
    let quotient = number.checked_div(by).unwrap_or(0);
    (quotient, number - quotient * by)
}

impl<C: Slot + Root, const N: usize> Columns<'_, C, N> {
    /// Tiles side by side in memory are neighbours: block fastest, then row, then the axes before.
    #[inline(always)]
    fn place(&self, item: usize) -> Place {
        let plan = self.plan;
        let (column, block) = divide(item, plan.blocks);
        let (start, width) = plan.block(block);
        let first = plan.row(column, Some(self.pass)) * plan.pitch + plan.skip + start;
        Place { canvas: self.canvas, first, pitch: self.axis.stride * plan.pitch, width }
    }

    /// Loads `rows` of a column, the lanes of a block from `start` on, into a tile that begins at row `base`.
    ///
    /// # Safety
    /// The rows of the block lie in the canvas and hold `self.source`, but for records that have been saved.
    #[inline(always)]
    unsafe fn load(
        &self,
        tile: &mut Tile<C, N>,
        block: Place,
        start: usize,
        base: usize,
        rows: Range<usize>,
    ) {
        let last = self.axis.extent - 1;
        let Place { canvas, first, pitch, width } = block;
        for y in rows {
            let row = &mut tile.near[y - base];
            // SAFETY: promised by the caller.
            tile.sides[y - base] = unsafe {
                if !matches!(self.source, Source::Records) {
                    let ahead = canvas.at(first + (y + AHEAD).min(last) * pitch);
                    prefetch(ahead, size_of::<C>() * N + 8);
                    self.load_row(row, block, y)
                } else {
                    let record = if self.finish.is_some() {
                        if start == 0 && y >= self.saved {
                            // Each is in a line and, where rows are long, a page of its own.
                            let ahead = first + (y + 2 * AHEAD).min(last) * pitch;
                            prefetch(canvas.at(ahead), size_of::<Record>());
                            let at = canvas.at(first + y * pitch);
                            if self.finish.is_some_and(|finish| !finish.stream) {
                                prefetch(at.wrapping_add(64), canvas.element * width.max(16) - 64);
                            }
                            tile.saved[y] = Record::get(at, width, self.plan);
                        }
                        tile.saved[y]
                    } else {
                        let at = canvas.at(first + y * pitch);
                        // Where squares and sides will wait, beyond the record.
                        prefetch(at.wrapping_add(64), size_of::<C>() * N + 8 - 64);
                        Record::get(at, width, self.plan)
                    };
                    expand(row, record, start, width, self.plan);
                    record.bits >> start
                }
            };
        }
    }

    /// # Safety
    /// As for `load`, and the row holds squares.
    #[inline(always)]
    unsafe fn load_row(&self, row: &mut [C; N], place: Place, y: usize) -> u64 {
        let narrow = if let Source::Narrow(unit) = self.source { Some(unit) } else { None };
        // SAFETY: promised by the caller.
        unsafe {
            let at = place.canvas.at(place.first + y * place.pitch);
            C::get(row, !self.plan.one_sided, narrow, at, place.width)
        }
    }

    /// Writes the rows that a window has solved.
    ///
    /// # Safety
    /// As for `load`; nobody else touches these rows, nor those of `next`, which are loaded.
    #[inline(always)]
    unsafe fn store(&self, tile: &mut Tile<C, N>, place: Place, window: Window, next: Option<Place>) {
        let Window { base, begin, end, .. } = window;
        let rows = tile.best.run(begin..end);
        let place = Place { first: place.first + (base + begin) * place.pitch, ..place };
        let Some(finish) = self.finish else {
            for ((row, &sides), y) in rows.iter().zip(tile.sides.run(begin..)).zip(0..) {
                let sides = if self.plan.one_sided { None } else { Some(sides) };
                // SAFETY: promised by the caller.
                unsafe { C::put(row, sides, self.canvas.at(place.first + y * place.pitch), place.width) };
            }
            return;
        };
        let (near, sides, last) = (&mut tile.near, &mut tile.sides, self.axis.extent - 1);
        // SAFETY: promised by the caller; a window that is followed by another tile is a whole column.
        unsafe {
            finish.rows(
                rows,
                #[inline(always)]
                |y| {
                    let side = sides[begin + y];
                    if let Some(next) = next {
                        let ahead = next.first + (y + AHEAD).min(last) * next.pitch;
                        prefetch(self.canvas.at(ahead), size_of::<C>() * N + 8);
                        sides[y] = self.load_row(&mut near[y], next, y);
                    }
                    side
                },
                place,
            );
        }
    }
}

/// The largest lane; those that are no voxels are 0.
#[inline(always)]
fn highest<C: Cell, const N: usize>(rows: &[[C; N]]) -> C {
    let [_, top] = extremes(rows);
    top.iter().fold(C::ZERO, |top, &lane| top.most(lane))
}

/// Whether a column has near and far, so that far is not nowhere.
#[inline(always)]
fn saturates<C: Cell, const N: usize>(rows: &[[C; N]]) -> bool {
    let [low, top] = extremes(rows);
    low.iter().zip(&top).any(|(low, top)| low.below(C::FAR) && !top.below(C::FAR))
}
