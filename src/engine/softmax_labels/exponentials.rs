//! Exponentials of all classes of a tile, and the values of the target class. Where probabilities are needed, the
//! exponentials are normalized afterwards.
//!
//! The loops are split by their use of registers: an exponential uses all sixteen; sums over four classes at a time use
//! few, and pass through memory less often than sums class by class.

use crate::array::real::Real;
use crate::checked::{slice, slice_mut};
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::BlockRange;
use crate::engine::pass_plan::TargetRows;
use crate::engine::softmax::{
    add_exponential, maximum, maximum_of_five, minus_largest, nan_if_undefined, scale, sum_of_others,
};
use crate::engine::softmax_labels::exponentials_few::{
    FewOutputs, are_few, exponentials_few, sum_of_others_few,
};
use crate::engine::softmax_labels::gather::{gather_by_label, logarithms};
use crate::engine::softmax_labels::row_prefetch::RowPrefetch;
use crate::problem::Problem;
use crate::simd::blocks::{BLOCK, row, row_mut};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch, fours};

/// Loads the logits of a tile and computes exponentials in the rows of `probability`; their products with `inverse` are
/// the probabilities. Gathers the values of the target class.
///
/// # Safety
/// As [`Tile::load_weights`], which has loaded the same voxels.
pub(crate) unsafe fn exponentials<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    problem: &Problem<'_>,
    block: BlockRange<'_>,
    target_rows: TargetRows,
) {
    // SAFETY: the caller's promise.
    let in_place = !tile.has_excluded
        && unsafe { problem.prediction.slice::<T>(block.sample, 0, block.start, tile.len) }.is_some();
    if !in_place {
        // SAFETY: the caller's promise.
        unsafe { tile.load_predictions(problem, block.sample, block.start) };
    }
    dispatch(Exponentials { tile, problem, block, in_place, target_rows });
}

struct Exponentials<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    problem: &'a Problem<'a>,
    block: BlockRange<'a>,
    /// Whether the logits are read from the array of the prediction.
    in_place: bool,
    target_rows: TargetRows,
}

impl<T: Real + Plain> Kernel for Exponentials<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, problem, block, in_place, target_rows } = self;
        let (classes, first_label) = (problem.classes, problem.label_of(0));
        let Tile { span: Span { width, used }, len, inputs, gradients, .. } = tile;
        let (width, used) = (*width, *used);
        // SAFETY: the caller of `exponentials` promises a readable array with these voxels; no thread writes to them.
        let direct = |class| unsafe { problem.prediction.slice::<T>(block.sample, class, block.start, *len) };
        let loaded = &*inputs.logit;
        let logits = |class| match direct(class) {
            Some(logits) if in_place => logits,
            _ => row(loaded, class, width, used),
        };
        let label = slice(inputs.label, 0..used);

        let rest = slice_mut(gradients.work, 0..used);
        let (target_probability, target_logit) =
            (slice_mut(inputs.target_probability, 0..used), slice_mut(inputs.target_logit, 0..used));
        if HAS_VECTORS && are_few(classes) {
            let (label, e) = ((label, first_label), (&mut *inputs.probability, width));
            let outputs = FewOutputs { rest, target_probability, target_logit };
            if target_rows.logarithm {
                exponentials_few::<T, true>(logits, classes, label, e, outputs);
            } else {
                exponentials_few::<T, false>(logits, classes, label, e, outputs);
            }
        } else {
            let largest = slice_mut(inputs.inverse, 0..used);
            find_largest(logits, classes, largest);
            if target_rows.logarithm {
                gather_by_label(logits, classes, label, first_label, target_logit);
                subtract(target_logit, largest);
            }
            for class in 0..classes {
                let e = row_mut(inputs.probability, class, width, used);
                exponentials_of(logits(class), largest, e);
            }
            let exponential_row = |class| row(inputs.probability, class, width, used);
            if are_few(classes) {
                sum_of_others_few(logits, exponential_row, classes, largest, rest);
            } else {
                sum_exponentials(exponential_row, classes, rest, slice_mut(gradients.total, 0..used));
            }
            set_undefined(rest, largest);
            if target_rows.probability {
                gather_by_label(exponential_row, classes, label, first_label, target_probability);
            }
        }
        let (rest, target_probability) =
            (slice_mut(gradients.work, 0..used), slice_mut(inputs.target_probability, 0..used));
        let (inverse, complement) =
            (slice_mut(inputs.inverse, 0..used), slice_mut(inputs.complement, 0..used));
        totals(rest, inverse, complement, target_probability);
        if target_rows.logarithm {
            log_totals(rest, inverse, slice_mut(inputs.log_total, 0..used));
        }
    }
}

