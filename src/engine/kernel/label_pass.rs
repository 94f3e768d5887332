//! One pass over a strip, for softmax, labels, and losses of the target class of a voxel or of class sums.

use crate::checked::{expected, slice, slice_mut, tail_mut};
use crate::engine::kernel::class_pass::slope_of;
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::exponentials::{Exponentials, LabelExponentials, SubtractLargest};
use crate::engine::kernel::partial_sums::{AddByLabel, AddRow, LabelSquares, LabelSums, Quantity};
use crate::engine::kernel::region_gradient::{ClassSlope, RegionGradient};
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::target_class::{
    AddNegLog, ComplementOfClass, LogOfProbability, NegLogSum, SumOfOthers, TargetExponentials,
    TargetLossGradient, TargetOfProbabilities, TargetProbability,
};
use crate::engine::kernel::weighting::{
    AddSlopes, AddTargetSlopes, AddValues, Multiply, OutcomeFactor, TableByLabel, WeighValues,
};
use crate::engine::kernel::{few, is_specialized};
use crate::engine::label_work::NegLogSteps;
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::{CacheAccess, RequiredSums, is_class_loss, is_target_loss, voxel_losses};
use crate::engine::precise::Precise;
use crate::loss::sums::ClassSums;
use crate::loss::voxel_rows::{DynVoxelLoss, LossRows, OutcomeRows};
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
        if self.label_work.from_probabilities && (self.label_work.needs_target_rows || is_loaded) {
            self.target_of_probabilities(strip, probabilities);
        }
        // SAFETY: the caller's promise.
        unsafe {
            self.weigh_selected(strip, block, probabilities);
            self.target_losses(strip, block);
            if self.label_work.has_class_loss {
                self.class_losses(strip, block, probabilities);
            }
            if let (Some(slopes), Some(_)) = (block.slopes, self.gradient()) {
                self.write_label_gradient(strip, block, slopes, probabilities);
            }
        }
    }

    /// Computes the exponentials of a strip and, as far as the pass needs them, the probabilities of the target classes,
    /// the sums of region losses, and the sum of `−ln s`. Returns the rows from which the gradient is computed:
    /// probabilities if it is that of region losses, else exponentials.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn label_probabilities<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) -> Rows<T> {
        let work = self.label_work;
        // SAFETY: the caller's promise.
        unsafe { self.label_exponentials(strip, block) };
        let needs_target = work.needs_target_rows || work.normalizes;
        let adds_neg_log = work.neg_log == NegLogSteps::Separate;
        if adds_neg_log || needs_target {
            self.target_exponentials(strip);
        }
        if adds_neg_log {
            self.add_neg_log(strip);
        }
        if needs_target {
            self.target_probability(strip, work.needs_logarithm && !work.from_probabilities);
        }
        let exponentials = strip.rows_of_exponentials();
        if !work.normalizes {
            return exponentials;
        }
        // SAFETY: the caller's promise.
        let probabilities = unsafe { self.label_sums(strip, block) };
        if work.region_gradient { probabilities } else { exponentials }
    }

    /// Finds the probabilities of the target classes, and their logarithms if a loss reads them.
    fn target_of_probabilities<T: Precise>(&self, strip: &mut Strip<'_, T>, probabilities: Rows<T>) {
        let (len, rows) = (strip.len, &mut strip.rows);
        dispatch(TargetOfProbabilities {
            classes: self.problem.classes,
            len,
            probabilities,
            label: slice(strip.label, 0..len),
            first_label: self.problem.label_of(0),
            of_target: slice_mut(rows.probability, 0..len),
            others: slice_mut(rows.complement, 0..len),
        });
        if self.label_work.needs_logarithm {
            dispatch(LogOfProbability {
                probability: slice(rows.probability, 0..len),
                complement: slice(rows.complement, 0..len),
                out: slice_mut(rows.logarithm, 0..len),
            });
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
            if has_slopes {
                slice_mut(strip.rows.positive, 0..strip.len).fill(T::zero());
            }
        }
        if !self.label_work.has_values && !has_slopes {
            return;
        }
        for (slot, loss) in voxel_losses(self.terms).filter(|(_, loss)| is_target_loss(*loss)) {
            // SAFETY: the caller's promise.
            unsafe { self.target_loss(strip, block, slot, loss, has_slopes) };
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
            slice_mut(strip.derivative, class * width..class * width + len).fill(T::zero());
            // SAFETY: the caller's promise.
            unsafe { strip.load_target(self.problem, block.sample, class, block.start) };
            for (slot, loss) in voxel_losses(self.terms) {
                if is_class_loss(loss) && self.contributes(block.sample, class, slot) {
                    // SAFETY: the caller's promise.
                    unsafe { self.class_loss(strip, block, class, slot, loss, probability) };
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
        slot: usize,
        loss: &dyn DynVoxelLoss,
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
            let sum = strip.sums.rows(Quantity::Loss(slot)).at(class, 0);
            let weight = (!strip.is_unweighted).then_some(weight);
            dispatch(AddValues { value: slice(rows.value, 0..len), factor, other: None, weight, sum });
        }
        if let Some(scale) = slope_of(block, class, slot) {
            let (slope, scale) = (slice(rows.slope, 0..len), T::of(scale));
            let out = slice_mut(strip.derivative, class * width..class * width + len);
            dispatch(AddSlopes { slope, factor, is_limited: false, weight, scale, out });
        }
    }

    /// Finds the exponentials of the target classes, where those are not known from [`LabelExponentials`].
    pub(in crate::engine) fn target_exponentials<T: Precise>(&self, strip: &mut Strip<'_, T>) {
        if !is_specialized::<T>() || self.problem.classes > few::<T>() {
            return;
        }
        let (len, exponentials) = (strip.len, strip.rows_of_exponentials());
        let rows = &mut strip.rows;
        dispatch(TargetExponentials {
            classes: self.problem.classes,
            exponentials,
            label: slice(strip.label, 0..len),
            first_label: self.problem.label_of(0),
            of_target: slice_mut(rows.of_target, 0..len),
            others: slice_mut(rows.not_of_target, 0..len),
        });
    }

    /// Computes the probability of the target class of each voxel.
    pub(in crate::engine) fn target_probability<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        with_logarithm: bool,
    ) {
        let (len, rows) = (strip.len, &mut strip.rows);
        dispatch(TargetProbability {
            of_target: slice(rows.of_target, 0..len),
            others: slice(rows.not_of_target, 0..len),
            target_logit: slice(rows.target_logit, 0..len),
            probability: slice_mut(rows.probability, 0..len),
            complement: slice_mut(rows.complement, 0..len),
            inverse: slice_mut(rows.inverse, 0..len),
            logarithm: with_logarithm.then_some(slice_mut(rows.logarithm, 0..len)),
        });
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

    /// Computes the exponentials of a strip and what belongs to the target classes.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn label_exponentials<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) {
        let (classes, len) = (self.problem.classes, strip.len);
        // SAFETY: the caller's promise.
        let logits = unsafe { strip.load_prediction(self.problem, block.sample, block.start, true) };
        let has_excluded = strip.has_excluded;
        let exponentials = strip.rows_of_exponentials();
        let prefetch = strip.prefetch_distance(logits);
        let mut of = Exponentials { classes, len, logits, prefetch, exponentials };
        for _ in 0..2 {
            let rows = &mut strip.rows;
            let is_finite = dispatch(LabelExponentials {
                of,
                label: slice(strip.label, 0..len),
                first_label: self.problem.label_of(0),
                weight: has_excluded.then_some(slice(rows.weight, 0..len)),
                target_logit: slice_mut(rows.target_logit, 0..len),
                of_target: slice_mut(rows.of_target, 0..len),
                others: slice_mut(rows.not_of_target, 0..len),
            });
            if is_finite {
                return;
            }
            dispatch(SubtractLargest { classes, len, logits, out: exponentials });
            of = Exponentials { logits: exponentials, prefetch: 0, ..of };
        }
    }

    /// Adds `−ln s` of a strip to the running sum.
    fn add_neg_log<T: Precise>(&self, strip: &mut Strip<'_, T>) {
        let (len, rows) = (strip.len, &strip.rows);
        let [logits, product] = strip.neg_log.unit();
        dispatch(AddNegLog {
            of_target: slice(rows.of_target, 0..len),
            others: slice(rows.not_of_target, 0..len),
            target_logit: slice(rows.target_logit, 0..len),
            sum: NegLogSum { logits, product },
        });
    }

    /// Normalizes the exponentials and adds the sums of region losses. Returns the probabilities: where they are
    /// cached, in the gradient buffer.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn label_sums<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) -> Rows<T> {
        let (classes, first_label, len) = (self.problem.classes, self.problem.label_of(0), strip.len);
        let exponentials = strip.rows_of_exponentials();
        let cache = self.output.filter(|_| self.steps.cache == CacheAccess::Store);
        let direct = cache.and_then(|output| {
            let rows = strip.direct_rows(&output, block)?;
            Some((rows, output.streams && rows.are_aligned()))
        });
        // The gradient may still need the exponentials, and no longer the logits.
        let kept = if self.label_work.region_gradient { exponentials } else { strip.rows_of_input() };
        let (probabilities, streams) = direct.unwrap_or((kept, false));
        let accumulates = self.steps.sums > RequiredSums::None;
        let mut sums = |quantity| strip.sums.rows(quantity);
        let linear = accumulates.then(|| [sums(Quantity::Prediction), sums(Quantity::Intersection)]);
        let squares = (self.steps.sums == RequiredSums::Squared)
            .then(|| [sums(Quantity::SquaredErrorPositive), sums(Quantity::SquaredErrorNegative)]);
        let weight = slice(strip.rows.weight, 0..len);
        let label = slice(strip.label, 0..len);
        dispatch(LabelSums {
            classes,
            len,
            exponentials,
            inverse: slice(strip.rows.inverse, 0..len),
            probabilities,
            streams,
            label,
            first_label,
            weight: (!strip.is_unweighted).then_some(weight),
            sums: linear,
        });
        if let Some([positive, negative]) = squares {
            let complement = slice(strip.rows.complement, 0..len);
            dispatch(LabelSquares {
                classes,
                len,
                probabilities,
                complement,
                label,
                first_label,
                weight,
                positive,
                negative,
            });
        }
        if let (Some(output), None) = (cache, direct) {
            // SAFETY: the caller's promise.
            unsafe { strip.store_cache(&output, block, classes) };
        }
        probabilities
    }

    /// Returns the probabilities that an earlier pass has cached.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn cached_probabilities<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) -> Rows<T> {
        let Some(output) = expected(self.output) else { return strip.rows_of_exponentials() };
        match strip.direct_rows(&output, block) {
            Some(rows) => rows,
            None => {
                // SAFETY: the caller's promise.
                unsafe { strip.load_cache(&output, block, self.problem.classes) };
                strip.rows_of_exponentials()
            }
        }
    }

    /// Accumulates one loss of the target class, and adds its derivative by `ln s` to `rows.positive`.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn target_loss<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        slot: usize,
        loss: &dyn DynVoxelLoss,
        has_slope: bool,
    ) {
        let accumulates = self.steps.accumulates && self.label_work.neg_log_slot != Some(slot);
        if !accumulates && !has_slope {
            return;
        }
        let (len, is_neg_log) = (strip.len, self.info(slot).is_some_and(|info| info.is_neg_log));
        // SAFETY: the caller's promise; the field, if there is one, is shared by all classes.
        unsafe { self.load_field(strip, block, 0, slot) };
        let ranking = self.ranking_losses.get(slot).copied().flatten();
        if accumulates && ranking.is_none() || has_slope && !is_neg_log {
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
        if let (true, Some(slopes)) = (has_slope, block.slopes) {
            self.add_target_slopes(strip, slopes, slot, is_neg_log);
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
        let (sums, row) = (strip.sums.rows(Quantity::Loss(slot)), slice(strip.rows.value, 0..len));
        if self.label_work.is_total(slot) {
            return dispatch(AddRow { row, sum: sums.at(0, 0) });
        }
        let (classes, first_label) = (self.problem.classes, self.problem.label_of(0));
        dispatch(AddByLabel { classes, row, label: slice(strip.label, 0..len), first_label, sums });
    }

    /// Adds the slopes of a loss of the target class to `rows.positive`.
    fn add_target_slopes<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        slopes: &[ClassSums],
        slot: usize,
        is_neg_log: bool,
    ) {
        let (len, width) = (strip.len, strip.width);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let rows = &mut strip.rows;
        let weight = match selects {
            true => slice(rows.selected, slot * width..slot * width + len),
            false => slice(rows.weight, 0..len),
        };
        let of = |class: usize| {
            expected(slopes.get(class).and_then(|of| of.loss_sum.get(slot))).copied().unwrap_or(0.0)
        };
        dispatch(TableByLabel {
            label: slice(strip.label, 0..len),
            first_label: self.problem.label_of(0),
            classes: self.problem.classes,
            of,
            weight: (selects || !strip.is_unweighted).then_some(weight),
            out: slice_mut(rows.power, 0..len),
        });
        if is_neg_log {
            slice_mut(rows.slope, 0..len).fill(-T::one());
        }
        dispatch(AddTargetSlopes {
            slope: slice(rows.slope, 0..len),
            scale: slice(rows.power, 0..len),
            out: slice_mut(rows.positive, 0..len),
        });
    }

    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn write_label_gradient<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        slopes: &[ClassSums],
        probabilities: Rows<T>,
    ) {
        let Some(output) = expected(self.gradient()) else { return };
        let (classes, first_label, len) = (self.problem.classes, self.problem.label_of(0), strip.len);
        let work = self.label_work;
        let direct = strip.direct_rows(&output, block).filter(|rows| !output.streams || rows.are_aligned());
        let out = direct.unwrap_or(strip.rows_of_input());
        let streams = output.streams && direct.is_some();
        let derivatives = Rows::new(strip.derivative.as_mut_ptr(), strip.width as isize);
        let rows = &strip.rows;
        let label = slice(strip.label, 0..len);
        if work.region_gradient {
            let mut has_squares = false;
            for (to, from) in strip.slopes.iter_mut().zip(slopes) {
                *to = ClassSlope {
                    elsewhere: T::of(from.prediction),
                    at_target: T::of(from.prediction) + T::of(from.intersection),
                    squared_elsewhere: T::of(2.0 * from.squared_error_negative),
                    squared_at_target: T::of(2.0 * from.squared_error_positive),
                };
                has_squares |= from.squared_error_negative != 0.0 || from.squared_error_positive != 0.0;
            }
            dispatch(RegionGradient {
                len,
                probabilities,
                out,
                streams,
                label,
                first_label,
                slopes: slice(strip.slopes, 0..classes),
                has_squares,
                weight: (!strip.is_unweighted).then_some(slice(rows.weight, 0..len)),
                target_slope: work.has_target_loss.then_some(slice(rows.positive, 0..len)),
                rows: work.has_class_loss.then_some(derivatives),
            });
        } else {
            let [logits, product] = strip.neg_log.unit();
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
                neg_log: (work.neg_log == NegLogSteps::WithGradient).then_some(NegLogSum { logits, product }),
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
