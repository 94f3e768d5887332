//! The chain rule from derivatives by the probabilities to the gradient by the prediction, one class at a time.
//!
//! ```text
//! probabilities   p + v/s − u/(1 − s)
//! sigmoid         s(1 − s)·p + (1 − s)·v − s·u
//! softmax         q = v + s·p,  then  q_k·(1 − s_k) − s_k·Σ_{j≠k} q_j + r_k·u_m·s_m        m: the class with s > ½
//! ```
//!
//! `p`, `v` and `u` are the derivatives with respect to `s`, `ln s` and `ln(1 − s)`.

use crate::array::real::Real;
use crate::checked::slice;
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile, TileGradients};
use crate::loss::activation::Activation;
use crate::loss::probability::sigmoid;
use crate::loss::probability::softmax_complement;
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::{Kernel, dispatch};

/// The derivatives of a class that can differ from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DerivativeRows {
    pub polynomial: bool,
    pub positive: bool,
    pub negative: bool,
}

/// Combines the derivatives of one class in its row of `logit`: for softmax to `q = v + s·p`, which
/// [`softmax_backward`] completes; otherwise to the gradient.
pub(crate) fn combine<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    activation: Activation,
    class: usize,
    rows: DerivativeRows,
) {
    let Tile { span: Span { width, used }, inputs, gradients, .. } = tile;
    let TileGradients { polynomial, positive, negative, total, rest, largest, .. } = gradients;
    let part = |row, exists: bool| if exists { Some(used_part(row, *used)) } else { None };
    let derivatives = Derivatives {
        row: row_mut(inputs.logit, class, *width, *used),
        probability: row(inputs.probability, class, *width, *used),
        polynomial: part(polynomial, rows.polynomial),
        positive: part(positive, rows.positive),
        negative: part(negative, rows.negative),
    };
    match activation {
        Activation::Softmax => dispatch(CombineSoftmax { derivatives, total, rest, largest }),
        Activation::Sigmoid => dispatch(CombineSigmoid { derivatives }),
        _ => dispatch(CombineProbability { derivatives }),
    }
}

fn used_part<'a, T>(row: &'a &mut [T], used: usize) -> &'a [T] {
    slice(row, 0..used)
}

/// One class: `s`, the derivatives, and the row for the result.
struct Derivatives<'a, T> {
    row: &'a mut [T],
    probability: &'a [T],
    polynomial: Option<&'a [T]>,
    positive: Option<&'a [T]>,
    negative: Option<&'a [T]>,
}

/// Combines the derivatives of a class to `q` and adds it to the sums over classes.
struct CombineSoftmax<'a, T> {
    derivatives: Derivatives<'a, T>,
    total: &'a mut [T],
    rest: &'a mut [T],
    largest: &'a mut [T],
}

impl<T: Real> Kernel for CombineSoftmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Derivatives { row, probability, polynomial, positive, negative } = self.derivatives;
        if let Some(negative) = negative {
            match (polynomial, positive) {
                (Some(p), Some(v)) => sum_with_product(row, probability, p, v),
                (Some(p), None) => product(row, probability, p),
                (None, Some(v)) => copy(row, v),
                (None, None) => row.fill(T::zero()),
            }
            combine_negative(row, probability, negative, self.largest);
            return add_to_sums(row, probability, self.total, self.rest);
        }
        match (polynomial, positive) {
            (Some(p), Some(v)) => {
                sum_with_product(row, probability, p, v);
                add_to_sums(row, probability, self.total, self.rest);
            }
            (Some(p), None) => product_and_sum(row, probability, p, self.total, self.rest),
            (None, Some(v)) => copy_and_sum(row, probability, v, self.total, self.rest),
            (None, None) => row.fill(T::zero()),
        }
    }
}

#[inline(always)]
fn product_and_sum<T: Real>(q: &mut [T], s: &[T], p: &[T], total: &mut [T], rest: &mut [T]) {
    for ((q, (&s, &p)), (total, rest)) in q.iter_mut().zip(s.iter().zip(p)).zip(total.iter_mut().zip(rest)) {
        let product_with_s = s * p;
        *q = product_with_s;
        *total += product_with_s;
        *rest += product_with_s.mask(!(s > T::of(0.5)));
    }
}

