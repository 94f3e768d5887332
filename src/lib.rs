//! Every loss of "Segmentation Loss Odyssey" and its exact gradient, in one call, over plain slices.
//!
//! ```
//! use segloss::{Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len};
//!
//! // One sample, two classes, a row of three voxels.
//! let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
//! let labels = [1u8, 0, 1];
//! let batch = Batch::new(View::new(&logits, &[1, 2, 3])?, Activation::Softmax, View::new(&labels, &[1, 3])?);
//! let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
//! let loss = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
//! let mut gradient = [0f32; 6];
//! let mut scratch = vec![0; scratch_len(&batch, &loss)?];
//! let value = differentiate(&batch, &loss, Gradient::new(ViewMut::new(&mut gradient, &[1, 2, 3])?), &mut scratch)?;
//! assert!((value - 0.4051).abs() < 1e-4);
//! # Ok::<(), segloss::Error>(())
//! ```
//!
//! A loss is a list of weighted [`Term`]s over one [`Batch`]. It is evaluated as
//!
//! ```text
//! fold     voxels → tallies          one sweep; tallies add, so parts may be folded anywhere
//! finish   tallies → value, slopes   closed forms in f64
//! map      voxels, slopes → gradient one sweep; the chain rule
//! ```
//!
//! [`evaluate`] and [`differentiate`] do all three; [`fold`], [`finish`] and [`map`] are one level
//! below, for batches in parts. Nothing here allocates, panics or keeps state: what a call needs it
//! takes from the caller's scratch.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The proof of no panic is made by the linker; these say where a change would break it. Loops over the lanes of a
// block index arrays of that length: their modules say so where they are named.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::exit,
        clippy::mem_forget,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::alloc_instead_of_core,
        clippy::std_instead_of_core,
    )
)]

#[cfg(test)]
extern crate self as segloss;
#[cfg(any(test, feature = "std"))]
extern crate std;

#[cfg(test)]
#[path = "../tests/at_level.rs"]
mod at_level;
mod batch;
pub mod boundary;
pub mod compound;
pub mod distance;
pub mod distribution;
mod element;
mod engine;
mod error;
mod executor;
#[cfg(feature = "capi")]
#[allow(non_camel_case_types, rustdoc::broken_intra_doc_links, reason = "the names and the comments of C")]
#[doc(hidden)]
pub mod ffi;
mod frequency;
mod loss;
mod narrow;
pub mod region;
mod selection;
mod static_scratch;
mod tally;
#[cfg(test)]
mod testing;
mod verbs;
mod view;

pub use batch::{Activation, Batch};
pub use boundary::{Boundary, Hausdorff};
pub use compound::{BalancedCrossEntropy, LogDice, PowerCrossEntropy, presets};
pub use distribution::{CrossEntropy, DistancePenalized, Focal, TopK};
pub use element::{Dtype, Element, Real};
pub use engine::math::{Float, Math, Power, Raise};
pub use engine::select::TopKSearch;
pub use error::{Error, Status};
#[cfg(feature = "rayon")]
pub use executor::Rayon;
pub use executor::{Executor, Sequential};
pub use frequency::{Frequency, class_weights};
pub use loss::{
    AbsentClass, Base, ClassAverage, Contribution, DefaultClassWeights, DynVoxelLoss, JointRegionLoss, Loss,
    LossKind, MIN_DENOMINATOR, Normalizer, RegionLoss, SampleAverage, Term, Voxel, VoxelLoss, check,
    non_negative,
};
pub use region::{
    AsymmetricSimilarity, Dice, FocalTversky, GeneralizedDice, Iou, Penalty, SensitivitySpecificity, Tversky,
};
pub use selection::Selection;
pub use static_scratch::static_scratch_len;
pub use tally::{ClassSums, MAX_TERMS};
pub use verbs::{
    Gradient, Outputs, accumulate, backward, differentiate, differentiate_in_place, distance_field, evaluate,
    finalize, run, scratch_len, top_k_count,
};
pub use view::{MAX_AXES, View, ViewMut};

#[doc(hidden)]
pub use static_scratch::of_width as static_scratch_len_of_width;

/// The vector instructions in use, and how to force fewer; for tests and benchmarks.
#[doc(hidden)]
pub mod cpu {
    pub use crate::engine::simd::{Kernel, Level, dispatch, force, level};
}
