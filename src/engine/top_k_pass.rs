//! Passes over one chunk for terms that select voxels by their loss: the losses, and the weights of the selected
//! voxels.

use crate::array::real::Real;
use crate::checked::{copy, expected, slice, slice_mut, tail_mut};
use crate::engine::chunks::Chunk;
use crate::engine::kernel::class_pass::{
    Logarithms, activate, compute_outcomes, evaluate_outcome, has_negative,
};
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::partial_sums::{AddRow, Quantity};
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::weighting::{AddScaled, Divide, OutcomeFactor, TableByLabel, WeighValues};
use crate::engine::pass::{BlockRange, Pass, VoxelTerm};
use crate::engine::pass_plan::Implementation;
use crate::engine::precise::Precise;
use crate::engine::radix_select::{Threshold, key_of};
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::ClassSums;
use crate::loss::term::Term;
use crate::loss::voxel_rows::{LossRows, OutcomeRows};
use crate::problem::Problem;
use crate::simd::lanes;
use crate::simd::level::{Kernel, dispatch};

impl Pass<'_> {
    /// Computes the weights of the selected voxels of a strip. Adds their sum to `loss_weight` of the first class; not
    /// for a fraction, whose sum is known. `prediction`: what [`activate`] has returned.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn weigh_selected<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        prediction: Rows<T>,
    ) {
        let (len, width) = (strip.len, strip.width);
        for (slot, threshold) in self.thresholds.iter().enumerate() {
            let Some(threshold) = *threshold else { continue };
            let stored = self.ranking_losses.get(slot).copied().flatten();
            match stored {
                // SAFETY: the caller's promise.
                Some(losses) => unsafe { load_ranking(strip, &losses, block) },
                // SAFETY: the caller's promise.
                None => unsafe { self.compute_ranking_losses(strip, block, slot, prediction) },
            }
            weigh(strip, threshold, slot);
            if self.steps.accumulates && stored.is_none() {
                let sum = strip.sums.rows(Quantity::loss_weight(slot)).at(0, 0);
                let row = slice(strip.rows.selected, slot * width..slot * width + len);
                lanes::dispatch(AddRow { row, sum });
            }
        }
    }

    /// Adds the weight of the voxels of a chunk that a term selects by fraction to `loss_weight` of the first class;
    /// `with_values`: also the stored losses, for softmax with labels and classes of weight 1.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub unsafe fn sum_selected<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        sums: &mut [ClassSums],
        Chunk { sample, start, end }: Chunk,
        slot: usize,
        with_values: bool,
    ) {
        let stored = expected(self.ranking_losses.get(slot).copied().flatten());
        let threshold = expected(self.thresholds.get(slot).copied().flatten());
        let (Some(stored), Some(threshold)) = (stored, threshold) else { return };
        for (start, count) in strip.spans(start, end) {
            let block = BlockRange { sample, start, slopes: None };
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                strip.open(self.problem, sample, start, count);
                load_ranking(strip, &stored, block);
            }
            weigh(strip, threshold, slot);
            let sum = strip.sums.rows(Quantity::loss_weight(slot)).at(0, 0);
            let row = slot * strip.width..slot * strip.width + strip.len;
            lanes::dispatch(AddRow { row: slice(strip.rows.selected, row), sum });
            if with_values {
                strip.relabel_excluded(self.problem);
                let len = strip.len;
                let rows = &mut strip.rows;
                copy(slice(rows.ranking, 0..len), slice_mut(rows.value, 0..len));
                self.add_target_values(strip, slot);
            }
            if strip.ends_unit(start, end) {
                strip.sums.end_unit(sums);
            }
        }
    }

    /// Returns the factor of the loss of each class where voxels are compared by their loss. For a fraction it is the
    /// class weight divided by a power of two above the largest, so that a weight alone makes no loss infinite.
    pub(super) fn ranking_weights(&self, sample: usize, slot: usize) -> impl Fn(usize) -> f64 {
        let (problem, classes) = (self.problem, self.problem.classes);
        let fraction_term = self.term(slot).filter(|term| match term.loss.kind() {
            LossKind::Voxel(loss) => matches!(loss.info().selection, Some(Selection::Fraction(_))),
            _ => false,
        });
        let weight = move |class| fraction_term.map_or(1.0, |term| term.class_weight(class, classes));
        let largest = (0..classes).map(weight).fold(0.0, f64::max);
        let scale = if largest > 1.0 { libm::ldexp(1.0, -libm::frexp(largest).1) } else { 1.0 };
        move |class| ranking_weight(problem, fraction_term, [sample, class], scale)
    }

    /// Computes the losses by which a term selects voxels, in `rows.ranking`: with class weights for a fraction, without
    /// them for a threshold; without voxel weights.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn compute_ranking_losses<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        slot: usize,
        prediction: Rows<T>,
    ) {
        let Some(VoxelTerm { loss, info, .. }) = expected(self.voxel_terms.get(slot).copied().flatten())
        else {
            return;
        };
        let (classes, len) = (self.problem.classes, strip.len);
        let class_weight = self.ranking_weights(block.sample, slot);
        if self.implementation == Implementation::Labels {
            let (field, rows) = (strip.field(), &mut strip.rows);
            let outcome = OutcomeRows {
                probability: slice(rows.probability, 0..len),
                complement: slice(rows.complement, 0..len),
                log_probability: slice(rows.logarithm, 0..len),
                target: slice(rows.ones, 0..len),
                field,
            };
            let (value, slope) = (slice_mut(rows.ranking, 0..len), slice_mut(rows.slope, 0..len));
            let power = slice_mut(rows.power, 0..len);
            T::rows(loss).evaluate_rows(&outcome, &mut LossRows { value, slope, power });
            if (0..classes).any(|class| class_weight(class) != 1.0) {
                let (first_label, out) = (self.problem.label_of(0), slice_mut(rows.power, 0..len));
                let label = slice(strip.label, 0..len);
                lanes::dispatch(TableByLabel {
                    label,
                    first_label,
                    classes,
                    of: &class_weight,
                    weight: None,
                    out,
                });
                let (value, weight) = (slice_mut(rows.ranking, 0..len), slice(rows.power, 0..len));
                lanes::dispatch(WeighValues { value, factor: OutcomeFactor::One, weight: Some(weight) });
            }
            return;
        }
        slice_mut(strip.rows.ranking, 0..len).fill(T::zero());
        let weight_sum: f64 =
            if self.problem.activation.is_exclusive() { 1.0 } else { (0..classes).map(&class_weight).sum() };
        let outcome_weights = info.outcome_weights::<T>(self.problem.activation, classes);
        let logarithms = Logarithms::of(core::iter::once(info), self.problem);
        for class in (0..classes).filter(|&class| class_weight(class) != 0.0) {
            // SAFETY: the caller's promise.
            unsafe { strip.load_target(self.problem, block.sample, class, block.start) };
            compute_outcomes(strip, self.problem.activation, class, prediction, logarithms);
            for is_negative in [false, true] {
                if is_negative && !has_negative(&info, self.problem) {
                    break;
                }
                evaluate_outcome(strip, self.problem.activation, loss, is_negative);
                let (target, rows) = (strip.target(), &mut strip.rows);
                let factor = match is_negative {
                    false => OutcomeFactor::Positive(target, outcome_weights),
                    true => OutcomeFactor::Negative(target, outcome_weights),
                };
                lanes::dispatch(WeighValues { value: slice_mut(rows.value, 0..len), factor, weight: None });
                let factor = T::of(class_weight(class) / weight_sum);
                let to = slice_mut(rows.ranking, 0..len);
                lanes::dispatch(AddScaled { factor, row: slice(rows.value, 0..len), to });
            }
        }
    }

    /// Divides the stored losses of a strip by the weights of their classes, which they include. A weight that is 0 in
    /// this precision cannot be divided out.
    pub(super) fn divide_ranking_weights<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        slot: usize,
    ) {
        let (classes, len) = (self.problem.classes, strip.len);
        let weights = self.ranking_weights(block.sample, slot);
        if (0..classes).all(|class| weights(class) == 1.0) {
            return;
        }
        let of = |class| match weights(class) {
            weight if T::of(weight) == T::zero() => 1.0,
            weight => weight,
        };
        let (label, rows) = (slice(strip.label, 0..len), &mut strip.rows);
        let (first_label, out) = (self.problem.label_of(0), slice_mut(rows.power, 0..len));
        lanes::dispatch(TableByLabel { label, first_label, classes, of, weight: None, out });
        lanes::dispatch(Divide { row: slice_mut(rows.value, 0..len), weight: slice(rows.power, 0..len) });
    }

    /// Stores the losses of a chunk by which a term selects voxels, −∞ for voxels that do not count.
    ///
    /// # Safety
    /// As [`Pass::chunk`]; no other thread uses the chunk's part of the stored losses.
    pub unsafe fn store_ranking_losses<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        Chunk { sample, start, end }: Chunk,
        slot: usize,
    ) {
        let Some(stored) = expected(self.ranking_losses.get(slot).copied().flatten()) else { return };
        for (start, count) in strip.spans(start, end) {
            let block = BlockRange { sample, start, slopes: None };
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                self.rank_strip(strip, block, count, slot);
                stored.store(sample, 0, start, slice(strip.rows.ranking, 0..count), false);
            }
        }
    }

    /// Loads a strip and computes the losses by which a term selects voxels, in `rows.ranking`; −∞ for voxels that do not
    /// count.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn rank_strip<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        count: usize,
        slot: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            strip.open(self.problem, block.sample, block.start, count);
            let mut prediction = strip.rows_of_exponentials();
            if self.implementation == Implementation::Labels {
                strip.relabel_excluded(self.problem);
                self.label_exponentials(strip, block);
                self.target_exponentials(strip);
                self.target_probability(strip, true);
            } else {
                let infos = self.voxel_terms().map(|term| term.info);
                let logarithms = Logarithms::of(infos, self.problem);
                prediction = activate(strip, self.problem, [block.sample, block.start], logarithms);
            }
            self.compute_ranking_losses(strip, block, slot, prediction);
        }
        let losses = slice_mut(strip.rows.ranking, 0..strip.len);
        dispatch(RankExcludedLast { losses, weight: strip.rows.weight });
    }
}

