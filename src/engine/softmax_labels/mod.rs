//! Softmax over labels, the common case: only the target class of a voxel contributes to a likelihood, so such a loss is
//! evaluated once per voxel instead of once per class, and no class needs a row of targets.

pub(super) mod accumulate;
pub(super) mod cache;
mod class_slopes;
pub(super) mod exponentials;
mod exponentials_few;
pub(super) mod gather;
mod gradient;
mod gradient_few;
mod pass;
mod prefetch;
mod shared_terms;
