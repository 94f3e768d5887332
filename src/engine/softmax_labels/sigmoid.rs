//! Sigmoid over labels: of the two outcomes of a voxel and class, only the one that is true is rated.
//!
//! ```text
//! z' = z of a voxel of the class, −z of another      p = sigmoid(z'), the probability of what is true
//! ∂L/∂z = ±(1 − p)·v + p·(1 − p)·q                   v = ∂L/∂ln p,   q = ∂L/∂s
//! ```

use crate::array::real::Real;
use crate::engine::pass::{BlockRange, Pass, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::Weigh;
use crate::engine::tile::{Span, Tile};
use crate::loss::activation::Activation;
use crate::loss::probability::sigmoid;
use crate::loss::sums::ClassSums;
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::GradientRows;
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::{AddUp, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

/// Whether a loss can be swept this way.
pub(crate) fn is_labelled_sigmoid(plan: &Problem<'_>, terms: &[Term<'_>]) -> bool {
    let is_rated_once = |(_, rows): (usize, &dyn DynVoxelLoss)| {
        let bill = rows.info();
        bill.contribution == Contribution::AllClasses || bill.smoothing == 0.0 && bill.selection.is_none()
    };
    plan.activation == Activation::Sigmoid
        && plan.target_kind == TargetKind::Labels
        && voxel_losses(terms).all(is_rated_once)
}

impl Pass<'_> {
    /// Folds and maps an opened tile; adds to `chunk`, a tally per class.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(in crate::engine) unsafe fn labelled_sigmoid<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [ClassSums],
        step: BlockRange<'_>,
    ) {
        let Span { width, used } = tile.span;
        row_mut(tile.inputs.log_total, 0, width, used).fill(T::zero());
        let charges =
            voxel_losses(self.terms).any(|(_, rows)| rows.info().contribution != Contribution::AllClasses);
        for (class, sums) in chunk.iter_mut().enumerate() {
            // SAFETY: promised by the caller. A class is read before it is written, and no other needs it.
            unsafe {
                tile.load(self.plan, step.sample, class, step.at);
                tile.load_truth(self.plan, step.sample, class, step.at);
            }
            dispatch(Activate {
                logit: row(tile.inputs.logit, class, width, used),
                truth: row(tile.inputs.truth, 0, width, used),
                probability: row_mut(tile.inputs.probability, class, width, used),
                picked: row_mut(tile.inputs.target_probability, 0, width, used),
                complement: row_mut(tile.inputs.complement, 0, width, used),
                log: charges.then_some(row_mut(tile.inputs.target_logit, 0, width, used)),
            });
            if step.folds {
                self.fold_region(tile, sums, class);
            }
            if let Some(slopes) = step.slopes(class) {
                self.map_region(tile, class, slopes);
                row_mut(tile.gradients.positive, 0, width, used).fill(T::zero());
            }
            for (slot, rows) in voxel_losses(self.terms) {
                // SAFETY: promised by the caller.
                unsafe {
                    if rows.info().contribution == Contribution::AllClasses {
                        self.cost(tile, sums, step, class, slot, rows);
                    } else {
                        self.outcome(tile, sums, step, class, slot, rows);
                    }
                }
            }
            if let Some((_, output)) = step.map {
                dispatch(Settle {
                    picked: row(tile.inputs.target_probability, 0, width, used),
                    complement: row(tile.inputs.complement, 0, width, used),
                    truth: row(tile.inputs.truth, 0, width, used),
                    v: row(tile.gradients.positive, 0, width, used),
                    polynomial: row(tile.gradients.polynomial, 0, width, used),
                    charges,
                    out: row_mut(tile.gradients.cost, 0, width, used),
                });
                let gradient = row(tile.gradients.cost, 0, width, tile.len);
                // SAFETY: promised by the caller.
                unsafe { output.rows.store(step.sample, class, step.at, gradient, output.accumulate) };
            }
        }
    }

    /// Folds one cost of the true outcomes of a class, and adds its pull on their logarithms to `made.here`.
    unsafe fn outcome<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        step: BlockRange<'_>,
        class: usize,
        slot: usize,
        rows: &dyn DynVoxelLoss,
    ) {
        if !self.pays(step.sample, class, slot, rows) {
            return;
        }
        let Span { width, used } = tile.span;
        // SAFETY: promised by the caller.
        unsafe { self.load_field(tile, step, class, slot) };
        let prices = rows.info().outcome_weights(self.plan.activation, self.plan.classes);
        let price = row_mut(tile.gradients.negative, 0, width, used);
        let (truth, weight) =
            (row(tile.inputs.truth, 0, width, used), row(tile.inputs.weight, 0, width, used));
        let is_free = tile.is_unweighted && prices.positive == T::one() && prices.negative == T::one();
        if !is_free {
            dispatch(Price { truth, weight, here: prices.positive, elsewhere: prices.negative, price });
        }
        let work = row_mut(tile.gradients.work, 0, width, used);
        if let (true, Some(sum)) = (step.folds, sums.loss_sum.get_mut(slot)) {
            let cost = row_mut(tile.gradients.cost, 0, width, used);
            T::rows(rows).evaluate_row(&tile.inputs.truth_row(weight, tile.span), work, cost);
            let weight = (!is_free).then_some(&*price);
            dispatch(AddUp { row: cost, weight, lanes: tile.gradients.lanes, sum });
        }
        if let Some(slope) = step.slopes(class).and_then(|slopes| slopes.loss_sum.get(slot)) {
            let scaled = row_mut(tile.gradients.cost, 0, width, used);
            scaled.fill(T::of(*slope));
            if !is_free {
                dispatch(Weigh { row: scaled, weight: price });
            }
            let here = row_mut(tile.gradients.positive, 0, width, used);
            let mut pull = GradientRows { polynomial: &mut [], positive: here, negative: &mut [] };
            let scaled = row(tile.gradients.cost, 0, width, used);
            T::rows(rows).slope_row(&tile.inputs.truth_row(scaled, tile.span), T::one(), work, &mut pull);
        }
    }
}

