//! Softmax, and what its pull-back and its logarithms need beside the probabilities.
//!
//! ```text
//! m = max z      R = Σ_{k≠m} e^(z_k − m)      s_k = e^(z_k − m) / (1 + R)
//! −ln s_k = (m − z_k) + ln_1p(R)               1 − s_m = R / (1 + R) = Σ_{k≠m} s_k
//! ```
//!
//! Without `R` the complement of a sure class would lose its digits. Where both outcomes of
//! softmax pay, the softmax of the other classes (the rivals) is formed from their own largest
//! logit `z_2`, so that it is finite when `R` underflows, and keeps its digits when `m` is far above:
//!
//! ```text
//! r_k = e^(z_k − z_2) / Σ_{j≠m} e^(z_j − z_2)       ln(1 − s_m) = (z_2 − m) + ln Σ_{j≠m} e^(z_j − z_2) − ln_1p(R)
//! ```
//!
//! Logits may be infinite: −∞ has `s = 0`, and one class at +∞ has `s = 1`. Two at +∞, or all at −∞, are undefined: NaN.
//!
//! Each step is one loop over rows that are arguments, so that the compiler knows that they are apart.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::tile::{Span, Tile};
use crate::problem::Problem;
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::{Kernel, dispatch, fours};

/// Reads the logits of an opened tile and fills its probabilities.
///
/// # Safety
/// As [`Tile::open`], which came before with the same voxels.
pub(crate) unsafe fn softmax<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    plan: &Problem<'_>,
    sample: usize,
    at: usize,
) {
    // SAFETY: promised by the caller.
    unsafe { load(tile, plan, sample, at) };
    dispatch(Softmax { tile, classes: plan.classes });
}

/// Reads the logits of an opened tile, and finds the largest of each voxel.
pub(super) unsafe fn load<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    plan: &Problem<'_>,
    sample: usize,
    at: usize,
) {
    // SAFETY: promised by the caller.
    unsafe { tile.load_all(plan, sample, at) };
    dispatch(Largest { tile, classes: plan.classes });
}

/// Finds the largest logit of each voxel.
struct Largest<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    classes: usize,
}

impl<T: Real> Kernel for Largest<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, inputs: seen, .. } = self.tile;
        let largest = upto(seen.inverse, used);
        let of = |class| row(seen.logit, class, *width, *used);
        largest.fill(T::of(f64::NEG_INFINITY));
        let mut class = 0;
        while class < fours(self.classes) {
            raise_to_four(largest, [of(class), of(class + 1), of(class + 2), of(class + 3)]);
            class += 4;
        }
        while class < self.classes {
            raise_to(largest, of(class));
            class += 1;
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
        let Tile { span: Span { width, used }, inputs: seen, gradients: made, with_logs, .. } = self.tile;
        let classes = 0..self.classes;
        let largest = upto(seen.inverse, used);
        if !seen.other_class_softmax.is_empty() {
            // Of the logits themselves, before they are taken from the largest.
            let (first, second, sum) = (upto(made.cost, used), upto(made.work, used), upto(made.total, used));
            first.fill(nobody());
            second.fill(T::of(f64::NEG_INFINITY));
            for class in classes.clone() {
                two_largest(class, row(seen.logit, class, *width, *used), largest, first, second);
            }
            sum.fill(T::zero());
            for class in classes.clone() {
                let rival = row_mut(seen.other_class_softmax, class, *width, *used);
                rivals(class, row(seen.logit, class, *width, *used), first, second, rival, sum);
            }
            log_sums(second, largest, sum, upto(seen.log_complement, used));
            for class in classes.clone() {
                shares(class, first, sum, row_mut(seen.other_class_softmax, class, *width, *used));
            }
        }
        // Rows that nobody needs yet.
        let (others, top) = (upto(made.work, used), upto(made.total, used));
        others.fill(T::zero());
        top.fill(T::zero());
        for class in classes.clone() {
            let z = row_mut(seen.logit, class, *width, *used);
            let e = row_mut(seen.probability, class, *width, *used);
            exponentials_and_logits(z, largest, e, others, top);
        }
        let inverse = largest;
        totals(others, top, inverse, upto(seen.complement, used));
        if *with_logs {
            log_totals(others, top, inverse, upto(seen.log_total, used));
        }
        if !seen.other_class_softmax.is_empty() {
            log_complements(upto(seen.log_complement, used), upto(seen.log_total, used));
        }
        for class in classes {
            scale(row_mut(seen.probability, class, *width, *used), inverse);
        }
    }
}

/// As much of a row as is used.
#[inline(always)]
pub(super) fn upto<'a, T>(row: &'a mut [T], used: &usize) -> &'a mut [T] {
    row.get_mut(..*used).unwrap_or(&mut [])
}

