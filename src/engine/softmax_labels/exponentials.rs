//! Exponentials of all classes, and what the class that a label names has of them. Probabilities follow when somebody
//! wants them.
//!
//! Passes are cut by registers: an exponential alone takes all of those that sixteen are, sums of four classes take few
//! and would otherwise pass through memory class by class.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::pass::BlockRange;
use crate::engine::softmax::{below, defined, raise_to, raise_to_four, rest_of, scale, upto, with_power};
use crate::engine::softmax_labels::exponentials_few::{Left, are_few, exponentials_of_few, rest_of_few};
use crate::engine::softmax_labels::gather::{logarithms, pick_all};
use crate::engine::softmax_labels::prefetch::Ahead;
use crate::engine::tile::{Span, Tile};
use crate::problem::Problem;
use crate::simd::blocks::{BLOCK, row, row_mut};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch, fours};

/// Reads the logits of an opened tile, and fills its rows of `probability` with exponentials: probabilities are these
/// times `inverse`. What the classes named by the labels have is picked.
///
/// # Safety
/// As [`Tile::open`], which came before with the same voxels.
pub(crate) unsafe fn exponentials<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    plan: &Problem<'_>,
    step: BlockRange<'_>,
    picks: TargetRows,
) {
    // SAFETY: promised by the caller.
    let in_place = !tile.has_excluded
        && unsafe { plan.prediction.slice::<T>(step.sample, 0, step.at, tile.len) }.is_some();
    if !in_place {
        // SAFETY: as above.
        unsafe { tile.load_all(plan, step.sample, step.at) };
    }
    dispatch(Exponentials { tile, plan, step, in_place, picks });
}

/// What is wanted of the class that a label names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetRows {
    pub probability: bool,
    pub logarithm: bool,
}

struct Exponentials<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    plan: &'a Problem<'a>,
    step: BlockRange<'a>,
    /// Reads the logits where they are.
    in_place: bool,
    picks: TargetRows,
}

impl<T: Real + Plain> Kernel for Exponentials<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, plan, step, in_place, picks } = self;
        let (classes, first_label) = (plan.classes, plan.label_of(0));
        let Tile { span: Span { width, used }, len, inputs: seen, gradients: made, .. } = tile;
        let (width, used) = (*width, *used);
        // SAFETY: of `exponentials`: the voxels lie in a readable array, which nobody writes to meanwhile.
        let there = |class| unsafe { plan.prediction.slice::<T>(step.sample, class, step.at, *len) };
        let loaded = &*seen.logit;
        let logits = |class| match there(class) {
            Some(logits) if in_place => logits,
            _ => row(loaded, class, width, used),
        };
        let label = seen.label.get(..used).unwrap_or(&[]);

        let rest = upto(made.work, &used);
        let (picked, picked_logit) = (upto(seen.target_probability, &used), upto(seen.target_logit, &used));
        if HAS_VECTORS && are_few(classes) {
            let (label, e) = ((label, first_label), (&mut *seen.probability, width));
            let left = Left { rest, picked, picked_logit };
            if picks.logarithm {
                exponentials_of_few::<T, true>(logits, classes, label, e, left);
            } else {
                exponentials_of_few::<T, false>(logits, classes, label, e, left);
            }
        } else {
            let largest = upto(seen.inverse, &used);
            find_largest(logits, classes, largest);
            if picks.logarithm {
                pick_all(logits, classes, label, first_label, picked_logit);
                subtract(picked_logit, largest);
            }
            for class in 0..classes {
                let e = row_mut(seen.probability, class, width, used);
                exponentials_of(logits(class), largest, e);
            }
            let powers = |class| row(seen.probability, class, width, used);
            if are_few(classes) {
                rest_of_few(logits, powers, classes, largest, rest);
            } else {
                add_all_powers(powers, classes, rest, upto(made.total, &used));
            }
            undefine(rest, largest);
            if picks.probability {
                pick_all(powers, classes, label, first_label, picked);
            }
        }
        let (rest, picked) = (upto(made.work, &used), upto(seen.target_probability, &used));
        let (inverse, complement) = (upto(seen.inverse, &used), upto(seen.complement, &used));
        totals(rest, inverse, complement, picked);
        if picks.logarithm {
            log_totals(rest, inverse, upto(seen.log_total, &used));
        }
    }
}

#[inline(always)]
fn find_largest<'z, T: Real>(logits: impl Fn(usize) -> &'z [T], classes: usize, largest: &mut [T]) {
    largest.fill(T::of(f64::NEG_INFINITY));
    let mut class = 0;
    while class < fours(classes) {
        raise_to_four(largest, [logits(class), logits(class + 1), logits(class + 2), logits(class + 3)]);
        class += 4;
    }
    while class < classes {
        raise_to(largest, logits(class));
        class += 1;
    }
}

