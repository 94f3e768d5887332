//! What a loss knows of one class in one sample: a few sums over its voxels.

use core::ops::AddAssign;

/// How many terms a loss may have, and so how many cost slots a tally.
pub const MAX_TERMS: usize = 4;

/// The sums of one class in one sample, or the slope of a loss with respect to each.
///
/// `w` is the weight of a voxel, `g` its truth, `s` the predicted probability.
/// Every field adds: the tally of a whole is the sum of the tallies of its parts.
///
/// ```text
/// Σw·s² + Σw·g² = missed + spilled + 2·overlap      exactly, soft truth included
/// false positives = predicted − overlap             false negatives = truth − overlap
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Tally {
    /// `Σ w`
    pub voxels: f64,
    /// `Σ w·g`
    pub truth: f64,
    /// `Σ w·s`
    pub predicted: f64,
    /// `Σ w·g·s`
    pub overlap: f64,
    /// `Σ w·g·(s − g)²`
    pub missed: f64,
    /// `Σ w·(1 − g)·(s − g)²`
    pub spilled: f64,
    /// `Σ w·min(s, g)`; 0 where no term of the loss reads it. No loss does yet.
    pub minimum: f64,
    /// 0; later versions may add sums here.
    pub reserved: [f64; 3],
    /// The cost of each term that is a cost, without class weights.
    pub cost: [f64; MAX_TERMS],
    /// The weight that cost was charged to.
    pub charged: [f64; MAX_TERMS],
}

impl Tally {
    /// No voxel at all; as slopes, a loss that feels nothing.
    pub const ZERO: Self = Self {
        voxels: 0.0,
        truth: 0.0,
        predicted: 0.0,
        overlap: 0.0,
        missed: 0.0,
        spilled: 0.0,
        minimum: 0.0,
        reserved: [0.0; 3],
        cost: [0.0; MAX_TERMS],
        charged: [0.0; MAX_TERMS],
    };

    /// Adds `factor · other`, field by field.
    pub fn add_scaled(&mut self, factor: f64, other: &Tally) {
        self.combine(other, |sum, x| sum + factor * x);
    }

    /// Replaces every field by `join(field, field of other)`.
    pub(crate) fn combine(&mut self, other: &Tally, join: impl Fn(f64, f64) -> f64) {
        let Self { voxels, truth, predicted, overlap, missed, spilled, minimum, reserved, cost, charged } =
            self;
        *voxels = join(*voxels, other.voxels);
        *truth = join(*truth, other.truth);
        *predicted = join(*predicted, other.predicted);
        *overlap = join(*overlap, other.overlap);
        *missed = join(*missed, other.missed);
        *spilled = join(*spilled, other.spilled);
        *minimum = join(*minimum, other.minimum);
        let lists = reserved.iter_mut().zip(other.reserved).chain(cost.iter_mut().zip(other.cost));
        for (x, y) in lists.chain(charged.iter_mut().zip(other.charged)) {
            *x = join(*x, y);
        }
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.combine(other, |sum, x| sum + x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_adds() {
        let one = Tally {
            voxels: 1.0,
            truth: 2.0,
            predicted: 3.0,
            overlap: 4.0,
            missed: 5.0,
            spilled: 6.0,
            minimum: 6.5,
            reserved: [13.0, 14.0, 15.0],
            cost: [7.0, 8.0, 9.0, 10.0],
            charged: [11.0, 12.0, 13.0, 14.0],
        };
        let mut sum = one;
        sum += &one;
        let mut scaled = Tally::ZERO;
        scaled.add_scaled(2.0, &one);
        assert_eq!(sum, scaled);
        assert_eq!((sum.minimum, sum.reserved[2], sum.charged[3]), (13.0, 30.0, 28.0));
    }
}
