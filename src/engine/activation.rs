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
use super::row::{row, row_mut};
use super::simd::{Kernel, dispatch};
use super::tile::{Made, Span, Tile};
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
        let Tile { span: Span { width, used }, seen, made, with_logs, .. } = self.tile;
        let classes = 0..self.classes;
        // Rows that nobody needs yet.
        let (largest, others, ones) = (upto(made.cost, used), upto(made.work, used), upto(made.total, used));
        largest.fill(T::of(f64::NEG_INFINITY));
        for class in classes.clone() {
            raise_to(largest, row(seen.logit, class, *width, *used));
        }
        others.fill(T::zero());
        ones.fill(T::zero());
        for class in classes.clone() {
            let z = row_mut(seen.logit, class, *width, *used);
            let e = row_mut(seen.probability, class, *width, *used);
            exponentials(z, largest, e, others, ones);
        }
        let inverse = largest;
        if *with_logs {
            log_totals(others, ones, upto(seen.log_total, used));
        }
        totals(others, ones, inverse, upto(seen.complement, used));
        for class in classes.clone() {
            scale(row_mut(seen.probability, class, *width, *used), inverse);
        }
        if !seen.rival.is_empty() {
            let (first, second, sum) = (upto(made.cost, used), upto(made.work, used), upto(made.total, used));
            first.fill(nobody());
            second.fill(T::of(f64::NEG_INFINITY));
            for class in classes.clone() {
                two_largest(class, row(seen.logit, class, *width, *used), first, second);
            }
            sum.fill(T::zero());
            for class in classes.clone() {
                let rival = row_mut(seen.rival, class, *width, *used);
                rivals(class, row(seen.logit, class, *width, *used), first, second, rival, sum);
            }
            log_complements(second, sum, upto(seen.log_total, used), upto(seen.log_complement, used));
            for class in classes {
                shares(class, first, sum, row_mut(seen.rival, class, *width, *used));
            }
        }
    }
}

/// As much of a row as is used.
#[inline(always)]
fn upto<'a, T>(row: &'a mut [T], used: &usize) -> &'a mut [T] {
    row.get_mut(..*used).unwrap_or(&mut [])
}

// Each of these is one loop over rows that are arguments: so the compiler knows that they are apart.

#[inline(always)]
fn raise_to<T: Real>(largest: &mut [T], z: &[T]) {
    for (m, &z) in largest.iter_mut().zip(z) {
        *m = if z > *m { z } else { *m };
    }
}

/// Every class whose exponential is 1 is the largest; one of them does not belong to `R`.
#[inline(always)]
fn exponentials<T: Real>(z: &mut [T], largest: &[T], e: &mut [T], others: &mut [T], ones: &mut [T]) {
    for ((((z, &m), e), others), ones) in z.iter_mut().zip(largest).zip(e).zip(others).zip(ones) {
        let below = *z - m;
        let power = below.exp();
        *z = below;
        *e = power;
        let is_largest = power >= T::one();
        *others += power.masked(!is_largest);
        *ones += T::one().masked(is_largest);
    }
}

#[inline(always)]
fn totals<T: Real>(others: &[T], ones: &[T], inverse: &mut [T], complement: &mut [T]) {
    for (((&others, &ones), inverse), complement) in others.iter().zip(ones).zip(inverse).zip(complement) {
        let rest = others + (ones - T::one());
        let share = T::one() / (T::one() + rest);
        *inverse = share;
        *complement = rest * share;
    }
}

#[inline(always)]
fn log_totals<T: Real>(others: &[T], ones: &[T], log_total: &mut [T]) {
    for ((&others, &ones), log) in others.iter().zip(ones).zip(log_total) {
        *log = (others + (ones - T::one())).ln_1p();
    }
}

#[inline(always)]
fn scale<T: Real>(e: &mut [T], inverse: &[T]) {
    for (e, &inverse) in e.iter_mut().zip(inverse) {
        *e *= inverse;
    }
}

