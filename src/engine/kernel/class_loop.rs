//! The loop over one class of a strip: sums, `−ln` of the outcomes, and the chain rule from derivatives to the gradient.
//!
//! ```text
//! probabilities   ∂L/∂s = p + v/s − u/(1 − s)
//! sigmoid         ∂L/∂z = s(1 − s)·p + (1 − s)·v − s·u
//! softmax         q = v + s·p,  then  ∂L/∂z_k = q_k·(1 − s_k) − s_k·Σ_{j≠k} q_j + r_k·u_m·s_m
//! ```
//!
//! `p`, `v` and `u` are the derivatives with respect to `s`, `ln s` and `ln(1 − s)`; `m` is the class with `s > ½` and `r`
//! the softmax over the other classes, −1 for `m`. Other voxel losses than `−ln` have left their derivatives in rows.
//!
//! With sigmoid `−ln s = max(−z, 0) + ln(1 + e^−|z|)`, and `−ln(1 − s)` differs in the sign of `z` only. Where both outcomes
//! of every voxel have weight 1, their logarithm counts once, whatever the target is, and one logarithm serves a unit.

use crate::engine::kernel::outcomes::{ChainRule, FLOOR, Outcome, OutcomeSource};
use crate::engine::kernel::partial_sums::group_sum;
use crate::engine::kernel::weighting::times;
use crate::engine::kernel::{GROUP, is_specialized, load_at, store_at};
use crate::loss::voxel_info::OutcomeWeights;
use crate::simd::lanes::{LaneKernel, Lanes, LogProduct, Scalar, Vector};

/// A term that is `−ln(probability)` of the outcomes.
#[derive(Clone, Copy)]
pub(crate) struct NegLogTerm<T> {
    pub weights: OutcomeWeights<T>,
    /// The sum of the values, if they are added: a vector.
    pub sum: Option<*mut T>,
    /// The product of `1 + e^−|z|`, less 1, if its logarithm is added to the sum later: a vector. Of sigmoid, where both
    /// outcomes and all voxels that count have weight 1.
    pub product: Option<*mut T>,
    /// The slope of that sum, if the gradient is computed.
    pub slope: Option<T>,
}

/// The slopes of the sums of a class.
#[derive(Clone, Copy)]
pub(crate) struct RegionSlopes<T> {
    /// Of `prediction` and `intersection`.
    pub linear: [T; 2],
    /// Twice those of the squared errors, positive and negative, unless both are 0.
    pub squares: Option<[T; 2]>,
}

/// Derivatives that voxel losses have left in rows, with `None` for 0.
#[derive(Clone, Copy)]
pub(crate) struct DerivativeRows<'a, T> {
    pub polynomial: Option<&'a [T]>,
    pub positive: Option<&'a [T]>,
    pub negative: Option<&'a [T]>,
}

/// Where the derivatives of a class go.
pub(crate) enum ClassOutput<'a, T> {
    None,
    /// The gradient by the logits of sigmoid.
    Sigmoid(*mut T),
    /// The gradient by the probabilities.
    Probability(*mut T),
    /// `q`, for [`FinishSoftmax`], and sums over the classes.
    Softmax(SoftmaxRows<'a, T>),
}

/// What the classes of softmax add up to.
pub(crate) struct SoftmaxRows<'a, T> {
    pub q: &'a mut [T],
    /// `Σ q`
    pub total: &'a mut [T],
    /// `Σ q` without the class with `s > ½`.
    pub rest: &'a mut [T],
    /// `u·s` of the class with `s > ½`.
    pub of_largest: &'a mut [T],
}

/// One class of a strip.
pub(crate) struct ClassLoop<'a, T, A> {
    pub source: A,
    pub target: &'a [T],
    /// Unless all are 1.
    pub weight: Option<&'a [T]>,
    /// The sums of `prediction` and `intersection`: vectors.
    pub sums: Option<[*mut T; 2]>,
    /// The sums of the squared errors, positive and negative: vectors.
    pub squares: Option<[*mut T; 2]>,
    pub neg_log: Option<NegLogTerm<T>>,
    pub region: Option<RegionSlopes<T>>,
    pub rows: DerivativeRows<'a, T>,
    pub out: ClassOutput<'a, T>,
}

impl<'a, T> ClassLoop<'a, T, ()> {
    /// The same loop over the outcomes of a source.
    pub fn with_source<A>(self, source: A) -> ClassLoop<'a, T, A> {
        let Self { source: (), target, weight, sums, squares, neg_log, region, rows, out } = self;
        ClassLoop { source, target, weight, sums, squares, neg_log, region, rows, out }
    }
}

/// The derivatives of a vector of voxels.
struct Derivatives<V> {
    polynomial: V,
    positive: V,
    negative: V,
}

