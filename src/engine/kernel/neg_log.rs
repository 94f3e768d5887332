//! Sums of `−ln s`: within a unit by products, the logarithms of several units in one loop.

use crate::checked::slice_mut;
use crate::engine::arena::{Arena, Plain};
use crate::engine::kernel::load_at;
use crate::engine::kernel::weighting::times;
use crate::error::Error;
use crate::simd::lanes::elementary::ln_1p_of_product;
use crate::simd::lanes::{LaneKernel, Lanes, LogProduct, Scalar, Vector, Vectorized, dispatch};

/// Returns `R` of the target class and of the others.
#[inline(always)]
pub(super) fn sum_less_one<T: Scalar, S: Lanes<T>>(
    s: S,
    of_target: Vector<T, S>,
    others: Vector<T, S>,
) -> Vector<T, S> {
    // Exact where the target class is the largest: its exponential is 1.
    others + (of_target - s.splat(T::ONE))
}

/// Units whose sums are kept.
const UNITS: usize = if cfg!(target_pointer_width = "64") { 16 } else { 2 };

/// The sums and products of the current unit, and of earlier ones whose logarithms are not computed yet.
pub(crate) struct NegLogUnits<'s, T> {
    logits: &'s mut [T],
    products: &'s mut [T],
    /// The units that are complete.
    complete: usize,
}

impl<'s, T: Vectorized + Plain> NegLogUnits<'s, T> {
    pub fn new(arena: &mut Arena<'s>) -> Result<Self, Error> {
        let mut rows = || -> Result<&'s mut [T], Error> {
            let rows: &mut [T] = arena.take(UNITS * T::LANES)?;
            rows.fill(T::ZERO);
            Ok(rows)
        };
        Ok(Self { logits: rows()?, products: rows()?, complete: 0 })
    }

    /// Returns the sum of the current unit; as to `weight`, see [`NegLogSum`].
    pub fn unit<'u>(&'u mut self, weight: Option<&'u [T]>) -> NegLogSum<'u, T> {
        let lanes = self.complete * T::LANES..(self.complete + 1) * T::LANES;
        NegLogSum {
            logits: slice_mut(self.logits, lanes.clone()),
            product: slice_mut(self.products, lanes),
            weight,
        }
    }

    /// Ends the current unit. Adds the sums to `total` if this is the last unit, or if no more can be kept.
    pub fn end_unit(&mut self, total: &mut f64, is_last: bool) {
        self.complete += 1;
        if is_last || self.complete == UNITS {
            let lanes = 0..self.complete * T::LANES;
            let (logits, products) = (slice_mut(self.logits, lanes.clone()), slice_mut(self.products, lanes));
            dispatch(TotalNegLog { logits, products, total });
            logits.fill(T::ZERO);
            products.fill(T::ZERO);
            self.complete = 0;
        }
    }
}

/// The running sum of `−ln s` over the vectors of a unit: by one logarithm, see [`LogProduct`], or by one of each voxel.
pub(crate) struct NegLogSum<'a, T> {
    /// `Σ (m − z)` per lane; with weights all of the sum.
    pub logits: &'a mut [T],
    /// The product less 1 per lane.
    pub product: &'a mut [T],
    /// The weights of the voxels of the strip, if the logarithm of each is added.
    pub weight: Option<&'a [T]>,
}

/// A [`NegLogSum`] in registers.
pub(super) struct RunningNegLog<T: Scalar, S: Lanes<T>> {
    logits: Vector<T, S>,
    product: LogProduct<T, S>,
}

impl<T: Scalar, S: Lanes<T>> RunningNegLog<T, S> {
    /// A sum of nothing.
    #[inline(always)]
    pub fn new(s: S) -> Self {
        Self { logits: s.splat(T::ZERO), product: LogProduct::new(s) }
    }

    #[inline(always)]
    pub fn load(s: S, sum: &NegLogSum<'_, T>) -> Self {
        Self { logits: s.load_row(sum.logits), product: LogProduct::of(s.load_row(sum.product)) }
    }

    #[inline(always)]
    pub fn store(&self, s: S, sum: &mut NegLogSum<'_, T>) {
        s.store_row(sum.logits, self.logits);
        s.store_row(sum.product, self.product.less_one());
    }

    /// Adds a vector of voxels from `at` on.
    ///
    /// # Safety
    /// As [`load_at`], of the weights.
    #[inline(always)]
    pub unsafe fn add(
        &mut self,
        s: S,
        target_logit: Vector<T, S>,
        of_target: Vector<T, S>,
        others: Vector<T, S>,
        weight: Option<&[T]>,
        at: usize,
    ) {
        let less_one = sum_less_one(s, of_target, others);
        match weight {
            None => {
                self.logits = self.logits - target_logit;
                self.product.multiply(s, less_one);
            }
            Some(weight) => {
                // SAFETY: the caller's promise.
                let weight = unsafe { load_at(s, weight, at) };
                let neg_log = ln_1p_of_product(s, less_one) - target_logit;
                self.logits = self.logits + times(s, neg_log, weight);
            }
        }
    }
}

/// Adds `−ln s` of a strip to a running sum.
pub(crate) struct AddNegLog<'a, T> {
    pub of_target: &'a [T],
    pub others: &'a [T],
    pub target_logit: &'a [T],
    pub sum: NegLogSum<'a, T>,
}

impl<T: Scalar> LaneKernel<T> for AddNegLog<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { of_target, others, target_logit, mut sum } = self;
        let mut running = RunningNegLog::load(s, &sum);
        let mut at = 0;
        while at < of_target.len() {
            // SAFETY: all rows have the same length, a multiple of a vector.
            unsafe {
                let (logit, target) = (load_at(s, target_logit, at), load_at(s, of_target, at));
                running.add(s, logit, target, load_at(s, others, at), sum.weight, at);
            }
            at += T::LANES;
        }
        running.store(s, &mut sum);
    }
}

/// Adds the sums of `−ln s` of some units to `total`, unit by unit.
pub(crate) struct TotalNegLog<'a, T> {
    /// A vector per unit of each.
    pub logits: &'a [T],
    pub products: &'a [T],
    pub total: &'a mut f64,
}

impl<T: Scalar> LaneKernel<T> for TotalNegLog<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        for (logits, product) in T::lines(self.logits).0.iter().zip(T::lines(self.products).0) {
            let sum = s.from_line(logits) + ln_1p_of_product(s, s.from_line(product));
            *self.total += s.total(s.add_to_sums(s.zero_sums(), sum));
        }
    }
}
