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
    let mut ends = [0, 0];
    if border && !plan.one_sided {
        ends = [
            if base == 0 { tile.inside[0] } else { 0 },
            if base + rows == extent { tile.inside[rows - 1] } else { 0 },
        ];
    }
    let mut changes = ends[0] | ends[1];
    for (above, below) in tile.inside.range(..rows).iter().zip(tile.inside.range(1..rows)) {
        changes |= above ^ below;
    }
    if changes == 0 || plan.one_sided {
        for y in begin..end {
            tile.minima[y] = tile.input[y];
        }
        for y in if plan.one_sided && border { begin..end } else { 0..0 } {
            let edge = D::square((base + y + 1).min(extent - base - y), squared_spacing);
            for lane in tile.minima[y].iter_mut() {
                *lane = lane.lesser(edge);
            }
        }
        return;
    }
    // Steps since the last change of side, kept in `minima` as the bits of its elements.
    let mut steps = [D::Index::from_steps(NONE); N];
    for y in 0..end {
        let change = if y == 0 { ends[0] } else { tile.inside[y] ^ tile.inside[y - 1] };
        D::advance_steps(&mut steps, change);
        if y >= begin {
            tile.minima[y] = steps.map(
                #[inline(always)]
                |steps| D::from_bits_of(steps),
            );
        }
    }
    // With decreasing `y`, the steps to the next change of side; the square of the lesser number.
    let mut steps = [D::Index::from_steps(NONE); N];
    for y in (begin..rows).rev() {
        let change = if y == rows - 1 { ends[1] } else { tile.inside[y] ^ tile.inside[y + 1] };
        D::advance_steps(&mut steps, change);
        if y < end {
            // Copies: the rows of a tile are not known to be disjoint.
            let (mut minima, input) = (tile.minima[y], tile.input[y]);
            for i in 0..N {
                let square = D::run_square(minima[i].bits_of().min(steps[i]), squared_spacing);
                minima[i] = square.lesser(input[i]);
            }
            tile.minima[y] = minima;
        }
    }
}
