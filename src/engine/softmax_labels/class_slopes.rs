//! The derivative of the loss with respect to the probabilities of a tile, as far as slopes and labels determine it.

use crate::array::real::Real;
use crate::loss::sums::ClassSums;

/// What pulls on the classes of a tile.
#[derive(Clone, Copy)]
pub(crate) struct Labelled<'a> {
    /// The slopes of each class.
    pub slopes: &'a [ClassSums],
    pub first_label: i32,
    /// What there is of `p`.
    pub polynomial: Polynomial,
    /// Whether there is a `v`, in `made.here`.
    pub charges: bool,
}

/// How `p` is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polynomial {
    /// It is 0.
    None,
    /// A constant of the class, and another where the class is the truth: from slopes and labels, times the weight.
    Linear,
    /// In the rows of `logit`.
    Rows,
}

impl Labelled<'_> {
    /// `p` of a class where it is not the truth, if that is a constant.
    #[inline(always)]
    pub fn predicted<T: Real>(&self, class: usize) -> T {
        T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.prediction))
    }

    /// The same where it is. Never −0, which sums of others would lose.
    #[inline(always)]
    pub fn predicted_at_truth<T: Real>(&self, class: usize) -> T {
        let overlap = T::of(self.slopes.get(class).map_or(0.0, |slopes| slopes.intersection));
        self.predicted::<T>(class) + overlap + T::zero()
    }
}
