//! The kernel: what is computed for every voxel.
//!
//! A pass goes over a chunk strip by strip. A [strip](strip) is 256 neighbouring voxels (f64: 128; 64 and 32 of many
//! classes): its rows stay in the first-level cache while several short loops go over them.
//!
//! ```text
//! strip_input   labels as i32, weights
//!               the prediction where it is, or converted: f16, bf16, strides, channels last, voxels that do not count
//!
//! one_hot       softmax and masks or maps: the labels of a unit, if every voxel has one class
//!
//! labels and softmax (label_pass)              anything else (class_pass), for each class
//!   label_probabilities                          exponentials of all classes, or sigmoid
//!     exponentials                               outcomes     s, 1 − s, ln s, ln(1 − s)
//!     target_class   s of the target class       voxel losses once per class and outcome
//!     neg_log        Σ −ln s                     class_loop   sums, −ln, chain rule
//!     partial_sums   sums of region losses
//!     few_label_sums the last three at once
//!   voxel losses     once per voxel
//!   region_gradient, or target_class
//!
//! strip_output  the gradient where it belongs, or converted
//! ```
//!
//! Each loop is a [`LaneKernel`](crate::simd::lanes::LaneKernel): written once for vectors of 64 bytes, compiled for
//! every instruction set. A voxel loss is called once for the voxels of a strip and returns value and slope together, so
//! code grows with the number of losses and not with that of their combinations.
//!
//! # Exponentials in step
//!
//! An exponential is a chain of 13 dependent operations, of which a CPU finishes two per cycle and each takes four
//! cycles: a single chain leaves seven eighths of it idle. Up to eight vectors advance together. They are stored, and a
//! second loop takes sums and gradient from them: one loop with everything in registers is slower, because the
//! scheduler of the CPU fills with the chain of one vector before the next begins.
//!
//! # One logarithm for sixteen vectors
//!
//! `Σ ln(1 + r) = ln Π(1 + r)`. The product less 1, `p ← p + r + p·r`, keeps its relative digits, and a factor of
//! softmax is at most the number of classes. Cross entropy takes one logarithm per 16 voxels of a lane where only the
//! sum over all classes is asked for, every voxel has weight 1 or 0, and 16 factors of at most 234 classes cannot
//! overflow ([`LogProduct`](crate::simd::lanes::LogProduct)). With sigmoid both outcomes of a class have the logarithm
//! of `1 + e^−|z|`, a factor of at most 2, in common ([class_loop]).
//!
//! # Exact complements
//!
//! `1 − s` of the target class is the sum of the other exponentials over the sum of all. Subtracted from 1, a probability
//! near 1 would leave rounding errors only, and these would be the gradient. `R = Σ e − 1`, the sum of the exponentials
//! but the largest, serves the logarithm in the same way: `−ln s = (m − z) + ln(1 + R)`.
//!
//! # Cached or computed again
//!
//! A region loss needs two passes: its slopes depend on sums over all voxels. The first pass leaves the probabilities in
//! the gradient buffer, where the second overwrites them with the gradient, if that buffer has the precision of the
//! voxels ([`PassPlan`](crate::engine::pass_plan::PassPlan)).
//!
//! # Bits
//!
//! Sums are grouped by vectors, not by registers or strips ([partial_sums]), and every instruction set has the same
//! vectors: the bits of a result do not depend on the width of a register, a strip or a cache.

pub(crate) mod class_loop;
pub(crate) mod class_pass;
pub(crate) mod class_rows;
pub(crate) mod class_slope;
pub(crate) mod exponentials;
pub(crate) mod few_label_sums;
pub(crate) mod label_pass;
pub(crate) mod label_probabilities;
pub(crate) mod neg_log;
pub(crate) mod one_hot;
pub(crate) mod other_classes;
pub(crate) mod outcomes;
pub(crate) mod partial_sums;
pub(crate) mod region_gradient;
pub(crate) mod strip;
pub(crate) mod strip_input;
pub(crate) mod strip_loops;
pub(crate) mod strip_output;
pub(crate) mod target_class;
pub(crate) mod weighting;

use crate::simd::lanes::{Lanes, Scalar, Vector};

/// Vectors of a group: the smallest unit of sums, and the narrowest strip.
pub(crate) const GROUP: usize = 4;
/// Vectors of a unit: the widest strip.
pub(crate) const UNIT: usize = 16;

/// Returns whether loops over numbers of this type are compiled again for common cases: f32 of CPUs with vectors. Elsewhere
/// the loop for every case serves, and a program is small. Both give the same bits.
pub(crate) const fn is_specialized<T: Scalar>() -> bool {
    let has_vectors = cfg!(any(target_feature = "sse2", target_feature = "neon", target_feature = "simd128"));
    has_vectors && size_of::<T>() == size_of::<f32>()
}

/// Returns how many classes are few: the loops over at most as many are compiled for their number.
pub(crate) const fn few<T: Scalar>() -> usize {
    if is_specialized::<T>() { 4 } else { 0 }
}

/// Returns whether loops are compiled for this number of classes.
pub(crate) const fn is_few<T: Scalar>(classes: usize) -> bool {
    2 <= classes && classes <= few::<T>()
}

/// Whether non-temporal stores differ from others.
pub(crate) const STREAMS: bool = cfg!(target_arch = "x86_64");

/// Stores a vector, by a non-temporal store if `STREAM`.
///
/// # Safety
/// `to` is writable for a vector and, if `STREAM`, aligned to 64 bytes.
#[inline(always)]
unsafe fn store_vector<T: Scalar, S: Lanes<T>, const STREAM: bool>(s: S, to: *mut T, x: Vector<T, S>) {
    // SAFETY: the caller's promise.
    unsafe {
        if STREAM {
            s.stream(to, x);
        } else {
            s.store(to, x);
        }
    }
}

/// Loads a vector of a row from element `at` on.
///
/// # Safety
/// The row has a vector from `at` on.
#[inline(always)]
pub(crate) unsafe fn load_at<T: Scalar, S: Lanes<T>>(s: S, row: &[T], at: usize) -> Vector<T, S> {
    debug_assert!(at + T::LANES <= row.len(), "a vector at {at} of a row of {}", row.len());
    // SAFETY: the caller's promise.
    unsafe { s.load(row.as_ptr().add(at)) }
}

/// Stores a vector in a row from element `at` on.
///
/// # Safety
/// As [`load_at`].
#[inline(always)]
unsafe fn store_at<T: Scalar, S: Lanes<T>>(s: S, row: &mut [T], at: usize, x: Vector<T, S>) {
    debug_assert!(at + T::LANES <= row.len(), "a vector at {at} of a row of {}", row.len());
    // SAFETY: the caller's promise.
    unsafe { s.store(row.as_mut_ptr().add(at), x) }
}

/// Loads the labels of a vector of voxels from voxel `at` on.
///
/// # Safety
/// As [`load_at`].
#[inline(always)]
unsafe fn labels_at<T: Scalar, S: Lanes<T>>(s: S, labels: &[i32], at: usize) -> S::Labels {
    debug_assert!(at + T::LANES <= labels.len(), "labels at {at} of {}", labels.len());
    // SAFETY: the caller's promise.
    unsafe { s.labels_i32(labels.as_ptr().add(at)) }
}
