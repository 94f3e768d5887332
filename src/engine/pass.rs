//! One pass over the voxels: what all implementations of it share.

use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::array::view::Array;
use crate::checked::expected;
use crate::engine::arena::Plain;
use crate::engine::label_work::LabelWork;
use crate::engine::pass_plan::{Implementation, PassSteps, voxel_losses};
use crate::engine::radix_select::Threshold;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel_info::VoxelLossInfo;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;
use crate::simd::stream::{STREAM_FROM, fence, stream};

/// The buffer of the gradient.
#[derive(Clone, Copy)]
pub(crate) struct GradientOutput {
    pub rows: StridedRows,
    /// Whether the gradient is added to the content.
    pub add: bool,
    /// Whether non-temporal stores are used.
    pub streams: bool,
}

impl GradientOutput {
    /// The gradient `[B, C, …]` in `array`.
    pub fn new(array: &Array, add: bool) -> Self {
        let bytes =
            array.shape().iter().fold(array.dtype.size(), |bytes, extent| bytes.saturating_mul(*extent));
        Self { rows: StridedRows::with_classes(array), add, streams: bytes >= STREAM_FROM }
    }

    /// The same buffer, with all samples as one.
    pub fn over_samples(&self, samples: usize) -> Self {
        Self { rows: self.rows.over_samples(samples), ..*self }
    }

    /// Returns the row of a class if the gradient can be computed in it: the elements are of type `T` and contiguous,
    /// and nothing is added to their content.
    ///
    /// # Safety
    /// As [`GradientOutput::write`]; the row is not used otherwise during `'a`.
    pub unsafe fn direct<'a, T: Real>(
        &self,
        block: BlockRange<'_>,
        class: usize,
        len: usize,
    ) -> Option<&'a mut [T]> {
        // SAFETY: the caller's promise.
        unsafe { self.rows.slice_mut(block.sample, class, block.start, len) }.filter(|_| !self.add)
    }

    /// Writes a row of a class.
    ///
    /// # Safety
    /// The buffer is writable and holds the voxels of the block; no other thread uses those of the class.
    pub unsafe fn write<T: Real + Plain>(&self, block: BlockRange<'_>, class: usize, row: &[T]) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.direct(block, class, row.len()) {
                Some(output) if self.streams => stream(row, output),
                _ => self.rows.store(block.sample, class, block.start, row, self.add),
            }
        }
    }
}

/// The blocks of one strip.
#[derive(Clone, Copy)]
pub(crate) struct BlockRange<'a> {
    pub sample: usize,
    /// The first voxel.
    pub start: usize,
    /// The slopes of each class of the sample, if the pass writes a gradient.
    pub slopes: Option<&'a [ClassSums]>,
}

impl<'a> BlockRange<'a> {
    /// Returns the slopes of a class, if the pass writes a gradient.
    pub fn slopes_of(&self, class: usize) -> Option<&'a ClassSums> {
        self.slopes.and_then(|slopes| expected(slopes.get(class)))
    }
}

/// A term that is a voxel loss: looked up once per pass, not for every strip.
#[derive(Clone, Copy)]
pub(crate) struct VoxelTerm<'a> {
    pub slot: usize,
    pub loss: &'a dyn DynVoxelLoss,
    pub info: VoxelLossInfo,
}

impl<'a> VoxelTerm<'a> {
    /// Returns the voxel losses of some terms, at their indices.
    pub fn of(terms: &'a [Term<'a>]) -> [Option<Self>; MAX_TERMS] {
        let mut all = [None; MAX_TERMS];
        for (slot, loss) in voxel_losses(terms) {
            if let Some(term) = all.get_mut(slot) {
                *term = Some(Self { slot, loss, info: loss.info() });
            }
        }
        all
    }
}

/// A pass: its steps, and the arrays that it reads and writes.
pub(crate) struct Pass<'a> {
    pub problem: &'a Problem<'a>,
    pub terms: &'a [Term<'a>],
    /// The terms that are voxel losses.
    pub voxel_terms: [Option<VoxelTerm<'a>>; MAX_TERMS],
    pub implementation: Implementation,
    pub steps: PassSteps,
    /// For [`Implementation::Labels`]: what the pass computes.
    pub label_work: LabelWork,
    /// The distance field of each term that has one.
    pub fields: [Option<StridedRows>; MAX_TERMS],
    /// For each term that selects a fraction: the losses of all voxels by which it selects.
    pub ranking_losses: [Option<StridedRows>; MAX_TERMS],
    /// For each term that selects voxels: which.
    pub thresholds: [Option<Threshold>; MAX_TERMS],
    /// The gradient buffer, if the pass writes the gradient or caches probabilities in it.
    pub output: Option<GradientOutput>,
}

impl Pass<'_> {
    /// Returns the gradient buffer, if the pass writes the gradient.
    pub fn gradient(&self) -> Option<GradientOutput> {
        self.output.filter(|_| self.steps.writes_gradient)
    }

    /// Returns the properties of a term that is a voxel loss.
    pub fn info(&self, slot: usize) -> Option<&VoxelLossInfo> {
        self.voxel_terms.get(slot).and_then(Option::as_ref).map(|term| &term.info)
    }

    /// Returns the terms that are voxel losses.
    pub fn voxel_terms(&self) -> impl Iterator<Item = &VoxelTerm<'_>> + Clone {
        self.voxel_terms.iter().flatten()
    }

    pub fn term(&self, slot: usize) -> Option<&Term<'_>> {
        self.terms.get(slot)
    }

    /// Orders the non-temporal stores of a chunk before later stores of the thread.
    pub fn end_chunk(&self) {
        if self.output.is_some_and(|output| output.streams) {
            fence();
        }
    }
}
