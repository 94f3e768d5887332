//! Region losses: a closed form of a few sums over the voxels of a class.

mod dice;
mod tversky;

pub use dice::{Dice, Squares};
pub use tversky::Tversky;
