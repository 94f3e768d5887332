//! Lower envelopes of parabolas (Felzenszwalb, Huttenlocher 2012), one column at a time in f64: linear in the column
//! whatever is in it.
//!
//! The third solver of a tile: ten times the cost of the others on what images hold, but no column, however
//! contrived, costs more. And the solver of [`exact`](super::exact), because it knows which row is the nearest.

use crate::distance::cell::Cell;
use crate::distance::tile::{Part, Tile, Window};

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
