//! The distance transform by trying every pair of voxels, and the crate's beside it.

use segloss::distance::{Distance, Kind, Mask, scratch_len, transform};
use segloss::{Error, Real};

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

/// The transform, in scratch that holds garbage.
pub fn try_fast<T: Real>(request: &Distance<'_>, mask: &[bool]) -> Result<Vec<T>, Error> {
    let mut scratch = vec![f64::NAN; scratch_len(request)?];
    let mut out = vec![T::of(-77.0); mask.len()];
    transform(request, &Bits(mask, *request.shape.last().unwrap()), &mut out, &mut scratch)?;
    Ok(out)
}

pub fn fast<T: Real>(request: &Distance<'_>, mask: &[bool]) -> Vec<T> {
    try_fast(request, mask).unwrap()
}

/// The square of the distance of two places.
fn between(a: &[isize], b: &[isize], spacing: &[f64]) -> f64 {
    a.iter().zip(b).zip(spacing).map(|((a, b), unit)| ((a - b) as f64 * unit).powi(2)).sum()
}

/// Every pair of voxels; with a black border also the nearest voxels outside of the image.
pub fn slow(request: &Distance<'_>, mask: &[bool]) -> Vec<f64> {
    let Distance { shape, spacing, kind, squared, black_border } = *request;
    let place = |mut i: usize| {
        let mut place = vec![0isize; shape.len()];
        for (at, &extent) in place.iter_mut().zip(shape).rev() {
            *at = (i % extent) as isize;
            i /= extent;
        }
        place
    };
    let places: Vec<Vec<isize>> = (0..mask.len()).map(place).collect();
    let nearest = |i: usize| {
        let others = (0..mask.len()).filter(|&j| mask[j] != mask[i]);
        let mut square =
            others.map(|j| between(&places[i], &places[j], spacing)).fold(f64::INFINITY, f64::min);
        for axis in (0..shape.len()).filter(|_| black_border && mask[i]) {
            for beyond in [-1, shape[axis] as isize] {
                let mut outside = places[i].clone();
                outside[axis] = beyond;
                square = square.min(between(&places[i], &outside, spacing));
            }
        }
        // No boundary, no distance.
        if square == f64::INFINITY { 0.0 } else { square }
    };
    let distance = |i: usize| {
        let wanted = match kind {
            Kind::Signed | Kind::OtherSide => true,
            Kind::Inside => mask[i],
            Kind::Outside => !mask[i],
        };
        let square = if wanted { nearest(i) } else { 0.0 };
        let distance = if squared { square } else { square.sqrt() };
        if kind == Kind::Signed && mask[i] { -distance } else { distance }
    };
    (0..mask.len()).map(distance).collect()
}
