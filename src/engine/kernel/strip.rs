//! The strip: some neighbouring voxels of a sample, all classes, in rows that stay in the first-level cache.

use crate::array::labels::{ClassesOfBytes, LabelMap};
use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::checked::{copy, expected, slice, slice_mut, tail_mut};
use crate::engine::arena::{Arena, Plain};
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::neg_log_units::NegLogUnits;
use crate::engine::kernel::partial_sums::PartialSums;
use crate::engine::kernel::region_gradient::ClassSlope;
use crate::engine::kernel::{GROUP, UNIT, load_at, store_at};
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::pass_plan::{is_target_loss, voxel_losses};
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::VoxelLossInfo;
use crate::problem::{Problem, TargetKind};
use crate::simd::lanes::{self, LaneKernel, Lanes, Scalar, Vectorized};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::stream::stream;

/// More classes than these have narrow strips: their rows would leave the first-level cache, and rows of many classes
/// are often a power of two apart, which fall into few sets of the cache.
const FEW: usize = 8;
/// The same for passes that call several kernels per class: the calls take longer than loads from the second-level
/// cache.
const FEW_OF_CALLS: usize = 32;

/// Returns the width of a strip in voxels. It changes no bit of any result.
pub(crate) const fn width(classes: usize, most: usize, lanes: usize) -> usize {
    if classes > most || cfg!(not(target_pointer_width = "64")) { GROUP * lanes } else { UNIT * lanes }
}

/// How far ahead logits of few classes are prefetched.
const PREFETCH_BYTES: usize = 2048;

/// The rows that exist once per strip, and that only some terms need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalRows {
    /// The number of terms.
    pub terms: usize,
    /// A derivative per class: the losses are not those of the target class only.
    pub per_class: bool,
    /// Softmax with a loss of both outcomes.
    pub other_classes: bool,
    /// Some term selects voxels.
    pub selects: bool,
    /// Sums of logarithms may be logarithms of products, class by class.
    pub products: bool,
    /// The most classes for which strips are wide.
    pub most: usize,
}

/// Rows of one number per voxel.
pub(crate) struct VoxelRows<'s, T> {
    pub weight: &'s mut [T],
    /// 1.
    pub ones: &'s mut [T],
    /// Softmax with labels: the exponential of the target class, the sum of the others, `z − m` of the target class.
    pub of_target: &'s mut [T],
    pub not_of_target: &'s mut [T],
    pub target_logit: &'s mut [T],
    /// The target of the current class.
    pub target: &'s mut [T],
    /// The field of the current term and class.
    pub field: &'s mut [T],
    /// The probability of an outcome, and its complement and logarithm.
    pub probability: &'s mut [T],
    pub complement: &'s mut [T],
    pub logarithm: &'s mut [T],
    /// The logarithm of the complement.
    pub log_complement: &'s mut [T],
    /// Softmax: `1 / Σ e`, `R`, the largest logit, `ln(1 + R)`.
    pub inverse: &'s mut [T],
    pub others: &'s mut [T],
    pub largest: &'s mut [T],
    pub log_total: &'s mut [T],
    /// `ln(1 − s)` of the largest class.
    pub log_of_others: &'s mut [T],
    /// Value and slope of a voxel loss, and its power.
    pub value: &'s mut [T],
    pub slope: &'s mut [T],
    pub power: &'s mut [T],
    /// `∂L/∂s`, `∂L/∂ln s`, `∂L/∂ln(1 − s)` of all terms.
    pub polynomial: &'s mut [T],
    pub positive: &'s mut [T],
    pub negative: &'s mut [T],
    /// Sums over the classes.
    pub total: &'s mut [T],
    pub rest: &'s mut [T],
    pub of_largest: &'s mut [T],
    /// The losses by which TopK ranks.
    pub ranking: &'s mut [T],
    /// Per term that selects voxels: their weights, 0 for voxels that are not selected.
    pub selected: &'s mut [T],
}

