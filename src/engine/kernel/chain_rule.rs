//! The chain rule from derivatives by the probabilities to the gradient by the prediction, one class at a time.
//!
//! ```text
//! probabilities   p + v/s − u/(1 − s)
//! sigmoid         s(1 − s)·p + (1 − s)·v − s·u
//! softmax         q = v + s·p,  then  q_k·(1 − s_k) − s_k·Σ_{j≠k} q_j + r_k·u_m·s_m        m: the class with s > ½
//! ```
//!
//! `p`, `v` and `u` are the derivatives with respect to `s`, `ln s` and `ln(1 − s)`; `r` is the softmax over the other
//! classes than the largest, and −1 for that.

use crate::engine::kernel::{load_at, store_at};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar};

/// 2⁻¹²⁶: a logarithm of a smaller given probability has slope 0.
const FLOOR: f64 = f32::MIN_POSITIVE as f64;

/// The derivatives of a class, with `None` for 0, and its probabilities.
#[derive(Clone, Copy)]
pub(crate) struct Derivatives<'a, T> {
    pub probability: &'a [T],
    pub complement: &'a [T],
    pub polynomial: Option<&'a [T]>,
    pub positive: Option<&'a [T]>,
    pub negative: Option<&'a [T]>,
}

/// Computes `q` of a class and adds it to the sums over the classes.
pub(crate) struct CombineSoftmax<'a, T> {
    pub of: Derivatives<'a, T>,
    pub q: &'a mut [T],
    /// `Σ q`
    pub total: &'a mut [T],
    /// `Σ q` without the class with `s > ½`.
    pub rest: &'a mut [T],
    /// `u·s` of the class with `s > ½`.
    pub of_largest: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for CombineSoftmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { of, q: out, total, rest, of_largest } = self;
        let (zero, half) = (s.splat(T::ZERO), s.splat(T::HALF));
        let mut at = 0;
        while at < out.len() {
            // SAFETY: all rows have the length of `q`, a multiple of a vector.
            unsafe {
                let probability = load_at(s, of.probability, at);
                let is_largest = s.lt(half, probability);
                let mut q = zero;
                if let Some(positive) = of.positive {
                    q = load_at(s, positive, at);
                }
                if let Some(polynomial) = of.polynomial {
                    q = s.mul_add(probability, load_at(s, polynomial, at), q);
                }
                if let Some(negative) = of.negative {
                    // Bounded where s ≤ ½; for s > ½ the softmax over the other classes is used.
                    let product = load_at(s, negative, at) * probability;
                    q = q - s.keep(!is_largest, product / load_at(s, of.complement, at));
                    store_at(s, of_largest, at, load_at(s, of_largest, at) + s.keep(is_largest, product));
                }
                store_at(s, out, at, q);
                store_at(s, total, at, load_at(s, total, at) + q);
                store_at(s, rest, at, load_at(s, rest, at) + s.keep(!is_largest, q));
            }
            at += T::LANES;
        }
    }
}

/// Writes the gradient of a class by its logit after all classes are combined.
///
/// The sum over the other classes is computed as a difference, which loses precision where `q` of the class is much
/// larger than the sum. For the class with `s > ½` it was accumulated separately.
pub(crate) struct FinishSoftmax<'a, T> {
    pub exponential: &'a [T],
    pub inverse: &'a [T],
    /// `R`
    pub others: &'a [T],
    pub q: &'a [T],
    pub total: &'a [T],
    pub rest: &'a [T],
    /// `r` and `u_m·s_m`, if a loss has a derivative by `ln(1 − s)`.
    pub largest: Option<[&'a [T]; 2]>,
    pub out: *mut T,
}

impl<T: Scalar> LaneKernel<T> for FinishSoftmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { exponential, inverse, others, q, total, rest, largest, out } = self;
        let (one, half) = (s.splat(T::ONE), s.splat(T::HALF));
        let mut at = 0;
        while at < q.len() {
            // SAFETY: all rows have the length of `q`, a multiple of a vector, and so has `out`.
            unsafe {
                let share = load_at(s, inverse, at);
                let probability = load_at(s, exponential, at) * share;
                let is_largest = s.lt(half, probability);
                let complement = s.select(is_largest, load_at(s, others, at) * share, one - probability);
                let q = load_at(s, q, at);
                let of_others = s.select(is_largest, load_at(s, rest, at), load_at(s, total, at) - q);
                let mut gradient = q * complement - probability * of_others;
                if let Some([softmax, slope]) = largest {
                    gradient = gradient + load_at(s, softmax, at) * load_at(s, slope, at);
                }
                s.store(out.add(at), gradient);
            }
            at += T::LANES;
        }
    }
}

