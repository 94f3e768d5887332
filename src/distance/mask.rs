//! The input of the transform: which voxels are inside, as bits.

/// A binary mask, read as words of 64 bits. A row is a run along the last axis; rows are numbered in C order.
///
/// Calls with equal arguments must write equal words throughout one transform. Otherwise the distances are
/// unspecified; memory safety does not depend on the words.
///
/// ```
/// use segloss::distance::{Distance, Kind, Mask, Sequential, scratch_len, transform};
///
/// /// A line whose first voxels are inside.
/// struct First(usize);
///
/// impl Mask for First {
///     fn bits(&self, _row: usize, start: usize, count: usize, words: &mut [u64]) {
///         words.fill(0);
///         for i in (0..count).filter(|i| start + i < self.0) {
///             words[i / 64] |= 1 << (i % 64);
///         }
///     }
/// }
///
/// let request = Distance { shape: &[5], spacing: &[0.5], kind: Kind::Outside, squared: false, black_border: false };
/// let (mut distances, mut scratch) = ([0f32; 5], vec![0; scratch_len(&request, 1)?]);
/// transform(&request, &First(2), &mut distances, &mut scratch, &Sequential)?;
/// assert_eq!(distances, [0.0, 0.0, 0.5, 1.0, 1.5]);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait Mask: Sync {
    /// Sets bit `i` of `words` to whether voxel `start + i` of `row` is inside, for `i < count`. The remaining bits
    /// of the last word must be 0.
    ///
    /// `start` is a multiple of 64; `words` holds ⌈count / 64⌉ words.
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]);
}
