//! Which voxels a loss selects.

/// Which voxels pay a cost, by the cost of the voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Selection {
    /// The dearest share of the counted voxels of the batch, ranked with class weights and without
    /// voxel weights; at least one. Voxels at the cut share the places left.
    Fraction(f64),
    /// The voxels whose true class has a probability below this: whose cost without class weights is
    /// strictly above its negative logarithm.
    Threshold(f64),
}

impl Selection {
    /// The fraction of all voxels that is selected, if it is one.
    pub(crate) const fn fraction(self) -> Option<f64> {
        match self {
            Self::Fraction(fraction) => Some(fraction),
            Self::Threshold(_) => None,
        }
    }
}
