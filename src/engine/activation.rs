//! From logits to probabilities, and from the pull on probabilities back to logits.
//!
//! ```text
//! m = max z      R = Σ_{k≠m} e^(z_k − m)      s_k = e^(z_k − m) / (1 + R)
//! −ln s_k = (m − z_k) + ln_1p(R)               1 − s_m = R / (1 + R)
//! ```
//!
//! Without `R` the complement of a sure class would lose its digits. Where both outcomes of
//! softmax pay, the softmax of the other classes (the rivals) is formed from their own largest
//! logit `z_2`, so that it is finite when `R` underflows:
//!
//! ```text
//! r_k = e^(z_k − z_2) / Σ_{j≠m} e^(z_j − z_2)       ln(1 − s_m) = (z_2 − m) + ln Σ_{j≠m} e^(z_j − z_2) − ln_1p(R)
//! ```

use super::cost::{sigmoid, softmax_complement};
use super::row::{BLOCK, blocks, blocks_mut, row, row_mut};
use super::simd::{Kernel, dispatch};
use super::tile::{Span, Tile};
use crate::engine::arena::Plain;
use crate::{Activation, Real};

/// Fills the probabilities of a loaded tile, and what the costs need besides.
pub(crate) fn activate<T: Real + Plain>(tile: &mut Tile<'_, T>, activation: Activation, classes: usize) {
    match activation {
        Activation::Softmax => dispatch(Softmax { tile, classes }),
        Activation::Sigmoid => {
            for class in 0..classes {
                let logit = row(tile.seen.logit, class, tile.span.width, tile.span.used);
                let probability = row_mut(tile.seen.probability, class, tile.span.width, tile.span.used);
                dispatch(Sigmoid { logit, probability });
            }
        }
        Activation::Probability | Activation::ProbabilityPerClass => {
            for class in 0..classes {
                let given = row(tile.seen.logit, class, tile.span.width, tile.span.used);
                for (to, from) in row_mut(tile.seen.probability, class, tile.span.width, tile.span.used)
                    .iter_mut()
                    .zip(given)
                {
                    *to = *from;
                }
            }
        }
    }
}

struct Sigmoid<'a, T> {
    logit: &'a [T],
    probability: &'a mut [T],
}

impl<T: Real> Kernel for Sigmoid<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (s, &z) in self.probability.iter_mut().zip(self.logit) {
            *s = sigmoid(z).0;
        }
    }
}

struct Softmax<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    classes: usize,
}

impl<T: Real + Plain> Kernel for Softmax<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, classes } = self;
        let starts = (0..tile.span.used).step_by(BLOCK);
        let voxel_rows = (blocks_mut(tile.seen.log_total).iter_mut())
            .zip(blocks_mut(tile.seen.complement))
            .zip(blocks_mut(tile.seen.log_complement));
        for (start, ((log_total, complement), log_complement)) in starts.zip(voxel_rows) {
            let mut max = [T::of(f64::NEG_INFINITY); BLOCK];
            each(tile.seen.logit, start, tile.span.width, classes, |_, z| {
                for (m, &z) in max.iter_mut().zip(z.iter()) {
                    *m = if z > *m { z } else { *m };
                }
            });
            // Every class whose exponential is 1 is the largest; one of them is not in R.
            let mut others = [T::zero(); BLOCK];
            let mut largest = [T::zero(); BLOCK];
            for class in 0..classes {
                let z = block_mut(tile.seen.logit, class * tile.span.width + start);
                let e = block_mut(tile.seen.probability, class * tile.span.width + start);
                let (Some(z), Some(e)) = (z, e) else { return };
                for i in 0..BLOCK {
                    z[i] -= max[i];
                    e[i] = z[i].exp();
                    let is_largest = e[i] >= T::one();
                    others[i] += e[i].masked(!is_largest);
                    largest[i] += T::one().masked(is_largest);
                }
            }
            let mut inverse = [T::zero(); BLOCK];
            for i in 0..BLOCK {
                let rest = others[i] + (largest[i] - T::one());
                inverse[i] = T::one() / (T::one() + rest);
                log_total[i] = rest.ln_1p();
                complement[i] = rest * inverse[i];
            }
            each(tile.seen.probability, start, tile.span.width, classes, |_, s| {
                for (s, &inverse) in s.iter_mut().zip(&inverse) {
                    *s *= inverse;
                }
            });
            if !tile.seen.rival.is_empty() {
                rivals(
                    tile.seen.logit,
                    tile.seen.rival,
                    start,
                    tile.span.width,
                    classes,
                    log_total,
                    log_complement,
                );
            }
        }
    }
}

