//! Boundary losses: an error at each voxel, weighted by a field of distances.
//!
//! | loss | value of a voxel and class |
//! | --- | --- |
//! | [`Boundary`] | `s·φ`, with the signed distance `φ` to the boundary of the class in the target |
//! | [`Hausdorff`] | `(s − g)²·D`, with powers `D` of the distances to the boundaries of target and prediction |
//!
//! The engine computes the field with [`distance`](mod@crate::distance) in each call, or reads it from
//! [`Term::field`](crate::loss::term::Term::field). [`distance_field`](crate::api::distance_field) computes it ahead.
//!
//! ```
//! use segloss::Loss;
//! use segloss::boundary::{Boundary, Hausdorff, Sides};
//!
//! let target_only = Hausdorff { sides: Sides::Target, ..Hausdorff::default() };
//! assert!(target_only.field().is_some() && Boundary::default().field().is_some());
//! ```

pub(crate) mod boundary_loss;
pub(crate) mod field;
pub(crate) mod hausdorff;
pub(crate) mod masks;

pub use boundary_loss::Boundary;
pub use field::Field;
pub use hausdorff::{Hausdorff, Sides};
