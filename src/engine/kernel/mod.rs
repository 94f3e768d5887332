//! The kernel.

pub(crate) mod chain_rule;
pub(crate) mod class_pass;
pub(crate) mod exponentials;
pub(crate) mod label_pass;
pub(crate) mod neg_log_units;
pub(crate) mod other_classes;
pub(crate) mod outcomes;
pub(crate) mod partial_sums;
pub(crate) mod region_gradient;
pub(crate) mod rows;
pub(crate) mod strip;
pub(crate) mod target_class;
pub(crate) mod weighting;

use crate::simd::lanes::{Lanes, Scalar, Vector};

/// Vectors of a group: the smallest unit of sums, and the narrowest strip.
pub(crate) const GROUP: usize = 4;
/// Vectors of a unit: the widest strip.
pub(crate) const UNIT: usize = 16;

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
