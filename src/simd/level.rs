//! CPU levels: detection of the vector instructions, and compilation of loops for each level.
//!
//! A hot loop is written once, as the `#[inline(always)]` body of a [`Kernel`]. [`dispatch`] compiles that body once
//! per [`Level`] and selects one at run time. Every function that the body calls must be `#[inline(always)]` too: a
//! helper that remains a call is compiled for the baseline and is up to 100 times as slow.
//!
//! The bodies use `+ − × ÷ √` and bit operations only. Rust never contracts `a·b + c`, so every level computes the same
//! bits of them. The loops that use fused multiply-adds are those of [`lanes`](crate::simd::lanes).

use core::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions; each level contains the previous ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The instructions that the target guarantees: SSE2 on x86-64, NEON on AArch64, simd128 on wasm if enabled.
    Baseline = 1,
    /// x86-64-v3: AVX2, FMA, F16C.
    Avx2 = 2,
    /// x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
    Avx512 = 3,
}

/// Whether the target has vector instructions.
pub(crate) const HAS_VECTORS: bool =
    cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128"));

/// A computation whose body is compiled for every level.
pub trait Kernel {
    /// The result of the computation.
    type Output;
    /// Runs the computation; implementations are `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// Runs `kernel` with the instructions of the current level.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match level() {
        // SAFETY: `level` returns only a level that `detect` found on this CPU.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(kernel) },
        _ => kernel.run(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// The detected or forced level; 0 before the first use. The only global of the crate: threads that race to set it
/// store the same value.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Returns the current level.
#[inline]
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        3 => Level::Avx512,
        2 => Level::Avx2,
        1 => Level::Baseline,
        _ => {
            let found = detect();
            LEVEL.store(found as u8, Ordering::Relaxed);
            found
        }
    }
}

/// Sets the level to `requested`, or to the best level of this CPU if that is lower, and returns it. For tests and
/// benchmarks.
pub fn force(requested: Level) -> Level {
    let level = requested.min(detect());
    LEVEL.store(level as u8, Ordering::Relaxed);
    level
}

/// Detects the level by `cpuid`, without std. A feature counts only if the operating system saves its registers. Miri
/// does not support `cpuid`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[cold]
pub(crate) fn detect() -> Level {
    use core::arch::x86_64::{__cpuid_count, _xgetbv};
    // Safe in newer Rust, unsafe in the oldest supported version.
    #[allow(unused_unsafe)]
    fn cpuid(leaf: u32) -> core::arch::x86_64::CpuidResult {
        // SAFETY: every x86-64 CPU has `cpuid`.
        unsafe { __cpuid_count(leaf, 0) }
    }
    const fn all(word: u32, bits: &[u32]) -> bool {
        let mut rest = bits;
        while let [bit, tail @ ..] = rest {
            if word >> *bit & 1 == 0 {
                return false;
            }
            rest = tail;
        }
        true
    }
    #[target_feature(enable = "xsave")]
    fn saved() -> u64 {
        // SAFETY: register 0 exists wherever OSXSAVE is set, which the caller has checked.
        unsafe { _xgetbv(0) }
    }

    if cpuid(0).eax < 7 || cpuid(0x8000_0000).eax < 0x8000_0001 {
        return Level::Baseline;
    }
    let (basic, structured, extended) = (cpuid(1), cpuid(7), cpuid(0x8000_0001));
    // FMA, POPCNT, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT.
    if !all(basic.ecx, &[12, 23, 27, 28, 29]) || !all(structured.ebx, &[3, 5, 8]) || !all(extended.ecx, &[5])
    {
        return Level::Baseline;
    }
    // SAFETY: OSXSAVE, bit 27 above, guarantees that XGETBV is available.
    let saved = unsafe { saved() };
    if saved & 0b110 != 0b110 {
        return Level::Baseline;
    }
    // AVX-512 F, DQ, CD, BW, VL; opmask and both halves of the upper registers.
    if all(structured.ebx, &[16, 17, 28, 30, 31]) && saved & 0b1110_0110 == 0b1110_0110 {
        return Level::Avx512;
    }
    Level::Avx2
}

#[cfg(any(not(target_arch = "x86_64"), miri))]
pub(crate) fn detect() -> Level {
    Level::Baseline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    fn detects_the_level_that_std_detects() {
        use std::is_x86_feature_detected as has;
        let v3 = has!("avx2") && has!("fma") && has!("f16c") && has!("bmi1") && has!("bmi2") && has!("lzcnt");
        let v4 =
            has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl");
        let expected = match (v3, v4) {
            (true, true) => Level::Avx512,
            (true, false) => Level::Avx2,
            _ => Level::Baseline,
        };
        assert_eq!(detect(), expected);
    }
}
