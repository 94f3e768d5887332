//! Borrowed n-dimensional arrays: a pointer, a shape and strides in elements.
//!
//! [`View::new`] and its siblings check that every element of the layout lies in the slice. After that check the engine
//! reads and writes through raw pointers, because `&[T]` and `&mut [T]` over the same logits cannot both exist.

use crate::array::dtype::Dtype;
use crate::array::dtype::Element;
use crate::checked::slice;
use crate::error::{Error, Status};
use core::ffi::CStr;
use core::marker::PhantomData;

/// The maximum number of axes of an array.
pub const MAX_AXES: usize = 16;

/// Extents and strides of an array, outermost axis first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    axes: usize,
    shape: [usize; MAX_AXES],
    strides: [isize; MAX_AXES],
}

impl Layout {
    /// Creates a layout with the given strides, or in C order. `name` is the argument that an error names.
    pub fn new(
        shape: impl ExactSizeIterator<Item = usize>,
        strides: Option<&mut dyn Iterator<Item = isize>>,
        name: &'static CStr,
    ) -> Result<Self, Error> {
        let axes = shape.len();
        if axes > MAX_AXES {
            return Err(Error::new(Status::Shape, name, c"at most 16 axes").with_given(axes as f64));
        }
        let mut layout = Self { axes, shape: [1; MAX_AXES], strides: [0; MAX_AXES] };
        for (to, extent) in layout.shape.iter_mut().zip(shape) {
            *to = extent;
        }
        match strides {
            Some(strides) => {
                for (to, stride) in layout.strides.iter_mut().zip(strides).take(axes) {
                    *to = stride;
                }
            }
            None => {
                let mut stride = 1usize;
                for axis in (0..axes).rev() {
                    let pair = (layout.strides.get_mut(axis), layout.shape.get(axis));
                    let (Some(to), Some(extent)) = pair else { continue };
                    *to = stride as isize;
                    // An array whose strides wrap is refused by `span`.
                    stride = stride.wrapping_mul((*extent).max(1));
                }
            }
        }
        Ok(layout)
    }

    pub fn shape(&self) -> &[usize] {
        slice(&self.shape, 0..self.axes)
    }

    pub fn strides(&self) -> &[isize] {
        slice(&self.strides, 0..self.axes)
    }

    pub fn axes(&self) -> impl ExactSizeIterator<Item = (usize, isize)> + DoubleEndedIterator {
        self.shape().iter().copied().zip(self.strides().iter().copied())
    }

    /// Returns the number of elements, or an error if elements of `size` bytes exceed the address space.
    pub fn elements(&self, size: usize, name: &'static CStr) -> Result<usize, Error> {
        const TOO_LARGE: &CStr = c"at most PTRDIFF_MAX bytes";
        if self.shape().contains(&0) {
            return Ok(0);
        }
        let count = self.shape().iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        match count {
            Some(n) if n.checked_mul(size).is_some_and(|bytes| bytes <= isize::MAX as usize) => Ok(n),
            _ => Err(Error::new(Status::TooLarge, name, TOO_LARGE)),
        }
    }

    /// Returns the lowest and the highest offset of an element, in elements and both inclusive; `(0, -1)` if the
    /// array is empty.
    pub fn span(&self, size: usize, name: &'static CStr) -> Result<(isize, isize), Error> {
        let too_far = Error::new(Status::Strides, name, c"strides within the address space");
        if self.elements(size, name)? == 0 {
            return Ok((0, -1));
        }
        let (mut low, mut high) = (0isize, 0isize);
        for (axis, (extent, stride)) in self.axes().enumerate() {
            let reach = isize::try_from(extent - 1).ok().and_then(|steps| steps.checked_mul(stride));
            let end = if stride < 0 { &mut low } else { &mut high };
            *end = reach.and_then(|reach| end.checked_add(reach)).ok_or(too_far.at(axis))?;
        }
        let bytes =
            high.checked_sub(low).and_then(|n| n.checked_add(1)).and_then(|n| n.checked_mul(size as isize));
        bytes.map(|_| (low, high)).ok_or(too_far)
    }

