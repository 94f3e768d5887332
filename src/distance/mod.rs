//! The exact Euclidean distance transform, in any number of dimensions and with any spacing.
//!
//! Distances run from voxel centre to voxel centre. A mask without a boundary, empty or full,
//! has the distance 0 everywhere.

mod class_mask;
mod envelope;
mod request;

pub use class_mask::ClassMask;
pub use envelope::{scratch_len, transform};
pub use request::{Distance, Kind, Mask};
