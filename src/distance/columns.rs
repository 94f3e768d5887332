//! The pass along one column axis: loads a tile, adds the axis, and writes squared distances or the final output.
//!
//! One set of passes computes the distances of both sides. Let `input` be the squared distance over the earlier axes
//! to the nearest voxel *of the other side*, and `h` the distance along this axis to the nearest change of side. Then
//!
//! ```text
//! minimum(y) = min( h(y)²,  min over r of  input(r) + w²·(y − r)² )
//! ```
//!
//! holds without a test whether voxel `r` is on the same side as voxel `y`: if it is not, then `w·|y − r| ≥ h(y)`.

use crate::checked::{divide, expected};
use crate::distance::column_solver::ColumnSolver;
use crate::distance::conversion::Conversion;
use crate::distance::intermediate::Intermediate;
use crate::distance::min_plus::lane_extremes;
use crate::distance::output_buffer::{OutputBuffer, TileRows};
use crate::distance::plan::{Axis, Plan};
use crate::distance::root::SquareRoot;
use crate::distance::rows::RowRecord;
use crate::distance::run_distance::{initialize_minima, row_squares};
use crate::distance::squared_distance::SquaredDistance;
use crate::distance::tile::{ColumnTile, Window, tile_rows};
use crate::simd::level::Kernel;
use crate::simd::prefetch::prefetch;
use core::ops::Range;

/// The format of a tile's input in the output buffer.
#[derive(Clone, Copy)]
pub enum InputFormat {
    /// Row records, written by the row pass.
    RowRecords,
    /// Squared distances in the type of this pass.
    SameType,
    /// Squared distances in u16, in units of this square.
    U16(f64),
}

/// The result of a pass over a range of tiles.
#[derive(Clone, Copy)]
pub struct PassResult {
    /// The first tile that is not finished.
    pub next: usize,
    /// The number of row records of that tile that are saved in scratch.
    pub saved_records: usize,
    /// A distance is too long for the type.
    pub saturated: bool,
}

/// A pass over a range of tiles: the tiles of the first block of all columns, then those of the second block, and so
/// on.
///
/// The last pass stops before it writes a tile with a distance that is too long for the type. With `stop_below` it
/// also stops after a tile whose distances a narrower type would have held.
pub struct ColumnPass<'a, D: SquaredDistance, const N: usize> {
    pub plan: &'a Plan,
    /// Number of the axis, in the order of the passes.
    pub pass: usize,
    pub axis: Axis,
    pub buffer: OutputBuffer,
    pub input_format: InputFormat,
    /// Conversion to the output in the last pass. `None`: squared distances for the next pass.
    pub conversion: Option<Conversion>,
    /// Report squares of at least this limit as saturated. Before the last pass: report columns in which some squares
    /// saturate and others do not.
    pub limit: Option<D>,
    /// Stop after a tile whose squares are all below this.
    pub stop_below: Option<D>,
    pub tiles: Range<usize>,
    /// The number of row records of the first tile that are already saved in scratch.
    pub saved_records: usize,
    pub scratch: &'a mut [u8],
}

