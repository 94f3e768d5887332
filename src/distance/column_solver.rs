//! Solvers of the one-dimensional problem along a column, for all lanes of a tile at once:
//!
//! ```text
//! minimum(y) = min over r of  input(r) + w²·(y − r)²
//! ```
//!
//! The work is sums and minima over a range of candidate rows `r`, for [`BAND`] rows `y` at a time, whose minima stay
//! in registers ([`min_plus`](super::min_plus)). The solvers differ in how they bound the candidates:
//!
//! - *Local*: by the largest distance within the band, as far as it is known. An upper bound follows from the input
//!   itself, from the distances to changes of side, and from neighbouring rows, because a distance changes by at most
//!   one step from row to row.
//! - *Monotone*: the first best candidate of a lane does not decrease with `y`. Rows that are already solved
//!   therefore bound the candidates of the rows between them, whatever the distance.
//! - [`envelope`](super::envelope): the lower envelope of parabolas, linear in the column whatever the input, one
//!   lane at a time.

use crate::checked::expected;
use crate::distance::envelope::envelope;
use crate::distance::min_plus::{
    BAND, GROUP, lane_extremes, max_within_limits, min_plus_argmin, min_plus_band, min_plus_row,
};
use crate::distance::squared_distance::{LaneIndex, SquaredDistance};
use crate::distance::tile::{COARSE, ColumnTile, Window};
use crate::simd::level::HAS_VECTORS;

/// Mean reach in rows above which the monotone solver is used.
const LOCAL_REACH: usize = 24;

/// Mean number of candidates per row above which the scalar envelope is faster.
const ENVELOPE_CANDIDATES: usize = 1024;

/// A reach longer than any column. It is small enough to add a few rows without overflow of u32.
const UNLIMITED: usize = u32::MAX as usize / 2;

/// The solver of one window of a tile.
pub struct ColumnSolver<D, const N: usize> {
    /// The rows in the tile, and the range of them to solve.
    window: Window,
    /// Squared spacing of the axis.
    squared_spacing: f64,
    /// The index of a step of 0 rows in the table of squared steps.
    centre: usize,
    /// First and last row that may have a finite candidate.
    first: usize,
    last: usize,
    /// `SATURATED` in the lanes that have a finite candidate, 0 in the others, so that these do not affect maxima.
    lane_limits: [D; N],
}

impl<D: SquaredDistance, const N: usize> ColumnSolver<D, N> {
    /// Creates a solver; reads which rows and lanes of `input` have finite candidates.
    #[inline(always)]
    pub fn new(tile: &ColumnTile<D, N>, squared_spacing: f64, centre: usize, window: Window) -> Self {
        let input = tile.input.range(..window.rows);
        let mut low = [D::SATURATED; N];
        let (mut first, mut last) = (window.rows, 0);
        let mut begin = 0;
        for rows in input.chunks(8) {
            let [here, _] = lane_extremes(rows);
            let mut least = D::SATURATED;
            for i in 0..N {
                least = least.lesser(here[i]);
                low[i] = low[i].lesser(here[i]);
            }
            if least.is_less(D::SATURATED) {
                first = first.min(begin);
                last = begin + rows.len() - 1;
            }
            begin += rows.len();
        }
        let mut lane_limits = [D::ZERO; N];
        for i in 0..N {
            lane_limits[i] = if low[i].is_less(D::SATURATED) { D::SATURATED } else { D::ZERO };
        }
        Self { window, squared_spacing, centre, first, last, lane_limits }
    }

    /// Number of rows to solve.
    #[inline(always)]
    fn count(&self) -> usize {
        self.window.end - self.window.begin
    }

    /// Lowers `minima`, which holds the initial upper bounds, by all candidates `input`.
    #[inline(always)]
    pub fn solve(&self, tile: &mut ColumnTile<D, N>) {
        let Window { begin, end, .. } = self.window;
        if self.first > self.last {
            return;
        }
        // `zip` of chunks divides by the chunk length; a build for size does not prove it nonzero and keeps a panic.
        let mut reaches = tile.reach.range_mut(..).iter_mut();
        for rows in tile.minima.range(begin..end).chunks(BAND) {
            let Some(reach) = expected(reaches.next()) else { break };
            *reach = max_within_limits(rows, &self.lane_limits)
                .steps_below(self.squared_spacing)
                .min(UNLIMITED) as u32;
        }
        let total = self.spread_reach(tile);
        if total <= LOCAL_REACH * self.count() {
            return self.solve_local(tile);
        }
        self.solve_monotone(tile);
    }

