//! The passes, each cut into tasks.

use crate::distance::Mask;
use crate::distance::canvas::OutputBuffer;
use crate::distance::cell::Cell;
use crate::distance::columns::{Columns, Outcome, Source};
use crate::distance::crop::{Bounds, EMPTY, Survey};
use crate::distance::emit::Conversion;
use crate::distance::exact::Exact;
use crate::distance::plan::{Axis, Cells, Plan};
use crate::distance::root::Root;
use crate::distance::rows::Rows;
use crate::distance::slots::Slot;
use crate::distance::store::fence;
use crate::distance::tile::Tile;
use crate::executor::{Executor, MAX_WORKERS, WorkQueue, run_once};
use crate::simd::level::dispatch;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Runs for each worker.
const RUNS: usize = 8;

/// Where narrow cells are tried again: with distances up to 200 voxels the next tile is likely to stay below 256.
const ENOUGH: u32 = 200 * 200;

/// What all tasks of a transform know.
pub struct Sweep<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub canvas: OutputBuffer,
    pub executor: &'a dyn Executor,
    pub workers: usize,
    pub scratch: Slots,
    /// Sides that were seen: outside, inside.
    pub seen: [AtomicBool; 2],
    /// A distance was found that the cell does not hold.
    pub too_far: AtomicBool,
    /// How many runs of tiles each kind of cells has had.
    #[cfg(test)]
    pub runs: [AtomicUsize; 3],
}

/// The scratch, by worker.
#[derive(Clone, Copy)]
pub struct Slots {
    pub base: *mut u8,
    pub each: usize,
}

// SAFETY: `run_once` gives each slot to one task at a time.
unsafe impl Sync for Slots {}

impl Slots {
    /// # Safety
    /// `worker` is one of those the scratch was cut for, and nobody else has its slot.
    unsafe fn get<'a>(self, worker: usize) -> &'a mut [u8] {
        // SAFETY: promised by the caller.
        unsafe { core::slice::from_raw_parts_mut(self.base.add(worker * self.each), self.each) }
    }
}

