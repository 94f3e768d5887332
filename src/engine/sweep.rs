//! One sweep over the voxels: fold them into tallies, map slopes onto them, or both at once.

use super::arena::Plain;
use super::labelled::{is_labelled, sigmoid::is_labelled_sigmoid};
use super::precise::Precise;
use super::select::Cut;
use super::source::Source;
use super::stream::{STREAM_FROM, fence, stream};
use super::tile::{Extras, Tile};
use super::waves::Chunk;
use crate::batch::Plan;
use crate::view::Array;
use crate::{Charge, MAX_TERMS, Parts, Real, Rows, Tally, Term};

/// Where a gradient goes.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub rows: Source,
    /// Adds to what is there.
    pub accumulate: bool,
    /// Is written past the caches.
    pub streams: bool,
}

impl Output {
    /// The gradient `[B, C, …]` in `array`.
    pub fn new(array: &Array, accumulate: bool) -> Self {
        let bytes =
            array.shape().iter().fold(array.dtype.size(), |bytes, extent| bytes.saturating_mul(*extent));
        Self { rows: Source::with_classes(array), accumulate, streams: bytes >= STREAM_FROM }
    }

    /// The same gradient as that of one sample.
    pub fn over_samples(&self, samples: usize) -> Self {
        Self { rows: self.rows.over_samples(samples), ..*self }
    }

    /// Whether rows of this step go past the caches: where probabilities were parked, the lines are in them again.
    pub fn streams_in(&self, step: Step<'_>) -> bool {
        self.streams && step.parking.is_none()
    }

    /// Where a row of a class may be made in place, or past the caches: as it is, and nothing added to what is there.
    ///
    /// # Safety
    /// As [`Output::write`].
    pub unsafe fn direct<'a, T: Real>(
        &self,
        step: Step<'_>,
        class: usize,
        len: usize,
    ) -> Option<&'a mut [T]> {
        // SAFETY: promised by the caller.
        unsafe { self.rows.slice_mut(step.sample, class, step.at, len) }.filter(|_| !self.accumulate)
    }

    /// Writes a row of a class.
    ///
    /// # Safety
    /// The output is writable, holds the step's voxels, and nobody else uses those of the class.
    pub unsafe fn write<T: Real + Plain>(&self, step: Step<'_>, class: usize, row: &[T]) {
        // SAFETY: promised by the caller.
        unsafe {
            match self.direct(step, class, row.len()) {
                Some(out) if self.streams_in(step) => stream(row, out),
                _ => self.rows.store(step.sample, class, step.at, row, self.accumulate),
            }
        }
    }
}

/// What a sweep does with the chunks of a sample.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    /// Adds the chunk to its sums.
    pub folds: bool,
    /// Writes the gradient of these slopes, one per class.
    pub map: Option<(&'a [Tally], Output)>,
    /// Where probabilities wait between two sweeps.
    pub parking: Option<Output>,
    /// Whether they are there.
    pub parked: bool,
}

/// What a sweep does with a tile.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub sample: usize,
    /// The tile's first voxel.
    pub at: usize,
    pub folds: bool,
    pub map: Option<(&'a [Tally], Output)>,
    pub parking: Option<Output>,
    pub parked: bool,
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

impl<'a> Step<'a> {
    /// The slopes of a class, if there is anything to map.
    pub(super) fn slopes(&self, class: usize) -> Option<&'a Tally> {
        self.map.and_then(|(slopes, _)| slopes.get(class))
    }
}

impl Sweep<'_> {
    /// Sweeps one chunk; adds to `sums`, a tally per class.
    ///
    /// # Safety
    /// The arrays of the plan and the fields are readable, the output writable, as their shapes say.
    pub unsafe fn chunk<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [Tally],
        Chunk { sample, start, end }: Chunk,
        task: Task<'_>,
    ) {
        let Task { folds, map, parking, parked } = task;
        let is_softmax = is_labelled(self.plan, self.terms, &self.fields);
        let is_sigmoid = is_labelled_sigmoid(self.plan, self.terms);
        for (at, len) in tile.spans(start, end) {
            let step = Step { sample, at, folds, map, parking, parked };
            // SAFETY: promised by the caller; the spans lie in the sample.
            unsafe {
                tile.open(self.plan, sample, at, len);
                if is_softmax {
                    self.labelled(tile, sums, step);
                } else if is_sigmoid {
                    self.labelled_sigmoid(tile, sums, step);
                } else {
                    self.general(tile, sums, step);
                }
            }
        }
        // What was charged is of all classes.
        let charged = sums.first().map_or([0.0; MAX_TERMS], |first| first.charged);
        sums.iter_mut().for_each(|class| class.charged = charged);
        if map.map(|(_, output)| output).or(parking).is_some_and(|output| output.streams) {
            fence();
        }
    }

    pub(super) fn term(&self, slot: usize) -> Option<&Term<'_>> {
        self.terms.get(slot)
    }
}
