//! The two outcomes of a class at each voxel, from its prediction: probabilities, their complements and logarithms, to
//! full relative precision.
//!
//! ```text
//! softmax         s = e / Σ e          1 − s = R / Σ e for the class above ½        ln s = (z − m) − ln(1 + R)
//! sigmoid         t = e^−|z|           {s, 1 − s} = {1, t} / (1 + t)
//! probabilities   s as given           logarithms of numbers below 2⁻¹²⁶ are that of 2⁻¹²⁶
//! ```

use crate::engine::kernel::{load_at, store_at};
use crate::simd::lanes::elementary::{exp_nonpositive, ln, ln_1p, ln_1p_of_product};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar};

/// 2⁻¹²⁶: the lower limit of the argument of a logarithm of a probability that is given as input.
const FLOOR: f64 = f32::MIN_POSITIVE as f64;

/// The outcomes of a class: each row is computed if it is wanted.
pub(crate) struct OutcomeTargets<'a, T> {
    pub probability: &'a mut [T],
    pub complement: &'a mut [T],
    /// `ln s`
    pub logarithm: Option<&'a mut [T]>,
    /// `ln(1 − s)`
    pub log_complement: Option<&'a mut [T]>,
}

/// A class of softmax, whose exponentials and sums are known.
pub(crate) struct SoftmaxOutcomes<'a, T> {
    pub exponential: &'a [T],
    pub logit: *const T,
    pub largest: &'a [T],
    pub inverse: &'a [T],
    /// `R`
    pub others: &'a [T],
    /// `ln(1 + R)`
    pub log_total: &'a [T],
    /// `ln(1 − s)` of the class above ½, where it is wanted.
    pub log_of_others: &'a [T],
    pub out: OutcomeTargets<'a, T>,
}

impl<T: Scalar> LaneKernel<T> for SoftmaxOutcomes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { exponential, logit, largest, inverse, others, log_total, log_of_others, out } = self;
        let (one, half) = (s.splat(T::ONE), s.splat(T::HALF));
        let mut at = 0;
        // SAFETY: all rows have the length of the exponentials, a multiple of a vector.
        unsafe {
            while at < exponential.len() {
                let share = load_at(s, inverse, at);
                let probability = load_at(s, exponential, at) * share;
                let of_largest = load_at(s, others, at) * share;
                let complement = s.select(s.lt(half, probability), of_largest, one - probability);
                store_at(s, out.probability, at, probability);
                store_at(s, out.complement, at, complement);
                at += T::LANES;
            }
            if let Some(logarithm) = out.logarithm {
                let mut at = 0;
                while at < exponential.len() {
                    let (logit, largest) = (s.load(logit.add(at)), load_at(s, largest, at));
                    // A logit and the largest may have the same infinity.
                    let difference = s.keep(!s.eq(logit, largest), logit - largest);
                    store_at(s, logarithm, at, difference - load_at(s, log_total, at));
                    at += T::LANES;
                }
            }
            if let Some(log_complement) = out.log_complement {
                let mut at = 0;
                while at < exponential.len() {
                    let probability = load_at(s, out.probability, at);
                    let below = ln_1p(s, -probability);
                    let log = s.select(s.lt(half, probability), load_at(s, log_of_others, at), below);
                    store_at(s, log_complement, at, log);
                    at += T::LANES;
                }
            }
        }
    }
}

/// Computes `1 / Σ e` and, if it is wanted, `ln(1 + R)`.
pub(crate) struct Totals<'a, T> {
    pub others: &'a [T],
    pub inverse: &'a mut [T],
    pub log_total: Option<&'a mut [T]>,
}

impl<T: Scalar> LaneKernel<T> for Totals<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let one = s.splat(T::ONE);
        for (inverse, others) in T::lines_mut(self.inverse).0.iter_mut().zip(T::lines(self.others).0) {
            *inverse = s.to_line(s.reciprocal(one + s.from_line(others)));
        }
        if let Some(log_total) = self.log_total {
            for (log, others) in T::lines_mut(log_total).0.iter_mut().zip(T::lines(self.others).0) {
                *log = s.to_line(ln_1p_of_product(s, s.from_line(others)));
            }
        }
    }
}

/// A class of sigmoid.
pub(crate) struct SigmoidOutcomes<'a, T> {
    pub logit: *const T,
    pub out: OutcomeTargets<'a, T>,
}

impl<T: Scalar> LaneKernel<T> for SigmoidOutcomes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { logit, out: OutcomeTargets { probability, complement, logarithm, log_complement } } = self;
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let mut at = 0;
        // SAFETY: all rows have the length of the probabilities, a multiple of a group, and the logits have it too.
        unsafe {
            while at < probability.len() {
                let (z, y) = (s.load(logit.add(at)), s.load(logit.add(at + T::LANES)));
                let power = exp_nonpositive(s, [-s.abs(z), -s.abs(y)]);
                for (u, z) in [z, y].into_iter().enumerate() {
                    let large = s.reciprocal(one + power[u]);
                    let small = power[u] * large;
                    let is_positive = s.lt(zero, z);
                    store_at(s, probability, at + u * T::LANES, s.select(is_positive, large, small));
                    store_at(s, complement, at + u * T::LANES, s.select(is_positive, small, large));
                    // The sum of the two logarithms is −|z|, and the larger one is −ln(1 + t).
                    if logarithm.is_some() || log_complement.is_some() {
                        let log = -ln_1p_of_product(s, power[u]);
                        if let Some(logarithm) = &logarithm {
                            let to = logarithm.as_ptr().cast_mut().add(at + u * T::LANES);
                            s.store(to, s.min(zero, z) + log);
                        }
                        if let Some(log_complement) = &log_complement {
                            let to = log_complement.as_ptr().cast_mut().add(at + u * T::LANES);
                            s.store(to, s.min(zero, -z) + log);
                        }
                    }
                }
                at += 2 * T::LANES;
            }
        }
    }
}

/// A class whose probabilities are the prediction.
pub(crate) struct GivenOutcomes<'a, T> {
    pub given: *const T,
    pub out: OutcomeTargets<'a, T>,
}

impl<T: Scalar> LaneKernel<T> for GivenOutcomes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self {
            given,
            out: OutcomeTargets { probability, complement, mut logarithm, mut log_complement },
        } = self;
        let (one, floor) = (s.splat(T::ONE), s.splat(T::constant(FLOOR)));
        let mut at = 0;
        // SAFETY: all rows have the length of the probabilities, a multiple of a vector, and so has the prediction.
        unsafe {
            while at < probability.len() {
                let given = s.load(given.add(at));
                store_at(s, probability, at, given);
                store_at(s, complement, at, one - given);
                if let Some(logarithm) = &mut logarithm {
                    store_at(s, logarithm, at, ln(s, s.max(floor, given)));
                }
                if let Some(log_complement) = &mut log_complement {
                    store_at(s, log_complement, at, ln(s, s.max(floor, one - given)));
                }
                at += T::LANES;
            }
        }
    }
}

/// Sets negative numbers of a row to 0: probabilities that are given may lie outside [0, 1], and what a loss raises to a
/// power may not.
pub(crate) struct AtLeastZero<'a, T> {
    pub row: &'a [T],
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for AtLeastZero<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let zero = s.splat(T::ZERO);
        for (out, x) in T::lines_mut(self.out).0.iter_mut().zip(T::lines(self.row).0) {
            *out = s.to_line(s.max(zero, s.from_line(x)));
        }
    }
}
