//! Views of the arrays of the crate `ndarray`, with any strides.

use crate::array::dtype::Element;
use crate::array::view::{Array, Layout, View, ViewMut};
use crate::error::{Error, Status};
use ndarray::{ArrayBase, ArrayView, ArrayViewMut, Data, DataMut, Dimension};

/// Returns the array at `first`, the address of the element at index `[0, 0, …]`. The strides are those of an
/// `ndarray`, which guarantees that every element lies in its memory.
fn array<T: Element>(first: *mut T, shape: &[usize], strides: &[isize]) -> Result<Array, Error> {
    let layout = Layout::new(shape.iter().copied(), Some(&mut strides.iter().copied()), c"shape")?;
    Ok(Array { data: first.cast(), dtype: T::DTYPE, layout })
}

/// Returns the array of an output.
fn output<T: Element>(first: *mut T, shape: &[usize], strides: &[isize]) -> Result<Array, Error> {
    let array = array(first, shape, strides)?;
    if !array.layout.is_injective() {
        let expected = c"different elements for different indices of an output";
        return Err(Error::new(Status::Strides, c"strides", expected));
    }
    Ok(array)
}

/// A view of an array, of the elements and strides that it has: also permuted, sliced, mirrored or broadcast. Needs the
/// feature `ndarray`.
///
/// # Errors
/// [`Status::Shape`] for more than [`MAX_AXES`](crate::MAX_AXES) axes.
///
/// # Examples
/// ```
/// use ndarray::{Array3, s};
/// use segloss::View;
///
/// // Channels last, [B, X, C], as [B, C, X]; every second voxel from right to left.
/// let logits = Array3::<f32>::zeros((1, 5, 2));
/// let seen = logits.view().permuted_axes([0, 2, 1]);
/// let seen = seen.slice(s![.., .., ..;-2]);
/// assert_eq!(View::try_from(&seen)?.shape(), [1, 2, 3]);
/// # Ok::<(), segloss::Error>(())
/// ```
impl<'a, T: Element, S: Data<Elem = T>, D: Dimension> TryFrom<&'a ArrayBase<S, D>> for View<'a> {
    type Error = Error;

    fn try_from(from: &'a ArrayBase<S, D>) -> Result<Self, Error> {
        array(from.as_ptr().cast_mut(), from.shape(), from.strides()).map(Self::of)
    }
}

/// A view of a view, for the time that the latter borrows its array. Needs the feature `ndarray`.
///
/// # Errors
/// As for `&ArrayBase`.
impl<'a, T: Element, D: Dimension> TryFrom<ArrayView<'a, T, D>> for View<'a> {
    type Error = Error;

    fn try_from(from: ArrayView<'a, T, D>) -> Result<Self, Error> {
        array(from.as_ptr().cast_mut(), from.shape(), from.strides()).map(Self::of)
    }
}

/// A writable view of an array. Needs the feature `ndarray`.
///
/// # Errors
/// [`Status::Strides`] if two indices map to the same element; sorted by size, each stride has to exceed the span of
/// the smaller ones. [`Status::Shape`] for more than [`MAX_AXES`](crate::MAX_AXES) axes.
///
/// # Examples
/// ```
/// use ndarray::Array3;
/// use segloss::{Gradient, ViewMut};
///
/// let mut gradient = Array3::<f32>::zeros((1, 2, 3));
/// let gradient = Gradient::new(ViewMut::try_from(&mut gradient)?);
/// # Ok::<(), segloss::Error>(())
/// ```
impl<'a, T: Element, S: DataMut<Elem = T>, D: Dimension> TryFrom<&'a mut ArrayBase<S, D>> for ViewMut<'a> {
    type Error = Error;

    fn try_from(from: &'a mut ArrayBase<S, D>) -> Result<Self, Error> {
        Self::try_from(from.view_mut())
    }
}

