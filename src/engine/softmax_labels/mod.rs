//! Softmax over labels, the common case: only the target class of a voxel contributes to a likelihood, so such a loss
//! is evaluated once per voxel instead of once per class, and no class needs a row of targets.

mod class_slopes;
pub(super) mod exponentials;
mod exponentials_few;
pub(super) mod gather;
mod label_gradient;
mod label_gradient_few;
mod label_pass;
pub(super) mod label_sums;
pub(super) mod probability_cache;
mod row_prefetch;
mod shared_terms;
