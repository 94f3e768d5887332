//! The first pass: finds the first bad label or weight, and counts voxels and truth.
//! After it nothing can fail.

use crate::array::labels::LabelMap;
use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::chunks::Chunk;
use crate::engine::softmax_labels::accumulate::{AddByLabel, Sum};
use crate::engine::tile::{Span, Tile};
use crate::error::{Error, Status};
use crate::loss::sums::ClassSums;
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::{AddUp, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

/// Adds `voxels`, to the first class only, and `truth` of a chunk to `sums`. Where something is bad, `voxels` is NaN.
///
/// # Safety
/// The arrays of `plan` are readable.
pub(crate) unsafe fn validate_chunk<T: Real + Plain>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    sums: &mut [ClassSums],
    Chunk { sample, start, end }: Chunk,
) {
    for (at, len) in tile.spans(start, end) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        let all_good = unsafe {
            if plan.target_kind == TargetKind::Labels && plan.weight.is_none() {
                let label = tile.open_labels(plan, sample, at, len);
                count_labels(plan, label.get(..len).unwrap_or(&[]), sums)
            } else {
                tile.open(plan, sample, at, len);
                count(plan, tile, sums, sample, at)
            }
        };
        if !all_good {
            return sums.iter_mut().for_each(|sums| sums.weight = f64::NAN);
        }
    }
}

/// What is wrong with a chunk.
///
/// # Errors
/// [`Status::Label`] or [`Status::Parameter`], naming the first bad voxel.
///
/// # Safety
/// As [`census`].
pub(crate) unsafe fn check_chunk<T: Real + Plain>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    Chunk { sample, start, end }: Chunk,
) -> Result<(), Error> {
    for (at, len) in tile.spans(start, end) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        unsafe {
            tile.open(plan, sample, at, len);
            check(plan, tile, sample, at)?;
        }
    }
    Ok(())
}

/// Adds voxels that weigh 1 to the chunk; `voxels`, the same for all classes, to the first only. Says whether each is
/// of a class or ignored. Counts are whole numbers, which add up to the same bits in any order.
fn count_labels(plan: &Problem<'_>, label: &[i32], chunk: &mut [ClassSums]) -> bool {
    let ignores = !plan.ignore.is_empty();
    let count = |first: i32| match first {
        // One below the first class are the ignored.
        0 if ignores => dispatch(Count::<true> { label, first }),
        _ => dispatch(Count::<false> { label, first }),
    };
    let (mut counted, mut ignored) = (0, 0);
    if let ([object], 1) = (&mut *chunk, plan.classes) {
        let (below, [outside, inside, ..]) = count(0);
        object.target += f64::from(inside);
        (counted, ignored) = (outside + inside, below);
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

/// Adds a tile to the chunk; `voxels`, the same for all classes, to the first only. Says whether nothing is bad.
unsafe fn count<T: Real + Plain>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    chunk: &mut [ClassSums],
    sample: usize,
    at: usize,
) -> bool {
    let Span { width, used } = tile.span;
    let weight = row(tile.inputs.weight, 0, width, used);
    if plan.weight.is_some() && dispatch(Any { a: weight, b: weight, bad: is_no_weight }) {
        return false;
    }
    if let Some(ClassSums { weight: sum, .. }) = chunk.first_mut() {
        dispatch(AddUp { row: weight, weight: None, lanes: tile.gradients.lanes, sum });
    }
    if plan.target_kind == TargetKind::Labels {
        let label = row(tile.inputs.label, 0, width, used);
        let lanes = row_mut(tile.gradients.lanes, 0, width, used);
        let first_label = plan.label_of(0);
        dispatch(AddByLabel { row: weight, label, first_label, lanes, sums: chunk, to: Sum::Truth });
        return !dispatch(Any { a: label, b: weight, bad: is_no_label });
    }
    for (class, sums) in chunk.iter_mut().enumerate() {
        // SAFETY: promised by the caller.
        if unsafe { bad_truth(plan, tile, sample, class, at) } {
            return false;
        }
        let weight = row(tile.inputs.weight, 0, width, used);
        let row = row(tile.inputs.truth, 0, width, used);
        dispatch(AddUp { row, weight: Some(weight), lanes: tile.gradients.lanes, sum: &mut sums.target });
    }
    true
}

/// Reads a class of a map; says whether something in it is no truth.
unsafe fn bad_truth<T: Real + Plain>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    sample: usize,
    class: usize,
    at: usize,
) -> bool {
    // SAFETY: promised by the caller.
    unsafe { tile.load_truth(plan, sample, class, at) };
    let truth = row(tile.inputs.truth, 0, tile.span.width, tile.span.used);
    match plan.target_kind {
        TargetKind::Masks => dispatch(Any { a: truth, b: truth, bad: is_no_bit }),
        _ => dispatch(Any { a: truth, b: truth, bad: is_no_share }),
    }
}

