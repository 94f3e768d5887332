//! One pass over a tile, for softmax and labels.

use crate::engine::pass::{BlockRange, Pass};
use crate::engine::plan::{
    RequiredSums, can_park, has_polynomial, on_truth, pulls_in_rows, voxel_losses, wants_probabilities,
};
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::accumulate::{AddByLabel, FoldLabelled, Sum};
use crate::engine::softmax_labels::cache::{park, unpark};
use crate::engine::softmax_labels::class_slopes::{Labelled, Polynomial};
use crate::engine::softmax_labels::exponentials::{FromProbabilities, Scale, TargetRows, exponentials};
use crate::engine::softmax_labels::gather::Lookup;
use crate::engine::tile::{Exclude, Span, Tile};
use crate::engine::weighting::{Unweigh, Weigh, WeighCosts};
use crate::loss::rows::{DynVoxelLoss, GradientRows};
use crate::loss::sums::ClassSums;
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::dispatch;

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
        let in_rows = pulls_in_rows(self.terms, step.map.map(|(slopes, _)| slopes));
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
            let mut pull = GradientRows { polynomial: &mut [], here, elsewhere: &mut [] };
            let work = row_mut(tile.gradients.work, 0, width, used);
            let slope = row(tile.gradients.cost, 0, width, used);
            T::rows(rows).slope_row(&tile.inputs.truth_row(slope, tile.span), T::one(), work, &mut pull);
        }
    }
}
