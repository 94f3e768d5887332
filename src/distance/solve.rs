//! Along a column: best(y) = min over r of near(r) + (y − r)², for all lanes at once.
//!
//! The work is additions and minima over a run of candidate rows, for [`BAND`] rows at a time, whose
//! minima stay in registers ([`lower`](super::lower)). Solvers differ in how they know which candidates can matter.
//!
//! - *Local*: none further away than the largest distance in the band, as far as it is known: by the rows
//!   themselves and their sides, and because a distance changes by at most one step from row to row.
//! - *Monotone*: the first best candidate of a lane never moves back as `y` grows. So rows that are
//!   solved bound the candidates of the rows between them, whatever the distance.
//! - [`envelope`](super::envelope): linear in the column whatever is in it, a lane at a time.

use super::cell::{Cell, Index};
use super::envelope::envelope;
use super::lower::{BAND, GROUP, lower_band, lower_row, nearest, top};
use super::tile::{COARSE, Tile};
use crate::engine::simd::HAS_VECTORS;

/// Mean reach above which solving coarse rows first pays.
const LOCAL_REACH: usize = 24;

/// Mean number of candidates above which the scalar envelope is the faster one.
const ENVELOPE: usize = 1024;

/// A reach longer than any column; a few more rows still fit.
const UNKNOWN: u32 = u32::MAX / 2;

/// What the solvers know of a tile.
pub struct Column<C, const N: usize> {
    /// Rows.
    pub extent: usize,
    /// Squared spacing.
    pub unit: f64,
    /// First and last row that may have a finite candidate.
    pub first: usize,
    pub last: usize,
    /// Far in the lanes that have a finite candidate, 0 in the others: these have no say.
    pub caps: [C; N],
}

impl<C: Cell, const N: usize> Column<C, N> {
    /// Surveys `near`.
    #[inline(always)]
    pub fn new(near: &[[C; N]], unit: f64) -> Self {
        let extent = near.len();
        let mut low = [C::FAR; N];
        let (mut first, mut last) = (extent, 0);
        let mut begin = 0;
        for rows in near.chunks(8) {
            let mut here = [C::FAR; N];
            for row in rows {
                for i in 0..N {
                    here[i] = here[i].least(row[i]);
                }
            }
            let mut least = C::FAR;
            for i in 0..N {
                least = least.least(here[i]);
                low[i] = low[i].least(here[i]);
            }
            if least.below(C::FAR) {
                first = first.min(begin);
                last = begin + rows.len() - 1;
            }
            begin += rows.len();
        }
        let mut caps = [C::ZERO; N];
        for i in 0..N {
            caps[i] = if low[i].below(C::FAR) { C::FAR } else { C::ZERO };
        }
        Self { extent, unit, first, last, caps }
    }

    /// Lowers `best`, which holds what is known already, by all candidates `near`.
    #[inline(always)]
    pub fn solve(&self, tile: &mut Tile<C, N>) {
        let extent = self.extent;
        if self.first > self.last {
            return;
        }
        // Without a zip: that of chunks divides by their length, which a build for size does not see is not 0.
        let mut reaches = tile.reach.run_mut(..).iter_mut();
        for rows in tile.best.run(..extent).chunks(BAND) {
            let Some(reach) = reaches.next() else { break };
            *reach = top(rows, &self.caps).reach(self.unit).min(UNKNOWN as usize) as u32;
        }
        let total = self.even_out(tile);
        if total <= LOCAL_REACH * extent || extent >= C::Index::LAST.row() {
            return self.local(tile);
        }
        self.monotone(tile);
    }

