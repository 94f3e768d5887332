//! Every loss of "Segmentation Loss Odyssey" and its exact gradient, in one call over slices.
//!
//! The crate computes a loss of a semantic segmentation and its analytical gradient with respect to the logits or
//! probabilities of a network, from labels, masks or dense targets, in any number of spatial dimensions. It needs no
//! autograd graph, no one-hot copies and no `std`. Slices may be of f16, bf16, f32 or f64.
//!
//! ```
//! use segloss::{Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut};
//! use segloss::{differentiate, scratch_len};
//!
//! // One sample, two classes, a row of three voxels: [B, C, X] = [1, 2, 3].
//! let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
//! let labels = [1u8, 0, 1];
//! let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
//! let batch = Batch::new(prediction, Activation::Softmax, target);
//!
//! // The loss: Dice + cross entropy.
//! let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
//! let terms = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
//!
//! // Value and gradient. The scratch buffer may be reused for later calls.
//! let mut gradient = [0f32; 6];
//! let mut scratch = vec![0; scratch_len(&batch, &terms)?];
//! let output = Gradient::new(ViewMut::new(&mut gradient, &[1, 2, 3])?);
//! let value = differentiate(&batch, &terms, output, &mut scratch)?;
//! assert!((value - 0.4051).abs() < 1e-4);
//! # Ok::<(), segloss::Error>(())
//! ```
//!
//! The module `simple` (feature `std`) does the same in one line:
//! `terms.value_and_gradient(&logits, &labels, &[1, 2, 3], Activation::Softmax)?`.
//!
//! | module | content |
//! | --- | --- |
//! | the root | batches, terms, losses; value and gradient in one call; errors, executors |
//! | `simple` | the same over slices, with allocations: one line per loss |
//! | [`parts`] | accumulate, finalize and backward, for a batch in parts |
//! | [`custom`] | the traits and types of custom losses |
//! | [`parameter`] | checks of the parameters of a loss |
//! | [`distribution`], [`region`], [`mod@boundary`], [`compound`] | the families of losses and their options |
//! | [`mod@distance`] | the exact Euclidean distance transform |
//!
//! # The model
//!
//! - A **batch** ([`Batch`]) is the input: a prediction `[B, C, …]` (`B` samples, `C` classes, spatial axes), the
//!   [`Activation`] that turns it into probabilities `s`, a target `g`, and optional voxel weights `w`, ignored
//!   labels and annotation flags. Arrays are [`View`]s: slices with a shape and strides.
//! - A **loss** ([`Loss`]) is a struct of parameters with public fields, such as [`Dice`]; `Default` holds the values
//!   of the source. A region loss is a closed form of a few sums per class ([`ClassSums`]), a voxel loss is a mean over
//!   voxels. The traits of [`custom`] add losses.
//! - A **term** ([`Term`]) is a weight times a loss, with class weights and the averages over classes and samples.
//!   Every function takes a slice of one to four terms, whose weighted sum is the value.
//!
//! A loss is evaluated in three steps:
//!
//! ```text
//! accumulate   voxels → class sums          one pass over the voxels; sums of parts add
//! finalize     class sums → value, slopes   closed forms in f64; slopes are ∂value/∂sum
//! backward     voxels, slopes → gradient    one pass over the voxels; chain rule
//! ```
//!
//! [`evaluate`], [`differentiate`] and [`run`] make all steps in one call. The functions of [`parts`] make one step
//! each, for a batch in parts: tiles of a volume, threads, or machines whose sums an all-reduce adds.
//!
//! No hidden costs: no allocation, no panics (verified at link time), no state but the detected CPU level, no threads
//! except the [`Executor`] of the batch. Every function takes its working memory from a scratch buffer of
//! [`scratch_len`] bytes.
//!
//! # The losses
//!
//! | loss | equation of the paper | description |
//! | --- | --- | --- |
//! | [`CrossEntropy`] | (2), (3) | negative log-likelihood, with class weights and label smoothing |
//! | [`TopK`] | (4) | cross entropy of the voxels with the highest loss |
//! | [`Focal`] | (5) | cross entropy down-weighted for well-classified voxels |
//! | [`DistancePenalized`] | (6) | cross entropy with larger weights near class boundaries |
//! | [`SensitivitySpecificity`] | (7) | weighted squared errors inside and outside of the class |
//! | [`Dice`] | (8) | one minus the Dice coefficient, linear or squared |
//! | [`Iou`] | (9) | one minus intersection over union, linear or squared |
//! | [`Tversky`] | (10) | Dice with weights of false positives and false negatives |
//! | [`GeneralizedDice`] | (11) | one Dice over all classes, with larger weights for small classes |
//! | [`FocalTversky`] | (12) | a power of the Tversky loss |
//! | [`AsymmetricSimilarity`] | (13) | one minus the F_β score |
//! | [`Penalty`] | (14) | generalized Dice with a penalty strength |
//! | [`Boundary`] | boundary | probabilities weighted by the signed distance to the boundary |
//! | [`Hausdorff`] | Hausdorff | squared errors weighted by distances, by distance transform |
//! | [`presets::Combo`] | (15) | balanced cross entropy minus the Dice coefficient |
//! | [`presets::ExponentialLogarithmic`] | (16) | powers of logarithmic Dice and of cross entropy |
//! | [`BalancedCrossEntropy`], [`LogDice`], [`PowerCrossEntropy`] | (15), (16) | the terms of these two |
//! | [`presets`] | compound | Dice with cross entropy, TopK, focal or Hausdorff; generalized Dice with boundary |
//!
//! The exact Euclidean distance transform of the boundary losses is public: [`distance`](mod@distance).
//!
//! # Features
//!
//! | feature | default | content |
//! | --- | --- | --- |
//! | `std` | yes | the module `simple`, which allocates |
//! | `ndarray` | no | [`View`] and [`ViewMut`] of the arrays of the crate ndarray, with their strides |
//! | `rayon` | no | `Rayon`, an executor on rayon's threads |
//! | `capi` | no | the C functions of `include/segloss.h` |
//! | `panic-handler` | no | a panic handler for the C library, which is built without `std` |
//!
//! Rust 1.89 or newer. Two crates are part of the interface: [`half`] has the types f16 and bf16, and
//! [`custom::Real`], the number type of custom losses, is a `num_traits::Float`.
//!
//! # Further pages
//!
//! | page | content |
//! | --- | --- |
//! | [coming_from.md] | the terms that reproduce the losses of PyTorch, nnU-Net, MONAI, smp, kornia and Keras |
//! | [architecture.md] | the passes over the data, contracts, where the parts of the source are, a glossary |
//! | [numbers.md] | precision, reproducibility, limits |
//! | [performance.md] | measured times against other libraries |
//! | [distance.md] | the distance transform and its measurements |
//! | [c_api.md] | the C and C++ interfaces |
//! | [embedded.md] | targets without an operating system |
//!
//! [coming_from.md]: https://github.com/segloss/segloss/blob/main/docs/coming_from.md
//! [architecture.md]: https://github.com/segloss/segloss/blob/main/docs/architecture.md
//! [numbers.md]: https://github.com/segloss/segloss/blob/main/docs/numbers.md
//! [performance.md]: https://github.com/segloss/segloss/blob/main/docs/performance.md
//! [distance.md]: https://github.com/segloss/segloss/blob/main/docs/distance.md
//! [c_api.md]: https://github.com/segloss/segloss/blob/main/docs/c_api.md
//! [embedded.md]: https://github.com/segloss/segloss/blob/main/docs/embedded.md
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The linker verifies the absence of panics; these lints name the line that would break it. Loops over the lanes of a
// block index arrays of that length: the declarations of their modules allow it.
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

