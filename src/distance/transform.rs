//! The transform: the passes in their order, and which cells they run in.

use crate::array::real::Real;
use crate::array::view::View;
use crate::distance::canvas::OutputBuffer;
use crate::distance::cell::Cell;
use crate::distance::class_mask::ClassMask;
use crate::distance::crop::clear;
use crate::distance::emit::Conversion;
use crate::distance::exact::exact_len;
use crate::distance::plan::{Cells, Plan, Route, WIDE_REAL};
use crate::distance::sweep::{Slots, Sweep};
use crate::distance::tile::tile_len;
use crate::distance::{Distance, Mask};
use crate::error::{Error, Status};
use crate::executor::{Executor, MAX_WORKERS, Workers};
use core::sync::atomic::AtomicBool;

/// Outputs of more bytes than this are written past the cache: what is to be overwritten is no longer in it.
const STREAM: usize = 24 << 20;

const SHORT: Error = Error::new(Status::Scratch, c"scratch", c"as many bytes as the size query says");
const TOO_LARGE: Error = Error::new(Status::TooLarge, c"scratch", c"at most PTRDIFF_MAX bytes");

/// Bytes of scratch for that many workers, in memory of any alignment. It grows with every extent, and not with the
/// number of voxels: the longest axis takes up to 400 bytes a row and a worker.
///
/// For extents up to 1,024 it is at most 512 KiB a worker.
///
/// # Errors
/// [`Error`] unless the request is valid.
pub fn scratch_len(request: &Distance<'_>, workers: usize) -> Result<usize, Error> {
    if request.validate()? == 0 {
        return Ok(0);
    }
    let plan = Plan::new(request, false)?;
    let slots = slot_len(&plan).checked_mul(workers.clamp(1, MAX_WORKERS));
    // Room to begin at a cache line.
    let all = slots.and_then(|slots| slots.checked_add(64));
    all.filter(|&all| all <= isize::MAX as usize).ok_or(TOO_LARGE)
}

/// Bytes of scratch of one worker, whatever the CPU and the output; never less for a larger image.
fn slot_len(plan: &Plan) -> usize {
    let (longest, width) = (plan.longest(), plan.width);
    let narrow = tile_len::<u16>(longest, width, 64);
    let wide = || narrow.max(tile_len::<u32>(longest, width, 32)).max(exact_len(longest));
    match plan.route {
        Route::Equal { widest: Cells::Narrow } => narrow,
        Route::Equal { .. } => wide(),
        _ => {
            let single = tile_len::<f32>(longest.min(WIDE_REAL), width, 64);
            wide().max(single).max(tile_len::<f64>(longest, width, 16))
        }
    }
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
    let voxels = request.validate()?;
    if out.len() != voxels {
        let error = Error::new(Status::Shape, c"out", c"one element per voxel");
        return Err(error.with_lengths(out.len(), voxels));
    }
    // Asked once: scratch is cut by the answer.
    let workers = executor.workers().clamp(1, MAX_WORKERS);
    let needed = scratch_len(request, workers)?;
    if scratch.len() < needed {
        return Err(SHORT.with_lengths(scratch.len(), needed));
    }
    if voxels == 0 {
        return Ok(());
    }
    let plan = Plan::new(request, size_of::<T>() == size_of::<f64>())?;
    let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
    let scratch = scratch.get_mut(offset..).ok_or(SHORT)?;
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
    let executor = Workers::of(executor);
    for (class, map) in out.chunks_exact_mut(voxels.max(1)).enumerate() {
        transform(request, &ClassMask::of_class(labels, class), map, scratch, &executor)?;
    }
    Ok(())
}

