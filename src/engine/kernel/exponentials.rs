//! The exponentials of softmax, shifted by the largest logit of the voxel, and what the kernels need of them.
//!
//! ```text
//! m = max z        e_k = exp(z_k − m)        R = Σ e − 1 = Σ_{k≠m} e_k
//! ```
//!
//! Two loops over the classes of a vector of voxels: the largest logit, then the exponentials. Several vectors advance
//! together ([`Lanes::IN_STEP`]), so that the chain of dependent operations of an exponential does not leave the CPU
//! idle. The rows stay in the first-level cache for the loops that follow.

use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::{few, labels_at, load_at, store_at};
use crate::simd::lanes::elementary::exp_nonpositive;
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};
use crate::simd::prefetch::prefetch;

/// The exponentials of a strip.
#[derive(Clone, Copy)]
pub(crate) struct Exponentials<T> {
    pub classes: usize,
    /// Voxels, a multiple of four vectors.
    pub len: usize,
    pub logits: Rows<T>,
    /// How many elements ahead logits are prefetched; 0: not at all.
    pub prefetch: usize,
    pub exponentials: Rows<T>,
}

/// Computes exponentials and the logit of the target class of each voxel. Unless the classes are [`few`], also the
/// exponential of the target class and the sum of the others: with few, a loop of its own
/// ([`TargetExponentials`](crate::engine::kernel::target_class::TargetExponentials)) is faster than more numbers in
/// registers here.
///
/// Returns whether the largest logit of every voxel is finite. If it is not, the rows are not valid: the caller makes
/// the logits finite with [`SubtractLargest`] and calls again. Logits and exponentials may be the same rows.
pub(crate) struct LabelExponentials<'a, T> {
    pub of: Exponentials<T>,
    pub label: &'a [i32],
    /// The label of class 0.
    pub first_label: i32,
    /// The weights of the voxels, if some are 0. Such voxels have probability 1 of class 0, whatever their logits are.
    pub weight: Option<&'a [T]>,
    /// Receives `z − m` of the target class.
    pub target_logit: &'a mut [T],
    /// Receives the exponential of the target class.
    pub of_target: &'a mut [T],
    /// Receives the sum of the other exponentials.
    pub others: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for LabelExponentials<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> bool {
        // The exponentials of a few classes and vectors advance together.
        let few = if self.of.classes <= few::<T>() { self.of.classes } else { 0 };
        match (S::IN_STEP, few) {
            (4.., 2) => self.few::<S, 2, 4, 8>(s),
            (4.., 3) => self.few::<S, 3, 2, 6>(s),
            (4.., 4) => self.few::<S, 4, 2, 8>(s),
            (4.., _) => self.many::<S, 4>(s),
            (_, 2) => self.few::<S, 2, 1, 2>(s),
            (_, 3) => self.few::<S, 3, 1, 3>(s),
            (_, 4) => self.few::<S, 4, 1, 4>(s),
            (_, _) => self.many::<S, 1>(s),
        }
    }
}

