//! Lower envelopes of parabolas (Felzenszwalb, Huttenlocher 2012), one column at a time in f64: linear in the column
//! whatever is in it.
//!
//! The third solver of a tile: ten times the cost of the others on what images hold, but no column, however
//! contrived, costs more. And the solver of [`exact`](super::exact), because it knows which row is the nearest.

use super::cell::Cell;
use super::tile::{Part, Tile, Window};

/// Parabolas `values[x] + unit · (y − x)²` over a column; those that are the lowest somewhere, in order.
pub struct Envelope<'t, 'a> {
    pub values: &'t mut Part<'a, f64>,
    /// Parabola `vertices[k]` is the lowest from row `starts[k]` on.
    pub vertices: &'t mut Part<'a, u64>,
    pub starts: &'t mut Part<'a, u64>,
    /// Squared spacing.
    pub unit: f64,
    /// How many are the lowest somewhere.
    pub count: usize,
}

impl Envelope<'_, '_> {
    /// Parabola `x` at row `y`.
    #[inline(always)]
    pub fn at(&self, x: usize, y: usize) -> f64 {
        let steps = x.abs_diff(y) as f64;
        self.values[x] + self.unit * (steps * steps)
    }

    /// Adds parabola `x`, which lies after all others, if its value is finite.
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
                // The newer one is lower from the older one's start on.
                self.count -= 1;
                continue;
            }
            let apart = (x - vertex) as f64;
            let rise = (value - self.values[vertex]) / self.unit;
            // Where they cross; the cast holds what lies beyond the column at its ends.
            let cross = (rise / apart + (x + vertex) as f64) / 2.0;
            start = (cross as usize).saturating_add(1).max(from + 1).min(rows);
            // A cross that was rounded may be a row off.
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

    /// The first of the lowest parabolas at row `y`, `k` being its number at a row before.
    #[inline(always)]
    pub fn lowest(&self, k: &mut usize, y: usize) -> usize {
        while *k + 1 < self.count && self.starts[*k + 1] as usize <= y {
            *k += 1;
        }
        self.vertices[*k] as usize
    }
}

/// Lowers `best` by all candidates `near`.
pub fn envelope<C: Cell, const N: usize>(tile: &mut Tile<C, N>, unit: f64, centre: usize, window: Window) {
    let Window { rows, begin, end, .. } = window;
    #[cfg(test)]
    tile.look_at(4 * rows);
    let (values, vertices, starts) = &mut tile.envelope;
    for lane in 0..N {
        let mut of_lane = Envelope {
            values: &mut *values,
            vertices: &mut *vertices,
            starts: &mut *starts,
            unit: C::unit(unit),
            count: 0,
        };
        for (x, row) in tile.near.run(..rows).iter().enumerate() {
            of_lane.push(x, row[lane].to_f64(), rows);
        }
        if of_lane.count == 0 {
            continue;
        }
        let mut k = 0;
        for y in begin..end {
            let r = of_lane.lowest(&mut k, y);
            let candidate = tile.near[r][lane].plus(tile.steps[centre + r - y]);
            tile.best[y][lane] = tile.best[y][lane].least(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::tile::tile_len;
    use std::{assert_eq, vec, vec::Vec};

    const LANES: usize = 32;

    /// Numbers below `end`, none of them random.
    fn numbers() -> impl FnMut(u64) -> u64 {
        let mut state = 1u64;
        move |end| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        }
    }

    /// A column of candidates up to `highest`, some of them nowhere, against every pair of its rows.
    #[track_caller]
    fn check<C: Cell + PartialEq + core::fmt::Debug>(extent: usize, highest: usize) {
        let mut below = numbers();
        let mut scratch = vec![0u8; tile_len::<C>(extent, 64, LANES) + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut tile = Tile::<C, LANES>::new(&mut scratch[offset..], extent, 64).unwrap();
        for (i, step) in tile.steps.run_mut(..2 * extent - 1).iter_mut().enumerate() {
            *step = C::square(i.abs_diff(extent - 1), 1.0);
        }
        for y in 0..extent {
            for lane in 0..LANES {
                let square = C::square(below(highest as u64 + 1) as usize, 1.0);
                tile.near[y][lane] = if below(4) == 0 || lane == 0 { C::FAR } else { square };
                tile.best[y][lane] = C::FAR;
            }
        }
        envelope(&mut tile, 1.0, extent - 1, Window::first::<C>(extent));
        for y in 0..extent {
            for lane in 0..LANES {
                let candidates = (0..extent).map(|r| tile.near[r][lane].plus(C::square(r.abs_diff(y), 1.0)));
                let least = candidates.fold(C::FAR, |least, candidate| least.least(candidate));
                assert_eq!(tile.best[y][lane], least, "lane {lane} of row {y}");
            }
        }
    }

    #[test]
    fn columns_of_every_cell_are_lowered_to_their_envelope() {
        check::<u16>(150, 200);
        check::<u32>(150, 5_000);
        check::<f32>(150, 2_000);
        check::<f64>(150, 2_000);
    }

    /// One parabola a row, infinite ones nowhere.
    #[track_caller]
    fn check_lowest(unit: f64, known: &[f64]) {
        let rows = known.len();
        let (mut values, mut vertices, mut starts) = (vec![0.0; rows], vec![0; rows], vec![0; rows]);
        let mut envelope = Envelope {
            values: &mut Part::new(&mut values).unwrap(),
            vertices: &mut Part::new(&mut vertices).unwrap(),
            starts: &mut Part::new(&mut starts).unwrap(),
            unit,
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

    /// Parabolas of sums of squares, which often meet in a row or a rounding beside it, where either may begin.
    #[test]
    fn the_lowest_at_every_row_is_the_lowest_of_all() {
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
        // They meet in row 84, where the cross is rounded down, and in row 90.
        for (unit, [first, second]) in
            [(0.1 * 0.1, [(14, 1.44), (23, 13.23)]), (0.001, [(2, 0.1), (10, 1.444)])]
        {
            let mut known = [f64::INFINITY; 100];
            (known[first.0], known[second.0]) = (first.1, second.1);
            check_lowest(unit, &known);
        }
    }
}