impl<T: Scalar, A: OutcomeSource<T>> LaneKernel<T> for ClassLoop<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let values = self.neg_log.is_some_and(|term| term.sum.is_some());
        let slopes = self.neg_log.is_some_and(|term| term.slope.is_some());
        let gradient = !matches!(self.out, ClassOutput::None);
        let has_squares =
            self.squares.is_some() || self.region.is_some_and(|region| region.squares.is_some());
        if A::RULE.is_none() || !is_specialized::<T>() || has_squares {
            return self.parts::<S, { ANY | ROWS }>(s);
        }
        // The common cases without the code of the others.
        match (self.sums.is_some(), values, slopes, self.region.is_some(), gradient) {
            (true, false, _, _, false) => self.parts::<S, SUMS>(s),
            (true, true, _, _, false) => self.parts::<S, { SUMS | VALUES }>(s),
            (false, true, _, _, false) => self.parts::<S, VALUES>(s),
            (false, true, true, false, true) => self.parts::<S, { VALUES | SLOPES | GRADIENT }>(s),
            (false, false, false, true, true) => self.parts::<S, { REGION | GRADIENT }>(s),
            (false, false, true, true, true) => self.parts::<S, { SLOPES | REGION | GRADIENT }>(s),
            _ => self.parts::<S, ANY>(s),
        }
    }
}

// The parts of the loop.
const SUMS: u8 = 1;
/// Values of `−ln`, and their slopes.
const VALUES: u8 = 2;
const SLOPES: u8 = 4;
const REGION: u8 = 8;
const GRADIENT: u8 = 16;
/// Squared errors, and derivatives in rows.
const ROWS: u8 = 32;
/// All but `ROWS`, as far as they are in use.
const ANY: u8 = 64;

impl<T: Scalar, A: OutcomeSource<T>> ClassLoop<'_, T, A> {
    /// Leaves only these parts. Returns whether they are in use, which the compiler knows in the loop that follows.
    #[inline(always)]
    fn keep<const PARTS: u8>(&mut self) -> bool {
        if PARTS & ROWS == 0 {
            self.squares = None;
            self.rows = DerivativeRows { polynomial: None, positive: None, negative: None };
            self.region = self.region.map(|region| RegionSlopes { squares: None, ..region });
        }
        let rule = match &self.out {
            ClassOutput::None => None,
            ClassOutput::Sigmoid(_) => Some(ChainRule::Sigmoid),
            ClassOutput::Probability(_) => Some(ChainRule::Probability),
            ClassOutput::Softmax(_) => Some(ChainRule::Softmax),
        };
        if PARTS & ANY != 0 {
            return true;
        }
        if PARTS & SUMS == 0 {
            self.sums = None;
        }
        if PARTS & (VALUES | SLOPES) == 0 {
            self.neg_log = None;
        }
        if let Some(term) = &mut self.neg_log {
            if PARTS & VALUES == 0 {
                term.sum = None;
            }
            if PARTS & SLOPES == 0 {
                term.slope = None;
            }
        }
        if PARTS & REGION == 0 {
            self.region = None;
        }
        if PARTS & GRADIENT == 0 {
            self.out = ClassOutput::None;
        }
        (PARTS & SUMS == 0 || self.sums.is_some())
            && (PARTS & VALUES == 0 || self.neg_log.is_some_and(|term| term.sum.is_some()))
            && (PARTS & SLOPES == 0 || self.neg_log.is_some_and(|term| term.slope.is_some()))
            && (PARTS & REGION == 0 || self.region.is_some())
            && (PARTS & GRADIENT == 0 || rule == A::RULE)
    }

    /// The loop with these parts; others are left out.
    #[inline(always)]
    fn parts<S: Lanes<T>, const PARTS: u8>(mut self, s: S) {
        if !self.keep::<PARTS>() {
            debug_assert!(false, "a part of the loop is not in use");
            return;
        }
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let of_product = self.neg_log.and_then(|term| term.product);
        let reads_logarithms = of_product.is_none() && self.neg_log.is_some_and(|term| term.sum.is_some());
        // SAFETY: a vector.
        let mut product =
            of_product.map_or(LogProduct::new(s), |product| LogProduct::of(unsafe { s.load(product) }));
        let mut at = 0;
        while at < self.target.len() {
            // SAFETY: all rows and those of the source have the length of the target, a multiple of a group.
            unsafe {
                let group = self.source.group(s, at);
                let (mut all, mut inside) = ([zero; GROUP], [zero; GROUP]);
                let (mut positive, mut negative) = ([zero; GROUP], [zero; GROUP]);
                let mut value = [zero; GROUP];
                for u in 0..GROUP {
                    let voxel = at + u * T::LANES;
                    let outcome = self.source.outcome(s, voxel, group[u], reads_logarithms);
                    let target = load_at(s, self.target, voxel);
                    let weight = match self.weight {
                        Some(weight) => load_at(s, weight, voxel),
                        None => one,
                    };
                    all[u] = weight * outcome.probability;
                    inside[u] = weight * (target * outcome.probability);
                    if self.squares.is_some() {
                        let error = outcome.probability - target;
                        positive[u] = weight * (target * (error * error));
                        negative[u] = weight * ((one - target) * (error * error));
                    }
                    let mut derivatives = Derivatives { polynomial: zero, positive: zero, negative: zero };
                    if let Some(term) = &self.neg_log {
                        let factors = self.factors(s, term, target);
                        self.add_slopes(s, term, factors, weight, &mut derivatives);
                        if term.sum.is_some() {
                            value[u] = match self.source.logit(s, voxel).filter(|_| of_product.is_some()) {
                                Some(logit) => {
                                    product.multiply(s, weight * group[u]);
                                    weight * distance_to_target(s, logit, factors)
                                }
                                None => self.neg_log(s, term, factors, outcome, weight),
                            };
                        }
                    }
                    if !matches!(self.out, ClassOutput::None) {
                        self.add_region(s, outcome, target, weight, &mut derivatives);
                        self.add_rows(s, voxel, &mut derivatives);
                        self.write(s, voxel, outcome, &derivatives);
                    }
                }
                if let Some([prediction, intersection]) = self.sums {
                    s.store(prediction, s.load(prediction) + group_sum::<T, S>(all));
                    s.store(intersection, s.load(intersection) + group_sum::<T, S>(inside));
                }
                if let Some([of_positive, of_negative]) = self.squares {
                    s.store(of_positive, s.load(of_positive) + group_sum::<T, S>(positive));
                    s.store(of_negative, s.load(of_negative) + group_sum::<T, S>(negative));
                }
                if let Some(sum) = self.neg_log.and_then(|term| term.sum) {
                    s.store(sum, s.load(sum) + group_sum::<T, S>(value));
                }
            }
            at += GROUP * T::LANES;
        }
        if let Some(to) = of_product {
            // SAFETY: a vector.
            unsafe { s.store(to, product.less_one()) };
        }
    }
}