/// Runs a plan. `scratch` starts at a multiple of 64 and holds [`slot_len`] bytes for each of `workers`.
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
        canvas: OutputBuffer::new(out),
        executor,
        workers,
        scratch: Slots { base: scratch.as_mut_ptr(), each: slot_len(plan) },
        seen: [AtomicBool::new(false), AtomicBool::new(false)],
        too_far: AtomicBool::new(false),
        #[cfg(test)]
        runs: Default::default(),
    };
    let count = plan.count();
    let finish =
        Conversion { scale: plan.spacing, squared: plan.squared, signed: plan.signed, stream: false };
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
    let finish = Conversion { stream: beyond(plan.rows * plan.width), ..finish };
    // Squares of f32 are in the unit of the caller already.
    let real = Conversion { scale: 1.0, ..finish };
    let wide = plan.lanes == 64;
    let done = match plan.route {
        Route::Equal { widest } if count == 1 && wide => sweep.strips::<64>(finish, widest),
        Route::Equal { widest } if count == 1 => sweep.strips::<32>(finish, widest),
        Route::Equal { widest } => {
            let limit = (widest > Cells::Narrow).then_some(u16::FAR);
            if wide {
                sweep.passes::<u16, 64>(0..count, Some(finish), limit, None)
            } else {
                sweep.passes::<u16, 32>(0..count, Some(finish), limit, None)
            }
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
            let doubtful = wider && (sweep.is_too_far() || plan.width > u16::REACH);
            let limit = doubtful.then_some((65534.9 * plan.unit) as f32);
            let (rest, unit) = (plan.integer..count, Some(plan.unit));
            any && if wide {
                sweep.passes::<f32, 64>(rest, Some(real), limit, unit)
            } else {
                sweep.passes::<f32, 32>(rest, Some(real), limit, unit)
            }
        }
        Route::Double => sweep.passes::<f64, 16>(0..count, Some(real), None, None),
        Route::Real if wide => sweep.passes::<f32, 64>(0..count, Some(real), None, None),
        Route::Real => sweep.passes::<f32, 32>(0..count, Some(real), None, None),
        Route::Exact => sweep.exact(real),
    };
    if !done {
        out.fill(T::of(0.0));
        return;
    }
    if !sweep.is_too_far() {
        return;
    }
    let plan = plan.wider();
    sweep.plan = &plan;
    let Route::Equal { widest } = plan.route else {
        sweep.passes::<f32, 32>(0..count, Some(real), None, None);
        return;
    };
    if plan.countable {
        let limit = (widest > Cells::Wide).then_some(u32::FAR);
        sweep.passes::<u32, 32>(0..count, Some(finish), limit, None);
        if !sweep.is_too_far() {
            return;
        }
    }
    sweep.exact(finish);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Kind;
    use crate::distance::reference;
    use crate::executor::Sequential;
    use core::sync::atomic::Ordering;
    use std::vec::Vec;
    use std::{assert, assert_eq, vec};

    fn request<'a>(shape: &'a [usize], spacing: &'a [f64]) -> Distance<'a> {
        Distance { shape, spacing, kind: Kind::Signed, squared: false, black_border: false }
    }

    fn slow(request: &Distance<'_>, mask: &[u8]) -> Vec<f64> {
        let view = View::new(mask, request.shape).unwrap();
        let mut scratch = vec![0.0; reference::scratch_len(request).unwrap()];
        let mut out = vec![0.0; mask.len()];
        reference::transform(request, &ClassMask::of(&view), &mut out, &mut scratch).unwrap();
        out
    }

    /// Runs of tiles in narrow, wide and exact cells of a strip of 3 rows and `width` voxels.
    fn runs(width: usize, inside: impl Fn(usize) -> bool) -> [usize; 3] {
        let shape = [3, width];
        let mask: Vec<u8> = (0..3 * width).map(|k| inside(k % width).into()).collect();
        let (view, request) = (View::new(&mask, &shape).unwrap(), request(&shape, &[1.0; 2]));
        let plan = Plan::new(&request, false).unwrap();
        let Route::Equal { widest } = plan.route else { panic!("{:?}", plan.route) };
        let mut scratch = vec![0u8; slot_len(&plan) + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut out = vec![0f32; mask.len()];
        let mask_of = ClassMask::of(&view);
        let sweep = Sweep {
            plan: &plan,
            mask: &mask_of,
            canvas: OutputBuffer::new(&mut out),
            executor: &Sequential,
            workers: 1,
            scratch: Slots { base: scratch[offset..].as_mut_ptr(), each: slot_len(&plan) },
            seen: Default::default(),
            too_far: AtomicBool::new(false),
            runs: Default::default(),
        };
        let finish = Conversion { scale: 1.0, squared: false, signed: true, stream: false };
        assert!(if plan.lanes == 64 {
            sweep.strips::<64>(finish, widest)
        } else {
            sweep.strips::<32>(finish, widest)
        });
        let runs = sweep.runs.map(|runs| runs.load(Ordering::Relaxed));
        let want: Vec<f32> = slow(&request, &mask).iter().map(|&d| d as f32).collect();
        assert!(out == want, "{width}");
        runs
    }

    /// Cells are as wide as the distances that occur, whatever the size of the image.
    #[test]
    fn wide_cells_are_for_long_distances_only() {
        assert_eq!(runs(70_000, |x| x / 50 % 2 == 0), [1, 0, 0]);
        // One hole of 2,000 voxels: into it and out of it.
        let [narrow, wide, exact] = runs(70_000, |x| x / 50 % 2 == 0 && !(30_000..32_000).contains(&x));
        assert!(narrow <= 3 && (1..=2).contains(&wide) && exact == 0, "{narrow} {wide} {exact}");
        // Only voxels more than 46,340 from the one inside are exact: their tiles, 32 or 64 voxels each.
        let [_, wide, exact] = runs(50_000, |x| x == 0);
        let beyond = 50_000 - 46_340;
        assert!((beyond / 64..=beyond / 32 + 2).contains(&exact) && wide <= exact + 2, "{wide} {exact}");
    }

    /// Where an output is too short for the steps, the distances it holds between passes are rounded.
    #[test]
    fn rounded_distances_between_passes_are_close() {
        let shape = [9, 20, 70];
        let mask: Vec<u8> = (0..9 * 20 * 70).map(|k| (k * k % 1009 < 7).into()).collect();
        let view = View::new(&mask, &shape).unwrap();
        for spacing in [[1.0; 3], [3.0, 0.7, 0.9]] {
            let request = request(&shape, &spacing);
            let mut plan = Plan::new(&request, false).unwrap().wider();
            (plan.route, plan.rounded) = (Route::Exact, true);
            let mut scratch = vec![0u8; exact_len(70).max(slot_len(&plan)) + 64];
            let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
            let mut out = vec![0f32; mask.len()];
            sweep(&plan, &ClassMask::of(&view), &mut out, &mut scratch[offset..], 1, &Sequential);
            let want = slow(&request, &mask);
            let is_close = |(&got, &want): (&f32, &f64)| {
                (f64::from(got) - want).abs() <= want.abs() / f64::from(1 << 22)
            };
            assert!(out.iter().zip(&want).all(is_close), "{spacing:?}");
            let is_rounded = |(&got, &want): (&f32, &f64)| got != want as f32;
            assert!(out.iter().zip(&want).any(is_rounded), "nothing was rounded: {spacing:?}");
        }
    }
}
