//! One sweep over the voxels: fold them into tallies, map slopes onto them, or both at once.

use super::activation::activate;
use super::cost::{Pull, Row};
use super::precise::Precise;
use super::pull::{Pulls, join, settle};
use super::region::{FoldRegion, MapRegion};
use super::row::{AddUp, row, row_mut};
use super::select::Cut;
use super::simd::{Kernel, dispatch};
use super::source::Source;
use super::tile::{Blank, Extras, Span, Tile, chunks};
use crate::batch::Plan;
use crate::{Charge, MAX_TERMS, Parts, Real, Rows, Selection, Tally, Term};

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
    /// The costs by which voxels rank, for each term that selects a fraction.
    pub ranks: [Option<Source>; MAX_TERMS],
    /// Which voxels pay, for each term that selects some.
    pub cuts: [Option<Cut>; MAX_TERMS],
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

/// The rows that these terms want of a tile.
pub(crate) fn extras(plan: &Plan<'_>, terms: &[Term<'_>]) -> Extras {
    let softmax = plan.activation == crate::Activation::Softmax;
    Extras {
        rivals: softmax && costs(terms).any(|(_, rows)| rows.bill().charge == Charge::Outcomes),
        selects: costs(terms).any(|(_, rows)| rows.bill().selection.is_some()),
        costs: costs(terms).next().is_some(),
    }
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
                    activate(tile, self.plan, sample, at);
                }
                for (slot, cut) in self.cuts.iter().enumerate() {
                    let Some(cut) = cut else { continue };
                    match self.ranks.get(slot).copied().flatten() {
                        // SAFETY: promised by the caller.
                        Some(ranks) => unsafe {
                            ranks.load(sample, 0, at, row_mut(tile.made.total, 0, len, len))
                        },
                        // SAFETY: as above.
                        None => unsafe { self.rank(tile, sample, at, slot) },
                    }
                    let selected = row_mut(tile.seen.selected, slot, tile.span.width, tile.span.used);
                    dispatch(Share { rank: tile.made.total, weight: tile.seen.weight, cut: *cut, selected });
                    if let Some(first) = chunk.first_mut().and_then(|first| first.charged.get_mut(slot)) {
                        dispatch(AddUp { row: selected, weight: None, lanes: tile.made.lanes, sum: first });
                    }
                }
                tile.made.total.fill(T::zero());
                tile.made.rest.fill(T::zero());
                tile.made.largest.fill(T::zero());
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
                let charged = chunk.first().map_or([0.0; MAX_TERMS], |first| first.charged);
                chunk.iter_mut().for_each(|class| class.charged = charged);
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
        let (width, used) = (tile.span.width, tile.span.used);
        let probability = row(tile.seen.probability, class, width, used);
        let truth = row(tile.seen.truth, 0, width, used);
        let weight = row(tile.seen.weight, 0, width, used);
        if let Some(sums) = sums.as_deref_mut()
            && self.sums > Sums::None
        {
            let squares = self.sums == Sums::Squares;
            let lanes = row_mut(tile.made.lanes, 0, width, used / 4);
            let (weights, is_unweighted) = (weight, tile.is_unweighted);
            dispatch(FoldRegion { probability, truth, weights, is_unweighted, squares, lanes, sums });
        }
        let mut pulls = Pulls::default();
        if let Some(slopes) = slopes {
            let polynomial = row_mut(tile.made.polynomial, 0, width, used);
            let Tally { predicted, overlap, missed, spilled, .. } = *slopes;
            pulls.polynomial = [predicted, overlap, missed, spilled] != [0.0; 4];
            if pulls.polynomial {
                dispatch(MapRegion { probability, truth, weight, slopes, polynomial });
            } else {
                polynomial.fill(T::zero());
            }
            tile.made.here.fill(T::zero());
            tile.made.elsewhere.fill(T::zero());
        }
        for (slot, rows) in costs(self.terms) {
            let bill = rows.bill();
            let left_out = self.term(slot).is_some_and(|term| term.leaves_out(class, self.plan.classes));
            if bill.field && (left_out || !self.plan.is_annotated(sample, class)) {
                // A field may be dear: one that weighs nothing is not made, nor read.
                continue;
            }
            // SAFETY: promised by the caller.
            unsafe { self.load_field(tile, sample, class, at, slot) };
            let prices = bill.prices(self.plan.activation, self.plan.classes);
            let selects = self.cuts.get(slot).is_some_and(Option::is_some);
            let weight = if selects {
                row(tile.seen.selected, slot, width, used)
            } else {
                row(tile.seen.weight, 0, width, used)
            };
            let of = Row { weight, ..tile.seen.row(self.plan.activation, class, prices, tile.span) };
            let work = row_mut(tile.made.work, 0, width, used);
            if let Some(sum) = sums.as_deref_mut().and_then(|sums| sums.cost.get_mut(slot)) {
                let cost = row_mut(tile.made.cost, 0, width, used);
                T::rows(rows).rate(&of, work, cost);
                dispatch(AddUp {
                    row: cost,
                    weight: (!tile.is_unweighted || selects).then_some(weight),
                    lanes: tile.made.lanes,
                    sum,
                });
            }
            if let Some(slope) = slopes.and_then(|slopes| slopes.cost.get(slot)) {
                let mut pull = Pull {
                    polynomial: row_mut(tile.made.polynomial, 0, width, used),
                    here: row_mut(tile.made.here, 0, width, used),
                    elsewhere: row_mut(tile.made.elsewhere, 0, width, used),
                };
                T::rows(rows).map(&of, T::of(*slope), work, &mut pull);
                pulls.polynomial |= bill.charge == Charge::Everywhere;
                pulls.here |= bill.charge != Charge::Everywhere;
                pulls.elsewhere |= bill.charge != Charge::Everywhere && prices.elsewhere != T::zero();
            }
        }
        if slopes.is_some() {
            join(tile, self.plan.activation, class, pulls);
        }
    }

    fn term(&self, slot: usize) -> Option<&Term<'_>> {
        self.terms.get(slot)
    }

    /// Reads the field of a term, if it has one; voxels that do not count read as 0.
    unsafe fn load_field<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sample: usize,
        class: usize,
        at: usize,
        slot: usize,
    ) {
        let Some(source) = self.fields.get(slot).copied().flatten() else { return };
        let field = row_mut(tile.seen.field, 0, tile.span.width, tile.span.used);
        // SAFETY: promised by the caller.
        unsafe { source.load(sample, class, at, field.get_mut(..tile.len).unwrap_or(&mut [])) };
        if tile.has_blanks {
            dispatch(Blank { row: field, weight: tile.seen.weight });
        }
    }

    /// Fills `tile.made.total` with the cost by which voxels rank for a term: with class weights for a
    /// fraction, without them for a threshold, and without voxel weights.
    unsafe fn rank<T: Precise>(&self, tile: &mut Tile<'_, T>, sample: usize, at: usize, slot: usize) {
        tile.made.total.fill(T::zero());
        let Some(term) = self.term(slot) else { return };
        let Parts::Cost(rows) = term.form.parts() else { return };
        let bill = rows.bill();
        let classes = self.plan.classes;
        let weight = |class| match bill.selection {
            _ if !self.plan.is_annotated(sample, class) => 0.0,
            Some(Selection::Fraction(_)) => term.class_weight(class, classes),
            _ => 1.0,
        };
        let all: f64 = if self.plan.activation.is_exclusive() { 1.0 } else { (0..classes).map(weight).sum() };
        let prices = bill.prices(self.plan.activation, classes);
        for class in 0..classes {
            if weight(class) == 0.0 {
                continue;
            }
            // SAFETY: promised by the caller.
            unsafe { tile.load_truth(self.plan, sample, class, at) };
            let of = tile.seen.row(self.plan.activation, class, prices, tile.span);
            let cost = row_mut(tile.made.cost, 0, tile.span.width, tile.span.used);
            T::rows(rows).rate(&of, tile.made.work, cost);
            dispatch(AddScaled { factor: T::of(weight(class) / all), row: cost, to: tile.made.total });
        }
    }

    /// Writes the cost by which each voxel of a sample ranks for a term; −∞ where it does not count.
    ///
    /// # Safety
    /// As [`Sweep::sample`].
    pub unsafe fn rank_sample<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sample: usize,
        slot: usize,
        ranks: &mut [T],
    ) {
        for (at, len) in tile.spans(0, self.plan.voxels) {
            // SAFETY: promised by the caller; the spans lie in the sample.
            unsafe {
                tile.open(self.plan, sample, at, len);
                activate(tile, self.plan, sample, at);
                self.rank(tile, sample, at, slot);
            }
            let rank = row(tile.made.total, 0, tile.span.width, len);
            let weight = row(tile.seen.weight, 0, tile.span.width, len);
            for ((to, &rank), &weight) in ranks.iter_mut().skip(at).zip(rank).zip(weight) {
                *to = if weight > T::zero() { rank } else { T::of(f64::NEG_INFINITY) };
            }
        }
    }

    /// Finishes the pull-back of a tile and writes the gradient.
    unsafe fn write<T: Precise>(&self, tile: &mut Tile<'_, T>, sample: usize, at: usize, output: Output) {
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

/// Weighs voxels by their share in a selection.
struct Share<'a, T> {
    rank: &'a [T],
    weight: &'a [T],
    cut: Cut,
    selected: &'a mut [T],
}

impl<T: Real> Kernel for Share<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Cut { key, share } = self.cut;
        let share = T::of(share);
        for ((to, &rank), &weight) in self.selected.iter_mut().zip(self.rank).zip(self.weight) {
            let rank = rank.key();
            *to = weight.masked(rank > key) + (weight * share).masked(rank == key);
        }
    }
}