/// Writes the gradient of a class by its logit.
pub(crate) struct CombineSigmoid<'a, T> {
    pub of: Derivatives<'a, T>,
    pub out: *mut T,
}

impl<T: Scalar> LaneKernel<T> for CombineSigmoid<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { of, out } = self;
        let zero = s.splat(T::ZERO);
        let mut at = 0;
        while at < of.probability.len() {
            // SAFETY: all rows have the length of the probabilities, a multiple of a vector, and so has `out`.
            unsafe {
                let (probability, complement) =
                    (load_at(s, of.probability, at), load_at(s, of.complement, at));
                let mut gradient = zero;
                if let Some(polynomial) = of.polynomial {
                    gradient = probability * complement * load_at(s, polynomial, at);
                }
                if let Some(positive) = of.positive {
                    gradient = gradient + complement * load_at(s, positive, at);
                }
                if let Some(negative) = of.negative {
                    gradient = gradient - probability * load_at(s, negative, at);
                }
                s.store(out.add(at), gradient);
            }
            at += T::LANES;
        }
    }
}

/// Writes the gradient of a class by its probability.
pub(crate) struct CombineProbability<'a, T> {
    pub of: Derivatives<'a, T>,
    pub out: *mut T,
}

impl<T: Scalar> LaneKernel<T> for CombineProbability<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { of, out } = self;
        let (zero, one, floor) = (s.splat(T::ZERO), s.splat(T::ONE), s.splat(T::constant(FLOOR)));
        let mut at = 0;
        while at < of.probability.len() {
            // SAFETY: all rows have the length of the probabilities, a multiple of a vector, and so has `out`.
            unsafe {
                let probability = load_at(s, of.probability, at);
                let complement = one - probability;
                let mut gradient = zero;
                if let Some(polynomial) = of.polynomial {
                    gradient = load_at(s, polynomial, at);
                }
                if let Some(positive) = of.positive {
                    let slope = load_at(s, positive, at) / probability;
                    gradient = gradient + s.keep(!s.lt(probability, floor), slope);
                }
                if let Some(negative) = of.negative {
                    let slope = load_at(s, negative, at) / complement;
                    gradient = gradient - s.keep(!s.lt(complement, floor), slope);
                }
                s.store(out.add(at), gradient);
            }
            at += T::LANES;
        }
    }
}

/// Computes the derivative by `s` of `prediction` and `intersection`, and of the squared errors: a polynomial in `s`.
///
/// ```text
/// p = w·(a + b·g + (s − g)·(m·g + k·(1 − g)))        m, k: twice the slopes of the squared errors
/// ```
pub(crate) struct RegionPolynomial<'a, T> {
    pub probability: &'a [T],
    pub complement: &'a [T],
    pub target: &'a [T],
    pub weight: &'a [T],
    /// `a` and `b`
    pub linear: [T; 2],
    /// `m` and `k`, unless both are 0.
    pub squares: Option<[T; 2]>,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for RegionPolynomial<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { probability, complement, target, weight, linear: [a, b], squares, out } = self;
        let (one, half) = (s.splat(T::ONE), s.splat(T::HALF));
        let mut at = 0;
        while at < out.len() {
            // SAFETY: all rows have the length of the output, a multiple of a vector.
            unsafe {
                let target = load_at(s, target, at);
                let mut polynomial = s.splat(a) + s.splat(b) * target;
                if let Some([m, k]) = squares {
                    let probability = load_at(s, probability, at);
                    // `s − g` to full relative precision where the target is 1. A given probability may exceed 1; then
                    // its complement is not used.
                    let is_large = s.lt(half, probability) & s.le(probability, one);
                    let of_large = (one - target) - load_at(s, complement, at);
                    let error = s.select(is_large, of_large, probability - target);
                    let slope = s.splat(m) * (error * target) + s.splat(k) * (error * (one - target));
                    polynomial = polynomial + slope;
                }
                store_at(s, out, at, load_at(s, weight, at) * polynomial);
            }
            at += T::LANES;
        }
    }
}
