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
                "A mean over voxels. Each one is pushed by its own error, s − g, wherever it lies. The \
                 members differ in which voxels count, and how much."
            }
            Region => {
                "A ratio of sums over a class. One force for all of its voxels, another for all around \
                 it, felt where the prediction wavers. The members differ in what the sums weigh."
            }
            Boundary => {
                "Probabilities or errors times a distance to a boundary: the farther from it, the harder \
                 the push. The members differ in whose boundary, and in the power."
            }
            Compound => {
                "Weighted sums of the others, over one softmax and one set of sums. Their pushes add up."
            }
        }
    }

    /// The representative loss of a family that compounds combine, and a sentence about the family.
    pub fn lesson(self) -> (&'static str, &'static str) {
        match self {
            Distribution => ("Cross entropy", "Cross entropy pushes everywhere"),
            Region => ("Dice", "Dice pushes inside the object"),
            Boundary | Compound => ("Boundary", "Boundary pushes by distance"),
        }
    }
}
