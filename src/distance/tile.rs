//! The scratch of one worker, cut into what a tile needs.

use crate::distance::cell::Cell;
use crate::distance::rows::Record;
use core::mem::size_of;
use core::ops::{Index, IndexMut, Range};
use core::slice::SliceIndex;

/// Every this many rows, the monotone solver solves one first.
pub const COARSE: usize = 9;

/// Rows of a tile of the narrowest cells, at most: two of 64 lanes stay in the second-level cache.
const WINDOW: usize = 2048;

/// Rows on either side of those that a window solves: no candidate further away is near enough for the cell.
const HALO: usize = 256;

/// Rows of a column that are in scratch at once: all of them, or in cells that hold short distances only, a part.
/// Rows are counted from `base`, the first of them.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub base: usize,
    /// Rows in scratch.
    pub rows: usize,
    /// The first row that is solved, and the one after the last.
    pub begin: usize,
    pub end: usize,
}

impl Window {
    /// The first of a column.
    #[inline(always)]
    pub fn first<C: Cell>(extent: usize) -> Self {
        if tile_rows::<C>(extent) == extent {
            return Self { base: 0, rows: extent, begin: 0, end: extent };
        }
        Self { base: 0, rows: WINDOW - HALO, begin: 0, end: WINDOW - 2 * HALO }
    }

    /// The next one. It shares up to 2 · `HALO` rows with this one, the last of those here.
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

/// Rows of a tile for columns of `extent` rows.
#[inline(always)]
pub fn tile_rows<C: Cell>(extent: usize) -> usize {
    if C::REACH <= HALO { extent.min(WINDOW) } else { extent }
}

/// A part of the scratch that is indexed without a panic. Every index is in range; one that were not would be
/// the last one, and a run that were not would be empty.
pub struct Part<'a, T>(&'a mut [T]);

impl<'a, T> Part<'a, T> {
    /// None if it is empty: there would be no last one.
    #[inline(always)]
    pub fn new(part: &'a mut [T]) -> Option<Self> {
        if part.is_empty() { None } else { Some(Self(part)) }
    }

    /// A run.
    #[inline(always)]
    pub fn run(&self, range: impl SliceIndex<[T], Output = [T]>) -> &[T] {
        self.0.get(range).unwrap_or_default()
    }

    /// A run, to be changed.
    #[inline(always)]
    pub fn run_mut(&mut self, range: impl SliceIndex<[T], Output = [T]>) -> &mut [T] {
        self.0.get_mut(range).unwrap_or_default()
    }
}

impl<T> Index<usize> for Part<'_, T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, index: usize) -> &T {
        debug_assert!(index < self.0.len());
        // SAFETY: below the length, which is not 0.
        unsafe { self.0.get_unchecked(index.min(self.0.len() - 1)) }
    }
}

impl<T> IndexMut<usize> for Part<'_, T> {
    #[inline(always)]
    fn index_mut(&mut self, index: usize) -> &mut T {
        debug_assert!(index < self.0.len());
        let last = self.0.len() - 1;
        // SAFETY: as above.
        unsafe { self.0.get_unchecked_mut(index.min(last)) }
    }
}

/// One tile, and the tables of its axis. Row `y` holds voxel `y` of `N` neighbouring columns.
pub struct Tile<'a, C: Cell, const N: usize> {
    /// The records of a block, where its output overwrites them before all of them have been read. They come first,
    /// whatever the cells.
    pub saved: Part<'a, Record>,
    /// Squared distances over the axes before.
    pub near: Part<'a, [C; N]>,
    /// The same with this axis.
    pub best: Part<'a, [C; N]>,
    /// Which lanes are inside.
    pub sides: Part<'a, u64>,
    /// How many rows away a candidate can still help.
    pub reach: Part<'a, u32>,
    /// Squares of −(n − 1) to n − 1 steps.
    pub steps: Part<'a, C>,
    /// First and last row that the best candidates of a solved row lie in.
    pub bounds: Part<'a, [u32; 2]>,
    /// Candidates of the rows that two windows share.
    pub kept: Part<'a, [C; N]>,
    /// A row of the mask.
    pub words: &'a mut [u64],
    /// The column of the envelope, its vertices and their starts.
    pub envelope: (Part<'a, f64>, Part<'a, u64>, Part<'a, u64>),
    /// Rows of candidates that the solvers have looked at.
    #[cfg(test)]
    pub looked_at: usize,
}

