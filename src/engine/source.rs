//! The door between arrays and rows: strides and element types end here.

use super::simd::{Kernel, dispatch};
use crate::element::{Stored, with_stored};
use crate::view::{Array, MAX_AXES};
use crate::{Dtype, Real};
use core::num::NonZeroUsize;

/// Spatial axes, with every pair that one stride can serve joined into one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lattice {
    axes: usize,
    extents: [NonZeroUsize; MAX_AXES],
    strides: [isize; MAX_AXES],
}

impl Lattice {
    fn new(axes: impl Iterator<Item = (usize, isize)>) -> Self {
        let one = NonZeroUsize::MIN;
        let mut lattice = Self { axes: 0, extents: [one; MAX_AXES], strides: [0; MAX_AXES] };
        for (extent, stride) in axes {
            // An empty array is never walked.
            let extent = NonZeroUsize::new(extent).unwrap_or(one);
            if extent == one {
                continue;
            }
            let last = lattice.axes.wrapping_sub(1);
            if let (Some(outer), Some(outer_stride)) =
                (lattice.extents.get_mut(last), lattice.strides.get_mut(last))
                && *outer_stride == stride.wrapping_mul(extent.get() as isize)
            {
                *outer = outer.saturating_mul(extent);
                *outer_stride = stride;
            } else if let (Some(to), Some(to_stride)) =
                (lattice.extents.get_mut(lattice.axes), lattice.strides.get_mut(lattice.axes))
            {
                (*to, *to_stride) = (extent, stride);
                lattice.axes += 1;
            }
        }
        lattice
    }

    /// Calls `visit(offset of the first, stride, how many)` for each straight run of the voxels
    /// `start..start + len` in C order.
    #[inline]
    fn walk(&self, start: usize, len: usize, mut visit: impl FnMut(isize, isize, usize)) {
        if self.axes <= 1 {
            let stride = self.strides[0];
            return visit((start as isize).wrapping_mul(stride), stride, len);
        }
        let mut done = 0;
        while done < len {
            let mut rest = start + done;
            let mut offset = 0isize;
            let mut run = len - done;
            let mut inner = None;
            for axis in (0..self.axes).rev() {
                let (Some(&extent), Some(&stride)) = (self.extents.get(axis), self.strides.get(axis)) else {
                    return;
                };
                let (index, outer) = (rest % extent, rest / extent);
                offset = offset.wrapping_add((index as isize).wrapping_mul(stride));
                rest = outer;
                if inner.is_none() {
                    inner = Some(stride);
                    run = run.min(extent.get() - index);
                }
            }
            visit(offset, inner.unwrap_or(0), run);
            done += run;
        }
    }
}

/// An array as rows: `[sample, class, voxel]`, the voxels in C order of the spatial axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    data: *mut u8,
    pub dtype: Dtype,
    sample: isize,
    class: isize,
    lattice: Lattice,
}

impl Source {
    /// `[B, C, …]`
    pub fn with_classes(array: &Array) -> Self {
        let mut axes = array.layout.axes();
        let sample = axes.next().map_or(0, |axis| axis.1);
        let class = axes.next().map_or(0, |axis| axis.1);
        Self { data: array.data, dtype: array.dtype, sample, class, lattice: Lattice::new(axes) }
    }

    /// `[B, …]`: the same row for every class.
    pub fn without_classes(array: &Array) -> Self {
        let mut axes = array.layout.axes();
        let sample = axes.next().map_or(0, |axis| axis.1);
        Self { data: array.data, dtype: array.dtype, sample, class: 0, lattice: Lattice::new(axes) }
    }

    /// Rows of one sample in scratch, one after the other; `rows` is 1 for a row that serves all classes.
    pub fn in_scratch<T: Real>(data: *mut T, voxels: usize, rows: usize) -> Self {
        let lattice = Lattice::new(core::iter::once((voxels, 1)));
        let class = if rows == 1 { 0 } else { voxels as isize };
        Self { data: data.cast(), dtype: T::DTYPE, sample: 0, class, lattice }
    }

    /// One row per sample in scratch, to be read.
    pub fn of_batch<T: Real>(data: *const T, voxels: usize) -> Self {
        let lattice = Lattice::new(core::iter::once((voxels, 1)));
        Self { data: data.cast_mut().cast(), dtype: T::DTYPE, sample: voxels as isize, class: 0, lattice }
    }

