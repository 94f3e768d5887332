//! What is timed: a loss and the shape and formats of its inputs.

use segloss::cpu::Level;
use segloss::{Activation, Boundary, CrossEntropy, Dice, Dtype, Focal, GeneralizedDice, Loss, TopK, Tversky};

/// One call of `differentiate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Samples, classes, voxels of a sample.
    pub shape: [usize; 3],
    /// Terms of weight 1 with default parameters.
    pub losses: &'static [Name],
    /// Type of logits and gradient.
    pub dtype: Dtype,
    pub activation: Activation,
    pub target: Format,
    /// Whether the classes of a voxel are adjacent in memory, in logits and gradient.
    pub channels_last: bool,
    /// Whether a tenth of the labels is ignored.
    pub ignore: bool,
    /// Whether the voxels have f32 weights.
    pub weights: bool,
    /// The highest CPU level.
    pub level: Level,
    /// 1 or 2.
    pub threads: usize,
}

impl Case {
    pub fn voxels(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of times that the logits are read: region losses need sums over all voxels before any gradient.
    pub fn passes(&self) -> usize {
        if self.losses.iter().any(|loss| loss.is_region()) { 2 } else { 1 }
    }
}

/// Format of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// u8 class labels, `[B, N]`.
    Labels,
    /// u8 masks of 0 and 1, `[B, C, N]`: one-hot for softmax, independent for sigmoid.
    Masks,
    /// f32 probabilities, `[B, C, N]`.
    Dense,
}

/// The losses of the table of goals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    CrossEntropy,
    Focal,
    TopK,
    Dice,
    Tversky,
    GeneralizedDice,
    /// With a given field.
    Boundary,
}

impl Name {
    pub fn loss(self) -> Box<dyn Loss> {
        match self {
            Self::CrossEntropy => Box::new(CrossEntropy::default()),
            Self::Focal => Box::new(Focal::default()),
            Self::TopK => Box::new(TopK::default()),
            Self::Dice => Box::new(Dice::default()),
            Self::Tversky => Box::new(Tversky::default()),
            Self::GeneralizedDice => Box::new(GeneralizedDice::default()),
            Self::Boundary => Box::new(Boundary::default()),
        }
    }

    pub fn is_region(self) -> bool {
        matches!(self, Self::Dice | Self::Tversky | Self::GeneralizedDice)
    }

    pub fn short(self) -> &'static str {
        match self {
            Self::CrossEntropy => "CE",
            Self::Focal => "focal",
            Self::TopK => "TopK",
            Self::Dice => "Dice",
            Self::Tversky => "Tversky",
            Self::GeneralizedDice => "gen. Dice",
            Self::Boundary => "boundary",
        }
    }
}
