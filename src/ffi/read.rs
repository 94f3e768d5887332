//! Turns the pointers of a C call into structs, slices and views.

use crate::array::dtype::Dtype;
use crate::array::view::{Array, Layout, MAX_AXES};
use crate::error::{Error, Status};
use crate::ffi::structs::{
    segloss_args, segloss_distance_args, segloss_executor, segloss_output, segloss_tensor, segloss_term,
};
use core::ffi::CStr;
use core::mem::MaybeUninit;

/// A struct_size above this is refused: it comes from a struct that was not initialised.
const LARGEST_STRUCT: usize = 4096;

/// A struct that starts with its size in bytes, and for which all zero bytes are a valid value.
///
/// # Safety
/// `repr(C)`, without padding, starting with a `u32` that is its size; all zero bytes are valid.
pub(super) unsafe trait Sized32: Copy {
    /// The name of the argument in errors.
    const NAME: &'static CStr;
    /// The offsets of its fields. A shorter struct ends at one of them.
    const STARTS: &'static [usize];

    /// Whether a struct of this size ends between two fields, or is as long as this version's or longer.
    fn is_size(size: usize) -> bool {
        (size_of::<Self>()..=LARGEST_STRUCT).contains(&size) || size >= 4 && Self::STARTS.contains(&size)
    }
}

/// Implements [`Sized32`] for a struct whose fields are named in order.
macro_rules! sized {
    ($struct:ident, $name:literal, $($field:ident)*) => {
        // Fails to compile if a field is missing from the list.
        const _: fn($struct) = |$struct { $($field: _),* }| ();
        // SAFETY: integers, doubles, raw pointers and nullable function pointers; padding is ruled out in
        // `structs`.
        unsafe impl Sized32 for $struct {
            const NAME: &'static CStr = $name;
            const STARTS: &'static [usize] = {
                &[$(core::mem::offset_of!($struct, $field)),*]
            };
        }
    };
}
sized!(segloss_args, c"args", struct_size flags activation ignore_len grad_scale pred target voxel_weight class_present ignore spacing value term_values class_values class_sums grad error scratch scratch_size executor);
sized!(segloss_distance_args, c"args", struct_size flags kind classes mask spacing out error scratch scratch_size executor);
sized!(segloss_term, c"terms", struct_size flags variant class_average sample_average absent normalizer reserved weight alpha beta gamma k smooth_numerator smooth_denominator label_smoothing loss class_weight region context top_k_search field voxel voxel_context);
sized!(segloss_executor, c"executor", struct_size workers parallel_for context);

/// Copies a struct of the caller's size and returns both. The missing tail of a shorter struct is zero. The unknown
/// tail of a longer struct must be zero.
///
/// # Safety
/// `from` is NULL or readable for as many bytes as its first four say.
pub(super) unsafe fn read<T: Sized32>(from: *const T) -> Result<(T, usize), Error> {
    const EXPECTED: &CStr =
        c"the sizeof of the struct; a longer struct has a zero tail, a shorter one ends between two fields";
    if from.is_null() {
        return Err(Error::new(Status::NullPointer, T::NAME, c"a struct"));
    }
    // SAFETY: the caller promises a readable u32; the address need not be aligned.
    let size = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    if !T::is_size(size) {
        let error = Error::new(Status::StructSize, T::NAME, EXPECTED);
        return Err(error.with_lengths(size, size_of::<T>()));
    }
    let known = size.min(size_of::<T>());
    let mut to = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller promises `known` readable bytes, and `to` has room for them.
    unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.as_mut_ptr().cast::<u8>(), known) };
    for at in known..size {
        // SAFETY: the caller promises `size` readable bytes.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            return Err(Error::new(Status::StructSize, T::NAME, EXPECTED));
        }
    }
    // SAFETY: any bytes are a value of a `Sized32` type, and the bytes that were not copied are zero.
    Ok((unsafe { to.assume_init() }, size))
}