    /// The elements themselves, where they are of type `T` and side by side.
    ///
    /// # Safety
    /// As [`Source::load`]; nobody writes to them during `'a`.
    pub unsafe fn slice<'a, T: Real>(
        &self,
        sample: usize,
        class: usize,
        start: usize,
        len: usize,
    ) -> Option<&'a [T]> {
        let at = self.direct::<T>(sample, class, start)?;
        // SAFETY: promised by the caller; `T` is the element type.
        Some(unsafe { core::slice::from_raw_parts(at, len) })
    }

    /// The same, to be written.
    ///
    /// # Safety
    /// As [`Source::store`]; nobody else uses them during `'a`.
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

    /// Where a voxel is, if elements are of type `T` and side by side.
    fn direct<T: Real>(&self, sample: usize, class: usize, start: usize) -> Option<*mut T> {
        let contiguous = self.lattice.axes <= 1 && self.lattice.strides[0] == 1;
        (contiguous && self.dtype == T::DTYPE)
            .then(|| self.data.cast::<T>().wrapping_offset(self.base(sample, class)).wrapping_add(start))
    }

    fn base(&self, sample: usize, class: usize) -> isize {
        let sample = (sample as isize).wrapping_mul(self.sample);
        sample.wrapping_add((class as isize).wrapping_mul(self.class))
    }

    /// Reads voxels `start..start + out.len()` of a class as numbers.
    ///
    /// # Safety
    /// The array is readable and the voxels lie in it.
    pub unsafe fn load<T: Real>(&self, sample: usize, class: usize, start: usize, out: &mut [T]) {
        let base = self.base(sample, class);
        let mut rest = out;
        self.lattice.walk(start, rest.len(), |offset, stride, count| {
            let (run, tail) = core::mem::take(&mut rest).split_at_mut_checked(count).unwrap_or_default();
            rest = tail;
            with_stored!(self.dtype, E => {
                let from = self.data.cast::<E>().wrapping_offset(base.wrapping_add(offset)).cast_const();
                dispatch(Load { from, stride, out: run });
            });
        });
    }

    /// Reads labels as class indices.
    ///
    /// # Safety
    /// As [`Source::load`].
    pub unsafe fn labels(&self, sample: usize, start: usize, legend: &Legend<'_>, out: &mut [i32]) {
        let base = self.base(sample, 0);
        let mut rest = out;
        self.lattice.walk(start, rest.len(), |offset, stride, count| {
            let (run, tail) = core::mem::take(&mut rest).split_at_mut_checked(count).unwrap_or_default();
            rest = tail;
            let at = base.wrapping_add(offset);
            match self.dtype {
                Dtype::I64 => dispatch(Labels { from: self.at::<i64>(at), stride, legend, out: run }),
                Dtype::I32 => dispatch(Labels { from: self.at::<i32>(at), stride, legend, out: run }),
                Dtype::I16 => dispatch(Labels { from: self.at::<i16>(at), stride, legend, out: run }),
                _ => dispatch(Labels { from: self.at::<u8>(at), stride, legend, out: run }),
            }
        });
    }

    fn at<E>(&self, offset: isize) -> *const E {
        self.data.cast::<E>().wrapping_offset(offset).cast_const()
    }

    /// Writes a row, or adds it to what is there.
    ///
    /// # Safety
    /// The array is writable, no two indices name the same element, and the voxels lie in it.
    pub unsafe fn store<T: Real>(&self, sample: usize, class: usize, start: usize, row: &[T], add: bool) {
        let base = self.base(sample, class);
        let mut rest = row;
        self.lattice.walk(start, rest.len(), |offset, stride, count| {
            let (run, tail) = rest.split_at_checked(count).unwrap_or_default();
            rest = tail;
            with_stored!(self.dtype, E => {
                let to = self.data.cast::<E>().wrapping_offset(base.wrapping_add(offset));
                dispatch(Store { row: run, to, stride, add });
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
                // SAFETY: the caller of `Source::load` promises that the run lies in a readable array.
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
            // SAFETY: the caller of `Source::store` promises that the run lies in a writable array.
            unsafe {
                let sum = if add { (*to).read::<T>() + value } else { value };
                *to = E::write(sum);
            }
        }
    }
}

/// Which numbers are labels: how a label becomes a class index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Legend<'a> {
    /// Labels `0..classes` are classes. A single class has two: 0 is outside, 1 is the object.
    pub classes: i32,
    pub ignore: &'a [i64],
}

impl Legend<'_> {
    /// An ignored label.
    pub const IGNORED: i32 = -1;
    /// A label that is neither a class nor ignored.
    pub const UNKNOWN: i32 = -2;
}