/// Stands for the number of a class that is not found.
#[inline(always)]
fn nobody<T: Real>() -> T {
    T::of(f64::from(i32::MAX))
}

/// The first class of the largest logit, and the largest of the other logits.
#[inline(always)]
fn two_largest<T: Real>(class: usize, z: &[T], first: &mut [T], second: &mut [T]) {
    let class = T::of(class as f64);
    for ((&z, first), second) in z.iter().zip(first).zip(second) {
        let is_first = z == T::zero() && *first == nobody();
        *first = if is_first { class } else { *first };
        let rival = if is_first { *second } else { z };
        *second = if rival > *second { rival } else { *second };
    }
}

#[inline(always)]
fn rivals<T: Real>(class: usize, z: &[T], first: &[T], second: &[T], rival: &mut [T], sum: &mut [T]) {
    let class = T::of(class as f64);
    for ((((&z, &first), &second), rival), sum) in z.iter().zip(first).zip(second).zip(rival).zip(sum) {
        let power = (z - second).exp().masked(first != class);
        *rival = power;
        *sum += power;
    }
}

#[inline(always)]
fn log_complements<T: Real>(second: &[T], sum: &[T], log_total: &[T], out: &mut [T]) {
    for (((&second, &sum), &log_total), out) in second.iter().zip(sum).zip(log_total).zip(out) {
        *out = second + sum.ln() - log_total;
    }
}

/// The softmax without the largest class, which gets −1.
#[inline(always)]
fn shares<T: Real>(class: usize, first: &[T], sum: &[T], rival: &mut [T]) {
    let class = T::of(class as f64);
    for ((&first, &sum), rival) in first.iter().zip(sum).zip(rival) {
        let share = *rival / sum;
        *rival = if first == class { -T::one() } else { share };
    }
}

/// Which pulls on a class there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pulls {
    pub polynomial: bool,
    pub here: bool,
    pub elsewhere: bool,
}

/// Joins the pull on one class into its row of `logit`:
/// for softmax `q = v + s·p`, to be finished by [`settle`]; otherwise the gradient itself.
pub(crate) fn join<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    activation: Activation,
    class: usize,
    pulls: Pulls,
) {
    let Tile { span: Span { width, used }, seen, made, .. } = tile;
    let Made { polynomial, here, elsewhere, total, rest, largest, .. } = made;
    let part = |row, is_there: bool| if is_there { Some(row_of(row, *used)) } else { None };
    let joined = Joined {
        row: row_mut(seen.logit, class, *width, *used),
        probability: row(seen.probability, class, *width, *used),
        polynomial: part(polynomial, pulls.polynomial),
        here: part(here, pulls.here),
        elsewhere: part(elsewhere, pulls.elsewhere),
    };
    match activation {
        Activation::Softmax => dispatch(JoinSoftmax { joined, total, rest, largest }),
        Activation::Sigmoid => dispatch(JoinSigmoid { joined }),
        _ => dispatch(JoinGiven { joined }),
    }
}

fn row_of<'a, T>(row: &'a &mut [T], used: usize) -> &'a [T] {
    row.get(..used).unwrap_or(&[])
}

struct Joined<'a, T> {
    row: &'a mut [T],
    probability: &'a [T],
    polynomial: Option<&'a [T]>,
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
        match (polynomial, here) {
            (Some(p), Some(v)) => both(row, probability, p, v),
            (Some(p), None) => product(row, probability, p),
            (None, Some(v)) => copy(row, v),
            (None, None) => row.fill(T::zero()),
        }
        if let Some(elsewhere) = elsewhere {
            join_elsewhere(row, probability, elsewhere, self.largest);
        }
        sum_up(row, probability, self.total, self.rest);
    }
}

#[inline(always)]
fn both<T: Real>(q: &mut [T], s: &[T], p: &[T], v: &[T]) {
    for (((q, &s), &p), &v) in q.iter_mut().zip(s).zip(p).zip(v) {
        *q = s * p + v;
    }
}

