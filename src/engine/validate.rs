//! The validation pass: reports the first invalid target or weight, and sums weights and targets per class. No later
//! pass can fail.

use crate::array::labels::{CountBytes, FEW_IGNORED, LabelMap};
use crate::array::real::Real;
use crate::checked::slice;
use crate::engine::chunks::Chunk;
use crate::engine::kernel::partial_sums::{AddByLabel, AddRow, Quantity};
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::weighting::{AddValues, OutcomeFactor};
use crate::engine::precise::Precise;
use crate::error::{Error, Status};
use crate::loss::sums::ClassSums;
use crate::problem::{Problem, TargetKind};
use crate::simd::lanes;
use crate::simd::level::{Kernel, dispatch};

/// Adds `target` of a chunk to `sums`, and `weight`, which is the same for all classes, to the first class. If a target
/// or weight is invalid, `weight` is NaN.
///
/// # Safety
/// The arrays of `problem` are readable.
pub(crate) unsafe fn validate_chunk<T: Precise>(
    problem: &Problem<'_>,
    strip: &mut Strip<'_, T>,
    sums: &mut [ClassSums],
    Chunk { sample, start, end }: Chunk,
) {
    // SAFETY: the caller's promise.
    let counted = unsafe {
        match problem.target_kind {
            TargetKind::Labels => count_byte_labels(problem, sums, [sample, start, end]),
            TargetKind::Masks => count_byte_masks(problem, sums, [sample, start, end]),
            TargetKind::Dense => None,
        }
    };
    if let Some(is_valid) = counted {
        if !is_valid {
            sums.iter_mut().for_each(|sums| sums.weight = f64::NAN);
        }
        return;
    }
    for (start, count) in strip.spans(start, end) {
        // SAFETY: the caller's promise; the spans lie in the sample.
        let is_valid = unsafe {
            if problem.target_kind == TargetKind::Labels && problem.weight.is_none() {
                let label = strip.load_labels(problem, sample, start, count);
                count_labels(problem, slice(label, 0..count), sums)
            } else {
                strip.open_unchecked(problem, sample, start, count);
                let is_valid = add_strip(problem, strip, sample, start);
                if strip.ends_unit(start, end) {
                    strip.sums.end_unit(sums);
                }
                is_valid
            }
        };
        if !is_valid {
            strip.sums.end_unit(sums);
            return sums.iter_mut().for_each(|sums| sums.weight = f64::NAN);
        }
    }
}

/// Checks a chunk.
///
/// # Errors
/// [`Status::Label`] or [`Status::Parameter`], with the first invalid voxel.
///
/// # Safety
/// As [`validate_chunk`].
pub(crate) unsafe fn check_chunk<T: Precise>(
    problem: &Problem<'_>,
    strip: &mut Strip<'_, T>,
    Chunk { sample, start, end }: Chunk,
) -> Result<(), Error> {
    for (start, count) in strip.spans(start, end) {
        // SAFETY: the caller's promise; the spans lie in the sample.
        unsafe {
            strip.open_unchecked(problem, sample, start, count);
            check_strip(problem, strip, sample, start)?;
        }
    }
    Ok(())
}

