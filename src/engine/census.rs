//! The first pass: finds the first bad label or weight, and counts voxels and truth.
//! After it nothing can fail.

use super::arena::Plain;
use super::labels::Legend;
use super::row::{AddUp, row};
use super::simd::{Kernel, dispatch};
use super::tile::{Span, Tile};
use super::waves::Chunk;
use crate::batch::{Plan, Truth};
use crate::{Error, Real, Status, Tally};

/// Adds `voxels`, to the first class only, and `truth` of a chunk to `sums`. Where something is bad, `voxels` is NaN.
///
/// # Safety
/// The arrays of `plan` are readable.
pub(crate) unsafe fn census<T: Real + Plain>(
    plan: &Plan<'_>,
    tile: &mut Tile<'_, T>,
    sums: &mut [Tally],
    Chunk { sample, start, end }: Chunk,
) {
    for (at, len) in tile.spans(start, end) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        unsafe {
            tile.open(plan, sample, at, len);
            if count_all(plan, tile, sums) {
                continue;
            }
            if check(plan, tile, sample, at).is_err() {
                sums.iter_mut().for_each(|sums| sums.voxels = f64::NAN);
                return;
            }
            count(plan, tile, sums, sample, at);
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
    plan: &Plan<'_>,
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

/// Adds a tile of voxels that weigh 1, if each is of a class. Otherwise nothing is added: some label is bad, or some
/// voxel does not count.
fn count_all<T: Real + Plain>(plan: &Plan<'_>, tile: &Tile<'_, T>, chunk: &mut [Tally]) -> bool {
    if !tile.is_unweighted || plan.truth != Truth::Labels {
        return false;
    }
    let label = row(tile.seen.label, 0, tile.span.width, tile.span.used);
    if let ([object], 1) = (&mut *chunk, plan.classes) {
        let [outside, inside, ..] = dispatch(Count { label, first: 0 });
        let is_all = (outside + inside) as usize == label.len();
        object.voxels += f64::from(outside + inside).masked(is_all);
        object.truth += f64::from(inside).masked(is_all);
        return is_all;
    }
    let mut all = 0;
    let count = |of: &mut [Tally], first: usize, sign: f64| {
        // Whole numbers, which add up to the same bits in any order, and are taken off again without a trace.
        let counts = dispatch(Count { label, first: plan.label_of(first) });
        for (sums, &count) in of.iter_mut().zip(&counts) {
            sums.truth += sign * f64::from(count);
        }
        counts.iter().take(of.len()).sum::<u32>() as usize
    };
    for (fours, of) in chunk.chunks_mut(4).enumerate() {
        all += count(of, 4 * fours, 1.0);
    }
    if all != label.len() {
        for (fours, of) in chunk.chunks_mut(4).enumerate() {
            count(of, 4 * fours, -1.0);
        }
        return false;
    }
    if let Some(first) = chunk.first_mut() {
        first.voxels += all as f64;
    }
    true
}

/// Adds a tile to the chunk; `voxels`, the same for all classes, to the first only.
unsafe fn count<T: Real + Plain>(
    plan: &Plan<'_>,
    tile: &mut Tile<'_, T>,
    chunk: &mut [Tally],
    sample: usize,
    at: usize,
) {
    let Span { width, used } = tile.span;
    for (class, sums) in chunk.iter_mut().enumerate() {
        // SAFETY: promised by the caller.
        unsafe { tile.load_truth(plan, sample, class, at) };
        let weight = row(tile.seen.weight, 0, width, used);
        let truth = row(tile.seen.truth, 0, width, used);
        if class == 0 {
            dispatch(AddUp { row: weight, weight: None, lanes: tile.made.lanes, sum: &mut sums.voxels });
        }
        dispatch(AddUp { row: truth, weight: Some(weight), lanes: tile.made.lanes, sum: &mut sums.truth });
    }
}

/// How many labels are of each of four classes.
struct Count<'a> {
    label: &'a [i32],
    first: i32,
}

impl Kernel for Count<'_> {
    type Output = [u32; 4];

    #[inline(always)]
    fn run(self) -> [u32; 4] {
        let mut counts = [0; 4];
        for &label in self.label {
            let class = label - self.first;
            counts[0] += u32::from(class == 0);
            counts[1] += u32::from(class == 1);
            counts[2] += u32::from(class == 2);
            counts[3] += u32::from(class == 3);
        }
        counts
    }
}

/// Refuses the first voxel of the tile with a weight or a truth that is none.
unsafe fn check<T: Real + Plain>(
    plan: &Plan<'_>,
    tile: &mut Tile<'_, T>,
    sample: usize,
    at: usize,
) -> Result<(), Error> {
    let first = sample * plan.voxels + at;
    let weight = row(tile.seen.weight, 0, tile.span.width, tile.span.used);
    if plan.weight.is_some() && dispatch(Any { a: weight, b: weight, bad: is_no_weight }) {
        let voxel = weight.iter().position(|&w| is_no_weight(w, w)).unwrap_or(0);
        return Err(Error::new(Status::Parameter, c"voxel_weight", c"finite and >= 0").at(first + voxel));
    }
    match plan.truth {
        Truth::Labels => {
            let label = row(tile.seen.label, 0, tile.span.width, tile.span.used);
            let is_bad = |label: i32, weight: T| label == Legend::UNKNOWN && weight > T::zero();
            if dispatch(Any { a: label, b: weight, bad: is_bad }) {
                let voxel = label.iter().zip(weight).position(|(&l, &w)| is_bad(l, w)).unwrap_or(0);
                let wants = if plan.classes == 1 {
                    c"0, 1 or an ignored label"
                } else {
                    c"a class or an ignored label"
                };
                return Err(Error::new(Status::Label, c"target", wants).at(first + voxel));
            }
        }
        Truth::Masks => {
            let mut worst: Option<usize> = None;
            for class in 0..plan.classes {
                // SAFETY: promised by the caller.
                unsafe { tile.load_truth(plan, sample, class, at) };
                let truth = row(tile.seen.truth, 0, tile.span.width, tile.span.used);
                if dispatch(Any { a: truth, b: truth, bad: is_no_bit }) {
                    let voxel = truth.iter().position(|&g| is_no_bit(g, g)).unwrap_or(0);
                    worst = Some(worst.map_or(voxel, |before| before.min(voxel)));
                }
            }
            if let Some(voxel) = worst {
                return Err(
                    Error::new(Status::Label, c"target", c"0 or 1 in a mask per class").at(first + voxel)
                );
            }
        }
        Truth::Dense => {}
    }
    Ok(())
}

#[inline(always)]
fn is_no_weight<T: Real>(weight: T, _: T) -> bool {
    // NaN fails both comparisons.
    !(weight >= T::zero() && weight < T::INFINITY)
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
