//! One sweep over the voxels: fold them into tallies, map slopes onto them, or both at once.

use super::activation::{activate, join, settle};
use super::cost::{Pull, Row};
use super::precise::Precise;
use super::region::{FoldRegion, MapRegion};
use super::row::{row, row_mut};
use super::simd::dispatch;
use super::source::Source;
use super::tile::{Blank, Tile, chunks};
use crate::batch::Plan;
use crate::{Charge, MAX_TERMS, Parts, Rows, Tally, Term};

/// Where a gradient goes.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub rows: Source,
    /// Adds to what is there.
    pub accumulate: bool,
}

/// What a sweep does with a sample.
pub(crate) struct Task<'a> {
    /// Adds the sample to these tallies, one per class.
    pub fold: Option<&'a mut [Tally]>,
    /// Writes the gradient of these slopes, one per class.
    pub map: Option<(&'a [Tally], Output)>,
}

/// A loss over a batch, ready to be swept.
pub(crate) struct Sweep<'a> {
    pub plan: &'a Plan<'a>,
    pub terms: &'a [Term<'a>],
    /// The field of each term that has one.
    pub fields: [Option<Source>; MAX_TERMS],
    /// Which sums region terms, or the caller, want.
    pub sums: Sums,
}

/// Which sums of a class are added up besides costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sums {
    None,
    Linear,
    Squares,
}

impl Sums {
    /// What the terms of a loss need.
    pub fn of(terms: &[Term<'_>]) -> Self {
        let of = |term: &Term<'_>| match term.form.parts() {
            Parts::Region(form) if form.squares() => Sums::Squares,
            Parts::Region(_) | Parts::Joint(_) => Sums::Linear,
            Parts::Cost(_) => Sums::None,
        };
        terms.iter().map(of).max().unwrap_or(Sums::None)
    }
}

/// The terms that are costs, with their slots.
pub(crate) fn costs<'a>(terms: &'a [Term<'a>]) -> impl Iterator<Item = (usize, &'a dyn Rows)> + Clone {
    terms.iter().enumerate().filter_map(|(slot, term)| match term.form.parts() {
        Parts::Cost(rows) => Some((slot, rows)),
        _ => None,
    })
}

/// Whether some cost makes both outcomes of softmax pay.
pub(crate) fn has_rivals(plan: &Plan<'_>, terms: &[Term<'_>]) -> bool {
    plan.activation == crate::Activation::Softmax
        && costs(terms).any(|(_, rows)| rows.bill().charge == Charge::Outcomes)
}

impl Sweep<'_> {
    /// Sweeps one sample.
    ///
    /// # Safety
    /// The arrays of the plan and the fields are readable, the output writable, as their shapes say.
    /// `chunk` holds a tally per class.
    pub unsafe fn sample<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [Tally],
        sample: usize,
        task: Task<'_>,
    ) {
        let Task { mut fold, map } = task;
        for (start, end) in chunks(self.plan.voxels) {
            chunk.fill(Tally::ZERO);
            for (at, len) in tile.spans(start, end) {
                // SAFETY: promised by the caller; the spans lie in the sample.
                unsafe {
                    tile.open(self.plan, sample, at, len);
                    tile.load(self.plan, sample, at);
                }
                activate(tile, self.plan.activation, self.plan.classes);
                tile.total.fill(T::zero());
                tile.largest.fill(T::zero());
                for class in 0..self.plan.classes {
                    let sums = if fold.is_some() { chunk.get_mut(class) } else { None };
                    let slopes = map.and_then(|(slopes, _)| slopes.get(class));
                    // SAFETY: promised by the caller.
                    unsafe { self.class(tile, sample, class, at, sums, slopes) };
                }
                if let Some((_, output)) = map {
                    // SAFETY: promised by the caller; the tile was read whole before it is written.
                    unsafe { self.write(tile, sample, at, output) };
                }
            }
            if let Some(tallies) = fold.as_deref_mut() {
                for (tally, class) in tallies.iter_mut().zip(chunk.iter()) {
                    *tally += class;
                }
            }
        }
    }

    /// Folds and maps one class of a tile.
    unsafe fn class<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sample: usize,
        class: usize,
        at: usize,
        mut sums: Option<&mut Tally>,
        slopes: Option<&Tally>,
    ) {
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(self.plan, sample, class, at) };
        let (width, used) = (tile.width, tile.used);
        let probability = row(tile.probability, class, width, used);
        let truth = row(tile.truth, 0, width, used);
        let weight = row(tile.weight, 0, width, used);
        if let Some(sums) = sums.as_deref_mut()
            && self.sums > Sums::None
        {
            let squares = self.sums == Sums::Squares;
            dispatch(FoldRegion { probability, truth, weight, squares, sums });
        }
        let (mut has_here, mut has_elsewhere) = (false, false);
        if let Some(slopes) = slopes {
            let polynomial = row_mut(tile.polynomial, 0, width, used);
            dispatch(MapRegion { probability, truth, weight, slopes, polynomial });
            tile.here.fill(T::zero());
            tile.elsewhere.fill(T::zero());
        }
        for (slot, rows) in costs(self.terms) {
            let bill = rows.bill();
            let prices = bill.prices(self.plan.activation, self.plan.classes);
            let field = row_mut(tile.field, 0, width, used);
            if bill.field
                && self.terms.get(slot).is_some_and(|term| term.leaves_out(class, self.plan.classes))
            {
                // A field may be dear: one that weighs nothing is not made.
                continue;
            }
            if let Some(source) = self.fields.get(slot).copied().flatten() {
                // SAFETY: promised by the caller.
                unsafe { source.load(sample, class, at, field.get_mut(..tile.len).unwrap_or(&mut [])) };
                if tile.has_blanks {
                    dispatch(Blank { row: field, weight });
                }
            }
            let row = Row {
                activation: self.plan.activation,
                prices,
                probability,
                logit: row(tile.logit, class, width, used),
                log_total: tile.log_total,
                complement: tile.complement,
                log_complement: tile.log_complement,
                truth,
                weight,
                field,
            };
            if let Some(sum) = sums.as_deref_mut().and_then(|sums| sums.cost.get_mut(slot)) {
                T::rows(rows).fold(&row, sum);
            }
            if let Some(slope) = slopes.and_then(|slopes| slopes.cost.get(slot)) {
                let mut pull = Pull {
                    polynomial: row_mut(tile.polynomial, 0, width, used),
                    here: row_mut(tile.here, 0, width, used),
                    elsewhere: row_mut(tile.elsewhere, 0, width, used),
                };
                T::rows(rows).map(&row, T::of(*slope), &mut pull);
                has_here |= bill.charge != Charge::Everywhere;
                has_elsewhere |= bill.charge != Charge::Everywhere && prices.elsewhere != T::zero();
            }
        }
        if slopes.is_some() {
            join(tile, self.plan.activation, class, has_here, has_elsewhere);
        }
    }

    /// Finishes the pull-back of a tile and writes the gradient.
    unsafe fn write<T: Precise>(&self, tile: &mut Tile<'_, T>, sample: usize, at: usize, output: Output) {
        for class in 0..self.plan.classes {
            if self.plan.activation == crate::Activation::Softmax {
                settle(tile, class, !tile.rival.is_empty());
            }
            let gradient = row(tile.logit, class, tile.width, tile.len);
            // SAFETY: promised by the caller.
            unsafe { output.rows.store(sample, class, at, gradient, output.accumulate) };
        }
    }
}