/// Adds voxels of weight 1 with labels that are bytes to the sums of the chunk; `weight` to the first class only. Returns
/// whether each label is a class or ignored; `None` if the labels are no bytes, or the weights or ignored labels are
/// many.
///
/// # Safety
/// As [`validate_chunk`].
unsafe fn count_byte_labels(
    problem: &Problem<'_>,
    chunk: &mut [ClassSums],
    [sample, start, end]: [usize; 3],
) -> Option<bool> {
    if problem.weight.is_some() || problem.ignore.len() > FEW_IGNORED {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { problem.target.byte_labels(sample, start, end - start) }?;
    let is_ignored = |value: i64| problem.ignore.contains(&value);
    let count = |value: u8| dispatch(CountBytes { bytes, value });
    let mut counted = 0;
    let mut add = |label: usize, target: Option<&mut f64>| {
        let Some(value) = u8::try_from(label).ok().filter(|_| !is_ignored(label as i64)) else { return };
        let voxels = count(value);
        counted += voxels;
        target.into_iter().for_each(|target| *target += f64::from(voxels));
    };
    if let [single] = &mut *chunk {
        add(0, None);
        add(1, Some(&mut single.target));
    } else {
        for (label, sums) in chunk.iter_mut().enumerate() {
            add(label, Some(&mut sums.target));
        }
    }
    let mut ignored = 0;
    for (index, &label) in problem.ignore.iter().enumerate() {
        let is_new = problem.ignore.iter().take(index).all(|earlier| *earlier != label);
        if let (Ok(value), true) = (u8::try_from(label), is_new) {
            ignored += count(value);
        }
    }
    if let Some(first) = chunk.first_mut() {
        first.weight += f64::from(counted);
    }
    Some((counted + ignored) as usize == bytes.len())
}

/// As [`count_byte_labels`], for masks of bytes. Returns whether each byte is 0 or 1.
///
/// # Safety
/// As [`validate_chunk`].
unsafe fn count_byte_masks(
    problem: &Problem<'_>,
    chunk: &mut [ClassSums],
    [sample, start, end]: [usize; 3],
) -> Option<bool> {
    if problem.weight.is_some() || problem.class_present.is_some() {
        return None;
    }
    let len = end - start;
    // SAFETY: the caller's promise.
    let row = |class| unsafe { problem.target.byte_row(sample, class, start, len) };
    row(0)?;
    let mut is_valid = true;
    for (class, sums) in chunk.iter_mut().enumerate() {
        let bytes = row(class)?;
        let [zeros, ones] = [0, 1].map(|value| dispatch(CountBytes { bytes, value }));
        is_valid &= (zeros + ones) as usize == len;
        sums.target += f64::from(ones);
    }
    if let Some(first) = chunk.first_mut() {
        first.weight += len as f64;
    }
    Some(is_valid)
}

/// Adds voxels of weight 1 to the sums of the chunk; `weight` to the first class only. Returns whether each label is a
/// class or ignored. Sums of integers have the same bits in any order.
fn count_labels(problem: &Problem<'_>, label: &[i32], chunk: &mut [ClassSums]) -> bool {
    let has_ignored = !problem.ignore.is_empty();
    let count = |first: i32| match first {
        // Ignored labels are one below the first class.
        0 if has_ignored => dispatch(CountLabels::<true> { label, first }),
        _ => dispatch(CountLabels::<false> { label, first }),
    };
    let (mut counted, mut ignored) = (0, 0);
    if let ([single], 1) = (&mut *chunk, problem.classes) {
        let (below, [negative, positive, ..]) = count(0);
        single.target += f64::from(positive);
        (counted, ignored) = (negative + positive, below);
    } else {
        for (fours, of) in chunk.chunks_mut(4).enumerate() {
            let (below, counts) = count(4 * fours as i32);
            ignored += below;
            for (sums, count) in of.iter_mut().zip(counts) {
                sums.target += f64::from(count);
                counted += count;
            }
        }
    }
    if let Some(first) = chunk.first_mut() {
        first.weight += f64::from(counted);
    }
    (counted + ignored) as usize == label.len()
}

/// Adds a strip to the sums of the unit; `weight` to the first class only. Returns whether all values are valid.
unsafe fn add_strip<T: Precise>(
    problem: &Problem<'_>,
    strip: &mut Strip<'_, T>,
    sample: usize,
    start: usize,
) -> bool {
    let len = strip.len;
    let weight = slice(strip.rows.weight, 0..len);
    if problem.weight.is_some() && dispatch(Any { a: weight, b: weight, is_invalid: is_invalid_weight }) {
        return false;
    }
    lanes::dispatch(AddRow { row: weight, sum: strip.sums.rows(Quantity::WEIGHT).at(0, 0) });
    let sums = strip.sums.rows(Quantity::TARGET);
    if problem.target_kind == TargetKind::Labels {
        let label = slice(strip.label, 0..len);
        let (first_label, classes) = (problem.label_of(0), problem.classes);
        lanes::dispatch(AddByLabel { classes, row: weight, label, first_label, sums });
        return !dispatch(Any { a: label, b: weight, is_invalid: is_unknown_label });
    }
    for class in 0..problem.classes {
        // SAFETY: the caller's promise.
        if unsafe { has_invalid_target(problem, strip, sample, class, start) } {
            return false;
        }
        let (weight, value) = (slice(strip.rows.weight, 0..len), strip.target());
        let weight = (!strip.is_unweighted).then_some(weight);
        lanes::dispatch(AddValues {
            value,
            factor: OutcomeFactor::One,
            other: None,
            weight,
            sum: sums.at(class, 0),
        });
    }
    true
}

/// Loads a class of a mask or dense map. Returns whether a value is invalid.
unsafe fn has_invalid_target<T: Precise>(
    problem: &Problem<'_>,
    strip: &mut Strip<'_, T>,
    sample: usize,
    class: usize,
    start: usize,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe { strip.load_unchecked_target(problem, sample, class, start) };
    let target = strip.target();
    match problem.target_kind {
        TargetKind::Masks => dispatch(Any { a: target, b: target, is_invalid: is_invalid_mask }),
        _ => dispatch(Any { a: target, b: target, is_invalid: is_invalid_soft_target }),
    }
}

/// Counts the labels of four classes and, with `BELOW`, the labels one below the first of them.
struct CountLabels<'a, const BELOW: bool> {
    label: &'a [i32],
    first: i32,
}

