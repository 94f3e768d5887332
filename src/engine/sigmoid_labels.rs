//! One pass over a tile, for sigmoid and labels: of the two outcomes of a voxel and class only the true one is
//! evaluated.
//!
//! ```text
//! z' = z for a voxel of the class, −z for another      p = sigmoid(z'), the probability of the true outcome
//! ∂L/∂z = ±(1 − p)·v + p·(1 − p)·q                     v = ∂L/∂ln p,   q = ∂L/∂s
//! ```

use crate::array::real::Real;
use crate::checked::expected;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::voxel_losses;
use crate::engine::precise::Precise;
use crate::engine::weighting::Multiply;
use crate::loss::probability::sigmoid;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::GradientRows;
use crate::simd::blocks::{AddUp, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

impl Pass<'_> {
    /// Computes a tile whose labels and weights are loaded; adds to `sums`, one entry per class.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn sigmoid_labels<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        block: BlockRange<'_>,
    ) {
        let Span { width, used } = tile.span;
        row_mut(tile.inputs.log_total, 0, width, used).fill(T::zero());
        let has_outcome_loss =
            voxel_losses(self.terms).any(|(_, loss)| loss.info().contribution != Contribution::AllClasses);
        for (class, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise. A class is loaded before its gradient overwrites it, and no other class
            // reads it.
            unsafe {
                tile.load_prediction(self.problem, block.sample, class, block.start);
                tile.load_target(self.problem, block.sample, class, block.start);
            }
            dispatch(ActivateOutcomes {
                logit: row(tile.inputs.logit, class, width, used),
                target: row(tile.inputs.target, 0, width, used),
                probability: row_mut(tile.inputs.probability, class, width, used),
                of_true: row_mut(tile.inputs.target_probability, 0, width, used),
                complement: row_mut(tile.inputs.complement, 0, width, used),
                logarithm: has_outcome_loss.then_some(row_mut(tile.inputs.target_logit, 0, width, used)),
            });
            if self.steps.accumulates {
                self.accumulate_region(tile, sums, class);
            }
            if let Some(slopes) = block.slopes_of(class) {
                self.region_gradient(tile, class, slopes);
                row_mut(tile.gradients.positive, 0, width, used).fill(T::zero());
            }
            for (slot, loss) in voxel_losses(self.terms) {
                // SAFETY: the caller's promise.
                unsafe {
                    if loss.info().contribution == Contribution::AllClasses {
                        self.voxel_loss(tile, sums, block, class, slot, loss);
                    } else {
                        self.outcome_loss(tile, sums, block, class, slot, loss);
                    }
                }
            }
            if let Some(output) = self.gradient() {
                dispatch(SigmoidLabelGradient {
                    of_true: row(tile.inputs.target_probability, 0, width, used),
                    complement: row(tile.inputs.complement, 0, width, used),
                    target: row(tile.inputs.target, 0, width, used),
                    v: row(tile.gradients.positive, 0, width, used),
                    polynomial: row(tile.gradients.polynomial, 0, width, used),
                    has_outcome_loss,
                    out: row_mut(tile.gradients.loss, 0, width, used),
                });
                let gradient = row(tile.gradients.loss, 0, width, tile.len);
                // SAFETY: the caller's promise.
                unsafe { output.rows.store(block.sample, class, block.start, gradient, output.add) };
            }
        }
    }

    /// Accumulates one loss of the true outcomes of a class, and adds its derivative by their logarithms to
    /// `gradients.positive`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn outcome_loss<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        block: BlockRange<'_>,
        class: usize,
        slot: usize,
        loss: &dyn DynVoxelLoss,
    ) {
        if !self.contributes(block.sample, class, slot, loss) {
            return;
        }
        let Span { width, used } = tile.span;
        // SAFETY: the caller's promise.
        unsafe { self.load_field(tile, block, class, slot) };
        let weights = loss.info().outcome_weights(self.problem.activation, self.problem.classes);
        let (positive, negative) = (weights.positive, weights.negative);
        let outcome_weight = row_mut(tile.gradients.negative, 0, width, used);
        let (target, weight) =
            (row(tile.inputs.target, 0, width, used), row(tile.inputs.weight, 0, width, used));
        let is_unweighted = tile.is_unweighted && positive == T::one() && negative == T::one();
        if !is_unweighted {
            dispatch(WeighOutcomes { target, weight, positive, negative, out: outcome_weight });
        }
        let work = row_mut(tile.gradients.work, 0, width, used);
        if let (true, Some(sum)) = (self.steps.accumulates, expected(sums.loss_sum.get_mut(slot))) {
            let losses = row_mut(tile.gradients.loss, 0, width, used);
            T::rows(loss).evaluate_row(&tile.inputs.target_class_row(weight, tile.span), work, losses);
            let weight = (!is_unweighted).then_some(&*outcome_weight);
            dispatch(AddUp { row: losses, weight, lanes: tile.gradients.lanes, sum });
        }
        if let Some(slope) = block.slopes_of(class).and_then(|slopes| expected(slopes.loss_sum.get(slot))) {
            let scaled = row_mut(tile.gradients.loss, 0, width, used);
            scaled.fill(T::of(*slope));
            if !is_unweighted {
                dispatch(Multiply { row: scaled, weight: outcome_weight });
            }
            let of_true = row_mut(tile.gradients.positive, 0, width, used);
            let mut rows = GradientRows { polynomial: &mut [], positive: of_true, negative: &mut [] };
            let scaled = row(tile.gradients.loss, 0, width, used);
            let outcomes = tile.inputs.target_class_row(scaled, tile.span);
            T::rows(loss).slope_row(&outcomes, T::one(), work, &mut rows);
        }
    }
}

