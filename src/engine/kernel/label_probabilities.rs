//! Softmax with labels: from the logits of a strip to probabilities, and the sums of region losses and of `−ln s`.

use crate::checked::{expected, slice, slice_mut};
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::exponentials::{Exponentials, LabelExponentials, SubtractLargest};
use crate::engine::kernel::few_label_sums::FewLabelSums;
use crate::engine::kernel::is_few;
use crate::engine::kernel::neg_log::AddNegLog;
use crate::engine::kernel::partial_sums::{LabelSquares, LabelSums, Quantity};
use crate::engine::kernel::strip::{Strip, VoxelRows};
use crate::engine::kernel::target_class::{
    LogOfProbability, TargetExponentials, TargetOfProbabilities, TargetProbability,
};
use crate::engine::label_work::NegLogSteps;
use crate::engine::pass::{BlockRange, GradientOutput, Pass};
use crate::engine::pass_plan::{CacheAccess, RequiredSums};
use crate::engine::precise::Precise;
use crate::simd::lanes::dispatch;

/// Where the probabilities of a strip go.
struct Place<T> {
    rows: Rows<T>,
    /// Whether by non-temporal stores.
    streams: bool,
    /// The gradient buffer, if the rows are then copied to it.
    cache: Option<GradientOutput>,
}

impl<T: Precise> Place<T> {
    /// Copies the rows to the cache, if they are not there.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn store_cache(&self, strip: &mut Strip<'_, T>, block: BlockRange<'_>, classes: usize) {
        if let Some(output) = &self.cache {
            // SAFETY: the caller's promise.
            unsafe { strip.store_cache(output, block, classes) };
        }
    }
}

impl Pass<'_> {
    /// Computes the exponentials of a strip and, as far as the pass needs them, the probabilities of the target classes,
    /// the sums of region losses, and the sum of `−ln s`. Returns the rows from which the gradient is computed:
    /// probabilities if it is that of region losses, else exponentials.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn label_probabilities<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) -> Rows<T> {
        let work = self.label_work;
        // SAFETY: the caller's promise.
        unsafe { self.label_exponentials(strip, block) };
        if work.sums_suffice && is_few::<T>(self.problem.classes) {
            // SAFETY: the caller's promise.
            let probabilities = unsafe { self.few_label_sums(strip, block) };
            return if work.region_gradient { probabilities } else { strip.rows_of_exponentials() };
        }
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
    pub(super) fn target_of_probabilities<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        probabilities: Rows<T>,
    ) {
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

    /// Finds the exponentials of the target classes, where those are not known from [`LabelExponentials`].
    pub(in crate::engine) fn target_exponentials<T: Precise>(&self, strip: &mut Strip<'_, T>) {
        if !is_few::<T>(self.problem.classes) {
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
        dispatch(AddNegLog {
            of_target: slice(rows.of_target, 0..len),
            others: slice(rows.not_of_target, 0..len),
            target_logit: slice(rows.target_logit, 0..len),
            sum: strip.neg_log.unit(self.neg_log_weight(rows, len)),
        });
    }

    /// Normalizes the exponentials and adds the sums of region losses. Returns the probabilities: where they are
    /// cached, in the gradient buffer.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn label_sums<T: Precise>(&self, strip: &mut Strip<'_, T>, block: BlockRange<'_>) -> Rows<T> {
        let (classes, first_label, len) = (self.problem.classes, self.problem.label_of(0), strip.len);
        let exponentials = strip.rows_of_exponentials();
        let place = self.place_of_probabilities(strip, block);
        let probabilities = place.rows;
        let accumulates = self.steps.sums > RequiredSums::None;
        let mut sums = |quantity| strip.sums.rows(quantity);
        let linear = accumulates.then(|| [sums(Quantity::PREDICTION), sums(Quantity::INTERSECTION)]);
        let squares = (self.steps.sums == RequiredSums::Squared)
            .then(|| [sums(Quantity::SQUARED_ERROR_POSITIVE), sums(Quantity::SQUARED_ERROR_NEGATIVE)]);
        let weight = slice(strip.rows.weight, 0..len);
        let label = slice(strip.label, 0..len);
        dispatch(LabelSums {
            classes,
            len,
            exponentials,
            inverse: slice(strip.rows.inverse, 0..len),
            probabilities,
            streams: place.streams,
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
        // SAFETY: the caller's promise.
        unsafe { place.store_cache(strip, block, classes) };
        probabilities
    }

    /// Computes probabilities and all sums of a few classes from exponentials. Returns the probabilities, as
    /// [`label_sums`](Self::label_sums).
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn few_label_sums<T: Precise>(&self, strip: &mut Strip<'_, T>, block: BlockRange<'_>) -> Rows<T> {
        let (classes, len) = (self.problem.classes, strip.len);
        let exponentials = strip.rows_of_exponentials();
        let place = self.place_of_probabilities(strip, block);
        let mut sums = |quantity| strip.sums.rows(quantity);
        let sums = [sums(Quantity::PREDICTION), sums(Quantity::INTERSECTION)];
        let rows = &strip.rows;
        let weight = slice(rows.weight, 0..len);
        let adds_neg_log = self.label_work.neg_log == NegLogSteps::Separate;
        let neg_log = adds_neg_log.then(|| strip.neg_log.unit(self.neg_log_weight(rows, len)));
        dispatch(FewLabelSums {
            classes,
            len,
            exponentials,
            probabilities: place.rows,
            streams: place.streams,
            label: slice(strip.label, 0..len),
            first_label: self.problem.label_of(0),
            weight: (!strip.is_unweighted).then_some(weight),
            sums,
            neg_log: neg_log.map(|sum| (slice(rows.target_logit, 0..len), sum)),
        });
        // SAFETY: the caller's promise.
        unsafe { place.store_cache(strip, block, classes) };
        place.rows
    }

    /// Returns the weights of a strip with which the logarithm of each voxel is added, if products do not serve.
    pub(super) fn neg_log_weight<'r, T>(&self, rows: &'r VoxelRows<'_, T>, len: usize) -> Option<&'r [T]> {
        let row = if self.problem.weight.is_some() { &*rows.weight } else { &*rows.ones };
        (!self.label_work.neg_log_by_product).then_some(slice(row, 0..len))
    }

    /// Returns where the probabilities of a strip go: where they are cached, if the gradient buffer takes them as they
    /// are.
    fn place_of_probabilities<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) -> Place<T> {
        let cache = self.output.filter(|_| self.steps.cache == CacheAccess::Store);
        if let Some(output) = cache
            && let Some(rows) = strip.direct_rows(&output, block)
        {
            return Place { rows, streams: output.streams && rows.are_aligned(), cache: None };
        }
        // The gradient may still need the exponentials, and no longer the logits.
        let is_kept = self.label_work.region_gradient;
        let rows = if is_kept { strip.rows_of_exponentials() } else { strip.rows_of_input() };
        Place { rows, streams: false, cache }
    }

    /// Returns the probabilities that an earlier pass has cached.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn cached_probabilities<T: Precise>(
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
}