/// Writes a struct into `size` bytes: the fields that fit, then zeros.
///
/// # Safety
/// `to` is NULL or writable for `size` bytes.
pub(super) unsafe fn write<T: Sized32>(value: &T, to: *mut T, size: usize) -> Result<(), Error> {
    if to.is_null() {
        return Err(Error::new(Status::NullPointer, T::NAME, c"a struct"));
    }
    if !T::is_size(size) {
        let error = Error::new(Status::StructSize, T::NAME, c"sizeof of the struct");
        return Err(error.with_lengths(size, size_of::<T>()));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the caller promises `size` writable bytes; a `Sized32` type has no padding.
    unsafe {
        core::ptr::copy_nonoverlapping(core::ptr::from_ref(value).cast::<u8>(), to.cast::<u8>(), known);
        to.cast::<u8>().add(known).write_bytes(0, size - known);
    }
    Ok(())
}

/// An input array of C as a slice; `None` if it is NULL.
///
/// # Safety
/// `data` is NULL or readable for `len` elements during `'a`.
pub(super) unsafe fn slice<'a, T>(
    data: *const T,
    len: usize,
    name: &'static CStr,
) -> Result<Option<&'a [T]>, Error> {
    check_pointer(data, len, name)?;
    // SAFETY: the caller promises `len` elements for `'a`; length and alignment were checked.
    Ok((!data.is_null()).then(|| unsafe { core::slice::from_raw_parts(data, len) }))
}

/// An output array of C as a slice; `None` if it is NULL.
///
/// # Safety
/// `data` is NULL or writable for `len` elements during `'a`, and nothing else refers to them.
pub(super) unsafe fn slice_mut<'a, T>(
    data: *mut T,
    len: usize,
    name: &'static CStr,
) -> Result<Option<&'a mut [T]>, Error> {
    check_pointer(data, len, name)?;
    // SAFETY: the caller promises `len` elements for `'a`; length and alignment were checked.
    Ok((!data.is_null()).then(|| unsafe { core::slice::from_raw_parts_mut(data, len) }))
}

fn check_pointer<T>(data: *const T, len: usize, name: &'static CStr) -> Result<(), Error> {
    if data.is_null() {
        return Ok(());
    }
    if !data.is_aligned() {
        return Err(Error::new(Status::Misaligned, name, c"aligned to its element"));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Error::new(Status::TooLarge, name, c"at most PTRDIFF_MAX bytes")),
    }
}

/// Whether the call reads elements. Size queries and segloss_finalize do not, so their tensors need no data.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Data {
    Read,
    Ignored,
}

/// A tensor of C as an array; `None` if all its fields are zero.
///
/// # Safety
/// `shape` and `strides` are NULL or readable for `ndim` entries.
pub(super) unsafe fn tensor(
    tensor: &segloss_tensor,
    data: Data,
    name: &'static CStr,
) -> Result<Option<Array>, Error> {
    let &segloss_tensor { data: address, shape, strides, ndim, dtype } = tensor;
    if address.is_null() && shape.is_null() && strides.is_null() && ndim == 0 && dtype == 0 {
        return Ok(None);
    }
    let dtype = Dtype::from_code(dtype).ok_or(Error::new(
        Status::Dtype,
        name,
        c"one of the dtype codes, SEGLOSS_U8 to SEGLOSS_F64",
    ))?;
    // SAFETY: the caller promises `ndim` readable entries of shape and strides.
    let layout = unsafe { layout(shape, strides, ndim, name)? };
    if data == Data::Read && address.is_null() && !layout.shape().contains(&0) {
        return Err(Error::new(Status::NullPointer, name, c"data"));
    }
    let address = if data == Data::Read { address.cast_mut().cast() } else { core::ptr::null_mut() };
    Array::new(address, dtype, layout, name).map(Some)
}

