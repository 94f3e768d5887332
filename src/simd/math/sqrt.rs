//! Square roots, which stable `core` does not offer.
//!
//! On x86-64 and AArch64 the instruction is reached through its intrinsic, which the
//! x86-64 compiler takes for a plain square root and vectorises. Elsewhere libm has
//! the same bits: a square root is correctly rounded wherever it comes from.

/// `√x`.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn single(x: f32) -> f32 {
    use core::arch::x86_64::{_mm_cvtss_f32, _mm_set_ss, _mm_sqrt_ss};
    // SAFETY: the target has SSE2. Unsafe only in the oldest Rust we build with; so below.
    #[allow(unused_unsafe)]
    unsafe {
        _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)))
    }
}

/// `√x`.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn double(x: f64) -> f64 {
    use core::arch::x86_64::{_mm_cvtsd_f64, _mm_set_sd, _mm_setzero_pd, _mm_sqrt_sd};
    // SAFETY: the target has SSE2.
    #[allow(unused_unsafe)]
    unsafe {
        _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)))
    }
}

/// `√x`.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[inline(always)]
pub(super) fn single(x: f32) -> f32 {
    use core::arch::aarch64::{vdup_n_f32, vget_lane_f32, vsqrt_f32};
    // SAFETY: the target has NEON.
    #[allow(unused_unsafe)]
    unsafe {
        vget_lane_f32::<0>(vsqrt_f32(vdup_n_f32(x)))
    }
}

/// `√x`.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[inline(always)]
pub(super) fn double(x: f64) -> f64 {
    use core::arch::aarch64::{vdup_n_f64, vget_lane_f64, vsqrt_f64};
    // SAFETY: the target has NEON.
    #[allow(unused_unsafe)]
    unsafe {
        vget_lane_f64::<0>(vsqrt_f64(vdup_n_f64(x)))
    }
}

#[cfg(not(any(
    all(target_arch = "x86_64", target_feature = "sse2"),
    all(target_arch = "aarch64", target_feature = "neon")
)))]
pub(super) use libm::{sqrt as double, sqrtf as single};