/// Loads stored losses of a strip to `rows.ranking`.
///
/// # Safety
/// The losses hold every voxel of the batch.
unsafe fn load_ranking<T: Precise>(
    strip: &mut Strip<'_, T>,
    stored: &crate::array::strided_rows::StridedRows,
    block: BlockRange<'_>,
) {
    let row = slice_mut(strip.rows.ranking, 0..strip.len);
    // SAFETY: the caller's promise.
    unsafe { stored.load(block.sample, 0, block.start, slice_mut(row, 0..strip.count)) };
    tail_mut(row, strip.count).fill(T::of(f64::NEG_INFINITY));
}

/// Computes the weights of the voxels of a strip that a term selects.
fn weigh<T: Precise>(strip: &mut Strip<'_, T>, threshold: Threshold, slot: usize) {
    let (len, width) = (strip.len, strip.width);
    let selected = slice_mut(strip.rows.selected, slot * width..slot * width + len);
    dispatch(WeighSelected { losses: strip.rows.ranking, weight: strip.rows.weight, threshold, selected });
}

/// Returns the factor of the loss of a class of a sample where voxels are compared by their loss. Not inlined: its
/// scalar arithmetic would stand in the loops over voxels.
#[inline(never)]
fn ranking_weight(
    problem: &Problem<'_>,
    term: Option<&Term<'_>>,
    [sample, class]: [usize; 2],
    scale: f64,
) -> f64 {
    let weight = term.map_or(1.0, |term| term.class_weight(class, problem.classes));
    if problem.is_annotated(sample, class) { weight * scale } else { 0.0 }
}

/// Replaces the losses of voxels that do not count by −∞.
struct RankExcludedLast<'a, T> {
    losses: &'a mut [T],
    weight: &'a [T],
}

impl<T: Real> Kernel for RankExcludedLast<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (loss, &weight) in self.losses.iter_mut().zip(self.weight) {
            let counts = weight > T::zero();
            *loss = loss.mask(counts) + T::of(f64::NEG_INFINITY).mask(!counts);
        }
    }
}

/// Computes the weights of the selected voxels: all of the weight above the threshold, a share of it at the threshold,
/// 0 below.
struct WeighSelected<'a, T> {
    losses: &'a [T],
    weight: &'a [T],
    threshold: Threshold,
    selected: &'a mut [T],
}

impl<T: Real> Kernel for WeighSelected<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Threshold { key, share } = self.threshold;
        let (key, share) = (key_of::<T>(key), T::of(share));
        for ((to, &loss), &weight) in self.selected.iter_mut().zip(self.losses).zip(self.weight) {
            let loss = loss.key();
            *to = weight.mask(loss > key) + (weight * share).mask(loss == key);
        }
    }
}
