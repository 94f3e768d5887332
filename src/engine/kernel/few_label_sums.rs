//! Softmax with labels, few classes: from exponentials to probabilities and all sums, in one loop.
//!
//! It computes what [`TargetExponentials`](crate::engine::kernel::target_class::TargetExponentials),
//! [`TargetProbability`](crate::engine::kernel::target_class::TargetProbability),
//! [`AddNegLog`](crate::engine::kernel::neg_log::AddNegLog) and [`LabelSums`](super::partial_sums::LabelSums)
//! compute one after the other, with the same bits, where no loss reads the probability of the target class.

use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::neg_log::{NegLogSum, RunningNegLog};
use crate::engine::kernel::target_class::{target_and_classes, target_and_others};
use crate::engine::kernel::{GROUP, STREAMS, load_at, store_vector};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};

/// Normalizes the exponentials of 2, 3 or 4 classes and adds up `prediction` and `intersection`, and `−ln s`.
pub(crate) struct FewLabelSums<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub exponentials: Rows<T>,
    /// Receives the probabilities.
    pub probabilities: Rows<T>,
    /// Whether the rows are written by non-temporal stores: they are aligned.
    pub streams: bool,
    pub label: &'a [i32],
    pub first_label: i32,
    /// The weights of the voxels, unless all are 1.
    pub weight: Option<&'a [T]>,
    /// The sums of `prediction` and `intersection`.
    pub sums: [Rows<T>; 2],
    /// `z − m` of the target class, and the sum of `−ln s`, if a loss needs it.
    pub neg_log: Option<(&'a [T], NegLogSum<'a, T>)>,
}

impl<T: Scalar> LaneKernel<T> for FewLabelSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        match (self.classes, STREAMS && self.streams) {
            (2, false) => self.classes::<S, 2, false>(s),
            (3, false) => self.classes::<S, 3, false>(s),
            (_, false) => self.classes::<S, 4, false>(s),
            (2, true) => self.classes::<S, 2, true>(s),
            (3, true) => self.classes::<S, 3, true>(s),
            (_, true) => self.classes::<S, 4, true>(s),
        }
    }
}

impl<T: Scalar> FewLabelSums<'_, T> {
    #[inline(always)]
    fn classes<S: Lanes<T>, const C: usize, const STREAM: bool>(mut self, s: S) {
        let mut neg_log = self.neg_log.as_ref().map(|(_, sum)| RunningNegLog::load(s, sum));
        let mut at = 0;
        while at < self.len {
            // The sums of the first two vectors of a group, and of the other two.
            let (mut first, mut second) = (AddedSums::new(s), AddedSums::new(s));
            // SAFETY: the rows have `len` elements, a multiple of a group; those of sums have a vector.
            unsafe {
                for u in 0..GROUP / 2 {
                    self.vector::<S, C, STREAM>(s, at + u * T::LANES, &mut neg_log, &mut first, u == 0);
                }
                for u in 0..GROUP / 2 {
                    let voxel = at + (GROUP / 2 + u) * T::LANES;
                    self.vector::<S, C, STREAM>(s, voxel, &mut neg_log, &mut second, u == 0);
                }
                let [predictions, intersections] = self.sums;
                for class in 0..C {
                    let (all, inside) = (predictions.at(class, 0), intersections.at(class, 0));
                    s.store(all, s.load(all) + (first.all[class] + second.all[class]));
                    s.store(inside, s.load(inside) + (first.inside[class] + second.inside[class]));
                }
            }
            at += GROUP * T::LANES;
        }
        if let (Some(running), Some((_, sum))) = (&neg_log, &mut self.neg_log) {
            running.store(s, sum);
        }
    }

    /// Computes a vector of voxels and adds it to `sums`, or if `begins` replaces them.
    ///
    /// # Safety
    /// The rows have a vector at `at`; those that are streamed are aligned.
    #[inline(always)]
    unsafe fn vector<S: Lanes<T>, const C: usize, const STREAM: bool>(
        &self,
        s: S,
        at: usize,
        neg_log: &mut Option<RunningNegLog<T, S>>,
        sums: &mut AddedSums<T, S, C>,
        begins: bool,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let (is, exponential) =
                target_and_classes::<T, S, C>(s, self.exponentials, self.label, self.first_label, at);
            let (of_target, others) = target_and_others(s, is, exponential);
            if let (Some(running), Some((target_logit, sum))) = (neg_log, &self.neg_log) {
                running.add(s, load_at(s, target_logit, at), of_target, others, sum.weight, at);
            }
            let share = s.reciprocal(of_target + others);
            for class in 0..C {
                let mut probability = exponential[class] * share;
                store_vector::<T, S, STREAM>(s, self.probabilities.at(class, at), probability);
                if let Some(weight) = self.weight {
                    probability = probability * load_at(s, weight, at);
                }
                let inside = s.keep(is[class], probability);
                sums.all[class] = if begins { probability } else { sums.all[class] + probability };
                sums.inside[class] = if begins { inside } else { sums.inside[class] + inside };
            }
        }
    }
}

/// What some vectors add to `prediction` and `intersection` of each class.
struct AddedSums<T: Scalar, S: Lanes<T>, const C: usize> {
    all: [Vector<T, S>; C],
    inside: [Vector<T, S>; C],
}

impl<T: Scalar, S: Lanes<T>, const C: usize> AddedSums<T, S, C> {
    #[inline(always)]
    fn new(s: S) -> Self {
        Self { all: [s.splat(T::ZERO); C], inside: [s.splat(T::ZERO); C] }
    }
}
