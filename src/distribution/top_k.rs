//! TopK: cross entropy of the hardest voxels only.

use crate::{Contribution, Error, Loss, LossKind, Real, Selection, TopKSearch, Voxel, VoxelLoss, check};

/// TopK cross entropy (4), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(Σ_K w Σ_c v·g·log s) / (Σ_K w)
/// ```
///
/// `K` is a [`Selection`]: the dearest fraction of the counted voxels of the batch, or those whose
/// true class is less probable than a threshold, which is the paper's. For the gradient it is a
/// constant. Voxels that rank equal at the cut share the places left, so the result depends on no
/// order. With classes on their own (sigmoid) the cost of a voxel is the class mean of cross
/// entropy. An empty `K` gives 0. In nats per voxel.
///
/// # Errors
/// [`Error`] unless the fraction or the threshold lies in (0, 1].
///
/// # Source
/// Wu, Shen, van den Hengel (2016), <https://arxiv.org/abs/1605.06885>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopK {
    /// Which voxels pay.
    pub selection: Selection,
}

impl Default for TopK {
    /// The dearest tenth, as nnU-Net takes.
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
        check(&[(c"k", k)], |k| k > 0.0 && k <= 1.0, c"in (0, 1]")
    }
}

impl Loss for TopK {
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}

impl TopKSearch {
    /// Ends a round, after all parts of the batch were counted, for the loss whose voxels are searched.
    ///
    /// # Errors
    /// [`Status::Parameter`](crate::Status::Parameter) unless `top_k` selects a fraction in (0, 1], some part was
    /// counted and the search is not done.
    pub fn narrow(&mut self, top_k: &TopK) -> Result<(), Error> {
        VoxelLoss::validate(top_k)?;
        self.narrow_to(Some(top_k.selection))
    }
}
