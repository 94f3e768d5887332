//! What a strip loads: labels and weights, the prediction, targets, fields.

use crate::array::labels::{ClassesOfBytes, LabelMap};
use crate::array::real::Real;
use crate::array::strided_rows::StridedRows;
use crate::checked::{slice, slice_mut, tail_mut};
use crate::engine::arena::Plain;
use crate::engine::kernel::GROUP;
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::strip_loops::{
    ClearIgnored, CopyCounted, Exclude, HasExcluded, HasIgnored, NumbersOfMask, OpenBytes, RelabelExcluded,
    TargetOfLabels, WeighLabels,
};
use crate::problem::{Problem, TargetKind};
use crate::simd::lanes::{self, Vectorized};
use crate::simd::level::dispatch;

impl<T: Real + Plain + Vectorized> Strip<'_, T> {
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
        // SAFETY: the caller's promise.
        unsafe { source.load(sample, class, start, slice_mut(field, 0..self.count)) };
        if self.has_excluded {
            tail_mut(field, self.count).fill(T::zero());
            let weight = slice(self.rows.weight, 0..self.len);
            dispatch(Exclude { row: field, weight });
        }
        self.field = self.rows.field.as_ptr();
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
        if let Some((first, stride)) = direct {
            let from = Rows::new(first, stride);
            if !excludes {
                return from;
            }
            let to = self.rows_of_input();
            let weight = slice(self.rows.weight, 0..len);
            lanes::dispatch(CopyCounted { classes: problem.classes, from, weight, to });
            return to;
        }
        let voxels = (sample, start, count);
        // SAFETY: the caller's promise.
        let is_done = unsafe {
            problem.prediction.load_interleaved(problem.classes, voxels, self.input.all_mut(), width)
        };
        for class in 0..problem.classes {
            let row = self.input.slice_mut(class * width..class * width + len);
            if !is_done {
                // SAFETY: the caller's promise.
                unsafe { problem.prediction.load(sample, class, start, slice_mut(row, 0..count)) };
            }
            tail_mut(row, count).fill(T::zero());
            if excludes {
                dispatch(Exclude { row, weight: slice(self.rows.weight, 0..len) });
            }
        }
        self.rows_of_input()
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
        if problem.target_kind == TargetKind::Labels {
            let (label, class) = (slice(self.label, 0..self.len), problem.label_of(class));
            dispatch(TargetOfLabels { label, class, row });
        } else if !problem.is_annotated(sample, class) {
            // Class not annotated in this sample: the stored target is ignored.
            row.fill(T::zero());
        } else {
            // SAFETY: the caller's promise.
            unsafe { problem.target.load(sample, class, start, slice_mut(row, 0..self.count)) };
            if self.has_excluded {
                tail_mut(row, self.count).fill(T::zero());
                let weight = slice(self.rows.weight, 0..self.len);
                dispatch(Exclude { row, weight });
            }
        }
        self.target = self.rows.target.as_ptr();
    }
}
