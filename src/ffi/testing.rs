//! With `--cfg segloss_test`, for `.ci/sanitizers`: a C program chooses the CPU level, and what would panic aborts.

use crate::engine::simd::{Level, force};

unsafe extern "C" {
    /// Of the C library; declared here because there is no std.
    pub(super) safe fn abort() -> !;
}

/// Takes a CPU level, or the best of this CPU if it has less, and returns it.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_force_cpu_level(level: u32) -> u32 {
    force(match level {
        1 => Level::Baseline,
        2 => Level::Avx2,
        _ => Level::Avx512,
    }) as u32
}