impl<T: Scalar> LabelExponentials<'_, T> {
    /// `C` classes; `U` vectors of voxels in step, `K = C·U` vectors of exponentials.
    #[inline(always)]
    fn few<S: Lanes<T>, const C: usize, const U: usize, const K: usize>(self, s: S) -> bool {
        let Self { of, label, first_label, weight, target_logit, .. } = self;
        let zero = s.splat(T::ZERO);
        let mut magnitude = zero;
        let mut at = 0;
        while at < of.len {
            // SAFETY: the rows of the strip have `len` elements, a multiple of `U` vectors.
            unsafe {
                let mut power = [zero; K];
                for (u, power) in power.as_chunks_mut::<C>().0.iter_mut().enumerate() {
                    for (class, power) in power.iter_mut().enumerate() {
                        let from = of.logits.at(class, at + u * T::LANES);
                        *power = s.load(from);
                        if of.prefetch > 0 {
                            prefetch(from.wrapping_add(of.prefetch).cast(), 1);
                        }
                    }
                }
                if let Some(weight) = weight {
                    for (u, power) in power.as_chunks_mut::<C>().0.iter_mut().enumerate() {
                        let excluded = s.eq(load_at(s, weight, at + u * T::LANES), zero);
                        for (class, power) in power.iter_mut().enumerate() {
                            let neutral = if class == 0 { zero } else { -s.splat(T::INFINITY) };
                            *power = s.select(excluded, neutral, *power);
                        }
                    }
                }
                for (u, power) in power.as_chunks_mut::<C>().0.iter_mut().enumerate() {
                    let mut largest = power[0];
                    for power in power.iter().skip(1) {
                        largest = s.max(*power, largest);
                    }
                    magnitude = s.max(s.abs(largest), magnitude);
                    let label = labels_at(s, label, at + u * T::LANES);
                    let mut logit = zero;
                    for (class, power) in power.iter_mut().enumerate() {
                        *power = *power - largest;
                        logit = s.select(s.label_is(label, first_label + class as i32), *power, logit);
                    }
                    store_at(s, target_logit, at + u * T::LANES, logit);
                }
                let power = exp_nonpositive(s, power);
                for (u, power) in power.as_chunks::<C>().0.iter().enumerate() {
                    for (class, power) in power.iter().enumerate() {
                        s.store(of.exponentials.at(class, at + u * T::LANES), *power);
                    }
                }
            }
            at += U * T::LANES;
        }
        !s.any(s.eq(magnitude, s.splat(T::INFINITY)))
    }

    /// Any number of classes; `U` vectors of voxels in step.
    #[inline(always)]
    fn many<S: Lanes<T>, const U: usize>(self, s: S) -> bool {
        let Self { of, label, first_label, weight, target_logit, of_target: target_out, others: others_out } =
            self;
        let zero = s.splat(T::ZERO);
        let mut magnitude = zero;
        let mut at = 0;
        while at < of.len {
            // SAFETY: the rows of the strip have `len` elements, a multiple of `U` vectors.
            unsafe {
                let mut excluded = [s.first(0); U];
                if let Some(weight) = weight {
                    for (u, excluded) in excluded.iter_mut().enumerate() {
                        *excluded = s.eq(load_at(s, weight, at + u * T::LANES), zero);
                    }
                }
                let mut largest = of.largest::<S, U>(s, of.classes, at);
                for u in 0..U {
                    largest[u] = s.select(excluded[u], zero, largest[u]);
                }
                for largest in largest {
                    magnitude = s.max(s.abs(largest), magnitude);
                }
                let (mut logit, mut of_target, mut others) = ([zero; U], [zero; U], [zero; U]);
                for class in 0..of.classes {
                    let mut difference = largest;
                    for u in 0..U {
                        let from = of.logits.at(class, at + u * T::LANES);
                        let neutral = if class == 0 { zero } else { -s.splat(T::INFINITY) };
                        difference[u] = s.select(excluded[u], neutral, s.load(from) - largest[u]);
                        if of.prefetch > 0 {
                            prefetch(from.wrapping_add(of.prefetch).cast(), 1);
                        }
                    }
                    let power = exp_nonpositive(s, difference);
                    for u in 0..U {
                        let voxel = at + u * T::LANES;
                        s.store(of.exponentials.at(class, voxel), power[u]);
                        let is = s.label_is(labels_at(s, label, voxel), first_label + class as i32);
                        logit[u] = s.select(is, difference[u], logit[u]);
                        of_target[u] = s.select(is, power[u], of_target[u]);
                        others[u] = s.select(is, others[u], others[u] + power[u]);
                    }
                }
                for u in 0..U {
                    let voxel = at + u * T::LANES;
                    store_at(s, target_logit, voxel, logit[u]);
                    store_at(s, target_out, voxel, of_target[u]);
                    store_at(s, others_out, voxel, others[u]);
                }
            }
            at += U * T::LANES;
        }
        !s.any(s.eq(magnitude, s.splat(T::INFINITY)))
    }
}