/// Probabilities of a class and of what is true of it, from logits.
struct Activate<'a, T> {
    logit: &'a [T],
    truth: &'a [T],
    /// `s`
    probability: &'a mut [T],
    /// `p`
    picked: &'a mut [T],
    /// `1 − p`
    complement: &'a mut [T],
    /// `ln p`, if anybody wants it
    log: Option<&'a mut [T]>,
}

impl<T: Real> Kernel for Activate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { logit, truth, probability, picked, complement, log } = self;
        match log {
            Some(log) => activate_with_log(logit, truth, probability, picked, complement, log),
            None => activate(logit, truth, probability, picked, complement),
        }
    }
}

#[inline(always)]
fn activate<T: Real>(
    logit: &[T],
    truth: &[T],
    probability: &mut [T],
    picked: &mut [T],
    complement: &mut [T],
) {
    let to = probability.iter_mut().zip(picked).zip(complement);
    for ((&z, &g), ((s, p), c)) in logit.iter().zip(truth).zip(to) {
        let inside = g > T::zero();
        let (of_truth, other, _) = sigmoid(if inside { z } else { -z });
        *s = if inside { of_truth } else { other };
        *p = of_truth;
        *c = other;
    }
}

#[inline(always)]
fn activate_with_log<T: Real>(
    logit: &[T],
    truth: &[T],
    probability: &mut [T],
    picked: &mut [T],
    complement: &mut [T],
    log: &mut [T],
) {
    let to = probability.iter_mut().zip(picked).zip(complement.iter_mut().zip(log));
    for ((&z, &g), ((s, p), (c, log))) in logit.iter().zip(truth).zip(to) {
        let inside = g > T::zero();
        let (of_truth, other, log_of_truth) = sigmoid(if inside { z } else { -z });
        *s = if inside { of_truth } else { other };
        *p = of_truth;
        *c = other;
        *log = log_of_truth;
    }
}

/// What the outcome of each voxel pays.
struct Price<'a, T> {
    truth: &'a [T],
    weight: &'a [T],
    here: T,
    elsewhere: T,
    price: &'a mut [T],
}

impl<T: Real> Kernel for Price<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { truth, weight, here, elsewhere, price } = self;
        for ((price, &g), &w) in price.iter_mut().zip(truth).zip(weight) {
            *price = w * if g > T::zero() { here } else { elsewhere };
        }
    }
}

/// The gradient of a class.
struct Settle<'a, T> {
    picked: &'a [T],
    complement: &'a [T],
    truth: &'a [T],
    v: &'a [T],
    polynomial: &'a [T],
    charges: bool,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Settle<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { picked, complement, truth, v, polynomial, charges, out } = self;
        if charges {
            settle(picked, complement, truth, v, polynomial, out);
        } else {
            settle_polynomial(picked, complement, polynomial, out);
        }
    }
}

#[inline(always)]
fn settle<T: Real>(picked: &[T], complement: &[T], truth: &[T], v: &[T], polynomial: &[T], out: &mut [T]) {
    let known = picked.iter().zip(complement).zip(truth).zip(v.iter().zip(polynomial));
    for (out, (((&p, &c), &g), (&v, &q))) in out.iter_mut().zip(known) {
        let signed = if g > T::zero() { v } else { -v };
        *out = c * (signed + p * q);
    }
}

#[inline(always)]
fn settle_polynomial<T: Real>(picked: &[T], complement: &[T], polynomial: &[T], out: &mut [T]) {
    for (out, ((&p, &c), &q)) in out.iter_mut().zip(picked.iter().zip(complement).zip(polynomial)) {
        *out = c * (p * q);
    }
}
