//! The pull-back of softmax over labels.
//!
//! ```text
//! ∂L/∂z_k = s_k·(p_k − Σ_j s_j·p_j) + v·([k is the truth] − s_k)
//! ```
//!
//! `p_k` is the derivative with respect to `s_k`, and `v` that with respect to `ln s` of the truth. Probabilities add up
//! to 1, so `p` may be counted from wherever we like: from that of the class above one half, if there is one. Otherwise
//! its bracket would be a difference of two numbers near `p_k`.
//!
//! ```text
//! origin = p of the class above ½, or 0       t = Σ_j s_j·(p_j − origin)
//! ∂L/∂z_k = s_k·((p_k − origin) − t) + v·([k is the truth] − s_k)
//! ```

use super::pick::look_up;
use crate::engine::arena::Plain;
use crate::engine::precise::Precise;
use crate::engine::row::{copy_row, row, row_mut};
use crate::engine::simd::{HAS_VECTORS, Kernel, dispatch, fours};
use crate::engine::softmax::{softmax_complement, upto};
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
    /// What there is of `p`.
    pub polynomial: Polynomial,
    /// Whether there is a `v`, in `made.here`.
    pub charges: bool,
}

/// How `p` is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polynomial {
    /// It is 0.
    None,
    /// A constant of the class, and another where the class is the truth: from slopes and labels, times the weight.
    Linear,
    /// In the rows of `logit`.
    Rows,
}

impl Labelled<'_> {
    /// `p` of a class where it is not the truth, if that is a constant.
    #[inline(always)]
    pub fn predicted<T: Real>(&self, class: usize) -> T {
        T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.predicted))
    }

    /// The same where it is. Never −0, which sums of others would lose.
    #[inline(always)]
    pub fn predicted_at_truth<T: Real>(&self, class: usize) -> T {
        let overlap = T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.overlap));
        self.predicted::<T>(class) + overlap + T::zero()
    }

    /// Finds what all classes share.
    pub fn share<'a, 's, T: Real>(&'a self, tile: &'a mut Tile<'s, T>) -> Share<'a, 's, T> {
        Share { of: self, tile }
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
            elsewhere: self.predicted(class),
            class: self.first_label + class as i32,
            // A loop of its own is worth its code with vectors only; a weight of 1 changes no bit.
            is_unweighted: HAS_VECTORS && tile.is_unweighted,
            out: out.unwrap_or(row_mut(tile.made.cost, 0, width, used)),
            s: row(tile.seen.probability, class, width, used),
            inverse: row(tile.seen.inverse, 0, width, used),
            polynomial: row(tile.seen.logit, class, width, used),
            label: row(tile.seen.label, 0, width, used),
            weight: row(tile.seen.weight, 0, width, used),
            shared: Shared {
                truth: row(tile.made.here, 0, width, used),
                charge: row(tile.made.elsewhere, 0, width, used),
                origin: row(tile.made.largest, 0, width, used),
                total: row(tile.made.total, 0, width, used),
            },
        });
    }
}

/// What the gradients of all classes of a voxel are made of.
#[derive(Clone, Copy)]
struct Shared<'a, T> {
    /// The gradient of the true class; with pulls in rows only what is charged of it.
    truth: &'a [T],
    /// What the others are charged for their probability: `−v`.
    charge: &'a [T],
    origin: &'a [T],
    /// `t`
    total: &'a [T],
}

/// See [`Labelled::share`]: fills the rows of [`Shared`].
pub(crate) struct Share<'a, 's, T> {
    of: &'a Labelled<'a>,
    tile: &'a mut Tile<'s, T>,
}

