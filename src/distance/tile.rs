//! The partition of one worker's scratch into the arrays of a tile.

use crate::checked::expected;
use crate::distance::rows::RowRecord;
use crate::distance::squared_distance::SquaredDistance;
use core::mem::size_of;
use core::ops::{Index, IndexMut, Range};
use core::slice::SliceIndex;

/// Distance of the coarse rows, which the monotone solver solves first.
pub const COARSE: usize = 9;

/// Maximum number of rows of a u16 tile: two tiles of 64 lanes stay in the second-level cache.
const WINDOW: usize = 2048;

/// Number of rows on either side of the rows that a window solves. Candidates further away are too far for u16.
const HALO: usize = 256;

/// The rows of a column that are in scratch at once: all of them, or a part of them in types that hold short
/// distances only. `rows`, `begin` and `end` are relative to `base`, the first of them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub base: usize,
    /// Number of rows in scratch.
    pub rows: usize,
    /// The first row to solve, and the one after the last.
    pub begin: usize,
    pub end: usize,
}

impl Window {
    /// Returns the first window of a column.
    #[inline(always)]
    pub fn first<D: SquaredDistance>(extent: usize) -> Self {
        if tile_rows::<D>(extent) == extent {
            return Self { base: 0, rows: extent, begin: 0, end: extent };
        }
        Self { base: 0, rows: WINDOW - HALO, begin: 0, end: WINDOW - 2 * HALO }
    }

    /// Returns the next window, which shares up to 2 · `HALO` rows with this one: the last rows of this window.
    #[inline(always)]
    pub fn next(self, extent: usize) -> Option<Self> {
        let done = self.base + self.end;
        if done >= extent {
            return None;
        }
        let base = done - HALO;
        let rows = (extent - base).min(WINDOW);
        Some(Self { base, rows, begin: HALO, end: rows.min(WINDOW - HALO) })
    }
}

/// Returns the number of rows in a tile for columns of `extent` rows.
#[inline(always)]
pub fn tile_rows<D: SquaredDistance>(extent: usize) -> usize {
    if D::SATURATING_STEPS <= HALO { extent.min(WINDOW) } else { extent }
}

/// A nonempty part of the scratch that is indexed without panics. In release builds an index out of range selects the
/// last element, and a range out of range is empty; debug builds assert that neither occurs.
pub struct ScratchSlice<'a, T>(&'a mut [T]);

impl<'a, T> ScratchSlice<'a, T> {
    /// Returns `None` if `part` is empty, because it would have no last element.
    #[inline(always)]
    pub fn new(part: &'a mut [T]) -> Option<Self> {
        if part.is_empty() { None } else { Some(Self(part)) }
    }

    /// Returns a subslice.
    #[inline(always)]
    pub fn range(&self, range: impl SliceIndex<[T], Output = [T]>) -> &[T] {
        expected(self.0.get(range)).unwrap_or_default()
    }

    /// Returns a mutable subslice.
    #[inline(always)]
    pub fn range_mut(&mut self, range: impl SliceIndex<[T], Output = [T]>) -> &mut [T] {
        expected(self.0.get_mut(range)).unwrap_or_default()
    }
}

impl<T> Index<usize> for ScratchSlice<'_, T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, index: usize) -> &T {
        debug_assert!(index < self.0.len());
        // SAFETY: the index is below the length, which is not 0.
        unsafe { self.0.get_unchecked(index.min(self.0.len() - 1)) }
    }
}

impl<T> IndexMut<usize> for ScratchSlice<'_, T> {
    #[inline(always)]
    fn index_mut(&mut self, index: usize) -> &mut T {
        debug_assert!(index < self.0.len());
        let last = self.0.len() - 1;
        // SAFETY: the index is below the length, which is not 0.
        unsafe { self.0.get_unchecked_mut(index.min(last)) }
    }
}

/// One tile and the tables of its axis. Row `y` holds voxel `y` of `N` neighbouring columns.
pub struct ColumnTile<'a, D: SquaredDistance, const N: usize> {
    /// Row records of a block, saved where the output of the block overwrites them before all of them are read. They
    /// come first in scratch for every type.
    pub records: ScratchSlice<'a, RowRecord>,
    /// Squared distances over the earlier axes.
    pub input: ScratchSlice<'a, [D; N]>,
    /// Squared distances including this axis.
    pub minima: ScratchSlice<'a, [D; N]>,
    /// Inside bits: bit `i` belongs to lane `i`.
    pub inside: ScratchSlice<'a, u64>,
    /// Distance in rows within which a candidate may lower a band of `minima`.
    pub reach: ScratchSlice<'a, u32>,
    /// Squares of −(n − 1) to n − 1 steps.
    pub step_squares: ScratchSlice<'a, D>,
    /// First and last row that hold the best candidates of a coarse row.
    pub argmin_rows: ScratchSlice<'a, [u32; 2]>,
    /// Input of the rows that two windows share.
    pub saved_input: ScratchSlice<'a, [D; N]>,
    /// A row of the mask.
    pub mask_words: &'a mut [u64],
    /// Values, vertices and starts of the envelope of one lane.
    pub envelope: (ScratchSlice<'a, f64>, ScratchSlice<'a, u64>, ScratchSlice<'a, u64>),
    /// Test only: number of candidate rows that the solvers have visited.
    #[cfg(test)]
    pub candidates_visited: usize,
}

