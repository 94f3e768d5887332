//! One sweep over the voxels: fold them into tallies, map slopes onto them, or both at once.

use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::array::view::Array;
use crate::engine::arena::Plain;
use crate::engine::plan::RequiredSums;
use crate::engine::radix_select::Threshold;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::problem::Problem;
use crate::simd::stream::{STREAM_FROM, stream};

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

impl<'a> BlockRange<'a> {
    /// The slopes of a class, if there is anything to map.
    pub(super) fn slopes(&self, class: usize) -> Option<&'a ClassSums> {
        self.map.and_then(|(slopes, _)| slopes.get(class))
    }
}

impl Pass<'_> {
    pub(super) fn term(&self, slot: usize) -> Option<&Term<'_>> {
        self.terms.get(slot)
    }
}
