//! Channels last: the classes of a voxel are neighbours in memory, and are separated into rows and interleaved again.
//!
//! For two to four classes the loops compile to shuffles; more classes are loaded one class at a time.

use crate::array::dtype::Dtype;
use crate::array::real::Real;
use crate::array::stored::Stored;
use crate::array::strided_rows::StridedRows;
use crate::checked::{expected, split, split_mut};
use crate::engine::arena::Plain;
use crate::simd::level::{Kernel, dispatch};
use crate::simd::stream::stream;

/// Runs `$body` with the type of a prediction or a gradient as `$E`.
macro_rules! with_float {
    ($dtype:expr, $E:ident => $body:expr) => {
        match $dtype {
            Dtype::F16 => {
                type $E = half::f16;
                $body
            }
            Dtype::Bf16 => {
                type $E = half::bf16;
                $body
            }
            Dtype::F32 => {
                type $E = f32;
                $body
            }
            Dtype::F64 => {
                type $E = f64;
                $body
            }
            _ => return false,
        }
    };
}

impl StridedRows {
    /// Reads all classes of voxels `start..start + len` into rows `width` apart, if their elements are few and side by
    /// side; returns whether they were.
    ///
    /// # Safety
    /// As [`StridedRows::load`].
    pub unsafe fn load_interleaved<T: Real>(
        &self,
        classes: usize,
        (sample, start, len): (usize, usize, usize),
        rows: &mut [T],
        width: usize,
    ) -> bool {
        let Some(offset) = self.interleaved(classes, sample, start) else { return false };
        let Some(rows) = expected(rows.get_mut(..classes * width)) else { return false };
        with_float!(self.dtype, E => {
            let from = self.data.cast::<E>().wrapping_offset(offset).cast_const();
            // SAFETY: the caller promises that the voxels lie in a readable array, and their elements are side by side.
            let from = unsafe { core::slice::from_raw_parts(from, len * classes) };
            dispatch(Separate { from, rows, width, classes });
        });
        true
    }

    /// Writes all classes from rows `width` apart in the same way; with non-temporal stores by way of `spare`, if it is
    /// given.
    ///
    /// # Safety
    /// As [`StridedRows::store`].
    pub unsafe fn store_interleaved<T: Real + Plain>(
        &self,
        classes: usize,
        (sample, start, len): (usize, usize, usize),
        rows: &[T],
        width: usize,
        spare: Option<&mut [T]>,
    ) -> bool {
        let Some(offset) = self.interleaved(classes, sample, start) else { return false };
        let Some(rows) = expected(rows.get(..classes * width)) else { return false };
        let spare = spare.and_then(|spare| spare.get_mut(..len * classes));
        with_float!(self.dtype, E => {
            let to = self.data.cast::<E>().wrapping_offset(offset);
            match spare {
                Some(spare) if self.dtype == T::DTYPE => {
                    // SAFETY: both types have this code, so they are one; the slice is borrowed exclusively.
                    let by_voxel =
                        unsafe { core::slice::from_raw_parts_mut(spare.as_mut_ptr().cast::<E>(), spare.len()) };
                    dispatch(Interleave { rows, width, classes, to: by_voxel });
                    // SAFETY: the caller promises that the voxels lie in a writable array; elements are of type `T`,
                    // and side by side.
                    stream(spare, unsafe { core::slice::from_raw_parts_mut(to.cast::<T>(), len * classes) });
                }
                _ => {
                    // SAFETY: as above.
                    let to = unsafe { core::slice::from_raw_parts_mut(to, len * classes) };
                    dispatch(Interleave { rows, width, classes, to });
                }
            }
        });
        true
    }
}

/// Separates the classes into rows.
struct Separate<'a, E, T> {
    from: &'a [E],
    rows: &'a mut [T],
    width: usize,
    classes: usize,
}

impl<E: Stored, T: Real> Kernel for Separate<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, rows, width, classes } = self;
        let (a, rest) = split_mut(rows, width);
        let (b, rest) = split_mut(rest, width);
        match classes {
            2 => separate_two(from, a, b),
            3 => separate_three(from, a, b, rest),
            _ => {
                let (c, d) = split_mut(rest, width);
                separate_four(from, a, b, c, d);
            }
        }
    }
}

#[inline(always)]
fn separate_two<E: Stored, T: Real>(from: &[E], a: &mut [T], b: &mut [T]) {
    for (&[x, y], (a, b)) in from.as_chunks().0.iter().zip(a.iter_mut().zip(b)) {
        (*a, *b) = (x.read(), y.read());
    }
}

#[inline(always)]
fn separate_three<E: Stored, T: Real>(from: &[E], a: &mut [T], b: &mut [T], c: &mut [T]) {
    for (&[x, y, z], ((a, b), c)) in from.as_chunks().0.iter().zip(a.iter_mut().zip(b).zip(c)) {
        (*a, *b, *c) = (x.read(), y.read(), z.read());
    }
}

#[inline(always)]
fn separate_four<E: Stored, T: Real>(from: &[E], a: &mut [T], b: &mut [T], c: &mut [T], d: &mut [T]) {
    let rows = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    for (&[x, y, z, w], ((a, b), (c, d))) in from.as_chunks().0.iter().zip(rows) {
        (*a, *b, *c, *d) = (x.read(), y.read(), z.read(), w.read());
    }
}

/// Interleaves the rows of the classes.
struct Interleave<'a, E, T> {
    rows: &'a [T],
    width: usize,
    classes: usize,
    to: &'a mut [E],
}

impl<E: Stored, T: Real> Kernel for Interleave<'_, E, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows, width, classes, to } = self;
        let (a, rest) = split(rows, width);
        let (b, rest) = split(rest, width);
        match classes {
            2 => interleave_two(a, b, to),
            3 => interleave_three(a, b, rest, to),
            _ => {
                let (c, d) = split(rest, width);
                interleave_four(a, b, c, d, to);
            }
        }
    }
}

#[inline(always)]
fn interleave_two<E: Stored, T: Real>(a: &[T], b: &[T], to: &mut [E]) {
    for (to, (&a, &b)) in to.as_chunks_mut().0.iter_mut().zip(a.iter().zip(b)) {
        *to = [E::write(a), E::write(b)];
    }
}

#[inline(always)]
fn interleave_three<E: Stored, T: Real>(a: &[T], b: &[T], c: &[T], to: &mut [E]) {
    for (to, ((&a, &b), &c)) in to.as_chunks_mut().0.iter_mut().zip(a.iter().zip(b).zip(c)) {
        *to = [E::write(a), E::write(b), E::write(c)];
    }
}

#[inline(always)]
fn interleave_four<E: Stored, T: Real>(a: &[T], b: &[T], c: &[T], d: &[T], to: &mut [E]) {
    for (to, ((&a, &b), (&c, &d))) in
        to.as_chunks_mut().0.iter_mut().zip(a.iter().zip(b).zip(c.iter().zip(d)))
    {
        *to = [E::write(a), E::write(b), E::write(c), E::write(d)];
    }
}