/// The memory of a strip.
pub(crate) struct Strip<'s, T> {
    /// The capacity in voxels.
    pub width: usize,
    /// Voxels with padding: a multiple of a group.
    pub len: usize,
    /// Voxels without padding.
    pub count: usize,
    /// Whether some voxel has weight 0, padding included.
    pub has_excluded: bool,
    /// Whether the labels of these may be none of a class.
    has_other_labels: bool,
    /// Whether every voxel has weight 1, padding included.
    pub is_unweighted: bool,
    /// Whether the row of weights holds 1 throughout, from a strip before.
    has_ones: bool,
    pub label: &'s mut [i32],
    /// Per class: the prediction, unless it is read where it is; later the gradient, unless it is written directly.
    pub input: &'s mut [T],
    /// Per class: exponentials, later probabilities.
    pub exponential: &'s mut [T],
    /// Per class: derivatives, until the sums over the classes are known.
    pub derivative: &'s mut [T],
    /// Per class, for losses of both outcomes of softmax: the softmax over the other classes than the largest.
    pub other_classes: &'s mut [T],
    pub rows: VoxelRows<'s, T>,
    pub sums: PartialSums<'s, T>,
    /// The running sum of `−ln s` of the target class.
    pub neg_log: NegLogUnits<'s, T>,
    /// The slopes of each class.
    pub slopes: &'s mut [ClassSlope<T>],
    /// The number that the row of derivatives by `ln s` holds throughout, from a strip before.
    pub constant_slope: Option<T>,
    /// The target of the current class.
    target: *const T,
    /// The field of the current term and class.
    field: *const T,
}

impl<'s, T: Real + Plain + Vectorized> Strip<'s, T> {
    /// Takes the rows from `arena`.
    pub fn new(arena: &mut Arena<'s>, classes: usize, optional: OptionalRows) -> Result<Self, Error> {
        let width = width(classes, optional.most, T::LANES);
        // Not fewer for few classes: scratch for the largest number of classes suffices for all.
        let widest = if cfg!(target_pointer_width = "64") { UNIT * T::LANES } else { GROUP * T::LANES };
        let row = |arena: &mut Arena<'s>| arena.take_of(widest, width);
        let all = classes.saturating_mul(width);
        let reserved = all.max(optional.most.min(classes) * widest);
        let rows = |arena: &mut Arena<'s>| arena.take_of(reserved, all);
        let some_rows =
            |arena: &mut Arena<'s>, wanted: bool| if wanted { rows(arena) } else { Ok(Default::default()) };
        Ok(Self {
            width,
            len: 0,
            count: 0,
            has_excluded: false,
            has_other_labels: false,
            is_unweighted: false,
            has_ones: false,
            label: arena.take_of(widest, width)?,
            input: rows(arena)?,
            exponential: rows(arena)?,
            derivative: some_rows(arena, optional.per_class)?,
            other_classes: some_rows(arena, optional.other_classes)?,
            rows: VoxelRows {
                weight: row(arena)?,
                ones: {
                    let ones: &mut [T] = row(arena)?;
                    ones.fill(T::one());
                    ones
                },
                of_target: row(arena)?,
                not_of_target: row(arena)?,
                target_logit: row(arena)?,
                target: row(arena)?,
                field: row(arena)?,
                probability: row(arena)?,
                complement: row(arena)?,
                logarithm: row(arena)?,
                log_complement: row(arena)?,
                inverse: row(arena)?,
                others: row(arena)?,
                largest: row(arena)?,
                log_total: row(arena)?,
                log_of_others: row(arena)?,
                value: row(arena)?,
                slope: row(arena)?,
                power: row(arena)?,
                polynomial: row(arena)?,
                positive: row(arena)?,
                negative: row(arena)?,
                total: row(arena)?,
                rest: row(arena)?,
                of_largest: row(arena)?,
                ranking: row(arena)?,
                selected: if optional.selects {
                    arena.take_of(MAX_TERMS * widest, MAX_TERMS * width)?
                } else {
                    Default::default()
                },
            },
            sums: PartialSums::new(arena, classes, optional.terms, optional.products)?,
            neg_log: NegLogUnits::new(arena)?,
            slopes: arena.take(classes)?,
            constant_slope: None,
            target: core::ptr::null(),
            field: core::ptr::null(),
        })
    }

