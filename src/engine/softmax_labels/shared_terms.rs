//! The terms that the gradients of all classes of a voxel share: `origin` and `t` of
//! [`label_gradient`](crate::engine::softmax_labels::label_gradient), and the derivative of the losses of the target
//! class.

use crate::array::real::Real;
use crate::checked::slice_mut;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass_plan::ProbabilitySlope;
use crate::engine::softmax_labels::class_slopes::ClassSlopes;
use crate::engine::softmax_labels::gather::table_by_label;
use crate::loss::probability::softmax_complement;
use crate::simd::blocks::row;
use crate::simd::level::{Kernel, fours};

/// Computes the rows of [`SharedRows`](crate::engine::softmax_labels::label_gradient).
pub(super) struct SharedTerms<'a, 's, T> {
    pub of: &'a ClassSlopes<'a>,
    pub tile: &'a mut Tile<'s, T>,
}

impl<T: Real> Kernel for SharedTerms<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ClassSlopes { slopes, first_label, probability_slope, has_target_loss } = *self.of;
        let Tile { span: Span { width, used }, inputs, gradients, .. } = self.tile;
        let (width, used) = (*width, *used);
        let (of_target, of_others) =
            (slice_mut(gradients.positive, 0..used), slice_mut(gradients.negative, 0..used));
        let (target_probability, complement) =
            (slice_mut(inputs.target_probability, 0..used), slice_mut(inputs.complement, 0..used));
        if has_target_loss {
            differentiate_target_loss(target_probability, complement, of_target, of_others);
        } else {
            of_target.fill(T::zero());
            of_others.fill(T::zero());
        }
        let (origin, total) = (slice_mut(gradients.largest, 0..used), slice_mut(gradients.total, 0..used));
        let label = row(inputs.label, 0, width, used);
        let s = |class| row(inputs.probability, class, width, used);
        let p = |class| row(inputs.logit, class, width, used);
        match probability_slope {
            ProbabilitySlope::None => (),
            ProbabilitySlope::Constant => {
                // `p` of the target class, and of another.
                let p_of_target = slice_mut(gradients.polynomial, 0..used);
                let constant = |class| self.of.slope(class);
                table_by_label(
                    |class| self.of.slope_at_target(class),
                    slopes.len(),
                    label,
                    first_label,
                    p_of_target,
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
                origin_of_target(target_probability, p_of_target, origin);
                for class in (0..fours).step_by(4) {
                    let p = core::array::from_fn(|k| constant(class + k));
                    let s = core::array::from_fn(|k| s(class + k));
                    total_of_four(s, p, label, first_label + class as i32, origin, total);
                }
                for class in rest {
                    let (label_of, p) = (first_label + class as i32, constant(class));
                    total_of_others(s(class), p, label, label_of, origin, total);
                }
                let weight = row(inputs.weight, 0, width, used);
                add_target_class(target_probability, p_of_target, origin, weight, total, of_target);
            }
            ProbabilitySlope::Rows => {
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

/// Replaces `v` in `of_target` by `v·(1 − s)` of the target class, and writes `−v`, the factor of `s` for the others.
#[inline(always)]
fn differentiate_target_loss<T: Real>(
    target_probability: &[T],
    of_largest: &[T],
    of_target: &mut [T],
    of_others: &mut [T],
) {
    for ((&s, &of_largest), (of_target, of_others)) in
        target_probability.iter().zip(of_largest).zip(of_target.iter_mut().zip(of_others))
    {
        let v = *of_target;
        *of_target = v * softmax_complement(s, of_largest);
        *of_others = -v;
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
fn origin_of_target<T: Real>(target_probability: &[T], p: &[T], origin: &mut [T]) {
    for ((&s, &p), origin) in target_probability.iter().zip(p).zip(origin) {
        let is_large = s > T::of(0.5);
        *origin = origin.mask(!is_large) + p.mask(is_large);
    }
}

/// Adds a class for voxels of other classes.
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
        // In the order of the classes.
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

/// Completes `t` with the target class, and adds its derivative through `p` to `of_target`.
#[inline(always)]
fn add_target_class<T: Real>(
    target_probability: &[T],
    p: &[T],
    origin: &[T],
    weight: &[T],
    total: &mut [T],
    of_target: &mut [T],
) {
    let rows = target_probability.iter().zip(p).zip(origin).zip(weight);
    for ((((&s, &p), &origin), &weight), (total, of_target)) in rows.zip(total.iter_mut().zip(of_target)) {
        let above = p - origin;
        let all = *total + s * above;
        *total = all;
        *of_target += s * (weight * (above - all));
    }
}
