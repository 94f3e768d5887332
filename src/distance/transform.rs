//! The public functions, and the sequence of passes in the number types of the plan.

use crate::array::real::Real;
use crate::array::view::View;
use crate::distance::Distance;
use crate::distance::Mask;
use crate::distance::bounding_box::clear_outside;
use crate::distance::class_mask::ClassMask;
use crate::distance::conversion::Conversion;
use crate::distance::exact::exact_len;
use crate::distance::output_buffer::OutputBuffer;
use crate::distance::passes::{Passes, WorkerScratch};
use crate::distance::plan::{Arithmetic, MAX_EXTENT_OF_64_F32_LANES, Plan, Precision};
use crate::distance::squared_distance::SquaredDistance;
use crate::distance::tile::tile_len;
use crate::error::{Error, Status};
use crate::executor::{Executor, MAX_WORKERS, Workers};
use core::sync::atomic::AtomicBool;

/// Outputs of more bytes are written with non-temporal stores: their old content is no longer in the cache.
const NON_TEMPORAL_BYTES: usize = 24 << 20;

/// The same with one column axis, where no pass has read the lines of the output before, except those of records.
const NON_TEMPORAL_BYTES_OF_STRIPS: usize = 12 << 20;

const TOO_SHORT: Error = Error::new(Status::Scratch, c"scratch", c"the bytes that the size query returns");
const TOO_LARGE: Error = Error::new(Status::TooLarge, c"scratch", c"at most PTRDIFF_MAX bytes");

/// Returns the bytes of scratch for `workers` workers, in memory of any alignment. The number grows with every extent
/// and not with the number of voxels: the longest axis takes up to 400 bytes per row and worker.
///
/// For extents up to 1,024 it is at most 512 KiB per worker.
///
/// # Errors
/// Returns [`Error`] if the request is invalid or the number exceeds the address space.
///
/// # Examples
/// ```
/// use segloss::distance::{Distance, Kind, scratch_len};
///
/// let shape = [128, 128, 128];
/// let request =
///     Distance { shape: &shape, spacing: &[1.0; 3], kind: Kind::Signed, squared: false, black_border: false };
/// assert!(scratch_len(&request, 1)? <= 512 << 10);
/// assert!(scratch_len(&request, 4)? > scratch_len(&request, 1)?);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn scratch_len(request: &Distance<'_>, workers: usize) -> Result<usize, Error> {
    if request.validate()? == 0 {
        return Ok(0);
    }
    let plan = Plan::new(request, false)?;
    let bytes = worker_scratch_len(&plan).checked_mul(workers.clamp(1, MAX_WORKERS));
    // Room for alignment to a cache line.
    let all = bytes.and_then(|bytes| bytes.checked_add(64));
    all.filter(|&all| all <= isize::MAX as usize).ok_or(TOO_LARGE)
}

/// Returns the bytes of scratch of one worker: an upper bound over CPU levels and output types, monotone in every
/// extent.
fn worker_scratch_len(plan: &Plan) -> usize {
    let (longest, width) = (plan.longest(), plan.width);
    let narrow = tile_len::<u16>(longest, width, 64);
    let wide = || narrow.max(tile_len::<u32>(longest, width, 32)).max(exact_len(longest));
    match plan.arithmetic {
        Arithmetic::Integer { widest: Precision::U16 } => narrow,
        Arithmetic::Integer { .. } => wide(),
        _ => {
            let single = tile_len::<f32>(longest.min(MAX_EXTENT_OF_64_F32_LANES), width, 64);
            wide().max(single).max(tile_len::<f64>(longest, width, 16))
        }
    }
}

