//! Scratch of TopK in one pass: the voxels whose losses are close to the threshold.

use crate::problem::Problem;

/// Smaller batches go the exact way: their sample would say little.
const MIN_VOXELS: usize = 1 << 12;

/// Voxels whose losses lie in the bracket: their losses, and their indices in the batch.
pub(crate) struct Collected<'a, T> {
    pub losses: &'a mut [T],
    pub indices: &'a mut [u64],
}

/// Returns how many voxels can be collected: 0 where TopK goes the exact way.
pub(crate) fn capacity(problem: &Problem<'_>) -> usize {
    let voxels = problem.samples.saturating_mul(problem.voxels);
    // The bracket of a small sample is wide.
    if voxels < MIN_VOXELS { 0 } else { (voxels / 32).max((voxels / 8).min(MIN_VOXELS)) }
}