#[inline(always)]
fn find_largest<'z, T: Real>(logits: impl Fn(usize) -> &'z [T], classes: usize, largest: &mut [T]) {
    largest.fill(T::of(f64::NEG_INFINITY));
    let mut class = 0;
    while class < fours(classes) {
        maximum_of_five(largest, [logits(class), logits(class + 1), logits(class + 2), logits(class + 3)]);
        class += 4;
    }
    while class < classes {
        maximum(largest, logits(class));
        class += 1;
    }
}

/// Sums up the exponentials of all classes but the largest in `rest`.
#[inline(always)]
fn sum_exponentials<'e, T: Real>(
    exponential_row: impl Fn(usize) -> &'e [T],
    classes: usize,
    rest: &mut [T],
    top: &mut [T],
) {
    rest.fill(T::zero());
    top.fill(T::zero());
    let mut class = 0;
    while class < fours(classes) {
        let four = [
            exponential_row(class),
            exponential_row(class + 1),
            exponential_row(class + 2),
            exponential_row(class + 3),
        ];
        add_four_exponentials(four, rest, top);
        class += 4;
    }
    while class < classes {
        add_exponentials(exponential_row(class), rest, top);
        class += 1;
    }
    for (rest, &top) in rest.iter_mut().zip(&*top) {
        *rest = sum_of_others(*rest, top);
    }
}

/// Normalizes the exponentials of a tile to probabilities.
pub(crate) struct Normalize<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
}

impl<T: Real + Plain> Kernel for Normalize<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, inputs, .. } = self.tile;
        let inverse = slice_mut(inputs.inverse, 0..*used);
        for class in 0..self.classes {
            scale(row_mut(inputs.probability, class, *width, *used), inverse);
        }
        inverse.fill(T::one());
    }
}

/// Computes from the probabilities of a tile what is otherwise computed from its logits.
pub(super) struct FromProbabilities<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
    pub first_label: i32,
    /// Whether to gather the probability of the target class.
    pub gathers: bool,
    /// Whether to compute the complement of the largest class.
    pub complement: bool,
    /// Whether to compute the logarithm of the probability of the target class, from the complements.
    pub logarithm: bool,
}

impl<T: Real + Plain> Kernel for FromProbabilities<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, classes, first_label, gathers, complement: needs_complement, logarithm } = self;
        let Tile { span: Span { width, used }, inputs, .. } = tile;
        let (width, used) = (*width, *used);
        let probability = |class| row(inputs.probability, class, width, used);
        let target_probability = slice_mut(inputs.target_probability, 0..used);
        let label = slice(inputs.label, 0..used);
        if gathers {
            gather_by_label(probability, classes, label, first_label, target_probability);
        }
        let complement = slice_mut(inputs.complement, 0..used);
        if needs_complement {
            complement.fill(T::zero());
            let mut class = 0;
            while class < fours(classes) {
                let four = [
                    probability(class),
                    probability(class + 1),
                    probability(class + 2),
                    probability(class + 3),
                ];
                add_four_small(four, complement);
                class += 4;
            }
            while class < classes {
                add_small(probability(class), complement);
                class += 1;
            }
        }
        if logarithm {
            logarithms(target_probability, complement, slice_mut(inputs.target_logit, 0..used));
            slice_mut(inputs.log_total, 0..used).fill(T::zero());
        }
    }
}