    /// Returns start and length of each strip of a chunk.
    pub fn spans(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let width = self.width;
        let starts = core::iter::successors(Some(start), move |at| Some(at + width));
        starts.take_while(move |&at| at < end).map(move |at| (at, width.min(end - at)))
    }

    /// Returns whether a strip is as wide as a unit.
    pub fn is_unit(&self) -> bool {
        self.width == UNIT * T::LANES
    }

    /// Returns whether a unit begins with the strip at voxel `start`.
    pub fn begins_unit(&self, start: usize) -> bool {
        start.is_multiple_of(UNIT * T::LANES)
    }

    /// Returns whether a unit ends with the strip that begins at voxel `start`.
    pub fn ends_unit(&self, start: usize, end: usize) -> bool {
        start + self.width >= end || (start + self.width).is_multiple_of(UNIT * T::LANES)
    }

    /// Returns the rows of the prediction, or of the gradient.
    pub fn rows_of_input(&mut self) -> Rows<T> {
        Rows::new(self.input.as_mut_ptr(), self.width as isize)
    }

    /// Returns the rows of exponentials, or of probabilities.
    pub fn rows_of_exponentials(&mut self) -> Rows<T> {
        Rows::new(self.exponential.as_mut_ptr(), self.width as isize)
    }

    /// Returns how many elements ahead the logits are prefetched where they are read from the caller's array: the next
    /// strip if there are many classes, else some strips ahead.
    pub fn prefetch_distance(&self, logits: Rows<T>) -> usize {
        let is_input = core::ptr::eq(logits.at(0, 0), self.input.as_ptr());
        if is_input {
            0
        } else {
            self.width.max(PREFETCH_BYTES / size_of::<T>() * usize::from(self.width > GROUP * T::LANES))
        }
    }

    /// Returns the rows of a gradient buffer at the voxels of the strip, if numbers can be stored there as they are:
    /// they are of type `T` and side by side, nothing is added to their content, and the strip is not padded.
    pub fn direct_rows(&self, output: &GradientOutput, block: BlockRange<'_>) -> Option<Rows<T>> {
        let (first, stride) = output
            .rows
            .direct_rows::<T>(block.sample, block.start)
            .filter(|_| !output.add && self.len == self.count)?;
        Some(Rows::new(first, stride))
    }

    /// Writes the rows of the gradient to the caller's array.
    ///
    /// # Safety
    /// The output is writable and holds the voxels of the strip, which no other thread uses.
    pub unsafe fn store_gradient(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // The exponentials are no longer used and serve as a buffer.
        let buffer = Some(&mut *self.exponential).filter(|_| output.streams);
        // SAFETY: the caller's promise.
        let is_done = !output.add
            && unsafe { output.rows.store_interleaved(classes, voxels, self.input, self.width, buffer) };
        for class in (0..classes).filter(|_| !is_done) {
            // SAFETY: the caller's promise.
            unsafe { self.store_class(output, block, class) };
        }
    }

    /// Writes the row of the gradient of a class to the caller's array.
    ///
    /// # Safety
    /// As [`Strip::store_gradient`].
    pub unsafe fn store_class(&mut self, output: &GradientOutput, block: BlockRange<'_>, class: usize) {
        let row = slice(self.input, class * self.width..class * self.width + self.count);
        // SAFETY: the caller's promise.
        unsafe { output.write(block, class, row) };
    }

    /// Stores the probabilities in the gradient buffer.
    ///
    /// # Safety
    /// As [`Strip::store_gradient`].
    pub unsafe fn store_cache(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // The logits are no longer used and serve as a buffer.
        let buffer = Some(&mut *self.input).filter(|_| output.streams);
        // SAFETY: the caller's promise.
        if unsafe { output.rows.store_interleaved(classes, voxels, self.exponential, self.width, buffer) } {
            return;
        }
        for class in 0..classes {
            // SAFETY: the caller's promise.
            let to = unsafe { output.rows.slice_mut::<T>(block.sample, class, block.start, self.count) };
            let from = slice(self.exponential, class * self.width..class * self.width + self.count);
            // A buffer that holds probabilities is interleaved or has contiguous rows.
            match expected(to) {
                Some(to) if output.streams => stream(from, to),
                Some(to) => copy(from, to),
                None => (),
            }
        }
    }

