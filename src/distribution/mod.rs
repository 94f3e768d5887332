//! Distribution losses: a mean over voxels of a function of the true class's probability.

mod cross_entropy;

pub use cross_entropy::CrossEntropy;
