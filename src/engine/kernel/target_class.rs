//! Softmax with labels: the probability of the target class of each voxel, and the gradient of losses that depend on
//! nothing else.
//!
//! ```text
//! s = e_t / Σ e        1 − s = (Σ_{k≠t} e_k) / Σ e        ln s = (z_t − m) − ln(1 + R)
//! ∂L/∂z_t = v·(1 − s)        ∂L/∂z_k = −v·s_k        v = ∂L/∂ln s
//! ```
//!
//! The complement is a sum of the other exponentials: it keeps its digits where `s` is near 1.

use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::neg_log::{NegLogSum, RunningNegLog, sum_less_one};
use crate::engine::kernel::{STREAMS, few, is_specialized, labels_at, load_at, store_at, store_vector};
use crate::simd::lanes::elementary::{ln, ln_1p, ln_1p_of_product};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};

/// Finds the exponential of the target class and the sum of the others, for few classes.
pub(crate) struct TargetExponentials<'a, T> {
    pub classes: usize,
    pub exponentials: Rows<T>,
    pub label: &'a [i32],
    pub first_label: i32,
    pub of_target: &'a mut [T],
    pub others: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for TargetExponentials<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        match self.classes {
            2 => self.classes::<S, 2>(s),
            3 => self.classes::<S, 3>(s),
            _ => self.classes::<S, 4>(s),
        }
    }
}

impl<T: Scalar> TargetExponentials<'_, T> {
    #[inline(always)]
    fn classes<S: Lanes<T>, const C: usize>(self, s: S) {
        let mut at = 0;
        while at < self.of_target.len() {
            // SAFETY: the rows have the length of `of_target`, a multiple of a vector.
            unsafe {
                let (is, exponential) =
                    target_and_classes::<T, S, C>(s, self.exponentials, self.label, self.first_label, at);
                let (of_target, others) = target_and_others(s, is, exponential);
                store_at(s, self.of_target, at, of_target);
                store_at(s, self.others, at, others);
            }
            at += T::LANES;
        }
    }
}

/// Loads the exponentials of `C` classes of a vector of voxels, and where each class is the target.
#[inline(always)]
pub(super) unsafe fn target_and_classes<T: Scalar, S: Lanes<T>, const C: usize>(
    s: S,
    exponentials: Rows<T>,
    label: &[i32],
    first_label: i32,
    at: usize,
) -> ([S::Mask; C], [Vector<T, S>; C]) {
    let (mut is, mut exponential) = ([s.first(0); C], [s.splat(T::ZERO); C]);
    // SAFETY: the caller's promise.
    unsafe {
        let label = labels_at(s, label, at);
        for class in 0..C {
            is[class] = s.label_is(label, first_label + class as i32);
            exponential[class] = s.load(exponentials.at(class, at));
        }
    }
    (is, exponential)
}

/// Returns the exponential of the target class and the sum of the others.
#[inline(always)]
pub(super) fn target_and_others<T: Scalar, S: Lanes<T>, const C: usize>(
    s: S,
    is: [S::Mask; C],
    exponential: [Vector<T, S>; C],
) -> (Vector<T, S>, Vector<T, S>) {
    let (mut of_target, mut others) = (s.splat(T::ZERO), s.splat(T::ZERO));
    for class in 0..C {
        of_target = s.select(is[class], exponential[class], of_target);
        others = s.select(is[class], others, others + exponential[class]);
    }
    (of_target, others)
}

/// Returns the complement of a probability: where it is small, the sum of the others, which has many terms.
#[inline(always)]
pub(super) fn complement<T: Scalar, S: Lanes<T>>(
    s: S,
    probability: Vector<T, S>,
    others: Vector<T, S>,
) -> Vector<T, S> {
    s.select(s.lt(s.splat(T::HALF), probability), others, s.splat(T::ONE) - probability)
}

/// Computes the probability of the target class, its complement and its logarithm from exponentials.
pub(crate) struct TargetProbability<'a, T> {
    /// The exponential of the target class and the sum of the others.
    pub of_target: &'a [T],
    pub others: &'a [T],
    /// `z − m` of the target class.
    pub target_logit: &'a [T],
    /// Receives `s`.
    pub probability: &'a mut [T],
    /// Receives `1 − s`.
    pub complement: &'a mut [T],
    /// Receives `1 / Σ e`.
    pub inverse: &'a mut [T],
    /// Receives `ln s`. Not computed without.
    pub logarithm: Option<&'a mut [T]>,
}

