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
pub struct ClassSums {
    /// `Σ w`
    pub weight: f64,
    /// `Σ w·g`
    pub target: f64,
    /// `Σ w·s`
    pub prediction: f64,
    /// `Σ w·g·s`
    pub intersection: f64,
    /// `Σ w·g·(s − g)²`
    pub squared_error_positive: f64,
    /// `Σ w·(1 − g)·(s − g)²`
    pub squared_error_negative: f64,
    /// `Σ w·min(s, g)`; 0 where no term of the loss reads it. No loss does yet.
    pub minimum: f64,
    /// 0; later versions may add sums here.
    pub reserved: [f64; 3],
    /// The cost of each term that is a cost, without class weights.
    pub loss_sum: [f64; MAX_TERMS],
    /// The weight that cost was charged to.
    pub loss_weight: [f64; MAX_TERMS],
}

impl ClassSums {
    /// No voxel at all; as slopes, a loss that feels nothing.
    pub const ZERO: Self = Self {
        weight: 0.0,
        target: 0.0,
        prediction: 0.0,
        intersection: 0.0,
        squared_error_positive: 0.0,
        squared_error_negative: 0.0,
        minimum: 0.0,
        reserved: [0.0; 3],
        loss_sum: [0.0; MAX_TERMS],
        loss_weight: [0.0; MAX_TERMS],
    };

    /// Adds `factor · other`, field by field.
    pub fn add_scaled(&mut self, factor: f64, other: &ClassSums) {
        self.combine(other, |sum, x| sum + factor * x);
    }

    /// Replaces every field by `join(field, field of other)`.
    pub(crate) fn combine(&mut self, other: &ClassSums, join: impl Fn(f64, f64) -> f64) {
        let Self {
            weight: voxels,
            target: truth,
            prediction: predicted,
            intersection: overlap,
            squared_error_positive: missed,
            squared_error_negative: spilled,
            minimum,
            reserved,
            loss_sum: cost,
            loss_weight: charged,
        } = self;
        *voxels = join(*voxels, other.weight);
        *truth = join(*truth, other.target);
        *predicted = join(*predicted, other.prediction);
        *overlap = join(*overlap, other.intersection);
        *missed = join(*missed, other.squared_error_positive);
        *spilled = join(*spilled, other.squared_error_negative);
        *minimum = join(*minimum, other.minimum);
        let lists = reserved.iter_mut().zip(other.reserved).chain(cost.iter_mut().zip(other.loss_sum));
        for (x, y) in lists.chain(charged.iter_mut().zip(other.loss_weight)) {
            *x = join(*x, y);
        }
    }
}

impl AddAssign<&ClassSums> for ClassSums {
    fn add_assign(&mut self, other: &ClassSums) {
        self.combine(other, |sum, x| sum + x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_adds() {
        let one = ClassSums {
            weight: 1.0,
            target: 2.0,
            prediction: 3.0,
            intersection: 4.0,
            squared_error_positive: 5.0,
            squared_error_negative: 6.0,
            minimum: 6.5,
            reserved: [13.0, 14.0, 15.0],
            loss_sum: [7.0, 8.0, 9.0, 10.0],
            loss_weight: [11.0, 12.0, 13.0, 14.0],
        };
        let mut sum = one;
        sum += &one;
        let mut scaled = ClassSums::ZERO;
        scaled.add_scaled(2.0, &one);
        assert_eq!(sum, scaled);
        assert_eq!((sum.minimum, sum.reserved[2], sum.loss_weight[3]), (13.0, 30.0, 28.0));
    }
}
