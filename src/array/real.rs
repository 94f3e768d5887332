//! The types of the arithmetic: f32 and f64.

use crate::array::dtype::Element;
use crate::array::float16::{f32_to_bf16, f32_to_f16, f64_to_odd_f32};
use crate::simd::math::{self, Format};
use num_traits::{AsPrimitive, NumAssignOps, PrimInt};

/// A type that voxels are computed in: `f32` for predictions of f16, bf16 and f32, `f64` for f64.
///
/// A [`VoxelLoss`](crate::loss::voxel::VoxelLoss) is generic over it. Its functions are branch-free, so that loops over
/// them vectorise, and give the same bits on every CPU.
///
/// It is a [`num_traits::Float`]: a custom loss may call any code that is generic over that trait. Both traits have
/// `exp`, `ln`, `ln_1p` and `sqrt`, so `x.exp()` does not compile for a `T: Real`. `Real::exp(x)` is the function of
/// this trait; `num_traits::Float::exp(x)` is that of `std` or libm, which does not vectorise.
///
/// ```
/// use segloss::custom::Real;
///
/// /// −ln max(s, 2⁻¹²⁶)
/// fn surprisal<T: Real>(s: T) -> T {
///     -Real::ln(s.at_least(T::FLOOR))
/// }
/// assert_eq!(surprisal(1f32), 0.0);
/// assert!((surprisal(0f64) - 87.336).abs() < 1e-3);
///
/// /// A function from elsewhere.
/// fn clipped<T: num_traits::Float>(x: T) -> T {
///     x.abs().min(T::one())
/// }
/// fn of_a_voxel<T: Real>(error: T) -> T {
///     clipped(error)
/// }
/// assert_eq!(of_a_voxel(-2f32), 1.0);
/// ```
pub trait Real: Element + Format + num_traits::Float + NumAssignOps + Default {
    /// The unsigned integer of the same size.
    type Key: PrimInt + AsPrimitive<u32> + Into<u64>;
    /// 2⁻¹²⁶ in both types: the lower limit of the argument of a logarithm of a probability that is given as input.
    const FLOOR: Self;
    /// Returns the nearest number to `value`.
    #[inline(always)]
    fn of(value: f64) -> Self {
        Self::nearest(value)
    }
    /// Returns `eˣ`: at most 1 for `x ≤ 0`, exactly 1 at 0. Error: 0.91 ulp in f32, 1 ulp in f64.
    #[inline(always)]
    fn exp(self) -> Self {
        math::exp(self, Self::ZERO)
    }
    /// Returns `eˣ` for `x ≤ 0`, exactly 1 at 0; 0 where that is no normal number. Error: as [`exp`](Real::exp).
    #[inline(always)]
    fn exp_nonpositive(self) -> Self {
        math::exp_nonpositive(self)
    }
    /// Returns `ln x`: −∞ at 0, NaN below. Error: 0.91 ulp in f32, 1 ulp in f64.
    #[inline(always)]
    fn ln(self) -> Self {
        math::ln(self)
    }
    /// Returns `ln(1 + x)` to full relative precision for small `x`: −∞ at −1, NaN below. Error: 0.92 ulp in f32, 1 ulp
    /// in f64.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        math::ln_1p(self)
    }
    /// Returns `ln(1 + x)` for finite `x ≥ 0`, with `inverse = 1/(1 + x)`. Error: as [`ln_1p`](Real::ln_1p).
    #[inline(always)]
    fn ln_1p_by(self, inverse: Self) -> Self {
        math::ln_1p_by(self, inverse)
    }
    /// Returns `ln x` for a normal `x ≤ 1`, with `complement = 1 − x`, from which it is computed above ½. Error: 0.84
    /// ulp in f32, 1 ulp in f64.
    #[inline(always)]
    fn ln_by(self, complement: Self) -> Self {
        math::ln_by(self, complement)
    }
    /// Returns `ln(1 + eˣ)`; a large `|x|` neither overflows nor cancels. Error: 2 ulp.
    #[inline(always)]
    fn softplus(self) -> Self {
        math::softplus(self)
    }
    /// Returns `√x`, correctly rounded.
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.square_root()
    }
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