impl<D: Intermediate + SquareRoot, const N: usize> Kernel for ColumnPass<'_, D, N> {
    type Output = PassResult;

    #[inline(always)]
    fn run(mut self) -> PassResult {
        let extent = self.axis.extent;
        let mut result = PassResult { next: self.tiles.end, saved_records: 0, saturated: false };
        let (longest, width) = (self.plan.longest(), self.plan.width);
        let scratch = core::mem::take(&mut self.scratch);
        let Some(mut tile) = expected(ColumnTile::<D, N>::new(scratch, longest, width)) else {
            return result;
        };
        // The squared steps, shared by all tiles of the axis.
        let centre = tile_rows::<D>(extent) - 1;
        for (i, step) in tile.step_squares.range_mut(..).iter_mut().enumerate().take(2 * centre + 1) {
            *step = D::square(i.abs_diff(centre), self.axis.squared_spacing);
        }
        let mut loaded = false;
        for item in self.tiles.clone() {
            let block = self.locate(item);
            let mut maximum = D::ZERO;
            // A type wider than the block of the plan processes the block in several parts.
            for start in (0..block.width).step_by(N) {
                let location =
                    TileRows { first: block.first + start, width: (block.width - start).min(N), ..block };
                let mut window = Window::first::<D>(extent);
                // SAFETY: the columns of the tile lie in the buffer, and no two tiles share a voxel.
                unsafe {
                    if !loaded {
                        self.load(&mut tile, block, start, 0, 0..window.rows);
                    }
                    loop {
                        let solver = ColumnSolver::new(&tile, self.axis.squared_spacing, centre, window);
                        initialize_minima(&mut tile, self.plan, self.axis, window);
                        let next = window.next(extent);
                        if let Some(next) = next {
                            tile.save_input(next.base - window.base..window.rows);
                        }
                        solver.solve(&mut tile);
                        let rows = tile.minima.range(window.begin..window.end);
                        if self.conversion.is_none() {
                            // One window of several does not show whether its column has a finite distance, so it
                            // counts as saturated.
                            result.saturated |= self.limit.is_some()
                                && (window.rows < extent || is_partially_saturated(rows));
                        } else if self.limit.is_some() || self.stop_below.is_some() {
                            maximum = maximum.greater(max_of_rows(rows));
                            if self.limit.is_some_and(|limit| !maximum.is_less(limit)) {
                                return PassResult {
                                    next: item,
                                    saved_records: window.base + window.rows,
                                    saturated: true,
                                };
                            }
                        }
                        // Rows of a later pass are further apart than the hardware prefetcher follows, and often in
                        // the same cache set. The next tile is therefore loaded while the roots of this one are
                        // computed.
                        let has_next = item + 1 < self.tiles.end && window.rows == extent;
                        loaded = self.conversion.is_some()
                            && has_next
                            && !matches!(self.input_format, InputFormat::RowRecords);
                        let ahead = if loaded { Some(self.locate(item + 1)) } else { None };
                        self.store(&mut tile, location, window, ahead);
                        let Some(next) = next else { break };
                        let loaded_rows = window.base + window.rows;
                        tile.restore_input(next.base - window.base..window.rows);
                        self.load(&mut tile, block, start, next.base, loaded_rows..next.base + next.rows);
                        window = next;
                    }
                }
            }
            self.saved_records = 0;
            if self.stop_below.is_some_and(|limit| maximum.is_less(limit)) {
                return PassResult { next: item + 1, ..result };
            }
        }
        result
    }
}

/// Number of rows that are prefetched ahead.
const PREFETCH_ROWS: usize = 8;

