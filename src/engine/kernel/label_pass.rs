//! One pass over a strip, for softmax, labels, and losses of the target class of a voxel or of class sums.

use crate::checked::{expected, slice, slice_mut, tail_mut};
use crate::engine::kernel::class_pass::slope_of;
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::partial_sums::{AddByLabel, AddRow, Quantity};
use crate::engine::kernel::region_gradient::RegionGradient;
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::target_class::{ComplementOfClass, SumOfOthers, TargetLossGradient};
use crate::engine::kernel::weighting::{
    AddSlopes, AddTargetSlopes, AddValues, Multiply, OutcomeFactor, TableByLabel, TargetScale, WeighValues,
};
use crate::engine::label_work::NegLogSteps;
use crate::engine::pass::{BlockRange, Pass, VoxelTerm};
use crate::engine::pass_plan::{CacheAccess, is_class_loss, is_target_loss};
use crate::engine::precise::Precise;
use crate::loss::sums::ClassSums;
use crate::loss::voxel_rows::{LossRows, OutcomeRows};
use crate::simd::lanes::dispatch;

impl Pass<'_> {
    /// Computes a strip whose labels and weights are loaded.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn label_strip<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) {
        strip.relabel_excluded(self.problem);
        let is_loaded = self.steps.cache == CacheAccess::Load;
        // SAFETY: the caller's promise.
        let probabilities = unsafe {
            if is_loaded {
                self.cached_probabilities(strip, block)
            } else {
                self.label_probabilities(strip, block)
            }
        };
        if self.label_work.from_probabilities && self.label_work.needs_target_rows {
            self.target_of_probabilities(strip, probabilities);
        }
        // SAFETY: the caller's promise.
        unsafe {
            self.weigh_selected(strip, block, probabilities);
            self.target_losses(strip, block);
            if self.label_work.has_class_loss {
                self.class_losses(strip, block, probabilities);
            }
            if self.gradient().is_some() {
                self.write_label_gradient(strip, block, probabilities);
            }
        }
    }

    /// Accumulates the losses of the target class, and computes their derivative by `ln s` in `rows.positive`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn target_losses<T: Precise>(&self, strip: &mut Strip<'_, T>, block: BlockRange<'_>) {
        let mut has_slopes = false;
        if let (true, Some(slopes)) = (self.label_work.has_target_loss, block.slopes) {
            has_slopes = !self.constant_target_slope(strip, slopes);
        }
        if !self.label_work.has_values && !has_slopes {
            return;
        }
        for (position, term) in self.voxel_terms().filter(|term| is_target_loss(&term.info)).enumerate() {
            // SAFETY: the caller's promise.
            unsafe { self.target_loss(strip, block, term, has_slopes) };
            if let (true, Some(slopes)) = (has_slopes, block.slopes) {
                self.add_target_slopes(strip, slopes, term, position == 0);
            }
        }
    }

    /// Accumulates the losses to which every class of a voxel contributes, and computes their derivative by `s` in the
    /// rows of derivatives.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn class_losses<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        probabilities: Rows<T>,
    ) {
        let (classes, len, width) = (self.problem.classes, strip.len, strip.width);
        let others = slice_mut(strip.rows.others, 0..len);
        dispatch(SumOfOthers { classes, probabilities, out: others });
        for class in 0..classes {
            // SAFETY: the caller's promise; the row has the voxels of the strip, and no kernel below writes to it.
            let probability =
                unsafe { core::slice::from_raw_parts(probabilities.at(class, 0).cast_const(), len) };
            let rows = &mut strip.rows;
            let complement = slice_mut(rows.complement, 0..len);
            dispatch(ComplementOfClass { probability, others: slice(rows.others, 0..len), out: complement });
            strip.derivative.slice_mut(class * width..class * width + len).fill(T::zero());
            // SAFETY: the caller's promise.
            unsafe { strip.load_target(self.problem, block.sample, class, block.start) };
            for term in self.voxel_terms().filter(|term| is_class_loss(&term.info)) {
                if self.contributes(block.sample, class, term.slot) {
                    // SAFETY: the caller's promise.
                    unsafe { self.class_loss(strip, block, class, term, probability) };
                }
            }
        }
    }

    /// Accumulates one class of a loss to which every class contributes, and adds its derivative by `s`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn class_loss<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        &VoxelTerm { slot, loss, .. }: &VoxelTerm<'_>,
        probability: &[T],
    ) {
        let (len, width, target) = (strip.len, strip.width, strip.target());
        // SAFETY: the caller's promise.
        unsafe { self.load_field(strip, block, class, slot) };
        let field = strip.field();
        let rows = &mut strip.rows;
        let outcome = OutcomeRows {
            probability,
            complement: slice(rows.complement, 0..len),
            // The loss does not read it.
            log_probability: target,
            target,
            field,
        };
        let (value, slope) = (slice_mut(rows.value, 0..len), slice_mut(rows.slope, 0..len));
        let power = slice_mut(rows.power, 0..len);
        T::rows(loss).evaluate_rows(&outcome, &mut LossRows { value, slope, power });
        let weight = slice(rows.weight, 0..len);
        let factor = OutcomeFactor::One;
        if self.steps.accumulates {
            let sum = strip.sums.rows(Quantity::loss(slot)).at(class, 0);
            let weight = (!strip.is_unweighted).then_some(weight);
            dispatch(AddValues { value: slice(rows.value, 0..len), factor, other: None, weight, sum });
        }
        if let Some(scale) = slope_of(block, class, slot) {
            let (slope, scale) = (slice(rows.slope, 0..len), T::of(scale));
            let out = strip.derivative.slice_mut(class * width..class * width + len);
            dispatch(AddSlopes { slope, factor, is_limited: false, weight, scale, out });
        }
    }

    /// Fills `rows.positive` with `∂L/∂ln s` if it is the same for all voxels but for their weights. Returns whether it
    /// is.
    fn constant_target_slope<T: Precise>(&self, strip: &mut Strip<'_, T>, slopes: &[ClassSums]) -> bool {
        let (Some(slot), Some(first)) = (self.label_work.constant_slope, slopes.first()) else {
            strip.constant_slope = None;
            return false;
        };
        let of = |class: &ClassSums| expected(class.loss_sum.get(slot)).copied().unwrap_or(0.0);
        if slopes.iter().any(|class| of(class) != of(first)) {
            strip.constant_slope = None;
            return false;
        }
        let slope = -T::of(of(first));
        if !strip.is_unweighted {
            let weight = slice(strip.rows.weight, 0..strip.len);
            dispatch(Multiply { weight, by: slope, out: slice_mut(strip.rows.positive, 0..strip.len) });
            strip.constant_slope = None;
        } else if strip.constant_slope != Some(slope) {
            strip.rows.positive.fill(slope);
            strip.constant_slope = Some(slope);
        }
        true
    }

    /// Accumulates one loss of the target class; `has_slope`: computes its derivative by `ln s` in `rows.slope`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn target_loss<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        &VoxelTerm { slot, loss, info }: &VoxelTerm<'_>,
        has_slope: bool,
    ) {
        let accumulates = self.steps.accumulates && self.label_work.neg_log_slot != Some(slot);
        if !accumulates && !has_slope {
            return;
        }
        let len = strip.len;
        // SAFETY: the caller's promise; the field, if there is one, is shared by all classes.
        unsafe { self.load_field(strip, block, 0, slot) };
        let ranking = self.ranking_losses.get(slot).copied().flatten();
        if accumulates && ranking.is_none() || has_slope && !info.is_neg_log {
            let (field, rows) = (strip.field(), &mut strip.rows);
            let outcome = OutcomeRows {
                probability: slice(rows.probability, 0..len),
                complement: slice(rows.complement, 0..len),
                log_probability: slice(rows.logarithm, 0..len),
                target: slice(rows.ones, 0..len),
                field,
            };
            let (value, slope) = (slice_mut(rows.value, 0..len), slice_mut(rows.slope, 0..len));
            let power = slice_mut(rows.power, 0..len);
            T::rows(loss).evaluate_rows(&outcome, &mut LossRows { value, slope, power });
        }
        if accumulates {
            if let Some(ranking) = ranking {
                let value = slice_mut(strip.rows.value, 0..len);
                // SAFETY: the ranking losses hold every voxel of the batch.
                unsafe { ranking.load(block.sample, 0, block.start, slice_mut(value, 0..strip.count)) };
                tail_mut(value, strip.count).fill(T::zero());
                self.divide_ranking_weights(strip, block, slot);
            }
            self.add_target_values(strip, slot);
        }
    }

    /// Adds the values of a loss of the target class to its sums.
    pub(in crate::engine) fn add_target_values<T: Precise>(&self, strip: &mut Strip<'_, T>, slot: usize) {
        let (len, width) = (strip.len, strip.width);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let rows = &mut strip.rows;
        let weight = match selects {
            true => slice(rows.selected, slot * width..slot * width + len),
            false => slice(rows.weight, 0..len),
        };
        if selects || !strip.is_unweighted {
            let value = slice_mut(rows.value, 0..len);
            dispatch(WeighValues { value, factor: OutcomeFactor::One, weight: Some(weight) });
        }
        let (sums, row) = (strip.sums.rows(Quantity::loss(slot)), slice(strip.rows.value, 0..len));
        if self.label_work.is_total(slot) {
            return dispatch(AddRow { row, sum: sums.at(0, 0) });
        }
        let (classes, first_label) = (self.problem.classes, self.problem.label_of(0));
        dispatch(AddByLabel { classes, row, label: slice(strip.label, 0..len), first_label, sums });
    }

    /// Adds the slopes of a loss of the target class to `rows.positive`, or if `is_first` replaces its content.
    fn add_target_slopes<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        slopes: &[ClassSums],
        &VoxelTerm { slot, info, .. }: &VoxelTerm<'_>,
        is_first: bool,
    ) {
        let (len, width) = (strip.len, strip.width);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let rows = &mut strip.rows;
        let of = |class: usize| {
            expected(slopes.get(class).and_then(|of| of.loss_sum.get(slot))).copied().unwrap_or(0.0)
        };
        let scale = if !selects && strip.is_unweighted && (1..slopes.len()).all(|k| of(k) == of(0)) {
            TargetScale::Same(T::of(of(0)))
        } else {
            let weight = match selects {
                true => slice(rows.selected, slot * width..slot * width + len),
                false => slice(rows.weight, 0..len),
            };
            dispatch(TableByLabel {
                label: slice(strip.label, 0..len),
                first_label: self.problem.label_of(0),
                classes: self.problem.classes,
                of,
                weight: (selects || !strip.is_unweighted).then_some(weight),
                out: slice_mut(rows.power, 0..len),
            });
            TargetScale::OfEach(slice(rows.power, 0..len))
        };
        if info.is_neg_log {
            slice_mut(rows.slope, 0..len).fill(-T::one());
        }
        let (slope, out) = (slice(rows.slope, 0..len), slice_mut(rows.positive, 0..len));
        dispatch(AddTargetSlopes { slope, scale, is_first, out });
    }

    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn write_label_gradient<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        probabilities: Rows<T>,
    ) {
        let Some(output) = expected(self.gradient()) else { return };
        let (classes, first_label, len) = (self.problem.classes, self.problem.label_of(0), strip.len);
        let work = self.label_work;
        let direct = strip.direct_rows(&output, block).filter(|rows| !output.streams || rows.are_aligned());
        let out = direct.unwrap_or(strip.rows_of_input());
        let streams = output.streams && direct.is_some();
        let derivatives = strip.derivative.rows(strip.width);
        let rows = &strip.rows;
        let label = slice(strip.label, 0..len);
        if work.region_gradient {
            dispatch(RegionGradient {
                len,
                probabilities,
                out,
                streams,
                label,
                first_label,
                slopes: slice(strip.slopes, 0..classes),
                has_squares: strip.has_squares,
                weight: (!strip.is_unweighted).then_some(slice(rows.weight, 0..len)),
                target_slope: work.has_target_loss.then_some(slice(rows.positive, 0..len)),
                rows: work.has_class_loss.then_some(derivatives),
            });
        } else {
            let weight = self.neg_log_weight(rows, len);
            dispatch(TargetLossGradient {
                classes,
                len,
                exponentials: probabilities,
                out,
                streams,
                label,
                first_label,
                slope: slice(rows.positive, 0..len),
                of_target: slice(rows.of_target, 0..len),
                others: slice(rows.not_of_target, 0..len),
                target_logit: slice(rows.target_logit, 0..len),
                neg_log: (work.neg_log == NegLogSteps::WithGradient).then(|| strip.neg_log.unit(weight)),
            });
        }
        if direct.is_none() {
            // SAFETY: the caller's promise.
            unsafe { strip.store_gradient(&output, block, classes) };
        }
    }

    /// Ends a unit: adds its sums to those of the classes, and that of `−ln s` to the first class. `is_last`: of the
    /// chunk.
    pub(in crate::engine) fn end_unit<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        sums: &mut [ClassSums],
        is_last: bool,
    ) {
        strip.sums.end_unit(sums);
        if let (Some(slot), Some(first)) = (self.label_work.neg_log_slot, sums.first_mut())
            && let Some(total) = expected(first.loss_sum.get_mut(slot))
        {
            strip.neg_log.end_unit(total, is_last);
        }
    }
}
