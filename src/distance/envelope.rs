//! The third arm: lower envelopes of parabolas, linear in the column, one lane at a time in f64.
//!
//! Ten times the cost of the others on what images hold; but no column, however contrived, costs more.

use super::cell::Cell;
use super::tile::Tile;

/// Lowers `best` by all candidates `near`.
pub fn envelope<C: Cell, const N: usize>(tile: &mut Tile<C, N>, extent: usize, unit: f64) {
    let [values, vertices, starts] = &mut tile.envelope;
    for lane in 0..N {
        // Parabola `vertices[k]` is the lowest from `starts[k]` on.
        let mut count = 0;
        for (x, row) in tile.near.run(..extent).iter().enumerate() {
            let value = row[lane].to_f64();
            values[x] = value;
            if value == f64::INFINITY {
                continue;
            }
            let x = x as f64;
            let mut start = f64::NEG_INFINITY;
            while count > 0 {
                let vertex = vertices[count - 1];
                let rise = value - values[vertex as usize];
                start = (rise / unit + (x * x - vertex * vertex)) / (2.0 * (x - vertex));
                if start > starts[count - 1] {
                    break;
                }
                // The newer one is below it from before its start.
                count -= 1;
                start = f64::NEG_INFINITY;
            }
            vertices[count] = x;
            starts[count] = start;
            count += 1;
        }
        if count == 0 {
            continue;
        }
        let mut k = 0;
        for y in 0..extent {
            while k + 1 < count && starts[k + 1] <= y as f64 {
                k += 1;
            }
            let r = vertices[k] as usize;
            let candidate = tile.near[r][lane].plus(tile.steps[extent - 1 + r - y]);
            tile.best[y][lane] = tile.best[y][lane].least(candidate);
        }
    }
}
