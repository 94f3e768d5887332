//! One sweep over the voxels: fold them into tallies, map slopes onto them, or both at once.

use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::array::view::Array;
use crate::engine::arena::Plain;
use crate::engine::chunks::Chunk;
use crate::engine::precise::Precise;
use crate::engine::radix_select::Threshold;
use crate::engine::softmax_labels::is_labelled;
use crate::engine::softmax_labels::sigmoid::is_labelled_sigmoid;
use crate::engine::tile::{OptionalRows, Tile};
use crate::loss::kind::LossKind;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;
use crate::simd::stream::{STREAM_FROM, fence, stream};

/// Where a gradient goes.
#[derive(Clone, Copy)]
pub(crate) struct GradientOutput {
    pub rows: StridedRows,
    /// Adds to what is there.
    pub accumulate: bool,
    /// Is written past the caches.
    pub streams: bool,
}

impl GradientOutput {
    /// The gradient `[B, C, …]` in `array`.
    pub fn new(array: &Array, accumulate: bool) -> Self {
        let bytes =
            array.shape().iter().fold(array.dtype.size(), |bytes, extent| bytes.saturating_mul(*extent));
        Self { rows: StridedRows::with_classes(array), accumulate, streams: bytes >= STREAM_FROM }
    }

    /// The same gradient as that of one sample.
    pub fn over_samples(&self, samples: usize) -> Self {
        Self { rows: self.rows.over_samples(samples), ..*self }
    }

    /// Whether rows of this step go past the caches: where probabilities were parked, the lines are in them again.
    pub fn streams_in(&self, step: BlockRange<'_>) -> bool {
        self.streams && step.parking.is_none()
    }

    /// Where a row of a class may be made in place, or past the caches: as it is, and nothing added to what is there.
    ///
    /// # Safety
    /// As [`Output::write`].
    pub unsafe fn direct<'a, T: Real>(
        &self,
        step: BlockRange<'_>,
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
    pub unsafe fn write<T: Real + Plain>(&self, step: BlockRange<'_>, class: usize, row: &[T]) {
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
pub(crate) struct ChunkWork<'a> {
    /// Adds the chunk to its sums.
    pub accumulates: bool,
    /// Writes the gradient of these slopes, one per class.
    pub map: Option<(&'a [ClassSums], GradientOutput)>,
    /// Where probabilities wait between two sweeps.
    pub cache: Option<GradientOutput>,
    /// Whether they are there.
    pub is_cached: bool,
}

/// What a sweep does with a tile.
#[derive(Clone, Copy)]
pub(crate) struct BlockRange<'a> {
    pub sample: usize,
    /// The tile's first voxel.
    pub at: usize,
    pub folds: bool,
    pub map: Option<(&'a [ClassSums], GradientOutput)>,
    pub parking: Option<GradientOutput>,
    pub parked: bool,
}

/// A loss over a batch, ready to be swept.
pub(crate) struct Pass<'a> {
    pub plan: &'a Problem<'a>,
    pub terms: &'a [Term<'a>],
    /// The field of each term that has one.
    pub fields: [Option<StridedRows>; MAX_TERMS],
    /// The costs by which voxels rank, for each term that selects a fraction.
    pub ranks: [Option<StridedRows>; MAX_TERMS],
    /// Which voxels pay, for each term that selects some.
    pub cuts: [Option<Threshold>; MAX_TERMS],
    /// Which sums region terms, or the caller, want.
    pub sums: RequiredSums,
}

/// Which sums of a class are added up besides costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequiredSums {
    None,
    Linear,
    Squares,
}

impl RequiredSums {
    /// What the terms of a loss need.
    pub fn of(terms: &[Term<'_>]) -> Self {
        let of = |term: &Term<'_>| match term.loss.kind() {
            LossKind::Region(form) if form.uses_squared_error() => RequiredSums::Squares,
            LossKind::Region(_) | LossKind::JointRegion(_) => RequiredSums::Linear,
            LossKind::Voxel(_) => RequiredSums::None,
        };
        terms.iter().map(of).max().unwrap_or(RequiredSums::None)
    }
}

/// The terms that are costs, with their slots.
pub(crate) fn voxel_losses<'a>(
    terms: &'a [Term<'a>],
) -> impl Iterator<Item = (usize, &'a dyn DynVoxelLoss)> + Clone {
    terms.iter().enumerate().filter_map(|(slot, term)| match term.loss.kind() {
        LossKind::Voxel(rows) => Some((slot, rows)),
        _ => None,
    })
}

/// The rows that these terms want of a tile.
pub(crate) fn extras(plan: &Problem<'_>, terms: &[Term<'_>]) -> OptionalRows {
    let softmax = plan.activation == crate::loss::activation::Activation::Softmax;
    OptionalRows {
        other_class_softmax: softmax
            && voxel_losses(terms).any(|(_, rows)| rows.info().contribution == Contribution::BothOutcomes),
        selects: voxel_losses(terms).any(|(_, rows)| rows.info().selection.is_some()),
        costs: voxel_losses(terms).next().is_some(),
    }
}

impl<'a> BlockRange<'a> {
    /// The slopes of a class, if there is anything to map.
    pub(super) fn slopes(&self, class: usize) -> Option<&'a ClassSums> {
        self.map.and_then(|(slopes, _)| slopes.get(class))
    }
}

impl Pass<'_> {
    /// Sweeps one chunk; adds to `sums`, a tally per class.
    ///
    /// # Safety
    /// The arrays of the plan and the fields are readable, the output writable, as their shapes say.
    pub unsafe fn chunk<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        Chunk { sample, start, end }: Chunk,
        task: ChunkWork<'_>,
    ) {
        let ChunkWork { accumulates: folds, map, cache: parking, is_cached: parked } = task;
        let is_softmax = is_labelled(self.plan, self.terms, &self.fields);
        let is_sigmoid = is_labelled_sigmoid(self.plan, self.terms);
        for (at, len) in tile.spans(start, end) {
            let step = BlockRange { sample, at, folds, map, parking, parked };
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
        let charged = sums.first().map_or([0.0; MAX_TERMS], |first| first.loss_weight);
        sums.iter_mut().for_each(|class| class.loss_weight = charged);
        if map.map(|(_, output)| output).or(parking).is_some_and(|output| output.streams) {
            fence();
        }
    }

    pub(super) fn term(&self, slot: usize) -> Option<&Term<'_>> {
        self.terms.get(slot)
    }
}
