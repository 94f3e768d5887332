//! The weights of values and slopes of voxel losses.

use crate::engine::kernel::partial_sums::group_sum;
use crate::engine::kernel::{GROUP, load_at, store_at};
use crate::loss::voxel_info::OutcomeWeights;
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vector};

/// The limit of slopes: an infinite slope times a weight or probability of 0 would be NaN.
const MAX_SLOPE: f64 = 1e30;

/// The factor of an outcome, as a function of the target.
#[derive(Clone, Copy)]
pub(crate) enum OutcomeFactor<'a, T> {
    /// 1.
    One,
    /// `positive·t` with `t = keep·g + floor`.
    Positive(&'a [T], OutcomeWeights<T>),
    /// `negative·(1 − t)`
    Negative(&'a [T], OutcomeWeights<T>),
}

impl<T: Scalar> OutcomeFactor<'_, T> {
    /// Returns the factor of the voxels from `at` on.
    ///
    /// # Safety
    /// As [`load_at`], of the targets.
    #[inline(always)]
    unsafe fn at<S: Lanes<T>>(&self, s: S, at: usize) -> Vector<T, S> {
        let one = s.splat(T::ONE);
        let target = |targets: &[T], weights: &OutcomeWeights<T>| {
            // SAFETY: the caller's promise.
            let target = unsafe { load_at(s, targets, at) };
            s.splat(weights.keep) * target + s.splat(weights.floor)
        };
        match self {
            Self::One => one,
            Self::Positive(targets, weights) => s.splat(weights.positive) * target(targets, weights),
            Self::Negative(targets, weights) => s.splat(weights.negative) * (one - target(targets, weights)),
        }
    }
}

/// Returns `x · coefficient` with `0·∞ = 0`: a coefficient of 0 contributes 0, whatever it multiplies. NaN stays NaN.
#[inline(always)]
pub(crate) fn times<T: Scalar, S: Lanes<T>>(
    s: S,
    x: Vector<T, S>,
    coefficient: Vector<T, S>,
) -> Vector<T, S> {
    let is_zero = s.eq(coefficient, s.splat(T::ZERO)) & s.eq(s.abs(x), s.splat(T::INFINITY));
    s.keep(!is_zero, x * coefficient)
}

/// Multiplies the values of a loss by the factor of their outcome and the weights of the voxels.
pub(crate) struct WeighValues<'a, T> {
    pub value: &'a mut [T],
    pub factor: OutcomeFactor<'a, T>,
    /// Unless all are 1.
    pub weight: Option<&'a [T]>,
}

impl<T: Scalar> LaneKernel<T> for WeighValues<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { value, factor, weight } = self;
        let mut at = 0;
        while at < value.len() {
            // SAFETY: all rows have the length of the values, a multiple of a vector.
            unsafe {
                let mut x = load_at(s, value, at);
                if !matches!(factor, OutcomeFactor::One) {
                    x = times(s, x, factor.at(s, at));
                }
                if let Some(weight) = weight {
                    x = times(s, x, load_at(s, weight, at));
                }
                store_at(s, value, at, x);
            }
            at += T::LANES;
        }
    }
}

/// Adds the weighted values of a loss to a sum.
pub(crate) struct AddValues<'a, T> {
    pub value: &'a [T],
    pub factor: OutcomeFactor<'a, T>,
    /// The weighted values of the other outcome.
    pub other: Option<&'a [T]>,
    /// Unless all are 1.
    pub weight: Option<&'a [T]>,
    /// A vector.
    pub sum: *mut T,
}

impl<T: Scalar> LaneKernel<T> for AddValues<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { value, factor, other, weight, sum } = self;
        let mut at = 0;
        // SAFETY: all rows have the length of the values, a multiple of a group; the sum has a vector.
        unsafe {
            let mut total = s.load(sum);
            while at < value.len() {
                let mut group = [s.splat(T::ZERO); GROUP];
                for (u, of_vector) in group.iter_mut().enumerate() {
                    let voxel = at + u * T::LANES;
                    let mut x = load_at(s, value, voxel);
                    if !matches!(factor, OutcomeFactor::One) {
                        x = times(s, x, factor.at(s, voxel));
                    }
                    if let Some(other) = other {
                        x = load_at(s, other, voxel) + x;
                    }
                    if let Some(weight) = weight {
                        x = times(s, x, load_at(s, weight, voxel));
                    }
                    *of_vector = x;
                }
                total = total + group_sum::<T, S>(group);
                at += GROUP * T::LANES;
            }
            s.store(sum, total);
        }
    }
}

