//! The families of the paper's taxonomy.

/// The place of a loss in the taxonomy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Distribution,
    Region,
    Boundary,
    Compound,
}

use Family::{Boundary, Compound, Distribution, Region};

impl Family {
    pub const ALL: [Self; 4] = [Distribution, Region, Boundary, Compound];
    /// The families that compounds combine.
    pub const PURE: [Self; 3] = [Distribution, Region, Boundary];

    pub fn title(self) -> &'static str {
        match self {
            Distribution => "Distribution",
            Region => "Region",
            Boundary => "Boundary",
            Compound => "Compound",
        }
    }

    /// What the losses of the family have in common.
    pub fn gist(self) -> &'static str {
        match self {
            Distribution => {
                "A mean over voxels. The gradient of a voxel depends on its own error, s − g, and not on where it \
                 lies. The members differ in the weights of the voxels."
            }
            Region => {
                "A ratio of sums over a class. All voxels of the class share one factor, all others another; the \
                 gradient of a logit is largest where s is near 1/2. The members differ in the ratio."
            }
            Boundary => {
                "Probabilities or errors times a distance to a boundary: the gradient grows with the distance. The \
                 members differ in the boundary and in the power of the distance."
            }
            Compound => {
                "Weighted sums of the others, over one softmax and one set of sums. Gradients add up."
            }
        }
    }

    /// The representative loss of a family that compounds combine, and a sentence about the family.
    pub fn lesson(self) -> (&'static str, &'static str) {
        match self {
            Distribution => ("Cross entropy", "Cross entropy: the same everywhere"),
            Region => ("Dice", "Dice: largest inside the object"),
            Boundary | Compound => ("Boundary", "Boundary: grows with the distance"),
        }
    }
}