impl<T: Real> Kernel for Share<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Labelled { slopes, first_label, polynomial, charges } = *self.of;
        let Tile { span: Span { width, used }, seen, made, .. } = self.tile;
        let (width, used) = (*width, *used);
        let (here, charge) = (upto(made.here, &used), upto(made.elsewhere, &used));
        let (picked, complement) = (upto(seen.picked, &used), upto(seen.complement, &used));
        if charges {
            charge_truth(picked, complement, here, charge);
        } else {
            here.fill(T::zero());
            charge.fill(T::zero());
        }
        let (origin, total) = (upto(made.largest, &used), upto(made.total, &used));
        let label = row(seen.label, 0, width, used);
        let s = |class| row(seen.probability, class, width, used);
        let p = |class| row(seen.logit, class, width, used);
        match polynomial {
            Polynomial::None => (),
            Polynomial::Linear => {
                // `p` of the truth, and that of a class that is not.
                let of_truth = upto(made.polynomial, &used);
                let constant = |class| self.of.predicted(class);
                look_up(
                    |class| self.of.predicted_at_truth(class),
                    slopes.len(),
                    label,
                    first_label,
                    of_truth,
                );
                origin.fill(T::zero());
                total.fill(T::zero());
                let (fours, rest) = (fours(slopes.len()), fours(slopes.len())..slopes.len());
                for class in (0..fours).step_by(4) {
                    let p = core::array::from_fn(|k| constant(class + k));
                    origin_of_four(core::array::from_fn(|k| s(class + k)), p, origin);
                }
                for class in rest.clone() {
                    origin_of_constant(s(class), constant(class), origin);
                }
                origin_of_truth(picked, of_truth, origin);
                for class in (0..fours).step_by(4) {
                    let p = core::array::from_fn(|k| constant(class + k));
                    let s = core::array::from_fn(|k| s(class + k));
                    total_of_four(s, p, label, first_label + class as i32, origin, total);
                }
                for class in rest {
                    let (label_of, p) = (first_label + class as i32, constant(class));
                    total_of_others(s(class), p, label, label_of, origin, total);
                }
                let weight = row(seen.weight, 0, width, used);
                settle_truth(picked, of_truth, origin, weight, total, here);
            }
            Polynomial::Rows => {
                origin.fill(T::zero());
                for class in 0..slopes.len() {
                    origin_of_row(s(class), p(class), origin);
                }
                total.fill(T::zero());
                for class in 0..slopes.len() {
                    total_of_row(s(class), p(class), origin, total);
                }
            }
        }
    }
}

/// `v·(1 − s)` of the truth to `here`, where `v` is, and what others are charged for their probability.
#[inline(always)]
fn charge_truth<T: Real>(picked: &[T], of_largest: &[T], here: &mut [T], charge: &mut [T]) {
    for ((&s, &of_largest), (here, charge)) in picked.iter().zip(of_largest).zip(here.iter_mut().zip(charge))
    {
        let v = *here;
        *here = v * softmax_complement(s, of_largest);
        *charge = -v;
    }
}

#[inline(always)]
fn origin_of_constant<T: Real>(s: &[T], p: T, origin: &mut [T]) {
    for (&s, origin) in s.iter().zip(origin) {
        *origin += p.masked(s > T::of(0.5));
    }
}

#[inline(always)]
fn origin_of_four<T: Real>([a, b, c, d]: [&[T]; 4], p: [T; 4], origin: &mut [T]) {
    for (((&a, &b), (&c, &d)), origin) in a.iter().zip(b).zip(c.iter().zip(d)).zip(origin) {
        let half = T::of(0.5);
        let lower = p[0].masked(a > half) + p[1].masked(b > half);
        let upper = p[2].masked(c > half) + p[3].masked(d > half);
        *origin += lower + upper;
    }
}

#[inline(always)]
fn origin_of_row<T: Real>(s: &[T], p: &[T], origin: &mut [T]) {
    for ((&s, &p), origin) in s.iter().zip(p).zip(origin) {
        *origin += p.masked(s > T::of(0.5));
    }
}

#[inline(always)]
fn origin_of_truth<T: Real>(picked: &[T], p: &[T], origin: &mut [T]) {
    for ((&s, &p), origin) in picked.iter().zip(p).zip(origin) {
        let is_large = s > T::of(0.5);
        *origin = origin.masked(!is_large) + p.masked(is_large);
    }
}

/// Adds a class where it is not the truth.
#[inline(always)]
fn total_of_others<T: Real>(s: &[T], p: T, label: &[i32], class: i32, origin: &[T], total: &mut [T]) {
    for (((&s, &label), &origin), total) in s.iter().zip(label).zip(origin).zip(total) {
        *total += s * (p - origin).masked(label != class);
    }
}

#[inline(always)]
fn total_of_four<T: Real>(
    [a, b, c, d]: [&[T]; 4],
    p: [T; 4],
    label: &[i32],
    class: i32,
    origin: &[T],
    total: &mut [T],
) {
    let rows = a.iter().zip(b).zip(c.iter().zip(d)).zip(label).zip(origin);
    for (((((&a, &b), (&c, &d)), &label), &origin), total) in rows.zip(total) {
        // In the order of the classes, as one by one.
        let sum = *total + a * (p[0] - origin).masked(label != class);
        let sum = sum + b * (p[1] - origin).masked(label != class + 1);
        let sum = sum + c * (p[2] - origin).masked(label != class + 2);
        *total = sum + d * (p[3] - origin).masked(label != class + 3);
    }
}