#[inline(always)]
fn copy_and_sum<T: Real>(q: &mut [T], s: &[T], v: &[T], total: &mut [T], rest: &mut [T]) {
    for ((q, (&s, &v)), (total, rest)) in q.iter_mut().zip(s.iter().zip(v)).zip(total.iter_mut().zip(rest)) {
        *q = v;
        *total += v;
        *rest += v.mask(!(s > T::of(0.5)));
    }
}

#[inline(always)]
fn sum_with_product<T: Real>(q: &mut [T], s: &[T], p: &[T], v: &[T]) {
    for (((q, &s), &p), &v) in q.iter_mut().zip(s).zip(p).zip(v) {
        *q = s * p + v;
    }
}

#[inline(always)]
fn product<T: Real>(q: &mut [T], s: &[T], p: &[T]) {
    for ((q, &s), &p) in q.iter_mut().zip(s).zip(p) {
        *q = s * p;
    }
}

#[inline(always)]
fn copy<T: Real>(to: &mut [T], from: &[T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

/// Subtracts `u·s/(1 − s)` from `q` where `s ≤ ½`, so that it is bounded. For `s > ½`, [`softmax_backward`] uses the
/// softmax over the other classes.
#[inline(always)]
fn combine_negative<T: Real>(q: &mut [T], s: &[T], u: &[T], largest: &mut [T]) {
    for (((q, &s), &u), largest) in q.iter_mut().zip(s).zip(u).zip(largest) {
        let product_with_s = u * s;
        let above = s > T::of(0.5);
        *q -= (product_with_s / (T::one() - s)).mask(!above);
        *largest += product_with_s.mask(above);
    }
}

#[inline(always)]
fn add_to_sums<T: Real>(q: &[T], s: &[T], total: &mut [T], rest: &mut [T]) {
    for (((&q, &s), total), rest) in q.iter().zip(s).zip(total).zip(rest) {
        *total += q;
        *rest += q.mask(!(s > T::of(0.5)));
    }
}

/// Computes the gradient of a class by its logit.
struct CombineSigmoid<'a, T> {
    derivatives: Derivatives<'a, T>,
}

impl<T: Real> Kernel for CombineSigmoid<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Derivatives { row, polynomial, positive, negative, .. } = self.derivatives;
        match (polynomial, positive, negative) {
            (Some(p), None, None) => sigmoid_polynomial(row, p),
            (None, Some(v), Some(u)) => sigmoid_outcomes(row, v, u),
            (None, Some(v), None) => sigmoid_outcome(row, v),
            (Some(p), Some(v), Some(u)) => sigmoid_all(row, p, v, u),
            (Some(p), Some(v), None) => sigmoid_two(row, p, v),
            _ => row.fill(T::zero()),
        }
    }
}

#[inline(always)]
fn sigmoid_polynomial<T: Real>(z: &mut [T], p: &[T]) {
    for (z, &p) in z.iter_mut().zip(p) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p;
    }
}

#[inline(always)]
fn sigmoid_outcome<T: Real>(z: &mut [T], v: &[T]) {
    for (z, &v) in z.iter_mut().zip(v) {
        *z = sigmoid(*z).1 * v;
    }
}

#[inline(always)]
fn sigmoid_outcomes<T: Real>(z: &mut [T], v: &[T], u: &[T]) {
    for ((z, &v), &u) in z.iter_mut().zip(v).zip(u) {
        let (s, complement, _) = sigmoid(*z);
        *z = complement * v - s * u;
    }
}

#[inline(always)]
fn sigmoid_two<T: Real>(z: &mut [T], p: &[T], v: &[T]) {
    for ((z, &p), &v) in z.iter_mut().zip(p).zip(v) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p + complement * v;
    }
}

#[inline(always)]
fn sigmoid_all<T: Real>(z: &mut [T], p: &[T], v: &[T], u: &[T]) {
    for (((z, &p), &v), &u) in z.iter_mut().zip(p).zip(v).zip(u) {
        let (s, complement, _) = sigmoid(*z);
        *z = s * complement * p + complement * v - s * u;
    }
}