#[inline(always)]
fn product<T: Real>(q: &mut [T], s: &[T], p: &[T]) {
    for ((q, &s), &p) in q.iter_mut().zip(s).zip(p) {
        *q = s * p;
    }
}

#[inline(always)]
fn copy<T: Real>(to: &mut [T], from: &[T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

/// Up to one half u·s/(1 − s) is bounded and joins q; above, [`settle`] uses the rivals.
#[inline(always)]
fn join_elsewhere<T: Real>(q: &mut [T], s: &[T], u: &[T], largest: &mut [T]) {
    for (((q, &s), &u), largest) in q.iter_mut().zip(s).zip(u).zip(largest) {
        let pull = u * s;
        let above = s > T::of(0.5);
        *q -= (pull / (T::one() - s)).masked(!above);
        *largest += pull.masked(above);
    }
}

#[inline(always)]
fn sum_up<T: Real>(q: &[T], s: &[T], total: &mut [T], rest: &mut [T]) {
    for (((&q, &s), total), rest) in q.iter().zip(s).zip(total).zip(rest) {
        *total += q;
        *rest += q.masked(!(s > T::of(0.5)));
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
        match (polynomial, here, elsewhere) {
            (Some(p), None, None) => sigmoid_polynomial(row, p),
            (None, Some(v), Some(u)) => sigmoid_outcomes(row, v, u),
            (None, Some(v), None) => sigmoid_outcome(row, v),
            (Some(p), Some(v), Some(u)) => sigmoid_all(row, p, v, u),
            (Some(p), Some(v), None) => sigmoid_two(row, p, v),
            _ => row.fill(T::zero()),
        }
    }
}

#[inline(always)]
fn sigmoid_polynomial<T: Real>(z: &mut [T], p: &[T]) {
    for (z, &p) in z.iter_mut().zip(p) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p;
    }
}

#[inline(always)]
fn sigmoid_outcome<T: Real>(z: &mut [T], v: &[T]) {
    for (z, &v) in z.iter_mut().zip(v) {
        *z = sigmoid(*z).1 * v;
    }
}

#[inline(always)]
fn sigmoid_outcomes<T: Real>(z: &mut [T], v: &[T], u: &[T]) {
    for ((z, &v), &u) in z.iter_mut().zip(v).zip(u) {
        let (s, complement, _) = sigmoid(*z);
        *z = complement * v - s * u;
    }
}

#[inline(always)]
fn sigmoid_two<T: Real>(z: &mut [T], p: &[T], v: &[T]) {
    for ((z, &p), &v) in z.iter_mut().zip(p).zip(v) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p + complement * v;
    }
}

#[inline(always)]
fn sigmoid_all<T: Real>(z: &mut [T], p: &[T], v: &[T], u: &[T]) {
    for (((z, &p), &v), &u) in z.iter_mut().zip(p).zip(v).zip(u) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p + complement * v - s * u;
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
        match polynomial {
            Some(polynomial) => copy(row, polynomial),
            None => row.fill(T::zero()),
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
        finish(self.row, self.probability, self.complement, self.total, self.rest);
        for ((out, &r), &largest) in self.row.iter_mut().zip(self.rival).zip(self.largest) {
            *out += r * largest;
        }
    }
}

/// The sum of the others is a difference, and has lost their digits where `q` of the class is large: of
/// the class above one half it was kept apart.
#[inline(always)]
fn finish<T: Real>(q: &mut [T], s: &[T], of_largest: &[T], total: &[T], rest: &[T]) {
    for ((((q, &s), &of_largest), &total), &rest) in q.iter_mut().zip(s).zip(of_largest).zip(total).zip(rest)
    {
        let complement = softmax_complement(s, of_largest);
        let without = total - *q;
        let others = if s > T::of(0.5) { rest } else { without };
        *q = *q * complement - s * others;
    }
}
