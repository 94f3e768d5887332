//! Passes over one chunk for terms that select voxels by their loss: the losses, and the weights of the selected
//! voxels.

use crate::array::real::Real;
use crate::checked::expected;
use crate::engine::activate::activate;
use crate::engine::chunks::Chunk;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::{CacheAccess, Implementation, TargetRows, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{Threshold, key_of};
use crate::engine::softmax_labels::exponentials::{Normalize, exponentials};
use crate::engine::softmax_labels::gather::TableByLabel;
use crate::engine::softmax_labels::probability_cache::store_probabilities;
use crate::engine::weighting::MultiplyLosses;
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::ClassSums;
use crate::loss::term::Term;
use crate::problem::Problem;
use crate::simd::blocks::{AddUp, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

impl Pass<'_> {
    /// Computes the weights of the selected voxels of a tile. Adds their sum to `loss_weight` of the first class; not
    /// for a fraction, whose sum is known.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn weigh_selected<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        block: BlockRange<'_>,
    ) {
        for (slot, threshold) in self.thresholds.iter().enumerate() {
            let Some(threshold) = *threshold else { continue };
            let stored = self.ranking_losses.get(slot).copied().flatten();
            match stored {
                // SAFETY: the caller's promise.
                Some(losses) => unsafe {
                    let to = row_mut(tile.gradients.total, 0, tile.len, tile.len);
                    losses.load(block.sample, 0, block.start, to);
                },
                // SAFETY: the caller's promise.
                None => unsafe { self.compute_ranking_losses(tile, block, slot) },
            }
            let selected = row_mut(tile.inputs.selected, slot, tile.span.width, tile.span.used);
            let (losses, weight) = (&*tile.gradients.total, &*tile.inputs.weight);
            dispatch(WeighSelected { losses, weight, threshold, selected });
            let to = sums.first_mut().and_then(|first| first.loss_weight.get_mut(slot));
            if let (Some(sum), true) = (to, self.steps.accumulates && stored.is_none()) {
                dispatch(AddUp { row: selected, weight: None, lanes: tile.gradients.lanes, sum });
            }
        }
    }

    /// Returns the weight of the voxels of a chunk that a term selects by fraction.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub unsafe fn sum_selected<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        Chunk { sample, start, end }: Chunk,
        slot: usize,
    ) -> f64 {
        let mut sum = 0.0;
        let stored = expected(self.ranking_losses.get(slot).copied().flatten());
        let threshold = expected(self.thresholds.get(slot).copied().flatten());
        let (Some(stored), Some(threshold)) = (stored, threshold) else { return sum };
        for (start, len) in tile.spans(start, end) {
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                tile.load_weights(self.problem, sample, start, len);
                stored.load(sample, 0, start, row_mut(tile.gradients.total, 0, len, len));
            }
            let selected = row_mut(tile.inputs.selected, slot, tile.span.width, tile.span.used);
            let (losses, weight) = (&*tile.gradients.total, &*tile.inputs.weight);
            dispatch(WeighSelected { losses, weight, threshold, selected });
            dispatch(AddUp { row: selected, weight: None, lanes: tile.gradients.lanes, sum: &mut sum });
        }
        sum
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

    /// Computes the losses by which a term selects voxels, in `gradients.total`: with class weights for a fraction,
    /// without them for a threshold; without voxel weights.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn compute_ranking_losses<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        slot: usize,
    ) {
        let Some((_, loss)) = expected(voxel_losses(self.terms).find(|(of, _)| *of == slot)) else { return };
        let info = loss.info();
        let classes = self.problem.classes;
        let class_weight = self.ranking_weights(block.sample, slot);
        let Span { width, used } = tile.span;
        if self.implementation == Implementation::SoftmaxLabels {
            let losses = row_mut(tile.gradients.total, 0, width, used);
            let work = row_mut(tile.gradients.work, 0, width, used);
            let weight = row(tile.inputs.weight, 0, width, used);
            T::rows(loss).evaluate_row(&tile.inputs.target_class_row(weight, tile.span), work, losses);
            if (0..classes).any(|class| class_weight(class) != 1.0) {
                let label = row(tile.inputs.label, 0, width, used);
                let weight = row_mut(tile.gradients.loss, 0, width, used);
                let first_label = self.problem.label_of(0);
                dispatch(TableByLabel { label, first_label, classes, of: &class_weight, out: weight });
                dispatch(MultiplyLosses { row: losses, weight });
            }
            return;
        }
        tile.gradients.total.fill(T::zero());
        let weight_sum: f64 =
            if self.problem.activation.is_exclusive() { 1.0 } else { (0..classes).map(&class_weight).sum() };
        let outcome_weights = info.outcome_weights(self.problem.activation, classes);
        for class in 0..classes {
            if class_weight(class) == 0.0 {
                continue;
            }
            // SAFETY: the caller's promise.
            unsafe { tile.load_target(self.problem, block.sample, class, block.start) };
            let of = tile.inputs.class_row(self.problem.activation, class, outcome_weights, tile.span);
            let losses = row_mut(tile.gradients.loss, 0, width, used);
            T::rows(loss).evaluate_row(&of, tile.gradients.work, losses);
            let factor = T::of(class_weight(class) / weight_sum);
            dispatch(AddScaled { factor, row: losses, to: tile.gradients.total });
        }
    }

    /// Stores the losses of a chunk by which a term selects voxels, −∞ for voxels that do not count. Caches
    /// probabilities if that is a step of the pass.
    ///
    /// # Safety
    /// As [`Pass::chunk`]; no other thread uses the chunk's part of the stored losses.
    pub unsafe fn store_ranking_losses<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        Chunk { sample, start, end }: Chunk,
        slot: usize,
    ) {
        let Some(stored) = expected(self.ranking_losses.get(slot).copied().flatten()) else { return };
        let cache = self.output.filter(|_| self.steps.cache == CacheAccess::Store);
        for (start, len) in tile.spans(start, end) {
            let block = BlockRange { sample, start, slopes: None };
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                tile.load_weights(self.problem, sample, start, len);
                if self.implementation == Implementation::SoftmaxLabels {
                    let target_rows = TargetRows { probability: true, logarithm: true };
                    exponentials(tile, self.problem, block, target_rows);
                } else {
                    activate(tile, self.problem, sample, start);
                }
                self.compute_ranking_losses(tile, block, slot);
                if let Some(output) = cache {
                    dispatch(Normalize { tile, classes: self.problem.classes });
                    store_probabilities(tile, self.problem.classes, block, output);
                }
            }
            let losses = row_mut(tile.gradients.total, 0, tile.span.width, len);
            dispatch(RankExcludedLast { losses, weight: tile.inputs.weight });
            // SAFETY: the caller's promise.
            unsafe { stored.store(sample, 0, start, losses, false) };
        }
        self.end_chunk();
    }
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

/// Adds `factor` times a row to another.
struct AddScaled<'a, T> {
    factor: T,
    row: &'a [T],
    to: &'a mut [T],
}

impl<T: Real> Kernel for AddScaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (to, &x) in self.to.iter_mut().zip(self.row) {
            *to += self.factor * x;
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