    /// Returns whether different indices map to different elements: sorted by size, each stride exceeds the span of the
    /// smaller ones. The condition is sufficient, not necessary: some interleaved layouts are refused.
    pub fn is_injective(&self) -> bool {
        if self.shape().contains(&0) {
            return true;
        }
        let mut reach = 0usize;
        let mut visited = [false; MAX_AXES];
        loop {
            let next = (self.axes().zip(visited).enumerate())
                .filter(|(_, ((extent, _), visited))| !visited && *extent > 1)
                .min_by_key(|(_, ((_, stride), _))| stride.unsigned_abs());
            let Some((axis, ((extent, stride), _))) = next else { return true };
            if stride.unsigned_abs() <= reach {
                return false;
            }
            reach = reach.saturating_add(stride.unsigned_abs().saturating_mul(extent - 1));
            if let Some(visited) = visited.get_mut(axis) {
                *visited = true;
            }
        }
    }
}

/// An address with an element type and a layout: the content of a view, without its lifetime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Array {
    pub data: *mut u8,
    pub dtype: Dtype,
    pub layout: Layout,
}

impl Array {
    /// Creates an array over memory that the caller guarantees; checks alignment and the span of the layout.
    #[cfg(feature = "capi")]
    pub fn new(data: *mut u8, dtype: Dtype, layout: Layout, name: &'static CStr) -> Result<Self, Error> {
        let (low, high) = layout.span(dtype.size(), name)?;
        if high >= low && data.addr() & (dtype.size() - 1) != 0 {
            return Err(Error::new(Status::Misaligned, name, c"aligned to its element type"));
        }
        Ok(Self { data, dtype, layout })
    }

    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Returns the range of addresses that the elements span; empty if there are no elements.
    #[cfg(feature = "capi")]
    pub fn bytes(&self) -> core::ops::Range<usize> {
        let size = self.dtype.size() as isize;
        match self.layout.span(self.dtype.size(), c"") {
            Ok((low, high)) if high >= low && !self.data.is_null() => {
                let at = |elements: isize| self.data.addr().wrapping_add_signed(elements.wrapping_mul(size));
                at(low)..at(high.wrapping_add(1))
            }
            _ => 0..0,
        }
    }

    fn from_slice<T: Element>(
        data: *mut T,
        len: usize,
        shape: &[usize],
        strides: Option<(&[isize], usize)>,
    ) -> Result<Self, Error> {
        let layout = match strides {
            Some((strides, _)) if strides.len() != shape.len() => {
                let error = Error::new(Status::Strides, c"strides", c"one per axis");
                return Err(error.with_lengths(strides.len(), shape.len()));
            }
            Some((strides, _)) => {
                Layout::new(shape.iter().copied(), Some(&mut strides.iter().copied()), c"shape")?
            }
            None => Layout::new(shape.iter().copied(), None, c"shape")?,
        };
        let (low, high) = layout.span(size_of::<T>(), c"shape")?;
        let Some((_, first)) = strides else {
            // Without strides the array has to span exactly the slice.
            let exact = high.wrapping_add(1) as usize == len;
            let array = Self { data: data.cast(), dtype: T::DTYPE, layout };
            return if exact {
                Ok(array)
            } else {
                let error = Error::new(Status::Shape, c"data", c"the product of the extents");
                Err(error.with_lengths(len, high.wrapping_add(1) as usize))
            };
        };
        let inside = high < low
            || (first.checked_add_signed(low).is_some()
                && first.checked_add_signed(high).is_some_and(|last| last < len));
        if !inside {
            return Err(Error::new(Status::Strides, c"strides", c"all elements within the slice"));
        }
        Ok(Self { data: data.wrapping_add(first).cast(), dtype: T::DTYPE, layout })
    }
}

/// A read-only view of an n-dimensional array of any [`Element`] type, with strides.
///
/// ```
/// use segloss::{Dtype, View};
///
/// let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// let view = View::new(&logits, &[1, 2, 3])?;
/// assert_eq!((view.shape(), view.dtype()), (&[1, 2, 3][..], Dtype::F32));
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) array: Array,
    lifetime: PhantomData<&'a [u8]>,
}