impl<T: Scalar> Exponentials<T> {
    /// Returns the largest logit of `U` vectors of voxels from voxel `at` on. A NaN of another class than the first is
    /// left out: it reaches the results through its exponential.
    #[inline(always)]
    unsafe fn largest<S: Lanes<T>, const U: usize>(
        &self,
        s: S,
        classes: usize,
        at: usize,
    ) -> [Vector<T, S>; U] {
        let mut largest = [s.splat(T::ZERO); U];
        for class in 0..classes {
            for (u, largest) in largest.iter_mut().enumerate() {
                // SAFETY: promised by the caller.
                let logit = unsafe { s.load(self.logits.at(class, at + u * T::LANES)) };
                *largest = if class == 0 { logit } else { s.max(logit, *largest) };
            }
        }
        largest
    }
}

/// Computes exponentials, their sum, and the largest logit of each voxel.
///
/// Returns as [`LabelExponentials`].
pub(crate) struct AllExponentials<'a, T> {
    pub of: Exponentials<T>,
    /// Receives the largest logit.
    pub largest: &'a mut [T],
    /// Receives `R`, the sum of the exponentials of the other classes.
    pub others: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for AllExponentials<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> bool {
        if S::IN_STEP >= 4 { self.step::<S, 2>(s) } else { self.step::<S, 1>(s) }
    }
}

impl<T: Scalar> AllExponentials<'_, T> {
    #[inline(always)]
    fn step<S: Lanes<T>, const U: usize>(self, s: S) -> bool {
        let Self { of, largest: largest_out, others: others_out } = self;
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let mut magnitude = zero;
        let mut at = 0;
        while at < of.len {
            // SAFETY: the rows of the strip have `len` elements, a multiple of `U` vectors.
            unsafe {
                let largest = of.largest::<S, U>(s, of.classes, at);
                let (mut top, mut others) = ([zero; U], [zero; U]);
                for class in 0..of.classes {
                    let mut difference = largest;
                    for u in 0..U {
                        let from = of.logits.at(class, at + u * T::LANES);
                        difference[u] = s.load(from) - largest[u];
                        if of.prefetch > 0 {
                            prefetch(from.wrapping_add(of.prefetch).cast(), 1);
                        }
                    }
                    let exponential = exp_nonpositive(s, difference);
                    for u in 0..U {
                        s.store(of.exponentials.at(class, at + u * T::LANES), exponential[u]);
                        // The largest so far is kept apart, so that the sum of small ones keeps its precision. A NaN
                        // reaches the sum.
                        others[u] = others[u] + s.min(top[u], exponential[u]);
                        top[u] = s.max(exponential[u], top[u]);
                    }
                }
                for u in 0..U {
                    let voxel = at + u * T::LANES;
                    magnitude = s.max(s.abs(largest[u]), magnitude);
                    s.store(largest_out.as_mut_ptr().add(voxel), largest[u]);
                    // The exponential of the largest class is 1.
                    s.store(others_out.as_mut_ptr().add(voxel), others[u] + (top[u] - one));
                }
            }
            at += U * T::LANES;
        }
        !s.any(s.eq(magnitude, s.splat(T::INFINITY)))
    }
}

/// Writes `z − m` of every class, with a largest logit of ±∞ too: 0 for the largest class; NaN for all classes if several
/// have the same infinite logit, where softmax is undefined.
pub(crate) struct SubtractLargest<T> {
    pub classes: usize,
    pub len: usize,
    pub logits: Rows<T>,
    pub out: Rows<T>,
}

impl<T: Scalar> LaneKernel<T> for SubtractLargest<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { classes, len, logits, out } = self;
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let of = Exponentials { classes, len, logits, prefetch: 0, exponentials: out };
        let mut at = 0;
        while at < len {
            // SAFETY: the rows have `len` elements, a multiple of a vector.
            unsafe {
                let [largest] = of.largest::<S, 1>(s, classes, at);
                let mut count = zero;
                for class in 0..classes {
                    let is = s.eq(s.load(logits.at(class, at)), largest);
                    count = count + s.keep(is, one);
                }
                let undefined = s.keep(s.lt(one, count), largest - largest);
                for class in 0..classes {
                    let logit = s.load(logits.at(class, at));
                    let difference = s.keep(!s.eq(logit, largest), logit - largest);
                    s.store(out.at(class, at), difference + undefined);
                }
            }
            at += T::LANES;
        }
    }
}
