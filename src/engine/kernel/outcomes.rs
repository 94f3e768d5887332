//! The two outcomes of a class at each voxel, from its prediction: probabilities, their complements and logarithms, to
//! full relative precision.
//!
//! ```text
//! softmax         s = e / Σ e          1 − s = R / Σ e for the class above ½        ln s = (z − m) − ln(1 + R)
//! sigmoid         t = e^−|z|           {s, 1 − s} = {1, t} / (1 + t)
//! probabilities   s as given           logarithms of numbers below 2⁻¹²⁶ are that of 2⁻¹²⁶
//! ```

use crate::engine::kernel::{GROUP, load_at, store_at};
use crate::simd::lanes::elementary::{exp_nonpositive, ln, ln_1p, ln_1p_of_product};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};

/// 2⁻¹²⁶: the lower limit of the argument of a logarithm of a probability that is given as input.
pub(crate) const FLOOR: f64 = f32::MIN_POSITIVE as f64;

/// The outcomes of a vector of voxels.
#[derive(Clone, Copy)]
pub(crate) struct Outcome<V> {
    pub probability: V,
    pub complement: V,
    /// `ln s`, and `ln(1 − s)` if a loss reads it; 0 where logarithms are not wanted.
    pub logarithm: V,
    pub log_complement: V,
}

/// The chain rule of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChainRule {
    Probability,
    Sigmoid,
    Softmax,
}

/// A class whose outcomes can be computed.
pub(crate) trait OutcomeSource<T: Scalar>: Copy {
    /// How derivatives become the gradient; `None` where the outcomes are in rows, for any activation.
    const RULE: Option<ChainRule>;

    /// Returns the outcomes of a group of vectors from voxel `at` on.
    ///
    /// # Safety
    /// The rows of the source have a group from `at` on.
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize, logarithms: bool) -> [Outcome<Vector<T, S>>; GROUP];
}

/// A class of softmax, whose exponentials and sums are known.
#[derive(Clone, Copy)]
pub(crate) struct SoftmaxClass<'a, T> {
    pub exponential: &'a [T],
    pub logit: *const T,
    pub largest: &'a [T],
    pub inverse: &'a [T],
    /// `R`
    pub others: &'a [T],
    /// `ln(1 + R)`
    pub log_total: &'a [T],
    /// `ln(1 − s)` of the class above ½, if a loss reads logarithms of complements.
    pub log_of_others: Option<&'a [T]>,
}

impl<T: Scalar> OutcomeSource<T> for SoftmaxClass<'_, T> {
    const RULE: Option<ChainRule> = Some(ChainRule::Softmax);

    #[inline(always)]
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize, logarithms: bool) -> [Outcome<Vector<T, S>>; GROUP] {
        let (zero, one, half) = (s.splat(T::ZERO), s.splat(T::ONE), s.splat(T::HALF));
        let none = Outcome { probability: zero, complement: zero, logarithm: zero, log_complement: zero };
        let mut outcomes = [none; GROUP];
        for (u, outcome) in outcomes.iter_mut().enumerate() {
            let at = at + u * T::LANES;
            // SAFETY: the caller's promise.
            unsafe {
                let share = load_at(s, self.inverse, at);
                let probability = load_at(s, self.exponential, at) * share;
                let is_large = s.lt(half, probability);
                let of_largest = load_at(s, self.others, at) * share;
                outcome.probability = probability;
                outcome.complement = s.select(is_large, of_largest, one - probability);
                if logarithms {
                    let (logit, largest) = (s.load(self.logit.add(at)), load_at(s, self.largest, at));
                    // A logit and the largest may have the same infinity.
                    let difference = s.keep(!s.eq(logit, largest), logit - largest);
                    outcome.logarithm = difference - load_at(s, self.log_total, at);
                    if let Some(log_of_others) = self.log_of_others {
                        let below = ln_1p(s, -probability);
                        outcome.log_complement = s.select(is_large, load_at(s, log_of_others, at), below);
                    }
                }
            }
        }
        outcomes
    }
}

/// A class of sigmoid.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidClass<T> {
    pub logit: *const T,
}

impl<T: Scalar> OutcomeSource<T> for SigmoidClass<T> {
    const RULE: Option<ChainRule> = Some(ChainRule::Sigmoid);

