//! Softmax, with what its backward pass and its logarithms need besides the probabilities.
//!
//! ```text
//! m = max z      R = Σ_{k≠m} e^(z_k − m)      s_k = e^(z_k − m) / (1 + R)
//! −ln s_k = (m − z_k) + ln_1p(R)               1 − s_m = R / (1 + R) = Σ_{k≠m} s_k
//! ```
//!
//! `R` gives the complement of a probability near 1 to full relative precision. For losses of both outcomes of softmax,
//! the softmax over the other classes than the largest is computed from their own largest logit `z_2`, so that it is
//! finite where `R` underflows and precise where `m` is much larger:
//!
//! ```text
//! r_k = e^(z_k − z_2) / Σ_{j≠m} e^(z_j − z_2)       ln(1 − s_m) = (z_2 − m) + ln Σ_{j≠m} e^(z_j − z_2) − ln_1p(R)
//! ```
//!
//! Logits may be infinite: −∞ has `s = 0`, and one class at +∞ has `s = 1`. Two at +∞, or all at −∞, are undefined:
//! NaN.
//!
//! Each step is one loop in a function whose arguments are the rows: LLVM then knows that they do not alias.

use crate::array::real::Real;
use crate::checked::slice_mut;
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile};
use crate::problem::Problem;
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::{Kernel, dispatch, fours};

/// Loads the logits of a tile and computes its probabilities.
///
/// # Safety
/// As [`Tile::load_weights`], which has loaded the same voxels.
pub(crate) unsafe fn softmax<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    problem: &Problem<'_>,
    sample: usize,
    start: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { load_with_largest(tile, problem, sample, start) };
    dispatch(SoftmaxTile { tile, classes: problem.classes });
}

/// Loads the logits of a tile, and the largest of each voxel in `inputs.inverse`.
///
/// # Safety
/// As [`softmax`].
pub(super) unsafe fn load_with_largest<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    problem: &Problem<'_>,
    sample: usize,
    start: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { tile.load_predictions(problem, sample, start) };
    dispatch(LargestLogit { tile, classes: problem.classes });
}

/// Finds the largest logit of each voxel.
struct LargestLogit<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    classes: usize,
}

impl<T: Real> Kernel for LargestLogit<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, inputs, .. } = self.tile;
        let largest = slice_mut(inputs.inverse, 0..*used);
        let of = |class| row(inputs.logit, class, *width, *used);
        largest.fill(T::of(f64::NEG_INFINITY));
        let mut class = 0;
        while class < fours(self.classes) {
            maximum_of_five(largest, [of(class), of(class + 1), of(class + 2), of(class + 3)]);
            class += 4;
        }
        while class < self.classes {
            maximum(largest, of(class));
            class += 1;
        }
    }
}

/// Computes the probabilities of a tile whose logits are loaded.
struct SoftmaxTile<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    classes: usize,
}

impl<T: Real + Plain> Kernel for SoftmaxTile<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, inputs, gradients, has_logarithms, .. } = self.tile;
        let classes = 0..self.classes;
        let largest = slice_mut(inputs.inverse, 0..*used);
        if !inputs.other_class_softmax.is_empty() {
            // Computed from the logits before the largest is subtracted from them.
            let (first, second, sum) = (
                slice_mut(gradients.loss, 0..*used),
                slice_mut(gradients.work, 0..*used),
                slice_mut(gradients.total, 0..*used),
            );
            first.fill(no_class());
            second.fill(T::of(f64::NEG_INFINITY));
            for class in classes.clone() {
                two_largest(class, row(inputs.logit, class, *width, *used), largest, first, second);
            }
            sum.fill(T::zero());
            for class in classes.clone() {
                let other = row_mut(inputs.other_class_softmax, class, *width, *used);
                exponentials_of_others(
                    class,
                    row(inputs.logit, class, *width, *used),
                    first,
                    second,
                    other,
                    sum,
                );
            }
            log_sums(second, largest, sum, slice_mut(inputs.log_complement, 0..*used));
            for class in classes.clone() {
                softmax_of_others(
                    class,
                    first,
                    sum,
                    row_mut(inputs.other_class_softmax, class, *width, *used),
                );
            }
        }
        // These rows are not in use yet.
        let (others, top) = (slice_mut(gradients.work, 0..*used), slice_mut(gradients.total, 0..*used));
        others.fill(T::zero());
        top.fill(T::zero());
        for class in classes.clone() {
            let z = row_mut(inputs.logit, class, *width, *used);
            let e = row_mut(inputs.probability, class, *width, *used);
            exponentials_and_logits(z, largest, e, others, top);
        }
        let inverse = largest;
        totals(others, top, inverse, slice_mut(inputs.complement, 0..*used));
        if *has_logarithms {
            log_totals(others, top, inverse, slice_mut(inputs.log_total, 0..*used));
        }
        if !inputs.other_class_softmax.is_empty() {
            log_complements(
                slice_mut(inputs.log_complement, 0..*used),
                slice_mut(inputs.log_total, 0..*used),
            );
        }
        for class in classes {
            scale(row_mut(inputs.probability, class, *width, *used), inverse);
        }
    }
}