/// How many labels are of each of four classes; before these, if that is wanted, how many are one below the first.
struct Count<'a, const BELOW: bool> {
    label: &'a [i32],
    first: i32,
}

impl<const BELOW: bool> Kernel for Count<'_, BELOW> {
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

/// Refuses the first voxel of the tile with a weight or a truth that is none.
unsafe fn check<T: Real + Plain>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    sample: usize,
    at: usize,
) -> Result<(), Error> {
    let first = sample * plan.voxels + at;
    let weight = row(tile.inputs.weight, 0, tile.span.width, tile.span.used);
    if plan.weight.is_some() && dispatch(Any { a: weight, b: weight, bad: is_no_weight }) {
        let voxel = weight.iter().position(|&w| is_no_weight(w, w)).unwrap_or(0);
        return Err(Error::new(Status::Parameter, c"voxel_weight", c"finite and >= 0").at(first + voxel));
    }
    if plan.target_kind == TargetKind::Labels {
        let label = row(tile.inputs.label, 0, tile.span.width, tile.span.used);
        let bad = label.iter().zip(weight).position(|(&label, &weight)| is_no_label(label, weight));
        let wants =
            if plan.classes == 1 { c"0, 1 or an ignored label" } else { c"a class or an ignored label" };
        return bad
            .map_or(Ok(()), |voxel| Err(Error::new(Status::Label, c"target", wants).at(first + voxel)));
    }
    let (bad, wants): (fn(T, T) -> bool, _) = match plan.target_kind {
        TargetKind::Masks => (is_no_bit, c"0 or 1 in a mask per class"),
        _ => (is_no_share, c"a value from 0 to 1, or 0.001 beside, in a map per class"),
    };
    let mut worst: Option<usize> = None;
    for class in 0..plan.classes {
        // SAFETY: promised by the caller.
        if unsafe { bad_truth(plan, tile, sample, class, at) } {
            let truth = row(tile.inputs.truth, 0, tile.span.width, tile.span.used);
            let voxel = truth.iter().position(|&g| bad(g, g)).unwrap_or(0);
            worst = Some(worst.map_or(voxel, |before| before.min(voxel)));
        }
    }
    worst.map_or(Ok(()), |voxel| Err(Error::new(Status::Label, c"target", wants).at(first + voxel)))
}

#[inline(always)]
fn is_no_label<T: Real>(label: i32, weight: T) -> bool {
    label == LabelMap::UNKNOWN && weight > T::zero()
}

#[inline(always)]
fn is_no_weight<T: Real>(weight: T, _: T) -> bool {
    // NaN fails both comparisons.
    !(weight >= T::zero() && weight < T::INFINITY)
}

/// Interpolation leaves a little beside [0, 1].
#[inline(always)]
fn is_no_share<T: Real>(truth: T, _: T) -> bool {
    const BESIDE: f64 = 1e-3f32 as f64;
    // NaN fails both comparisons.
    !(truth >= T::of(-BESIDE) && truth <= T::of(1.001f32 as f64))
}

#[inline(always)]
fn is_no_bit<T: Real>(truth: T, _: T) -> bool {
    truth != T::zero() && truth != T::one()
}

struct Any<'a, A, B, F> {
    a: &'a [A],
    b: &'a [B],
    bad: F,
}

impl<A: Copy, B: Copy, F: Fn(A, B) -> bool> Kernel for Any<'_, A, B, F> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.a.iter().zip(self.b).fold(false, |any, (&a, &b)| any | (self.bad)(a, b))
    }
}
