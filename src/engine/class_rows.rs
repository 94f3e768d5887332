//! The terms of one class of a tile, row by row: sums, losses and derivatives. All implementations use these functions.

use crate::checked::{expected, slice_mut};
use crate::engine::class_tile::{Exclude, Span, Tile};
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::{RequiredSums, is_target_loss, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::region_sums::{AccumulateRegion, RegionGradient, SquaredErrorSlope};
use crate::loss::sums::ClassSums;
use crate::loss::voxel_info::OutcomeWeights;
use crate::loss::voxel_rows::{DynVoxelLoss, DynVoxelLossOf, GradientRows, VoxelRow};
use crate::simd::blocks::{AddUp, copy_row, row, row_mut};
use crate::simd::level::dispatch;

impl Pass<'_> {
    /// Adds a class of the tile, whose target is loaded, to its sums besides those of the voxel losses.
    pub(super) fn accumulate_region<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        class: usize,
    ) {
        if self.steps.sums == RequiredSums::None {
            return;
        }
        let Span { width, used } = tile.span;
        let probability = row(tile.inputs.probability, class, width, used);
        let target = row(tile.inputs.target, 0, width, used);
        let lanes = row_mut(tile.gradients.lanes, 0, width, used / 4);
        let (weights, is_unweighted) = (row(tile.inputs.weight, 0, width, used), tile.is_unweighted);
        let squares = self.steps.sums == RequiredSums::Squared;
        dispatch(AccumulateRegion { probability, target, weights, is_unweighted, squares, lanes, sums });
    }

    /// Writes the derivative by `s` of the sums of a class to `gradients.polynomial`. Returns whether it can differ
    /// from 0.
    pub(super) fn region_gradient<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        class: usize,
        slopes: &ClassSums,
    ) -> bool {
        let Span { width, used } = tile.span;
        let polynomial = row_mut(tile.gradients.polynomial, 0, width, used);
        let target = row(tile.inputs.target, 0, width, used);
        let weight = row(tile.inputs.weight, 0, width, used);
        let is_linear = has_linear_slope(slopes);
        if is_linear {
            dispatch(RegionGradient { target, weight, slopes, polynomial });
        } else {
            polynomial.fill(T::zero());
        }
        let Some(squared_error) = SquaredErrorSlope::of(slopes) else { return is_linear };
        let activation = self.problem.activation;
        let of = tile.inputs.class_row(activation, class, OutcomeWeights::unit(), tile.span);
        let work = row_mut(tile.gradients.work, 0, width, used);
        let mut rows = GradientRows { polynomial, positive: &mut [], negative: &mut [] };
        squared_error.slope_row(&of, T::one(), work, &mut rows);
        true
    }

    /// Returns whether a class of a sample contributes to a voxel loss. The field of a class that is excluded or not
    /// annotated is neither computed nor read.
    pub(super) fn contributes(
        &self,
        sample: usize,
        class: usize,
        slot: usize,
        loss: &dyn DynVoxelLoss,
    ) -> bool {
        let is_excluded = self.term(slot).is_some_and(|term| term.excludes(class, self.problem.classes));
        !(loss.info().field && (is_excluded || !self.problem.is_annotated(sample, class)))
    }

    /// Accumulates one class of a voxel loss, and adds its derivatives to the rows of `gradients`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn voxel_loss<T: Precise>(
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
        let outcome_weights = loss.info().outcome_weights(self.problem.activation, self.problem.classes);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let weight = if selects {
            row(tile.inputs.selected, slot, width, used)
        } else {
            row(tile.inputs.weight, 0, width, used)
        };
        let of_class = tile.inputs.class_row(self.problem.activation, class, outcome_weights, tile.span);
        let of_class = VoxelRow { weight, ..of_class };
        let work = row_mut(tile.gradients.work, 0, width, used);
        if let (true, Some(sum)) = (self.steps.accumulates, expected(sums.loss_sum.get_mut(slot))) {
            let losses = row_mut(tile.gradients.loss, 0, width, used);
            T::rows(loss).evaluate_row(&of_class, work, losses);
            let weight = (!tile.is_unweighted || selects).then_some(weight);
            dispatch(AddUp { row: losses, weight, lanes: tile.gradients.lanes, sum });
        }
        if let Some(slope) = block.slopes_of(class).and_then(|slopes| expected(slopes.loss_sum.get(slot))) {
            let mut rows = GradientRows {
                polynomial: row_mut(tile.gradients.polynomial, 0, width, used),
                positive: row_mut(tile.gradients.positive, 0, width, used),
                negative: row_mut(tile.gradients.negative, 0, width, used),
            };
            T::rows(loss).slope_row(&of_class, T::of(*slope), work, &mut rows);
        }
    }

    /// For softmax and labels: accumulates the losses to which every class of every voxel contributes, and writes the
    /// derivative by `s` to the row of `logit` of the class, whose logits are no longer used.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn class_slope_row<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        block: BlockRange<'_>,
        class: usize,
    ) {
        let contributes = |(slot, loss): (usize, &dyn DynVoxelLoss)| {
            !is_target_loss(loss) && self.contributes(block.sample, class, slot, loss)
        };
        if !block.slopes_of(class).is_some_and(has_region_slope) && !voxel_losses(self.terms).any(contributes)
        {
            return row_mut(tile.inputs.logit, class, tile.span.width, tile.span.used).fill(T::zero());
        }
        // SAFETY: the caller's promise.
        unsafe { tile.load_target(self.problem, block.sample, class, block.start) };
        if let Some(slopes) = block.slopes_of(class) {
            self.region_gradient(tile, class, slopes);
        }
        for (slot, loss) in voxel_losses(self.terms).filter(|(_, loss)| !is_target_loss(*loss)) {
            // SAFETY: the caller's promise.
            unsafe { self.voxel_loss(tile, sums, block, class, slot, loss) };
        }
        if self.steps.writes_gradient {
            let Span { width, used } = tile.span;
            let to = row_mut(tile.inputs.logit, class, width, used);
            copy_row(row(tile.gradients.polynomial, 0, width, used), to);
        }
    }

    /// Loads the field of a term, if it has one; 0 for voxels that do not count.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn load_field<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        slot: usize,
    ) {
        let Some(source) = self.fields.get(slot).copied().flatten() else { return };
        let field = row_mut(tile.inputs.field, 0, tile.span.width, tile.span.used);
        // SAFETY: the caller's promise.
        unsafe { source.load(block.sample, class, block.start, slice_mut(field, 0..tile.len)) };
        if tile.has_excluded {
            dispatch(Exclude { row: field, weight: tile.inputs.weight });
        }
    }
}

/// Returns whether the derivative by `s` of the sums of a class has a part that does not depend on `s`.
fn has_linear_slope(slopes: &ClassSums) -> bool {
    slopes.prediction != 0.0 || slopes.intersection != 0.0
}

/// Returns whether the sums of a class have a derivative by `s`.
fn has_region_slope(slopes: &ClassSums) -> bool {
    has_linear_slope(slopes) || SquaredErrorSlope::of(slopes).is_some()
}
