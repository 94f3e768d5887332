//! A tile of any kind, class by class: rows of truth, of costs, of pulls.

use crate::engine::activation::activate;
use crate::engine::gradient::{ActiveRows, combine, softmax_backward};
use crate::engine::pass::{BlockRange, GradientOutput, Pass, RequiredSums, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::region::{FoldRegion, MapRegion, Mismatch};
use crate::engine::softmax_labels::on_truth;
use crate::engine::tile::{Exclude, Span, Tile};
use crate::loss::sums::ClassSums;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::{DynVoxelLossOf, GradientRows, OutcomeWeights, VoxelRow};
use crate::simd::blocks::{AddUp, copy_row, row, row_mut};
use crate::simd::level::dispatch;

impl Pass<'_> {
    /// Folds and maps an opened tile of any kind; adds to `chunk`, a tally per class.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(super) unsafe fn general<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [ClassSums],
        step: BlockRange<'_>,
    ) {
        // SAFETY: promised by the caller.
        unsafe {
            activate(tile, self.plan, step.sample, step.at);
            self.choose(tile, chunk, step);
        }
        tile.gradients.total.fill(T::zero());
        tile.gradients.rest.fill(T::zero());
        tile.gradients.largest.fill(T::zero());
        for (class, sums) in chunk.iter_mut().enumerate() {
            // SAFETY: promised by the caller.
            unsafe { self.class(tile, sums, step, class) };
        }
        if let Some((_, output)) = step.map {
            // SAFETY: promised by the caller; the tile was read whole before it is written.
            unsafe { self.write(tile, step, output) };
        }
    }

    /// Folds and maps one class of a tile.
    unsafe fn class<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        step: BlockRange<'_>,
        class: usize,
    ) {
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(self.plan, step.sample, class, step.at) };
        if step.folds {
            self.fold_region(tile, sums, class);
        }
        let mut pulls = ActiveRows::default();
        if let Some(slopes) = step.slopes(class) {
            tile.gradients.positive.fill(T::zero());
            tile.gradients.negative.fill(T::zero());
            pulls.polynomial = self.map_region(tile, class, slopes);
        }
        for (slot, rows) in voxel_losses(self.terms) {
            // SAFETY: promised by the caller.
            unsafe { self.cost(tile, sums, step, class, slot, rows) };
            if step.map.is_some() && self.pays(step.sample, class, slot, rows) {
                let bill = rows.info();
                let prices = bill.outcome_weights::<T>(self.plan.activation, self.plan.classes);
                pulls.polynomial |= bill.contribution == Contribution::AllClasses;
                pulls.here |= bill.contribution != Contribution::AllClasses;
                pulls.elsewhere |=
                    bill.contribution != Contribution::AllClasses && prices.negative != T::zero();
            }
        }
        if step.map.is_some() {
            combine(tile, self.plan.activation, class, pulls);
        }
    }

    /// Folds the costs that every class of every voxel pays, and leaves the pull on `s` in the class's row of
    /// `logit`, of which nobody needs the logits any more.
    pub(super) unsafe fn everywhere<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        step: BlockRange<'_>,
        class: usize,
    ) {
        let pays = |(slot, rows): (usize, &dyn DynVoxelLoss)| {
            !on_truth(rows) && self.pays(step.sample, class, slot, rows)
        };
        // Nothing pulls on the class: its truth does not matter.
        if !step.slopes(class).is_some_and(has_region) && !voxel_losses(self.terms).any(pays) {
            return row_mut(tile.inputs.logit, class, tile.span.width, tile.span.used).fill(T::zero());
        }
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(self.plan, step.sample, class, step.at) };
        if let Some(slopes) = step.slopes(class) {
            self.map_region(tile, class, slopes);
        }
        for (slot, rows) in voxel_losses(self.terms).filter(|(_, rows)| !on_truth(*rows)) {
            // SAFETY: promised by the caller.
            unsafe { self.cost(tile, sums, step, class, slot, rows) };
        }
        if step.map.is_some() {
            let Span { width, used } = tile.span;
            let to = row_mut(tile.inputs.logit, class, width, used);
            copy_row(row(tile.gradients.polynomial, 0, width, used), to);
        }
    }

    /// Adds a class of the tile to the sums that are wanted besides costs; its row of truth is there.
    pub(super) fn fold_region<T: Precise>(&self, tile: &mut Tile<'_, T>, sums: &mut ClassSums, class: usize) {
        if self.sums == RequiredSums::None {
            return;
        }
        let Span { width, used } = tile.span;
        let probability = row(tile.inputs.probability, class, width, used);
        let truth = row(tile.inputs.truth, 0, width, used);
        let lanes = row_mut(tile.gradients.lanes, 0, width, used / 4);
        let (weights, is_unweighted) = (row(tile.inputs.weight, 0, width, used), tile.is_unweighted);
        let squares = self.sums == RequiredSums::Squares;
        dispatch(FoldRegion { probability, truth, weights, is_unweighted, squares, lanes, sums });
    }

    /// Writes the pull of a class's sums on `s` to `made.polynomial`; says whether there is any.
    pub(super) fn map_region<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        class: usize,
        slopes: &ClassSums,
    ) -> bool {
        let Span { width, used } = tile.span;
        let polynomial = row_mut(tile.gradients.polynomial, 0, width, used);
        let truth = row(tile.inputs.truth, 0, width, used);
        let weight = row(tile.inputs.weight, 0, width, used);
        let is_linear = is_linear(slopes);
        if is_linear {
            dispatch(MapRegion { truth, weight, slopes, polynomial });
        } else {
            polynomial.fill(T::zero());
        }
        let Some(mismatch) = Mismatch::of(slopes) else { return is_linear };
        let activation = self.plan.activation;
        let of = tile.inputs.row(activation, class, OutcomeWeights::unit(), tile.span);
        let work = row_mut(tile.gradients.work, 0, width, used);
        let mut pull = GradientRows { polynomial, positive: &mut [], negative: &mut [] };
        mismatch.slope_row(&of, T::one(), work, &mut pull);
        true
    }

    /// Whether a class has to do with a cost in a sample. A field may be dear: one that weighs nothing is not
    /// made, nor read.
    pub(super) fn pays(&self, sample: usize, class: usize, slot: usize, rows: &dyn DynVoxelLoss) -> bool {
        let left_out = self.term(slot).is_some_and(|term| term.excludes(class, self.plan.classes));
        !(rows.info().field && (left_out || !self.plan.is_annotated(sample, class)))
    }

    /// Folds one class of a cost, and adds its pulls to the rows of `made`.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(super) unsafe fn cost<T: Precise>(
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
        let selects = self.cuts.get(slot).is_some_and(Option::is_some);
        let weight = if selects {
            row(tile.inputs.selected, slot, width, used)
        } else {
            row(tile.inputs.weight, 0, width, used)
        };
        let of = VoxelRow { weight, ..tile.inputs.row(self.plan.activation, class, prices, tile.span) };
        let work = row_mut(tile.gradients.work, 0, width, used);
        if let (true, Some(sum)) = (step.folds, sums.loss_sum.get_mut(slot)) {
            let cost = row_mut(tile.gradients.cost, 0, width, used);
            T::rows(rows).evaluate_row(&of, work, cost);
            let weight = (!tile.is_unweighted || selects).then_some(weight);
            dispatch(AddUp { row: cost, weight, lanes: tile.gradients.lanes, sum });
        }
        if let Some(slope) = step.slopes(class).and_then(|slopes| slopes.loss_sum.get(slot)) {
            let mut pull = GradientRows {
                polynomial: row_mut(tile.gradients.polynomial, 0, width, used),
                positive: row_mut(tile.gradients.positive, 0, width, used),
                negative: row_mut(tile.gradients.negative, 0, width, used),
            };
            T::rows(rows).slope_row(&of, T::of(*slope), work, &mut pull);
        }
    }

    /// Reads the field of a term, if it has one; voxels that do not count read as 0.
    pub(super) unsafe fn load_field<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        step: BlockRange<'_>,
        class: usize,
        slot: usize,
    ) {
        let Some(source) = self.fields.get(slot).copied().flatten() else { return };
        let field = row_mut(tile.inputs.field, 0, tile.span.width, tile.span.used);
        // SAFETY: promised by the caller.
        unsafe { source.load(step.sample, class, step.at, field.get_mut(..tile.len).unwrap_or(&mut [])) };
        if tile.has_excluded {
            dispatch(Exclude { row: field, weight: tile.inputs.weight });
        }
    }

    /// Finishes the pull-back of a tile and writes the gradient.
    unsafe fn write<T: Precise>(&self, tile: &mut Tile<'_, T>, step: BlockRange<'_>, output: GradientOutput) {
        let BlockRange { sample, at, .. } = step;
        let Span { width, used } = tile.span;
        let len = tile.len;
        for class in 0..self.plan.classes {
            if self.plan.activation == crate::loss::activation::Activation::Softmax {
                // SAFETY: promised by the caller.
                let direct = unsafe { output.rows.slice_mut::<T>(sample, class, at, len) };
                if let (Some(to), false) = (direct, output.accumulate) {
                    softmax_backward(tile, class, Some(to));
                    continue;
                }
                softmax_backward(tile, class, None);
            }
            let gradient = row(tile.inputs.logit, class, width, used.min(len));
            // SAFETY: promised by the caller.
            unsafe { output.rows.store(sample, class, at, gradient, output.accumulate) };
        }
    }
}

/// Whether a class's sums pull on `s` by constants.
fn is_linear(slopes: &ClassSums) -> bool {
    slopes.prediction != 0.0 || slopes.intersection != 0.0
}

/// Whether they pull on `s` at all.
fn has_region(slopes: &ClassSums) -> bool {
    is_linear(slopes) || Mismatch::of(slopes).is_some()
}
