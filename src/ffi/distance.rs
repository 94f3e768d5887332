//! The distance transform, as C calls it.

use super::call::report;
use super::codes::*;
use super::overlap::{Ranges, bytes};
use super::foreign_executor::ForeignExecutor;
use super::read::{Data, output, read, slice, slice_mut, tensor, write};
use super::structs::*;
use super::functions::missing;
use crate::batch::check_spacing;
use crate::distance::{ClassMask, Distance, Kind, scratch_len, transform};
use crate::view::{Array, Layout, MAX_AXES};
use crate::{Dtype, Error, Executor, Status};
use core::ffi::CStr;

/// Fills args with zeros and its size. size is sizeof(segloss_distance_args); kind, mask, out and scratch remain to be
/// set.
///
/// # Safety
/// args is writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_args_init(
    args: *mut segloss_distance_args,
    size: usize,
) -> segloss_status {
    let filled = segloss_distance_args { struct_size: size as u32, ..NO_DISTANCE_ARGS };
    // SAFETY: promised by the caller.
    unsafe { report(write(&filled, args, size), core::ptr::null_mut()) }
}

/// Exact Euclidean distances of a mask, or of every class of a label map.
///
/// # Safety
/// Pointers are NULL or valid as their comments say; out and scratch are used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance(args: *const segloss_distance_args) -> segloss_status {
    // SAFETY: promised by the caller.
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
                // However many maps there are of it.
                return Ok(());
            }
            let size = if args.scratch.is_null() { 0 } else { args.scratch_size };
            let scratch = slice_mut(args.scratch.cast::<u8>(), size, c"scratch")?.unwrap_or_default();
            for class in 0..maps {
                let of =
                    if args.classes == 0 { ClassMask::nonzero(mask) } else { ClassMask::label(mask, class) };
                let skip = class * voxels;
                if out.dtype == Dtype::F64 {
                    let to = map(out.data.cast::<f64>(), skip, voxels);
                    transform(request, &of, to, scratch, executor)?;
                } else {
                    let to = map(out.data.cast::<f32>(), skip, voxels);
                    transform(request, &of, to, scratch, executor)?;
                }
            }
            Ok(())
        })
    }
}

/// Bytes of scratch for these shapes; reads no tensor's data.
///
/// # Safety
/// As segloss_distance; bytes is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_scratch_size(
    args: *const segloss_distance_args,
    bytes: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        with_distance(args, Data::Ignored, |_, request, _, executor| {
            let to = slice_mut(bytes, 1, c"bytes")?.ok_or(missing(c"bytes"))?;
            to.fill(scratch_len(request, executor.workers())?);
            Ok(())
        })
    }
}

/// Reads the arguments of a transform and calls `then` with them.
unsafe fn with_distance(
    args: *const segloss_distance_args,
    data: Data,
    then: impl Fn(&segloss_distance_args, &Distance<'_>, &Array, &dyn Executor) -> Result<(), Error>,
) -> segloss_status {
    // SAFETY: promised by the caller.
    let args = match unsafe { read(args) } {
        Ok((args, _)) => args,
        Err(error) => return error.status as segloss_status,
    };
    let go = || {
        // SAFETY: promised by the caller.
        let (pool, mask, given) = unsafe {
            let executor = ForeignExecutor::read(args.executor)?;
            let mask = tensor(&args.mask, data, c"mask")?.ok_or(missing(c"mask"))?;
            (pool, mask, slice(args.spacing, mask.shape().len(), c"spacing")?)
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
        then(&args, &request, &mask, ForeignExecutor::or_sequential(&executor))
    };
    // SAFETY: promised by the caller.
    unsafe { report(go(), args.error) }
}

/// The output of a transform, which is in C order.
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
    // SAFETY: promised by the caller.
    let out = unsafe { output(&args.out, &like, false, c"out")? }.ok_or(missing(c"out"))?;
    if !matches!(out.dtype, Dtype::F32 | Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"out", c"SEGLOSS_F32 or SEGLOSS_F64"));
    }
    if elements > 0 && out.layout != layout {
        return Err(Error::new(Status::Strides, c"out", c"C-contiguous"));
    }
    Ok(out)
}

/// One map of an output.
///
/// # Safety
/// `data` is writable for `skip + voxels` elements, which nobody else uses during `'a`.
unsafe fn map<'a, T>(data: *mut T, skip: usize, voxels: usize) -> &'a mut [T] {
    // SAFETY: promised by the caller; without voxels there may be no data.
    if voxels == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(data.add(skip), voxels) } }
}
