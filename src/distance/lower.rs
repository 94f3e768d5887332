//! The inner loops of the solvers: sums and minima over a run of candidate rows, all lanes at once.

use crate::distance::cell::{Cell, Index};
use crate::simd::level::HAS_VECTORS;

/// Rows that are solved together: with 64 lanes of u16 their minima are eight registers of AVX-512.
pub const BAND: usize = 4;

/// Candidates that are looked at together: they share squares. Without vectors that would gain nothing but code.
pub const GROUP: usize = if HAS_VECTORS { 4 } else { 1 };

/// best(j) = min(best(j), near(r) + square(y + j − r)) over `near`. `steps` begins with the square for the last `j`
/// and the first `r`; the one after is for the next `r`, or the `j` before. `SMALL`: no sum saturates.
///
/// One loop over the lanes and the rows written out: LLVM makes lanes of whatever loop is innermost. Four candidates
/// share seven squares.
#[inline(always)]
pub fn lower_band<C: Cell, const N: usize, const SMALL: bool>(
    best: &mut [[C; N]; BAND],
    near: &[[C; N]],
    steps: &[C],
) {
    let [mut first, mut second, mut third, mut fourth] = *best;
    if GROUP == 1 {
        for (row, s) in near.iter().zip(steps.windows(BAND)) {
            for i in 0..N {
                first[i] = first[i].least(row[i].plus(s[3]));
                second[i] = second[i].least(row[i].plus(s[2]));
                third[i] = third[i].least(row[i].plus(s[1]));
                fourth[i] = fourth[i].least(row[i].plus(s[0]));
            }
        }
        *best = [first, second, third, fourth];
        return;
    }
    for (rows, steps) in near.as_chunks::<4>().0.iter().zip(steps.windows(BAND + 3).step_by(4)) {
        // Always seven; at `opt-level` z the compiler has to be told.
        let &[a, b, c, d, e, f, g] = steps else { break };
        for i in 0..N {
            let near = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
            first[i] = first[i].least(nearest_of_four::<C, SMALL>(near, [d, e, f, g]));
            second[i] = second[i].least(nearest_of_four::<C, SMALL>(near, [c, d, e, f]));
            third[i] = third[i].least(nearest_of_four::<C, SMALL>(near, [b, c, d, e]));
            fourth[i] = fourth[i].least(nearest_of_four::<C, SMALL>(near, [a, b, c, d]));
        }
    }
    *best = [first, second, third, fourth];
}

#[inline(always)]
fn nearest_of_four<C: Cell, const SMALL: bool>([a, b, c, d]: [C; 4], [e, f, g, h]: [C; 4]) -> C {
    if SMALL {
        a.sum(e).least(b.sum(f)).least(c.sum(g).least(d.sum(h)))
    } else {
        a.plus(e).least(b.plus(f)).least(c.plus(g).least(d.plus(h)))
    }
}

/// Calls `four` with runs of four of `count` rows that hold all of them, some twice, or `one` with each row where
/// there are fewer.
///
/// Four rows to a loop over the lanes: of a shorter loop LLVM makes lanes of the rows, by gathers.
#[inline(always)]
pub fn by_fours<S>(count: usize, state: &mut S, four: impl Fn(&mut S, usize), one: impl Fn(&mut S, usize)) {
    if GROUP == 1 {
        for y in 0..count {
            one(state, y);
        }
        return;
    }
    if count < 4 {
        // Not a loop, for the same reason.
        for (y, holds) in [count > 0, count > 1, count > 2].into_iter().enumerate() {
            if holds {
                one(state, y);
            }
        }
        return;
    }
    for y in (0..count).step_by(4) {
        four(state, y.min(count - 4));
    }
}

/// The same for one row.
#[inline(always)]
pub fn lower_row<C: Cell, const N: usize>(best: &mut [C; N], near: &[[C; N]], steps: &[C]) {
    let mut acc = *best;
    by_fours(
        near.len().min(steps.len()),
        &mut acc,
        #[inline(always)]
        |acc, y| {
            if let (Some(rows), Some(&steps)) = (four(near, y), four(steps, y)) {
                for i in 0..N {
                    let near = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
                    acc[i] = acc[i].least(nearest_of_four::<C, false>(near, steps));
                }
            }
        },
        #[inline(always)]
        |acc, y| {
            if let (Some(row), Some(&step)) = (near.get(y), steps.get(y)) {
                for i in 0..N {
                    acc[i] = acc[i].least(row[i].plus(step));
                }
            }
        },
    );
    *best = acc;
}

/// Four from `y` on.
#[inline(always)]
fn four<T>(rows: &[T], y: usize) -> Option<&[T; 4]> {
    rows.get(y..)?.first_chunk()
}

/// The smallest and the largest of each lane.
#[inline(always)]
pub fn extremes<C: Cell, const N: usize>(rows: &[[C; N]]) -> [[C; N]; 2] {
    let mut found = [[C::FAR; N], [C::ZERO; N]];
    by_fours(
        rows.len(),
        &mut found,
        #[inline(always)]
        |[low, top], y| {
            if let Some([a, b, c, d]) = four(rows, y) {
                for i in 0..N {
                    low[i] = low[i].least(a[i].least(b[i]).least(c[i].least(d[i])));
                    top[i] = top[i].most(a[i].most(b[i]).most(c[i].most(d[i])));
                }
            }
        },
        #[inline(always)]
        |[low, top], y| {
            if let Some(row) = rows.get(y) {
                for i in 0..N {
                    low[i] = low[i].least(row[i]);
                    top[i] = top[i].most(row[i]);
                }
            }
        },
    );
    found
}

/// The largest of the lanes of some rows, each held to its cap.
#[inline(always)]
pub fn top<C: Cell, const N: usize>(rows: &[[C; N]], caps: &[C; N]) -> C {
    let [_, tops] = extremes(rows);
    let mut top = C::ZERO;
    for i in 0..N {
        top = top.most(tops[i].least(caps[i]));
    }
    top
}

/// The best candidate of each lane, and the first row that has it; the rows are counted from `from`.
#[inline(always)]
pub fn nearest<C: Cell, const N: usize>(
    near: &[[C; N]],
    steps: &[C],
    from: usize,
) -> ([C; N], [C::Index; N]) {
    let mut found = ([C::FAR; N], [C::Index::FIRST; N]);
    by_fours(
        near.len().min(steps.len()),
        &mut found,
        #[inline(always)]
        |(best, place), y| {
            let (Some(rows), Some(&steps)) = (four(near, y), four(steps, y)) else { return };
            let numbers = [0, 1, 2, 3].map(|j| C::Index::from_row(from + y + j));
            for i in 0..N {
                for j in 0..4 {
                    // Rows that have been looked at change nothing.
                    let candidate = rows[j][i].plus(steps[j]);
                    place[i] = if candidate.below(best[i]) { numbers[j] } else { place[i] };
                    best[i] = best[i].least(candidate);
                }
            }
        },
        #[inline(always)]
        |(best, place), y| {
            let (Some(row), Some(&step)) = (near.get(y), steps.get(y)) else { return };
            let number = C::Index::from_row(from + y);
            for i in 0..N {
                let candidate = row[i].plus(step);
                place[i] = if candidate.below(best[i]) { number } else { place[i] };
                best[i] = best[i].least(candidate);
            }
        },
    );
    found
}