/// Computes the gradient of a class by its probability.
struct CombineProbability<'a, T> {
    derivatives: Derivatives<'a, T>,
}

impl<T: Real> Kernel for CombineProbability<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Derivatives { row, probability, polynomial, positive, negative } = self.derivatives;
        match polynomial {
            Some(polynomial) => copy(row, polynomial),
            None => row.fill(T::zero()),
        }
        // The logarithm of a probability below FLOOR is that of FLOOR, with slope 0.
        if let Some(positive) = positive {
            for ((out, &s), &v) in row.iter_mut().zip(probability).zip(positive) {
                let slope = v / s;
                *out += slope.mask(!(s < T::FLOOR));
            }
        }
        if let Some(negative) = negative {
            for ((out, &s), &u) in row.iter_mut().zip(probability).zip(negative) {
                let complement = T::one() - s;
                let slope = u / complement;
                *out -= slope.mask(!(complement < T::FLOOR));
            }
        }
    }
}

/// Completes the gradient by the logits of a class after all classes are combined, in its row of the tile or in `out`:
///
/// ```text
/// ∂L/∂z_k = q_k·(1 − s_k) − s_k·Σ_{j≠k} q_j + r_k·u_m·s_m
/// ```
pub(crate) fn softmax_backward<T: Real + Plain>(tile: &mut Tile<'_, T>, class: usize, out: Option<&mut [T]>) {
    let Span { width, used } = tile.span;
    dispatch(SoftmaxBackward {
        row: row_mut(tile.inputs.logit, class, width, used),
        out,
        probability: row(tile.inputs.probability, class, width, used),
        complement: tile.inputs.complement,
        total: tile.gradients.total,
        rest: tile.gradients.rest,
        of_others: if tile.inputs.other_class_softmax.is_empty() {
            &[]
        } else {
            row(tile.inputs.other_class_softmax, class, width, used)
        },
        largest: tile.gradients.largest,
    });
}

struct SoftmaxBackward<'a, 'o, T> {
    row: &'a mut [T],
    out: Option<&'o mut [T]>,
    probability: &'a [T],
    complement: &'a [T],
    total: &'a [T],
    rest: &'a [T],
    of_others: &'a [T],
    largest: &'a [T],
}

impl<T: Real> Kernel for SoftmaxBackward<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, out, probability, complement, total, rest, of_others, largest } = self;
        if of_others.is_empty() {
            return match out {
                Some(out) => finish_to(out, row, probability, complement, total, rest),
                None => finish(row, probability, complement, total, rest),
            };
        }
        finish(row, probability, complement, total, rest);
        add_product(row, of_others, largest);
        if let Some(out) = out {
            copy(out, row);
        }
    }
}

/// The sum over the other classes is computed as a difference, which loses precision where `q` of the class is much
/// larger than the sum. For the class with `s > ½` it was accumulated separately.
#[inline(always)]
fn softmax_gradient<T: Real>(q: T, s: T, of_largest: T, total: T, rest: T) -> T {
    let complement = softmax_complement(s, of_largest);
    let without = total - q;
    let others = if s > T::of(0.5) { rest } else { without };
    q * complement - s * others
}

#[inline(always)]
fn finish<T: Real>(q: &mut [T], s: &[T], of_largest: &[T], total: &[T], rest: &[T]) {
    for ((((q, &s), &of_largest), &total), &rest) in q.iter_mut().zip(s).zip(of_largest).zip(total).zip(rest)
    {
        *q = softmax_gradient(*q, s, of_largest, total, rest);
    }
}

#[inline(always)]
fn finish_to<T: Real>(out: &mut [T], q: &[T], s: &[T], of_largest: &[T], total: &[T], rest: &[T]) {
    let known = s.iter().zip(of_largest).zip(total.iter().zip(rest));
    for ((out, &q), ((&s, &of_largest), (&total, &rest))) in out.iter_mut().zip(q).zip(known) {
        *out = softmax_gradient(q, s, of_largest, total, rest);
    }
}

#[inline(always)]
fn add_product<T: Real>(to: &mut [T], x: &[T], y: &[T]) {
    for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
        *to += x * y;
    }
}
