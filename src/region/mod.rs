//! Region losses: a closed form of a few sums over the voxels of a class.

mod asymmetric_similarity;
mod dice;
mod focal_tversky;
mod generalized_dice;
mod iou;
mod penalty;
pub(crate) mod power;
mod sensitivity_specificity;
mod tversky;

pub use asymmetric_similarity::AsymmetricSimilarity;
pub use dice::{Dice, Squares};
pub use focal_tversky::FocalTversky;
pub use generalized_dice::{GeneralizedDice, Volume};
pub use iou::Iou;
pub use penalty::Penalty;
pub use sensitivity_specificity::SensitivitySpecificity;
pub use tversky::Tversky;
