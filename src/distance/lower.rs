//! The inner loops of the solvers: sums and minima over a run of candidate rows, all lanes at once.

use super::cell::{Cell, Index};
use crate::engine::simd::HAS_VECTORS;

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

/// The same for one row.
#[inline(always)]
pub fn lower_row<C: Cell, const N: usize>(best: &mut [C; N], near: &[[C; N]], steps: &[C]) {
    let mut acc = *best;
    for (row, &step) in near.iter().zip(steps) {
        for i in 0..N {
            acc[i] = acc[i].least(row[i].plus(step));
        }
    }
    *best = acc;
}

/// The largest of the lanes of some rows, each held to its cap.
#[inline(always)]
pub fn top<C: Cell, const N: usize>(rows: &[[C; N]], caps: &[C; N]) -> C {
    let mut tops = [C::ZERO; N];
    for row in rows {
        for i in 0..N {
            tops[i] = tops[i].most(row[i]);
        }
    }
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
    let mut best = [C::FAR; N];
    let mut place = [C::Index::FIRST; N];
    for ((row, &step), r) in near.iter().zip(steps).zip(from..) {
        let r = C::Index::from_row(r);
        for i in 0..N {
            let candidate = row[i].plus(step);
            place[i] = if candidate.below(best[i]) { r } else { place[i] };
            best[i] = best[i].least(candidate);
        }
    }
    (best, place)
}
