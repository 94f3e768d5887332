//! Softmax over the other classes than the largest, for losses of both outcomes: finite where `R` underflows, and
//! precise where the largest logit is much larger than all others.
//!
//! ```text
//! r_k = e^(z_k − z₂) / Σ_{j≠m} e^(z_j − z₂)       ln(1 − s_m) = (z₂ − m) + ln Σ_{j≠m} e^(z_j − z₂) − ln(1 + R)
//! ```
//!
//! `m` is the first class with the largest logit, `z₂` the largest logit of the others.

use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::{load_at, store_at};
use crate::simd::lanes::elementary::{exp_nonpositive, ln};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar};

/// Computes `r` and `ln(1 − s_m)`.
pub(crate) struct OtherClasses<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub logits: Rows<T>,
    pub largest: &'a [T],
    /// `ln(1 + R)`
    pub log_total: &'a [T],
    /// Receives `r`, and −1 for the largest class.
    pub softmax: Rows<T>,
    /// Receives `ln(1 − s_m)`.
    pub log_complement: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for OtherClasses<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { classes, len, logits, largest, log_total, softmax, log_complement } = self;
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let mut at = 0;
        while at < len {
            // SAFETY: the rows have `len` elements, a multiple of a vector.
            unsafe {
                let largest = load_at(s, largest, at);
                let (mut found, mut second) = (s.first(0), -s.splat(T::INFINITY));
                for class in 0..classes {
                    let logit = s.load(logits.at(class, at));
                    let is_first = s.eq(logit, largest) & !found;
                    found = found | is_first;
                    second = s.select(is_first, second, s.max(logit, second));
                }
                let (mut found, mut sum) = (s.first(0), zero);
                for class in 0..classes {
                    let logit = s.load(logits.at(class, at));
                    let is_first = s.eq(logit, largest) & !found;
                    found = found | is_first;
                    let difference = s.keep(!s.eq(logit, second), logit - second);
                    // The difference of the largest class may be positive; its exponential is not used.
                    let [power] = exp_nonpositive(s, [s.min(zero, difference)]);
                    let power = s.keep(!is_first, power);
                    sum = sum + power;
                    s.store(softmax.at(class, at), s.select(is_first, -one, power));
                }
                let distance = s.keep(!s.eq(second, largest), second - largest);
                store_at(s, log_complement, at, distance + ln(s, sum) - load_at(s, log_total, at));
                let inverse = s.reciprocal(sum);
                for class in 0..classes {
                    let power = s.load(softmax.at(class, at));
                    s.store(softmax.at(class, at), power * s.select(s.lt(power, zero), one, inverse));
                }
            }
            at += T::LANES;
        }
    }
}