// SAFETY: a `View` is made from a shared slice of `Send + Sync` elements, or by a caller who
// guarantees the same; its elements are only read.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// Creates a view of a whole slice in C order (last axis contiguous).
    ///
    /// # Errors
    /// [`Status::Shape`] unless the length of the slice is the product of the extents and there are at most
    /// [`MAX_AXES`] axes; [`Status::TooLarge`] if the product exceeds the address space.
    ///
    /// # Examples
    /// ```
    /// use segloss::{Status, View};
    ///
    /// let labels = [1u8, 0, 1, 1, 0, 2];
    /// assert!(View::new(&labels, &[2, 3]).is_ok());
    /// assert_eq!(View::new(&labels, &[2, 4]).unwrap_err().status, Status::Shape);
    /// ```
    pub fn new<T: Element>(data: &'a [T], shape: &[usize]) -> Result<Self, Error> {
        let array = Array::from_slice(data.as_ptr().cast_mut(), data.len(), shape, None)?;
        Ok(Self { array, lifetime: PhantomData })
    }

    /// Creates a view of a part of a slice. The element at index `[0, 0, …]` is `data[first]`; strides are in elements
    /// and may be 0 or negative.
    ///
    /// # Errors
    /// [`Status::Strides`] unless there is one stride per axis and every element lies in the slice; [`Status::Shape`]
    /// and [`Status::TooLarge`] as in [`View::new`].
    ///
    /// # Examples
    /// ```
    /// use segloss::View;
    ///
    /// // A prediction stored channels-last, [B, X, C], viewed as [B, C, X].
    /// let logits = [0.5f32, 1.5, 2.0, -2.0, -1.0, 0.0];
    /// let view = View::strided(&logits, 0, &[1, 2, 3], &[6, 1, 2])?;
    /// assert_eq!(view.shape(), [1, 2, 3]);
    /// # Ok::<(), segloss::Error>(())
    /// ```
    pub fn strided<T: Element>(
        data: &'a [T],
        first: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        let array = Array::from_slice(data.as_ptr().cast_mut(), data.len(), shape, Some((strides, first)))?;
        Ok(Self { array, lifetime: PhantomData })
    }

    /// Returns the extents, outermost axis first.
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// Returns the element type.
    pub fn dtype(&self) -> Dtype {
        self.array.dtype
    }

    /// Creates a view of memory that the caller guarantees.
    pub(crate) fn of(array: Array) -> Self {
        Self { array, lifetime: PhantomData }
    }
}

/// A writable view of an n-dimensional array, with strides. Gradients and fields take floating-point elements.
///
/// ```
/// use segloss::{Gradient, ViewMut};
///
/// let mut output = [0f32; 6];
/// let gradient = Gradient::new(ViewMut::new(&mut output, &[1, 2, 3])?);
/// assert_eq!(gradient.output.shape(), [1, 2, 3]);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Debug)]
pub struct ViewMut<'a> {
    pub(crate) array: Array,
    lifetime: PhantomData<&'a mut [u8]>,
}

// SAFETY: a `ViewMut` is made from an exclusive slice of `Send` elements, or by a caller who
// guarantees the same.
unsafe impl Send for ViewMut<'_> {}

impl<'a> ViewMut<'a> {
    /// Creates a view of a whole slice in C order (last axis contiguous).
    ///
    /// # Errors
    /// As [`View::new`].
    ///
    /// # Examples
    /// ```
    /// use segloss::{Status, ViewMut};
    ///
    /// let mut gradient = [0f32; 6];
    /// assert_eq!(ViewMut::new(&mut gradient, &[1, 2, 4]).unwrap_err().status, Status::Shape);
    /// assert!(ViewMut::new(&mut gradient, &[1, 2, 3]).is_ok());
    /// ```
    pub fn new<T: Element>(data: &'a mut [T], shape: &[usize]) -> Result<Self, Error> {
        let array = Array::from_slice(data.as_mut_ptr(), data.len(), shape, None)?;
        Ok(Self { array, lifetime: PhantomData })
    }

