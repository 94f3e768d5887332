//! Boundary losses: a mismatch at each voxel, weighted by a field of distances.

mod boundary_loss;
pub(crate) mod field;
mod hausdorff;
pub(crate) mod masks;

pub use boundary_loss::Boundary;
pub use field::Field;
pub use hausdorff::{Hausdorff, Sides};
