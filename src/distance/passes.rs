//! The passes of a transform, each divided into tasks for the executor.

use crate::checked::{divide, expected};
use crate::distance::Mask;
use crate::distance::bounding_box::{Bounds, EMPTY, FindBounds};
use crate::distance::columns::{ColumnPass, InputFormat, PassResult};
use crate::distance::conversion::Conversion;
use crate::distance::exact::ExactPass;
use crate::distance::intermediate::Intermediate;
use crate::distance::output_buffer::OutputBuffer;
use crate::distance::plan::{Axis, Plan, Precision};
use crate::distance::root::SquareRoot;
use crate::distance::rows::RowPass;
use crate::distance::squared_distance::SquaredDistance;
use crate::distance::store::fence;
use crate::distance::tile::ColumnTile;
use crate::executor::{Executor, MAX_WORKERS, WorkQueue, run_once};
use crate::simd::level::dispatch;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Number of ranges per worker into which the items of a pass are divided.
const RANGES_PER_WORKER: usize = 8;

/// Below this square the next tile is tried in u16 again: after distances of up to 200 voxels the distances of the
/// next tile are likely to stay below 256.
const RETRY_U16_BELOW: u32 = 200 * 200;

/// State shared by the tasks of one transform.
pub struct Passes<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub buffer: OutputBuffer,
    pub executor: &'a dyn Executor,
    pub workers: usize,
    pub scratch: WorkerScratch,
    /// Whether the mask has outside and inside voxels, as found by the row pass.
    pub sides_present: [AtomicBool; 2],
    /// A distance was too long for the type in use.
    pub saturated: AtomicBool,
    /// Test only: the number of ranges of tiles processed in each precision.
    #[cfg(test)]
    pub ranges_by_precision: [AtomicUsize; 3],
}

/// The scratch, divided by worker.
#[derive(Clone, Copy)]
pub struct WorkerScratch {
    pub base: *mut u8,
    pub bytes_per_worker: usize,
}

// SAFETY: `run_once` runs one task per worker at a time, so each part is used by one thread at a time.
unsafe impl Sync for WorkerScratch {}

impl WorkerScratch {
    /// Returns the scratch of a worker.
    ///
    /// # Safety
    /// The scratch has a part for `worker`, and no other task uses that part.
    unsafe fn of_worker<'a>(self, worker: usize) -> &'a mut [u8] {
        // SAFETY: as promised by the caller, the part lies in the scratch and is not aliased.
        unsafe {
            core::slice::from_raw_parts_mut(
                self.base.add(worker * self.bytes_per_worker),
                self.bytes_per_worker,
            )
        }
    }
}