impl<D: Intermediate + SquareRoot, const N: usize> ColumnPass<'_, D, N> {
    /// Returns where tile `item` lies in the buffer. Consecutive tiles are neighbours in memory: the block varies
    /// fastest, then the row, then the earlier axes.
    #[inline(always)]
    fn locate(&self, item: usize) -> TileRows {
        let plan = self.plan;
        let (column, block) = divide(item, plan.blocks);
        let (start, width) = plan.block(block);
        let first = plan.row(column, Some(self.pass)) * plan.pitch + plan.skip + start;
        TileRows { buffer: self.buffer, first, pitch: self.axis.stride * plan.pitch, width }
    }

    /// Loads `rows` of a column into a tile that begins at row `base`: the lanes of `block` from `start` on.
    ///
    /// # Safety
    /// The rows of the block lie in the buffer and hold `self.input_format`, except for records that are saved in
    /// scratch. No other thread writes them.
    #[inline(always)]
    unsafe fn load(
        &self,
        tile: &mut ColumnTile<D, N>,
        block: TileRows,
        start: usize,
        base: usize,
        rows: Range<usize>,
    ) {
        let last = self.axis.extent - 1;
        let TileRows { buffer, first, pitch, width } = block;
        for y in rows {
            let row = &mut tile.input[y - base];
            // SAFETY: as promised by the caller.
            tile.inside[y - base] = unsafe {
                if !matches!(self.input_format, InputFormat::RowRecords) {
                    let ahead = buffer.at(first + (y + PREFETCH_ROWS).min(last) * pitch);
                    prefetch(ahead, size_of::<D>() * N + 8);
                    self.load_row(row, block, y)
                } else {
                    let record = if self.conversion.is_some() {
                        if start == 0 && y >= self.saved_records {
                            // Each record is in its own cache line and, in long rows, in its own page.
                            let ahead = first + (y + 2 * PREFETCH_ROWS).min(last) * pitch;
                            prefetch(buffer.at(ahead), size_of::<RowRecord>());
                            let at = buffer.at(first + y * pitch);
                            tile.records[y] = RowRecord::read(at, width, self.plan);
                        }
                        tile.records[y]
                    } else {
                        let at = buffer.at(first + y * pitch);
                        // Prefetches the bytes after the record, where this pass writes squares and sides.
                        prefetch(at.wrapping_add(64), size_of::<D>() * N + 8 - 64);
                        RowRecord::read(at, width, self.plan)
                    };
                    row_squares(row, record, start, width, self.plan);
                    record.bits >> start
                }
            };
        }
    }

    /// # Safety
    /// As for `load`; in addition, row `y` holds squared distances.
    #[inline(always)]
    unsafe fn load_row(&self, row: &mut [D; N], location: TileRows, y: usize) -> u64 {
        let from_u16 = if let InputFormat::U16(squared_spacing) = self.input_format {
            Some(squared_spacing)
        } else {
            None
        };
        // SAFETY: as promised by the caller.
        unsafe {
            let at = location.buffer.at(location.first + y * location.pitch);
            D::read(row, !self.plan.one_sided, from_u16, at, location.width)
        }
    }

    /// Writes the rows that a window has solved, and loads the tile `next`.
    ///
    /// # Safety
    /// As for `load`, for the rows of this tile and of `next`; no other thread accesses them.
    #[inline(always)]
    unsafe fn store(
        &self,
        tile: &mut ColumnTile<D, N>,
        location: TileRows,
        window: Window,
        next: Option<TileRows>,
    ) {
        let Window { base, begin, end, .. } = window;
        let rows = tile.minima.range(begin..end);
        let location = TileRows { first: location.first + (base + begin) * location.pitch, ..location };
        let Some(conversion) = self.conversion else {
            for ((row, &inside), y) in rows.iter().zip(tile.inside.range(begin..)).zip(0..) {
                let inside = if self.plan.one_sided { None } else { Some(inside) };
                // SAFETY: as promised by the caller.
                unsafe {
                    D::write(row, inside, self.buffer.at(location.first + y * location.pitch), location.width)
                };
            }
            return;
        };
        let final_row = end - begin - 1;
        let (input, inside, last) = (&mut tile.input, &mut tile.inside, self.axis.extent - 1);
        // SAFETY: as promised by the caller; if a tile is loaded meanwhile, the window is a whole column, so that its
        // rows of the tile are no longer needed.
        unsafe {
            conversion.write_rows(
                rows,
                #[inline(always)]
                |y| {
                    let word = inside[begin + y];
                    if let Some(next) = next {
                        let ahead = next.first + (y + PREFETCH_ROWS).min(last) * next.pitch;
                        prefetch(self.buffer.at(ahead), size_of::<D>() * N + 8);
                        inside[y] = self.load_row(&mut input[y], next, y);
                    } else if !conversion.non_temporal {
                        // Only the first cache line of a row, the record, has been read. The lines of a whole tall
                        // column would not stay in the cache: rows 4 KiB apart share a few of its sets.
                        let ahead = (y + 2 * PREFETCH_ROWS).min(final_row);
                        let ahead = location.first + ahead * location.pitch;
                        prefetch(self.buffer.at(ahead), size_of::<f32>() * N);
                    }
                    word
                },
                location,
            );
        }
    }
}

/// Returns the maximum over all lanes. Lanes beyond the block are 0.
#[inline(always)]
fn max_of_rows<D: SquaredDistance, const N: usize>(rows: &[[D; N]]) -> D {
    let [_, top] = lane_extremes(rows);
    top.iter().fold(D::ZERO, |top, &lane| top.greater(lane))
}

/// Returns whether a lane has both finite and saturated squares, so that the saturated ones are long distances and
/// not the absence of a boundary.
#[inline(always)]
fn is_partially_saturated<D: SquaredDistance, const N: usize>(rows: &[[D; N]]) -> bool {
    let [low, top] = lane_extremes(rows);
    low.iter().zip(&top).any(|(low, top)| low.is_less(D::SATURATED) && !top.is_less(D::SATURATED))
}
