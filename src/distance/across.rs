//! Distances to a change of side, which bits alone tell: along the rows, and along a column.

use crate::distance::cell::{Cell, Index};
use crate::distance::plan::{Axis, Plan};
use crate::distance::rows::{NONE, Record, low_bits};
use crate::distance::tile::{Tile, Window};

/// Squared distances along the row of the lanes of a block from `start` on, `width` of the block's voxels; lanes
/// beyond these are 0.
#[inline(always)]
pub fn expand<C: Cell, const N: usize>(
    row: &mut [C; N],
    record: Record,
    start: usize,
    width: usize,
    plan: &Plan,
) {
    let mut steps = [C::Index::LAST; N];
    if record.left != NONE {
        let first = C::Index::from_steps(record.left).offset(start as isize);
        for i in 0..N {
            steps[i] = steps[i].min(first.offset(i as isize));
        }
    }
    if record.right != NONE {
        let first = C::Index::from_steps(record.right).offset(width as isize - 1 - start as isize);
        for i in 0..N {
            steps[i] = steps[i].min(first.offset(-(i as isize)));
        }
    }
    let mut changes = record.changes(width);
    while changes != 0 {
        let away = 64 + start - changes.trailing_zeros() as usize;
        if let Some(away) = C::Index::AWAY.get(away..away + N) {
            for i in 0..N {
                steps[i] = steps[i].min(away[i]);
            }
        }
        changes &= changes - 1;
    }
    for i in 0..N {
        row[i] = C::of_steps(steps[i], plan.unit);
    }
    let count = (width - start).min(N);
    if plan.one_sided || count < N {
        let own = if plan.one_sided { record.bits >> start } else { u64::MAX };
        let own = own & low_bits(count);
        for i in 0..N {
            row[i] = if own >> i & 1 != 0 { row[i] } else { C::ZERO };
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

/// Begins `best` of the rows that a window solves: each row's own candidate, and what the column itself says of its
/// sides, `h²`. A change of side beyond the window is too far for the cell.
#[inline(always)]
pub fn across<C: Cell, const N: usize>(tile: &mut Tile<'_, C, N>, plan: &Plan, axis: Axis, window: Window) {
    let Axis { extent, unit, border, .. } = axis;
    let Window { base, rows, begin, end } = window;
    for y in begin..end {
        tile.best[y] = tile.near[y];
    }
    if plan.one_sided {
        for y in if border { begin..end } else { 0..0 } {
            let edge = C::square((base + y + 1).min(extent - base - y), unit);
            for lane in tile.best[y].iter_mut() {
                *lane = lane.least(edge);
            }
        }
        return;
    }
    let mut ends = [0, 0];
    if border {
        ends = [
            if base == 0 { tile.sides[0] } else { 0 },
            if base + rows == extent { tile.sides[rows - 1] } else { 0 },
        ];
    }
    let mut changes = ends[0] | ends[1];
    for (above, below) in tile.sides.run(..rows).iter().zip(tile.sides.run(1..rows)) {
        changes |= above ^ below;
    }
    if changes == 0 {
        return;
    }
    // Steps since the last change, lane by lane, downwards and then upwards.
    for down in [true, false] {
        let mut walk = Walk::<C, N>::new();
        for i in 0..if down { end } else { rows - begin } {
            let y = if down { i } else { rows - 1 - i };
            let change = match (i, down) {
                (0, true) => ends[0],
                (0, false) => ends[1],
                (_, true) => tile.sides[y] ^ tile.sides[y - 1],
                (_, false) => tile.sides[y] ^ tile.sides[y + 1],
            };
            walk.step(change, unit);
            if y < begin || y >= end {
                continue;
            }
            let best = &mut tile.best[y];
            for i in 0..N {
                best[i] = best[i].least(walk.square[i]);
            }
        }
    }
}