/// Adds the weighted slopes of a loss to a row of derivatives.
pub(crate) struct AddSlopes<'a, T> {
    pub slope: &'a [T],
    pub factor: OutcomeFactor<'a, T>,
    /// Whether slopes are limited: not those of losses that are polynomial in `s`.
    pub is_limited: bool,
    /// The weights of the voxels.
    pub weight: &'a [T],
    /// The slope of the sum of the loss.
    pub scale: T,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for AddSlopes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { slope, factor, is_limited, weight, scale, out } = self;
        let (scale, limit) = (s.splat(scale), s.splat(T::constant(MAX_SLOPE)));
        let mut at = 0;
        while at < slope.len() {
            // SAFETY: all rows have the length of the slopes, a multiple of a vector.
            unsafe {
                let mut x = load_at(s, slope, at);
                if is_limited {
                    // NaN is the second operand and remains.
                    x = s.min(limit, s.max(-limit, x));
                }
                if !matches!(factor, OutcomeFactor::One) {
                    x = factor.at(s, at) * x;
                }
                store_at(s, out, at, load_at(s, out, at) + scale * load_at(s, weight, at) * x);
            }
            at += T::LANES;
        }
    }
}

/// The slope of the sum of a loss, times the weight of each voxel.
#[derive(Clone, Copy)]
pub(crate) enum TargetScale<'a, T> {
    /// Of all voxels.
    Same(T),
    OfEach(&'a [T]),
}

/// Adds the slopes of a loss of the target class to a row.
pub(crate) struct AddTargetSlopes<'a, T> {
    pub slope: &'a [T],
    pub scale: TargetScale<'a, T>,
    /// Whether the slopes replace the content of the row.
    pub is_first: bool,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for AddTargetSlopes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { slope, scale, is_first, out } = self;
        let limit = s.splat(T::constant(MAX_SLOPE));
        let mut at = 0;
        while at < out.len() {
            // SAFETY: all rows have the length of the output, a multiple of a vector.
            unsafe {
                let slope = s.min(limit, s.max(-limit, load_at(s, slope, at)));
                let scale = match scale {
                    TargetScale::Same(scale) => s.splat(scale),
                    TargetScale::OfEach(row) => load_at(s, row, at),
                };
                let before = if is_first { s.splat(T::ZERO) } else { load_at(s, out, at) };
                store_at(s, out, at, before + scale * slope);
            }
            at += T::LANES;
        }
    }
}

/// Looks up a number per class by label, times a weight.
pub(crate) struct TableByLabel<'a, T, F> {
    pub label: &'a [i32],
    pub first_label: i32,
    pub classes: usize,
    /// The number of a class.
    pub of: F,
    /// Unless all are 1.
    pub weight: Option<&'a [T]>,
    pub out: &'a mut [T],
}

impl<T: Scalar, F: Fn(usize) -> f64> LaneKernel<T> for TableByLabel<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { label, first_label, classes, of, weight, out } = self;
        out.fill(T::ZERO);
        for class in 0..classes {
            let number = s.splat(T::constant(of(class)));
            let mut at = 0;
            while at < out.len() {
                // SAFETY: all rows have the length of the output, a multiple of a vector.
                unsafe {
                    let is = s.label_is(super::labels_at(s, label, at), first_label + class as i32);
                    store_at(s, out, at, s.select(is, number, load_at(s, out, at)));
                }
                at += T::LANES;
            }
        }
        let Some(weight) = weight else { return };
        let mut at = 0;
        while at < out.len() {
            // SAFETY: as above.
            unsafe { store_at(s, out, at, load_at(s, out, at) * load_at(s, weight, at)) };
            at += T::LANES;
        }
    }
}

/// Writes weights times a number.
pub(crate) struct Multiply<'a, T> {
    pub weight: &'a [T],
    pub by: T,
    pub out: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        for (out, weight) in T::lines_mut(self.out).0.iter_mut().zip(T::lines(self.weight).0) {
            // Never −0, as a sum with 0.
            *out = s.to_line(s.splat(self.by) * s.from_line(weight) + s.splat(T::ZERO));
        }
    }
}

/// Divides a row by weights.
pub(crate) struct Divide<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Scalar> LaneKernel<T> for Divide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        for (x, weight) in T::lines_mut(self.row).0.iter_mut().zip(T::lines(self.weight).0) {
            *x = s.to_line(s.from_line(x) / s.from_line(weight));
        }
    }
}

/// Adds `factor` times a row to another.
pub(crate) struct AddScaled<'a, T> {
    pub factor: T,
    pub row: &'a [T],
    pub to: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for AddScaled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let factor = s.splat(self.factor);
        for (to, x) in T::lines_mut(self.to).0.iter_mut().zip(T::lines(self.row).0) {
            *to = s.to_line(s.from_line(to) + factor * s.from_line(x));
        }
    }
}
