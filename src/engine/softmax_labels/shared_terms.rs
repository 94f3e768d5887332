//! What the gradients of all classes of a voxel have in common: `origin` and `t` of [`pull`](crate::engine::softmax_labels::gradient), and what the
//! truth is charged.

use crate::array::real::Real;
use crate::engine::softmax::upto;
use crate::engine::softmax_labels::class_slopes::{Labelled, Polynomial};
use crate::engine::softmax_labels::gather::look_up;
use crate::engine::tile::{Span, Tile};
use crate::loss::probability::softmax_complement;
use crate::simd::blocks::row;
use crate::simd::level::{Kernel, fours};

/// Fills the rows that [`pull`](crate::engine::softmax_labels::gradient) makes all gradients of.
pub(super) struct Share<'a, 's, T> {
    pub of: &'a Labelled<'a>,
    pub tile: &'a mut Tile<'s, T>,
}

impl<T: Real> Kernel for Share<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Labelled { slopes, first_label, polynomial, charges } = *self.of;
        let Tile { span: Span { width, used }, inputs: seen, gradients: made, .. } = self.tile;
        let (width, used) = (*width, *used);
        let (here, charge) = (upto(made.positive, &used), upto(made.negative, &used));
        let (picked, complement) = (upto(seen.target_probability, &used), upto(seen.complement, &used));
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
        *origin += p.mask(s > T::of(0.5));
    }
}

#[inline(always)]
fn origin_of_four<T: Real>([a, b, c, d]: [&[T]; 4], p: [T; 4], origin: &mut [T]) {
    for (((&a, &b), (&c, &d)), origin) in a.iter().zip(b).zip(c.iter().zip(d)).zip(origin) {
        let half = T::of(0.5);
        let lower = p[0].mask(a > half) + p[1].mask(b > half);
        let upper = p[2].mask(c > half) + p[3].mask(d > half);
        *origin += lower + upper;
    }
}

#[inline(always)]
fn origin_of_row<T: Real>(s: &[T], p: &[T], origin: &mut [T]) {
    for ((&s, &p), origin) in s.iter().zip(p).zip(origin) {
        *origin += p.mask(s > T::of(0.5));
    }
}

#[inline(always)]
fn origin_of_truth<T: Real>(picked: &[T], p: &[T], origin: &mut [T]) {
    for ((&s, &p), origin) in picked.iter().zip(p).zip(origin) {
        let is_large = s > T::of(0.5);
        *origin = origin.mask(!is_large) + p.mask(is_large);
    }
}

/// Adds a class where it is not the truth.
#[inline(always)]
fn total_of_others<T: Real>(s: &[T], p: T, label: &[i32], class: i32, origin: &[T], total: &mut [T]) {
    for (((&s, &label), &origin), total) in s.iter().zip(label).zip(origin).zip(total) {
        *total += s * (p - origin).mask(label != class);
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
        let sum = *total + a * (p[0] - origin).mask(label != class);
        let sum = sum + b * (p[1] - origin).mask(label != class + 1);
        let sum = sum + c * (p[2] - origin).mask(label != class + 2);
        *total = sum + d * (p[3] - origin).mask(label != class + 3);
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
