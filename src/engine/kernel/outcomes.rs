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

    /// Returns what the outcomes of a group of vectors from voxel `at` on are computed from: exponentials, which advance
    /// together, or what is stored.
    ///
    /// # Safety
    /// The rows of the source have a group from `at` on.
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize) -> [Vector<T, S>; GROUP];

    /// Returns the logits of the vector at voxel `at`, if `x` of a group is `e^−|z|`.
    ///
    /// # Safety
    /// As [`Self::group`].
    #[inline(always)]
    unsafe fn logit<S: Lanes<T>>(&self, _: S, _: usize) -> Option<Vector<T, S>> {
        None
    }

    /// Returns the outcomes of the vector at voxel `at` of a group, of which `x` has been returned.
    ///
    /// # Safety
    /// As [`Self::group`].
    unsafe fn outcome<S: Lanes<T>>(
        &self,
        s: S,
        at: usize,
        x: Vector<T, S>,
        logarithms: bool,
    ) -> Outcome<Vector<T, S>>;
}

/// Loads a group of vectors.
///
/// # Safety
/// The row has a group from `from` on.
#[inline(always)]
unsafe fn load_group<T: Scalar, S: Lanes<T>>(s: S, from: *const T) -> [Vector<T, S>; GROUP] {
    let mut group = [s.splat(T::ZERO); GROUP];
    for (u, x) in group.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *x = unsafe { s.load(from.add(u * T::LANES)) };
    }
    group
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
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize) -> [Vector<T, S>; GROUP] {
        // SAFETY: the caller's promise.
        unsafe { load_group(s, self.exponential.as_ptr().add(at)) }
    }

    #[inline(always)]
    unsafe fn outcome<S: Lanes<T>>(
        &self,
        s: S,
        at: usize,
        x: Vector<T, S>,
        logarithms: bool,
    ) -> Outcome<Vector<T, S>> {
        let (zero, one, half) = (s.splat(T::ZERO), s.splat(T::ONE), s.splat(T::HALF));
        // SAFETY: the caller's promise.
        unsafe {
            let share = load_at(s, self.inverse, at);
            let probability = x * share;
            let is_large = s.lt(half, probability);
            let complement = s.select(is_large, load_at(s, self.others, at) * share, one - probability);
            let mut outcome = Outcome { probability, complement, logarithm: zero, log_complement: zero };
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
            outcome
        }
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
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize) -> [Vector<T, S>; GROUP] {
        // SAFETY: the caller's promise.
        let mut distances = unsafe { load_group(s, self.logit.add(at)) };
        for distance in &mut distances {
            *distance = -s.abs(*distance);
        }
        exp_nonpositive(s, distances)
    }

    #[inline(always)]
    unsafe fn logit<S: Lanes<T>>(&self, s: S, at: usize) -> Option<Vector<T, S>> {
        // SAFETY: the caller's promise.
        Some(unsafe { s.load(self.logit.add(at)) })
    }

    #[inline(always)]
    unsafe fn outcome<S: Lanes<T>>(
        &self,
        s: S,
        at: usize,
        x: Vector<T, S>,
        logarithms: bool,
    ) -> Outcome<Vector<T, S>> {
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        // SAFETY: the caller's promise.
        let logit = unsafe { s.load(self.logit.add(at)) };
        let large = s.reciprocal(one + x);
        let small = x * large;
        let is_positive = s.lt(zero, logit);
        let (probability, complement) =
            (s.select(is_positive, large, small), s.select(is_positive, small, large));
        let mut outcome = Outcome { probability, complement, logarithm: zero, log_complement: zero };
        if logarithms {
            // The larger of the two logarithms is −ln(1 + t), the other one −|z| less.
            let log = ln_1p_of_product(s, x);
            outcome.logarithm = s.min(zero, logit) - log;
            outcome.log_complement = s.min(zero, -logit) - log;
        }
        outcome
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
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize) -> [Vector<T, S>; GROUP] {
        // SAFETY: the caller's promise.
        unsafe { load_group(s, self.probability.add(at)) }
    }

    #[inline(always)]
    unsafe fn outcome<S: Lanes<T>>(
        &self,
        s: S,
        _: usize,
        x: Vector<T, S>,
        logarithms: bool,
    ) -> Outcome<Vector<T, S>> {
        let (zero, one, floor) = (s.splat(T::ZERO), s.splat(T::ONE), s.splat(T::constant(FLOOR)));
        let mut outcome =
            Outcome { probability: x, complement: one - x, logarithm: zero, log_complement: zero };
        if logarithms {
            outcome.logarithm = ln(s, s.max(floor, x));
            outcome.log_complement = ln(s, s.max(floor, one - x));
        }
        outcome
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
    unsafe fn group<S: Lanes<T>>(&self, s: S, at: usize) -> [Vector<T, S>; GROUP] {
        // SAFETY: the caller's promise.
        unsafe { load_group(s, self.probability.as_ptr().add(at)) }
    }

    #[inline(always)]
    unsafe fn outcome<S: Lanes<T>>(
        &self,
        s: S,
        at: usize,
        x: Vector<T, S>,
        logarithms: bool,
    ) -> Outcome<Vector<T, S>> {
        let zero = s.splat(T::ZERO);
        // SAFETY: the caller's promise.
        unsafe {
            let complement = load_at(s, self.complement, at);
            let mut outcome = Outcome { probability: x, complement, logarithm: zero, log_complement: zero };
            if logarithms {
                outcome.logarithm = load_at(s, self.logarithm, at);
                outcome.log_complement = load_at(s, self.log_complement, at);
            }
            outcome
        }
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
                let group = self.source.group(s, at);
                for (u, x) in group.into_iter().enumerate() {
                    let at = at + u * T::LANES;
                    let outcome = self.source.outcome(s, at, x, self.logarithms);
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
