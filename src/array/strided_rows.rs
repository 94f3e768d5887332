//! Rows of an array: contiguous runs of voxels of one class, loaded from and stored to any strides and element types.

use crate::array::dtype::Dtype;
use crate::array::real::Real;
use crate::array::stored::{Stored, with_stored};
use crate::array::view::{Array, MAX_AXES};
use crate::checked::{expected, slice, slice_mut, split, split_mut};
use crate::simd::level::{Kernel, dispatch};
use core::num::NonZeroUsize;

/// Spatial axes. Neighbouring axes that one stride can serve are merged into one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StridedRuns {
    axes: usize,
    extents: [NonZeroUsize; MAX_AXES],
    strides: [isize; MAX_AXES],
}

impl StridedRuns {
    fn new(axes: impl Iterator<Item = (usize, isize)>) -> Self {
        let one = NonZeroUsize::MIN;
        let mut runs = Self { axes: 0, extents: [one; MAX_AXES], strides: [0; MAX_AXES] };
        for (extent, stride) in axes {
            // No run of an empty array is visited.
            let extent = NonZeroUsize::new(extent).unwrap_or(one);
            if extent == one {
                continue;
            }
            let last = runs.axes.wrapping_sub(1);
            if let (Some(outer), Some(outer_stride)) =
                (runs.extents.get_mut(last), runs.strides.get_mut(last))
                && *outer_stride == stride.wrapping_mul(extent.get() as isize)
            {
                *outer = outer.saturating_mul(extent);
                *outer_stride = stride;
            } else if let (Some(to), Some(to_stride)) =
                (runs.extents.get_mut(runs.axes), runs.strides.get_mut(runs.axes))
            {
                (*to, *to_stride) = (extent, stride);
                runs.axes += 1;
            }
        }
        runs
    }

    /// Calls `visit(offset of the first, stride, how many)` for each straight run of the voxels
    /// `start..start + len` in C order.
    #[inline]
    pub fn for_each(&self, start: usize, len: usize, mut visit: impl FnMut(isize, isize, usize)) {
        if self.axes <= 1 {
            let stride = self.strides[0];
            return visit((start as isize).wrapping_mul(stride), stride, len);
        }
        // By index: a zip of unequal lengths that is read backwards has a panic that the compiler cannot rule out.
        let mut index = [0; MAX_AXES];
        let (mut rest, mut offset) = (start, 0isize);
        for axis in (0..self.axes).rev() {
            let (Some(&extent), Some(&stride), Some(index)) = (
                expected(self.extents.get(axis)),
                expected(self.strides.get(axis)),
                expected(index.get_mut(axis)),
            ) else {
                return;
            };
            *index = rest % extent;
            rest /= extent;
            offset = offset.wrapping_add((*index as isize).wrapping_mul(stride));
        }
        let mut done = 0;
        while done < len {
            let mut run = 0;
            for axis in (0..self.axes).rev() {
                let (Some(&extent), Some(&stride), Some(index)) = (
                    expected(self.extents.get(axis)),
                    expected(self.strides.get(axis)),
                    expected(index.get_mut(axis)),
                ) else {
                    return;
                };
                if run == 0 {
                    run = (len - done).min(extent.get() - *index);
                    visit(offset, stride, run);
                    // To the first voxel of the next run.
                    offset = offset.wrapping_sub((*index as isize).wrapping_mul(stride));
                    *index = 0;
                    continue;
                }
                *index += 1;
                offset = offset.wrapping_add(stride);
                if *index < extent.get() {
                    break;
                }
                offset = offset.wrapping_sub((*index as isize).wrapping_mul(stride));
                *index = 0;
            }
            if run == 0 {
                return;
            }
            done += run;
        }
    }

    /// Returns whether all voxels are one after the other.
    pub fn is_one_run(&self) -> bool {
        self.axes <= 1 && self.strides[0] == 1
    }

