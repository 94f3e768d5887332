//! The functions of the distance transform.

use crate::array::dtype::Dtype;
use crate::array::view::{Array, Layout, MAX_AXES};
use crate::distance::class_mask::ClassMask;
use crate::distance::transform;
use crate::distance::transform::scratch_len;
use crate::distance::{Distance, Kind};
use crate::error::{Error, Status};
use crate::executor::Executor;
use crate::ffi::call::report;
use crate::ffi::codes::*;
use crate::ffi::foreign_executor::ForeignExecutor;
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::missing;
use crate::ffi::read::{Data, output, read, slice, slice_mut, tensor, write};
use crate::ffi::structs::*;
use crate::parameter::check_spacing;
use core::ffi::CStr;

/// Fills args with zeros and struct_size. kind, mask, out and scratch remain to be set.
///
/// @param args  receives the arguments.
/// @param size  sizeof(segloss_distance_args).
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if args is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// args is NULL or writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_args_init(
    args: *mut segloss_distance_args,
    size: usize,
) -> segloss_status {
    let filled = segloss_distance_args { struct_size: size as u32, ..NO_DISTANCE_ARGS };
    // SAFETY: the caller promises `size` writable bytes; the error pointer is NULL.
    unsafe { report(write(&filled, args, size), core::ptr::null_mut()) }
}

/// Computes the exact Euclidean distance transform of a mask, or of every class of a label map.
///
///   d(x) = min over y on the other side of sqrt(sum_a (spacing_a (x_a - y_a))^2)
///
/// Distances run from voxel centre to voxel centre. A mask without a boundary (no voxel inside, or no voxel
/// outside) has distance 0 everywhere.
///
/// @param args  mask, output and scratch.
/// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_STRUCT_SIZE, SEGLOSS_DTYPE, SEGLOSS_SHAPE, SEGLOSS_TOO_LARGE,
/// SEGLOSS_STRIDES, SEGLOSS_MISALIGNED, SEGLOSS_OVERLAP, SEGLOSS_SCRATCH or SEGLOSS_PARAMETER; on failure only the
/// error of args is written.
///
/// # Safety
/// Every pointer is NULL or valid as its comment says. Nothing else writes the inputs, or uses the outputs
/// and scratch, during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance(args: *const segloss_distance_args) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        with_distance(args, Data::Read, |args, request, mask, executor| {
            let maps = args.classes.max(1) as usize;
            let voxels = request.validate()?;
            let out = distance_output(args, mask, voxels.saturating_mul(maps))?;
            let mut ranges = Ranges::new();
            ranges.input(mask.bytes(), c"mask");
            ranges.input(bytes(args.spacing, request.shape.len()), c"spacing");
            ranges.output(out.bytes(), c"out");
            ranges.output(bytes(args.scratch.cast::<u8>(), args.scratch_size), c"scratch");
            ranges.check()?;
            if voxels == 0 {
                // Returns before the loop over maps: there may be 2^32 - 1 maps without a voxel.
                return Ok(());
            }
            let size = if args.scratch.is_null() { 0 } else { args.scratch_size };
            let scratch = slice_mut(args.scratch.cast::<u8>(), size, c"scratch")?.unwrap_or_default();
            for class in 0..maps {
                let of_class =
                    if args.classes == 0 { ClassMask::nonzero(mask) } else { ClassMask::label(mask, class) };
                let skip = class * voxels;
                if out.dtype == Dtype::F64 {
                    let to = map(out.data.cast::<f64>(), skip, voxels);
                    transform(request, &of_class, to, scratch, executor)?;
                } else {
                    let to = map(out.data.cast::<f32>(), skip, voxels);
                    transform(request, &of_class, to, scratch, executor)?;
                }
            }
            Ok(())
        })
    }
}

/// Computes how many bytes of scratch segloss_distance needs. Reads no element of a tensor.
///
/// @param args   as for segloss_distance; data of mask may be NULL, out is ignored.
/// @param bytes  receives the size.
/// @return as segloss_distance, without SEGLOSS_OVERLAP and SEGLOSS_SCRATCH.
///
/// # Safety
/// As segloss_distance. bytes is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_scratch_size(
    args: *const segloss_distance_args,
    bytes: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        with_distance(args, Data::Ignored, |_, request, _, executor| {
            let to = slice_mut(bytes, 1, c"bytes")?.ok_or(missing(c"bytes"))?;
            to.fill(scratch_len(request, executor.workers())?);
            Ok(())
        })
    }
}

