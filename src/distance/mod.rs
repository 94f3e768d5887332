//! The exact Euclidean distance transform of masks, in any number of dimensions, with a spacing per axis.
//!
//! ```text
//! d²(x) = min over y on the other side of  Σₐ wₐ²·(xₐ − yₐ)²
//! ```
//!
//! Distances are measured from voxel centre to voxel centre. A mask without a boundary, empty or full, has the distance
//! 0 everywhere.
//!
//! ```
//! use segloss::View;
//! use segloss::distance::{ClassMask, Distance, Kind, Sequential, scratch_len, transform};
//!
//! let mask = [0u8, 1, 1, 1, 0, 0];
//! let request =
//!     Distance { shape: &[2, 3], spacing: &[1.0, 1.0], kind: Kind::Signed, squared: false, black_border: false };
//! let mut distances = [0f32; 6];
//! let mut scratch = vec![0; scratch_len(&request, 1)?];
//! let inside = ClassMask::of(&View::new(&mask, &[2, 3])?);
//! transform(&request, &inside, &mut distances, &mut scratch, &Sequential)?;
//! assert_eq!(distances, [1.0, -1.0, -1.0, -1.0, 1.0, 1.0]);
//! # Ok::<(), segloss::Error>(())
//! ```
//!
//! # Algorithm
//!
//! The transform is separable: the sum is minimised in one pass per axis, and one set of passes computes the distances
//! of both sides. Vector lanes run along the contiguous axis in every pass, so nothing is transposed. The files, in
//! reading order:
//!
//! | file | content |
//! | --- | --- |
//! | `mask`, `class_mask`, `request` | the input as bits; the parameters and their checks |
//! | `plan`, `squared_distance` | the partition into rows, blocks, columns and tiles; the number types |
//! | `rows` | the pass along the last axis, from bits |
//! | `columns`, `tile` | the pass along every other axis, one tile of neighbouring columns at a time |
//! | `run_distance`, `column_solver`, `min_plus`, `envelope` | a column: distances from bits alone, and its solvers |
//! | `exact` | distances and spacings beyond the other number types |
//! | `intermediate`, `output_buffer` | squared distances between passes, stored in the output |
//! | `conversion`, `root`, `store` | root, sign and stores of the last pass |
//! | `passes`, `transform`, `bounding_box` | the passes as tasks; their sequence; the box of a one-sided transform |
//! | `bits` | helper: bit words |
//! | [`reference`](mod@reference) | a readable reference in f64 |
//!
//! # Number types
//!
//! The number type is chosen by the distances that occur and not by the size of the image. Every type is exact below
//! its limit, so types may be mixed, and the bits of the result do not depend on the mixture.
//!
//! | spacing | type of squared distances | distances |
//! | --- | --- | --- |
//! | equal | u16 | up to 255 voxels |
//! | | u32 | up to 46,340 voxels |
//! | | exact | longer |
//! | unequal, up to five axes, squares from 10⁻³⁰ to 10³⁶ | u16 along the last axes of one spacing, then f32 | any |
//! | unequal, output of f64 | f64 | any |
//! | any other | exact | any |
//!
//! In two dimensions the type may change from one tile of 32 or 64 columns to the next. In three and more the whole
//! transform is repeated in a wider type if a distance is too long. The exact type (steps to the nearest voxel) is
//! solved without vector instructions: 20 to 40 times slower than u16 (on all workers).
//!
//! Scratch holds one tile per worker, so it grows with the longest axis and not with the number of voxels: at most
//! 512 KiB for axes of up to 1,024 voxels, and up to 400 bytes for each voxel of a longer axis.
//!
//! With equal spacings of 1 an output of f32 is correctly rounded, except for distances of more than 46,340 in images
//! of three or more axes, of which all but the first have 2³¹ voxels together. These distances are within 2⁻²² up to
//! five axes.

pub(crate) mod bits;
pub(crate) mod bounding_box;
pub(crate) mod class_mask;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod column_solver;
pub(crate) mod columns;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod conversion;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod envelope;
pub(crate) mod exact;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod intermediate;
pub(crate) mod mask;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod min_plus;
pub(crate) mod output_buffer;
pub(crate) mod passes;
pub(crate) mod plan;
pub mod reference;
pub(crate) mod request;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod root;
pub(crate) mod rows;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
pub(crate) mod run_distance;
pub(crate) mod squared_distance;
pub(crate) mod store;
pub(crate) mod tile;
pub(crate) mod transform;

pub use crate::executor::{Executor, Sequential};
pub use class_mask::ClassMask;
pub use mask::Mask;
pub use request::{Distance, Kind};
pub use transform::{scratch_len, transform, transform_classes};
