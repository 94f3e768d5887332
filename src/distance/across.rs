//! Distances to a change of side, which bits alone tell: along the rows, and along a column.

use super::cell::Cell;
use super::plan::{Axis, Plan};
use super::rows::{NONE, Record, low_bits};
use super::tile::Tile;

/// Half the length of the table of gaps: as far as a row, or a cell, goes, and a block.
#[inline(always)]
pub fn gap_reach<C: Cell>(width: usize, lanes: usize) -> usize {
    width.min(C::REACH).saturating_add(lanes)
}

/// Squared distances along the row, of all lanes of a block. `gaps[centre + d]` is the square for a lane
/// `d` to the right of a change, so each change costs one minimum with a run of that table.
#[inline(always)]
pub fn expand<C: Cell, const N: usize>(
    row: &mut [C; N],
    record: Record,
    width: usize,
    gaps: &[C],
    plan: &Plan,
) {
    let reach = gap_reach::<C>(plan.width, N) - N;
    let centre = reach + N;
    let mut best = [C::FAR; N];
    if record.left != NONE {
        lower(&mut best, gaps, centre - 1 + (record.left as usize).min(reach));
    }
    if record.right != NONE {
        lower(&mut best, gaps, centre - (width - 1) - (record.right as usize).min(reach));
    }
    let mut changes = (record.bits ^ record.bits << 1) & low_bits(width) & !1;
    while changes != 0 {
        lower(&mut best, gaps, centre - changes.trailing_zeros() as usize);
        changes &= changes - 1;
    }
    *row = best;
    if plan.one_sided {
        for i in 0..N {
            row[i] = if record.bits >> i & 1 != 0 { row[i] } else { C::ZERO };
        }
    }
}

/// best = min(best, run of gaps).
#[inline(always)]
fn lower<C: Cell, const N: usize>(best: &mut [C; N], gaps: &[C], begin: usize) {
    if let Some(run) = gaps.get(begin..begin + N) {
        for i in 0..N {
            best[i] = best[i].least(run[i]);
        }
    }
}

/// The distance since the last change of side, while walking along a column.
struct Walk<C, const N: usize> {
    /// Squared.
    square: [C; N],
    state: [C; N],
}

impl<C: Cell, const N: usize> Walk<C, N> {
    /// No change has been seen.
    #[inline(always)]
    fn new() -> Self {
        Self { square: [C::FAR; N], state: [C::IDLE; N] }
    }

    /// Steps into a row where the lanes of `change` are on another side than the row before.
    #[inline(always)]
    fn step(&mut self, change: u64, unit: f64) {
        let begin = C::begin(unit);
        let quarters = [change as u16, (change >> 16) as u16, (change >> 32) as u16, (change >> 48) as u16];
        for i in 0..N {
            let next = C::advance(self.square[i], self.state[i], unit);
            // A bit of a number as wide as a lane: more lanes to a register than with the word itself.
            let changed = quarters[i / 16] & 1 << (i % 16) != 0;
            self.square[i] = if changed { begin.0 } else { next.0 };
            self.state[i] = if changed { begin.1 } else { next.1 };
        }
    }
}

/// Begins `best`: each row's own candidate, and what the column itself says of its sides, `h²`.
#[inline(always)]
pub fn across<C: Cell, const N: usize>(tile: &mut Tile<'_, C, N>, plan: &Plan, axis: Axis) {
    let Axis { extent, unit, border, .. } = axis;
    for y in 0..extent {
        tile.best[y] = tile.near[y];
    }
    if plan.one_sided {
        for y in 0..if border { extent } else { 0 } {
            let edge = C::square((y + 1).min(extent - y), unit);
            for lane in tile.best[y].iter_mut() {
                *lane = lane.least(edge);
            }
        }
        return;
    }
    let mut ends = [0, 0];
    if border {
        ends = [tile.sides[0], tile.sides[extent - 1]];
    }
    let mut changes = ends[0] | ends[1];
    for y in 1..extent {
        changes |= tile.sides[y] ^ tile.sides[y - 1];
    }
    if changes == 0 {
        return;
    }
    // Steps since the last change, lane by lane, downwards and then upwards.
    for down in [true, false] {
        let mut walk = Walk::<C, N>::new();
        for i in 0..extent {
            let y = if down { i } else { extent - 1 - i };
            let change = match (i, down) {
                (0, true) => ends[0],
                (0, false) => ends[1],
                (_, true) => tile.sides[y] ^ tile.sides[y - 1],
                (_, false) => tile.sides[y] ^ tile.sides[y + 1],
            };
            walk.step(change, unit);
            let best = &mut tile.best[y];
            for i in 0..N {
                best[i] = best[i].least(walk.square[i]);
            }
        }
    }
}