#[inline(always)]
pub(super) fn maximum<T: Real>(largest: &mut [T], z: &[T]) {
    for (m, &z) in largest.iter_mut().zip(z) {
        // As in `Real::cleared`: the added zero prevents a masked store.
        let so_far = *m + T::zero();
        *m = if z > so_far { z } else { so_far };
    }
}

#[inline(always)]
pub(super) fn maximum_of_five<T: Real>(largest: &mut [T], [x, y, z, w]: [&[T]; 4]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for (m, ((&x, &y), (&z, &w))) in largest.iter_mut().zip(rows) {
        let lower = if x > *m { x } else { *m };
        let lower = if y > lower { y } else { lower };
        let upper = if w > z { w } else { z };
        *m = if upper > lower { upper } else { lower };
    }
}

/// Adds an exponential to the sum of the others. The largest so far, `top`, is kept apart, so that the sum of small
/// exponentials keeps its precision. A NaN reaches one of the results.
#[inline(always)]
pub(super) fn add_exponential<T: Real>(exponential: T, others: T, top: T) -> (T, T) {
    let is_lower = exponential < top;
    let (lower, upper) = (exponential.select(is_lower, top), top.select(is_lower, exponential));
    (others + lower, upper)
}

/// Returns `R`. The exponential of the largest class is 1, unless it is NaN.
#[inline(always)]
pub(super) fn sum_of_others<T: Real>(others: T, top: T) -> T {
    others + (top - T::one())
}

/// Returns `z − m`, and 0 if `z` is the largest, infinite or not.
#[inline(always)]
pub(super) fn minus_largest<T: Real>(z: T, m: T) -> T {
    (z - m).mask(z != m)
}

/// Returns `R`, and NaN if another class has the same infinite logit as the largest: softmax is undefined there.
#[inline(always)]
pub(super) fn nan_if_undefined<T: Real>(rest: T, largest: T) -> T {
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
        let logit = minus_largest(*z, m);
        let exponential = logit.exp_nonpositive();
        *z = logit;
        *e = exponential;
        // As in `Real::cleared`: the added zero prevents a masked store.
        (*others, *top) = add_exponential(exponential, *others, *top + T::zero());
    }
}

#[inline(always)]
fn log_totals<T: Real>(others: &[T], top: &[T], inverse: &[T], log_total: &mut [T]) {
    for (((&others, &top), &inverse), log) in others.iter().zip(top).zip(inverse).zip(log_total) {
        *log = sum_of_others(others, top).ln_1p_by(inverse);
    }
}

#[inline(always)]
fn totals<T: Real>(others: &[T], top: &[T], inverse: &mut [T], complement: &mut [T]) {
    for (((&others, &top), inverse), complement) in others.iter().zip(top).zip(inverse).zip(complement) {
        let rest = nan_if_undefined(sum_of_others(others, top), *inverse);
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

/// A class index for "no class".
#[inline(always)]
fn no_class<T: Real>() -> T {
    T::of(f64::from(i32::MAX))
}

/// Finds the first class with the largest logit, and the largest of the other logits.
#[inline(always)]
fn two_largest<T: Real>(class: usize, z: &[T], largest: &[T], first: &mut [T], second: &mut [T]) {
    let class = T::of(class as f64);
    for (((&z, &largest), first), second) in z.iter().zip(largest).zip(first).zip(second) {
        let is_first = (z == largest) & (*first == no_class());
        // As in `Real::cleared`: the added zero prevents a masked store.
        let (found, so_far) = (*first + T::zero(), *second + T::zero());
        *first = class.select(is_first, found);
        let other = so_far.select(is_first, z);
        *second = if other > so_far { other } else { so_far };
    }
}

#[inline(always)]
fn exponentials_of_others<T: Real>(
    class: usize,
    z: &[T],
    first: &[T],
    second: &[T],
    other: &mut [T],
    sum: &mut [T],
) {
    let class = T::of(class as f64);
    for ((((&z, &first), &second), other), sum) in z.iter().zip(first).zip(second).zip(other).zip(sum) {
        let exponential = Real::exp(minus_largest(z, second)).mask(first != class);
        *other = exponential;
        *sum += exponential;
    }
}

/// Computes `ln Σ_{j≠m} e^(z_j − m)`.
#[inline(always)]
fn log_sums<T: Real>(second: &[T], largest: &[T], sum: &[T], out: &mut [T]) {
    for (((&second, &largest), &sum), out) in second.iter().zip(largest).zip(sum).zip(out) {
        *out = minus_largest(second, largest) + Real::ln(sum);
    }
}

/// Subtracts `ln Σ_j e^(z_j − m)`.
#[inline(always)]
fn log_complements<T: Real>(log_sum: &mut [T], log_total: &[T]) {
    for (log_sum, &log_total) in log_sum.iter_mut().zip(log_total) {
        *log_sum -= log_total;
    }
}

/// Computes the softmax over the other classes than the largest, which has −1.
#[inline(always)]
fn softmax_of_others<T: Real>(class: usize, first: &[T], sum: &[T], other: &mut [T]) {
    let class = T::of(class as f64);
    for ((&first, &sum), other) in first.iter().zip(sum).zip(other) {
        let share = *other / sum;
        *other = if first == class { -T::one() } else { share };
    }
}