    #[inline(always)]
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize, logarithms: bool) -> [Outcome<Vector<T, S>>; GROUP] {
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let none = Outcome { probability: zero, complement: zero, logarithm: zero, log_complement: zero };
        let (mut outcomes, mut logits, mut distances) = ([none; GROUP], [zero; GROUP], [zero; GROUP]);
        for u in 0..GROUP {
            // SAFETY: the caller's promise.
            logits[u] = unsafe { s.load(self.logit.add(at + u * T::LANES)) };
            distances[u] = -s.abs(logits[u]);
        }
        let powers = exp_nonpositive(s, distances);
        for u in 0..GROUP {
            let (logit, power) = (logits[u], powers[u]);
            let large = s.reciprocal(one + power);
            let small = power * large;
            let is_positive = s.lt(zero, logit);
            outcomes[u].probability = s.select(is_positive, large, small);
            outcomes[u].complement = s.select(is_positive, small, large);
            if logarithms {
                // The larger of the two logarithms is −ln(1 + t), the other one −|z| less.
                let log = ln_1p_of_product(s, power);
                outcomes[u].logarithm = s.min(zero, logit) - log;
                outcomes[u].log_complement = s.min(zero, -logit) - log;
            }
        }
        outcomes
    }
}

/// A class whose probabilities are the prediction.
#[derive(Clone, Copy)]
pub(crate) struct GivenClass<T> {
    pub probability: *const T,
}

impl<T: Scalar> OutcomeSource<T> for GivenClass<T> {
    const RULE: Option<ChainRule> = Some(ChainRule::Probability);

    #[inline(always)]
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize, logarithms: bool) -> [Outcome<Vector<T, S>>; GROUP] {
        let (zero, one, floor) = (s.splat(T::ZERO), s.splat(T::ONE), s.splat(T::constant(FLOOR)));
        let none = Outcome { probability: zero, complement: zero, logarithm: zero, log_complement: zero };
        let mut outcomes = [none; GROUP];
        for (u, outcome) in outcomes.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let probability = unsafe { s.load(self.probability.add(at + u * T::LANES)) };
            outcome.probability = probability;
            outcome.complement = one - probability;
            if logarithms {
                outcome.logarithm = ln(s, s.max(floor, probability));
                outcome.log_complement = ln(s, s.max(floor, one - probability));
            }
        }
        outcomes
    }
}

/// A class whose outcomes are in rows.
#[derive(Clone, Copy)]
pub(crate) struct StoredClass<'a, T> {
    pub probability: &'a [T],
    pub complement: &'a [T],
    pub logarithm: &'a [T],
    pub log_complement: &'a [T],
}

impl<T: Scalar> OutcomeSource<T> for StoredClass<'_, T> {
    const RULE: Option<ChainRule> = None;

    #[inline(always)]
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize, logarithms: bool) -> [Outcome<Vector<T, S>>; GROUP] {
        let zero = s.splat(T::ZERO);
        let none = Outcome { probability: zero, complement: zero, logarithm: zero, log_complement: zero };
        let mut outcomes = [none; GROUP];
        for (u, outcome) in outcomes.iter_mut().enumerate() {
            let at = at + u * T::LANES;
            // SAFETY: the caller's promise.
            unsafe {
                outcome.probability = load_at(s, self.probability, at);
                outcome.complement = load_at(s, self.complement, at);
                if logarithms {
                    outcome.logarithm = load_at(s, self.logarithm, at);
                    outcome.log_complement = load_at(s, self.log_complement, at);
                }
            }
        }
        outcomes
    }
}

/// Writes the outcomes of a class to rows.
pub(crate) struct WriteOutcomes<'a, T, A> {
    pub source: A,
    pub probability: &'a mut [T],
    pub complement: &'a mut [T],
    pub logarithm: &'a mut [T],
    pub log_complement: &'a mut [T],
    /// Whether logarithms are written.
    pub logarithms: bool,
}

impl<T: Scalar, A: OutcomeSource<T>> LaneKernel<T> for WriteOutcomes<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let mut at = 0;
        while at < self.probability.len() {
            // SAFETY: all rows have the length of the probabilities, a multiple of a group, and so have those of the
            // source.
            unsafe {
                let outcomes = self.source.group(s, at, self.logarithms);
                for (u, outcome) in outcomes.into_iter().enumerate() {
                    let at = at + u * T::LANES;
                    store_at(s, self.probability, at, outcome.probability);
                    store_at(s, self.complement, at, outcome.complement);
                    if self.logarithms {
                        store_at(s, self.logarithm, at, outcome.logarithm);
                        store_at(s, self.log_complement, at, outcome.log_complement);
                    }
                }
            }
            at += GROUP * T::LANES;
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
