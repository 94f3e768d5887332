//! The pull-back of softmax over labels.
//!
//! ```text
//! ∂L/∂z_k = s_k·(p_k − Σ_j s_j·p_j) + v·([k is the truth] − s_k)
//! ```
//!
//! `p_k` is the derivative with respect to `s_k`, and `v` that with respect to `ln s` of the truth. Of a class above
//! one half the bracket would be a difference of two numbers near `p_k`:
//!
//! ```text
//! s_k·(p_k·(1 − s_k) − Σ_{j≠k} s_j·p_j)
//! ```

use crate::engine::arena::Plain;
use crate::engine::precise::Precise;
use crate::engine::row::{copy_row, row, row_mut};
use crate::engine::simd::{Kernel, dispatch};
use crate::engine::softmax::softmax_complement;
use crate::engine::stream::stream;
use crate::engine::sweep::{Output, Step};
use crate::engine::tile::{Span, Tile};
use crate::{Real, Tally};

/// What pulls on the classes of a tile.
#[derive(Clone, Copy)]
pub(crate) struct Labelled<'a> {
    /// The slopes of each class.
    pub slopes: &'a [Tally],
    pub first_label: i32,
    /// Whether there are `p`.
    pub polynomial: bool,
    /// Whether they are in the rows of `logit`; if not, they follow from slopes and labels.
    pub in_rows: bool,
    /// Whether there is a `v`, in `made.here`.
    pub charges: bool,
}

/// `p` of a class: a constant, and another where the label is that of the class.
#[derive(Clone, Copy)]
struct Linear<T> {
    elsewhere: T,
    here: T,
    label: i32,
}

impl<T: Real> Linear<T> {
    #[inline(always)]
    fn of(slopes: &Tally, label: i32) -> Self {
        let (elsewhere, more) = (T::of(slopes.predicted), T::of(slopes.overlap));
        Self { elsewhere, here: elsewhere + more, label }
    }

    #[inline(always)]
    fn at(self, label: i32) -> T {
        if label == self.label { self.here } else { self.elsewhere }
    }
}

impl Labelled<'_> {
    /// Adds up `s_j·p_j`, over all classes and over those up to one half.
    pub fn total<'a, 's, T: Real>(&'a self, tile: &'a mut Tile<'s, T>) -> Total<'a, 's, T> {
        Total { of: self, tile }
    }

    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// As [`Labelled::write`].
    pub unsafe fn write_all<T: Precise>(&self, tile: &mut Tile<'_, T>, step: Step<'_>, output: Output) {
        let classes = self.slopes.len();
        if !output.accumulate && output.rows.interleaved(classes, step.sample, step.at).is_some() {
            let Span { width, used } = tile.span;
            for class in 0..classes {
                self.settle(tile, class, None);
                // The logits of the class, or its pull, have done their work.
                let to = row_mut(tile.seen.logit, class, width, used);
                copy_row(row(tile.made.cost, 0, width, used), to);
            }
            let voxels = (step.sample, step.at, tile.len);
            let spare =
                Some(&mut *tile.seen.probability).filter(|_| output.streams && step.parking.is_none());
            // SAFETY: promised by the caller.
            unsafe { output.rows.store_interleaved(classes, voxels, tile.seen.logit, width, spare) };
            return;
        }
        for class in 0..classes {
            // SAFETY: promised by the caller.
            unsafe { self.write(tile, step, class, output) };
        }
    }

    /// Writes the gradient of a class.
    ///
    /// # Safety
    /// The output is writable, and holds the tile's voxels.
    unsafe fn write<T: Precise>(&self, tile: &mut Tile<'_, T>, step: Step<'_>, class: usize, output: Output) {
        // SAFETY: promised by the caller.
        let direct = unsafe { output.rows.slice_mut::<T>(step.sample, class, step.at, tile.len) };
        // Where probabilities were parked the lines are in the caches again.
        let streams = output.streams && step.parking.is_none();
        let direct = direct.filter(|_| !output.accumulate);
        match direct {
            Some(out) if !streams => return self.settle(tile, class, Some(out)),
            _ => self.settle(tile, class, None),
        }
        let gradient = row(tile.made.cost, 0, tile.span.width, tile.len);
        if let Some(out) = direct {
            return stream(gradient, out);
        }
        // SAFETY: promised by the caller.
        unsafe { output.rows.store(step.sample, class, step.at, gradient, output.accumulate) };
    }

    /// The gradient of a class, to `out` or else to `made.cost`.
    fn settle<T: Real + Plain>(&self, tile: &mut Tile<'_, T>, class: usize, out: Option<&mut [T]>) {
        let Span { width, used } = tile.span;
        dispatch(Settle {
            of: self,
            linear: Linear::of(
                self.slopes.get(class).unwrap_or(&Tally::ZERO),
                self.first_label + class as i32,
            ),
            out: out.unwrap_or(row_mut(tile.made.cost, 0, width, used)),
            s: row(tile.seen.probability, class, width, used),
            polynomial: row(tile.seen.logit, class, width, used),
            label: row(tile.seen.label, 0, width, used),
            weight: row(tile.seen.weight, 0, width, used),
            inverse: row(tile.seen.inverse, 0, width, used),
            complement: row(tile.seen.complement, 0, width, used),
            total: tile.made.total,
            rest: tile.made.rest,
            v: tile.made.here,
        });
    }
}

/// See [`Labelled::total`].
pub(crate) struct Total<'a, 's, T> {
    of: &'a Labelled<'a>,
    tile: &'a mut Tile<'s, T>,
}

