//! The types of the arithmetic: f32 and f64.

use crate::array::dtype::Element;
use crate::array::float16::{f32_to_bf16, f32_to_f16, f64_to_odd_f32};
use crate::simd::math::Math;
use num_traits::{AsPrimitive, NumAssign, PrimInt};

/// A type that voxels are computed in: `f32` for predictions of f16, bf16 and f32, `f64` for f64.
///
/// A [`VoxelLoss`](crate::loss::voxel::VoxelLoss) is generic over it. The functions are branch-free, so that loops over them
/// vectorise.
///
/// ```
/// use segloss::custom::{Math, Real};
///
/// /// −ln max(s, 2⁻¹²⁶)
/// fn surprisal<T: Real>(s: T) -> T {
///     -Math::ln(s.at_least(T::FLOOR))
/// }
/// assert_eq!(surprisal(1f32), 0.0);
/// assert!((surprisal(0f64) - 87.336).abs() < 1e-3);
/// ```
pub trait Real: Element + Math + NumAssign + Default {
    /// The unsigned integer of the same size.
    type Key: PrimInt + AsPrimitive<u32> + Into<u64>;
    /// 2⁻¹²⁶ in both types: the lower limit of the argument of a logarithm of a probability that is given as input.
    const FLOOR: Self;
    /// Returns the value as f64.
    fn widen(self) -> f64;
    /// Returns the nearest f32.
    fn narrow(self) -> f32;
    /// Returns `self` if `keep`, else +0, by a bit mask: LLVM may compile a select between loaded values to a branch.
    fn mask(self, keep: bool) -> Self;
    /// Returns `self` if `keep`, else `other`, by bit masks.
    fn select(self, keep: bool, other: Self) -> Self;
    /// Returns `self` if `keep`, else +0, for a value that is stored where it was loaded from. There LLVM compiles a
    /// mask to a masked store, which takes tens of cycles on some CPUs; the added zero prevents that. −0 becomes +0.
    #[inline(always)]
    fn cleared(self, keep: bool) -> Self {
        self.mask(keep) + Self::zero()
    }
    /// Returns `self · coefficient`, with 0 · ∞ defined as 0: a coefficient of 0 contributes 0, whatever it
    /// multiplies. NaN stays NaN.
    #[inline(always)]
    fn times(self, coefficient: Self) -> Self {
        let is_zero = (coefficient == Self::zero()) & (self.magnitude() == Self::INFINITY);
        (self * coefficient).mask(!is_zero)
    }
    /// Returns an integer key in the order of the numbers: NaN is last, −0 and +0 have one key.
    fn key(self) -> Self::Key;
    /// Returns the bits of the nearest IEEE binary16, rounded once.
    fn to_f16(self) -> u16;
    /// Returns the bits of the nearest bfloat16, rounded once.
    fn to_bf16(self) -> u16;

    /// Returns the larger of both; NaN if `self` is NaN.
    #[inline(always)]
    fn at_least(self, floor: Self) -> Self {
        if self < floor { floor } else { self }
    }

    /// Returns the smaller of both; NaN if `self` is NaN.
    #[inline(always)]
    fn at_most(self, ceiling: Self) -> Self {
        if self > ceiling { ceiling } else { self }
    }
}

impl Real for f32 {
    type Key = u32;
    const FLOOR: Self = f32::MIN_POSITIVE;

    #[inline(always)]
    fn widen(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn narrow(self) -> f32 {
        self
    }
    #[inline(always)]
    fn mask(self, keep: bool) -> Self {
        f32::from_bits(self.to_bits() & (keep as u32).wrapping_neg())
    }
    #[inline(always)]
    fn select(self, keep: bool, other: Self) -> Self {
        f32::from_bits(self.mask(keep).to_bits() | other.mask(!keep).to_bits())
    }
    #[inline(always)]
    fn key(self) -> u32 {
        let bits = (self + 0.0).to_bits();
        let order = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        if self.is_nan() { u32::MAX } else { order }
    }
    #[inline(always)]
    fn to_f16(self) -> u16 {
        f32_to_f16(self)
    }
    #[inline(always)]
    fn to_bf16(self) -> u16 {
        f32_to_bf16(self)
    }
}

impl Real for f64 {
    type Key = u64;
    const FLOOR: Self = f32::MIN_POSITIVE as f64;

    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn narrow(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn mask(self, keep: bool) -> Self {
        f64::from_bits(self.to_bits() & (keep as u64).wrapping_neg())
    }
    #[inline(always)]
    fn select(self, keep: bool, other: Self) -> Self {
        f64::from_bits(self.mask(keep).to_bits() | other.mask(!keep).to_bits())
    }
    #[inline(always)]
    fn key(self) -> u64 {
        let bits = (self + 0.0).to_bits();
        let order = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
        if self.is_nan() { u64::MAX } else { order }
    }
    #[inline(always)]
    fn to_f16(self) -> u16 {
        f32_to_f16(f64_to_odd_f32(self))
    }
    #[inline(always)]
    fn to_bf16(self) -> u16 {
        f32_to_bf16(f64_to_odd_f32(self))
    }
}