impl Sweep<'_> {
    /// Passes along column axes, counted from the rows; before the first of all, along the rows. False if there is
    /// no boundary to measure to.
    pub fn passes<C: Slot + Root, const N: usize>(
        &self,
        axes: Range<usize>,
        finish: Option<Conversion>,
        limit: Option<C>,
        narrow: Option<f64>,
    ) -> bool {
        let plan = self.plan;
        let mut next = axes.start;
        if next == 0 {
            let axis = plan.axis(0);
            let look = if finish.is_none() { limit } else { None };
            let slabs = plan.rows.checked_div(axis.extent).unwrap_or(0);
            if slabs >= self.workers && plan.count() > 1 {
                // Rows and first columns of a slab while it is in the cache.
                self.split(slabs, |worker, range| {
                    for slab in range {
                        self.rows(worker, slab * axis.extent..(slab + 1) * axis.extent);
                        let tiles = slab * plan.blocks..(slab + 1) * plan.blocks;
                        self.columns::<C, N>(worker, (0, axis), Source::Records, None, look, tiles);
                    }
                });
                next = 1;
            } else {
                self.split(plan.rows, |worker, range| self.rows(worker, range));
            }
        }
        if !self.has_boundary() {
            return false;
        }
        for index in next..axes.end {
            let axis = plan.axis(index);
            let source = match narrow {
                _ if index == 0 => Source::Records,
                Some(unit) if index == axes.start => Source::Narrow(unit),
                _ => Source::Same,
            };
            let last = index + 1 == plan.count();
            let finish = if last { finish } else { None };
            let limit = if last || narrow.is_none() && axes.end < plan.count() { limit } else { None };
            let tiles = plan.rows.checked_div(axis.extent).unwrap_or(0) * plan.blocks;
            let pass = (index, axis);
            self.split(tiles, |worker, tiles| {
                self.columns::<C, N>(worker, pass, source, finish, limit, tiles)
            });
        }
        true
    }

    /// Whether there is something to measure to.
    fn has_boundary(&self) -> bool {
        let [outside, inside] = [&self.seen[0], &self.seen[1]].map(|seen| seen.load(Ordering::Relaxed));
        inside && (outside || self.plan.border)
    }

    /// Whether a distance was too far for its cell, since this was asked last.
    pub fn is_too_far(&self) -> bool {
        self.too_far.swap(false, Ordering::Relaxed)
    }

    /// All passes of an image with one column axis: nothing waits between passes, so every tile has the cells that its
    /// own distances need. False if there is no boundary to measure to.
    pub fn strips<const N: usize>(&self, finish: Conversion, widest: Cells) -> bool {
        self.split(self.plan.rows, |worker, range| self.rows(worker, range));
        if !self.has_boundary() {
            return false;
        }
        let pass = (0, self.plan.axis(0));
        let narrow = (widest > Cells::Narrow).then_some(u16::FAR);
        let wide = (widest > Cells::Wide).then_some(u32::FAR);
        let countable = self.plan.countable;
        self.split(self.plan.blocks, |worker, mut tiles| {
            let (mut cells, mut saved) = (Cells::Narrow, 0);
            while !tiles.is_empty() {
                let run = tiles.clone();
                #[cfg(test)]
                self.runs[cells as usize].fetch_add(1, Ordering::Relaxed);
                let outcome = match cells {
                    Cells::Narrow => self.strip::<u16, N>(worker, pass, finish, narrow, None, run, saved),
                    Cells::Wide => {
                        self.strip::<u32, 32>(worker, pass, finish, wide, Some(ENOUGH), run, saved)
                    }
                    Cells::Exact => {
                        let next = tiles.start + 1;
                        self.exactly(worker, pass, Some(finish), tiles.start..next, saved);
                        Outcome { next, saved: 0, far: false }
                    }
                };
                (tiles.start, saved) = (outcome.next, outcome.saved);
                // Neighbouring tiles are alike.
                cells = match cells {
                    Cells::Narrow | Cells::Exact if countable => Cells::Wide,
                    Cells::Wide if !outcome.far => Cells::Narrow,
                    Cells::Exact => Cells::Narrow,
                    _ => Cells::Exact,
                };
            }
        });
        true
    }

    /// All passes, for distances and spacings of any size. False if there is no boundary to measure to.
    pub fn exact(&self, finish: Conversion) -> bool {
        let plan = self.plan;
        self.split(plan.rows, |worker, range| self.rows(worker, range));
        if !self.has_boundary() {
            return false;
        }
        for index in 0..plan.count() {
            let axis = plan.axis(index);
            let finish = if index + 1 == plan.count() { Some(finish) } else { None };
            let tiles = plan.rows.checked_div(axis.extent).unwrap_or(0) * plan.blocks;
            self.split(tiles, |worker, tiles| self.exactly(worker, (index, axis), finish, tiles, 0));
        }
        true
    }

    /// Cuts `items` into runs. Workers take one after the other: where distances are long a run takes longer.
    pub fn split(&self, items: usize, run: impl Fn(usize, Range<usize>) + Sync) {
        let tasks = items.min(self.workers).min(MAX_WORKERS);
        let runs = if tasks > 1 { items.min(tasks * RUNS) } else { tasks };
        let share = items.checked_div(runs).unwrap_or(0);
        let more = items - share * runs;
        let deal = WorkQueue::new(runs);
        run_once(self.executor, tasks, &|worker| {
            while let Some(index) = deal.take() {
                let begin = index * share + index.min(more);
                run(worker, begin..begin + share + usize::from(index < more));
            }
            fence();
        });
    }

    /// The bounds of the inside.
    pub fn survey(&self) -> Bounds {
        let low = EMPTY.map(|[low, _]| AtomicUsize::new(low));
        let high = EMPTY.map(|[_, high]| AtomicUsize::new(high));
        let (plan, longest) = (self.plan, self.plan.longest());
        self.split(plan.rows, |worker, rows| {
            // SAFETY: as in `rows`.
            let scratch = unsafe { self.scratch.get(worker) };
            let Some(tile) = Tile::<u16, 32>::new(scratch, longest, plan.width) else { return };
            let found = dispatch(Survey { plan, mask: self.mask, rows, words: tile.words });
            for ((low, high), [first, last]) in low.iter().zip(&high).zip(found) {
                low.fetch_min(first, Ordering::Relaxed);
                high.fetch_max(last, Ordering::Relaxed);
            }
        });
        let mut bounds = EMPTY;
        for ((bound, low), high) in bounds.iter_mut().zip(&low).zip(&high) {
            *bound = [low.load(Ordering::Relaxed), high.load(Ordering::Relaxed)];
        }
        bounds
    }

    fn rows(&self, worker: usize, rows: Range<usize>) {
        let (plan, longest) = (self.plan, self.plan.longest());
        // SAFETY: `run_once` runs one task for each worker at a time.
        let scratch = unsafe { self.scratch.get(worker) };
        let Some(tile) = Tile::<u16, 32>::new(scratch, longest, plan.width) else { return };
        let seen = dispatch(Rows { plan, mask: self.mask, canvas: self.canvas, rows, words: tile.words });
        for (all, seen) in self.seen.iter().zip(seen) {
            all.fetch_or(seen, Ordering::Relaxed);
        }
    }

    fn columns<C: Slot + Root, const N: usize>(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        source: Source,
        finish: Option<Conversion>,
        limit: Option<C>,
        tiles: Range<usize>,
    ) {
        // What is too far in the last pass sends all of it round again.
        if finish.is_some() && self.too_far.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: as above.
        let scratch = unsafe { self.scratch.get(worker) };
        let (plan, canvas) = (self.plan, self.canvas);
        let of_axis = Columns::<C, N> {
            plan,
            pass,
            axis,
            canvas,
            source,
            finish,
            limit,
            enough: None,
            tiles,
            saved: 0,
            scratch,
        };
        if dispatch(of_axis).far {
            self.too_far.store(true, Ordering::Relaxed);
        }
    }

    /// Tiles of the only column axis, until one of them wants other cells.
    #[expect(clippy::too_many_arguments, reason = "what differs between cells")]
    fn strip<C: Slot + Root, const N: usize>(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        finish: Conversion,
        limit: Option<C>,
        enough: Option<C>,
        tiles: Range<usize>,
        saved: usize,
    ) -> Outcome {
        // SAFETY: as above.
        let scratch = unsafe { self.scratch.get(worker) };
        dispatch(Columns::<C, N> {
            plan: self.plan,
            pass,
            axis,
            canvas: self.canvas,
            source: Source::Records,
            finish: Some(finish),
            limit,
            enough,
            tiles,
            saved,
            scratch,
        })
    }

    fn exactly(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        finish: Option<Conversion>,
        tiles: Range<usize>,
        saved: usize,
    ) {
        // SAFETY: as above.
        let scratch = unsafe { self.scratch.get(worker) };
        Exact { plan: self.plan, pass, axis, canvas: self.canvas, finish, tiles, saved, scratch }.run();
    }
}