/// Lengths of the parts, in bytes, in the order of the scratch. They saturate: a query may ask about an image that
/// no memory holds.
fn parts<C: Cell>(extent: usize, width: usize, lanes: usize) -> [usize; 12] {
    let height = tile_rows::<C>(extent);
    let rows = |bytes: usize| height.saturating_mul(bytes);
    let cell = size_of::<C>();
    let bounds = (height / COARSE + 3).saturating_mul(8);
    let kept = if height < extent { 2 * HALO * cell * lanes } else { cell * lanes };
    let saved = extent.saturating_mul(size_of::<Record>());
    let words = (width / 64 + 2) * 8;
    let tile = rows(cell * lanes);
    [saved, tile, tile, rows(8), rows(4), rows(2 * cell), bounds, kept, words, rows(8), rows(8), rows(8)]
}

/// Bytes for tiles of `extent` rows of `lanes` lanes over rows of `width` voxels; a multiple of 64.
pub fn tile_len<C: Cell>(extent: usize, width: usize, lanes: usize) -> usize {
    let padded = parts::<C>(extent, width, lanes).map(|part| part.saturating_add(63) & !63);
    padded.iter().fold(0, |all: usize, part| all.saturating_add(*part))
}

/// Cuts `bytes` off `rest` and sees them as `T`.
///
/// # Safety
/// Any bytes are a value of `T`, and `rest` starts at a multiple of its alignment.
#[inline(always)]
pub unsafe fn cut<'a, T>(rest: &mut &'a mut [u8], bytes: usize) -> Option<&'a mut [T]> {
    let (part, tail) = core::mem::take(rest).split_at_mut_checked(bytes.next_multiple_of(64))?;
    *rest = tail;
    // SAFETY: promised by the caller; `part` holds at least `bytes` of them, borrowed for 'a.
    Some(unsafe { core::slice::from_raw_parts_mut(part.as_mut_ptr().cast(), bytes / size_of::<T>()) })
}

impl<'a, C: Cell, const N: usize> Tile<'a, C, N> {
    /// Cuts `scratch`, which starts at a multiple of 64; none if it is too short.
    #[inline(always)]
    pub fn new(mut scratch: &'a mut [u8], extent: usize, width: usize) -> Option<Self> {
        let rest = &mut scratch;
        if rest.as_ptr().align_offset(64) != 0 {
            return None;
        }
        let [saved, near, best, sides, reach, steps, bounds, kept, words, values, vertices, starts] =
            parts::<C>(extent, width, N);
        // SAFETY: cells, records, integers and floats take any bytes. The scratch starts at a multiple of 64,
        // and every part takes a multiple of 64.
        unsafe {
            Some(Self {
                saved: Part::new(cut(rest, saved)?)?,
                near: Part::new(cut(rest, near)?)?,
                best: Part::new(cut(rest, best)?)?,
                sides: Part::new(cut(rest, sides)?)?,
                reach: Part::new(cut(rest, reach)?)?,
                steps: Part::new(cut(rest, steps)?)?,
                bounds: Part::new(cut(rest, bounds)?)?,
                kept: Part::new(cut(rest, kept)?)?,
                words: cut(rest, words)?,
                envelope: (
                    Part::new(cut(rest, values)?)?,
                    Part::new(cut(rest, vertices)?)?,
                    Part::new(cut(rest, starts)?)?,
                ),
                #[cfg(test)]
                looked_at: 0,
            })
        }
    }
}

impl<C: Cell, const N: usize> Tile<'_, C, N> {
    /// Keeps the candidates of `rows` as they are: the solvers change them.
    #[inline(always)]
    pub fn keep(&mut self, rows: Range<usize>) {
        for (to, row) in self.kept.run_mut(..).iter_mut().zip(self.near.run(rows)) {
            *to = *row;
        }
    }

    /// Counts what the solvers look at: a test cannot take times.
    #[cfg(test)]
    pub fn look_at(&mut self, rows: usize) {
        self.looked_at += rows;
    }

    /// Moves `rows`, whose candidates were kept, to the front.
    #[inline(always)]
    pub fn restore(&mut self, rows: Range<usize>) {
        for (i, y) in rows.enumerate() {
            self.near[i] = self.kept[i];
            self.sides[i] = self.sides[y];
        }
    }
}
