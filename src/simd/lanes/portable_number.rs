//! Elements of the arrays of portable code: their bits, and fused operations.

use super::Scalar;
use crate::simd::math::Format;

/// Whether [`PortableNumber::fused`] is fast on the target. Cortex-M4F and RISC-V F have the instruction, and `core` no intrinsic
/// for it.
pub(super) const FUSED_IS_FAST: bool = cfg!(all(target_arch = "aarch64", target_feature = "neon"));

/// What [`Portable`](super::Portable) needs of the elements of its arrays.
pub trait PortableNumber: Scalar + Format {
    /// Whether fused vectors of this type exist.
    const MAY_FUSE: bool;
    /// Bits of the mantissa that are stored.
    const MANTISSA_BITS: u32;
    /// The bits as an integer.
    fn bits(self) -> u64;
    /// Whether both have the same bits. Not by [`bits`](Self::bits): LLVM would compare f32 one by one as 64 bits.
    fn is_identical(self, other: Self) -> bool;
    /// The number with the lower bits of an integer.
    fn of_bits(bits: u64) -> Self;
    /// `a·b + c`, rounded once.
    fn fused(a: Self::Line, b: Self::Line, c: Self::Line) -> Self::Line;
}

impl PortableNumber for f32 {
    const MAY_FUSE: bool = true;
    const MANTISSA_BITS: u32 = 23;

    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits().into()
    }

    #[inline(always)]
    fn of_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }

    #[inline(always)]
    fn is_identical(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    #[inline(always)]
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    fn fused(a: [f32; 16], b: [f32; 16], c: [f32; 16]) -> [f32; 16] {
        use core::arch::aarch64::{vfmaq_f32, vld1q_f32, vst1q_f32};
        let mut sum = [0.0; 16];
        let quarters = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0).zip(c.as_chunks::<4>().0);
        for (((a, b), c), sum) in quarters.zip(sum.as_chunks_mut::<4>().0) {
            // SAFETY: the target has NEON; the arrays have four elements.
            unsafe {
                let quarter = vfmaq_f32(vld1q_f32(c.as_ptr()), vld1q_f32(a.as_ptr()), vld1q_f32(b.as_ptr()));
                vst1q_f32(sum.as_mut_ptr(), quarter);
            }
        }
        sum
    }

    #[inline(always)]
    #[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
    fn fused(a: [f32; 16], b: [f32; 16], c: [f32; 16]) -> [f32; 16] {
        core::array::from_fn(|i| libm::fmaf(a[i], b[i], c[i]))
    }
}

impl PortableNumber for f64 {
    const MAY_FUSE: bool = false;
    const MANTISSA_BITS: u32 = 52;

    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn of_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }

    #[inline(always)]
    fn is_identical(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    #[inline(always)]
    fn fused(a: [f64; 8], b: [f64; 8], c: [f64; 8]) -> [f64; 8] {
        core::array::from_fn(|i| libm::fma(a[i], b[i], c[i]))
    }
}
