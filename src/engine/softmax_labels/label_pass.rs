//! One pass over a tile, for softmax and labels.

use crate::checked::{expected, slice_mut, tail_mut};
use crate::engine::class_tile::{Exclude, Span, Tile};
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::{
    CacheAccess, ProbabilitySlope, RequiredSums, is_target_loss, probability_slope, voxel_losses,
};
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::class_slopes::ClassSlopes;
use crate::engine::softmax_labels::exponentials::{FromProbabilities, Normalize, exponentials};
use crate::engine::softmax_labels::gather::TableByLabel;
use crate::engine::softmax_labels::label_sums::{AccumulateLabels, AddByLabel, LabelSum};
use crate::engine::softmax_labels::probability_cache::{load_probabilities, store_probabilities};
use crate::engine::weighting::{Divide, Multiply, MultiplyLosses};
use crate::loss::sums::ClassSums;
use crate::loss::voxel_rows::{DynVoxelLoss, GradientRows};
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::dispatch;

impl Pass<'_> {
    /// Computes a tile whose labels and weights are loaded; adds to `sums`, one entry per class.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn softmax_labels<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        block: BlockRange<'_>,
    ) {
        let (classes, first_label) = (self.problem.classes, self.problem.label_of(0));
        let steps = self.steps.labels;
        match self.output {
            Some(output) if self.steps.cache == CacheAccess::Load => {
                // SAFETY: the caller's promise.
                unsafe { load_probabilities(tile, classes, block, output) }
            }
            // SAFETY: the caller's promise.
            _ => unsafe { exponentials(tile, self.problem, block, steps.target_rows) },
        }
        let probability_slope = probability_slope(self.terms, block.slopes);
        let has_slope_rows = probability_slope == ProbabilitySlope::Rows;
        let accumulates_region = self.steps.sums > RequiredSums::None;
        // Sums of region losses normalize the exponentials themselves. Otherwise this depends on nothing that differs
        // between passes: all of them compute the same bits.
        let complement = steps.may_need_complement && (has_slope_rows || steps.has_target_loss);
        let normalizes = !accumulates_region || complement || steps.from_probabilities;
        if steps.needs_probabilities && self.steps.cache != CacheAccess::Load && normalizes {
            dispatch(Normalize { tile, classes });
        }
        if steps.from_probabilities || complement {
            let gathers = steps.from_probabilities;
            let logarithm = steps.from_probabilities && steps.has_varying_slope;
            dispatch(FromProbabilities { tile, classes, first_label, gathers, complement, logarithm });
        }
        if accumulates_region {
            let squares = self.steps.sums == RequiredSums::Squared;
            dispatch(AccumulateLabels { tile, first_label, squares, sums });
        }
        if let (Some(output), CacheAccess::Store) = (self.output, self.steps.cache) {
            // SAFETY: the caller's promise.
            unsafe { store_probabilities(tile, classes, block, output) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.weigh_selected(tile, sums, block) };

        if steps.has_target_loss {
            row_mut(tile.gradients.positive, 0, tile.span.width, tile.span.used).fill(T::zero());
        }
        for (slot, loss) in voxel_losses(self.terms).filter(|(_, loss)| is_target_loss(*loss)) {
            // SAFETY: the caller's promise.
            unsafe { self.target_loss(tile, sums, block, slot, loss) };
        }
        if has_slope_rows {
            for (class, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { self.class_slope_row(tile, sums, block, class) };
            }
        }
        if let (Some(slopes), Some(output)) = (block.slopes, self.gradient()) {
            let has_target_loss = steps.has_target_loss;
            let slopes = ClassSlopes { slopes, first_label, probability_slope, has_target_loss };
            // SAFETY: the caller's promise; the tile is loaded completely before it is overwritten.
            unsafe { slopes.write_gradient(tile, block, output) };
        }
    }

    /// Accumulates one loss of the target class, and adds its derivative by `ln s` of the target class to
    /// `gradients.positive`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn target_loss<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        block: BlockRange<'_>,
        slot: usize,
        loss: &dyn DynVoxelLoss,
    ) {
        let Span { width, used } = tile.span;
        let (classes, first_label) = (self.problem.classes, self.problem.label_of(0));
        // SAFETY: the caller's promise; the field, if there is one, is shared by all classes.
        unsafe { self.load_field(tile, block, 0, slot) };
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let weight = if selects {
            row(tile.inputs.selected, slot, width, used)
        } else {
            row(tile.inputs.weight, 0, width, used)
        };
        let label = row(tile.inputs.label, 0, width, used);
        if self.steps.accumulates {
            let losses = row_mut(tile.gradients.loss, 0, width, used);
            let work = row_mut(tile.gradients.work, 0, width, used);
            match self.ranking_losses.get(slot).copied().flatten() {
                Some(ranking_losses) => {
                    let of_voxels = slice_mut(losses, 0..tile.len);
                    // SAFETY: the ranking losses hold every voxel of the batch.
                    unsafe { ranking_losses.load(block.sample, 0, block.start, of_voxels) };
                    tail_mut(losses, tile.len).fill(T::zero());
                    let weights = self.ranking_weights(block.sample, slot);
                    if (0..classes).any(|class| weights(class) != 1.0) {
                        // The stored loss includes the weight of its class. A weight that is 0 in this precision cannot
                        // be divided out.
                        let of = |class| match weights(class) {
                            weight if T::of(weight) == T::zero() => 1.0,
                            weight => weight,
                        };
                        dispatch(TableByLabel { label, first_label, classes, of, out: work });
                        dispatch(Divide { row: losses, weight: work });
                    }
                    dispatch(Exclude { row: losses, weight });
                }
                None => {
                    T::rows(loss).evaluate_row(&tile.inputs.target_class_row(weight, tile.span), work, losses)
                }
            }
            if selects || !tile.is_unweighted {
                dispatch(MultiplyLosses { row: losses, weight });
            }
            let lanes = row_mut(tile.gradients.lanes, 0, width, used);
            dispatch(AddByLabel { row: losses, label, first_label, lanes, sums, to: LabelSum::Loss(slot) });
        }
        if let Some(slopes) = block.slopes {
            let scaled_weight = row_mut(tile.gradients.loss, 0, width, used);
            let of = |class: usize| {
                expected(slopes.get(class).and_then(|of| of.loss_sum.get(slot))).copied().unwrap_or(0.0)
            };
            dispatch(TableByLabel { label, first_label, classes, of, out: scaled_weight });
            dispatch(Multiply { row: scaled_weight, weight });
            let positive = row_mut(tile.gradients.positive, 0, width, used);
            let mut rows = GradientRows { polynomial: &mut [], positive, negative: &mut [] };
            let work = row_mut(tile.gradients.work, 0, width, used);
            let target_class =
                tile.inputs.target_class_row(row(tile.gradients.loss, 0, width, used), tile.span);
            T::rows(loss).slope_row(&target_class, T::one(), work, &mut rows);
        }
    }
}
