//! Sums of `−ln s` of some units: the logarithms of several units are computed together, in one loop.

use crate::checked::slice_mut;
use crate::engine::arena::{Arena, Plain};
use crate::engine::kernel::target_class::TotalNegLog;
use crate::error::Error;
use crate::simd::lanes::{Vectorized, dispatch};

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

    /// Returns `Σ (m − z)` and the product less 1 of the current unit: a vector each.
    pub fn unit(&mut self) -> [&mut [T]; 2] {
        let lanes = self.complete * T::LANES..(self.complete + 1) * T::LANES;
        [slice_mut(self.logits, lanes.clone()), slice_mut(self.products, lanes)]
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
