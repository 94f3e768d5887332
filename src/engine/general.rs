//! One pass over a tile, for any activation and target, class by class.

use crate::engine::activate::activate;
use crate::engine::chain_rule::{DerivativeRows, combine, softmax_backward};
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::{BlockRange, GradientOutput, Pass};
use crate::engine::pass_plan::voxel_losses;
use crate::engine::precise::Precise;
use crate::loss::activation::Activation;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::Contribution;
use crate::simd::blocks::row;

impl Pass<'_> {
    /// Computes a tile whose labels and weights are loaded; adds to `sums`, one entry per class.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(super) unsafe fn general<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        block: BlockRange<'_>,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            activate(tile, self.problem, block.sample, block.start);
            self.weigh_selected(tile, sums, block);
        }
        tile.gradients.total.fill(T::zero());
        tile.gradients.rest.fill(T::zero());
        tile.gradients.largest.fill(T::zero());
        for (class, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { self.class(tile, sums, block, class) };
        }
        if let Some(output) = self.gradient() {
            // SAFETY: the caller's promise; the tile is loaded completely before it is overwritten.
            unsafe { self.write_gradient(tile, block, output) };
        }
    }

    /// Accumulates one class of a tile and combines its derivatives.
    unsafe fn class<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut ClassSums,
        block: BlockRange<'_>,
        class: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { tile.load_target(self.problem, block.sample, class, block.start) };
        if self.steps.accumulates {
            self.accumulate_region(tile, sums, class);
        }
        let mut rows = DerivativeRows::default();
        if let Some(slopes) = block.slopes_of(class) {
            tile.gradients.positive.fill(T::zero());
            tile.gradients.negative.fill(T::zero());
            rows.polynomial = self.region_gradient(tile, class, slopes);
        }
        for (slot, loss) in voxel_losses(self.terms) {
            // SAFETY: the caller's promise.
            unsafe { self.voxel_loss(tile, sums, block, class, slot, loss) };
            if self.steps.writes_gradient && self.contributes(block.sample, class, slot, loss) {
                let info = loss.info();
                let weights = info.outcome_weights::<T>(self.problem.activation, self.problem.classes);
                let is_of_outcomes = info.contribution != Contribution::AllClasses;
                rows.polynomial |= !is_of_outcomes;
                rows.positive |= is_of_outcomes;
                rows.negative |= is_of_outcomes && weights.negative != T::zero();
            }
        }
        if self.steps.writes_gradient {
            combine(tile, self.problem.activation, class, rows);
        }
    }

    /// Completes the gradient of a tile and writes it.
    unsafe fn write_gradient<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        output: GradientOutput,
    ) {
        let BlockRange { sample, start, .. } = block;
        let Span { width, used } = tile.span;
        let len = tile.len;
        for class in 0..self.problem.classes {
            if self.problem.activation == Activation::Softmax {
                // SAFETY: the caller's promise.
                if let Some(direct) = unsafe { output.direct::<T>(block, class, len) } {
                    softmax_backward(tile, class, Some(direct));
                    continue;
                }
                softmax_backward(tile, class, None);
            }
            let gradient = row(tile.inputs.logit, class, width, used.min(len));
            // SAFETY: the caller's promise.
            unsafe { output.rows.store(sample, class, start, gradient, output.add) };
        }
    }
}