    /// Creates a view of a part of a slice, as [`View::strided`] does.
    ///
    /// # Errors
    /// As [`View::strided`]; and [`Status::Strides`] if two indices map to the same element. Sorted by size, each
    /// stride has to exceed the span of the smaller ones.
    ///
    /// # Examples
    /// ```
    /// use segloss::{Status, ViewMut};
    ///
    /// let mut gradient = [0f32; 6];
    /// assert!(ViewMut::strided(&mut gradient, 0, &[1, 2, 3], &[6, 1, 2]).is_ok());
    /// // A stride of 0 maps all indices of the axis to one element.
    /// assert_eq!(ViewMut::strided(&mut gradient, 0, &[2, 3], &[0, 1]).unwrap_err().status, Status::Strides);
    /// ```
    pub fn strided<T: Element>(
        data: &'a mut [T],
        first: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        let array = Array::from_slice(data.as_mut_ptr(), data.len(), shape, Some((strides, first)))?;
        if !array.layout.is_injective() {
            return Err(Error::new(
                Status::Strides,
                c"strides",
                c"different elements for different indices of an output",
            ));
        }
        Ok(Self { array, lifetime: PhantomData })
    }

    /// Returns the extents, outermost axis first.
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// Returns the element type.
    pub fn dtype(&self) -> Dtype {
        self.array.dtype
    }

    /// Creates a view of memory that the caller guarantees.
    pub(crate) fn of(array: Array) -> Self {
        Self { array, lifetime: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{TestResult, quickcheck};
    use std::vec::Vec;

    #[test]
    fn a_slice_whose_length_is_not_the_product_of_the_extents_is_refused() {
        let data = [0f32; 7];
        assert_eq!(View::new(&data, &[2, 4]).unwrap_err().status, Status::Shape);
        assert_eq!(View::new(&data, &[2, 3]).unwrap_err().status, Status::Shape);
        assert!(View::new(&data, &[7]).is_ok());
    }

    #[test]
    fn strides_may_be_negative_or_zero_but_not_leave_the_slice() {
        let data = [0u8; 6];
        assert!(View::strided(&data, 5, &[2, 3], &[-3, -1]).is_ok());
        assert_eq!(View::strided(&data, 4, &[2, 3], &[-3, -1]).unwrap_err().status, Status::Strides);
        assert!(View::strided(&data, 0, &[100, 6], &[0, 1]).is_ok());
    }

    #[test]
    fn products_of_extents_beyond_the_address_space_are_refused() {
        let huge = [usize::MAX / 2, 3, 5];
        assert_eq!(View::new(&[0f32; 4], &huge).unwrap_err().status, Status::TooLarge);
        assert!(View::new::<f32>(&[], &[usize::MAX, 0, 7]).is_ok());
        let far = [isize::MAX, 1];
        assert_eq!(View::strided(&[0f32; 4], 0, &[3, 2], &far).unwrap_err().status, Status::Strides);
    }

    quickcheck! {
        fn an_injective_layout_maps_no_two_indices_to_one_element(axes: Vec<(u8, i8)>) -> TestResult {
            let axes: Vec<_> = axes.iter().map(|&(n, s)| (n as usize % 4 + 1, s as isize % 20)).take(4).collect();
            let shape: Vec<_> = axes.iter().map(|a| a.0).collect();
            let layout =
                Layout::new(shape.iter().copied(), Some(&mut axes.iter().map(|a| a.1)), c"").unwrap();
            let mut seen = std::collections::HashSet::new();
            let mut all_differ = true;
            for flat in 0..shape.iter().product::<usize>() {
                let (mut rest, mut offset) = (flat, 0);
                for &(extent, stride) in axes.iter().rev() {
                    offset += (rest % extent) as isize * stride;
                    rest /= extent;
                }
                all_differ &= seen.insert(offset);
            }
            // The condition is sufficient, not necessary: interleaved views are refused.
            TestResult::from_bool(all_differ || !layout.is_injective())
        }
    }
}
