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

use crate::distance::cell::{Cell, Index};
use crate::distance::envelope::envelope;
use crate::distance::lower::{BAND, GROUP, extremes, lower_band, lower_row, nearest, top};
use crate::distance::tile::{COARSE, Tile, Window};
use crate::simd::level::HAS_VECTORS;

/// Mean reach above which solving coarse rows first pays.
const LOCAL_REACH: usize = 24;

/// Mean number of candidates above which the scalar envelope is the faster one.
const ENVELOPE: usize = 1024;

/// A reach longer than any column; a few more rows still fit.
const UNKNOWN: usize = u32::MAX as usize / 2;

/// What the solvers know of a tile.
pub struct Column<C, const N: usize> {
    /// Which rows are in the tile, and which are to be solved.
    window: Window,
    /// Squared spacing.
    unit: f64,
    /// The step of no rows in the table of steps.
    centre: usize,
    /// First and last row that may have a finite candidate.
    first: usize,
    last: usize,
    /// Far in the lanes that have a finite candidate, 0 in the others: these have no say.
    caps: [C; N],
}

impl<C: Cell, const N: usize> Column<C, N> {
    /// Surveys `near`.
    #[inline(always)]
    pub fn new(tile: &Tile<C, N>, unit: f64, centre: usize, window: Window) -> Self {
        let near = tile.near.run(..window.rows);
        let mut low = [C::FAR; N];
        let (mut first, mut last) = (window.rows, 0);
        let mut begin = 0;
        for rows in near.chunks(8) {
            let [here, _] = extremes(rows);
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
        Self { window, unit, centre, first, last, caps }
    }

    /// Rows to be solved.
    #[inline(always)]
    fn count(&self) -> usize {
        self.window.end - self.window.begin
    }

    /// Lowers `best`, which holds what is known already, by all candidates `near`.
    #[inline(always)]
    pub fn solve(&self, tile: &mut Tile<C, N>) {
        let Window { begin, end, .. } = self.window;
        if self.first > self.last {
            return;
        }
        // Without a zip: that of chunks divides by their length, which a build for size does not see is not 0.
        let mut reaches = tile.reach.run_mut(..).iter_mut();
        for rows in tile.best.run(begin..end).chunks(BAND) {
            let Some(reach) = reaches.next() else { break };
            *reach = top(rows, &self.caps).reach(self.unit).min(UNKNOWN) as u32;
        }
        let total = self.even_out(tile);
        if total <= LOCAL_REACH * self.count() {
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
        let bands = self.count().div_ceil(BAND);
        let mut total = 0;
        let mut distance = UNKNOWN as u32;
        for reach in tile.reach.run_mut(..bands).iter_mut() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
        }
        distance = UNKNOWN as u32;
        for reach in tile.reach.run_mut(..bands).iter_mut().rev() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
            total += (*reach as usize).min(self.window.rows);
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
        let all = self.window.rows;
        let count = (to - from + 1).next_multiple_of(GROUP);
        let from = from.min(all.saturating_sub(count));
        #[cfg(test)]
        tile.look_at(rows * count.min(all - from));
        let near = tile.near.run(from..(from + count).min(all));
        if let (BAND, true, Some(band)) =
            (rows, near.len() == count, tile.best.run_mut(y..).first_chunk_mut::<BAND>())
        {
            let steps = tile.steps.run(self.centre + 1 + from - y - BAND..);
            return lower_band::<_, _, SMALL>(band, near, steps);
        }
        for y in y..y + rows {
            lower_row(&mut tile.best[y], near, tile.steps.run(self.centre + from - y..));
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
        let longest = tile.reach.run(..self.count().div_ceil(BAND)).iter().fold(0, |a: u32, &b| a.max(b));
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
        for row in tile.near.run_mut(..self.window.rows).iter_mut() {
            for lane in row.iter_mut() {
                *lane = lane.least(half);
            }
        }
        true
    }

    #[inline(always)]
    fn bands<const SMALL: bool>(&self, tile: &mut Tile<C, N>) {
        let Window { begin, end, .. } = self.window;
        for y in (begin..end).step_by(BAND) {
            let rows = BAND.min(end - y);
            let (from, to) = self.around(y, rows, tile.reach[(y - begin) / BAND] as usize);
            self.lower_band::<SMALL>(tile, y, rows, from, to);
        }
    }

    /// Row `index` of those that are solved first.
    #[inline(always)]
    fn coarse_row(&self, index: usize) -> usize {
        self.window.begin + (index * COARSE).min(self.count() - 1)
    }

    #[inline(always)]
    fn monotone(&self, tile: &mut Tile<C, N>) {
        let count = self.count();
        let coarse = (count - 1).div_ceil(COARSE) + 1;
        let mut work = 0;
        let mut stride = coarse.next_power_of_two();
        while stride > 0 {
            let mut index = stride - 1;
            while index < coarse {
                let low = if index >= stride { tile.bounds[index - stride][0] as usize } else { self.first };
                let high =
                    if index + stride < coarse { tile.bounds[index + stride][1] as usize } else { self.last };
                work += 2 * (high.saturating_sub(low) + 1);
                if work > ENVELOPE * count {
                    return envelope(tile, self.unit, self.centre, self.window);
                }
                tile.bounds[index] = self.find(tile, self.coarse_row(index), low, high);
                index += 2 * stride;
            }
            stride /= 2;
        }
        for (above, below) in tile.bounds.run(..coarse).iter().zip(tile.bounds.run(1..coarse)) {
            work += COARSE * (below[1].saturating_sub(above[0]) as usize + 1);
        }
        if work > ENVELOPE * count {
            return envelope(tile, self.unit, self.centre, self.window);
        }
        let mut longest = 0;
        for index in 0..coarse {
            longest = longest.max(self.top(tile, self.coarse_row(index)));
        }
        if self.hold(tile, longest + COARSE + BAND) {
            self.between::<true>(tile, coarse)
        } else {
            self.between::<false>(tile, coarse)
        }
    }

    /// First and last candidate of the rows before coarse row `index`.
    #[inline(always)]
    fn between_bounds(&self, tile: &Tile<C, N>, index: usize) -> (usize, usize) {
        (tile.bounds[index - 1][0] as usize, tile.bounds[index][1] as usize)
    }

    /// The reach of a row.
    #[inline(always)]
    fn top(&self, tile: &Tile<C, N>, y: usize) -> usize {
        top(tile.best.run(y..y + 1), &self.caps).reach(self.unit).min(UNKNOWN)
    }

    /// Lowers the rows between the coarse ones, which are solved.
    #[inline(always)]
    fn between<const SMALL: bool>(&self, tile: &mut Tile<C, N>, coarse: usize) {
        // Of the rows at either end of the run.
        let mut before = self.top(tile, self.window.begin);
        for index in 1..coarse {
            let (low, high) = self.between_bounds(tile, index);
            let (begin, end) = (self.coarse_row(index - 1) + 1, self.coarse_row(index));
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
            #[cfg(test)]
            tile.look_at(to - from + 1);
            found = nearest(tile.near.run(from..to + 1), tile.steps.run(self.centre + from - y..), from);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::tile::tile_len;
    use std::{vec, vec::Vec};

    const LANES: usize = 32;

    /// Solves a column of these candidates; returns how many rows of candidates were looked at, and `rows` of the
    /// result.
    fn solve<C: Cell>(
        near: &[[C; LANES]],
        unit: f64,
        rows: impl Iterator<Item = usize>,
    ) -> (usize, Vec<[C; LANES]>) {
        let extent = near.len();
        let len = tile_len::<C>(extent, 64, LANES);
        let mut scratch = vec![0u8; len + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut tile = Tile::<C, LANES>::new(&mut scratch[offset..][..len], extent, 64).unwrap();
        for (i, step) in tile.steps.run_mut(..2 * extent - 1).iter_mut().enumerate() {
            *step = C::square(i.abs_diff(extent - 1), unit);
        }
        for (y, row) in near.iter().enumerate() {
            (tile.near[y], tile.best[y]) = (*row, *row);
        }
        Column::new(&tile, unit, extent - 1, Window::first::<C>(extent)).solve(&mut tile);
        (tile.looked_at, rows.map(|y| tile.best[y]).collect())
    }

    /// Half of the lanes look to one end, half to the other, so that no run of candidates serves all; and some are
    /// the best somewhere in between.
    fn contrived<C: Cell>(rows: usize, value: impl Fn(usize, usize) -> C) -> Vec<[C; LANES]> {
        let is_near = |y: usize, x: usize| {
            let end = if x.is_multiple_of(2) { 0 } else { rows - 1 };
            let between = rows / 2..rows / 2 + rows / 8;
            y == end || between.contains(&y) && y.is_multiple_of(3) && y % 5 == x % 16
        };
        let lane = |y, x| if is_near(y, x) { value(y, x) } else { C::FAR };
        (0..rows).map(|y| core::array::from_fn(|x| lane(y, x))).collect()
    }

    fn looked_at(rows: usize) -> usize {
        solve(&contrived(rows, |_, _| 1e6f32), 1.0, 0..0).0 / rows
    }

    /// The third solver counts in voxels where cells do, whatever the spacing.
    #[test]
    fn contrived_columns_of_whole_numbers_are_exact() {
        let extent = 9_000;
        let near = contrived(extent, |y, x| (1 + y * 7 % 1000 * 40 + x) as u32);
        let rows = || (0..extent).step_by(331);
        let (looked_at, best) = solve(&near, 0.49, rows());
        assert!(looked_at / extent > ENVELOPE / 2, "the column is not contrived: {looked_at} rows");
        for (y, best) in rows().zip(best) {
            for x in 0..LANES {
                let candidates = near.iter().enumerate().filter(|(_, row)| row[x] < u32::FAR);
                let want = candidates.map(|(r, row)| row[x] + (y.abs_diff(r) * y.abs_diff(r)) as u32).min();
                assert_eq!(Some(best[x]), want, "row {y}, lane {x}");
            }
        }
    }

    /// A step may be so much shorter than a distance that candidates are equal after rounding, or would move back if
    /// rows that are solved did not bound them.
    #[test]
    fn sums_that_are_rounded_leave_candidates() {
        let mut random = 88172645463325252u64;
        let mut below = |end: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) as usize % end
        };
        for _ in 0..2000 {
            let extent = 100 + below(200);
            let unit = 10f64.powf(-4.0 - below(4000) as f64 / 1000.0);
            let value = (100 + below(40_000)) as f32 * 1.37;
            let mut near = vec![[f32::INFINITY; LANES]; extent];
            for _ in 0..2 + below(5) {
                near[below(extent)] = [value; LANES];
            }
            let (_, best) = solve(&near, unit, 0..extent);
            for (y, best) in best.iter().enumerate() {
                let steps = near
                    .iter()
                    .enumerate()
                    .filter(|(_, row)| row[0] < f32::INFINITY)
                    .map(|(r, _)| y.abs_diff(r));
                let step = steps.min().unwrap() as f64;
                let want = f64::from(value) + step * step * unit;
                assert!(
                    (f64::from(best[0]) - want).abs() <= want * 2f64.powi(-21),
                    "row {y}: {} not {want}",
                    best[0]
                );
            }
        }
    }

    #[test]
    fn contrived_columns_are_linear() {
        // Below the envelope's rows both solvers of runs are quadratic, and cheaper.
        let few = looked_at(2_000);
        assert!(few > 200, "the column is not contrived: {few} candidates for a row");
        for rows in [8_000, 32_000, 128_000] {
            let candidates = looked_at(rows);
            assert!(candidates <= 2 * ENVELOPE, "{candidates} candidates for each of {rows} rows");
        }
    }
}
