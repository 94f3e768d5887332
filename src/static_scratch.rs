//! The size of a static scratch buffer, known at compile time.

/// Bytes that do not depend on the batch, for targets of at most 32 bits: they use smaller blocks of voxels.
const FIXED_32_BIT: usize = 9_728;
/// Bytes that do not depend on the batch, for other targets.
const FIXED_64_BIT: usize = 147_456;
const PER_CLASS: usize = 2112;
const PER_SUM: usize = 288;

/// Returns an upper bound of the scratch bytes of a loss over `samples` samples and `classes` classes, for a static
/// buffer.
///
/// The bound holds for any number of voxels, element types and terms, except losses with distance fields, [`TopK`]
/// and batches with an executor of more than one worker. The macro `SEGLOSS_SCRATCH_BYTES` of the C header has the
/// same value. [`scratch_len`](crate::api::scratch_len) returns the exact number.
///
/// [`TopK`]: crate::distribution::top_k::TopK
///
/// ```
/// use segloss::static_scratch_len;
///
/// static SCRATCH: [u8; static_scratch_len(2, 4)] = [0; static_scratch_len(2, 4)];
/// assert!(SCRATCH.len() > static_scratch_len(1, 4));
/// ```
pub const fn static_scratch_len(samples: usize, classes: usize) -> usize {
    of_width(usize::BITS, samples, classes)
}

/// Returns [`static_scratch_len`] for a target of `bits` bits. The macro of the C header is generated from it.
#[doc(hidden)]
pub const fn of_width(bits: u32, samples: usize, classes: usize) -> usize {
    let fixed = if bits > 32 { FIXED_64_BIT } else { FIXED_32_BIT };
    fixed + PER_CLASS * classes + PER_SUM * samples * classes
}
