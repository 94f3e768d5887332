//! The transform: the passes in their order, and which cells they run in.

use super::canvas::Canvas;
use super::cell::Cell;
use super::crop::clear;
use super::emit::Finish;
use super::plan::{Plan, Route, WIDE_REAL};
use super::sweep::{Slots, Sweep};
use super::tile::tile_len;
use super::{ClassMask, Distance, Mask, reference};
use crate::executor::{Executor, MAX_WORKERS};
use crate::{Error, Real, Status, View};
use core::sync::atomic::{AtomicBool, Ordering};

/// Outputs of more bytes than this are written past the cache: what is to be overwritten is no longer in it.
const STREAM: usize = 24 << 20;

const SHORT: Error = Error::new(Status::Scratch, c"scratch", c"as many bytes as the size query says");
const TOO_LARGE: Error = Error::new(Status::TooLarge, c"scratch", c"at most PTRDIFF_MAX bytes");

/// Bytes of scratch for that many workers, in memory of any alignment. It grows with every extent.
///
/// For extents up to 1,024 it is at most 512 KiB a worker. Where squares pass 2·10⁹ voxels, or spacings differ
/// beyond what f32 holds, the transform is the plain one, and wants eight bytes a voxel.
///
/// # Errors
/// [`Error`] unless the request is valid.
pub fn scratch_len(request: &Distance<'_>, workers: usize) -> Result<usize, Error> {
    let plan = Plan::new(request, false)?;
    if plan.voxels == 0 {
        return Ok(0);
    }
    let slots = slot_len(&plan).checked_mul(workers.clamp(1, MAX_WORKERS));
    let plain = match plan.route {
        Route::Plain => reference::scratch_len(request)?.checked_mul(size_of::<f64>()),
        _ => Some(0),
    };
    let (slots, plain) = slots.zip(plain).ok_or(TOO_LARGE)?;
    // Room to begin at a cache line.
    slots.max(plain).checked_add(64).filter(|&all| all <= isize::MAX as usize).ok_or(TOO_LARGE)
}

/// Bytes of scratch of one worker, whatever the CPU and the output; never less for a larger image.
fn slot_len(plan: &Plan) -> usize {
    let (longest, width) = (plan.longest(), plan.width);
    let narrow = tile_len::<u16>(longest, width, 64);
    if plan.route == (Route::Equal { wider: false }) {
        return narrow;
    }
    let wider = narrow.max(tile_len::<u32>(longest, width, 32));
    if plan.integer == plan.count() {
        return wider;
    }
    let wide = tile_len::<f32>(longest.min(WIDE_REAL), width, 64);
    wider.max(wide).max(tile_len::<f64>(longest, width, 16))
}

/// Writes the distances of `request` over `mask` to `out`, in C order.
///
/// f32: correctly rounded for equal spacings of 1, otherwise within 2⁻²² of the distance. f64: as the plain
/// formula has it, to a few roundings. The bits are the same whatever the executor and the CPU.
///
/// # Errors
/// [`Error`] unless the request is valid, `out` has an element for each voxel, and `scratch` the
/// bytes that [`scratch_len`] asks for.
pub fn transform<T: Real>(
    request: &Distance<'_>,
    mask: &dyn Mask,
    out: &mut [T],
    scratch: &mut [u8],
    executor: &dyn Executor,
) -> Result<(), Error> {
    let plan = Plan::new(request, size_of::<T>() == size_of::<f64>())?;
    if out.len() != plan.voxels {
        let error = Error::new(Status::Shape, c"out", c"one element per voxel");
        return Err(error.with_lengths(out.len(), plan.voxels));
    }
    let workers = executor.workers().clamp(1, MAX_WORKERS);
    let needed = scratch_len(request, workers)?;
    if scratch.len() < needed {
        return Err(SHORT.with_lengths(scratch.len(), needed));
    }
    if plan.voxels == 0 {
        return Ok(());
    }
    let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
    let scratch = scratch.get_mut(offset..).ok_or(SHORT)?;
    if plan.route == Route::Plain {
        // SAFETY: any bytes are a double, and the scratch starts at a multiple of 64.
        let (_, doubles, _) = unsafe { scratch.align_to_mut() };
        return reference::transform(request, mask, out, doubles);
    }
    sweep(&plan, mask, out, scratch, workers, executor);
    Ok(())
}

