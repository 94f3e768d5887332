//! Three implementations to compare: the transform (`fast`), its readable reference (`slow`), and the minimum over
//! all pairs of voxels (`brute`).

use crate::masks::coordinates;
use segloss::Error;
use segloss::custom::Real;
use segloss::distance::{Distance, Executor, Kind, Mask, Sequential, reference, scratch_len, transform};

pub const KINDS: [Kind; 4] = [Kind::Signed, Kind::Inside, Kind::Outside, Kind::OtherSide];

/// Pairs of `squared` and `black_border`.
pub const FLAGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// Signed distances, with every option off.
pub fn signed<'a>(shape: &'a [usize], spacing: &'a [f64]) -> Distance<'a> {
    Distance { shape, spacing, kind: Kind::Signed, squared: false, black_border: false }
}

/// Requests of every kind, squared or not, with and without a black border.
pub fn every<'a>(shape: &'a [usize], spacing: &'a [f64]) -> impl Iterator<Item = Distance<'a>> {
    let of = move |kind| {
        FLAGS.map(|(squared, black_border)| Distance { shape, spacing, kind, squared, black_border })
    };
    KINDS.into_iter().flat_map(of)
}

/// A mask in C order, and the length of its rows.
pub struct Bits<'a>(pub &'a [bool], pub usize);

impl Mask for Bits<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let voxels = self.0[row * self.1 + start..][..count].chunks(64);
        assert_eq!((start % 64, words.len()), (0, voxels.len()), "whole words are asked for");
        for (word, voxels) in words.iter_mut().zip(voxels) {
            *word = voxels.iter().rev().fold(0, |word, &inside| word << 1 | u64::from(inside));
        }
    }
}

/// Distances of the transform, in scratch of arbitrary content and alignment.
pub fn fast_on<T: Real>(
    request: &Distance<'_>,
    mask: &[bool],
    executor: &dyn Executor,
) -> Result<Vec<T>, Error> {
    let needed = scratch_len(request, executor.workers())?;
    let skip = mask.len() % 5;
    let mut scratch = vec![0xa5; needed + skip];
    let mut out = vec![T::of(-77.0); mask.len()];
    let bits = Bits(mask, request.shape.last().copied().unwrap_or(0));
    transform(request, &bits, &mut out, &mut scratch[skip..], executor)?;
    Ok(out)
}

pub fn fast<T: Real>(request: &Distance<'_>, mask: &[bool]) -> Vec<T> {
    fast_on(request, mask, &Sequential).unwrap()
}

pub fn slow(request: &Distance<'_>, mask: &[bool]) -> Vec<f64> {
    let mut scratch = vec![f64::NAN; reference::scratch_len(request).unwrap()];
    let mut out = vec![-77.0; mask.len()];
    let bits = Bits(mask, *request.shape.last().unwrap());
    reference::transform(request, &bits, &mut out, &mut scratch).unwrap();
    out
}

/// Distances by the minimum over all pairs of voxels; with a black border also over the nearest voxels outside of the
/// image.
pub fn brute(request: &Distance<'_>, mask: &[bool]) -> Vec<f64> {
    let Distance { shape, spacing, kind, squared, black_border } = *request;
    let voxels: Vec<Vec<f64>> = (0..mask.len()).map(|i| coordinates(shape, i)).collect();
    let between = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).zip(spacing).map(|((a, b), unit)| ((a - b) * unit).powi(2)).sum()
    };
    let nearest = |i: usize| {
        let others = (0..mask.len()).filter(|&j| mask[j] != mask[i]);
        let mut square = others.map(|j| between(&voxels[i], &voxels[j])).fold(f64::INFINITY, f64::min);
        for axis in (0..shape.len()).filter(|_| black_border && mask[i]) {
            for beyond in [-1.0, shape[axis] as f64] {
                let mut outside = voxels[i].clone();
                outside[axis] = beyond;
                square = square.min(between(&voxels[i], &outside));
            }
        }
        // Without a boundary the distance is 0.
        if square == f64::INFINITY { 0.0 } else { square }
    };
    let distance = |i: usize| {
        let square = if request.wants(mask[i]) { nearest(i) } else { 0.0 };
        let distance = if squared { square } else { square.sqrt() };
        if kind == Kind::Signed && mask[i] { -distance } else { distance }
    };
    (0..mask.len()).map(distance).collect()
}

/// Relative tolerance of f64: a few roundings of the plain sum of squares.
const DOUBLE: f64 = 1e-14;
/// Relative tolerance of f32 with unequal spacings. With spacings of 1 the result is the nearest f32.
const SINGLE: f64 = 1.0 / (1 << 22) as f64;

/// Asserts that the distances are equal to those wanted, rounded to `T`, with spacings of 1, and within the tolerance
/// otherwise.
#[track_caller]
pub fn compare<T: Real>(request: &Distance<'_>, got: &[T], want: &[f64], what: &str) {
    let unit = request.spacing.iter().all(|&width| width == 1.0);
    // A square has twice the relative error of its root.
    let single = if request.squared { 2.0 * SINGLE } else { SINGLE };
    let tolerance = if size_of::<T>() == 8 { DOUBLE } else { single };
    assert_eq!(got.len(), want.len());
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let off = (got.widen() - want).abs();
        let good = if unit { got == T::of(want) } else { off <= tolerance * want.abs() };
        assert!(good, "{what} {request:?} voxel {i}: {}, not {want}", got.widen());
    }
}

/// Checks the outputs of f32 and f64 of the transform.
#[track_caller]
pub fn check(request: &Distance<'_>, mask: &[bool], want: &[f64], what: &str) {
    compare(request, &fast::<f32>(request, mask), want, what);
    compare(request, &fast::<f64>(request, mask), want, what);
}