impl<T: Real> Kernel for Total<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Labelled { slopes, first_label, polynomial, in_rows, .. } = *self.of;
        if !polynomial {
            return;
        }
        let Tile { span: Span { width, used }, seen, made, .. } = self.tile;
        let (width, used) = (*width, *used);
        let (total, rest) = (row_mut(made.total, 0, width, used), row_mut(made.rest, 0, width, used));
        total.fill(T::zero());
        rest.fill(T::zero());
        let label = row(seen.label, 0, width, used);
        let weight = row(seen.weight, 0, width, used);
        for (class, slopes) in slopes.iter().enumerate() {
            let s = row(seen.probability, class, width, used);
            if in_rows {
                total_of_rows(s, row(seen.logit, class, width, used), total, rest);
            } else {
                let linear = Linear::of(slopes, first_label + class as i32);
                total_of_linear(s, linear, label, weight, total, rest);
            }
        }
    }
}

#[inline(always)]
fn add_pull<T: Real>(s: T, p: T, total: &mut T, rest: &mut T) {
    let pull = s * p;
    *total += pull;
    *rest += pull.masked(!(s > T::of(0.5)));
}

#[inline(always)]
fn total_of_rows<T: Real>(s: &[T], p: &[T], total: &mut [T], rest: &mut [T]) {
    for ((&s, &p), (total, rest)) in s.iter().zip(p).zip(total.iter_mut().zip(rest)) {
        add_pull(s, p, total, rest);
    }
}

#[inline(always)]
fn total_of_linear<T: Real>(
    s: &[T],
    p: Linear<T>,
    label: &[i32],
    weight: &[T],
    total: &mut [T],
    rest: &mut [T],
) {
    for (((&s, &label), &w), (total, rest)) in s.iter().zip(label).zip(weight).zip(total.iter_mut().zip(rest))
    {
        add_pull(s, w * p.at(label), total, rest);
    }
}

struct Settle<'a, 'o, T> {
    of: &'a Labelled<'a>,
    linear: Linear<T>,
    out: &'o mut [T],
    s: &'a [T],
    polynomial: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    inverse: &'a [T],
    complement: &'a [T],
    total: &'a [T],
    rest: &'a [T],
    v: &'a [T],
}

impl<T: Real> Kernel for Settle<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { of, linear, out, s, polynomial, label, weight, inverse, complement, total, rest, v } =
            self;
        let Labelled { polynomial: has_polynomial, in_rows, charges, .. } = *of;
        if !has_polynomial {
            return settle_charges(out, s, inverse, complement, label, linear.label, v);
        }
        let rows = Rows { s, label, complement, total, rest, v };
        match (in_rows, charges) {
            (false, false) => settle_linear::<T, false>(out, rows, weight, linear),
            (false, true) => settle_linear::<T, true>(out, rows, weight, linear),
            (true, false) => settle_rows::<T, false>(out, rows, polynomial, linear.label),
            (true, true) => settle_rows::<T, true>(out, rows, polynomial, linear.label),
        }
    }
}

/// What every class's pull-back reads.
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    s: &'a [T],
    label: &'a [i32],
    complement: &'a [T],
    total: &'a [T],
    rest: &'a [T],
    v: &'a [T],
}

/// `v·([k is the truth] − s_k)`
#[inline(always)]
fn charged<T: Real>(s: T, complement: T, v: T, is_truth: bool) -> T {
    v * if is_truth { complement } else { -s }
}

/// `s_k·(p_k − Σ_j s_j·p_j)`
#[inline(always)]
fn pulled<T: Real>(s: T, p: T, complement: T, total: T, rest: T) -> T {
    let of_large = p * complement - rest;
    let of_small = p - total;
    s * if s > T::of(0.5) { of_large } else { of_small }
}

#[inline(always)]
fn settle_charges<T: Real>(
    out: &mut [T],
    e: &[T],
    inverse: &[T],
    of_largest: &[T],
    label: &[i32],
    class: i32,
    v: &[T],
) {
    let known = e.iter().zip(inverse).zip(of_largest).zip(label).zip(v);
    for (out, ((((&e, &inverse), &of_largest), &label), &v)) in out.iter_mut().zip(known) {
        let s = e * inverse;
        *out = charged(s, softmax_complement(s, of_largest), v, label == class);
    }
}

#[inline(always)]
fn settle_linear<T: Real, const CHARGES: bool>(out: &mut [T], rows: Rows<'_, T>, weight: &[T], p: Linear<T>) {
    let Rows { s, label, complement, total, rest, v } = rows;
    let known = s.iter().zip(label).zip(complement).zip(total).zip(rest).zip(v).zip(weight);
    for (out, ((((((&s, &label), &of_largest), &total), &rest), &v), &w)) in out.iter_mut().zip(known) {
        let complement = softmax_complement(s, of_largest);
        let pull = pulled(s, w * p.at(label), complement, total, rest);
        *out = if CHARGES { pull + charged(s, complement, v, label == p.label) } else { pull };
    }
}

#[inline(always)]
fn settle_rows<T: Real, const CHARGES: bool>(out: &mut [T], rows: Rows<'_, T>, p: &[T], class: i32) {
    let Rows { s, label, complement, total, rest, v } = rows;
    let known = s.iter().zip(label).zip(complement).zip(total).zip(rest).zip(v).zip(p);
    for (out, ((((((&s, &label), &of_largest), &total), &rest), &v), &p)) in out.iter_mut().zip(known) {
        let complement = softmax_complement(s, of_largest);
        let pull = pulled(s, p, complement, total, rest);
        *out = if CHARGES { pull + charged(s, complement, v, label == class) } else { pull };
    }
}
