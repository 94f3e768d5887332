//! Inner loops of the solvers: minima of sums (min-plus products) over a range of candidate rows, for all lanes at
//! once.

use crate::checked::expected;
use crate::distance::squared_distance::{LaneIndex, SquaredDistance};
use crate::simd::level::HAS_VECTORS;

/// Number of rows solved together. With 64 lanes of u16 their minima are eight AVX-512 registers.
pub const BAND: usize = 4;

/// Number of candidates processed together, so that they share squared steps. Without vector instructions a group of
/// one is as fast and needs less code.
pub const GROUP: usize = if HAS_VECTORS { 4 } else { 1 };

/// Lowers a band of rows by all candidates `input`:
///
/// ```text
/// minima(j) = min(minima(j), input(r) + square(y + j − r))
/// ```
///
/// `squares` begins with the squared step between the last `j` and the first `r`; each further entry belongs to the
/// next `r`, or to the `j` before. `NO_SATURATION`: no sum exceeds the maximum of the type.
///
/// The loop runs over the lanes and the rows are written out, because LLVM vectorises the innermost loop. Four
/// candidates share seven squared steps.
#[inline(always)]
pub fn min_plus_band<D: SquaredDistance, const N: usize, const NO_SATURATION: bool>(
    minima: &mut [[D; N]; BAND],
    input: &[[D; N]],
    squares: &[D],
) {
    let [mut first, mut second, mut third, mut fourth] = *minima;
    if GROUP == 1 {
        for (row, s) in input.iter().zip(squares.windows(BAND)) {
            for i in 0..N {
                first[i] = first[i].lesser(row[i].add_saturating(s[3]));
                second[i] = second[i].lesser(row[i].add_saturating(s[2]));
                third[i] = third[i].lesser(row[i].add_saturating(s[1]));
                fourth[i] = fourth[i].lesser(row[i].add_saturating(s[0]));
            }
        }
        *minima = [first, second, third, fourth];
        return;
    }
    for (rows, squares) in input.as_chunks::<4>().0.iter().zip(squares.windows(BAND + 3).step_by(4)) {
        // Windows have seven entries; the pattern states this where `opt-level` z does not infer it.
        let &[a, b, c, d, e, f, g] = squares else {
            debug_assert!(false, "a window of another length");
            break;
        };
        for i in 0..N {
            let input = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
            first[i] = first[i].lesser(min_of_four_sums::<D, NO_SATURATION>(input, [d, e, f, g]));
            second[i] = second[i].lesser(min_of_four_sums::<D, NO_SATURATION>(input, [c, d, e, f]));
            third[i] = third[i].lesser(min_of_four_sums::<D, NO_SATURATION>(input, [b, c, d, e]));
            fourth[i] = fourth[i].lesser(min_of_four_sums::<D, NO_SATURATION>(input, [a, b, c, d]));
        }
    }
    *minima = [first, second, third, fourth];
}

#[inline(always)]
fn min_of_four_sums<D: SquaredDistance, const NO_SATURATION: bool>(
    [a, b, c, d]: [D; 4],
    [e, f, g, h]: [D; 4],
) -> D {
    if NO_SATURATION {
        a.add_unsaturated(e)
            .lesser(b.add_unsaturated(f))
            .lesser(c.add_unsaturated(g).lesser(d.add_unsaturated(h)))
    } else {
        a.add_saturating(e)
            .lesser(b.add_saturating(f))
            .lesser(c.add_saturating(g).lesser(d.add_saturating(h)))
    }
}

/// Calls `four` with the starts of groups of four that cover `count` rows, the last two of which may overlap, or
/// `one` with each row if there are fewer than four.
///
/// Four rows per loop over the lanes: in a shorter loop LLVM vectorises over the rows, by gathers.
#[inline(always)]
pub fn for_each_four<State>(
    count: usize,
    state: &mut State,
    four: impl Fn(&mut State, usize),
    one: impl Fn(&mut State, usize),
) {
    if GROUP == 1 {
        for y in 0..count {
            one(state, y);
        }
        return;
    }
    if count < 4 {
        // Written out instead of a loop over the rows, for the same reason.
        for (y, exists) in [count > 0, count > 1, count > 2].into_iter().enumerate() {
            if exists {
                one(state, y);
            }
        }
        return;
    }
    for y in (0..count).step_by(4) {
        four(state, y.min(count - 4));
    }
}