impl<T: Scalar> LaneKernel<T> for TargetProbability<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { of_target, others, target_logit, probability, complement: out, inverse, logarithm } = self;
        let mut at = 0;
        // SAFETY: all rows have the length of the exponentials, a multiple of a vector.
        unsafe {
            while at < of_target.len() {
                let (target, rest) = (load_at(s, of_target, at), load_at(s, others, at));
                let share = s.reciprocal(target + rest);
                store_at(s, inverse, at, share);
                let of_target = target * share;
                store_at(s, probability, at, of_target);
                store_at(s, out, at, complement(s, of_target, rest * share));
                at += T::LANES;
            }
            let Some(logarithm) = logarithm else { return };
            let mut at = 0;
            while at < of_target.len() {
                let less_one = sum_less_one(s, load_at(s, of_target, at), load_at(s, others, at));
                store_at(s, logarithm, at, load_at(s, target_logit, at) - ln_1p_of_product(s, less_one));
                at += T::LANES;
            }
        }
    }
}

/// Computes the logarithm of probabilities from them or, above ½, from their complements.
pub(crate) struct LogOfProbability<'a, T> {
    pub probability: &'a [T],
    pub complement: &'a [T],
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for LogOfProbability<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let half = s.splat(T::HALF);
        let mut at = 0;
        while at < self.out.len() {
            // SAFETY: all rows have the length of the output, a multiple of a vector.
            unsafe {
                let (probability, complement) =
                    (load_at(s, self.probability, at), load_at(s, self.complement, at));
                let log = s.select(s.lt(half, probability), ln_1p(s, -complement), ln(s, probability));
                store_at(s, self.out, at, log);
            }
            at += T::LANES;
        }
    }
}

/// Writes the gradient of losses of the target class, from exponentials; adds up `−ln s` if `neg_log` is given.
pub(crate) struct TargetLossGradient<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub exponentials: Rows<T>,
    pub out: Rows<T>,
    /// Whether the rows are written by non-temporal stores: they are aligned.
    pub streams: bool,
    pub label: &'a [i32],
    pub first_label: i32,
    /// `∂L/∂ln s`
    pub slope: &'a [T],
    /// The exponential of the target class and the sum of the others.
    pub of_target: &'a [T],
    pub others: &'a [T],
    /// `z − m` of the target class.
    pub target_logit: &'a [T],
    pub neg_log: Option<NegLogSum<'a, T>>,
}

impl<T: Scalar> LaneKernel<T> for TargetLossGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let few = if self.classes <= few::<T>() { self.classes } else { 0 };
        match few {
            2 => self.few_or_many::<S, 2>(s),
            3 => self.few_or_many::<S, 3>(s),
            4 => self.few_or_many::<S, 4>(s),
            _ => self.few_or_many::<S, 0>(s),
        }
    }
}

impl<T: Scalar> TargetLossGradient<'_, T> {
    #[inline(always)]
    fn few_or_many<S: Lanes<T>, const C: usize>(self, s: S) {
        // The loop with logarithms has products too.
        let has_weights = self.neg_log.as_ref().is_some_and(|sum| sum.weight.is_some());
        match (has_weights || !is_specialized::<T>(), STREAMS && self.streams) {
            (false, false) => self.classes::<S, C, false, false>(s),
            (false, true) => self.classes::<S, C, false, true>(s),
            (true, false) => self.classes::<S, C, true, false>(s),
            (true, true) => self.classes::<S, C, true, true>(s),
        }
    }

    /// `C` classes, whose exponentials stay in registers; any number if `C` is 0. `LOGS`: a logarithm of
    /// each voxel if there are weights.
    #[inline(always)]
    fn classes<S: Lanes<T>, const C: usize, const LOGS: bool, const STREAM: bool>(mut self, s: S) {
        let mut neg_log =
            self.neg_log.as_ref().map_or(RunningNegLog::new(s), |sum| RunningNegLog::load(s, sum));
        let weight = self.neg_log.as_ref().and_then(|sum| sum.weight).filter(|_| LOGS);
        let mut at = 0;
        while at < self.len {
            // SAFETY: the rows have `len` elements, a multiple of a vector; those that are streamed are aligned.
            unsafe {
                let (is, exponential) =
                    target_and_classes::<T, S, C>(s, self.exponentials, self.label, self.first_label, at);
                let (mut of_target, mut others) = target_and_others(s, is, exponential);
                if C == 0 {
                    of_target = load_at(s, self.of_target, at);
                    others = load_at(s, self.others, at);
                }
                neg_log.add(s, load_at(s, self.target_logit, at), of_target, others, weight, at);
                let share = load_at(s, self.slope, at) / (of_target + others);
                let at_target = others * share;
                let elsewhere = -share;
                for class in 0..C {
                    let gradient = s.select(is[class], at_target, exponential[class] * elsewhere);
                    store_vector::<T, S, STREAM>(s, self.out.at(class, at), gradient);
                }
                if C == 0 {
                    let label = labels_at(s, self.label, at);
                    for class in 0..self.classes {
                        let exponential = s.load(self.exponentials.at(class, at));
                        let is = s.label_is(label, self.first_label + class as i32);
                        let gradient = s.select(is, at_target, exponential * elsewhere);
                        store_vector::<T, S, STREAM>(s, self.out.at(class, at), gradient);
                    }
                }
            }
            at += T::LANES;
        }
        if let Some(sum) = &mut self.neg_log {
            neg_log.store(s, sum);
        }
    }
}

