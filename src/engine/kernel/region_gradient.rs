//! Softmax with labels: the gradient of terms that are functions of class sums, beside losses of the target class.
//!
//! ```text
//! ∂L/∂z_k = s_k·(q_k − Σ_j s_j·q_j) + v·([k is the target class] − s_k)        q_k = ∂L/∂s_k,  v = ∂L/∂ln s_t
//! ```
//!
//! `q_k` is `a_k` for voxels of other classes and `a_k + b_k` for voxels of the class, with `a`, `b` the slopes of
//! `prediction` and `intersection`; the slopes of the squared errors add a part proportional to the error. Because
//! probabilities sum up to 1, a constant can be subtracted from all `q_k`. It is `q` of the class with `s > ½`, so that
//! the bracket of this class is not a difference of two numbers near `q_k`.

use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::class_slope::ClassSlope;
use crate::engine::kernel::target_class::complement;
use crate::engine::kernel::{STREAMS, few, store_vector};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};

/// Writes the gradient of all classes.
pub(crate) struct RegionGradient<'a, T> {
    pub len: usize,
    pub probabilities: Rows<T>,
    pub out: Rows<T>,
    /// Whether the rows are written by non-temporal stores: they are aligned.
    pub streams: bool,
    pub label: &'a [i32],
    pub first_label: i32,
    /// One per class.
    pub slopes: &'a [ClassSlope<T>],
    /// Whether a slope of a squared error is not 0.
    pub has_squares: bool,
    /// The weights of the voxels, unless all are 1.
    pub weight: Option<&'a [T]>,
    /// `v`, weights included, if there is a loss of the target class.
    pub target_slope: Option<&'a [T]>,
    /// A part of `∂L/∂s` of each voxel and class, weights included, if there is a loss of all classes.
    pub rows: Option<Rows<T>>,
}

impl<T: Scalar> LaneKernel<T> for RegionGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let few = if self.slopes.len() <= few::<T>() { self.slopes.len() } else { 0 };
        match (few, self.has_squares || self.rows.is_some()) {
            (2, false) => self.with_slope::<S, 2, false>(s),
            (3, false) => self.with_slope::<S, 3, false>(s),
            (4, false) => self.with_slope::<S, 4, false>(s),
            (_, false) => self.with_slope::<S, 0, false>(s),
            (_, true) => self.with_slope::<S, 0, true>(s),
        }
    }
}

impl<T: Scalar> RegionGradient<'_, T> {
    #[inline(always)]
    fn with_slope<S: Lanes<T>, const C: usize, const ALL: bool>(self, s: S) {
        match (self.target_slope.is_some(), STREAMS && self.streams) {
            (false, false) => self.classes::<S, C, ALL, false, false>(s),
            (true, false) => self.classes::<S, C, ALL, true, false>(s),
            (false, true) => self.classes::<S, C, ALL, false, true>(s),
            (true, true) => self.classes::<S, C, ALL, true, true>(s),
        }
    }

    /// `C` classes, or any number if `C` is 0. `ALL`: with squared errors and rows.
    #[inline(always)]
    fn classes<S: Lanes<T>, const C: usize, const ALL: bool, const LOSS: bool, const STREAM: bool>(
        self,
        s: S,
    ) {
        let classes = if C == 0 { self.slopes.len() } else { C };
        let (zero, half, one) = (s.splat(T::ZERO), s.splat(T::HALF), s.splat(T::ONE));
        let (weights, target_slopes) = (self.weight.unwrap_or(&[]), self.target_slope.unwrap_or(&[]));
        let is_weighted = !weights.is_empty();
        let mut at = 0;
        while at < self.len {
            // SAFETY: the rows have `len` elements, a multiple of a vector; those that are streamed are aligned. There
            // is a slope per class.
            unsafe {
                let label = s.labels_i32(self.label.as_ptr().add(at));
                let mut others = zero;
                if ALL || LOSS {
                    let mut of_target = zero;
                    for class in 0..classes {
                        let probability = s.load(self.probabilities.at(class, at));
                        let is = s.label_is(label, self.first_label + class as i32);
                        of_target = s.select(is, probability, of_target);
                        others = s.select(is, others, others + probability);
                    }
                    others = complement(s, of_target, others);
                }
                let mut weight = one;
                if is_weighted {
                    weight = s.load(weights.as_ptr().add(at));
                }
                let mut origin = zero;
                for class in 0..classes {
                    let probability = s.load(self.probabilities.at(class, at));
                    let is = s.label_is(label, self.first_label + class as i32);
                    let slope = self.slope::<S, ALL>(s, class, at, is, probability, others, weight);
                    origin = s.select(s.lt(half, probability), slope, origin);
                }
                let mut total = zero;
                for class in 0..classes {
                    let probability = s.load(self.probabilities.at(class, at));
                    let is = s.label_is(label, self.first_label + class as i32);
                    let slope = self.slope::<S, ALL>(s, class, at, is, probability, others, weight);
                    total = s.mul_add(probability, slope - origin, total);
                }
                let mut of_loss = zero;
                if LOSS {
                    of_loss = s.load(target_slopes.as_ptr().add(at));
                }
                for class in 0..classes {
                    let probability = s.load(self.probabilities.at(class, at));
                    let is = s.label_is(label, self.first_label + class as i32);
                    let slope = self.slope::<S, ALL>(s, class, at, is, probability, others, weight);
                    let mut bracket = (slope - origin) - total;
                    if !ALL && is_weighted {
                        bracket = weight * bracket;
                    }
                    let mut gradient = probability * bracket;
                    if LOSS {
                        let at_target = s.mul_add(of_loss, others, gradient);
                        gradient = s.select(is, at_target, probability * (bracket - of_loss));
                    }
                    store_vector::<T, S, STREAM>(s, self.out.at(class, at), gradient);
                }
            }
            at += T::LANES;
        }
    }

    /// Returns `q` of a class; `ALL`: weights included.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the numbers of a voxel")]
    unsafe fn slope<S: Lanes<T>, const ALL: bool>(
        &self,
        s: S,
        class: usize,
        at: usize,
        is: S::Mask,
        probability: Vector<T, S>,
        others: Vector<T, S>,
        weight: Vector<T, S>,
    ) -> Vector<T, S> {
        // SAFETY: promised by the caller.
        let of = unsafe { self.slopes.get_unchecked(class) };
        let (elsewhere, at_target) = (s.splat(of.elsewhere), s.splat(of.at_target));
        if !ALL {
            return s.select(is, at_target, elsewhere);
        }
        let elsewhere = s.mul_add(s.splat(of.squared_elsewhere), probability, elsewhere);
        let at_target = s.neg_mul_add(s.splat(of.squared_at_target), others, at_target);
        let slope = weight * s.select(is, at_target, elsewhere);
        match self.rows {
            // SAFETY: promised by the caller.
            Some(rows) => slope + unsafe { s.load(rows.at(class, at)) },
            None => slope,
        }
    }
}
