//! The scratch of one worker, cut into what a tile needs.

use super::across::gap_reach;
use super::cell::Cell;
use core::mem::size_of;
use core::ops::{Index, IndexMut};
use core::slice::SliceIndex;

/// Every this many rows, the monotone solver solves one first.
pub const COARSE: usize = 9;

/// A part of the scratch that is indexed without a panic. Every index is in range; one that were not would be
/// the last one, and a run that were not would be empty.
pub struct Part<'a, T>(&'a mut [T]);

impl<'a, T> Part<'a, T> {
    /// None if it is empty: there would be no last one.
    #[inline(always)]
    fn new(part: &'a mut [T]) -> Option<Self> {
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
    /// Squared distances to a change of side within the row, by lane.
    pub gaps: Part<'a, C>,
    /// A row of the mask.
    pub words: &'a mut [u64],
    /// The column of the envelope, its vertices and their starts.
    pub envelope: [Part<'a, f64>; 3],
}

/// Lengths of the parts, in bytes, in the order of the fields. They saturate: a query may ask about an image that
/// no memory holds.
fn parts<C: Cell>(extent: usize, width: usize, lanes: usize) -> [usize; 9] {
    let rows = |bytes: usize| extent.saturating_mul(bytes);
    let cell = size_of::<C>();
    let bounds = (extent / COARSE + 3).saturating_mul(8);
    let gaps = gap_reach::<C>(width, lanes).saturating_mul(2 * cell);
    let words = (width / 64 + 2) * 8;
    [rows(cell * lanes), rows(cell * lanes), rows(8), rows(4), rows(2 * cell), bounds, gaps, words, rows(24)]
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
unsafe fn cut<'a, T>(rest: &mut &'a mut [u8], bytes: usize) -> Option<&'a mut [T]> {
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
        let [near, best, sides, reach, steps, bounds, gaps, words, envelope] = parts::<C>(extent, width, N);
        // SAFETY: cells, integers and floats take any bytes. The scratch starts at a multiple of 64,
        // and every part takes a multiple of 64.
        unsafe {
            Some(Self {
                near: Part::new(cut(rest, near)?)?,
                best: Part::new(cut(rest, best)?)?,
                sides: Part::new(cut(rest, sides)?)?,
                reach: Part::new(cut(rest, reach)?)?,
                steps: Part::new(cut(rest, steps)?)?,
                bounds: Part::new(cut(rest, bounds)?)?,
                gaps: Part::new(cut(rest, gaps)?)?,
                words: cut(rest, words)?,
                envelope: {
                    let all: &mut [f64] = cut(rest, envelope)?;
                    let (values, all) = all.split_at_mut_checked(extent)?;
                    let (vertices, starts) = all.split_at_mut_checked(extent)?;
                    [Part::new(values)?, Part::new(vertices)?, Part::new(starts)?]
                },
            })
        }
    }
}
