//! Distribution losses: the mean over voxels of a function of the probability of the target class.
//!
//! | loss | value of a voxel with the probability `s` of its target class |
//! | --- | --- |
//! | [`CrossEntropy`] | `−log s` |
//! | [`TopK`] | `−log s`, for the voxels with the highest loss |
//! | [`Focal`] | `−(1 − s)^γ·log s` |
//! | [`DistancePenalized`] | `−(1 + D)·log s`, with `D` larger near a boundary |
//!
//! With sigmoid both outcomes of each class contribute, and the loss of a voxel is the mean over the classes. The
//! unit is nats per voxel.
//!
//! ```
//! use segloss::distribution::{CrossEntropy, Focal};
//! use segloss::custom::LossKind;
//! use segloss::Loss;
//!
//! assert!(matches!(Focal::default().kind(), LossKind::Voxel(_)));
//! assert_eq!(CrossEntropy::default().label_smoothing, 0.0);
//! ```

pub(crate) mod cross_entropy;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod distance_penalized;
pub(crate) mod focal;
pub(crate) mod top_k;

pub use cross_entropy::CrossEntropy;
pub use distance_penalized::DistancePenalized;
pub use focal::Focal;
pub use top_k::TopK;
