//! The sums of one class over the voxels of one sample.

use core::ops::AddAssign;

/// The maximum number of terms of a loss, and the number of voxel-loss slots of a [`ClassSums`].
pub const MAX_TERMS: usize = 4;

/// The sums of one class over the voxels of one sample; or the partial derivatives ("slopes") of a loss with respect to
/// these sums.
///
/// `w` is the weight of a voxel, `g` its target and `s` its predicted probability for the class. Every field is a sum
/// over voxels: the sums of a whole are the sums of its parts, added field by field. The unit is voxels, but for
/// `loss_sum`.
///
/// ```text
/// Σw·s² + Σw·g² = squared_error_positive + squared_error_negative + 2·intersection      also for soft targets
/// false positives = prediction − intersection           false negatives = target − intersection
/// ```
///
/// ```
/// use segloss::ClassSums;
///
/// let mut whole = ClassSums { target: 3.0, prediction: 2.0, intersection: 1.5, ..ClassSums::ZERO };
/// let part = ClassSums { target: 1.0, prediction: 2.0, intersection: 0.5, ..ClassSums::ZERO };
/// whole += &part;
/// assert_eq!((whole.target, whole.prediction, whole.intersection), (4.0, 4.0, 2.0));
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
    /// `Σ w·min(s, g)`; 0 if no term of the loss reads it. No loss of this version does.
    pub minimum: f64,
    /// 0. Later versions may use it for further sums.
    pub reserved: [f64; 3],
    /// The weighted loss of each term that is a voxel loss, `Σ w·L`, without class weights; index: the term.
    pub loss_sum: [f64; MAX_TERMS],
    /// The weight of the voxels that contribute to `loss_sum`; index: the term.
    pub loss_weight: [f64; MAX_TERMS],
}

impl ClassSums {
    /// All sums zero; as slopes, a zero gradient.
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

    /// Adds `factor · other` field by field.
    ///
    /// ```
    /// use segloss::ClassSums;
    ///
    /// let mut slope = ClassSums::ZERO;
    /// slope.add_scaled(2.0, &ClassSums { prediction: 0.25, ..ClassSums::ZERO });
    /// assert_eq!(slope.prediction, 0.5);
    /// ```
    pub fn add_scaled(&mut self, factor: f64, other: &ClassSums) {
        self.combine(other, |sum, x| sum + factor * x);
    }

    /// Replaces every field by `operation(field, field of other)`.
    pub(crate) fn combine(&mut self, other: &ClassSums, operation: impl Fn(f64, f64) -> f64) {
        let Self {
            weight,
            target,
            prediction,
            intersection,
            squared_error_positive,
            squared_error_negative,
            minimum,
            reserved,
            loss_sum,
            loss_weight,
        } = self;
        *weight = operation(*weight, other.weight);
        *target = operation(*target, other.target);
        *prediction = operation(*prediction, other.prediction);
        *intersection = operation(*intersection, other.intersection);
        *squared_error_positive = operation(*squared_error_positive, other.squared_error_positive);
        *squared_error_negative = operation(*squared_error_negative, other.squared_error_negative);
        *minimum = operation(*minimum, other.minimum);
        let arrays = reserved.iter_mut().zip(other.reserved).chain(loss_sum.iter_mut().zip(other.loss_sum));
        for (x, y) in arrays.chain(loss_weight.iter_mut().zip(other.loss_weight)) {
            *x = operation(*x, y);
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
    fn addition_and_scaling_reach_every_field() {
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
