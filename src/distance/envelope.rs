//! Lower envelope of parabolas (Felzenszwalb, Huttenlocher 2012), one column at a time in f64, linear in the length
//! of the column whatever the input.
//!
//! The third solver of a tile: ten times slower than the others on typical images, and a bound on the time of
//! adversarial columns. Also the solver of [`exact`](super::exact), because it identifies the nearest row.

use crate::distance::squared_distance::SquaredDistance;
use crate::distance::tile::{ColumnTile, ScratchSlice, Window};

/// The parabolas `values[x] + squared_spacing · (y − x)²` of a column, and those of them on the lower envelope, in
/// order.
pub struct Envelope<'t, 'a> {
    pub values: &'t mut ScratchSlice<'a, f64>,
    /// Parabola `vertices[k]` is the lowest from row `starts[k]` on.
    pub vertices: &'t mut ScratchSlice<'a, u64>,
    pub starts: &'t mut ScratchSlice<'a, u64>,
    /// Squared spacing.
    pub squared_spacing: f64,
    /// Number of parabolas on the envelope.
    pub count: usize,
}

impl Envelope<'_, '_> {
    /// Returns parabola `x` at row `y`.
    #[inline(always)]
    pub fn at(&self, x: usize, y: usize) -> f64 {
        let steps = x.abs_diff(y) as f64;
        self.values[x] + self.squared_spacing * (steps * steps)
    }

    /// Adds parabola `x`, which lies after all earlier ones, if its value is finite.
    #[inline(always)]
    pub fn push(&mut self, x: usize, value: f64, rows: usize) {
        self.values[x] = value;
        if value == f64::INFINITY {
            return;
        }
        let mut start = 0;
        while self.count > 0 {
            let (vertex, from) =
                (self.vertices[self.count - 1] as usize, self.starts[self.count - 1] as usize);
            if self.at(x, from) < self.at(vertex, from) {
                // The new parabola is lower from the start of the last one on, so the last one leaves the envelope.
                self.count -= 1;
                continue;
            }
            let steps = (x - vertex) as f64;
            let rise = (value - self.values[vertex]) / self.squared_spacing;
            // The intersection of the two parabolas. The cast clamps values beyond the ends of the column.
            let cross = (rise / steps + (x + vertex) as f64) / 2.0;
            start = (cross as usize).saturating_add(1).max(from + 1).min(rows);
            // A rounded intersection may be one row off.
            if start - 1 > from && self.at(x, start - 1) < self.at(vertex, start - 1) {
                start -= 1;
            } else if start < rows && self.at(vertex, start) < self.at(x, start) {
                start += 1;
            }
            break;
        }
        if start < rows {
            self.vertices[self.count] = x as u64;
            self.starts[self.count] = start as u64;
            self.count += 1;
        }
    }

    /// Returns the first of the lowest parabolas at row `y`. `k` is its position on the envelope, which the caller
    /// keeps between increasing rows.
    #[inline(always)]
    pub fn lowest(&self, k: &mut usize, y: usize) -> usize {
        while *k + 1 < self.count && self.starts[*k + 1] as usize <= y {
            *k += 1;
        }
        self.vertices[*k] as usize
    }
}