impl<T: Scalar, A: OutcomeSource<T>> ClassLoop<'_, T, A> {
    /// Returns the factors of the two outcomes.
    #[inline(always)]
    fn factors<S: Lanes<T>>(&self, s: S, term: &NegLogTerm<T>, target: Vector<T, S>) -> [Vector<T, S>; 2] {
        let OutcomeWeights { keep, floor, positive, negative } = term.weights;
        let target = s.splat(keep) * target + s.splat(floor);
        [s.splat(positive) * target, s.splat(negative) * (s.splat(T::ONE) - target)]
    }

    /// Returns whether the outcome "not of the class" contributes to `−ln`: with softmax it does not.
    #[inline(always)]
    fn has_negative(term: &NegLogTerm<T>) -> bool {
        A::RULE != Some(ChainRule::Softmax) && term.weights.negative != T::ZERO
    }

    /// Adds the derivatives of `−ln` of the outcomes.
    #[inline(always)]
    fn add_slopes<S: Lanes<T>>(
        &self,
        s: S,
        term: &NegLogTerm<T>,
        [of_positive, of_negative]: [Vector<T, S>; 2],
        weight: Vector<T, S>,
        derivatives: &mut Derivatives<Vector<T, S>>,
    ) {
        let Some(slope) = term.slope else { return };
        let slope = s.splat(slope) * weight;
        derivatives.positive = derivatives.positive - slope * of_positive;
        if Self::has_negative(term) {
            derivatives.negative = derivatives.negative - slope * of_negative;
        }
    }

    /// Returns the value of `−ln` of the outcomes.
    #[inline(always)]
    fn neg_log<S: Lanes<T>>(
        &self,
        s: S,
        term: &NegLogTerm<T>,
        [of_positive, of_negative]: [Vector<T, S>; 2],
        outcome: Outcome<Vector<T, S>>,
        weight: Vector<T, S>,
    ) -> Vector<T, S> {
        let mut value = times(s, -outcome.logarithm, of_positive);
        if Self::has_negative(term) {
            value = value + times(s, -outcome.log_complement, of_negative);
        }
        times(s, value, weight)
    }

    /// Adds the derivative by `s` of the sums of the class.
    ///
    /// ```text
    /// p = w·(a + b·g + (s − g)·(m·g + k·(1 − g)))
    /// ```
    #[inline(always)]
    fn add_region<S: Lanes<T>>(
        &self,
        s: S,
        outcome: Outcome<Vector<T, S>>,
        target: Vector<T, S>,
        weight: Vector<T, S>,
        derivatives: &mut Derivatives<Vector<T, S>>,
    ) {
        let Some(RegionSlopes { linear: [a, b], squares }) = self.region else { return };
        let mut polynomial = s.splat(a) + s.splat(b) * target;
        if let Some([m, k]) = squares {
            let (one, half) = (s.splat(T::ONE), s.splat(T::HALF));
            // `s − g` to full relative precision where the target is 1. A given probability may exceed 1; then its
            // complement is not used.
            let is_large = s.lt(half, outcome.probability) & s.le(outcome.probability, one);
            let of_large = (one - target) - outcome.complement;
            let error = s.select(is_large, of_large, outcome.probability - target);
            let slope = s.splat(m) * (error * target) + s.splat(k) * (error * (one - target));
            polynomial = polynomial + slope;
        }
        derivatives.polynomial = derivatives.polynomial + weight * polynomial;
    }

    /// Adds the derivatives in the rows.
    ///
    /// # Safety
    /// As [`load_at`].
    #[inline(always)]
    unsafe fn add_rows<S: Lanes<T>>(&self, s: S, voxel: usize, to: &mut Derivatives<Vector<T, S>>) {
        let DerivativeRows { polynomial, positive, negative } = self.rows;
        for (row, to) in
            [(polynomial, &mut to.polynomial), (positive, &mut to.positive), (negative, &mut to.negative)]
        {
            if let Some(row) = row {
                // SAFETY: the caller's promise.
                *to = *to + unsafe { load_at(s, row, voxel) };
            }
        }
    }

    /// Writes the gradient, or `q`.
    ///
    /// # Safety
    /// As [`load_at`].
    #[inline(always)]
    unsafe fn write<S: Lanes<T>>(
        &mut self,
        s: S,
        voxel: usize,
        outcome: Outcome<Vector<T, S>>,
        Derivatives { polynomial, positive, negative }: &Derivatives<Vector<T, S>>,
    ) {
        let (polynomial, positive, negative) = (*polynomial, *positive, *negative);
        let has_negative = A::RULE != Some(ChainRule::Softmax) && self.rows.negative.is_some()
            || self.neg_log.as_ref().is_some_and(Self::has_negative);
        let Outcome { probability, complement, .. } = outcome;
        let rows = match &mut self.out {
            ClassOutput::None => return,
            ClassOutput::Sigmoid(out) => {
                let mut gradient = complement * positive;
                if self.region.is_some() || self.rows.polynomial.is_some() {
                    gradient = probability * complement * polynomial + gradient;
                }
                let gradient = gradient - probability * negative;
                // SAFETY: the caller's promise.
                return unsafe { s.store(out.add(voxel), gradient) };
            }
            ClassOutput::Probability(out) => {
                let floor = s.splat(T::constant(FLOOR));
                // The logarithm of a probability below the floor has slope 0.
                let of_positive = s.keep(s.not_lt(probability, floor), positive / probability);
                let of_negative = s.keep(s.not_lt(complement, floor), negative / complement);
                // SAFETY: the caller's promise.
                return unsafe { s.store(out.add(voxel), polynomial + of_positive - of_negative) };
            }
            ClassOutput::Softmax(rows) => rows,
        };
        let zero = s.splat(T::ZERO);
        let is_largest = s.lt(s.splat(T::HALF), outcome.probability);
        let mut q = s.mul_add(outcome.probability, polynomial, positive);
        // SAFETY: the caller's promise.
        unsafe {
            if has_negative {
                // Bounded where s ≤ ½; for s > ½ the softmax over the other classes is used.
                let product = negative * outcome.probability;
                q = q - s.keep(!is_largest, product / outcome.complement);
                let of_largest = load_at(s, rows.of_largest, voxel) + s.keep(is_largest, product);
                store_at(s, rows.of_largest, voxel, of_largest);
            }
            store_at(s, rows.q, voxel, q);
            store_at(s, rows.total, voxel, load_at(s, rows.total, voxel) + q);
            store_at(s, rows.rest, voxel, load_at(s, rows.rest, voxel) + s.select(is_largest, zero, q));
        }
    }
}

/// Returns `−ln` of the outcomes of sigmoid without `ln(1 + e^−|z|)`: only one of the two differs from 0.
#[inline(always)]
fn distance_to_target<T: Scalar, S: Lanes<T>>(
    s: S,
    logit: Vector<T, S>,
    [of_positive, of_negative]: [Vector<T, S>; 2],
) -> Vector<T, S> {
    let is_positive = s.lt(s.splat(T::ZERO), logit);
    times(s, s.abs(logit), s.select(is_positive, of_negative, of_positive))
}

/// Writes the gradient of a class by its logit after all classes have their `q`.
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
