//! Scratch of a size that is known when a program is compiled.

/// Whatever the batch is: blocks of voxels are smaller on a small core.
const NARROW: usize = 33_792;
const WIDE: usize = 352_256;
const PER_CLASS: usize = 2176;
const PER_SUM: usize = 288;

/// Bytes of scratch that serve every loss over so many samples and classes, whatever its voxels and types are, except
/// losses with fields, TopK and those that run on an executor; for a static buffer.
///
/// `SEGLOSS_SCRATCH_BYTES` of the C header is the same; [`scratch_len`](crate::scratch_len) says exactly how much a loss
/// needs.
pub const fn static_scratch_len(samples: usize, classes: usize) -> usize {
    of_width(usize::BITS, samples, classes)
}

/// On a core of so many bits: what the header's macro is made from.
#[doc(hidden)]
pub const fn of_width(bits: u32, samples: usize, classes: usize) -> usize {
    let fixed = if bits > 32 { WIDE } else { NARROW };
    fixed + PER_CLASS * classes + PER_SUM * samples * classes
}