    /// Loads probabilities from the gradient buffer.
    ///
    /// # Safety
    /// The buffer is readable and holds the voxels of the strip.
    pub unsafe fn load_cache(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // SAFETY: the caller's promise.
        let is_done = unsafe { output.rows.load_interleaved(classes, voxels, self.exponential, self.width) };
        for class in 0..classes {
            let row = slice_mut(self.exponential, class * self.width..class * self.width + self.len);
            if !is_done {
                let to = slice_mut(row, 0..self.count);
                // SAFETY: the caller's promise.
                unsafe { output.rows.load(block.sample, class, block.start, to) };
            }
            tail_mut(row, self.count).fill(T::zero());
        }
    }

    /// Loads the field of a class; 0 for voxels that do not count.
    ///
    /// # Safety
    /// The field is readable and holds the voxels of the strip.
    pub unsafe fn load_field(&mut self, source: &StridedRows, [sample, class, start]: [usize; 3]) {
        let direct = source.direct_rows::<T>(sample, start).filter(|_| !self.has_excluded);
        if let Some((first, stride)) = direct {
            self.field = Rows::new(first, stride).at(class, 0);
            return;
        }
        let field = slice_mut(self.rows.field, 0..self.len);
        self.field = field.as_ptr();
        // SAFETY: the caller's promise.
        unsafe { source.load(sample, class, start, slice_mut(field, 0..self.count)) };
        if self.has_excluded {
            tail_mut(field, self.count).fill(T::zero());
            let weight = slice(self.rows.weight, 0..self.len);
            dispatch(Exclude { row: field, weight });
        }
    }

    /// Loads the labels and weights of voxels `start..start + count`; a weight of 0 for ignored labels and padding.
    ///
    /// # Safety
    /// The arrays of `problem` are readable and hold these voxels.
    pub unsafe fn open(&mut self, problem: &Problem<'_>, sample: usize, start: usize, count: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.open_with(problem, [sample, start, count], true) };
    }