#[inline(always)]
fn total_of_row<T: Real>(s: &[T], p: &[T], origin: &[T], total: &mut [T]) {
    for (((&s, &p), &origin), total) in s.iter().zip(p).zip(origin).zip(total) {
        *total += s * (p - origin);
    }
}

/// Completes `t`, and adds the pull on the truth to `here`.
#[inline(always)]
fn settle_truth<T: Real>(picked: &[T], p: &[T], origin: &[T], weight: &[T], total: &mut [T], here: &mut [T]) {
    let known = picked.iter().zip(p).zip(origin).zip(weight);
    for ((((&s, &p), &origin), &weight), (total, here)) in known.zip(total.iter_mut().zip(here)) {
        let above = p - origin;
        let all = *total + s * above;
        *total = all;
        *here += s * (weight * (above - all));
    }
}

struct Settle<'a, 'o, T> {
    of: &'a Labelled<'a>,
    /// `p` where the class is not the truth, if it is a constant.
    elsewhere: T,
    class: i32,
    is_unweighted: bool,
    out: &'o mut [T],
    /// Probabilities; where nothing pulls on them they may be exponentials.
    s: &'a [T],
    /// What makes probabilities of these.
    inverse: &'a [T],
    polynomial: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    shared: Shared<'a, T>,
}

impl<T: Real> Kernel for Settle<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { of, elsewhere, class, is_unweighted, out, s, inverse, polynomial, label, weight, shared } =
            self;
        match (of.polynomial, is_unweighted, of.charges) {
            (Polynomial::None, ..) => settle_charges(out, s, inverse, label, class, shared),
            (Polynomial::Linear, false, true) => {
                settle_linear::<T, true>(out, s, elsewhere, weight, label, class, shared)
            }
            (Polynomial::Linear, false, false) => {
                settle_linear::<T, false>(out, s, elsewhere, weight, label, class, shared)
            }
            (Polynomial::Linear, true, true) => {
                settle_unweighted::<T, true>(out, s, elsewhere, label, class, shared)
            }
            (Polynomial::Linear, true, false) => {
                settle_unweighted::<T, false>(out, s, elsewhere, label, class, shared)
            }
            (Polynomial::Rows, ..) => settle_rows(out, s, polynomial, label, class, shared),
        }
    }
}

/// `here` where the label is that of the class.
#[inline(always)]
fn at_truth<T: Real>(is_truth: bool, here: T, elsewhere: T) -> T {
    if is_truth { here } else { elsewhere }
}

#[inline(always)]
fn settle_charges<T: Real>(
    out: &mut [T],
    e: &[T],
    inverse: &[T],
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let known = e.iter().zip(inverse).zip(label).zip(shared.truth).zip(shared.charge);
    for (out, ((((&e, &inverse), &label), &truth), &charge)) in out.iter_mut().zip(known) {
        *out = at_truth(label == class, truth, e * inverse * charge);
    }
}

#[inline(always)]
fn settle_unweighted<T: Real, const CHARGES: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total);
    for (out, (((((&s, &label), &truth), &charge), &origin), &total)) in out.iter_mut().zip(known) {
        let pull = (p - origin) - total;
        let pull = if CHARGES { pull + charge } else { pull };
        *out = at_truth(label == class, truth, s * pull);
    }
}

#[inline(always)]
fn settle_linear<T: Real, const CHARGES: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    weight: &[T],
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total).zip(weight);
    for (out, ((((((&s, &label), &truth), &charge), &origin), &total), &w)) in out.iter_mut().zip(known) {
        let pull = w * ((p - origin) - total);
        let pull = if CHARGES { pull + charge } else { pull };
        *out = at_truth(label == class, truth, s * pull);
    }
}

#[inline(always)]
fn settle_rows<T: Real>(out: &mut [T], s: &[T], p: &[T], label: &[i32], class: i32, shared: Shared<'_, T>) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total).zip(p);
    for (out, ((((((&s, &label), &truth), &charge), &origin), &total), &p)) in out.iter_mut().zip(known) {
        let pull = s * ((p - origin) - total);
        *out = pull + at_truth(label == class, truth, s * charge);
    }
}
