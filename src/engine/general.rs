//! A tile of any kind, class by class: rows of truth, of costs, of pulls.

use super::activation::activate;
use super::cost::{Prices, Pull, Row, RowsOf};
use super::labelled::on_truth;
use super::precise::Precise;
use super::pull::{Pulls, join, settle};
use super::region::{FoldRegion, MapRegion, Mismatch};
use super::row::{AddUp, copy_row, row, row_mut};
use super::simd::dispatch;
use super::sweep::{Output, Step, Sums, Sweep, costs};
use super::tile::{Blank, Span, Tile};
use crate::{Charge, Rows, Tally};

impl Sweep<'_> {
    /// Folds and maps an opened tile of any kind; adds to `chunk`, a tally per class.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(super) unsafe fn general<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [Tally],
        step: Step<'_>,
    ) {
        // SAFETY: promised by the caller.
        unsafe {
            activate(tile, self.plan, step.sample, step.at);
            self.choose(tile, chunk, step);
        }
        tile.made.total.fill(T::zero());
        tile.made.rest.fill(T::zero());
        tile.made.largest.fill(T::zero());
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
        sums: &mut Tally,
        step: Step<'_>,
        class: usize,
    ) {
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(self.plan, step.sample, class, step.at) };
        if step.folds {
            self.fold_region(tile, sums, class);
        }
        let mut pulls = Pulls::default();
        if let Some(slopes) = step.slopes(class) {
            tile.made.here.fill(T::zero());
            tile.made.elsewhere.fill(T::zero());
            pulls.polynomial = self.map_region(tile, class, slopes);
        }
        for (slot, rows) in costs(self.terms) {
            // SAFETY: promised by the caller.
            unsafe { self.cost(tile, sums, step, class, slot, rows) };
            if step.map.is_some() && self.pays(step.sample, class, slot, rows) {
                let bill = rows.bill();
                let prices = bill.prices::<T>(self.plan.activation, self.plan.classes);
                pulls.polynomial |= bill.charge == Charge::Everywhere;
                pulls.here |= bill.charge != Charge::Everywhere;
                pulls.elsewhere |= bill.charge != Charge::Everywhere && prices.elsewhere != T::zero();
            }
        }
        if step.map.is_some() {
            join(tile, self.plan.activation, class, pulls);
        }
    }

    /// Folds the costs that every class of every voxel pays, and leaves the pull on `s` in the class's row of
    /// `logit`, of which nobody needs the logits any more.
    pub(super) unsafe fn everywhere<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut Tally,
        step: Step<'_>,
        class: usize,
    ) {
        let pays =
            |(slot, rows): (usize, &dyn Rows)| !on_truth(rows) && self.pays(step.sample, class, slot, rows);
        // Nothing pulls on the class: its truth does not matter.
        if !step.slopes(class).is_some_and(has_region) && !costs(self.terms).any(pays) {
            return row_mut(tile.seen.logit, class, tile.span.width, tile.span.used).fill(T::zero());
        }
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(self.plan, step.sample, class, step.at) };
        if let Some(slopes) = step.slopes(class) {
            self.map_region(tile, class, slopes);
        }
        for (slot, rows) in costs(self.terms).filter(|(_, rows)| !on_truth(*rows)) {
            // SAFETY: promised by the caller.
            unsafe { self.cost(tile, sums, step, class, slot, rows) };
        }
        if step.map.is_some() {
            let Span { width, used } = tile.span;
            let to = row_mut(tile.seen.logit, class, width, used);
            copy_row(row(tile.made.polynomial, 0, width, used), to);
        }
    }

    /// Adds a class of the tile to the sums that are wanted besides costs; its row of truth is there.
    pub(super) fn fold_region<T: Precise>(&self, tile: &mut Tile<'_, T>, sums: &mut Tally, class: usize) {
        if self.sums == Sums::None {
            return;
        }
        let Span { width, used } = tile.span;
        let probability = row(tile.seen.probability, class, width, used);
        let truth = row(tile.seen.truth, 0, width, used);
        let lanes = row_mut(tile.made.lanes, 0, width, used / 4);
        let (weights, is_unweighted) = (row(tile.seen.weight, 0, width, used), tile.is_unweighted);
        let squares = self.sums == Sums::Squares;
        dispatch(FoldRegion { probability, truth, weights, is_unweighted, squares, lanes, sums });
    }

    /// Writes the pull of a class's sums on `s` to `made.polynomial`; says whether there is any.
    pub(super) fn map_region<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        class: usize,
        slopes: &Tally,
    ) -> bool {
        let Span { width, used } = tile.span;
        let polynomial = row_mut(tile.made.polynomial, 0, width, used);
        let truth = row(tile.seen.truth, 0, width, used);
        let weight = row(tile.seen.weight, 0, width, used);
        let is_linear = is_linear(slopes);
        if is_linear {
            dispatch(MapRegion { truth, weight, slopes, polynomial });
        } else {
            polynomial.fill(T::zero());
        }
        let Some(mismatch) = Mismatch::of(slopes) else { return is_linear };
        let activation = self.plan.activation;
        let of = tile.seen.row(activation, class, Prices::everywhere(), tile.span);
        let work = row_mut(tile.made.work, 0, width, used);
        let mut pull = Pull { polynomial, here: &mut [], elsewhere: &mut [] };
        mismatch.map(&of, T::one(), work, &mut pull);
        true
    }

    /// Whether a class has to do with a cost in a sample. A field may be dear: one that weighs nothing is not
    /// made, nor read.
    pub(super) fn pays(&self, sample: usize, class: usize, slot: usize, rows: &dyn Rows) -> bool {
        let left_out = self.term(slot).is_some_and(|term| term.leaves_out(class, self.plan.classes));
        !(rows.bill().field && (left_out || !self.plan.is_annotated(sample, class)))
    }

    /// Folds one class of a cost, and adds its pulls to the rows of `made`.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub(super) unsafe fn cost<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut Tally,
        step: Step<'_>,
        class: usize,
        slot: usize,
        rows: &dyn Rows,
    ) {
        if !self.pays(step.sample, class, slot, rows) {
            return;
        }
        let Span { width, used } = tile.span;
        // SAFETY: promised by the caller.
        unsafe { self.load_field(tile, step, class, slot) };
        let prices = rows.bill().prices(self.plan.activation, self.plan.classes);
        let selects = self.cuts.get(slot).is_some_and(Option::is_some);
        let weight = if selects {
            row(tile.seen.selected, slot, width, used)
        } else {
            row(tile.seen.weight, 0, width, used)
        };
        let of = Row { weight, ..tile.seen.row(self.plan.activation, class, prices, tile.span) };
        let work = row_mut(tile.made.work, 0, width, used);
        if let (true, Some(sum)) = (step.folds, sums.cost.get_mut(slot)) {
            let cost = row_mut(tile.made.cost, 0, width, used);
            T::rows(rows).rate(&of, work, cost);
            let weight = (!tile.is_unweighted || selects).then_some(weight);
            dispatch(AddUp { row: cost, weight, lanes: tile.made.lanes, sum });
        }
        if let Some(slope) = step.slopes(class).and_then(|slopes| slopes.cost.get(slot)) {
            let mut pull = Pull {
                polynomial: row_mut(tile.made.polynomial, 0, width, used),
                here: row_mut(tile.made.here, 0, width, used),
                elsewhere: row_mut(tile.made.elsewhere, 0, width, used),
            };
            T::rows(rows).map(&of, T::of(*slope), work, &mut pull);
        }
    }

    /// Reads the field of a term, if it has one; voxels that do not count read as 0.
    pub(super) unsafe fn load_field<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        step: Step<'_>,
        class: usize,
        slot: usize,
    ) {
        let Some(source) = self.fields.get(slot).copied().flatten() else { return };
        let field = row_mut(tile.seen.field, 0, tile.span.width, tile.span.used);
        // SAFETY: promised by the caller.
        unsafe { source.load(step.sample, class, step.at, field.get_mut(..tile.len).unwrap_or(&mut [])) };
        if tile.has_blanks {
            dispatch(Blank { row: field, weight: tile.seen.weight });
        }
    }

    /// Finishes the pull-back of a tile and writes the gradient.
    unsafe fn write<T: Precise>(&self, tile: &mut Tile<'_, T>, step: Step<'_>, output: Output) {
        let Step { sample, at, .. } = step;
        let Span { width, used } = tile.span;
        let len = tile.len;
        for class in 0..self.plan.classes {
            if self.plan.activation == crate::Activation::Softmax {
                // SAFETY: promised by the caller.
                let direct = unsafe { output.rows.slice_mut::<T>(sample, class, at, len) };
                if let (Some(to), false) = (direct, output.accumulate) {
                    settle(tile, class, Some(to));
                    continue;
                }
                settle(tile, class, None);
            }
            let gradient = row(tile.seen.logit, class, width, used.min(len));
            // SAFETY: promised by the caller.
            unsafe { output.rows.store(sample, class, at, gradient, output.accumulate) };
        }
    }
}

/// Whether a class's sums pull on `s` by constants.
fn is_linear(slopes: &Tally) -> bool {
    slopes.predicted != 0.0 || slopes.overlap != 0.0
}

/// Whether they pull on `s` at all.
fn has_region(slopes: &Tally) -> bool {
    is_linear(slopes) || Mismatch::of(slopes).is_some()
}