    /// The same for labels that may be invalid.
    ///
    /// # Safety
    /// As [`Strip::open`].
    pub unsafe fn open_unchecked(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        start: usize,
        count: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.open_with(problem, [sample, start, count], false) };
    }

    unsafe fn open_with(
        &mut self,
        problem: &Problem<'_>,
        [sample, start, count]: [usize; 3],
        is_valid: bool,
    ) {
        self.count = count;
        self.len = count.next_multiple_of(GROUP * T::LANES);
        (self.target, self.field) = (core::ptr::null(), core::ptr::null());
        if is_valid && problem.weight.is_none()
            // SAFETY: the caller's promise.
            && let Some(any) = unsafe { self.open_bytes(problem, sample, start) }
        {
            self.has_ones = false;
            self.is_unweighted = !any;
            self.has_excluded = any;
            self.has_other_labels = false;
            return;
        }
        self.has_other_labels = true;
        if problem.target_kind == TargetKind::Labels {
            // SAFETY: the caller's promise.
            unsafe {
                match is_valid {
                    true => self.load_valid_labels(problem, sample, start, count),
                    false => {
                        self.load_labels(problem, sample, start, count);
                    }
                }
            }
        }
        let (label, weight) = (slice(self.label, 0..self.len), slice_mut(self.rows.weight, 0..self.len));
        if let Some(source) = &problem.weight {
            self.has_ones = false;
            // SAFETY: the caller's promise.
            unsafe { source.load(sample, 0, start, slice_mut(weight, 0..count)) };
            tail_mut(weight, count).fill(T::zero());
            if !problem.ignore.is_empty() {
                dispatch(ClearIgnored { label, weight });
            }
            self.is_unweighted = false;
            self.has_excluded = dispatch(HasExcluded { weight });
            return;
        }
        let has_ignored = !problem.ignore.is_empty() && dispatch(HasIgnored { label });
        self.is_unweighted = !has_ignored && self.len == count;
        self.has_excluded = !self.is_unweighted;
        if has_ignored {
            dispatch(WeighLabels { label, weight });
            self.has_ones = false;
        } else if !self.has_ones {
            weight.fill(T::one());
            self.has_ones = self.len == self.width;
        }
        if self.len > count {
            tail_mut(weight, count).fill(T::zero());
            self.has_ones = false;
        }
    }

    /// Loads the labels of voxels `start..start + count`; padding is ignored.
    ///
    /// # Safety
    /// As [`Strip::open`].
    pub unsafe fn load_labels(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        start: usize,
        count: usize,
    ) -> &[i32] {
        let label = slice_mut(self.label, 0..count.next_multiple_of(GROUP * T::LANES));
        tail_mut(label, count).fill(LabelMap::IGNORED);
        // SAFETY: the caller's promise.
        unsafe { problem.target.labels(sample, start, &problem.label_map(), slice_mut(label, 0..count)) };
        label
    }

    /// Loads labels that are bytes, one value of which is ignored, and the weights that follow from them. Returns
    /// whether any is ignored; `None` if the labels are others.
    ///
    /// # Safety
    /// As [`Strip::open`].
    unsafe fn open_bytes(&mut self, problem: &Problem<'_>, sample: usize, start: usize) -> Option<bool> {
        let ([ignored], TargetKind::Labels) = (problem.ignore, problem.target_kind) else { return None };
        let ignored = u8::try_from(*ignored).ok()?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { problem.target.byte_labels(sample, start, self.count) }?;
        (self.len == self.count).then(|| {
            lanes::dispatch(OpenBytes {
                bytes,
                ignored,
                class: problem.label_of(0) as u8,
                label: slice_mut(self.label, 0..self.len),
                weight: slice_mut(self.rows.weight, 0..self.len),
            })
        })
    }

    /// Loads labels that validation has found to be classes or ignored.
    ///
    /// # Safety
    /// As [`Strip::open`].
    unsafe fn load_valid_labels(&mut self, problem: &Problem<'_>, sample: usize, start: usize, count: usize) {
        // SAFETY: the caller's promise.
        let bytes = unsafe { problem.target.byte_labels(sample, start, count) };
        match bytes.filter(|_| problem.ignore.is_empty() && count == self.len) {
            Some(from) => dispatch(ClassesOfBytes { from, out: slice_mut(self.label, 0..count) }),
            None => {
                // SAFETY: the caller's promise.
                unsafe { self.load_labels(problem, sample, start, count) };
            }
        }
    }

    /// Gives voxels that do not count the label of class 0.
    pub fn relabel_excluded(&mut self, problem: &Problem<'_>) {
        if self.has_excluded && self.has_other_labels {
            let (label, weight) = (slice_mut(self.label, 0..self.len), slice(self.rows.weight, 0..self.len));
            dispatch(RelabelExcluded { label, weight, class: problem.label_of(0) });
        }
    }

    /// Loads the prediction of all classes. `of_labels`: voxels that do not count have any logits; otherwise logits of 0
    /// instead of their own.
    ///
    /// # Safety
    /// As [`Strip::open`], which has loaded the same voxels. The rows are not written to while they are in use.
    pub unsafe fn load_prediction(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        start: usize,
        of_labels: bool,
    ) -> Rows<T> {
        let (width, len, count) = (self.width, self.len, self.count);
        let excludes = self.has_excluded && !of_labels;
        let direct = problem.prediction.direct_rows::<T>(sample, start).filter(|_| len == count);
        let input = self.rows_of_input();
        if let Some((first, stride)) = direct {
            let from = Rows::new(first, stride);
            if !excludes {
                return from;
            }
            let weight = slice(self.rows.weight, 0..len);
            lanes::dispatch(CopyCounted { classes: problem.classes, from, weight, to: input });
            return input;
        }
        let voxels = (sample, start, count);
        // SAFETY: the caller's promise.
        let is_done =
            unsafe { problem.prediction.load_interleaved(problem.classes, voxels, self.input, width) };
        for class in 0..problem.classes {
            let row = slice_mut(self.input, class * width..class * width + len);
            if !is_done {
                // SAFETY: the caller's promise.
                unsafe { problem.prediction.load(sample, class, start, slice_mut(row, 0..count)) };
            }
            tail_mut(row, count).fill(T::zero());
            if excludes {
                dispatch(Exclude { row, weight: slice(self.rows.weight, 0..len) });
            }
        }
        input
    }

    /// Loads the target of one class; 0 for voxels that do not count and for classes that are not annotated.
    ///
    /// # Safety
    /// As [`Strip::load_prediction`]; validation has found the target valid.
    pub unsafe fn load_target(&mut self, problem: &Problem<'_>, sample: usize, class: usize, start: usize) {
        let is_whole = !self.has_excluded && problem.is_annotated(sample, class);
        // SAFETY: the caller's promise.
        let bytes = unsafe { problem.target.byte_row(sample, class, start, self.count) };
        if let (TargetKind::Masks, true, Some(bytes)) = (problem.target_kind, is_whole, bytes) {
            dispatch(NumbersOfMask { bytes, row: slice_mut(self.rows.target, 0..self.len) });
            self.target = self.rows.target.as_ptr();
            return;
        }
        if problem.target_kind == TargetKind::Dense
            && is_whole
            && let Some((first, stride)) = problem.target.direct_rows::<T>(sample, start)
        {
            self.target = Rows::new(first, stride).at(class, 0);
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.load_unchecked_target(problem, sample, class, start) };
    }

    /// The same for a target that may be invalid.
    ///
    /// # Safety
    /// As [`Strip::load_prediction`].
    pub unsafe fn load_unchecked_target(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        class: usize,
        start: usize,
    ) {
        let row = slice_mut(self.rows.target, 0..self.len);
        self.target = row.as_ptr();
        if problem.target_kind == TargetKind::Labels {
            let (label, class) = (slice(self.label, 0..self.len), problem.label_of(class));
            return dispatch(TargetOfLabels { label, class, row });
        }
        if !problem.is_annotated(sample, class) {
            // Class not annotated in this sample: the stored target is ignored.
            return row.fill(T::zero());
        }
        // SAFETY: the caller's promise.
        unsafe { problem.target.load(sample, class, start, slice_mut(row, 0..self.count)) };
        if self.has_excluded {
            tail_mut(row, self.count).fill(T::zero());
            let weight = slice(self.rows.weight, 0..self.len);
            dispatch(Exclude { row, weight });
        }
    }

    /// Returns the target of the class that was loaded last: in the strip or in the caller's array.
    pub fn target<'a>(&self) -> &'a [T] {
        debug_assert!(!self.target.is_null(), "no target is loaded");
        // SAFETY: the row was found or written by `load_target` and has the voxels of the strip; kernels that read it
        // write to other rows, and the next call of `load_target` follows the last use.
        unsafe { core::slice::from_raw_parts(self.target, self.len) }
    }

    /// Returns the field that was loaded last; any numbers if the term has none.
    pub fn field<'a>(&self) -> &'a [T] {
        let row = if self.field.is_null() { self.rows.ones.as_ptr() } else { self.field };
        // SAFETY: as in `target`, of `load_field`; the row of ones has the width of the strip.
        unsafe { core::slice::from_raw_parts(row, self.len) }
    }
}