/// Finds the probability of the target class and its complement in the probabilities of all classes.
pub(crate) struct TargetOfProbabilities<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub probabilities: Rows<T>,
    pub label: &'a [i32],
    pub first_label: i32,
    /// Receives `s`.
    pub of_target: &'a mut [T],
    /// Receives `1 − s`.
    pub others: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for TargetOfProbabilities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let zero = s.splat(T::ZERO);
        let mut at = 0;
        while at < self.len {
            // SAFETY: the rows have `len` elements, a multiple of a vector.
            unsafe {
                let label = s.labels_i32(self.label.as_ptr().add(at));
                let (mut of_target, mut others) = (zero, zero);
                for class in 0..self.classes {
                    let probability = s.load(self.probabilities.at(class, at));
                    let is = s.label_is(label, self.first_label + class as i32);
                    of_target = s.select(is, probability, of_target);
                    others = s.select(is, others, others + probability);
                }
                s.store(self.of_target.as_mut_ptr().add(at), of_target);
                s.store(self.others.as_mut_ptr().add(at), complement(s, of_target, others));
            }
            at += T::LANES;
        }
    }
}

/// Writes the derivative by `ln s` of `−ln s` for voxels whose loss is at least `low`, or NaN: `−slope`; 0 for others.
pub(crate) struct BracketSlopes<'a, T> {
    pub losses: &'a [T],
    pub low: T,
    pub slope: T,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for BracketSlopes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let (low, slope) = (s.splat(self.low), -s.splat(self.slope));
        for (out, losses) in T::lines_mut(self.out).0.iter_mut().zip(T::lines(self.losses).0) {
            *out = s.to_line(s.keep(s.not_lt(s.from_line(losses), low), slope));
        }
    }
}

/// Sums the probabilities up to ½ of each voxel: the complement of the class above ½.
pub(crate) struct SumOfOthers<'a, T> {
    pub classes: usize,
    pub probabilities: Rows<T>,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for SumOfOthers<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let (zero, half) = (s.splat(T::ZERO), s.splat(T::HALF));
        let mut at = 0;
        while at < self.out.len() {
            // SAFETY: the rows have the length of the output, a multiple of a vector.
            unsafe {
                let mut sum = zero;
                for class in 0..self.classes {
                    let probability = s.load(self.probabilities.at(class, at));
                    sum = s.select(s.lt(half, probability), sum, sum + probability);
                }
                store_at(s, self.out, at, sum);
            }
            at += T::LANES;
        }
    }
}

/// Computes the complement of a class.
pub(crate) struct ComplementOfClass<'a, T> {
    pub probability: &'a [T],
    /// What [`SumOfOthers`] has computed.
    pub others: &'a [T],
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for ComplementOfClass<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let mut at = 0;
        while at < self.out.len() {
            // SAFETY: the rows have the length of the output, a multiple of a vector.
            unsafe {
                let (probability, others) = (load_at(s, self.probability, at), load_at(s, self.others, at));
                store_at(s, self.out, at, complement(s, probability, others));
            }
            at += T::LANES;
        }
    }
}