/// The shape and strides of a tensor of C.
///
/// # Safety
/// As [`tensor`].
unsafe fn layout(
    shape: *const i64,
    strides: *const i64,
    ndim: u32,
    name: &'static CStr,
) -> Result<Layout, Error> {
    let axes = ndim as usize;
    if axes > MAX_AXES {
        return Err(Error::new(Status::Shape, name, c"at most 16 axes").with_given(axes as f64));
    }
    if shape.is_null() && axes > 0 {
        return Err(Error::new(Status::NullPointer, name, c"shape"));
    }
    let mut extents = [0usize; MAX_AXES];
    for (axis, to) in extents.iter_mut().enumerate().take(axes) {
        // SAFETY: the caller promises `ndim` readable entries.
        let extent = unsafe { shape.add(axis).read_unaligned() };
        *to = usize::try_from(extent).map_err(|_| {
            Error::new(Status::Shape, name, c"extents >= 0 that the address space can hold")
                .at(axis)
                .with_given(extent as f64)
        })?;
    }
    // SAFETY: the caller promises `ndim` readable entries.
    let steps = unsafe { strides_of(strides, axes, name)? };
    let extents = extents.into_iter().take(axes);
    match steps {
        Some(steps) => Layout::new(extents, Some(&mut steps.into_iter()), name),
        None => Layout::new(extents, None, name),
    }
}

/// The strides of a tensor of C; `None` if they are NULL.
///
/// # Safety
/// `strides` is NULL or readable for `axes` entries.
unsafe fn strides_of(
    strides: *const i64,
    axes: usize,
    name: &'static CStr,
) -> Result<Option<[isize; MAX_AXES]>, Error> {
    if strides.is_null() {
        return Ok(None);
    }
    let mut steps = [0isize; MAX_AXES];
    for (axis, to) in steps.iter_mut().enumerate().take(axes) {
        // SAFETY: the caller promises `axes` readable entries.
        let stride = unsafe { strides.add(axis).read_unaligned() };
        *to = isize::try_from(stride)
            .map_err(|_| Error::new(Status::Strides, name, c"strides within the address space").at(axis))?;
    }
    Ok(Some(steps))
}

/// An output of C with the shape of `like`. Without strides it has those of `like` if `as_like`, else it is
/// C-contiguous.
///
/// # Safety
/// `strides` is NULL or readable for as many entries as `like` has axes.
pub(super) unsafe fn output(
    output: &segloss_output,
    like: &Array,
    as_like: bool,
    name: &'static CStr,
) -> Result<Option<Array>, Error> {
    if output.data.is_null() {
        return Ok(None);
    }
    if output.reserved != 0 {
        return Err(Error::new(Status::Parameter, name, c"reserved = 0"));
    }
    let dtype = match output.dtype {
        0 if as_like => like.dtype,
        0 => Dtype::F32,
        code => {
            Dtype::from_code(code).ok_or(Error::new(Status::Dtype, name, c"SEGLOSS_F16 to SEGLOSS_F64"))?
        }
    };
    // SAFETY: the caller promises one readable stride for each axis of `like`.
    let steps = unsafe { strides_of(output.strides, like.shape().len(), name)? };
    let extents = like.shape().iter().copied();
    let layout = match steps {
        Some(steps) => Layout::new(extents, Some(&mut steps.into_iter()), name)?,
        None if as_like => like.layout,
        None => Layout::new(extents, None, name)?,
    };
    if !layout.is_injective() {
        return Err(Error::new(
            Status::Strides,
            name,
            c"strides that map no two indices to the same element",
        ));
    }
    Array::new(output.data.cast(), dtype, layout, name).map(Some)
}

/// The error of a required pointer that is NULL.
pub(super) fn missing(name: &'static CStr) -> Error {
    Error::new(Status::NullPointer, name, c"a pointer")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri reports an unaligned read, which x86 hides.
    #[test]
    fn shapes_and_strides_are_read_from_unaligned_addresses() {
        let mut bytes = [0u8; 25];
        for (k, extent) in [2i64, 3, 5].into_iter().enumerate() {
            for (to, from) in bytes[1 + 8 * k..].iter_mut().zip(extent.to_ne_bytes()) {
                *to = from;
            }
        }
        let odd: *const i64 = bytes.as_ptr().wrapping_add(1).cast();
        // SAFETY: `bytes` holds three entries at this address.
        let layout = unsafe { layout(odd, odd, 3, c"pred") }.unwrap();
        assert_eq!((layout.shape(), layout.strides()), (&[2usize, 3, 5][..], &[2isize, 3, 5][..]));
    }
}