impl OptionalRows {
    /// Returns the rows that the terms use.
    pub fn of(problem: &Problem<'_>, terms: &[Term<'_>]) -> Self {
        let any = |uses: fn(VoxelLossInfo) -> bool| voxel_losses(terms).any(|(_, loss)| uses(loss.info()));
        let is_softmax = problem.activation == Activation::Softmax;
        let is_of_target = is_softmax
            && voxel_losses(terms).all(|(_, loss)| is_target_loss(loss) && loss.info().smoothing == 0.0);
        Self {
            terms: terms.len(),
            per_class: is_softmax,
            other_classes: is_softmax && any(|info| info.contribution == Contribution::BothOutcomes),
            selects: any(|info| info.selection.is_some()),
            products: problem.activation == Activation::Sigmoid && any(|info| info.is_neg_log),
            most: if is_of_target { FEW } else { FEW_OF_CALLS },
        }
    }
}

/// Copies the prediction of voxels that count; 0 for others, also for NaN.
struct CopyCounted<'a, T> {
    classes: usize,
    from: Rows<T>,
    weight: &'a [T],
    to: Rows<T>,
}

impl<T: Scalar> LaneKernel<T> for CopyCounted<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { classes, from, weight, to } = self;
        let zero = s.splat(T::ZERO);
        for class in 0..classes {
            let mut at = 0;
            while at < weight.len() {
                // SAFETY: the rows have the length of the weights, a multiple of a vector.
                unsafe {
                    let excluded = s.eq(load_at(s, weight, at), zero);
                    s.store(to.at(class, at), s.select(excluded, zero, s.load(from.at(class, at))));
                }
                at += T::LANES;
            }
        }
    }
}

