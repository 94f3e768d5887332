//! The passes over the voxels. They know sums, rows and slopes, and no loss.

pub(crate) mod activate;
pub(crate) mod arena;
pub(crate) mod chain_rule;
pub(crate) mod check_terms;
pub(crate) mod chunk_pass;
pub(crate) mod chunks;
pub(crate) mod class_rows;
pub(crate) mod class_tile;
pub(crate) mod distance_fields;
pub(crate) mod field_inputs;
pub(crate) mod finalize;
pub(crate) mod general;
pub(crate) mod merged_samples;
pub(crate) mod pass;
pub(crate) mod pass_plan;
pub(crate) mod precise;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod prediction_mask;
pub(crate) mod radix_select;
pub(crate) mod region_sums;
pub(crate) mod run;
pub(crate) mod sigmoid;
pub(crate) mod sigmoid_labels;
pub(crate) mod softmax;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod softmax_labels;
pub(crate) mod top_k_pass;
pub(crate) mod top_k_select;
pub(crate) mod validate;
pub(crate) mod weighting;
pub(crate) mod workspace;
