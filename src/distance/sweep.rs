//! The passes, each cut into tasks.

use super::Mask;
use super::canvas::Canvas;
use super::columns::{Columns, Source};
use super::crop::{Bounds, EMPTY, Survey};
use super::emit::Finish;
use super::plan::{Axis, Plan};
use super::root::Root;
use super::rows::Rows;
use super::slots::Slot;
use super::store::fence;
use super::tile::Tile;
use crate::engine::simd::dispatch;
use crate::executor::{Deal, Executor, MAX_WORKERS, run_once};
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Runs for each worker.
const RUNS: usize = 8;

/// What all tasks of a transform know.
pub struct Sweep<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub canvas: Canvas,
    pub executor: &'a dyn Executor,
    pub workers: usize,
    pub scratch: Slots,
    /// Sides that were seen: outside, inside.
    pub seen: [AtomicBool; 2],
    /// A distance was found that the cell does not hold.
    pub too_far: AtomicBool,
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
        finish: Option<Finish>,
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
                        self.rows::<C, N>(worker, slab * axis.extent..(slab + 1) * axis.extent);
                        let tiles = slab * plan.blocks..(slab + 1) * plan.blocks;
                        self.columns::<C, N>(worker, (0, axis), Source::Records, None, look, tiles);
                    }
                });
                next = 1;
            } else {
                self.split(plan.rows, |worker, range| self.rows::<C, N>(worker, range));
            }
        }
        let [outside, inside] = [&self.seen[0], &self.seen[1]].map(|seen| seen.load(Ordering::Relaxed));
        if !(inside && (outside || plan.border)) {
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

    /// Cuts `items` into runs. Workers take one after the other: where distances are long a run takes longer.
    pub fn split(&self, items: usize, run: impl Fn(usize, Range<usize>) + Sync) {
        let tasks = items.min(self.workers).min(MAX_WORKERS);
        let runs = if tasks > 1 { items.min(tasks * RUNS) } else { tasks };
        let share = items.checked_div(runs).unwrap_or(0);
        let more = items - share * runs;
        let deal = Deal::new(runs);
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

    fn rows<C: Slot + Root, const N: usize>(&self, worker: usize, rows: Range<usize>) {
        let (plan, longest) = (self.plan, self.plan.longest());
        // SAFETY: `run_once` runs one task for each worker at a time.
        let scratch = unsafe { self.scratch.get(worker) };
        let Some(tile) = Tile::<C, N>::new(scratch, longest, plan.width) else { return };
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
        finish: Option<Finish>,
        limit: Option<C>,
        tiles: Range<usize>,
    ) {
        // SAFETY: as above.
        let scratch = unsafe { self.scratch.get(worker) };
        let pass = Columns::<C, N> {
            plan: self.plan,
            pass,
            axis,
            canvas: self.canvas,
            source,
            finish,
            limit,
            tiles,
            scratch,
        };
        if dispatch(pass) {
            self.too_far.store(true, Ordering::Relaxed);
        }
    }
}