/// Sets the weight of ignored voxels to 0.
struct ClearIgnored<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for ClearIgnored<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = weight.cleared(label != LabelMap::IGNORED);
        }
    }
}

/// Reads valid byte labels: weight 0 and the label of a class for an ignored one. Returns whether any is ignored.
struct OpenBytes<'a, T> {
    bytes: &'a [u8],
    ignored: u8,
    class: u8,
    label: &'a mut [i32],
    weight: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for OpenBytes<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> bool {
        let Self { bytes, ignored, class, label, weight } = self;
        for (to, &byte) in label.iter_mut().zip(bytes) {
            *to = i32::from(if byte == ignored { class } else { byte });
        }
        let (one, mut any) = (s.splat(T::ONE), s.first(0));
        let mut at = 0;
        while at < bytes.len() {
            // SAFETY: as many weights as bytes, a multiple of a vector.
            unsafe {
                let is_ignored = s.label_is(s.labels_u8(bytes.as_ptr().add(at)), i32::from(ignored));
                store_at(s, weight, at, s.keep(!is_ignored, one));
                any = any | is_ignored;
            }
            at += T::LANES;
        }
        s.any(any)
    }
}

/// Returns whether any voxel is ignored.
struct HasIgnored<'a> {
    label: &'a [i32],
}

impl Kernel for HasIgnored<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.label.iter().fold(false, |any, &label| any | (label == LabelMap::IGNORED))
    }
}

/// Sets the weight of ignored voxels to 0 and of the others to 1.
struct WeighLabels<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for WeighLabels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = T::one().mask(label != LabelMap::IGNORED);
        }
    }
}

/// Returns whether any weight is 0.
struct HasExcluded<'a, T> {
    weight: &'a [T],
}

impl<T: Real> Kernel for HasExcluded<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.weight.iter().fold(false, |any, &w| any | (w == T::zero()))
    }
}

/// Sets a row to 0 where the weight is 0, also for NaN.
pub(crate) struct Exclude<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Exclude<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x = x.cleared(weight != T::zero());
        }
    }
}

/// Gives voxels of weight 0 the label of a class.
struct RelabelExcluded<'a, T> {
    label: &'a mut [i32],
    weight: &'a [T],
    class: i32,
}

impl<T: Real> Kernel for RelabelExcluded<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (label, &weight) in self.label.iter_mut().zip(self.weight) {
            // Not a choice of what to store: stores would be made one by one.
            let counts = -i32::from(weight != T::zero());
            *label = self.class + ((*label - self.class) & counts);
        }
    }
}

/// Computes the target of one class from a mask of zeros and ones.
struct NumbersOfMask<'a, T> {
    bytes: &'a [u8],
    row: &'a mut [T],
}

impl<T: Real> Kernel for NumbersOfMask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (number, &byte) in self.row.iter_mut().zip(self.bytes) {
            *number = T::one().mask(byte != 0);
        }
    }
}

/// Computes the target of one class from labels.
struct TargetOfLabels<'a, T> {
    label: &'a [i32],
    class: i32,
    row: &'a mut [T],
}

impl<T: Real> Kernel for TargetOfLabels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (target, &label) in self.row.iter_mut().zip(self.label) {
            *target = T::one().mask(label == self.class);
        }
    }
}