/// Writes the distances of every class `0..classes` of a label map, one map after the other.
///
/// # Errors
/// As [`transform`], for an `out` of `classes` maps; and unless `labels` has the shape of the request.
pub fn transform_classes<T: Real>(
    request: &Distance<'_>,
    labels: &View<'_>,
    classes: usize,
    out: &mut [T],
    scratch: &mut [u8],
    executor: &dyn Executor,
) -> Result<(), Error> {
    let voxels = request.validate()?;
    if labels.shape() != request.shape {
        return Err(Error::new(Status::Shape, c"mask", c"the shape of the request"));
    }
    if voxels.checked_mul(classes) != Some(out.len()) {
        return Err(Error::new(Status::Shape, c"out", c"a map of every voxel for each class"));
    }
    for (class, map) in out.chunks_exact_mut(voxels.max(1)).enumerate() {
        transform(request, &ClassMask::of_class(labels, class), map, scratch, executor)?;
    }
    Ok(())
}

/// Runs a plan that is not [`Route::Plain`]. `scratch` starts at a multiple of 64 and holds [`slot_len`] bytes for
/// each of `workers`.
fn sweep<T: Real>(
    plan: &Plan,
    mask: &dyn Mask,
    out: &mut [T],
    scratch: &mut [u8],
    workers: usize,
    executor: &dyn Executor,
) {
    let mut sweep = Sweep {
        plan,
        mask,
        canvas: Canvas::new(out),
        executor,
        workers,
        scratch: Slots { base: scratch.as_mut_ptr(), each: slot_len(plan) },
        seen: [AtomicBool::new(false), AtomicBool::new(false)],
        too_far: AtomicBool::new(false),
    };
    let count = plan.count();
    let finish = Finish { scale: plan.spacing, squared: plan.squared, signed: plan.signed, stream: false };
    let beyond = |voxels: usize| voxels * size_of::<T>() > STREAM;
    let cropped;
    if plan.one_sided && !plan.gathered {
        let bounds = sweep.survey();
        if bounds[0][0] > bounds[0][1] {
            out.fill(T::of(0.0));
            return;
        }
        cropped = plan.crop(&bounds);
        if cropped.rows < plan.rows || cropped.width < plan.width {
            // SAFETY: rows are dealt out once, and nothing else has begun.
            sweep.split(plan.rows, |_, rows| unsafe {
                clear(plan, &cropped, sweep.canvas, rows, beyond(plan.voxels))
            });
            sweep.plan = &cropped;
        }
    }
    let plan = sweep.plan;
    let finish = Finish { stream: beyond(plan.rows * plan.width), ..finish };
    // Squares of f32 are in the unit of the caller already.
    let real = Finish { scale: 1.0, ..finish };
    let wide = plan.lanes == 64;
    let done = match plan.route {
        Route::Equal { wider } if wide => {
            sweep.passes::<u16, 64>(0..count, Some(finish), wider.then_some(u16::FAR), None)
        }
        Route::Equal { wider } => {
            sweep.passes::<u16, 32>(0..count, Some(finish), wider.then_some(u16::FAR), None)
        }
        Route::Mixed { wider } => {
            let look = wider.then_some(u16::FAR);
            let first = 0..plan.integer;
            let any = if wide {
                sweep.passes::<u16, 64>(first, None, look, None)
            } else {
                sweep.passes::<u16, 32>(first, None, look, None)
            };
            // Nothing was too far: then what is far is nowhere, and no sum can be wrong.
            let doubtful = wider && (sweep.too_far.swap(false, Ordering::Relaxed) || plan.width > u16::REACH);
            let limit = doubtful.then_some((65534.9 * plan.unit) as f32);
            let (rest, unit) = (plan.integer..count, Some(plan.unit));
            any && if wide {
                sweep.passes::<f32, 64>(rest, Some(real), limit, unit)
            } else {
                sweep.passes::<f32, 32>(rest, Some(real), limit, unit)
            }
        }
        Route::Double => sweep.passes::<f64, 16>(0..count, Some(real), None, None),
        _ if wide => sweep.passes::<f32, 64>(0..count, Some(real), None, None),
        _ => sweep.passes::<f32, 32>(0..count, Some(real), None, None),
    };
    if !done {
        out.fill(T::of(0.0));
        return;
    }
    if sweep.too_far.load(Ordering::Relaxed) {
        let plan = plan.wider();
        let again = Sweep { plan: &plan, ..sweep };
        if matches!(plan.route, Route::Equal { .. }) {
            again.passes::<u32, 32>(0..count, Some(finish), None, None);
        } else {
            again.passes::<f32, 32>(0..count, Some(real), None, None);
        }
    }
}
