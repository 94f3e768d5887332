//! Terms that only some voxels pay: how voxels rank, and which are selected.

use crate::array::real::Real;
use crate::engine::activation::activate;
use crate::engine::chunks::{Chunk, ChunkRunner};
use crate::engine::pass::{BlockRange, GradientOutput, Pass, RequiredSums, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{Threshold, TopKSearch, key_of, select};
use crate::engine::softmax_labels::exponentials::{Scale, TargetRows, exponentials};
use crate::engine::softmax_labels::parking::park;
use crate::engine::softmax_labels::{Lookup, WeighCosts, is_labelled};
use crate::engine::tile::{Span, Tile};
use crate::engine::workspace::{Workspace, of_sample};
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::ClassSums;
use crate::loss::term::Term;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;
use crate::simd::blocks::{AddUp, row, row_mut};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::stream::fence;

impl Pass<'_> {
    /// Weighs the voxels that some terms select; adds what they weigh to the first class of `chunk`: of
    /// those with ranks it is known.
    pub(super) unsafe fn choose<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        chunk: &mut [ClassSums],
        step: BlockRange<'_>,
    ) {
        for (slot, cut) in self.cuts.iter().enumerate() {
            let Some(cut) = cut else { continue };
            let ranks = self.ranks.get(slot).copied().flatten();
            match ranks {
                // SAFETY: promised by the caller.
                Some(ranks) => unsafe {
                    let to = row_mut(tile.gradients.total, 0, tile.len, tile.len);
                    ranks.load(step.sample, 0, step.at, to);
                },
                // SAFETY: as above.
                None => unsafe { self.rank(tile, step, slot) },
            }
            let selected = row_mut(tile.inputs.selected, slot, tile.span.width, tile.span.used);
            dispatch(Share { rank: tile.gradients.total, weight: tile.inputs.weight, cut: *cut, selected });
            let to = chunk.first_mut().and_then(|first| first.loss_weight.get_mut(slot));
            if let (Some(sum), true) = (to, step.folds && ranks.is_none()) {
                dispatch(AddUp { row: selected, weight: None, lanes: tile.gradients.lanes, sum });
            }
        }
    }

    /// What the voxels of a chunk weigh that a term with ranks selects.
    ///
    /// # Safety
    /// As [`Sweep::chunk`].
    pub unsafe fn count_selected<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        Chunk { sample, start, end }: Chunk,
        slot: usize,
    ) -> f64 {
        let mut sum = 0.0;
        let (Some(Some(cut)), Some(Some(ranks))) = (self.cuts.get(slot), self.ranks.get(slot)) else {
            return sum;
        };
        for (at, len) in tile.spans(start, end) {
            // SAFETY: promised by the caller; the spans lie in the sample.
            unsafe {
                tile.open(self.plan, sample, at, len);
                ranks.load(sample, 0, at, row_mut(tile.gradients.total, 0, len, len));
            }
            let selected = row_mut(tile.inputs.selected, slot, tile.span.width, tile.span.used);
            dispatch(Share { rank: tile.gradients.total, weight: tile.inputs.weight, cut: *cut, selected });
            dispatch(AddUp { row: selected, weight: None, lanes: tile.gradients.lanes, sum: &mut sum });
        }
        sum
    }

    /// What the costs of classes are multiplied by where voxels rank: of a fraction the class weights over the power of
    /// two that none exceeds, so that no cost is infinite by its weight alone.
    pub(super) fn rank_weights(&self, sample: usize, slot: usize) -> impl Fn(usize) -> f64 {
        let (plan, classes) = (self.plan, self.plan.classes);
        let of_fraction = self.term(slot).filter(|term| match term.loss.kind() {
            LossKind::Voxel(rows) => matches!(rows.info().selection, Some(Selection::Fraction(_))),
            _ => false,
        });
        let weight = move |class| of_fraction.map_or(1.0, |term| term.class_weight(class, classes));
        let largest = (0..classes).map(weight).fold(0.0, f64::max);
        let scale = if largest > 1.0 { libm::ldexp(1.0, -libm::frexp(largest).1) } else { 1.0 };
        move |class| rank_weight(plan, of_fraction, [sample, class], scale)
    }

    /// Fills `tile.made.total` with the cost by which voxels rank for a term: with class weights for a
    /// fraction, without them for a threshold, and without voxel weights.
    unsafe fn rank<T: Precise>(&self, tile: &mut Tile<'_, T>, step: BlockRange<'_>, slot: usize) {
        let Some((_, rows)) = voxel_losses(self.terms).find(|(of, _)| *of == slot) else { return };
        let bill = rows.info();
        let classes = self.plan.classes;
        let weight = self.rank_weights(step.sample, slot);
        let Span { width, used } = tile.span;
        if is_labelled(self.plan, self.terms, &self.fields) {
            let rank = row_mut(tile.gradients.total, 0, width, used);
            let work = row_mut(tile.gradients.work, 0, width, used);
            T::rows(rows).evaluate_row(
                &tile.inputs.truth_row(row(tile.inputs.weight, 0, width, used), tile.span),
                work,
                rank,
            );
            if (0..classes).any(|class| weight(class) != 1.0) {
                let label = row(tile.inputs.label, 0, width, used);
                let price = row_mut(tile.gradients.cost, 0, width, used);
                dispatch(Lookup {
                    label,
                    first_label: self.plan.label_of(0),
                    classes,
                    of: &weight,
                    out: price,
                });
                dispatch(WeighCosts { row: rank, weight: price });
            }
            return;
        }
        tile.gradients.total.fill(T::zero());
        let all: f64 =
            if self.plan.activation.is_exclusive() { 1.0 } else { (0..classes).map(&weight).sum() };
        let prices = bill.outcome_weights(self.plan.activation, classes);
        for class in 0..classes {
            if weight(class) == 0.0 {
                continue;
            }
            // SAFETY: promised by the caller.
            unsafe { tile.load_truth(self.plan, step.sample, class, step.at) };
            let of = tile.inputs.row(self.plan.activation, class, prices, tile.span);
            let cost = row_mut(tile.gradients.cost, 0, width, used);
            T::rows(rows).evaluate_row(&of, tile.gradients.work, cost);
            dispatch(AddScaled { factor: T::of(weight(class) / all), row: cost, to: tile.gradients.total });
        }
    }

    /// Writes the cost by which each voxel of a chunk ranks for a term to the term's ranks; −∞ where it does not count.
    /// Parks probabilities, if there is somewhere.
    ///
    /// # Safety
    /// As [`Sweep::chunk`]; nobody else uses the chunk's ranks.
    pub unsafe fn rank_chunk<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        Chunk { sample, start, end }: Chunk,
        slot: usize,
        parking: Option<GradientOutput>,
    ) {
        let Some(Some(ranks)) = self.ranks.get(slot) else { return };
        for (at, len) in tile.spans(start, end) {
            let step = BlockRange { sample, at, folds: false, map: None, parking, parked: false };
            // SAFETY: promised by the caller; the spans lie in the sample.
            unsafe {
                tile.open(self.plan, sample, at, len);
                if is_labelled(self.plan, self.terms, &self.fields) {
                    exponentials(tile, self.plan, step, TargetRows { probability: true, logarithm: true });
                } else {
                    activate(tile, self.plan, sample, at);
                }
                self.rank(tile, step, slot);
                if let Some(parking) = parking {
                    dispatch(Scale { tile, classes: self.plan.classes });
                    park(tile, self.plan.classes, step, parking);
                }
            }
            let rank = row_mut(tile.gradients.total, 0, tile.span.width, len);
            dispatch(Last { rank, weight: tile.inputs.weight });
            // SAFETY: promised by the caller.
            unsafe { ranks.store(sample, 0, at, rank, false) };
        }
        if parking.is_some_and(|output| output.streams) {
            fence();
        }
    }
}

