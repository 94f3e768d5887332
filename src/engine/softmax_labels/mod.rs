//! Softmax over labels, the common case: a voxel is of one class, so what is charged on the truth is rated once
//! per voxel and not once per class, and no class needs a row of truth.

mod ahead;
pub(crate) mod exponentials;
mod few;
mod few_pull;
pub(super) mod fold;
pub(crate) mod parking;
mod pick;
mod pull;
mod share;
pub(crate) mod sigmoid;

use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::engine::pass::{BlockRange, Pass, RequiredSums, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::tile::{Exclude, Span, Tile};
use crate::loss::activation::Activation;
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::GradientRows;
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::{Kernel, dispatch};
use exponentials::{FromProbabilities, Scale, TargetRows, exponentials};
use fold::{AddByLabel, FoldLabelled, Sum};
use parking::{park, unpark};
use pick::look_up;
use pull::{Labelled, Polynomial};

/// Whether a loss can be swept this way. Only what stays the same in all sweeps and parts of a batch decides.
pub(crate) fn is_labelled(
    plan: &Problem<'_>,
    terms: &[Term<'_>],
    fields: &[Option<StridedRows>; MAX_TERMS],
) -> bool {
    let is_rated_once = |(slot, rows): (usize, &dyn DynVoxelLoss)| {
        let bill = rows.info();
        let serves_all = fields.get(slot).copied().flatten().is_none_or(|field| field.is_shared());
        match bill.contribution {
            Contribution::AllClasses => true,
            Contribution::BothOutcomes => false,
            Contribution::TrueClass | Contribution::NegLogLikelihood => bill.smoothing == 0.0 && serves_all,
        }
    };
    plan.activation == Activation::Softmax
        && plan.target_kind == TargetKind::Labels
        && voxel_losses(terms).all(is_rated_once)
}

/// Whether a cost of labels pays on the true class only.
pub(crate) fn on_truth(rows: &dyn DynVoxelLoss) -> bool {
    matches!(rows.info().contribution, Contribution::TrueClass | Contribution::NegLogLikelihood)
}

/// Whether anything pulls on `s` itself, and not only on `ln s` of the truth.
fn has_polynomial(terms: &[Term<'_>]) -> bool {
    terms.iter().any(|term| !matches!(term.loss.kind(), LossKind::Voxel(rows) if on_truth(rows)))
}

/// Whether a cost is ranked over the batch before it is swept.
fn is_ranked(rows: &dyn DynVoxelLoss) -> bool {
    matches!(rows.info().selection, Some(Selection::Fraction(_)))
}

/// Whether probabilities may wait, where the gradient will be, for the sweep that maps: it needs nothing but them
/// of the prediction, which have no logarithm where they underflow. If it `folds` too, it is the ranking that parks,
/// and costs on the truth are known by rank.
pub(crate) fn can_park(terms: &[Term<'_>], folds: bool) -> bool {
    let needs_logits = |(_, rows): (usize, &dyn DynVoxelLoss)| {
        on_truth(rows) && (folds && !is_ranked(rows) || rows.info().log_of_zero)
    };
    let ranked = voxel_losses(terms).filter(|(_, rows)| is_ranked(*rows)).count();
    wants_probabilities(terms)
        && (!folds || ranked == 1)
        && !voxel_losses(terms).any(needs_logits)
        && !has_threshold(terms)
}

/// Whether voxels are selected by their logarithms, in each sweep anew.
fn has_threshold(terms: &[Term<'_>]) -> bool {
    voxel_losses(terms).any(|(_, rows)| matches!(rows.info().selection, Some(Selection::Threshold(_))))
}

/// Whether probabilities are wanted, and not only the exponentials they are made of.
fn wants_probabilities(terms: &[Term<'_>]) -> bool {
    has_polynomial(terms) || voxel_losses(terms).any(|(_, rows)| is_ranked(rows))
}

/// Whether the pull on `s` is made row by row: it is more than a constant of class and label.
fn pulls_in_rows(terms: &[Term<'_>], step: &BlockRange<'_>) -> bool {
    // A form that may use squares need not.
    let is_bent =
        |class: &ClassSums| class.squared_error_positive != 0.0 || class.squared_error_negative != 0.0;
    let has_bent = step.map.is_none_or(|(slopes, _)| slopes.iter().any(is_bent));
    terms.iter().any(|term| match term.loss.kind() {
        LossKind::Voxel(rows) => !on_truth(rows),
        LossKind::Region(form) => form.uses_squared_error() && has_bent,
        LossKind::JointRegion(_) => false,
    })
}

impl Pass<'_> {
    /// Folds and maps an opened tile; adds to `chunk`, a tally per class.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(in crate::engine) unsafe fn labelled<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [ClassSums],
        step: BlockRange<'_>,
    ) {
        let (classes, first_label) = (self.plan.classes, self.plan.label_of(0));
        let folds_sums = step.folds && self.sums > RequiredSums::None;
        let charges = voxel_losses(self.terms).any(|(_, rows)| on_truth(rows));
        let is_curved = voxel_losses(self.terms).any(|(_, rows)| on_truth(rows) && !rows.info().linear);
        // What may have been parked has to do where it is not: the bits are the same.
        let from_probabilities = can_park(self.terms, step.folds);
        let wants_logits = !from_probabilities;
        let picks = TargetRows {
            probability: wants_logits && (folds_sums || is_curved || step.map.is_some()),
            logarithm: wants_logits && charges,
        };
        match step.parking {
            // SAFETY: promised by the caller.
            Some(parking) if step.parked => unsafe { unpark(tile, classes, step, parking) },
            // SAFETY: as above.
            _ => unsafe { exponentials(tile, self.plan, step, picks) },
        }
        let in_rows = pulls_in_rows(self.terms, &step);
        // Likewise complements, where a gradient may be made: with sums of regions it is not in the sweep that folds.
        let in_one_sweep = RequiredSums::of(self.terms) == RequiredSums::None;
        let is_mapped = from_probabilities || wants_probabilities(self.terms) && in_one_sweep;
        let complement = is_mapped && (in_rows || charges);
        let is_scaled = !folds_sums || complement || from_probabilities;
        if wants_probabilities(self.terms) && !step.parked && is_scaled {
            dispatch(Scale { tile, classes });
        }
        if from_probabilities || complement {
            let (picks, logarithm) = (from_probabilities, from_probabilities && is_curved);
            dispatch(FromProbabilities { tile, classes, first_label, picks, complement, logarithm });
        }
        if folds_sums {
            let squares = self.sums == RequiredSums::Squares;
            dispatch(FoldLabelled { tile, first_label, squares, sums: chunk });
        }
        if let (Some(parking), false) = (step.parking, step.parked) {
            // SAFETY: promised by the caller.
            unsafe { park(tile, classes, step, parking) };
        }
        // SAFETY: promised by the caller.
        unsafe { self.choose(tile, chunk, step) };

        if charges {
            row_mut(tile.gradients.positive, 0, tile.span.width, tile.span.used).fill(T::zero());
        }
        for (slot, rows) in voxel_losses(self.terms).filter(|(_, rows)| on_truth(*rows)) {
            // SAFETY: promised by the caller.
            unsafe { self.charge(tile, chunk, step, slot, rows) };
        }
        let polynomial = match in_rows {
            true => Polynomial::Rows,
            false if has_polynomial(self.terms) => Polynomial::Linear,
            false => Polynomial::None,
        };
        if polynomial == Polynomial::Rows {
            for (class, sums) in chunk.iter_mut().enumerate() {
                // SAFETY: promised by the caller.
                unsafe { self.everywhere(tile, sums, step, class) };
            }
        }
        if let Some((slopes, output)) = step.map {
            let pull = Labelled { slopes, first_label, polynomial, charges };
            // SAFETY: promised by the caller; the tile was read whole before it is written.
            unsafe { pull.write_all(tile, step, output) };
        }
    }

    /// Folds one cost that is charged on the truth, and adds its pull on `ln s` of the truth to `made.here`.
    unsafe fn charge<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [ClassSums],
        step: BlockRange<'_>,
        slot: usize,
        rows: &dyn DynVoxelLoss,
    ) {
        let Span { width, used } = tile.span;
        let first_label = self.plan.label_of(0);
        // SAFETY: promised by the caller; the field, if any, serves all classes.
        unsafe { self.load_field(tile, step, 0, slot) };
        let selects = self.cuts.get(slot).is_some_and(Option::is_some);
        let weight = if selects {
            row(tile.inputs.selected, slot, width, used)
        } else {
            row(tile.inputs.weight, 0, width, used)
        };
        let label = row(tile.inputs.label, 0, width, used);
        if step.folds {
            let cost = row_mut(tile.gradients.cost, 0, width, used);
            let work = row_mut(tile.gradients.work, 0, width, used);
            match self.ranks.get(slot).copied().flatten() {
                Some(ranks) => {
                    // SAFETY: ranks are there of every voxel.
                    unsafe {
                        ranks.load(step.sample, 0, step.at, cost.get_mut(..tile.len).unwrap_or(&mut []))
                    };
                    cost.get_mut(tile.len..).unwrap_or(&mut []).fill(T::zero());
                    let weights = self.rank_weights(step.sample, slot);
                    if (0..self.plan.classes).any(|class| weights(class) != 1.0) {
                        // What was weighed by 0, or by what this precision has no number for, is taken as it is.
                        let of = |class| match weights(class) {
                            price if T::of(price) == T::zero() => 1.0,
                            price => price,
                        };
                        dispatch(Lookup { label, first_label, classes: self.plan.classes, of, out: work });
                        dispatch(Unweigh { row: cost, weight: work });
                    }
                    dispatch(Exclude { row: cost, weight });
                }
                None => T::rows(rows).evaluate_row(&tile.inputs.truth_row(weight, tile.span), work, cost),
            }
            if selects || !tile.is_unweighted {
                dispatch(WeighCosts { row: cost, weight });
            }
            let lanes = row_mut(tile.gradients.lanes, 0, width, used);
            dispatch(AddByLabel { row: cost, label, first_label, lanes, sums: chunk, to: Sum::Cost(slot) });
        }
        if let Some((slopes, _)) = step.map {
            let slope = row_mut(tile.gradients.cost, 0, width, used);
            let of =
                |class: usize| slopes.get(class).and_then(|of| of.loss_sum.get(slot)).copied().unwrap_or(0.0);
            dispatch(Lookup { label, first_label, classes: self.plan.classes, of, out: slope });
            dispatch(Weigh { row: slope, weight });
            let here = row_mut(tile.gradients.positive, 0, width, used);
            let mut pull = GradientRows { polynomial: &mut [], positive: here, negative: &mut [] };
            let work = row_mut(tile.gradients.work, 0, width, used);
            let slope = row(tile.gradients.cost, 0, width, used);
            T::rows(rows).slope_row(&tile.inputs.truth_row(slope, tile.span), T::one(), work, &mut pull);
        }
    }
}

/// Multiplies a row by the weights of its voxels.
pub(crate) struct Weigh<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Weigh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x *= weight;
        }
    }
}

/// Multiplies a row of costs, which may be infinite, by the weights of its voxels.
pub(crate) struct WeighCosts<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for WeighCosts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (cost, &weight) in self.row.iter_mut().zip(self.weight) {
            *cost = cost.times(weight);
        }
    }
}

/// Takes them off again.
struct Unweigh<'a, T> {
    row: &'a mut [T],
    weight: &'a [T],
}

impl<T: Real> Kernel for Unweigh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x /= weight;
        }
    }
}

/// What each voxel's class has in a table; a voxel of no class may get anything finite.
pub(crate) struct Lookup<'a, F, T> {
    pub label: &'a [i32],
    pub first_label: i32,
    pub classes: usize,
    pub of: F,
    pub out: &'a mut [T],
}

impl<F: Fn(usize) -> f64, T: Real> Kernel for Lookup<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { label, first_label, classes, of, out } = self;
        look_up(|class| T::of(of(class)), classes, label, first_label, out);
    }
}
