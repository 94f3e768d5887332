//! Distribution losses: a mean over voxels of a function of the true class's probability.

mod cross_entropy;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod distance_penalized;
mod focal;
mod top_k;

pub use cross_entropy::CrossEntropy;
pub use distance_penalized::DistancePenalized;
pub use focal::Focal;
pub use top_k::TopK;