/// Lowers one row by all candidates `input`; entry `r` of `squares` belongs to candidate `r`.
#[inline(always)]
pub fn min_plus_row<D: SquaredDistance, const N: usize>(
    minima: &mut [D; N],
    input: &[[D; N]],
    squares: &[D],
) {
    let mut acc = *minima;
    for_each_four(
        input.len().min(squares.len()),
        &mut acc,
        #[inline(always)]
        |acc, y| {
            if let (Some(rows), Some(&squares)) = (four_from(input, y), four_from(squares, y)) {
                for i in 0..N {
                    let input = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
                    acc[i] = acc[i].lesser(min_of_four_sums::<D, false>(input, squares));
                }
            }
        },
        #[inline(always)]
        |acc, y| {
            if let (Some(row), Some(&square)) = (expected(input.get(y)), expected(squares.get(y))) {
                for i in 0..N {
                    acc[i] = acc[i].lesser(row[i].add_saturating(square));
                }
            }
        },
    );
    *minima = acc;
}

/// Returns four elements from `y` on.
#[inline(always)]
fn four_from<T>(rows: &[T], y: usize) -> Option<&[T; 4]> {
    expected(rows.get(y..).and_then(|rows| rows.first_chunk()))
}

/// Returns the minimum and the maximum of each lane over some rows.
#[inline(always)]
pub fn lane_extremes<D: SquaredDistance, const N: usize>(rows: &[[D; N]]) -> [[D; N]; 2] {
    let mut found = [[D::SATURATED; N], [D::ZERO; N]];
    for_each_four(
        rows.len(),
        &mut found,
        #[inline(always)]
        |[low, top], y| {
            if let Some([a, b, c, d]) = four_from(rows, y) {
                for i in 0..N {
                    low[i] = low[i].lesser(a[i].lesser(b[i]).lesser(c[i].lesser(d[i])));
                    top[i] = top[i].greater(a[i].greater(b[i]).greater(c[i].greater(d[i])));
                }
            }
        },
        #[inline(always)]
        |[low, top], y| {
            if let Some(row) = expected(rows.get(y)) {
                for i in 0..N {
                    low[i] = low[i].lesser(row[i]);
                    top[i] = top[i].greater(row[i]);
                }
            }
        },
    );
    found
}

/// Returns the maximum over some rows and all lanes, each lane limited to its entry of `lane_limits`.
#[inline(always)]
pub fn max_within_limits<D: SquaredDistance, const N: usize>(rows: &[[D; N]], lane_limits: &[D; N]) -> D {
    let [_, tops] = lane_extremes(rows);
    let mut top = D::ZERO;
    for i in 0..N {
        top = top.greater(tops[i].lesser(lane_limits[i]));
    }
    top
}

/// Returns the best candidate of each lane, and the first row that attains it. Rows are counted from `from`.
#[inline(always)]
pub fn min_plus_argmin<D: SquaredDistance, const N: usize>(
    input: &[[D; N]],
    squares: &[D],
    from: usize,
) -> ([D; N], [D::Index; N]) {
    let mut found = ([D::SATURATED; N], [D::Index::FIRST; N]);
    for_each_four(
        input.len().min(squares.len()),
        &mut found,
        #[inline(always)]
        |(minima, argmin), y| {
            let squares = expected(four_from(squares, y));
            let (Some(rows), Some(&squares)) = (expected(four_from(input, y)), squares) else { return };
            let numbers = [0, 1, 2, 3].map(|j| D::Index::from_row(from + y + j));
            for i in 0..N {
                for j in 0..4 {
                    // A row visited twice changes nothing, because the comparison is strict.
                    let candidate = rows[j][i].add_saturating(squares[j]);
                    argmin[i] = if candidate.is_less(minima[i]) { numbers[j] } else { argmin[i] };
                    minima[i] = minima[i].lesser(candidate);
                }
            }
        },
        #[inline(always)]
        |(minima, argmin), y| {
            let (Some(row), Some(&square)) = (expected(input.get(y)), expected(squares.get(y))) else {
                return;
            };
            let number = D::Index::from_row(from + y);
            for i in 0..N {
                let candidate = row[i].add_saturating(square);
                argmin[i] = if candidate.is_less(minima[i]) { number } else { argmin[i] };
                minima[i] = minima[i].lesser(candidate);
            }
        },
    );
    found
}