/// Adds up the exponentials of all classes but the largest to `rest`.
#[inline(always)]
fn add_all_powers<'e, T: Real>(
    powers: impl Fn(usize) -> &'e [T],
    classes: usize,
    rest: &mut [T],
    top: &mut [T],
) {
    rest.fill(T::zero());
    top.fill(T::zero());
    let mut class = 0;
    while class < fours(classes) {
        let four = [powers(class), powers(class + 1), powers(class + 2), powers(class + 3)];
        add_four_powers(four, rest, top);
        class += 4;
    }
    while class < classes {
        add_powers(powers(class), rest, top);
        class += 1;
    }
    for (rest, &top) in rest.iter_mut().zip(&*top) {
        *rest = rest_of(*rest, top);
    }
}

/// Makes probabilities of the exponentials of a tile.
pub(crate) struct Scale<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
}

impl<T: Real + Plain> Kernel for Scale<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, inputs: seen, .. } = self.tile;
        let inverse = upto(seen.inverse, used);
        for class in 0..self.classes {
            scale(row_mut(seen.probability, class, *width, *used), inverse);
        }
        inverse.fill(T::one());
    }
}

/// What there is to know of a tile from its probabilities.
pub(super) struct FromProbabilities<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
    pub first_label: i32,
    /// The probabilities that the labels name.
    pub picks: bool,
    /// The complement of the largest class.
    pub complement: bool,
    /// The logarithms of what was picked, by the complements.
    pub logarithm: bool,
}

impl<T: Real + Plain> Kernel for FromProbabilities<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, classes, first_label, picks, complement: wants_complement, logarithm } = self;
        let Tile { span: Span { width, used }, inputs: seen, .. } = tile;
        let (width, used) = (*width, *used);
        let probability = |class| row(seen.probability, class, width, used);
        let picked = upto(seen.target_probability, &used);
        let label = seen.label.get(..used).unwrap_or(&[]);
        if picks {
            pick_all(probability, classes, label, first_label, picked);
        }
        let complement = upto(seen.complement, &used);
        if wants_complement {
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
            logarithms(picked, complement, upto(seen.target_logit, &used));
            upto(seen.log_total, &used).fill(T::zero());
        }
    }
}

/// Logits of the next tile are asked for at the pace of the arithmetic.
const STRIP: usize = 4 * BLOCK;

#[inline(always)]
fn exponentials_of<T: Real>(z: &[T], largest: &[T], e: &mut [T]) {
    let ahead = Ahead::of(z);
    let mut at = 0;
    while let Some(z) = z.get(at..z.len().min(at + STRIP)).filter(|z| !z.is_empty()) {
        (0..STRIP / BLOCK).for_each(|block| ahead.ask(at / BLOCK + block));
        let strip = at..at + z.len();
        decay_of(z, largest.get(strip.clone()).unwrap_or(&[]), e.get_mut(strip).unwrap_or(&mut []));
        at += STRIP;
    }
}

#[inline(always)]
fn decay_of<T: Real>(z: &[T], largest: &[T], e: &mut [T]) {
    for ((&z, &m), e) in z.iter().zip(largest).zip(e) {
        *e = below(z, m).exp_nonpositive();
    }
}

#[inline(always)]
fn add_powers<T: Real>(e: &[T], others: &mut [T], top: &mut [T]) {
    for ((&e, others), top) in e.iter().zip(others).zip(top) {
        // As in `Real::cleared`: no select of what is there.
        (*others, *top) = with_power(e, *others, *top + T::zero());
    }
}

#[inline(always)]
fn add_four_powers<T: Real>([x, y, z, w]: [&[T]; 4], others: &mut [T], top: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for ((((&x, &y), (&z, &w)), others), top) in rows.zip(others).zip(top) {
        let (mut sum, mut largest) = (*others, *top);
        for e in [x, y, z, w] {
            (sum, largest) = with_power(e, sum, largest);
        }
        (*others, *top) = (sum, largest);
    }
}

/// Of a class above one half nothing: what is left is its complement.
#[inline(always)]
fn add_small<T: Real>(s: &[T], complement: &mut [T]) {
    for (&s, complement) in s.iter().zip(complement) {
        *complement += s.mask(!(s > T::of(0.5)));
    }
}

/// In the order of the classes, as one by one.
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
        *from = below(*from, x);
    }
}

/// Makes NaN of `R` where two classes are the largest with an infinite logit.
#[inline(always)]
fn undefine<T: Real>(rest: &mut [T], largest: &[T]) {
    for (rest, &largest) in rest.iter_mut().zip(largest) {
        *rest = defined(*rest, largest);
    }
}

/// The inverse of the sum of all exponentials, the complement of the largest class, and the probability of what was
/// picked.
#[inline(always)]
fn totals<T: Real>(rest: &[T], inverse: &mut [T], complement: &mut [T], picked: &mut [T]) {
    for (((&rest, inverse), complement), picked) in rest.iter().zip(inverse).zip(complement).zip(picked) {
        let share = T::one() / (T::one() + rest);
        *inverse = share;
        *complement = rest * share;
        *picked *= share;
    }
}

#[inline(always)]
fn log_totals<T: Real>(rest: &[T], inverse: &[T], log_total: &mut [T]) {
    for ((&rest, &inverse), log) in rest.iter().zip(inverse).zip(log_total) {
        *log = rest.ln_1p_by(inverse);
    }
}