/// A writable view of a writable view, for the time that the latter borrows its array. Needs the feature `ndarray`.
///
/// # Errors
/// As for `&mut ArrayBase`.
impl<'a, T: Element, D: Dimension> TryFrom<ArrayViewMut<'a, T, D>> for ViewMut<'a> {
    type Error = Error;

    fn try_from(mut from: ArrayViewMut<'a, T, D>) -> Result<Self, Error> {
        let first = from.as_mut_ptr();
        output(first, from.shape(), from.strides()).map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Gradient, differentiate, scratch_len};
    use crate::batch::Batch;
    use crate::loss::activation::Activation;
    use crate::loss::term::Term;
    use crate::region::dice::Dice;
    use ndarray::{Array, Array3, Axis, IxDyn, s};
    use std::vec;

    /// Value and gradient of Dice for labels 1, 0, 1.
    fn dice(prediction: View<'_>, output: ViewMut<'_>) -> f64 {
        let labels = ndarray::arr2(&[[1u8, 0, 1]]);
        let batch = Batch::new(prediction, Activation::Softmax, View::try_from(&labels).unwrap());
        let dice = Dice::default();
        let terms = [Term::new(1.0, &dice)];
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        differentiate(&batch, &terms, Gradient::new(output), &mut scratch).unwrap()
    }

    fn painted(shape: (usize, usize, usize)) -> Array3<f32> {
        let len = shape.0 * shape.1 * shape.2;
        let values = (0..len).map(|i| (i * 7919 % 23) as f32 / 5.0 - 2.0);
        Array::from_iter(values).into_shape_with_order(shape).unwrap()
    }

    #[test]
    fn permuted_sliced_and_mirrored_arrays_have_the_bits_of_their_copies() {
        let whole = painted((1, 8, 4));
        let seen = whole.view().permuted_axes([0, 2, 1]);
        for seen in [
            seen.slice(s![.., ..2, ..3]),
            seen.slice(s![.., ..2, 1..6;2]),
            seen.slice(s![.., 1..3, ..;-3]),
            seen.slice(s![.., ..;-2, 2..7;-2]),
        ] {
            let copy = seen.as_standard_layout().into_owned();
            let (mut expected, mut gradient) = (Array3::<f32>::zeros(copy.raw_dim()), whole.clone());
            let value = dice(View::try_from(&copy).unwrap(), ViewMut::try_from(&mut expected).unwrap());
            assert_eq!(
                dice(
                    View::try_from(seen).unwrap(),
                    ViewMut::try_from(&mut gradient.slice_mut(s![.., ..3, ..2]).permuted_axes([0, 2, 1]))
                        .unwrap()
                ),
                value
            );
            assert_eq!(gradient.slice(s![.., ..3, ..2]).permuted_axes([0, 2, 1]), expected);
            // Elements outside of the output keep their values.
            assert_eq!(gradient.slice(s![.., 3.., ..]), whole.slice(s![.., 3.., ..]));
        }
    }

    #[test]
    fn mirrored_output_is_written_from_right_to_left() {
        let prediction = painted((1, 2, 3));
        let (mut forward, mut backward) = (Array3::<f64>::zeros((1, 2, 3)), Array3::<f64>::zeros((1, 2, 3)));
        dice(View::try_from(&prediction).unwrap(), ViewMut::try_from(&mut forward).unwrap());
        let mirrored = backward.slice_mut(s![.., .., ..;-1]);
        dice(View::try_from(&prediction).unwrap(), ViewMut::try_from(mirrored).unwrap());
        backward.invert_axis(Axis(2));
        assert_eq!(forward, backward);
    }

    #[test]
    fn broadcast_array_is_an_input_and_no_output() {
        let row = ndarray::arr1(&[0.5f32, -1.0, 2.0]);
        let broadcast = row.broadcast((1, 2, 3)).unwrap();
        assert_eq!(View::try_from(broadcast).unwrap().shape(), [1, 2, 3]);
        let mut data = [0f32; 3];
        let refused = output(data.as_mut_ptr(), &[2, 3], &[0, 1]).unwrap_err();
        assert_eq!((refused.status, refused.argument()), (Status::Strides, "strides"));
    }

    #[test]
    fn more_than_sixteen_axes_are_refused() {
        let array = Array::<u8, _>::zeros(IxDyn(&[1; 17]));
        let refused = View::try_from(&array).unwrap_err();
        assert_eq!(
            (refused.status, refused.argument(), refused.given()),
            (Status::Shape, "shape", Some(17.0))
        );
    }
}