/// Computes from the logits of a class its probabilities and those of the true outcomes.
struct ActivateOutcomes<'a, T> {
    logit: &'a [T],
    target: &'a [T],
    /// `s`
    probability: &'a mut [T],
    /// `p`
    of_true: &'a mut [T],
    /// `1 − p`
    complement: &'a mut [T],
    /// `ln p`, if a loss reads it.
    logarithm: Option<&'a mut [T]>,
}

impl<T: Real> Kernel for ActivateOutcomes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { logit, target, probability, of_true, complement, logarithm } = self;
        match logarithm {
            Some(log) => activate_with_log(logit, target, probability, of_true, complement, log),
            None => activate(logit, target, probability, of_true, complement),
        }
    }
}

#[inline(always)]
fn activate<T: Real>(
    logit: &[T],
    target: &[T],
    probability: &mut [T],
    of_true: &mut [T],
    complement: &mut [T],
) {
    let to = probability.iter_mut().zip(of_true).zip(complement);
    for ((&z, &g), ((s, p), c)) in logit.iter().zip(target).zip(to) {
        let is_positive = g > T::zero();
        let (of_true, of_false, _) = sigmoid(if is_positive { z } else { -z });
        *s = if is_positive { of_true } else { of_false };
        *p = of_true;
        *c = of_false;
    }
}

#[inline(always)]
fn activate_with_log<T: Real>(
    logit: &[T],
    target: &[T],
    probability: &mut [T],
    of_true: &mut [T],
    complement: &mut [T],
    log: &mut [T],
) {
    let to = probability.iter_mut().zip(of_true).zip(complement.iter_mut().zip(log));
    for ((&z, &g), ((s, p), (c, log))) in logit.iter().zip(target).zip(to) {
        let is_positive = g > T::zero();
        let (of_true, of_false, log_of_true) = sigmoid(if is_positive { z } else { -z });
        *s = if is_positive { of_true } else { of_false };
        *p = of_true;
        *c = of_false;
        *log = log_of_true;
    }
}

/// Computes the weight of each voxel times that of its true outcome.
struct WeighOutcomes<'a, T> {
    target: &'a [T],
    weight: &'a [T],
    positive: T,
    negative: T,
    out: &'a mut [T],
}

impl<T: Real> Kernel for WeighOutcomes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { target, weight, positive, negative, out } = self;
        for ((out, &g), &w) in out.iter_mut().zip(target).zip(weight) {
            *out = w * if g > T::zero() { positive } else { negative };
        }
    }
}

/// Computes the gradient of a class.
struct SigmoidLabelGradient<'a, T> {
    of_true: &'a [T],
    complement: &'a [T],
    target: &'a [T],
    v: &'a [T],
    polynomial: &'a [T],
    has_outcome_loss: bool,
    out: &'a mut [T],
}

impl<T: Real> Kernel for SigmoidLabelGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { of_true, complement, target, v, polynomial, has_outcome_loss, out } = self;
        if has_outcome_loss {
            gradient(of_true, complement, target, v, polynomial, out);
        } else {
            gradient_of_polynomial(of_true, complement, polynomial, out);
        }
    }
}

#[inline(always)]
fn gradient<T: Real>(
    of_true: &[T],
    complement: &[T],
    target: &[T],
    v: &[T],
    polynomial: &[T],
    out: &mut [T],
) {
    let rows = of_true.iter().zip(complement).zip(target).zip(v.iter().zip(polynomial));
    for (out, (((&p, &c), &g), (&v, &q))) in out.iter_mut().zip(rows) {
        let signed = if g > T::zero() { v } else { -v };
        *out = c * (signed + p * q);
    }
}

#[inline(always)]
fn gradient_of_polynomial<T: Real>(of_true: &[T], complement: &[T], polynomial: &[T], out: &mut [T]) {
    for (out, ((&p, &c), &q)) in out.iter_mut().zip(of_true.iter().zip(complement).zip(polynomial)) {
        *out = c * (p * q);
    }
}
