//! The exact Euclidean distance transform of masks, in any number of dimensions, with spacing.
//!
//! ```text
//! d²(x) = min over y on the other side of  Σₐ wₐ²·(xₐ − yₐ)²
//! ```
//!
//! Distances run from voxel centre to voxel centre. A mask without a boundary, empty or full, has the distance 0
//! everywhere.
//!
//! ```
//! use segloss::View;
//! use segloss::distance::{ClassMask, Distance, Here, Kind, scratch_len, transform};
//!
//! let mask = [0u8, 1, 1, 1, 0, 0];
//! let request =
//!     Distance { shape: &[2, 3], spacing: &[1.0, 1.0], kind: Kind::Signed, squared: false, black_border: false };
//! let mut distances = [0f32; 6];
//! let mut scratch = vec![0; scratch_len(&request, 1)?];
//! let inside = ClassMask::of(&View::new(&mask, &[2, 3])?);
//! transform(&request, &inside, &mut distances, &mut scratch, &Here)?;
//! assert_eq!(distances, [1.0, -1.0, -1.0, -1.0, 1.0, 1.0]);
//! # Ok::<(), segloss::Error>(())
//! ```
//!
//! # How
//!
//! The sum separates, so there is one pass per axis, and one set of passes finds both sides. Lanes run along the
//! contiguous axis in every pass: nothing is transposed. In reading order:
//!
//! | file | what is in it |
//! | --- | --- |
//! | `request`, `class_mask` | what is asked for, with every check; where the sides come from, as bits |
//! | `plan`, `cell` | how the image is cut, and which numbers suffice: u16, or u32, or f32 and f64 for unequal spacing |
//! | `rows` | the last axis, from bits |
//! | `columns`, `tile` | every other axis, a tile of neighbouring columns at a time |
//! | `across`, `solve`, `lower`, `envelope` | a column: what bits alone tell of it, and its solvers |
//! | `exact` | distances and spacings beyond the other cells |
//! | `slots`, `canvas` | between passes squares live in the output itself |
//! | `emit`, `root`, `store` | root, sign and stores of the last pass |
//! | `sweep`, `transform`, `crop` | the passes as tasks, and in order; one side only needs the box around the object |
//! | [`reference`](mod@reference) | the same as one would explain it |
//!
//! # Which cells
//!
//! The distances that occur decide, not the size of the image: all cells are exact below their limit, so they may be
//! mixed, and the bits of the result do not depend on the mixture.
//!
//! | spacing | cells | distances |
//! | --- | --- | --- |
//! | equal | u16 | up to 255 voxels |
//! | | u32 | up to 46,340 voxels |
//! | | exact | longer |
//! | unequal, at most five axes, squares between 10⁻³⁰ and 10³⁶ | u16 along the last axes of one spacing, then f32 | any |
//! | unequal, output of f64 | f64 | any |
//! | any other | exact | any |
//!
//! An image of two dimensions changes cells from one tile of 32 or 64 columns to the next. In three and more the whole
//! transform is done again where a distance is too long. Exact cells are solved one at a time, without vectors: 20 to 40
//! times slower than u16 (on all workers). Scratch is a tile for each worker, so it grows with the longest axis and not with
//! the number of voxels: at most 512 KiB up to 1,024 voxels, and up to 400 bytes for each voxel of a longer axis.
//!
//! Only one case is not correctly rounded for equal spacings of 1: an output of f32, three and more axes, all but the
//! first of them 2³¹ voxels together, and a distance of more than 46,340. It is within 2⁻²² up to five axes.

#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod across;
pub(crate) mod canvas;
pub(crate) mod cell;
pub(crate) mod class_mask;
pub(crate) mod columns;
pub(crate) mod crop;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod emit;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod envelope;
pub(crate) mod exact;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod lower;
pub(crate) mod plan;
pub mod reference;
pub(crate) mod request;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod root;
pub(crate) mod rows;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod slots;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod solve;
pub(crate) mod store;
pub(crate) mod sweep;
pub(crate) mod tile;
pub(crate) mod transform;

pub use crate::executor::{Executor, Sequential};
pub use class_mask::ClassMask;
pub use request::{Distance, Kind, Mask};
pub use transform::{scratch_len, transform, transform_classes};