/// Voxels between two prefetches of the logits of the next tile: they keep the pace of the arithmetic.
const STRIP: usize = 4 * BLOCK;

#[inline(always)]
fn exponentials_of<T: Real>(z: &[T], largest: &[T], e: &mut [T]) {
    let next = RowPrefetch::after(z);
    let mut at = 0;
    while let Some(z) = z.get(at..z.len().min(at + STRIP)).filter(|z| !z.is_empty()) {
        (0..STRIP / BLOCK).for_each(|block| next.block(at / BLOCK + block));
        let strip = at..at + z.len();
        exponentials_of_strip(z, slice(largest, strip.clone()), slice_mut(e, strip));
        at += STRIP;
    }
}

#[inline(always)]
fn exponentials_of_strip<T: Real>(z: &[T], largest: &[T], e: &mut [T]) {
    for ((&z, &m), e) in z.iter().zip(largest).zip(e) {
        *e = minus_largest(z, m).exp_nonpositive();
    }
}

#[inline(always)]
fn add_exponentials<T: Real>(e: &[T], others: &mut [T], top: &mut [T]) {
    for ((&e, others), top) in e.iter().zip(others).zip(top) {
        // As in `Real::cleared`: the added zero prevents a masked store.
        (*others, *top) = add_exponential(e, *others, *top + T::zero());
    }
}

#[inline(always)]
fn add_four_exponentials<T: Real>([x, y, z, w]: [&[T]; 4], others: &mut [T], top: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for ((((&x, &y), (&z, &w)), others), top) in rows.zip(others).zip(top) {
        let (mut sum, mut largest) = (*others, *top);
        for e in [x, y, z, w] {
            (sum, largest) = add_exponential(e, sum, largest);
        }
        (*others, *top) = (sum, largest);
    }
}

/// Adds the probabilities of at most one half. Only the largest class can exceed it; the sum is then its complement.
#[inline(always)]
fn add_small<T: Real>(s: &[T], complement: &mut [T]) {
    for (&s, complement) in s.iter().zip(complement) {
        *complement += s.mask(!(s > T::of(0.5)));
    }
}

/// The same for four classes, in the order of the classes.
#[inline(always)]
fn add_four_small<T: Real>([x, y, z, w]: [&[T]; 4], complement: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for (((&x, &y), (&z, &w)), complement) in rows.zip(complement) {
        let small = |s: T| s.mask(!(s > T::of(0.5)));
        *complement = *complement + small(x) + small(y) + small(z) + small(w);
    }
}

#[inline(always)]
fn subtract<T: Real>(from: &mut [T], x: &[T]) {
    for (from, &x) in from.iter_mut().zip(x) {
        *from = minus_largest(*from, x);
    }
}

/// Sets `R` to NaN where two classes have the same infinite largest logit.
#[inline(always)]
fn set_undefined<T: Real>(rest: &mut [T], largest: &[T]) {
    for (rest, &largest) in rest.iter_mut().zip(largest) {
        *rest = nan_if_undefined(*rest, largest);
    }
}

/// Computes the inverse of the sum of all exponentials, the complement of the largest class, and the probability of the
/// target class from its exponential.
#[inline(always)]
fn totals<T: Real>(rest: &[T], inverse: &mut [T], complement: &mut [T], target_probability: &mut [T]) {
    for (((&rest, inverse), complement), target_probability) in
        rest.iter().zip(inverse).zip(complement).zip(target_probability)
    {
        let of_sum = T::one() / (T::one() + rest);
        *inverse = of_sum;
        *complement = rest * of_sum;
        *target_probability *= of_sum;
    }
}

#[inline(always)]
fn log_totals<T: Real>(rest: &[T], inverse: &[T], log_total: &mut [T]) {
    for ((&rest, &inverse), log) in rest.iter().zip(inverse).zip(log_total) {
        *log = rest.ln_1p_by(inverse);
    }
}