    /// A distance differs by at most a step from its neighbours': spreads what is known. Returns the sum over rows.
    ///
    /// A reach that was read off `best` need not include the distance itself, which is there already: the
    /// distance is at most one more. One that follows from neighbours must include it.
    #[inline(always)]
    fn even_out(&self, tile: &mut Tile<C, N>) -> usize {
        let bands = self.extent.div_ceil(BAND);
        let mut total = 0;
        let mut distance = UNKNOWN;
        for reach in tile.reach.run_mut(..bands).iter_mut() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
        }
        distance = UNKNOWN;
        for reach in tile.reach.run_mut(..bands).iter_mut().rev() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
            total += (*reach as usize).min(self.extent);
        }
        total * BAND
    }

    /// Lowers rows `y..y + rows`, at most a band, by the candidates of rows `from..=to`.
    #[inline(always)]
    fn lower_band<const SMALL: bool>(
        &self,
        tile: &mut Tile<C, N>,
        y: usize,
        rows: usize,
        from: usize,
        to: usize,
    ) {
        if from > to {
            return;
        }
        // Whole groups: any row is a candidate.
        let count = (to - from + 1).next_multiple_of(GROUP);
        let from = from.min(self.extent.saturating_sub(count));
        let near = tile.near.run(from..(from + count).min(self.extent));
        if let (BAND, true, Some(band)) =
            (rows, near.len() == count, tile.best.run_mut(y..).first_chunk_mut::<BAND>())
        {
            let steps = tile.steps.run(self.extent + from - y - BAND..);
            return lower_band::<_, _, SMALL>(band, near, steps);
        }
        for y in y..y + rows {
            lower_row(&mut tile.best[y], near, tile.steps.run(self.extent - 1 + from - y..));
        }
    }

    /// The run of rows at most `reach` from rows `y..y + rows` that may have a candidate.
    #[inline(always)]
    fn around(&self, y: usize, rows: usize, reach: usize) -> (usize, usize) {
        (y.saturating_sub(reach).max(self.first), (y + rows - 1).saturating_add(reach).min(self.last))
    }

    /// Bounds that the bands solved so far would give are a tenth better, and not worth waiting for.
    #[inline(always)]
    fn local(&self, tile: &mut Tile<C, N>) {
        let longest = tile.reach.run(..self.extent.div_ceil(BAND)).iter().fold(0, |a: u32, &b| a.max(b));
        if self.hold(tile, longest as usize) { self.bands::<true>(tile) } else { self.bands::<false>(tile) }
    }

    /// Holds all candidates to half of what a cell holds, so that no sum saturates, if no distance is longer.
    #[inline(always)]
    fn hold(&self, tile: &mut Tile<C, N>, longest: usize) -> bool {
        let Some(half) = C::HALF.filter(|_| HAS_VECTORS) else { return false };
        // A distance is at most a step longer than its reach, so less than half; a candidate that was held is not.
        // Candidates lie less than `BAND + GROUP` rows further than the reach, where squares are below half as well.
        if longest + BAND + GROUP > half.reach(1.0) || self.caps.iter().any(|cap| cap.below(C::FAR)) {
            return false;
        }
        for row in tile.near.run_mut(..self.extent).iter_mut() {
            for lane in row.iter_mut() {
                *lane = lane.least(half);
            }
        }
        true
    }

    #[inline(always)]
    fn bands<const SMALL: bool>(&self, tile: &mut Tile<C, N>) {
        for y in (0..self.extent).step_by(BAND) {
            let rows = BAND.min(self.extent - y);
            let (from, to) = self.around(y, rows, tile.reach[y / BAND] as usize);
            self.lower_band::<SMALL>(tile, y, rows, from, to);
        }
    }

    #[inline(always)]
    fn monotone(&self, tile: &mut Tile<C, N>) {
        let extent = self.extent;
        let coarse = (extent - 1).div_ceil(COARSE) + 1;
        let row = |index: usize| (index * COARSE).min(extent - 1);
        let mut work = 0;
        let mut stride = coarse.next_power_of_two();
        while stride > 0 {
            let mut index = stride - 1;
            while index < coarse {
                let low = if index >= stride { tile.bounds[index - stride][0] as usize } else { self.first };
                let high =
                    if index + stride < coarse { tile.bounds[index + stride][1] as usize } else { self.last };
                work += 2 * (high.saturating_sub(low) + 1);
                if work > ENVELOPE * extent {
                    return envelope(tile, extent, self.unit);
                }
                tile.bounds[index] = self.find(tile, row(index), low, high);
                index += 2 * stride;
            }
            stride /= 2;
        }
        for index in 1..coarse {
            let (low, high) = (tile.bounds[index - 1][0] as usize, tile.bounds[index][1] as usize);
            work += COARSE * (high.saturating_sub(low) + 1);
        }
        if work > ENVELOPE * extent {
            return envelope(tile, extent, self.unit);
        }
        let mut longest = 0;
        for index in 0..coarse {
            longest = longest.max(self.top(tile, row(index)));
        }
        if self.hold(tile, longest + COARSE + BAND) {
            self.between::<true>(tile, coarse)
        } else {
            self.between::<false>(tile, coarse)
        }
    }

    /// The reach of a row.
    #[inline(always)]
    fn top(&self, tile: &Tile<C, N>, y: usize) -> usize {
        top(tile.best.run(y..y + 1), &self.caps).reach(self.unit)
    }

    /// Lowers the rows between the coarse ones, which are solved.
    #[inline(always)]
    fn between<const SMALL: bool>(&self, tile: &mut Tile<C, N>, coarse: usize) {
        let row = |index: usize| (index * COARSE).min(self.extent - 1);
        // Of the rows at either end of the run.
        let mut before = self.top(tile, 0);
        for index in 1..coarse {
            let (low, high) = (tile.bounds[index - 1][0] as usize, tile.bounds[index][1] as usize);
            let (begin, end) = (row(index - 1) + 1, row(index));
            let after = self.top(tile, end);
            for y in (begin..end).step_by(BAND) {
                let rows = BAND.min(end - y);
                let reach = 1 + (before + y + rows - begin).min(after + end - y);
                let (from, to) = self.around(y, rows, reach);
                self.lower_band::<SMALL>(tile, y, rows, from.max(low), to.min(high));
            }
            before = after;
        }
    }

    /// Lowers row `y` by the rows `low..=high` and returns the first and last row that the lanes' best
    /// candidates lie in.
    #[inline(always)]
    fn find(&self, tile: &mut Tile<C, N>, y: usize, low: usize, high: usize) -> [u32; 2] {
        let (from, to) = self.around(y, 1, C::REACH);
        let (from, to) = (from.max(low), to.min(high));
        let mut found = ([C::FAR; N], [C::Index::FIRST; N]);
        if from <= to {
            found = nearest(tile.near.run(from..to + 1), tile.steps.run(self.extent - 1 + from - y..), from);
        }
        let (best, place) = &found;
        let (mut first, mut last) = (C::Index::LAST, C::Index::FIRST);
        let mut unknown = C::ZERO;
        for i in 0..N {
            let alive = C::ZERO.below(self.caps[i]);
            first = first.min(if alive { place[i] } else { C::Index::LAST });
            last = last.max(if alive { place[i] } else { C::Index::FIRST });
            unknown = unknown.most(best[i].least(self.caps[i]));
        }
        let row = &mut tile.best[y];
        for i in 0..N {
            row[i] = row[i].least(best[i]);
        }
        // Where the best candidate is too far for the cell, nothing is known of where it is.
        if unknown.below(C::FAR) {
            [first.row() as u32, last.row() as u32]
        } else {
            [low as u32, high as u32]
        }
    }
}
