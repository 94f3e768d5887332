//! Compiled with `--cfg segloss_test` for `.ci/sanitizers`: a C program sets the CPU level, and a panic aborts.

use crate::simd::level::{Level, force};

unsafe extern "C" {
    /// The function of the C library, declared here because there is no std.
    pub(super) safe fn abort() -> !;
}

/// Sets the CPU level, at most the highest of this CPU, and returns the level that is set.
///
/// @param level  1 baseline, 2 AVX2, 3 AVX-512.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_force_cpu_level(level: u32) -> u32 {
    force(match level {
        1 => Level::Baseline,
        2 => Level::Avx2,
        _ => Level::Avx512,
    }) as u32
}