impl Passes<'_> {
    /// Runs the passes along a range of column axes, numbered in the order of the passes; before the first one, the
    /// row pass. Returns false if the mask has no boundary.
    pub fn along_axes<D: Intermediate + SquareRoot, const N: usize>(
        &self,
        axes: Range<usize>,
        conversion: Option<Conversion>,
        limit: Option<D>,
        u16_unit: Option<f64>,
    ) -> bool {
        let plan = self.plan;
        let mut next = axes.start;
        if next == 0 {
            let axis = plan.axis(0);
            let limit_between = if conversion.is_none() { limit } else { None };
            let (slabs, _) = divide(plan.rows, axis.extent);
            if slabs >= self.workers && plan.column_axis_count() > 1 {
                // Rows and first columns of one slab in turn, while the slab is in the cache.
                self.for_each_range(slabs, |worker, range| {
                    for slab in range {
                        self.row_pass(worker, slab * axis.extent..(slab + 1) * axis.extent);
                        let tiles = slab * plan.blocks..(slab + 1) * plan.blocks;
                        self.column_pass::<D, N>(
                            worker,
                            (0, axis),
                            InputFormat::RowRecords,
                            None,
                            limit_between,
                            tiles,
                        );
                    }
                });
                next = 1;
            } else {
                self.for_each_range(plan.rows, |worker, range| self.row_pass(worker, range));
            }
        }
        if !self.has_boundary() {
            return false;
        }
        for index in next..axes.end {
            let axis = plan.axis(index);
            let input_format = match u16_unit {
                _ if index == 0 => InputFormat::RowRecords,
                Some(squared_spacing) if index == axes.start => InputFormat::U16(squared_spacing),
                _ => InputFormat::SameType,
            };
            let last = index + 1 == plan.column_axis_count();
            let conversion = if last { conversion } else { None };
            let limit =
                if last || u16_unit.is_none() && axes.end < plan.column_axis_count() { limit } else { None };
            let tiles = divide(plan.rows, axis.extent).0 * plan.blocks;
            let pass = (index, axis);
            self.for_each_range(tiles, |worker, tiles| {
                self.column_pass::<D, N>(worker, pass, input_format, conversion, limit, tiles)
            });
        }
        true
    }

    /// Returns whether the mask has a boundary.
    fn has_boundary(&self) -> bool {
        let [outside, inside] =
            [&self.sides_present[0], &self.sides_present[1]].map(|side| side.load(Ordering::Relaxed));
        inside && (outside || self.plan.border)
    }

    /// Returns whether a distance was too long for the type since the last call.
    pub fn take_saturated(&self) -> bool {
        self.saturated.swap(false, Ordering::Relaxed)
    }

    /// Runs all passes of an image with one column axis. No squared distances are stored between passes, so each tile
    /// uses the type that its own distances need. Returns false if the mask has no boundary.
    pub fn strips<const N: usize>(&self, conversion: Conversion, widest: Precision) -> bool {
        self.for_each_range(self.plan.rows, |worker, range| self.row_pass(worker, range));
        if !self.has_boundary() {
            return false;
        }
        let pass = (0, self.plan.axis(0));
        let u16_limit = (widest > Precision::U16).then_some(u16::SATURATED);
        let u32_limit = (widest > Precision::U32).then_some(u32::SATURATED);
        let countable = self.plan.countable;
        self.for_each_range(self.plan.blocks, |worker, mut tiles| {
            let (mut precision, mut saved_records) = (Precision::U16, 0);
            while !tiles.is_empty() {
                let range = tiles.clone();
                #[cfg(test)]
                self.ranges_by_precision[precision as usize].fetch_add(1, Ordering::Relaxed);
                let result = match precision {
                    Precision::U16 => self.strip_pass::<u16, N>(
                        worker,
                        pass,
                        conversion,
                        u16_limit,
                        None,
                        range,
                        saved_records,
                    ),
                    Precision::U32 => self.strip_pass::<u32, 32>(
                        worker,
                        pass,
                        conversion,
                        u32_limit,
                        Some(RETRY_U16_BELOW),
                        range,
                        saved_records,
                    ),
                    Precision::Exact => {
                        let next = tiles.start + 1;
                        self.exact_pass(worker, pass, Some(conversion), tiles.start..next, saved_records);
                        PassResult { next, saved_records: 0, saturated: false }
                    }
                };
                (tiles.start, saved_records) = (result.next, result.saved_records);
                // Neighbouring tiles have similar distances.
                precision = match precision {
                    Precision::U16 | Precision::Exact if countable => Precision::U32,
                    Precision::U32 if !result.saturated => Precision::U16,
                    Precision::Exact => Precision::U16,
                    _ => Precision::Exact,
                };
            }
        });
        true
    }

    /// Runs all passes in the exact precision, for distances and spacings of any size. Returns false if the mask has
    /// no boundary.
    pub fn exact(&self, conversion: Conversion) -> bool {
        let plan = self.plan;
        self.for_each_range(plan.rows, |worker, range| self.row_pass(worker, range));
        if !self.has_boundary() {
            return false;
        }
        for index in 0..plan.column_axis_count() {
            let axis = plan.axis(index);
            let conversion = if index + 1 == plan.column_axis_count() { Some(conversion) } else { None };
            let tiles = divide(plan.rows, axis.extent).0 * plan.blocks;
            self.for_each_range(tiles, |worker, tiles| {
                self.exact_pass(worker, (index, axis), conversion, tiles, 0)
            });
        }
        true
    }

    /// Divides `items` into ranges, which workers take from a shared counter: the time per range depends on the
    /// distances.
    pub fn for_each_range(&self, items: usize, run: impl Fn(usize, Range<usize>) + Sync) {
        let tasks = items.min(self.workers).min(MAX_WORKERS);
        let ranges = if tasks > 1 { items.min(tasks * RANGES_PER_WORKER) } else { tasks };
        let length = items.checked_div(ranges).unwrap_or(0);
        let longer = items - length * ranges;
        let queue = WorkQueue::new(ranges);
        run_once(self.executor, tasks, &|worker| {
            while let Some(index) = queue.take() {
                let begin = index * length + index.min(longer);
                run(worker, begin..begin + length + usize::from(index < longer));
            }
            fence();
        });
    }

    /// Returns the bounds of the inside.
    pub fn bounding_box(&self) -> Bounds {
        let low = EMPTY.map(|[low, _]| AtomicUsize::new(low));
        let high = EMPTY.map(|[_, high]| AtomicUsize::new(high));
        let (plan, longest) = (self.plan, self.plan.longest());
        self.for_each_range(plan.rows, |worker, rows| {
            // SAFETY: `run_once` runs one task per worker at a time.
            let scratch = unsafe { self.scratch.of_worker(worker) };
            let Some(tile) = expected(ColumnTile::<u16, 32>::new(scratch, longest, plan.width)) else {
                return;
            };
            let found = dispatch(FindBounds { plan, mask: self.mask, rows, words: tile.mask_words });
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

    fn row_pass(&self, worker: usize, rows: Range<usize>) {
        let (plan, longest) = (self.plan, self.plan.longest());
        // SAFETY: `run_once` runs one task per worker at a time.
        let scratch = unsafe { self.scratch.of_worker(worker) };
        let Some(tile) = expected(ColumnTile::<u16, 32>::new(scratch, longest, plan.width)) else { return };
        let found =
            dispatch(RowPass { plan, mask: self.mask, buffer: self.buffer, rows, words: tile.mask_words });
        for (present, found) in self.sides_present.iter().zip(found) {
            present.fetch_or(found, Ordering::Relaxed);
        }
    }

    fn column_pass<D: Intermediate + SquareRoot, const N: usize>(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        input_format: InputFormat,
        conversion: Option<Conversion>,
        limit: Option<D>,
        tiles: Range<usize>,
    ) {
        // A saturated distance in the last pass repeats the whole transform in a wider type.
        if conversion.is_some() && self.saturated.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: `run_once` runs one task per worker at a time.
        let scratch = unsafe { self.scratch.of_worker(worker) };
        let (plan, buffer) = (self.plan, self.buffer);
        let column_pass = ColumnPass::<D, N> {
            plan,
            pass,
            axis,
            buffer,
            input_format,
            conversion,
            limit,
            stop_below: None,
            tiles,
            saved_records: 0,
            scratch,
        };
        if dispatch(column_pass).saturated {
            self.saturated.store(true, Ordering::Relaxed);
        }
    }

    /// Processes tiles of the only column axis until one of them needs another type.
    #[expect(clippy::too_many_arguments, reason = "one for each difference between the precisions")]
    fn strip_pass<D: Intermediate + SquareRoot, const N: usize>(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        conversion: Conversion,
        limit: Option<D>,
        stop_below: Option<D>,
        tiles: Range<usize>,
        saved_records: usize,
    ) -> PassResult {
        // SAFETY: `run_once` runs one task per worker at a time.
        let scratch = unsafe { self.scratch.of_worker(worker) };
        dispatch(ColumnPass::<D, N> {
            plan: self.plan,
            pass,
            axis,
            buffer: self.buffer,
            input_format: InputFormat::RowRecords,
            conversion: Some(conversion),
            limit,
            stop_below,
            tiles,
            saved_records,
            scratch,
        })
    }

    fn exact_pass(
        &self,
        worker: usize,
        (pass, axis): (usize, Axis),
        conversion: Option<Conversion>,
        tiles: Range<usize>,
        saved_records: usize,
    ) {
        // SAFETY: `run_once` runs one task per worker at a time.
        let scratch = unsafe { self.scratch.of_worker(worker) };
        ExactPass {
            plan: self.plan,
            pass,
            axis,
            buffer: self.buffer,
            conversion,
            tiles,
            saved_records,
            scratch,
        }
        .run();
    }
}
