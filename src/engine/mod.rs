//! The passes over the voxels. They know sums, rows and slopes, and no loss.

pub(crate) mod arena;
pub(crate) mod check_terms;
pub(crate) mod chunk_pass;
pub(crate) mod chunks;
pub(crate) mod collected;
pub(crate) mod distance_fields;
pub(crate) mod field_inputs;
pub(crate) mod finalize;
#[expect(clippy::indexing_slicing, reason = "vectors of a group")]
pub(crate) mod kernel;
pub(crate) mod label_work;
pub(crate) mod merged_samples;
pub(crate) mod pass;
pub(crate) mod pass_plan;
pub(crate) mod precise;
pub(crate) mod prediction_mask;
pub(crate) mod radix_select;
pub(crate) mod run;
pub(crate) mod top_k_bracket;
pub(crate) mod top_k_pass;
pub(crate) mod top_k_select;
pub(crate) mod validate;
pub(crate) mod workspace;