/// Lowers `minima` by all candidates `input`.
pub fn envelope<D: SquaredDistance, const N: usize>(
    tile: &mut ColumnTile<D, N>,
    squared_spacing: f64,
    centre: usize,
    window: Window,
) {
    let Window { rows, begin, end, .. } = window;
    #[cfg(test)]
    tile.count_candidates(4 * rows);
    let (values, vertices, starts) = &mut tile.envelope;
    for lane in 0..N {
        let mut envelope = Envelope {
            values: &mut *values,
            vertices: &mut *vertices,
            starts: &mut *starts,
            squared_spacing: D::unit_square(squared_spacing),
            count: 0,
        };
        for (x, row) in tile.input.range(..rows).iter().enumerate() {
            envelope.push(x, row[lane].to_f64(), rows);
        }
        if envelope.count == 0 {
            continue;
        }
        let mut k = 0;
        for y in begin..end {
            let r = envelope.lowest(&mut k, y);
            let candidate = tile.input[r][lane].add_saturating(tile.step_squares[centre + r - y]);
            tile.minima[y][lane] = tile.minima[y][lane].lesser(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::tile::tile_len;
    use std::{assert_eq, vec, vec::Vec};

    const LANES: usize = 32;

    /// A fixed sequence of pseudo-random numbers below `end`.
    fn numbers() -> impl FnMut(u64) -> u64 {
        let mut state = 1u64;
        move |end| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        }
    }

    /// Compares columns of candidates up to `highest`, some of them infinite, with the minimum over all pairs of rows.
    #[track_caller]
    fn check<D: SquaredDistance + PartialEq + core::fmt::Debug>(extent: usize, highest: usize) {
        let mut below = numbers();
        let mut scratch = vec![0u8; tile_len::<D>(extent, 64, LANES) + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut tile = ColumnTile::<D, LANES>::new(&mut scratch[offset..], extent, 64).unwrap();
        for (i, step) in tile.step_squares.range_mut(..2 * extent - 1).iter_mut().enumerate() {
            *step = D::square(i.abs_diff(extent - 1), 1.0);
        }
        for y in 0..extent {
            for lane in 0..LANES {
                let square = D::square(below(highest as u64 + 1) as usize, 1.0);
                tile.input[y][lane] = if below(4) == 0 || lane == 0 { D::SATURATED } else { square };
                tile.minima[y][lane] = D::SATURATED;
            }
        }
        envelope(&mut tile, 1.0, extent - 1, Window::first::<D>(extent));
        for y in 0..extent {
            for lane in 0..LANES {
                let candidates =
                    (0..extent).map(|r| tile.input[r][lane].add_saturating(D::square(r.abs_diff(y), 1.0)));
                let least = candidates.fold(D::SATURATED, |least, candidate| least.lesser(candidate));
                assert_eq!(tile.minima[y][lane], least, "lane {lane} of row {y}");
            }
        }
    }

    #[test]
    fn every_type_has_the_minima_of_all_pairs() {
        check::<u16>(150, 200);
        check::<u32>(150, 5_000);
        check::<f32>(150, 2_000);
        check::<f64>(150, 2_000);
    }

    /// One parabola per row; a row with an infinite value has none.
    #[track_caller]
    fn check_lowest(squared_spacing: f64, known: &[f64]) {
        let rows = known.len();
        let (mut values, mut vertices, mut starts) = (vec![0.0; rows], vec![0; rows], vec![0; rows]);
        let mut envelope = Envelope {
            values: &mut ScratchSlice::new(&mut values).unwrap(),
            vertices: &mut ScratchSlice::new(&mut vertices).unwrap(),
            starts: &mut ScratchSlice::new(&mut starts).unwrap(),
            squared_spacing,
            count: 0,
        };
        for (x, &value) in known.iter().enumerate() {
            envelope.push(x, value, rows);
        }
        let mut k = 0;
        for y in (0..rows).take_while(|_| envelope.count > 0) {
            let found = envelope.lowest(&mut k, y);
            let least = (0..rows).map(|x| envelope.at(x, y)).fold(f64::INFINITY, f64::min);
            assert_eq!(envelope.at(found, y), least, "{known:?} row {y}");
        }
    }

    /// Parabolas of sums of squares often intersect exactly at a row, or one rounding beside it.
    #[test]
    fn lowest_parabola_of_every_row_is_the_minimum() {
        let mut below = numbers();
        for spacing in [1.0, 0.1, 0.3, 0.7, 1.7, 3.1] {
            for of_values in [spacing, 0.1, 1.0] {
                for _ in 0..400 {
                    let value = |_| match below(5) {
                        0 => f64::INFINITY,
                        _ => below(60).pow(2) as f64 * (of_values * of_values),
                    };
                    check_lowest(spacing * spacing, &(0..60).map(value).collect::<Vec<_>>());
                }
            }
        }
        // They intersect at row 84, where the intersection is rounded down, and at row 90.
        for (squared_spacing, [first, second]) in
            [(0.1 * 0.1, [(14, 1.44), (23, 13.23)]), (0.001, [(2, 0.1), (10, 1.444)])]
        {
            let mut known = [f64::INFINITY; 100];
            (known[first.0], known[second.0]) = (first.1, second.1);
            check_lowest(squared_spacing, &known);
        }
    }
}
