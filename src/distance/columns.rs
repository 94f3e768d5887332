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

use super::across::{across, expand, gap_reach};
use super::canvas::Canvas;
use super::cell::Cell;
use super::emit::{Finish, Place};
use super::plan::{Axis, Plan};
use super::root::Root;
use super::rows::Record;
use super::slots::Slot;
use super::solve::Column;
use super::tile::Tile;
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

/// The pass over a range of tiles: those of the first block of all columns, then of the second.
/// Returns whether a distance that was looked for was found too far for the cell.
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
    pub tiles: Range<usize>,
    pub scratch: &'a mut [u8],
}

impl<C: Slot + Root, const N: usize> Kernel for Columns<'_, C, N> {
    type Output = bool;

    #[inline(always)]
    fn run(mut self) -> bool {
        let axis = self.axis;
        let (longest, width) = (self.plan.longest(), self.plan.width);
        let Some(mut tile) = Tile::<C, N>::new(core::mem::take(&mut self.scratch), longest, width) else {
            return false;
        };
        self.tables(&mut tile);
        let mut too_far = false;
        let mut loaded = false;
        let end = self.tiles.end;
        for item in self.tiles.clone() {
            let place = self.place(item);
            // SAFETY: the tile's columns lie in the canvas, and tiles have no voxel in common.
            unsafe {
                if !loaded {
                    self.load(&mut tile, place);
                }
                let column = Column::new(tile.near.run(..axis.extent), axis.unit);
                across(&mut tile, self.plan, axis);
                column.solve(&mut tile);
                // Rows of a later pass are further apart than the CPU looks ahead, and often in the same set of
                // its caches: the next tile comes in while the roots of this one are taken.
                loaded = self.finish.is_some() && item + 1 < end && !matches!(self.source, Source::Records);
                let next = if loaded { Some(self.place(item + 1)) } else { None };
                too_far |= self.store(&mut tile, place, next);
            }
        }
        too_far
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
    /// The squares that all tiles of the axis look up.
    #[inline(always)]
    fn tables(&self, tile: &mut Tile<C, N>) {
        let extent = self.axis.extent;
        for (i, step) in tile.steps.run_mut(..).iter_mut().enumerate().take(2 * extent - 1) {
            *step = C::square(i.abs_diff(extent - 1), self.axis.unit);
        }
        if matches!(self.source, Source::Records) {
            // Lane − change: the voxel right of a change is one step from the side it left.
            let centre = gap_reach::<C>(self.plan.width, N);
            for (i, gap) in tile.gaps.run_mut(..).iter_mut().enumerate() {
                let steps = if i >= centre { i - centre + 1 } else { centre - i };
                *gap = C::square(steps, self.plan.unit);
            }
        }
    }

    /// Tiles side by side in memory are neighbours: block fastest, then row, then the axes before.
    #[inline(always)]
    fn place(&self, item: usize) -> Place {
        let plan = self.plan;
        let (column, block) = divide(item, plan.blocks);
        let (start, width) = plan.block(block);
        let first = plan.row(column, Some(self.pass)) * plan.pitch + plan.skip + start;
        Place { canvas: self.canvas, first, pitch: self.axis.stride * plan.pitch, width }
    }

    /// # Safety
    /// The rows of `place` lie in the canvas and hold `self.source`.
    #[inline(always)]
    unsafe fn load(&self, tile: &mut Tile<C, N>, place: Place) {
        for y in 0..self.axis.extent {
            // SAFETY: promised by the caller.
            tile.sides[y] = unsafe { self.load_row(&mut tile.near[y], tile.gaps.run(..), place, y) };
        }
    }

    /// # Safety
    /// As for `load`, and `y` is one of the rows.
    #[inline(always)]
    unsafe fn load_row(&self, row: &mut [C; N], gaps: &[C], place: Place, y: usize) -> u64 {
        let Place { canvas, first, pitch, width } = place;
        // SAFETY: promised by the caller.
        unsafe {
            let at = canvas.at(first + y * pitch);
            let sided = !self.plan.one_sided;
            match self.source {
                Source::Records => {
                    if self.finish.is_none() {
                        // Where squares and sides will wait, beyond the record.
                        prefetch(at.wrapping_add(64), size_of::<C>() * N + 8 - 64);
                    } else if self.finish.is_some_and(|finish| !finish.stream) {
                        prefetch(at.wrapping_add(64), canvas.element * N - 64);
                    }
                    let record = Record::get(at, width, self.plan);
                    expand(row, record, width, gaps, self.plan);
                    record.bits
                }
                Source::Same => C::get(row, sided, None, at, width),
                Source::Narrow(unit) => C::get(row, sided, Some(unit), at, width),
            }
        }
    }

    /// # Safety
    /// As for `load`; nobody else touches these rows, nor those of `next`, which are loaded.
    #[inline(always)]
    unsafe fn store(&self, tile: &mut Tile<C, N>, place: Place, next: Option<Place>) -> bool {
        let extent = self.axis.extent;
        let rows = tile.best.run(..extent);
        let Some(finish) = self.finish else {
            for ((row, &sides), y) in rows.iter().zip(tile.sides.run(..)).zip(0..) {
                let sides = if self.plan.one_sided { None } else { Some(sides) };
                // SAFETY: promised by the caller.
                unsafe { C::put(row, sides, self.canvas.at(place.first + y * place.pitch), place.width) };
            }
            return self.limit.is_some() && saturates(rows);
        };
        let (near, sides, gaps) = (&mut tile.near, &mut tile.sides, tile.gaps.run(..));
        // SAFETY: promised by the caller.
        unsafe {
            finish.rows(
                rows,
                #[inline(always)]
                |y| {
                    let side = sides[y];
                    if let Some(next) = next {
                        let ahead = next.first + (y + AHEAD).min(extent - 1) * next.pitch;
                        prefetch(self.canvas.at(ahead), size_of::<C>() * N + 8);
                        sides[y] = self.load_row(&mut near[y], gaps, next, y);
                    }
                    side
                },
                place,
            );
        }
        self.limit.is_some_and(|limit| exceeds(rows, place.width, limit))
    }
}

/// Whether any of the first `width` lanes is at least `limit`.
#[inline(always)]
fn exceeds<C: Cell, const N: usize>(rows: &[[C; N]], width: usize, limit: C) -> bool {
    let mut top = [C::ZERO; N];
    for row in rows {
        for i in 0..N {
            top[i] = top[i].most(row[i]);
        }
    }
    top.iter().take(width).any(|top| !top.below(limit))
}

/// Whether a column has near and far, so that far is not nowhere.
#[inline(always)]
fn saturates<C: Cell, const N: usize>(rows: &[[C; N]]) -> bool {
    let (mut low, mut top) = ([C::FAR; N], [C::ZERO; N]);
    for row in rows {
        for i in 0..N {
            low[i] = low[i].least(row[i]);
            top[i] = top[i].most(row[i]);
        }
    }
    low.iter().zip(&top).any(|(low, top)| low.below(C::FAR) && !top.below(C::FAR))
}
