//! TopK: cross entropy of the voxels with the highest loss.

use crate::array::real::Real;
use crate::engine::radix_select::TopKSearch;
use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::selection::Selection;
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::parameter::check;

/// TopK cross entropy (4), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(Σ_K w Σ_c v·g·log s) / (Σ_K w)
/// ```
///
/// `w` is the weight of a voxel, `v` the weight of a class, `g` the target and `s` the predicted probability of the
/// class. `K` is a [`Selection`]: the fraction of the counted voxels of the batch with the highest loss, or (the
/// paper) the voxels whose target class has a probability below a threshold. `K` is a constant for the gradient.
/// Voxels with the same loss at the end of the selection share the remaining places, so the result does not depend on
/// their order. With independent classes (sigmoid) the loss of a voxel is the mean of the cross entropy over the
/// classes. An empty `K` has the value 0. The value is in nats per voxel. Default: the fraction 0.1.
///
/// # Errors
/// [`Error`] unless the fraction or the threshold lies in (0, 1].
///
/// # Source
/// Wu, Shen, van den Hengel (2016), <https://arxiv.org/abs/1605.06885>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Selection, TopK, Term, View, evaluate, scratch_len};
///
/// // Two voxels of two classes, whose target classes have the probabilities 0.5 and 0.8.
/// let (probabilities, labels) = ([0.5f64, 0.2, 0.5, 0.8], [0u8, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 2])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 2])?);
/// let loss = TopK { selection: Selection::Fraction(0.5) };
/// let terms = [Term::new(1.0, &loss)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // Half of two voxels: the one with the probability 0.5.
/// assert!((value + 0.5f64.ln()).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopK {
    /// The selection of the voxels that contribute.
    pub selection: Selection,
}

impl Default for TopK {
    /// The tenth of the voxels with the highest loss, as in nnU-Net.
    fn default() -> Self {
        Self { selection: Selection::Fraction(0.1) }
    }
}

impl VoxelLoss for TopK {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;
    const CONSTANT_SLOPE: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (-voxel.log_probability, -T::one())
    }

    fn selection(&self) -> Option<Selection> {
        Some(self.selection)
    }

    fn validate(&self) -> Result<(), Error> {
        let (Selection::Fraction(k) | Selection::Threshold(k)) = self.selection;
        check(&[(c"selection", k)], |k| k > 0.0 && k <= 1.0, c"in (0, 1]")
    }
}

impl Loss for TopK {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}

impl TopKSearch {
    /// Ends a round of the search after all parts of the batch are counted. `top_k` is the loss of the searched term.
    ///
    /// # Errors
    /// [`Status::Parameter`](crate::error::Status::Parameter) unless `top_k` selects a fraction in (0, 1], at least one
    /// part is counted and the search is not done.
    ///
    /// # Examples
    /// ```
    /// use segloss::parts::TopKSearch;
    /// use segloss::TopK;
    ///
    /// let error = TopKSearch::new().narrow(&TopK::default()).unwrap_err();
    /// assert_eq!(error.argument(), "search", "no part is counted");
    /// ```
    pub fn narrow(&mut self, top_k: &TopK) -> Result<(), Error> {
        VoxelLoss::validate(top_k)?;
        self.narrow_to(Some(top_k.selection))
    }
}
