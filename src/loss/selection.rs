//! The selection of the voxels that contribute to a loss.

/// The voxels that contribute to a loss, selected by the loss of each voxel.
///
/// ```
/// use segloss::{Selection, TopK};
///
/// // The hardest 5 % of the voxels; the voxels whose target class has a probability below 0.7.
/// let hardest = TopK { selection: Selection::Fraction(0.05) };
/// let below = TopK { selection: Selection::Threshold(0.7) };
/// assert_ne!(hardest, below);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Selection {
    /// The fraction, in (0, 1], of the counted voxels of the batch with the highest loss: `⌊fraction·N⌋` voxels, at
    /// least one. Voxels are ranked with class weights and without voxel weights. Voxels whose loss equals the lowest
    /// selected one share the remaining places equally, so the selection does not depend on their order.
    Fraction(f64),
    /// The voxels whose target class has a probability strictly below this number, in (0, 1]: whose loss without class
    /// weights is above `−ln(threshold)`.
    Threshold(f64),
}

impl Selection {
    /// Returns the fraction of a selection by fraction.
    pub(crate) const fn fraction(self) -> Option<f64> {
        match self {
            Self::Fraction(fraction) => Some(fraction),
            Self::Threshold(_) => None,
        }
    }
}
