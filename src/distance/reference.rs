//! A readable reference of the distance transform in f64: the published algorithm, without optimisation. The tests
//! compare the fast transform with it.
//!
//! ```text
//! d²(x) = min over y on the other side of  Σₐ wₐ²·(xₐ − yₐ)²
//! ```
//!
//! The sum is separable, so the minimum is taken along one axis at a time. Along a column of an axis with spacing
//! `w`, with `f(j)` the squared distance over the earlier axes,
//!
//! ```text
//! g(i) = min over j of  f(j) + w²·(i − j)²
//! ```
//!
//! which is the lower envelope of one parabola per voxel (Felzenszwalb, Huttenlocher 2012), computed in time linear
//! in the length of the column. With unit spacing all squares are integers and exact.

use crate::array::real::Real;
use crate::checked::{divide, expected};
use crate::distance::Mask;
use crate::distance::{Distance, Kind};
use crate::error::{Error, Status};

const TOO_SHORT: Error =
    Error::new(Status::Scratch, c"scratch", c"the number of f64 that scratch_len returns");

/// Returns the number of f64 that [`transform`] needs as scratch: one per voxel, and three columns of the longest
/// axis.
///
/// # Errors
/// Returns [`Error`] if the request is invalid.
///
/// # Examples
/// ```
/// use segloss::distance::{Distance, Kind, reference};
///
/// let request =
///     Distance { shape: &[4, 6], spacing: &[1.0, 1.0], kind: Kind::Signed, squared: false, black_border: false };
/// assert_eq!(reference::scratch_len(&request)?, 24 + 3 * 6);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn scratch_len(request: &Distance<'_>) -> Result<usize, Error> {
    let voxels = request.validate()?;
    if voxels == 0 { Ok(0) } else { Ok(voxels + 3 * longest(request)) }
}

fn longest(request: &Distance<'_>) -> usize {
    request.shape.iter().fold(0, |longest, &extent| longest.max(extent))
}

/// Writes the distances of `request` over `mask` to `out`, in C order.
///
/// # Errors
/// Returns [`Error`] if the request is invalid or `out` or `scratch` has the wrong length.
///
/// # Examples
/// ```
/// use segloss::View;
/// use segloss::distance::{ClassMask, Distance, Kind, reference};
///
/// let mask = ClassMask::of(&View::new(&[0u8, 1, 1, 0], &[4])?);
/// let request =
///     Distance { shape: &[4], spacing: &[1.0], kind: Kind::Signed, squared: false, black_border: false };
/// let (mut distances, mut scratch) = ([0f64; 4], vec![0.0; reference::scratch_len(&request)?]);
/// reference::transform(&request, &mask, &mut distances, &mut scratch)?;
/// assert_eq!(distances, [1.0, -1.0, -1.0, 1.0]);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn transform<T: Real>(
    request: &Distance<'_>,
    mask: &dyn Mask,
    out: &mut [T],
    scratch: &mut [f64],
) -> Result<(), Error> {
    let voxels = request.validate()?;
    if out.len() != voxels {
        return Err(Error::new(Status::Shape, c"out", c"one element per voxel"));
    }
    if voxels == 0 {
        return Ok(());
    }
    let longest = longest(request);
    let (squares, columns) = scratch.split_at_mut_checked(voxels).ok_or(TOO_SHORT)?;
    let (values, columns) = columns.split_at_mut_checked(longest).ok_or(TOO_SHORT)?;
    let (vertices, columns) = columns.split_at_mut_checked(longest).ok_or(TOO_SHORT)?;
    let starts = columns.get_mut(..longest).ok_or(TOO_SHORT)?;

    out.fill(T::of(0.0));
    for side in [true, false] {
        if !request.wants(side) {
            continue;
        }
        // Squared distances to the other side before the first pass: 0 on the other side, infinite on this side.
        each_voxel(request, mask, |voxel, inside| {
            set(squares, voxel, if inside == side { f64::INFINITY } else { 0.0 });
        });
        let border = request.black_border && side;
        let mut inner = voxels;
        let mut outer = 1;
        for (&extent, &width) in request.shape.iter().zip(request.spacing) {
            // `inner` is the stride of this axis in voxels.
            (inner, _) = divide(inner, extent);
            for block in 0..outer {
                for offset in 0..inner {
                    let first = block * extent * inner + offset;
                    for (i, value) in values.iter_mut().enumerate().take(extent) {
                        *value = get(squares, first + i * inner);
                    }
                    let last = envelope(&*values, extent, width * width, vertices, starts);
                    let mut k = 0;
                    for i in 0..extent {
                        while k < last && get(starts, k + 1) <= i as f64 {
                            k += 1;
                        }
                        let j = get(vertices, k);
                        let away = (i as f64 - j) * width;
                        let mut best = get(values, j as usize) + away * away;
                        if border {
                            // The voxels outside of the image at either end of the column are background.
                            let edge = (i + 1).min(extent - i) as f64 * width;
                            best = best.min(edge * edge);
                        }
                        set(squares, first + i * inner, best);
                    }
                }
            }
            outer *= extent;
        }
        each_voxel(request, mask, |voxel, inside| {
            let square = get(squares, voxel);
            if inside == side && square < f64::INFINITY {
                let value = if request.squared { square } else { libm::sqrt(square) };
                let negative = inside && request.kind == Kind::Signed;
                set(out, voxel, T::of(if negative { -value } else { value }));
            }
        });
    }
    Ok(())
}

/// Computes the lower envelope: parabola `vertices[k]` is the lowest from `starts[k]` to `starts[k + 1]`. Returns the
/// last `k`.
fn envelope(values: &[f64], extent: usize, unit: f64, vertices: &mut [f64], starts: &mut [f64]) -> usize {
    let mut k = 0;
    set(vertices, 0, 0.0);
    set(starts, 0, f64::NEG_INFINITY);
    for i in 1..extent {
        let value = get(values, i);
        if value == f64::INFINITY {
            continue;
        }
        loop {
            let j = get(vertices, k);
            let height = get(values, j as usize);
            // The intersection of the two parabolas. A parabola of infinite height is above every other one.
            let cross = if height == f64::INFINITY {
                f64::NEG_INFINITY
            } else {
                let (x, y) = (i as f64, j);
                ((value - height) / unit + (x * x - y * y)) / (2.0 * (x - y))
            };
            if cross > get(starts, k) {
                k += 1;
                set(starts, k, cross);
                break;
            }
            // The new parabola is lower from before the start of the last one, so the last one leaves the envelope.
            if k == 0 {
                break;
            }
            k -= 1;
        }
        set(vertices, k, i as f64);
    }
    k
}

/// Calls `visit` with each voxel in C order, and whether the voxel is inside.
fn each_voxel(request: &Distance<'_>, mask: &dyn Mask, mut visit: impl FnMut(usize, bool)) {
    let Some((&width, leading)) = expected(request.shape.split_last()) else { return };
    let rows: usize = leading.iter().product();
    for row in 0..rows {
        for start in (0..width).step_by(64) {
            let count = (width - start).min(64);
            let mut word = [0];
            mask.bits(row, start, count, &mut word);
            for i in 0..count {
                visit(row * width + start + i, word[0] >> i & 1 != 0);
            }
        }
    }
}

// Indexing that cannot panic. Every index is below the length that `transform` has checked; debug builds assert this.
fn get(slice: &[f64], index: usize) -> f64 {
    expected(slice.get(index)).copied().unwrap_or(0.0)
}

fn set<T>(slice: &mut [T], index: usize, value: T) {
    if let Some(element) = expected(slice.get_mut(index)) {
        *element = value;
    }
}