/// Writes the distances of `request` over `mask` to `out`, in C order.
///
/// An output of f32 is correctly rounded for equal spacings of 1, and within a relative error of 2⁻²² otherwise. An
/// output of f64 is the formula in f64, with a few roundings. The bits do not depend on the executor or the CPU.
///
/// # Errors
/// Returns [`Error`] if the request is invalid, `out` does not have one element per voxel, or `scratch` has fewer
/// bytes than [`scratch_len`] returns.
///
/// # Examples
/// ```
/// use segloss::View;
/// use segloss::distance::{ClassMask, Distance, Kind, Sequential, scratch_len, transform};
///
/// let mask = ClassMask::of(&View::new(&[0u8, 1, 1, 1, 0, 0], &[6])?);
/// let request =
///     Distance { shape: &[6], spacing: &[2.0], kind: Kind::Inside, squared: false, black_border: false };
/// let (mut distances, mut scratch) = ([0f32; 6], vec![0; scratch_len(&request, 1)?]);
/// transform(&request, &mask, &mut distances, &mut scratch, &Sequential)?;
/// assert_eq!(distances, [0.0, 2.0, 4.0, 2.0, 0.0, 0.0]);
/// # Ok::<(), segloss::Error>(())
/// ```
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
    // Read once, because scratch is partitioned by the number of workers.
    let workers = executor.workers().clamp(1, MAX_WORKERS);
    let needed = scratch_len(request, workers)?;
    if scratch.len() < needed {
        return Err(TOO_SHORT.with_lengths(scratch.len(), needed));
    }
    if voxels == 0 {
        return Ok(());
    }
    let plan = Plan::new(request, size_of::<T>() == size_of::<f64>())?;
    let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
    let scratch = scratch.get_mut(offset..).ok_or(TOO_SHORT)?;
    run_plan(&plan, mask, out, scratch, workers, executor);
    Ok(())
}

/// Writes the distances of each class `0..classes` of a label map to `out`, one map after the other.
///
/// # Errors
/// As [`transform`], with `classes` · voxels elements of `out`; also if `labels` does not have the shape of the
/// request.
///
/// # Examples
/// ```
/// use segloss::View;
/// use segloss::distance::{Distance, Kind, Sequential, scratch_len, transform_classes};
///
/// let labels = View::new(&[0u8, 1, 1, 0], &[4])?;
/// let request =
///     Distance { shape: &[4], spacing: &[1.0], kind: Kind::Signed, squared: false, black_border: false };
/// let (mut distances, mut scratch) = ([0f32; 8], vec![0; scratch_len(&request, 1)?]);
/// transform_classes(&request, &labels, 2, &mut distances, &mut scratch, &Sequential)?;
/// assert_eq!(distances, [-1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0]);
/// # Ok::<(), segloss::Error>(())
/// ```
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
        return Err(Error::new(Status::Shape, c"out", c"one element per class and voxel"));
    }
    let executor = Workers::of(executor);
    for (class, map) in out.chunks_exact_mut(voxels.max(1)).enumerate() {
        transform(request, &ClassMask::of_class(labels, class), map, scratch, &executor)?;
    }
    Ok(())
}

