//! Selection of voxels over a batch or over its parts, for terms that average only the voxels with the highest loss.

use crate::checked::expected;
use crate::engine::chunks::{Chunk, ChunkRunner};
use crate::engine::kernel::strip::Strip;
use crate::engine::pass_plan::{CallKind, PassKind, PassPlan, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{Threshold, TopKSearch, select};
use crate::engine::workspace::{Workspace, of_sample};
use crate::error::{Error, Status};
use crate::loss::selection::Selection;
use crate::loss::sums::ClassSums;
use crate::loss::voxel_rows::DynVoxelLoss;

impl<T: Precise> Workspace<'_, T> {
    /// Selects voxels for the terms that do so, and adds the weight of those selected by fraction to
    /// `self.class_sums`.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn select(&mut self, plan: &PassPlan) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { self.find_thresholds(plan)? };
        for (slot, _) in voxel_losses(self.terms).filter(|(_, loss)| fraction(*loss).is_some()) {
            let pass = self.new_pass(plan, PassKind::TopK, None);
            let Self { problem, optional_rows, strip, chunk_sums, worker_buffers, class_sums, .. } = self;
            let optional_rows = *optional_rows;
            let runner = ChunkRunner { problem, optional_rows, strip, sums: chunk_sums, worker_buffers };
            let compute = |strip: &mut Strip<'_, T>, sums: &mut [ClassSums], chunk| {
                // SAFETY: the caller's promise.
                unsafe { pass.sum_selected(strip, sums, chunk, slot, false) };
            };
            let collect = &mut |sums: &[ClassSums], chunk: Chunk| {
                let selected = expected(sums.first().and_then(|first| first.loss_weight.get(slot))).copied();
                let selected = selected.unwrap_or(0.0);
                let of_sample = of_sample(class_sums, problem, chunk.sample).iter_mut();
                let loss_weights = of_sample.filter_map(|sums| sums.loss_weight.get_mut(slot));
                loss_weights.for_each(|sum| *sum += selected);
                Ok(())
            };
            // SAFETY: only sums are written.
            unsafe { runner.each(0..problem.samples, &compute, collect)? };
        }
        Ok(())
    }

    /// Finds the threshold of every term that selects voxels: that of its finished search, or of this batch. Stores
    /// the losses for those that select a fraction.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn find_thresholds(&mut self, plan: &PassPlan) -> Result<(), Error> {
        // Errors first.
        for (slot, loss) in voxel_losses(self.terms) {
            let search = self.terms.get(slot).and_then(|term| term.top_k_search);
            let threshold = match (loss.info().selection, search) {
                (Some(Selection::Threshold(t)), _) => {
                    Some(Threshold { key: T::of(-libm::log(t)).key().into(), share: 0.0 })
                }
                (Some(Selection::Fraction(_)), Some(search)) => {
                    Some(search.threshold::<T>().map_err(|error| error.in_term(slot))?)
                }
                _ => None,
            };
            if let Some(to) = self.thresholds.get_mut(slot) {
                *to = threshold;
            }
        }
        for (slot, loss) in voxel_losses(self.terms) {
            let Some(fraction) = fraction(loss) else { continue };
            // SAFETY: the caller's promise.
            unsafe { self.compute_losses(plan, slot)? };
            let losses = expected(self.ranking_losses.get(slot)).map_or(&[][..], |losses| losses);
            if let Some(to @ None) = self.thresholds.get_mut(slot) {
                *to = Some(select(losses, fraction, self.digit_counts));
            }
        }
        Ok(())
    }

    /// Stores the losses by which a term selects a fraction.
    unsafe fn compute_losses(&mut self, plan: &PassPlan, slot: usize) -> Result<(), Error> {
        let pass = self.new_pass(plan, PassKind::TopK, None);
        let Self { problem, optional_rows, strip, chunk_sums, worker_buffers, .. } = self;
        let optional_rows = *optional_rows;
        let runner = ChunkRunner { problem, optional_rows, strip, sums: chunk_sums, worker_buffers };
        let compute = |strip: &mut Strip<'_, T>, _: &mut [ClassSums], chunk: Chunk| {
            // SAFETY: the caller's promise; each chunk has its own losses.
            unsafe { pass.store_ranking_losses(strip, chunk, slot) };
        };
        // SAFETY: each chunk has its own losses.
        unsafe { runner.each(0..problem.samples, &compute, &mut |_, _| Ok(())) }
    }

    /// Adds the voxels of a part of a batch to the counts of a search.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub unsafe fn count_top_k(&mut self, slot: usize, search: &mut TopKSearch) -> Result<(), Error> {
        self.require_given_fields()?;
        self.class_sums.fill(ClassSums::ZERO);
        let plan = PassPlan::new(self.implementation, self.terms, CallKind::Accumulate);
        // SAFETY: the caller's promise.
        unsafe {
            self.validate()?;
            self.compute_losses(&plan, slot)?;
        }
        search.count(expected(self.ranking_losses.get(slot)).map_or(&[][..], |losses| losses))
    }

    /// Returns an error if a term selects a fraction of the voxels and has no search: a part of a batch does not know
    /// the losses of the others.
    pub(super) fn require_searches(&self) -> Result<(), Error> {
        let has_no_search = |&(slot, loss): &(usize, &dyn DynVoxelLoss)| {
            fraction(loss).is_some() && self.terms.get(slot).is_some_and(|term| term.top_k_search.is_none())
        };
        match voxel_losses(self.terms).find(has_no_search) {
            Some((slot, _)) => {
                let expected = c"a search over all parts that is done: see top_k_count";
                Err(Error::new(Status::Unsupported, c"top_k_search", expected).in_term(slot))
            }
            None => Ok(()),
        }
    }
}

/// Returns the fraction of all voxels that a loss selects, if it does.
pub(crate) fn fraction(loss: &dyn DynVoxelLoss) -> Option<f64> {
    loss.info().selection.and_then(Selection::fraction)
}
