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