/// An integer that may be a label.
trait Label: Copy + PartialEq + TryFrom<i64> {
    /// The value, or a negative one if it is no class index.
    fn index(self) -> i32;
}

impl Label for u8 {
    #[inline(always)]
    fn index(self) -> i32 {
        self as i32
    }
}

impl Label for i16 {
    #[inline(always)]
    fn index(self) -> i32 {
        self as i32
    }
}

impl Label for i32 {
    #[inline(always)]
    fn index(self) -> i32 {
        self
    }
}

impl Label for i64 {
    #[inline(always)]
    fn index(self) -> i32 {
        if self >> 31 == 0 { self as i32 } else { Legend::UNKNOWN }
    }
}

struct Labels<'a, E> {
    from: *const E,
    stride: isize,
    legend: &'a Legend<'a>,
    out: &'a mut [i32],
}

impl<E: Label> Kernel for Labels<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, stride, legend, out } = self;
        // SAFETY: the caller of `Source::labels` promises that the run lies in a readable array.
        let label = |i: usize| unsafe { *from.offset(i as isize * stride) };
        let classes = legend.classes;
        let index = |label: E| {
            let index = label.index();
            if index >= 0 && index < classes { index } else { Legend::UNKNOWN }
        };
        if stride == 1 {
            for (i, to) in out.iter_mut().enumerate() {
                // SAFETY: as above.
                *to = index(unsafe { *from.add(i) });
            }
        } else {
            for (i, to) in out.iter_mut().enumerate() {
                *to = index(label(i));
            }
        }
        for ignore in legend.ignore {
            // A number that this type cannot hold names no voxel.
            let Ok(ignore) = E::try_from(*ignore) else { continue };
            for (i, to) in out.iter_mut().enumerate() {
                if label(i) == ignore {
                    *to = Legend::IGNORED;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::View;
    use std::vec;

    #[test]
    fn axes_join_where_one_stride_serves() {
        let contiguous = Lattice::new([(4, 30), (5, 6), (6, 1)].into_iter());
        assert_eq!((contiguous.axes, contiguous.strides[0]), (1, 1));
        let channels_last = Lattice::new([(4, 90), (5, 18), (6, 3)].into_iter());
        assert_eq!((channels_last.axes, channels_last.strides[0]), (1, 3));
        assert_eq!(Lattice::new([(4, 60), (5, 6), (6, 1)].into_iter()).axes, 2);
    }

    #[test]
    fn a_row_is_read_in_c_order_whatever_the_strides() {
        let data: std::vec::Vec<f32> = (0..24).map(|i| i as f32).collect();
        // [1, 1, 2, 3, 4] stored with its last two axes exchanged and the first reversed.
        let view = View::strided(&data, 12, &[1, 1, 2, 3, 4], &[0, 0, -12, 1, 3]).unwrap();
        let mut row = vec![0f64; 20];
        // SAFETY: 2 + 20 voxels of 24.
        unsafe { Source::with_classes(&view.array).load(0, 0, 2, &mut row) };
        let mut expected = vec![];
        for (x, y, z) in (0..24).map(|i| (i / 12, i / 4 % 3, i % 4)).skip(2).take(20) {
            expected.push((12 - 12 * x + y + 3 * z) as f64);
        }
        assert_eq!(row, expected);
    }

    #[test]
    fn a_label_is_a_class_or_ignored_or_unknown() {
        let labels = [0i64, 2, 3, -1, i64::MIN, 1 << 32, 255];
        let view = View::new(&labels, &[1, 7]).unwrap();
        let legend = Legend { classes: 3, ignore: &[255, 2, i64::MIN] };
        let mut row = [0; 7];
        // SAFETY: all 7 voxels.
        unsafe { Source::without_classes(&view.array).labels(0, 0, &legend, &mut row) };
        assert_eq!(row, [0, -1, -2, -2, -1, -2, -1]);
    }
}