    /// Runs of one element after the other that are short, and as far apart as one stride says.
    fn short_runs(&self) -> Option<(NonZeroUsize, isize)> {
        match (self.axes, self.strides[1]) {
            (2, 1) if self.extents[1].get() <= SHORT => Some((self.extents[1], self.strides[0])),
            _ => None,
        }
    }
}

/// Runs up to this length are read and written by one kernel for all of a row.
const SHORT: usize = 256;

/// An array as rows: `[sample, class, voxel]`, the voxels in C order of the spatial axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StridedRows {
    pub(super) data: *mut u8,
    pub dtype: Dtype,
    sample: isize,
    class: isize,
    pub(super) runs: StridedRuns,
}

impl StridedRows {
    /// `[B, C, …]`
    pub fn with_classes(array: &Array) -> Self {
        let mut axes = array.layout.axes();
        let sample = axes.next().map_or(0, |axis| axis.1);
        let class = axes.next().map_or(0, |axis| axis.1);
        Self { data: array.data, dtype: array.dtype, sample, class, runs: StridedRuns::new(axes) }
    }

    /// `[B, …]`: the same row for every class.
    pub fn without_classes(array: &Array) -> Self {
        let mut axes = array.layout.axes();
        let sample = axes.next().map_or(0, |axis| axis.1);
        Self { data: array.data, dtype: array.dtype, sample, class: 0, runs: StridedRuns::new(axes) }
    }

    /// Rows of one sample in scratch, one after the other; `rows` is 1 for a row that serves all classes.
    pub fn in_scratch<T: Real>(data: *mut T, voxels: usize, rows: usize) -> Self {
        let runs = StridedRuns::new(core::iter::once((voxels, 1)));
        let class = if rows == 1 { 0 } else { voxels as isize };
        Self { data: data.cast(), dtype: T::DTYPE, sample: 0, class, runs }
    }

    /// One row per sample in scratch.
    pub fn of_batch<T: Real>(data: *mut T, voxels: usize) -> Self {
        let runs = StridedRuns::new(core::iter::once((voxels, 1)));
        Self { data: data.cast(), dtype: T::DTYPE, sample: voxels as isize, class: 0, runs }
    }

    /// The same array as one sample, whose outermost axis is that of `samples`.
    pub fn over_samples(&self, samples: usize) -> Self {
        let StridedRuns { axes, extents, strides } = &self.runs;
        let inner = extents.iter().zip(strides).take(*axes).map(|(extent, stride)| (extent.get(), *stride));
        let runs = StridedRuns::new(core::iter::once((samples, self.sample)).chain(inner));
        Self { sample: 0, runs, ..*self }
    }

    /// Whether all classes have the same row.
    pub fn is_shared(&self) -> bool {
        self.class == 0
    }

