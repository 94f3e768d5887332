//! Run distances: distances to the nearest change of side along a row and along a column, from the inside bits alone.

use crate::checked::expected;
use crate::distance::bits::low_bits;
use crate::distance::plan::{Axis, Plan};
use crate::distance::rows::{NONE, RowRecord};
use crate::distance::squared_distance::{LaneIndex, SquaredDistance};
use crate::distance::tile::{ColumnTile, Window};

/// Writes the squared distances along the row of the lanes from `start` on of a block of `width` voxels. Lanes beyond
/// the block are 0.
#[inline(always)]
pub fn row_squares<D: SquaredDistance, const N: usize>(
    row: &mut [D; N],
    record: RowRecord,
    start: usize,
    width: usize,
    plan: &Plan,
) {
    let mut steps = [D::Index::LAST; N];
    if record.left != NONE {
        let first = D::Index::from_steps(record.left).offset(start as isize);
        for i in 0..N {
            steps[i] = steps[i].min(first.offset(i as isize));
        }
    }
    if record.right != NONE {
        let first = D::Index::from_steps(record.right).offset(width as isize - 1 - start as isize);
        for i in 0..N {
            steps[i] = steps[i].min(first.offset(-(i as isize)));
        }
    }
    let mut changes = record.changes(width);
    while changes != 0 {
        let entry = 64 + start - changes.trailing_zeros() as usize;
        if let Some(distances) = expected(D::Index::STEPS_FROM_CHANGE.get(entry..entry + N)) {
            for i in 0..N {
                steps[i] = steps[i].min(distances[i]);
            }
        }
        changes &= changes - 1;
    }
    for i in 0..N {
        row[i] = D::square_of_index(steps[i], plan.squared_spacing);
    }
    let count = (width - start).min(N);
    if plan.one_sided || count < N {
        let mask = if plan.one_sided { record.bits >> start } else { u64::MAX };
        let mask = mask & low_bits(count);
        for i in 0..N {
            row[i] = if mask >> i & 1 != 0 { row[i] } else { D::ZERO };
        }
    }
}

/// The distance since the last change of side, in the direction of the pass along a column.
struct RunDistance<D, const N: usize> {
    /// Squared run distance.
    square: [D; N],
    state: [D; N],
}

impl<D: SquaredDistance, const N: usize> RunDistance<D, N> {
    /// Creates the state before any change of side.
    #[inline(always)]
    fn new() -> Self {
        Self { square: [D::SATURATED; N], state: [D::NO_CHANGE; N] }
    }

    /// Advances by one row. The lanes of `change` are on another side than in the row before.
    #[inline(always)]
    fn advance(&mut self, change: u64, squared_spacing: f64) {
        let begin = D::run_begin(squared_spacing);
        let quarters = [change as u16, (change >> 16) as u16, (change >> 32) as u16, (change >> 48) as u16];
        for i in 0..N {
            let next = D::run_advance(self.square[i], self.state[i], squared_spacing);
            // A bit of a 16-bit word keeps more lanes per register than a bit of the 64-bit word.
            let changed = quarters[i / 16] & 1 << (i % 16) != 0;
            self.square[i] = if changed { begin.0 } else { next.0 };
            self.state[i] = if changed { begin.1 } else { next.1 };
        }
    }
}

/// Initializes `minima` in the rows that a window solves: with the candidate of each row itself, and with the squared
/// distance `h²` to the nearest change of side in the column. A change of side outside of the window is too far for
/// the type.
#[inline(always)]
pub fn initialize_minima<D: SquaredDistance, const N: usize>(
    tile: &mut ColumnTile<'_, D, N>,
    plan: &Plan,
    axis: Axis,
    window: Window,
) {
    let Axis { extent, squared_spacing, border, .. } = axis;
    let Window { base, rows, begin, end } = window;
    for y in begin..end {
        tile.minima[y] = tile.input[y];
    }
    if plan.one_sided {
        for y in if border { begin..end } else { 0..0 } {
            let edge = D::square((base + y + 1).min(extent - base - y), squared_spacing);
            for lane in tile.minima[y].iter_mut() {
                *lane = lane.lesser(edge);
            }
        }
        return;
    }
    let mut ends = [0, 0];
    if border {
        ends = [
            if base == 0 { tile.inside[0] } else { 0 },
            if base + rows == extent { tile.inside[rows - 1] } else { 0 },
        ];
    }
    let mut changes = ends[0] | ends[1];
    for (above, below) in tile.inside.range(..rows).iter().zip(tile.inside.range(1..rows)) {
        changes |= above ^ below;
    }
    if changes == 0 {
        return;
    }
    // Run distances in each lane, first with increasing and then with decreasing `y`.
    for down in [true, false] {
        let mut run = RunDistance::<D, N>::new();
        for i in 0..if down { end } else { rows - begin } {
            let y = if down { i } else { rows - 1 - i };
            let change = match (i, down) {
                (0, true) => ends[0],
                (0, false) => ends[1],
                (_, true) => tile.inside[y] ^ tile.inside[y - 1],
                (_, false) => tile.inside[y] ^ tile.inside[y + 1],
            };
            run.advance(change, squared_spacing);
            if y < begin || y >= end {
                continue;
            }
            let minima = &mut tile.minima[y];
            for i in 0..N {
                minima[i] = minima[i].lesser(run.square[i]);
            }
        }
    }
}