#[inline(always)]
pub(super) fn raise_to<T: Real>(largest: &mut [T], z: &[T]) {
    for (m, &z) in largest.iter_mut().zip(z) {
        // As in `Real::cleared`: no select of what is there.
        let so_far = *m + T::zero();
        *m = if z > so_far { z } else { so_far };
    }
}

#[inline(always)]
pub(super) fn raise_to_four<T: Real>(largest: &mut [T], [x, y, z, w]: [&[T]; 4]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for (m, ((&x, &y), (&z, &w))) in largest.iter_mut().zip(rows) {
        let lower = if x > *m { x } else { *m };
        let lower = if y > lower { y } else { lower };
        let upper = if w > z { w } else { z };
        *m = if upper > lower { upper } else { lower };
    }
}

/// Adds an exponential to the others, of which the largest so far, `top`, is not part: so that no digit of a small
/// sum is lost in a large one. A NaN ends in one of them.
#[inline(always)]
pub(super) fn with_power<T: Real>(power: T, others: T, top: T) -> (T, T) {
    let is_lower = power < top;
    let (lower, upper) = (power.select(is_lower, top), top.select(is_lower, power));
    (others + lower, upper)
}

/// `R`: the exponential of the largest class is 1, unless it is NaN.
#[inline(always)]
pub(super) fn rest_of<T: Real>(others: T, top: T) -> T {
    others + (top - T::one())
}

/// `z − m`, and 0 where `z` is the largest, infinite or not.
#[inline(always)]
pub(super) fn below<T: Real>(z: T, m: T) -> T {
    (z - m).mask(z != m)
}

/// `R`, and NaN where a class beside the largest has the same infinite logit.
#[inline(always)]
pub(super) fn defined<T: Real>(rest: T, largest: T) -> T {
    rest + (largest - largest).mask(rest > T::zero())
}

#[inline(always)]
fn exponentials_and_logits<T: Real>(
    z: &mut [T],
    largest: &[T],
    e: &mut [T],
    others: &mut [T],
    top: &mut [T],
) {
    for ((((z, &m), e), others), top) in z.iter_mut().zip(largest).zip(e).zip(others).zip(top) {
        let logit = below(*z, m);
        let power = logit.exp_nonpositive();
        *z = logit;
        *e = power;
        // As in `Real::cleared`: no select of what is there.
        (*others, *top) = with_power(power, *others, *top + T::zero());
    }
}

#[inline(always)]
fn log_totals<T: Real>(others: &[T], top: &[T], inverse: &[T], log_total: &mut [T]) {
    for (((&others, &top), &inverse), log) in others.iter().zip(top).zip(inverse).zip(log_total) {
        *log = rest_of(others, top).ln_1p_by(inverse);
    }
}

#[inline(always)]
fn totals<T: Real>(others: &[T], top: &[T], inverse: &mut [T], complement: &mut [T]) {
    for (((&others, &top), inverse), complement) in others.iter().zip(top).zip(inverse).zip(complement) {
        let rest = defined(rest_of(others, top), *inverse);
        let share = T::one() / (T::one() + rest);
        *inverse = share;
        *complement = rest * share;
    }
}

#[inline(always)]
pub(super) fn scale<T: Real>(e: &mut [T], inverse: &[T]) {
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
fn two_largest<T: Real>(class: usize, z: &[T], largest: &[T], first: &mut [T], second: &mut [T]) {
    let class = T::of(class as f64);
    for (((&z, &largest), first), second) in z.iter().zip(largest).zip(first).zip(second) {
        let is_first = (z == largest) & (*first == nobody());
        // As in `Real::cleared`: no select of what is there.
        let (named, so_far) = (*first + T::zero(), *second + T::zero());
        *first = class.select(is_first, named);
        let rival = so_far.select(is_first, z);
        *second = if rival > so_far { rival } else { so_far };
    }
}

#[inline(always)]
fn rivals<T: Real>(class: usize, z: &[T], first: &[T], second: &[T], rival: &mut [T], sum: &mut [T]) {
    let class = T::of(class as f64);
    for ((((&z, &first), &second), rival), sum) in z.iter().zip(first).zip(second).zip(rival).zip(sum) {
        let power = Real::exp(below(z, second)).mask(first != class);
        *rival = power;
        *sum += power;
    }
}

/// `ln Σ_{j≠m} e^(z_j − m)`
#[inline(always)]
fn log_sums<T: Real>(second: &[T], largest: &[T], sum: &[T], out: &mut [T]) {
    for (((&second, &largest), &sum), out) in second.iter().zip(largest).zip(sum).zip(out) {
        *out = below(second, largest) + Real::ln(sum);
    }
}

/// The same less `ln Σ_j e^(z_j − m)`.
#[inline(always)]
fn log_complements<T: Real>(log_sum: &mut [T], log_total: &[T]) {
    for (log_sum, &log_total) in log_sum.iter_mut().zip(log_total) {
        *log_sum -= log_total;
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