/// Reads and checks the arguments of a transform and calls `function` with them.
///
/// # Safety
/// As segloss_distance.
unsafe fn with_distance(
    args: *const segloss_distance_args,
    data: Data,
    function: impl Fn(&segloss_distance_args, &Distance<'_>, &Array, &dyn Executor) -> Result<(), Error>,
) -> segloss_status {
    // SAFETY: the caller promises that `args` is NULL or valid.
    let args = match unsafe { read(args) } {
        Ok((args, _)) => args,
        Err(error) => return error.status as segloss_status,
    };
    let result = || {
        // SAFETY: the caller promises valid pointers in args.
        let (executor, mask, given) = unsafe {
            let executor = ForeignExecutor::read(args.executor)?;
            let mask = tensor(&args.mask, data, c"mask")?.ok_or(missing(c"mask"))?;
            (executor, mask, slice(args.spacing, mask.shape().len(), c"spacing")?)
        };
        if mask.dtype.is_float() {
            return Err(Error::new(Status::Dtype, c"mask", c"integers"));
        }
        let unit = [1.0; MAX_AXES];
        let spacing = given.unwrap_or(unit.get(..mask.shape().len()).unwrap_or(&[]));
        check_spacing(spacing, mask.shape().len())?;
        let kind = match args.kind as i32 {
            SEGLOSS_SIGNED => Kind::Signed,
            SEGLOSS_INSIDE => Kind::Inside,
            SEGLOSS_OUTSIDE => Kind::Outside,
            SEGLOSS_OTHER_SIDE => Kind::OtherSide,
            _ => {
                return Err(super::losses::unknown(
                    c"kind",
                    c"SEGLOSS_SIGNED, _INSIDE, _OUTSIDE or _OTHER_SIDE",
                ));
            }
        };
        const EXPECTED: &CStr = c"SEGLOSS_DISTANCE_SQUARED and SEGLOSS_DISTANCE_BLACK_BORDER, or-ed";
        let flags = flags_of(args.flags, SEGLOSS_DISTANCE_SQUARED | SEGLOSS_DISTANCE_BLACK_BORDER);
        let flags = flags.ok_or(super::losses::unknown(c"flags", EXPECTED))?;
        let has = |flag: i32| flags & flag as u32 & 0xffff != 0;
        let request = Distance {
            shape: mask.shape(),
            spacing,
            kind,
            squared: has(SEGLOSS_DISTANCE_SQUARED),
            black_border: has(SEGLOSS_DISTANCE_BLACK_BORDER),
        };
        request.validate()?;
        function(&args, &request, &mask, ForeignExecutor::or_sequential(&executor))
    };
    // SAFETY: the caller promises that the error pointer is NULL or writable.
    unsafe { report(result(), args.error) }
}

/// The output array of a transform, which is C-contiguous.
///
/// # Safety
/// The strides of `out` are NULL or readable.
unsafe fn distance_output(
    args: &segloss_distance_args,
    mask: &Array,
    elements: usize,
) -> Result<Array, Error> {
    let mut extents = [0; MAX_AXES + 1];
    let leading = (args.classes > 0).then_some(args.classes as usize);
    let all = leading.into_iter().chain(mask.shape().iter().copied());
    let axes = extents.iter_mut().zip(all).map(|(to, extent)| *to = extent).count();
    if axes > MAX_AXES {
        return Err(Error::new(Status::Shape, c"mask", c"at most 15 axes with classes"));
    }
    let layout = Layout::new(extents.into_iter().take(axes), None, c"out")?;
    let like = Array { layout, ..*mask };
    // SAFETY: the caller promises readable strides.
    let out = unsafe { output(&args.out, &like, false, c"out")? }.ok_or(missing(c"out"))?;
    if !matches!(out.dtype, Dtype::F32 | Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"out", c"SEGLOSS_F32 or SEGLOSS_F64"));
    }
    if elements > 0 && out.layout != layout {
        return Err(Error::new(Status::Strides, c"out", c"C-contiguous"));
    }
    Ok(out)
}

/// One map of the output.
///
/// # Safety
/// `data` is writable for `skip + voxels` elements, and nothing else refers to them during `'a`.
unsafe fn map<'a, T>(data: *mut T, skip: usize, voxels: usize) -> &'a mut [T] {
    // SAFETY: the caller promises the elements; without voxels `data` may be NULL and is not used.
    if voxels == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(data.add(skip), voxels) } }
}
