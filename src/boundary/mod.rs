//! Boundary losses: a mismatch at each voxel, weighted by a field of distances.

mod boundary_loss;
pub(crate) mod field;

pub use boundary_loss::Boundary;
pub use field::Field;