    /// The elements themselves, to be written, where they are of type `T` and side by side.
    ///
    /// # Safety
    /// As [`StridedRows::store`]; no other code accesses the elements during `'a`.
    pub unsafe fn slice_mut<'a, T: Real>(
        &self,
        sample: usize,
        class: usize,
        start: usize,
        len: usize,
    ) -> Option<&'a mut [T]> {
        let at = self.direct::<T>(sample, class, start)?;
        // SAFETY: promised by the caller; `T` is the element type.
        Some(unsafe { core::slice::from_raw_parts_mut(at, len) })
    }

    /// Whether elements are of type `T` and side by side.
    fn is_direct<T: Real>(&self) -> bool {
        self.runs.is_one_run() && self.dtype == T::DTYPE
    }

    /// Returns the first voxel of class 0 from `start` on and the distance of classes in elements, if elements are of
    /// type `T` and side by side.
    pub fn direct_rows<T: Real>(&self, sample: usize, start: usize) -> Option<(*mut T, isize)> {
        Some((self.direct::<T>(sample, 0, start)?, self.class))
    }

    /// Returns whether the first element is that of another array.
    pub fn begins_with(&self, other: &Self) -> bool {
        core::ptr::eq(self.data, other.data)
    }

    /// Whether all classes of a tile may be kept there as numbers of type `T`, and read again.
    pub fn can_hold<T: Real>(&self, classes: usize) -> bool {
        self.is_direct::<T>() || self.dtype == T::DTYPE && self.interleaved(classes, 0, 0).is_some()
    }

    /// How far a voxel is from the first, if its two to four classes are side by side and followed by the next voxel's.
    pub(crate) fn interleaved(&self, classes: usize, sample: usize, start: usize) -> Option<isize> {
        let voxel = self.runs.strides[0];
        let is = self.class == 1 && self.runs.axes <= 1 && voxel == classes as isize;
        (is && (2..=4).contains(&classes))
            .then(|| self.base(sample, 0).wrapping_add((start as isize).wrapping_mul(voxel)))
    }

    /// Where a voxel is, if elements are of type `T` and side by side.
    fn direct<T: Real>(&self, sample: usize, class: usize, start: usize) -> Option<*mut T> {
        self.is_direct::<T>()
            .then(|| self.data.cast::<T>().wrapping_offset(self.base(sample, class)).wrapping_add(start))
    }

    pub(super) fn base(&self, sample: usize, class: usize) -> isize {
        let sample = (sample as isize).wrapping_mul(self.sample);
        sample.wrapping_add((class as isize).wrapping_mul(self.class))
    }

    /// Reads voxels `start..start + out.len()` of a class as numbers.
    ///
    /// # Safety
    /// The array is readable and the voxels lie in it.
    pub unsafe fn load<T: Real>(&self, sample: usize, class: usize, start: usize, out: &mut [T]) {
        let base = self.base(sample, class);
        if let Some(runs) = self.runs.short_runs().filter(|_| self.dtype == T::DTYPE) {
            let from = self.data.cast::<T>().wrapping_offset(base).cast_const();
            return dispatch(LoadRuns { from, runs, start, out });
        }
        let mut rest = out;
        self.runs.for_each(start, rest.len(), |offset, stride, count| {
            let (run, tail) = split_mut(core::mem::take(&mut rest), count);
            rest = tail;
            with_stored!(self.dtype, E => {
                let from = self.data.cast::<E>().wrapping_offset(base.wrapping_add(offset)).cast_const();
                // SAFETY: promised by the caller; the elements are side by side.
                if stride != 1 || !unsafe { E::read_row(from, run) } {
                    dispatch(Load { from, stride, out: run });
                }
            });
        });
    }

    /// Writes a row, or adds it to what is there.
    ///
    /// # Safety
    /// The array is writable, no two indices name the same element, and the voxels lie in it.
    pub unsafe fn store<T: Real>(&self, sample: usize, class: usize, start: usize, row: &[T], add: bool) {
        let base = self.base(sample, class);
        if let Some(runs) = self.runs.short_runs().filter(|_| self.dtype == T::DTYPE && !add) {
            return dispatch(StoreRuns { to: self.data.cast::<T>().wrapping_offset(base), runs, start, row });
        }
        let mut rest = row;
        self.runs.for_each(start, rest.len(), |offset, stride, count| {
            let (run, tail) = split(rest, count);
            rest = tail;
            with_stored!(self.dtype, E => {
                let to = self.data.cast::<E>().wrapping_offset(base.wrapping_add(offset));
                // SAFETY: promised by the caller; the elements are side by side.
                if stride != 1 || add || !unsafe { E::write_row(run, to) } {
                    dispatch(Store { row: run, to, stride, add });
                }
            });
        });
    }
}

struct Load<'a, E, T> {
    from: *const E,
    stride: isize,
    out: &'a mut [T],
}

impl<E: Stored, T: Real> Kernel for Load<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, stride, out } = self;
        if stride == 1 {
            for (i, to) in out.iter_mut().enumerate() {
                // SAFETY: the caller of `StridedRows::load` promises that the run lies in a readable array.
                *to = unsafe { *from.add(i) }.read();
            }
        } else {
            for (i, to) in out.iter_mut().enumerate() {
                // SAFETY: as above.
                *to = unsafe { *from.offset(i as isize * stride) }.read();
            }
        }
    }
}