/// The softmax without the largest class (the first, if several), which gets −1.
#[inline(always)]
fn rivals<T: Real>(
    logit: &mut [T],
    rival: &mut [T],
    start: usize,
    width: usize,
    classes: usize,
    log_total: &[T; BLOCK],
    log_complement: &mut [T; BLOCK],
) {
    let nobody = T::of(f64::from(i32::MAX));
    let mut first = [nobody; BLOCK];
    let mut second = [T::of(f64::NEG_INFINITY); BLOCK];
    each(logit, start, width, classes, |class, z| {
        let class = T::of(class as f64);
        for i in 0..BLOCK {
            let is_first = z[i] == T::zero() && first[i] == nobody;
            first[i] = if is_first { class } else { first[i] };
            let rival = if is_first { second[i] } else { z[i] };
            second[i] = if rival > second[i] { rival } else { second[i] };
        }
    });
    let mut sum = [T::zero(); BLOCK];
    for class in 0..classes {
        let (Some(z), Some(r)) =
            (block_mut(logit, class * width + start), block_mut(rival, class * width + start))
        else {
            return;
        };
        let class = T::of(class as f64);
        for i in 0..BLOCK {
            let e = (z[i] - second[i]).exp().masked(first[i] != class);
            r[i] = e;
            sum[i] += e;
        }
    }
    for i in 0..BLOCK {
        log_complement[i] = second[i] + sum[i].ln() - log_total[i];
    }
    each(rival, start, width, classes, |class, r| {
        let class = T::of(class as f64);
        for i in 0..BLOCK {
            let share = r[i] / sum[i];
            r[i] = if first[i] == class { -T::one() } else { share };
        }
    });
}

/// The same block of every class, in order.
#[inline(always)]
fn each<T>(
    rows: &mut [T],
    start: usize,
    width: usize,
    classes: usize,
    mut f: impl FnMut(usize, &mut [T; BLOCK]),
) {
    for class in 0..classes {
        if let Some(block) = block_mut(rows, class * width + start) {
            f(class, block);
        }
    }
}

#[inline(always)]
fn block_mut<T>(rows: &mut [T], at: usize) -> Option<&mut [T; BLOCK]> {
    rows.get_mut(at..)?.first_chunk_mut()
}

/// Joins the pull on one class into its row of `logit`:
/// for softmax `q = v + s·p`, to be finished by [`settle`]; otherwise the gradient itself.
pub(crate) fn join<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    activation: Activation,
    class: usize,
    has_here: bool,
    has_elsewhere: bool,
) {
    let Span { width, used } = tile.span;
    let joined = Joined {
        row: row_mut(tile.seen.logit, class, width, used),
        probability: row(tile.seen.probability, class, width, used),
        polynomial: tile.made.polynomial,
        here: if has_here { Some(&*tile.made.here) } else { None },
        elsewhere: if has_elsewhere { Some(&*tile.made.elsewhere) } else { None },
    };
    match activation {
        Activation::Softmax => {
            let (total, rest, largest) =
                (&mut *tile.made.total, &mut *tile.made.rest, &mut *tile.made.largest);
            dispatch(JoinSoftmax { joined, total, rest, largest })
        }
        Activation::Sigmoid => dispatch(JoinSigmoid { joined }),
        _ => dispatch(JoinGiven { joined }),
    }
}

struct Joined<'a, T> {
    row: &'a mut [T],
    probability: &'a [T],
    polynomial: &'a [T],
    here: Option<&'a [T]>,
    elsewhere: Option<&'a [T]>,
}

struct JoinSoftmax<'a, T> {
    joined: Joined<'a, T>,
    total: &'a mut [T],
    rest: &'a mut [T],
    largest: &'a mut [T],
}