    /// Propagates upper bounds of the reach between bands, by at most one step per row. Returns the sum of the
    /// reaches over all rows.
    ///
    /// A reach that is read from `minima` may exclude the distance itself, which `minima` already holds; the distance
    /// is at most one step longer. A reach that follows from neighbouring rows must include the distance.
    #[inline(always)]
    fn spread_reach(&self, tile: &mut ColumnTile<D, N>) -> usize {
        let bands = self.count().div_ceil(BAND);
        let mut total = 0;
        let mut distance = UNLIMITED as u32;
        for reach in tile.reach.range_mut(..bands).iter_mut() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
        }
        distance = UNLIMITED as u32;
        for reach in tile.reach.range_mut(..bands).iter_mut().rev() {
            let follows = distance + BAND as u32;
            distance = follows.min(*reach + 1);
            *reach = follows.min(*reach);
            total += (*reach as usize).min(self.window.rows);
        }
        total * BAND
    }

    /// Lowers rows `y..y + rows`, at most a band, by the candidates of rows `from..=to`.
    #[inline(always)]
    fn update_band<const NO_SATURATION: bool>(
        &self,
        tile: &mut ColumnTile<D, N>,
        y: usize,
        rows: usize,
        from: usize,
        to: usize,
    ) {
        if from > to {
            return;
        }
        // The range is extended to whole groups: every row is a valid candidate.
        let all = self.window.rows;
        let count = (to - from + 1).next_multiple_of(GROUP);
        let from = from.min(all.saturating_sub(count));
        #[cfg(test)]
        tile.count_candidates(rows * count.min(all - from));
        let input = tile.input.range(from..(from + count).min(all));
        if let (BAND, true, Some(band)) =
            (rows, input.len() == count, tile.minima.range_mut(y..).first_chunk_mut::<BAND>())
        {
            let squares = tile.step_squares.range(self.centre + 1 + from - y - BAND..);
            return min_plus_band::<_, _, NO_SATURATION>(band, input, squares);
        }
        for y in y..y + rows {
            min_plus_row(&mut tile.minima[y], input, tile.step_squares.range(self.centre + from - y..));
        }
    }

    /// First and last row within `reach` of rows `y..y + rows` that may have a finite candidate.
    #[inline(always)]
    fn candidate_rows(&self, y: usize, rows: usize, reach: usize) -> (usize, usize) {
        (y.saturating_sub(reach).max(self.first), (y + rows - 1).saturating_add(reach).min(self.last))
    }

    /// Solves each band within its reach. Bounds from the bands already solved would be about a tenth tighter, and
    /// would make each band depend on the one before.
    #[inline(always)]
    fn solve_local(&self, tile: &mut ColumnTile<D, N>) {
        let longest = tile.reach.range(..self.count().div_ceil(BAND)).iter().fold(0, |a: u32, &b| a.max(b));
        if self.clamp_half(tile, longest as usize) {
            self.solve_bands::<true>(tile)
        } else {
            self.solve_bands::<false>(tile)
        }
    }

    /// Clamps all candidates to half of the type's maximum, so that no sum saturates. Returns false, and changes
    /// nothing, if the type has no such half, a distance may be longer, or a lane has no finite candidate.
    #[inline(always)]
    fn clamp_half(&self, tile: &mut ColumnTile<D, N>, longest: usize) -> bool {
        let Some(half) = D::HALF.filter(|_| HAS_VECTORS) else { return false };
        // A distance is at most one step longer than its reach, so its square stays below half; a clamped candidate
        // cannot be the minimum. Candidate rows lie less than `BAND + GROUP` rows beyond the reach, where squared
        // steps are below half as well.
        if longest + BAND + GROUP > half.steps_below(1.0)
            || self.lane_limits.iter().any(|limit| limit.is_less(D::SATURATED))
        {
            return false;
        }
        for row in tile.input.range_mut(..self.window.rows).iter_mut() {
            for lane in row.iter_mut() {
                *lane = lane.lesser(half);
            }
        }
        true
    }

    #[inline(always)]
    fn solve_bands<const NO_SATURATION: bool>(&self, tile: &mut ColumnTile<D, N>) {
        let Window { begin, end, .. } = self.window;
        for y in (begin..end).step_by(BAND) {
            let rows = BAND.min(end - y);
            let (from, to) = self.candidate_rows(y, rows, tile.reach[(y - begin) / BAND] as usize);
            self.update_band::<NO_SATURATION>(tile, y, rows, from, to);
        }
    }

    /// The row with number `index` among the coarse rows, which the monotone solver solves first.
    #[inline(always)]
    fn coarse_row(&self, index: usize) -> usize {
        self.window.begin + (index * COARSE).min(self.count() - 1)
    }

    #[inline(always)]
    fn solve_monotone(&self, tile: &mut ColumnTile<D, N>) {
        let count = self.count();
        let coarse = (count - 1).div_ceil(COARSE) + 1;
        let mut work = 0;
        let mut stride = coarse.next_power_of_two();
        while stride > 0 {
            let mut index = stride - 1;
            while index < coarse {
                let low =
                    if index >= stride { tile.argmin_rows[index - stride][0] as usize } else { self.first };
                let high = if index + stride < coarse {
                    tile.argmin_rows[index + stride][1] as usize
                } else {
                    self.last
                };
                work += 2 * (high.saturating_sub(low) + 1);
                if work > ENVELOPE_CANDIDATES * count {
                    return envelope(tile, self.squared_spacing, self.centre, self.window);
                }
                tile.argmin_rows[index] = self.solve_coarse_row(tile, self.coarse_row(index), low, high);
                index += 2 * stride;
            }
            stride /= 2;
        }
        for (above, below) in tile.argmin_rows.range(..coarse).iter().zip(tile.argmin_rows.range(1..coarse)) {
            work += COARSE * (below[1].saturating_sub(above[0]) as usize + 1);
        }
        if work > ENVELOPE_CANDIDATES * count {
            return envelope(tile, self.squared_spacing, self.centre, self.window);
        }
        let mut longest = 0;
        for index in 0..coarse {
            longest = longest.max(self.row_reach(tile, self.coarse_row(index)));
        }
        if self.clamp_half(tile, longest + COARSE + BAND) {
            self.solve_between::<true>(tile, coarse)
        } else {
            self.solve_between::<false>(tile, coarse)
        }
    }

    /// First and last candidate row for the rows between coarse rows `index - 1` and `index`.
    #[inline(always)]
    fn candidate_bounds(&self, tile: &ColumnTile<D, N>, index: usize) -> (usize, usize) {
        (tile.argmin_rows[index - 1][0] as usize, tile.argmin_rows[index][1] as usize)
    }

    /// The reach of row `y`: the largest number of steps whose square is below the largest minimum of its lanes.
    #[inline(always)]
    fn row_reach(&self, tile: &ColumnTile<D, N>, y: usize) -> usize {
        max_within_limits(tile.minima.range(y..y + 1), &self.lane_limits)
            .steps_below(self.squared_spacing)
            .min(UNLIMITED)
    }

    /// Lowers the rows between the coarse rows, which are solved.
    #[inline(always)]
    fn solve_between<const NO_SATURATION: bool>(&self, tile: &mut ColumnTile<D, N>, coarse: usize) {
        // The reaches of the coarse rows at either end of the range.
        let mut before = self.row_reach(tile, self.window.begin);
        for index in 1..coarse {
            let (low, high) = self.candidate_bounds(tile, index);
            let (begin, end) = (self.coarse_row(index - 1) + 1, self.coarse_row(index));
            let after = self.row_reach(tile, end);
            for y in (begin..end).step_by(BAND) {
                let rows = BAND.min(end - y);
                let reach = 1 + (before + y + rows - begin).min(after + end - y);
                let (from, to) = self.candidate_rows(y, rows, reach);
                self.update_band::<NO_SATURATION>(tile, y, rows, from.max(low), to.min(high));
            }
            before = after;
        }
    }

    /// Lowers row `y` by the candidates of rows `low..=high`. Returns the first and the last of the rows that hold
    /// the lanes' best candidates.
    #[inline(always)]
    fn solve_coarse_row(&self, tile: &mut ColumnTile<D, N>, y: usize, low: usize, high: usize) -> [u32; 2] {
        let (from, to) = self.candidate_rows(y, 1, D::SATURATING_STEPS);
        let (from, to) = (from.max(low), to.min(high));
        let mut found = ([D::SATURATED; N], [D::Index::FIRST; N]);
        if from <= to {
            #[cfg(test)]
            tile.count_candidates(to - from + 1);
            found = min_plus_argmin(
                tile.input.range(from..to + 1),
                tile.step_squares.range(self.centre + from - y..),
                from,
            );
        }
        let (minima, argmin) = &found;
        let (mut first, mut last) = (D::Index::LAST, D::Index::FIRST);
        let mut unknown = D::ZERO;
        for i in 0..N {
            let has_candidate = D::ZERO.is_less(self.lane_limits[i]);
            first = first.min(if has_candidate { argmin[i] } else { D::Index::LAST });
            last = last.max(if has_candidate { argmin[i] } else { D::Index::FIRST });
            unknown = unknown.greater(minima[i].lesser(self.lane_limits[i]));
        }
        let row = &mut tile.minima[y];
        for i in 0..N {
            row[i] = row[i].lesser(minima[i]);
        }
        // Where the best candidate saturates, its row is unknown.
        if unknown.is_less(D::SATURATED) {
            [first.to_row() as u32, last.to_row() as u32]
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

    /// Solves a column with this input. Returns the number of candidate rows visited, and `rows` of the result.
    fn solve<D: SquaredDistance>(
        input: &[[D; LANES]],
        squared_spacing: f64,
        rows: impl Iterator<Item = usize>,
    ) -> (usize, Vec<[D; LANES]>) {
        let extent = input.len();
        let len = tile_len::<D>(extent, 64, LANES);
        let mut scratch = vec![0u8; len + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut tile = ColumnTile::<D, LANES>::new(&mut scratch[offset..][..len], extent, 64).unwrap();
        for (i, step) in tile.step_squares.range_mut(..2 * extent - 1).iter_mut().enumerate() {
            *step = D::square(i.abs_diff(extent - 1), squared_spacing);
        }
        for (y, row) in input.iter().enumerate() {
            (tile.input[y], tile.minima[y]) = (*row, *row);
        }
        ColumnSolver::new(&tile, squared_spacing, extent - 1, Window::first::<D>(extent)).solve(&mut tile);
        (tile.candidates_visited, rows.map(|y| tile.minima[y]).collect())
    }

    /// Half of the lanes have their nearest candidate at one end, half at the other, so that no short range of
    /// candidates serves all lanes; some rows between are the best candidate somewhere.
    fn adversarial<D: SquaredDistance>(rows: usize, value: impl Fn(usize, usize) -> D) -> Vec<[D; LANES]> {
        let has_candidate = |y: usize, x: usize| {
            let end = if x.is_multiple_of(2) { 0 } else { rows - 1 };
            let between = rows / 2..rows / 2 + rows / 8;
            y == end || between.contains(&y) && y.is_multiple_of(3) && y % 5 == x % 16
        };
        let lane = |y, x| if has_candidate(y, x) { value(y, x) } else { D::SATURATED };
        (0..rows).map(|y| core::array::from_fn(|x| lane(y, x))).collect()
    }

    fn candidates_visited(rows: usize) -> usize {
        solve(&adversarial(rows, |_, _| 1e6f32), 1.0, 0..0).0 / rows
    }

    /// The envelope counts in voxels for integer types, whatever the spacing.
    #[test]
    fn adversarial_columns_of_integers_are_exact() {
        let extent = 9_000;
        let input = adversarial(extent, |y, x| (1 + y * 7 % 1000 * 40 + x) as u32);
        let rows = || (0..extent).step_by(331);
        let (candidates_visited, minima) = solve(&input, 0.49, rows());
        assert!(
            candidates_visited / extent > ENVELOPE_CANDIDATES / 2,
            "the column is not adversarial: {candidates_visited} rows"
        );
        for (y, minima) in rows().zip(minima) {
            for x in 0..LANES {
                let candidates = input.iter().enumerate().filter(|(_, row)| row[x] < u32::SATURATED);
                let want = candidates.map(|(r, row)| row[x] + (y.abs_diff(r) * y.abs_diff(r)) as u32).min();
                assert_eq!(Some(minima[x]), want, "row {y}, lane {x}");
            }
        }
    }

    /// With steps far shorter than the distances, candidates are equal after rounding, and the best row would
    /// decrease with `y` if solved rows did not bound the candidates.
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
            let squared_spacing = 10f64.powf(-4.0 - below(4000) as f64 / 1000.0);
            let value = (100 + below(40_000)) as f32 * 1.37;
            let mut input = vec![[f32::INFINITY; LANES]; extent];
            for _ in 0..2 + below(5) {
                input[below(extent)] = [value; LANES];
            }
            let (_, minima) = solve(&input, squared_spacing, 0..extent);
            for (y, minima) in minima.iter().enumerate() {
                let steps = input
                    .iter()
                    .enumerate()
                    .filter(|(_, row)| row[0] < f32::INFINITY)
                    .map(|(r, _)| y.abs_diff(r));
                let step = steps.min().unwrap() as f64;
                let want = f64::from(value) + step * step * squared_spacing;
                assert!(
                    (f64::from(minima[0]) - want).abs() <= want * 2f64.powi(-21),
                    "row {y}: {} not {want}",
                    minima[0]
                );
            }
        }
    }

    #[test]
    fn adversarial_columns_are_linear() {
        // In short columns the local and the monotone solver are quadratic, and cheaper than the envelope.
        let few = candidates_visited(2_000);
        assert!(few > 200, "the column is not adversarial: {few} candidates for a row");
        for rows in [8_000, 32_000, 128_000] {
            let candidates = candidates_visited(rows);
            assert!(candidates <= 2 * ENVELOPE_CANDIDATES, "{candidates} candidates for each of {rows} rows");
        }
    }
}
