//! The passes over the voxels. They know sums, rows and slopes, and no loss.

pub(crate) mod activation;
pub(crate) mod arena;
pub(crate) mod chunk_pass;
pub(crate) mod chunks;
pub(crate) mod distance_fields;
pub(crate) mod field_inputs;
pub(crate) mod finalize;
pub(crate) mod general;
pub(crate) mod gradient;
pub(crate) mod merged_samples;
pub(crate) mod pass;
pub(crate) mod plan;
pub(crate) mod precise;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod prediction_mask;
pub(crate) mod radix_select;
pub(crate) mod region;
pub(crate) mod run;
pub(crate) mod sigmoid;
pub(crate) mod sigmoid_labels;
pub(crate) mod softmax;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod softmax_labels;
pub(crate) mod terms;
pub(crate) mod tile;
pub(crate) mod top_k;
pub(crate) mod validate;
pub(crate) mod weighting;
pub(crate) mod workspace;