impl<const BELOW: bool> Kernel for CountLabels<'_, BELOW> {
    type Output = (u32, [u32; 4]);

    #[inline(always)]
    fn run(self) -> (u32, [u32; 4]) {
        let mut below = 0;
        let mut counts = [0; 4];
        for &label in self.label {
            let class = label - self.first;
            if BELOW {
                below += u32::from(class == -1);
            }
            counts[0] += u32::from(class == 0);
            counts[1] += u32::from(class == 1);
            counts[2] += u32::from(class == 2);
            counts[3] += u32::from(class == 3);
        }
        (below, counts)
    }
}

/// Returns an error with the first voxel of the strip that has an invalid weight or target.
unsafe fn check_strip<T: Precise>(
    problem: &Problem<'_>,
    strip: &mut Strip<'_, T>,
    sample: usize,
    start: usize,
) -> Result<(), Error> {
    let first = sample * problem.voxels + start;
    let weight = slice(strip.rows.weight, 0..strip.len);
    if problem.weight.is_some() && dispatch(Any { a: weight, b: weight, is_invalid: is_invalid_weight }) {
        let voxel = weight.iter().position(|&w| is_invalid_weight(w, w)).unwrap_or(0);
        return Err(Error::new(Status::Parameter, c"voxel_weight", c"finite and >= 0").at(first + voxel));
    }
    if problem.target_kind == TargetKind::Labels {
        let label = slice(strip.label, 0..strip.len);
        let invalid = label.iter().zip(weight).position(|(&label, &weight)| is_unknown_label(label, weight));
        let expected =
            if problem.classes == 1 { c"0, 1 or an ignored label" } else { c"a class or an ignored label" };
        return invalid
            .map_or(Ok(()), |voxel| Err(Error::new(Status::Label, c"target", expected).at(first + voxel)));
    }
    let (is_invalid, expected): (fn(T, T) -> bool, _) = match problem.target_kind {
        TargetKind::Masks => (is_invalid_mask, c"0 or 1 in a mask per class"),
        _ => (is_invalid_soft_target, c"a value from 0 to 1, or 0.001 beside, in a map per class"),
    };
    let mut first_invalid: Option<usize> = None;
    for class in 0..problem.classes {
        // SAFETY: the caller's promise.
        if unsafe { has_invalid_target(problem, strip, sample, class, start) } {
            let target = strip.target();
            let voxel = target.iter().position(|&g| is_invalid(g, g)).unwrap_or(0);
            first_invalid = Some(first_invalid.map_or(voxel, |earlier| earlier.min(voxel)));
        }
    }
    first_invalid
        .map_or(Ok(()), |voxel| Err(Error::new(Status::Label, c"target", expected).at(first + voxel)))
}

#[inline(always)]
fn is_unknown_label<T: Real>(label: i32, weight: T) -> bool {
    label == LabelMap::UNKNOWN && weight > T::zero()
}

#[inline(always)]
fn is_invalid_weight<T: Real>(weight: T, _: T) -> bool {
    // NaN fails both comparisons.
    !(weight >= T::zero() && weight < T::INFINITY)
}

/// Soft targets from interpolation may lie slightly outside [0, 1].
#[inline(always)]
fn is_invalid_soft_target<T: Real>(target: T, _: T) -> bool {
    const TOLERANCE: f64 = 1e-3f32 as f64;
    // NaN fails both comparisons.
    !(target >= T::of(-TOLERANCE) && target <= T::of(1.001f32 as f64))
}

#[inline(always)]
fn is_invalid_mask<T: Real>(target: T, _: T) -> bool {
    target != T::zero() && target != T::one()
}

/// Returns whether `is_invalid` holds for any pair of elements.
struct Any<'a, A, B, F> {
    a: &'a [A],
    b: &'a [B],
    is_invalid: F,
}

impl<A: Copy, B: Copy, F: Fn(A, B) -> bool> Kernel for Any<'_, A, B, F> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.a.iter().zip(self.b).fold(false, |any, (&a, &b)| any | (self.is_invalid)(a, b))
    }
}