mod api;
mod array;
#[cfg(test)]
#[path = "../tests/at_level.rs"]
mod at_level;
mod batch;
pub mod boundary;
mod checked;
mod class_weights;
pub mod compound;
pub mod custom;
pub mod distance;
pub mod distribution;
mod engine;
mod error;
mod executor;
#[cfg(feature = "capi")]
#[allow(non_camel_case_types, rustdoc::broken_intra_doc_links, reason = "C names and C comments")]
#[allow(missing_debug_implementations, reason = "structs of pointers")]
#[doc(hidden)]
pub mod ffi;
mod loss;
pub mod parameter;
pub mod parts;
mod problem;
pub mod region;
mod simd;
#[cfg(feature = "std")]
pub mod simple;
mod static_scratch;
#[doc(hidden)]
pub mod table;
#[cfg(test)]
mod testing;

pub use api::{
    Gradient, Outputs, differentiate, differentiate_in_place, distance_field, evaluate, run, scratch_len,
};
pub use array::dtype::{Dtype, Element};
pub use array::view::{MAX_AXES, View, ViewMut};
pub use batch::Batch;
#[doc(inline)]
pub use boundary::{Boundary, Hausdorff};
pub use class_weights::{Frequency, class_weights};
#[doc(inline)]
pub use compound::{BalancedCrossEntropy, LogDice, PowerCrossEntropy, presets};
#[doc(inline)]
pub use distribution::{CrossEntropy, DistancePenalized, Focal, TopK};
pub use error::{Error, Status};
#[cfg(feature = "rayon")]
pub use executor::Rayon;
pub use executor::{Executor, Sequential};
pub use half;
pub use loss::activation::Activation;
pub use loss::kind::Loss;
pub use loss::selection::Selection;
pub use loss::sums::{ClassSums, MAX_TERMS};
pub use loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
#[doc(inline)]
pub use region::{
    AsymmetricSimilarity, Dice, FocalTversky, GeneralizedDice, Iou, Penalty, SensitivitySpecificity, Tversky,
};
pub use static_scratch::static_scratch_len;

#[doc(hidden)]
pub use static_scratch::of_width as static_scratch_len_of_width;

/// The CPU level (vector instructions) in use, a function that forces a lower one, powers and vectors; for tests and
/// benchmarks.
#[doc(hidden)]
pub mod cpu {
    pub use crate::simd::lanes;
    pub use crate::simd::level::{Kernel, Level, dispatch, force, level};
    pub use crate::simd::math::Power;
}