impl<T: Real> Kernel for JoinSoftmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Joined { row, probability, polynomial, here, elsewhere } = self.joined;
        for ((q, &s), &p) in row.iter_mut().zip(probability).zip(polynomial) {
            *q = s * p;
        }
        if let Some(here) = here {
            for (q, &v) in row.iter_mut().zip(here) {
                *q += v;
            }
        }
        if let Some(elsewhere) = elsewhere {
            // Up to one half u·s/(1 − s) is bounded and joins q; above, `settle` uses the rivals.
            let half = T::of(0.5);
            for (((q, &s), &u), largest) in row.iter_mut().zip(probability).zip(elsewhere).zip(self.largest) {
                let pull = u * s;
                let above = s > half;
                *q -= (pull / (T::one() - s)).masked(!above);
                *largest += pull.masked(above);
            }
        }
        let half = T::of(0.5);
        let sums = self.total.iter_mut().zip(self.rest);
        for ((total, rest), (&q, &s)) in sums.zip(row.iter().zip(probability)) {
            *total += q;
            *rest += q.masked(!(s > half));
        }
    }
}

struct JoinSigmoid<'a, T> {
    joined: Joined<'a, T>,
}

impl<T: Real> Kernel for JoinSigmoid<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Joined { row, polynomial, here, elsewhere, .. } = self.joined;
        let zero = T::zero();
        let here = |i: usize| here.and_then(|row| row.get(i)).map_or(zero, |v| *v);
        let elsewhere = |i: usize| elsewhere.and_then(|row| row.get(i)).map_or(zero, |u| *u);
        for (i, (z, &p)) in row.iter_mut().zip(polynomial).enumerate() {
            let (s, complement, _) = sigmoid(*z);
            *z = s * complement * p + complement * here(i) - s * elsewhere(i);
        }
    }
}

struct JoinGiven<'a, T> {
    joined: Joined<'a, T>,
}

impl<T: Real> Kernel for JoinGiven<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Joined { row, probability, polynomial, here, elsewhere } = self.joined;
        for (out, &p) in row.iter_mut().zip(polynomial) {
            *out = p;
        }
        // Below the floor the logarithm is that of the floor, and its slope 0.
        if let Some(here) = here {
            for ((out, &s), &v) in row.iter_mut().zip(probability).zip(here) {
                let slope = v / s;
                *out += slope.masked(!(s < T::FLOOR));
            }
        }
        if let Some(elsewhere) = elsewhere {
            for ((out, &s), &u) in row.iter_mut().zip(probability).zip(elsewhere) {
                let complement = T::one() - s;
                let slope = u / complement;
                *out -= slope.masked(!(complement < T::FLOOR));
            }
        }
    }
}

/// The second half of softmax's pull-back, once every class has joined:
///
/// ```text
/// ∂L/∂z_k = q_k·(1 − s_k) − s_k·Σ_{j≠k} q_j + r_k·u_m·s_m
/// ```
pub(crate) fn settle<T: Real + Plain>(tile: &mut Tile<'_, T>, class: usize, has_elsewhere: bool) {
    let Span { width, used } = tile.span;
    dispatch(Settle {
        row: row_mut(tile.seen.logit, class, width, used),
        probability: row(tile.seen.probability, class, width, used),
        complement: tile.seen.complement,
        total: tile.made.total,
        rest: tile.made.rest,
        rival: if has_elsewhere { row(tile.seen.rival, class, width, used) } else { &[] },
        largest: tile.made.largest,
    });
}

struct Settle<'a, T> {
    row: &'a mut [T],
    probability: &'a [T],
    complement: &'a [T],
    total: &'a [T],
    rest: &'a [T],
    rival: &'a [T],
    largest: &'a [T],
}

impl<T: Real> Kernel for Settle<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // The sum of the others is a difference, and has lost their digits where q of the class is large:
        // of the class above one half it was kept apart.
        let sums = blocks(self.total).iter().zip(blocks(self.rest));
        let rows = blocks(self.probability).iter().zip(blocks(self.complement)).zip(sums);
        for (q, ((s, of_largest), (total, rest))) in blocks_mut(self.row).iter_mut().zip(rows) {
            for i in 0..BLOCK {
                let complement = softmax_complement(s[i], of_largest[i]);
                let without = total[i] - q[i];
                let others = if s[i] > T::of(0.5) { rest[i] } else { without };
                q[i] = q[i] * complement - s[i] * others;
            }
        }
        for ((out, &r), &largest) in self.row.iter_mut().zip(self.rival).zip(self.largest) {
            *out += r * largest;
        }
    }
}
