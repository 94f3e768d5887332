//! The input of the transform: which voxels are inside, as bits.

/// A binary mask, read as words of 64 bits. A row is a run along the last axis; rows are numbered in C order.
///
/// Calls with equal arguments must write equal words throughout one transform. Otherwise the distances are
/// unspecified; memory safety does not depend on the words.
pub trait Mask: Sync {
    /// Sets bit `i` of `words` to whether voxel `start + i` of `row` is inside, for `i < count`. The remaining bits
    /// of the last word must be 0.
    ///
    /// `start` is a multiple of 64; `words` holds ⌈count / 64⌉ words.
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]);
}