/// Returns the bytes of each slice, in the order of the scratch. The lengths saturate, because a query may have
/// extents of an image that no memory holds.
fn part_lengths<D: SquaredDistance>(extent: usize, width: usize, lanes: usize) -> [usize; 12] {
    let height = tile_rows::<D>(extent);
    let rows = |bytes: usize| height.saturating_mul(bytes);
    let element = size_of::<D>();
    let argmin_rows = (height / COARSE + 3).saturating_mul(8);
    let saved_input = if height < extent { 2 * HALO * element * lanes } else { element * lanes };
    let records = extent.saturating_mul(size_of::<RowRecord>());
    let mask_words = (width / 64 + 2) * 8;
    let tile = rows(element * lanes);
    [
        records,
        tile,
        tile,
        rows(8),
        rows(4),
        rows(2 * element),
        argmin_rows,
        saved_input,
        mask_words,
        rows(8),
        rows(8),
        rows(8),
    ]
}

/// Returns the bytes of scratch for tiles of `extent` rows of `lanes` lanes, in rows of `width` voxels; a multiple of
/// 64.
pub fn tile_len<D: SquaredDistance>(extent: usize, width: usize, lanes: usize) -> usize {
    let padded = part_lengths::<D>(extent, width, lanes).map(|part| part.saturating_add(63) & !63);
    padded.iter().fold(0, |all: usize, part| all.saturating_add(*part))
}

/// Splits `bytes` off the front of `rest` and returns them as elements of `T`.
///
/// # Safety
/// Any bytes are a valid `T`, and `rest` is aligned for `T`.
#[inline(always)]
pub unsafe fn take_slice<'a, T>(rest: &mut &'a mut [u8], bytes: usize) -> Option<&'a mut [T]> {
    let (part, tail) = core::mem::take(rest).split_at_mut_checked(bytes.next_multiple_of(64))?;
    *rest = tail;
    // SAFETY: as promised by the caller; `part` holds at least `bytes` bytes, borrowed for 'a.
    Some(unsafe { core::slice::from_raw_parts_mut(part.as_mut_ptr().cast(), bytes / size_of::<T>()) })
}

impl<'a, D: SquaredDistance, const N: usize> ColumnTile<'a, D, N> {
    /// Partitions `scratch`, which is aligned to 64 bytes. Returns `None` if it is too short.
    #[inline(always)]
    pub fn new(mut scratch: &'a mut [u8], extent: usize, width: usize) -> Option<Self> {
        let rest = &mut scratch;
        if rest.as_ptr().align_offset(64) != 0 {
            return None;
        }
        let [
            records,
            input,
            minima,
            inside,
            reach,
            step_squares,
            argmin_rows,
            saved_input,
            mask_words,
            values,
            vertices,
            starts,
        ] = part_lengths::<D>(extent, width, N);
        // SAFETY: squared distances, records, integers and floats are valid for any bytes. The scratch is aligned to
        // 64 bytes, and every slice takes a multiple of 64 bytes.
        unsafe {
            Some(Self {
                records: ScratchSlice::new(take_slice(rest, records)?)?,
                input: ScratchSlice::new(take_slice(rest, input)?)?,
                minima: ScratchSlice::new(take_slice(rest, minima)?)?,
                inside: ScratchSlice::new(take_slice(rest, inside)?)?,
                reach: ScratchSlice::new(take_slice(rest, reach)?)?,
                step_squares: ScratchSlice::new(take_slice(rest, step_squares)?)?,
                argmin_rows: ScratchSlice::new(take_slice(rest, argmin_rows)?)?,
                saved_input: ScratchSlice::new(take_slice(rest, saved_input)?)?,
                mask_words: take_slice(rest, mask_words)?,
                envelope: (
                    ScratchSlice::new(take_slice(rest, values)?)?,
                    ScratchSlice::new(take_slice(rest, vertices)?)?,
                    ScratchSlice::new(take_slice(rest, starts)?)?,
                ),
                #[cfg(test)]
                candidates_visited: 0,
            })
        }
    }
}

impl<D: SquaredDistance, const N: usize> ColumnTile<'_, D, N> {
    /// Saves the input of `rows`, which the solvers may change.
    #[inline(always)]
    pub fn save_input(&mut self, rows: Range<usize>) {
        for (to, row) in self.saved_input.range_mut(..).iter_mut().zip(self.input.range(rows)) {
            *to = *row;
        }
    }

    /// Counts visited candidates, as a measure of time that is the same in every test run.
    #[cfg(test)]
    pub fn count_candidates(&mut self, rows: usize) {
        self.candidates_visited += rows;
    }

    /// Restores the saved input of `rows` and moves the rows to the front.
    #[inline(always)]
    pub fn restore_input(&mut self, rows: Range<usize>) {
        for (i, y) in rows.enumerate() {
            self.input[i] = self.saved_input[i];
            self.inside[i] = self.inside[y];
        }
    }
}
