//! Compilation of kernels for every instruction set, and the choice of one at run time.

use super::portable_number::FUSED_IS_FAST;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use super::{Lanes, Portable, Scalar};
use crate::simd::level::{Level, detect, level};
use core::mem::ManuallyDrop;

/// An instruction set for both element types.
pub trait InstructionSet: Lanes<f32> + Lanes<f64> {}
impl<S: Lanes<f32> + Lanes<f64>> InstructionSet for S {}

/// A computation on vectors of `T`, compiled for every instruction set.
pub trait LaneKernel<T: Scalar> {
    /// The result.
    type Output;
    /// Runs the computation; implementations are `#[inline(always)]`.
    fn run<S: Lanes<T>>(self, s: S) -> Self::Output;
}

/// An element type for which every instruction set has vectors.
pub trait Vectorized: Scalar {
    /// Runs a kernel of this type.
    fn run<S: InstructionSet, K: LaneKernel<Self>>(s: S, kernel: K) -> K::Output;
}

impl Vectorized for f32 {
    #[inline(always)]
    fn run<S: InstructionSet, K: LaneKernel<Self>>(s: S, kernel: K) -> K::Output {
        kernel.run(s)
    }
}

impl Vectorized for f64 {
    #[inline(always)]
    fn run<S: InstructionSet, K: LaneKernel<Self>>(s: S, kernel: K) -> K::Output {
        kernel.run(s)
    }
}

/// Whether f32 is fused where that is fast. Split everywhere, every target gives the same bits.
const FUSED: bool = !cfg!(feature = "consistent");
/// The same for portable code.
const PORTABLE_FUSED: bool = FUSED && FUSED_IS_FAST;

/// Runs `kernel` with the instruction set of the current level.
#[inline]
pub fn dispatch<T: Vectorized, K: LaneKernel<T>>(kernel: K) -> K::Output {
    let kernel = &mut ManuallyDrop::new(kernel);
    match level() {
        // SAFETY: `level` returns only a level that `detect` found on this CPU; the kernel is taken once.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { on_avx512(Avx512::<FUSED>::new_unchecked(), kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { on_avx2(Avx2::<FUSED>::new_unchecked(), kernel) },
        // SAFETY: as above.
        _ => unsafe { on_baseline(Portable::<PORTABLE_FUSED>, kernel) },
    }
}

/// Runs `kernel` at a level, fused or split; returns `None` where the CPU lacks the level. For tests: it compiles the
/// kernel six times.
pub fn dispatch_at<T: Vectorized, K: LaneKernel<T>>(
    level: Level,
    fused: bool,
    kernel: K,
) -> Option<K::Output> {
    if level > detect() {
        return None;
    }
    let kernel = &mut ManuallyDrop::new(kernel);
    Some(match (level, fused) {
        // SAFETY: this CPU has the level, and therefore the token's instructions; the kernel is taken once.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, true) => unsafe { on_avx512(Avx512::<true>::new_unchecked(), kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, false) => unsafe { on_avx512(Avx512::<false>::new_unchecked(), kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, true) => unsafe { on_avx2(Avx2::<true>::new_unchecked(), kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, false) => unsafe { on_avx2(Avx2::<false>::new_unchecked(), kernel) },
        // SAFETY: as above.
        (_, true) => unsafe { on_baseline(Portable::<true>, kernel) },
        // SAFETY: as above.
        (_, false) => unsafe { on_baseline(Portable::<false>, kernel) },
    })
}

// These take the kernel from where it is: by value it would be copied once more.

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn on_avx512<T: Vectorized, S: InstructionSet, K: LaneKernel<T>>(
    s: S,
    kernel: &mut ManuallyDrop<K>,
) -> K::Output {
    // SAFETY: the caller takes the kernel once.
    T::run(s, unsafe { ManuallyDrop::take(kernel) })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn on_avx2<T: Vectorized, S: InstructionSet, K: LaneKernel<T>>(
    s: S,
    kernel: &mut ManuallyDrop<K>,
) -> K::Output {
    // SAFETY: the caller takes the kernel once.
    T::run(s, unsafe { ManuallyDrop::take(kernel) })
}

#[inline(never)]
unsafe fn on_baseline<T: Vectorized, S: InstructionSet, K: LaneKernel<T>>(
    s: S,
    kernel: &mut ManuallyDrop<K>,
) -> K::Output {
    // SAFETY: the caller takes the kernel once.
    T::run(s, unsafe { ManuallyDrop::take(kernel) })
}