/// The factor of the cost of a class of a sample where voxels are ranked. Not inlined: inlined, its scalar arithmetic
/// would stand in the loops over voxels.
#[inline(never)]
fn rank_weight(plan: &Problem<'_>, term: Option<&Term<'_>>, [sample, class]: [usize; 2], scale: f64) -> f64 {
    let weight = term.map_or(1.0, |term| term.class_weight(class, plan.classes));
    if plan.is_annotated(sample, class) { weight * scale } else { 0.0 }
}

impl<T: Precise> Workspace<'_, T> {
    /// Finds which voxels pay, for the terms that select some, and adds what these weigh to `self.tallies`. Parks
    /// probabilities on the way, if there is somewhere.
    pub(super) unsafe fn select(&mut self, parking: Option<GradientOutput>) -> Result<(), Error> {
        // SAFETY: promised by the caller.
        unsafe { self.find_cuts(parking)? };
        for (slot, _) in voxel_losses(self.terms).filter(|(_, rows)| fraction(*rows).is_some()) {
            let sweep = self.as_sweep(RequiredSums::None);
            let Self { plan, extras, tile, chunk, crew, tallies, .. } = self;
            let gang = ChunkRunner { plan, extras: *extras, tile, sums: chunk, crew };
            let count = |tile: &mut Tile<'_, T>, sums: &mut [ClassSums], chunk| {
                // SAFETY: promised by the caller.
                let selected = unsafe { sweep.count_selected(tile, chunk, slot) };
                sums.iter_mut().for_each(|sums| sums.weight = selected);
            };
            let hand_on = &mut |sums: &[ClassSums], chunk: Chunk| {
                let selected = sums.first().map_or(0.0, |first| first.weight);
                let tallies = of_sample(tallies, plan, chunk.sample).iter_mut();
                tallies.filter_map(|tally| tally.loss_weight.get_mut(slot)).for_each(|sum| *sum += selected);
                Ok(())
            };
            // SAFETY: nothing but sums is written.
            unsafe { gang.each(0..plan.samples, &count, hand_on)? };
        }
        Ok(())
    }

    /// The cut of every term that selects voxels: that of a search which is done, or of this batch. Fills ranks.
    pub(super) unsafe fn find_cuts(&mut self, parking: Option<GradientOutput>) -> Result<(), Error> {
        for (slot, rows) in voxel_losses(self.terms) {
            let given = self.terms.get(slot).and_then(|term| term.top_k_search);
            let cut = match rows.info().selection {
                None => None,
                Some(Selection::Threshold(t)) => {
                    Some(Threshold { key: T::of(-libm::log(t)).key().into(), share: 0.0 })
                }
                Some(Selection::Fraction(fraction)) => {
                    // SAFETY: promised by the caller.
                    unsafe { self.rank_voxels(slot, parking)? };
                    Some(match given {
                        Some(search) => search.cut::<T>().map_err(|error| error.in_term(slot))?,
                        None => {
                            select(self.ranks.get(slot).map_or(&[], |ranks| ranks), fraction, self.counts)
                        }
                    })
                }
            };
            if let Some(to) = self.cuts.get_mut(slot) {
                *to = cut;
            }
        }
        Ok(())
    }

    /// Fills the ranks of a term that selects a fraction.
    unsafe fn rank_voxels(&mut self, slot: usize, parking: Option<GradientOutput>) -> Result<(), Error> {
        let sweep = self.as_sweep(RequiredSums::None);
        let Self { plan, extras, tile, chunk, crew, .. } = self;
        let gang = ChunkRunner { plan, extras: *extras, tile, sums: chunk, crew };
        let rank = |tile: &mut Tile<'_, T>, _: &mut [ClassSums], chunk: Chunk| {
            // SAFETY: promised by the caller; a chunk's ranks and parked probabilities are its own.
            unsafe { sweep.rank_chunk(tile, chunk, slot, parking) };
        };
        // SAFETY: as above.
        unsafe { gang.each(0..plan.samples, &rank, &mut |_, _| Ok(())) }
    }

    /// Adds the voxels of a part to the counts of a search.
    ///
    /// # Safety
    /// As [`Bench::run`].
    pub unsafe fn count_ranks(&mut self, slot: usize, search: &mut TopKSearch) -> Result<(), Error> {
        self.refuse_computed_fields()?;
        self.tallies.fill(ClassSums::ZERO);
        // SAFETY: promised by the caller.
        unsafe {
            self.validate()?;
            self.rank_voxels(slot, None)?;
        }
        search.count(self.ranks.get(slot).map_or(&[][..], |ranks| ranks))
    }

    /// Refuses a term that selects a fraction of the voxels of a whole batch, of which a part knows nothing.
    pub(super) fn refuse_unfinished_searches(&self) -> Result<(), Error> {
        let unknown = |&(slot, rows): &(usize, &dyn DynVoxelLoss)| {
            fraction(rows).is_some() && self.terms.get(slot).is_some_and(|term| term.top_k_search.is_none())
        };
        match voxel_losses(self.terms).find(unknown) {
            Some((slot, _)) => {
                let wants = c"a search over all parts that is done: see top_k_count";
                Err(Error::new(Status::Unsupported, c"top_k_search", wants).in_term(slot))
            }
            None => Ok(()),
        }
    }
}

/// The fraction of all voxels that a cost selects, if it does.
pub(crate) fn fraction(rows: &dyn DynVoxelLoss) -> Option<f64> {
    rows.info().selection.and_then(Selection::fraction)
}

/// Ranks voxels last that do not count.
struct Last<'a, T> {
    rank: &'a mut [T],
    weight: &'a [T],
}

impl<T: Real> Kernel for Last<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (rank, &weight) in self.rank.iter_mut().zip(self.weight) {
            let counts = weight > T::zero();
            *rank = rank.mask(counts) + T::of(f64::NEG_INFINITY).mask(!counts);
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
    cut: Threshold,
    selected: &'a mut [T],
}

impl<T: Real> Kernel for Share<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Threshold { key, share } = self.cut;
        let (key, share) = (key_of::<T>(key), T::of(share));
        for ((to, &rank), &weight) in self.selected.iter_mut().zip(self.rank).zip(self.weight) {
            let rank = rank.key();
            *to = weight.mask(rank > key) + (weight * share).mask(rank == key);
        }
    }
}
