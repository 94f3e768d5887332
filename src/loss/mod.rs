//! What a loss is: its traits, its sums, its terms. No array and no formula.

pub(crate) mod activation;
pub(crate) mod kind;
pub(crate) mod region_loss;
pub(crate) mod selection;
pub(crate) mod sums;
pub(crate) mod term;
pub(crate) mod voxel;
pub(crate) mod voxel_info;
pub(crate) mod voxel_rows;