/// Runs the passes of a plan. `scratch` is aligned to 64 bytes and holds [`worker_scratch_len`] bytes for each of
/// `workers`.
fn run_plan<T: Real>(
    plan: &Plan,
    mask: &dyn Mask,
    out: &mut [T],
    scratch: &mut [u8],
    workers: usize,
    executor: &dyn Executor,
) {
    let mut passes = Passes {
        plan,
        mask,
        buffer: OutputBuffer::new(out),
        executor,
        workers,
        scratch: WorkerScratch { base: scratch.as_mut_ptr(), bytes_per_worker: worker_scratch_len(plan) },
        sides_present: [AtomicBool::new(false), AtomicBool::new(false)],
        saturated: AtomicBool::new(false),
        #[cfg(test)]
        ranges_by_precision: Default::default(),
    };
    let count = plan.column_axis_count();
    let conversion =
        Conversion { scale: plan.spacing, squared: plan.squared, signed: plan.signed, non_temporal: false };
    let cached = if count == 1 { NON_TEMPORAL_BYTES_OF_STRIPS } else { NON_TEMPORAL_BYTES };
    let beyond_cache = |voxels: usize| voxels * size_of::<T>() > cached;
    let cropped;
    if plan.one_sided && !plan.single_voxel_rows {
        let bounds = passes.bounding_box();
        if bounds[0][0] > bounds[0][1] {
            out.fill(T::of(0.0));
            return;
        }
        cropped = plan.crop(&bounds);
        if cropped.rows < plan.rows || cropped.width < plan.width {
            // SAFETY: the ranges of rows are disjoint, and no pass has started.
            passes.for_each_range(plan.rows, |_, rows| unsafe {
                clear_outside(plan, &cropped, passes.buffer, rows, beyond_cache(plan.voxels))
            });
            passes.plan = &cropped;
        }
    }
    let plan = passes.plan;
    let conversion = Conversion { non_temporal: beyond_cache(plan.rows * plan.width), ..conversion };
    // Squared distances of f32 and f64 are in the caller's unit already.
    let unscaled = Conversion { scale: 1.0, ..conversion };
    let wide_blocks = plan.lanes == 64;
    let has_boundary = match plan.arithmetic {
        Arithmetic::Integer { widest } if count == 1 && wide_blocks => {
            passes.strips::<64>(conversion, widest)
        }
        Arithmetic::Integer { widest } if count == 1 => passes.strips::<32>(conversion, widest),
        Arithmetic::Integer { widest } => {
            let limit = (widest > Precision::U16).then_some(u16::SATURATED);
            if wide_blocks {
                passes.along_axes::<u16, 64>(0..count, Some(conversion), limit, None)
            } else {
                passes.along_axes::<u16, 32>(0..count, Some(conversion), limit, None)
            }
        }
        Arithmetic::Mixed { may_saturate } => {
            let limit_between = may_saturate.then_some(u16::SATURATED);
            let integer_axes = 0..plan.equal_axes;
            let has_boundary = if wide_blocks {
                passes.along_axes::<u16, 64>(integer_axes, None, limit_between, None)
            } else {
                passes.along_axes::<u16, 32>(integer_axes, None, limit_between, None)
            };
            // If nothing was too far, saturated squares mean that there is no candidate, and no sum is wrong.
            let may_be_inexact =
                may_saturate && (passes.take_saturated() || plan.width > u16::SATURATING_STEPS);
            let limit = may_be_inexact.then_some((65534.9 * plan.squared_spacing) as f32);
            let (float_axes, u16_unit) = (plan.equal_axes..count, Some(plan.squared_spacing));
            has_boundary
                && if wide_blocks {
                    passes.along_axes::<f32, 64>(float_axes, Some(unscaled), limit, u16_unit)
                } else {
                    passes.along_axes::<f32, 32>(float_axes, Some(unscaled), limit, u16_unit)
                }
        }
        Arithmetic::F64 => passes.along_axes::<f64, 16>(0..count, Some(unscaled), None, None),
        Arithmetic::F32 if wide_blocks => passes.along_axes::<f32, 64>(0..count, Some(unscaled), None, None),
        Arithmetic::F32 => passes.along_axes::<f32, 32>(0..count, Some(unscaled), None, None),
        Arithmetic::Exact => passes.exact(unscaled),
    };
    if !has_boundary {
        out.fill(T::of(0.0));
        return;
    }
    if !passes.take_saturated() {
        return;
    }
    let plan = plan.with_32_lanes();
    passes.plan = &plan;
    let Arithmetic::Integer { widest } = plan.arithmetic else {
        passes.along_axes::<f32, 32>(0..count, Some(unscaled), None, None);
        return;
    };
    if plan.countable {
        let limit = (widest > Precision::U32).then_some(u32::SATURATED);
        passes.along_axes::<u32, 32>(0..count, Some(conversion), limit, None);
        if !passes.take_saturated() {
            return;
        }
    }
    passes.exact(conversion);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Kind, reference};
    use crate::executor::Sequential;
    use core::sync::atomic::Ordering;
    use std::vec::Vec;
    use std::{assert, assert_eq, vec};

    fn request<'a>(shape: &'a [usize], spacing: &'a [f64]) -> Distance<'a> {
        Distance { shape, spacing, kind: Kind::Signed, squared: false, black_border: false }
    }

    fn reference_distances(request: &Distance<'_>, mask: &[u8]) -> Vec<f64> {
        let view = View::new(mask, request.shape).unwrap();
        let mut scratch = vec![0.0; reference::scratch_len(request).unwrap()];
        let mut out = vec![0.0; mask.len()];
        reference::transform(request, &ClassMask::of(&view), &mut out, &mut scratch).unwrap();
        out
    }

    /// Returns the number of ranges of tiles in u16, u32 and exact precision, for a strip of 3 rows of `width`
    /// voxels.
    fn runs(width: usize, inside: impl Fn(usize) -> bool) -> [usize; 3] {
        let shape = [3, width];
        let mask: Vec<u8> = (0..3 * width).map(|k| inside(k % width).into()).collect();
        let (view, request) = (View::new(&mask, &shape).unwrap(), request(&shape, &[1.0; 2]));
        let plan = Plan::new(&request, false).unwrap();
        let Arithmetic::Integer { widest } = plan.arithmetic else { panic!("{:?}", plan.arithmetic) };
        let mut scratch = vec![0u8; worker_scratch_len(&plan) + 64];
        let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
        let mut out = vec![0f32; mask.len()];
        let mask_of = ClassMask::of(&view);
        let passes = Passes {
            plan: &plan,
            mask: &mask_of,
            buffer: OutputBuffer::new(&mut out),
            executor: &Sequential,
            workers: 1,
            scratch: WorkerScratch {
                base: scratch[offset..].as_mut_ptr(),
                bytes_per_worker: worker_scratch_len(&plan),
            },
            sides_present: Default::default(),
            saturated: AtomicBool::new(false),
            ranges_by_precision: Default::default(),
        };
        let conversion = Conversion { scale: 1.0, squared: false, signed: true, non_temporal: false };
        assert!(if plan.lanes == 64 {
            passes.strips::<64>(conversion, widest)
        } else {
            passes.strips::<32>(conversion, widest)
        });
        let runs = passes.ranges_by_precision.map(|runs| runs.load(Ordering::Relaxed));
        let want: Vec<f32> = reference_distances(&request, &mask).iter().map(|&d| d as f32).collect();
        assert!(out == want, "{width}");
        runs
    }

    /// The precision follows the distances that occur and not the size of the image.
    #[test]
    fn u32_is_used_for_long_distances_only() {
        assert_eq!(runs(70_000, |x| x / 50 % 2 == 0), [1, 0, 0]);
        // One hole of 2,000 voxels: u32 from its first tile to its last.
        let [in_u16, in_u32, in_exact] = runs(70_000, |x| x / 50 % 2 == 0 && !(30_000..32_000).contains(&x));
        assert!(in_u16 <= 3 && (1..=2).contains(&in_u32) && in_exact == 0, "{in_u16} {in_u32} {in_exact}");
        // Only voxels more than 46,340 from the inside voxel are exact, and the others of their tiles of 32 or 64
        // voxels.
        let [_, in_u32, in_exact] = runs(50_000, |x| x == 0);
        let beyond = 50_000 - 46_340;
        assert!(
            (beyond / 64..=beyond / 32 + 2).contains(&in_exact) && in_u32 <= in_exact + 2,
            "{in_u32} {in_exact}"
        );
    }

    /// Where an output element is too short for the steps, the distances between passes are rounded.
    #[test]
    fn rounded_distances_between_passes_are_close() {
        let shape = [9, 20, 70];
        let mask: Vec<u8> = (0..9 * 20 * 70).map(|k| (k * k % 1009 < 7).into()).collect();
        let view = View::new(&mask, &shape).unwrap();
        for spacing in [[1.0; 3], [3.0, 0.7, 0.9]] {
            let request = request(&shape, &spacing);
            let mut plan = Plan::new(&request, false).unwrap().with_32_lanes();
            (plan.arithmetic, plan.rounds_between_passes) = (Arithmetic::Exact, true);
            let mut scratch = vec![0u8; exact_len(70).max(worker_scratch_len(&plan)) + 64];
            let offset = scratch.as_ptr().addr().wrapping_neg() % 64;
            let mut out = vec![0f32; mask.len()];
            run_plan(&plan, &ClassMask::of(&view), &mut out, &mut scratch[offset..], 1, &Sequential);
            let want = reference_distances(&request, &mask);
            let is_close = |(&got, &want): (&f32, &f64)| {
                (f64::from(got) - want).abs() <= want.abs() / f64::from(1 << 22)
            };
            assert!(out.iter().zip(&want).all(is_close), "{spacing:?}");
            let is_rounded = |(&got, &want): (&f32, &f64)| got != want as f32;
            assert!(out.iter().zip(&want).any(is_rounded), "nothing was rounded: {spacing:?}");
        }
    }
}