struct Store<'a, E, T> {
    row: &'a [T],
    to: *mut E,
    stride: isize,
    add: bool,
}

impl<E: Stored, T: Real> Kernel for Store<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, to, stride, add } = self;
        for (i, &value) in row.iter().enumerate() {
            let to = if stride == 1 { to.wrapping_add(i) } else { to.wrapping_offset(i as isize * stride) };
            // SAFETY: the caller of `StridedRows::store` promises that the run lies in a writable array.
            unsafe {
                let sum = if add { (*to).read::<T>() + value } else { value };
                *to = E::write(sum);
            }
        }
    }
}

/// The length of a run and how far apart runs are.
type Runs = (NonZeroUsize, isize);

/// Calls `visit(offset, first, count)` for the runs of elements `start..start + len`: where a run begins, which of the
/// elements it has, and how many.
#[inline(always)]
fn each_run((extent, stride): Runs, start: usize, len: usize, mut visit: impl FnMut(isize, usize, usize)) {
    let (mut run, mut skip, mut done) = ((start / extent) as isize, start % extent, 0);
    while done < len {
        let count = (extent.get() - skip).min(len - done);
        visit(run.wrapping_mul(stride).wrapping_add(skip as isize), done, count);
        (run, skip, done) = (run + 1, 0, done + count);
    }
}

/// Copies a few elements, eight at a time: a loop that is unrolled further would leave all of them to its end.
#[inline(always)]
fn copy_short<T: Copy>(from: &[T], to: &mut [T]) {
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
}

struct LoadRuns<'a, T> {
    from: *const T,
    runs: Runs,
    start: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for LoadRuns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, runs, start, out } = self;
        each_run(runs, start, out.len(), |offset, first, count| {
            // SAFETY: the caller of `StridedRows::load` promises that the run lies in a readable array.
            let run = unsafe { core::slice::from_raw_parts(from.wrapping_offset(offset), count) };
            copy_short(run, slice_mut(out, first..first + count));
        });
    }
}

struct StoreRuns<'a, T> {
    to: *mut T,
    runs: Runs,
    start: usize,
    row: &'a [T],
}

impl<T: Real> Kernel for StoreRuns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { to, runs, start, row } = self;
        each_run(runs, start, row.len(), |offset, first, count| {
            // SAFETY: the caller of `StridedRows::store` promises that the run lies in a writable array that no other
            // code accesses.
            let run = unsafe { core::slice::from_raw_parts_mut(to.wrapping_offset(offset), count) };
            copy_short(slice(row, first..first + count), run);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;
    use std::vec;

    #[test]
    fn axes_are_merged_where_one_stride_serves() {
        let contiguous = StridedRuns::new([(4, 30), (5, 6), (6, 1)].into_iter());
        assert_eq!((contiguous.axes, contiguous.strides[0]), (1, 1));
        let channels_last = StridedRuns::new([(4, 90), (5, 18), (6, 3)].into_iter());
        assert_eq!((channels_last.axes, channels_last.strides[0]), (1, 3));
        assert_eq!(StridedRuns::new([(4, 60), (5, 6), (6, 1)].into_iter()).axes, 2);
    }

    #[test]
    fn a_row_is_read_in_c_order_whatever_the_strides() {
        let data: std::vec::Vec<f32> = (0..24).map(|i| i as f32).collect();
        // [1, 1, 2, 3, 4] stored with its last two axes exchanged and the first reversed.
        let view = View::strided(&data, 12, &[1, 1, 2, 3, 4], &[0, 0, -12, 1, 3]).unwrap();
        let mut row = vec![0f64; 20];
        // SAFETY: 2 + 20 voxels of 24.
        unsafe { StridedRows::with_classes(&view.array).load(0, 0, 2, &mut row) };
        let mut expected = vec![];
        for (x, y, z) in (0..24).map(|i| (i / 12, i / 4 % 3, i % 4)).skip(2).take(20) {
            expected.push((12 - 12 * x + y + 3 * z) as f64);
        }
        assert_eq!(row, expected);
    }
}
