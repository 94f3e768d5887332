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
//! | `slots`, `canvas` | between passes squares live in the output itself |
//! | `emit`, `root`, `store` | root, sign and stores of the last pass |
//! | `sweep`, `transform`, `crop` | the passes as tasks, and in order; one side only needs the box around the object |
//! | [`reference`](mod@reference) | the same as one would explain it |
//!
//! Distances beyond the narrow cell send the transform round again in wider ones; those beyond these too (squares
//! of 2·10⁹ voxels, spacings 10¹⁵ apart, more than five axes of unequal spacing) go to the reference, which needs a
//! volume of f64 as scratch.

#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod across;
mod canvas;
mod cell;
mod class_mask;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod columns;
mod crop;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod emit;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod envelope;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod lower;
mod plan;
pub mod reference;
mod request;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod root;
mod rows;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod slots;
#[expect(clippy::indexing_slicing, reason = "lanes of a block")]
mod solve;
mod store;
mod sweep;
mod tile;
mod transform;

pub use crate::executor::{Executor, Here};
pub use class_mask::ClassMask;
pub(crate) use class_mask::bits_equal;
pub use request::{Distance, Kind, Mask};
pub use transform::{scratch_len, transform, transform_classes};
