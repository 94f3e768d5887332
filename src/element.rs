//! Element types: those that arrays store, and those that voxels are computed in.

use crate::engine::halves;
use crate::engine::math::Math;
use crate::narrow::{f16_to_f32, f32_to_bf16, f32_to_f16, f64_to_odd_f32};
use half::{bf16, f16};
use num_traits::{AsPrimitive, NumAssign, PrimInt};

/// The element type of an array.
///
/// The discriminants are the codes of the C header: `0xTTBB` with DLPack's type code `TT` and the number of bits `BB`.
///
/// ```
/// use segloss::Dtype;
///
/// assert_eq!(Dtype::Bf16 as u32, 0x0410);
/// assert_eq!(Dtype::from_code(0x0220), Some(Dtype::F32));
/// assert_eq!((Dtype::F32.size(), Dtype::F32.is_float()), (4, true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum Dtype {
    /// `u8`
    U8 = 0x0108,
    /// `u16`
    U16 = 0x0110,
    /// `u32`
    U32 = 0x0120,
    /// `u64`
    U64 = 0x0140,
    /// `i8`
    I8 = 0x0008,
    /// `i16`
    I16 = 0x0010,
    /// `i32`
    I32 = 0x0020,
    /// `i64`
    I64 = 0x0040,
    /// `bool`, one byte, read as `u8`
    Bool = 0x0608,
    /// IEEE binary16
    F16 = 0x0210,
    /// bfloat16
    Bf16 = 0x0410,
    /// `f32`
    F32 = 0x0220,
    /// `f64`
    F64 = 0x0240,
}

impl Dtype {
    /// Returns the type with this code, or `None` for an unknown code.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0x0108 => Dtype::U8,
            0x0110 => Dtype::U16,
            0x0120 => Dtype::U32,
            0x0140 => Dtype::U64,
            0x0008 => Dtype::I8,
            0x0010 => Dtype::I16,
            0x0020 => Dtype::I32,
            0x0040 => Dtype::I64,
            0x0608 => Dtype::Bool,
            0x0210 => Dtype::F16,
            0x0410 => Dtype::Bf16,
            0x0220 => Dtype::F32,
            0x0240 => Dtype::F64,
            _ => return None,
        })
    }

    /// Returns the size of an element in bytes, which is also its alignment.
    pub const fn size(self) -> usize {
        match self {
            Dtype::U8 | Dtype::I8 | Dtype::Bool => 1,
            Dtype::U16 | Dtype::I16 | Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::U32 | Dtype::I32 | Dtype::F32 => 4,
            Dtype::U64 | Dtype::I64 | Dtype::F64 => 8,
        }
    }

    /// Returns whether the type is f16, bf16, f32 or f64.
    pub const fn is_float(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::Bf16 | Dtype::F32 | Dtype::F64)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type that arrays may store: the types of [`Dtype`]. f16 and bf16 are those of the re-exported crate [`half`].
///
/// ```
/// use segloss::{Dtype, Element, View, half::bf16};
///
/// assert_eq!(<bf16 as Element>::DTYPE, Dtype::Bf16);
/// let logits = [bf16::from_f32(0.5), bf16::from_f32(-1.0)];
/// assert_eq!(View::new(&logits, &[1, 1, 2])?.dtype(), Dtype::Bf16);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The code of the type.
    const DTYPE: Dtype;
}

macro_rules! element {
    ($($type:ty => $dtype:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: Dtype = Dtype::$dtype;
        }
    )*};
}
element!(u8 => U8, u16 => U16, u32 => U32, u64 => U64, i8 => I8, i16 => I16, i32 => I32, i64 => I64, bool => Bool);
element!(f16 => F16, bf16 => Bf16, f32 => F32, f64 => F64);

/// A type that voxels are computed in: `f32` for predictions of f16, bf16 and f32, `f64` for f64.
///
/// A [`VoxelLoss`](crate::VoxelLoss) is generic over it. The functions are branch-free, so that loops over them
/// vectorise.
///
/// ```
/// use segloss::{Math, Real};
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

/// Conversion between stored elements and numbers.
pub(crate) trait Stored: Copy {
    /// Returns the value as a number.
    fn read<T: Real>(self) -> T;
    /// Returns the nearest element. Integers are never written.
    fn write<T: Real>(value: T) -> Self;

    /// Reads a row if there is a vector instruction for it; returns whether it did.
    ///
    /// # Safety
    /// `from` is readable for as many elements as `out` has.
    unsafe fn read_row<T: Real>(_from: *const Self, _out: &mut [T]) -> bool {
        false
    }

    /// Writes a row if there is a vector instruction for it; returns whether it did.
    ///
    /// # Safety
    /// `to` is writable for as many elements as `row` has, and no other code accesses them during the call.
    unsafe fn write_row<T: Real>(_row: &[T], _to: *mut Self) -> bool {
        false
    }
}

macro_rules! stored_integer {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            #[inline(always)]
            fn read<T: Real>(self) -> T {
                T::of(self as f64)
            }
            #[inline(always)]
            fn write<T: Real>(value: T) -> Self {
                value.widen() as $type
            }
        }
    )*};
}
stored_integer!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Stored for f32 {
    #[inline(always)]
    fn read<T: Real>(self) -> T {
        T::of(self as f64)
    }
    #[inline(always)]
    fn write<T: Real>(value: T) -> Self {
        value.narrow()
    }
}

impl Stored for f64 {
    #[inline(always)]
    fn read<T: Real>(self) -> T {
        T::of(self)
    }
    #[inline(always)]
    fn write<T: Real>(value: T) -> Self {
        value.widen()
    }
}

impl Stored for f16 {
    #[inline(always)]
    fn read<T: Real>(self) -> T {
        T::of(f16_to_f32(self.to_bits()) as f64)
    }
    #[inline(always)]
    fn write<T: Real>(value: T) -> Self {
        f16::from_bits(value.to_f16())
    }
    unsafe fn read_row<T: Real>(from: *const Self, out: &mut [T]) -> bool {
        // SAFETY: the caller guarantees that `from` is readable for `out.len()` elements.
        unsafe { halves::read(from, out) }
    }
    unsafe fn write_row<T: Real>(row: &[T], to: *mut Self) -> bool {
        // SAFETY: the caller guarantees that `to` is writable for `row.len()` elements and not accessed elsewhere.
        unsafe { halves::write(row, to) }
    }
}

impl Stored for bf16 {
    #[inline(always)]
    fn read<T: Real>(self) -> T {
        T::of(f32::from_bits((self.to_bits() as u32) << 16) as f64)
    }
    #[inline(always)]
    fn write<T: Real>(value: T) -> Self {
        bf16::from_bits(value.to_bf16())
    }
}

/// Evaluates `$body` with `$E` as the storage type of `$dtype`.
macro_rules! with_stored {
    ($dtype:expr, $E:ident => $body:expr) => {
        match $dtype {
            $crate::Dtype::U8 | $crate::Dtype::Bool => {
                type $E = u8;
                $body
            }
            $crate::Dtype::U16 => {
                type $E = u16;
                $body
            }
            $crate::Dtype::U32 => {
                type $E = u32;
                $body
            }
            $crate::Dtype::U64 => {
                type $E = u64;
                $body
            }
            $crate::Dtype::I8 => {
                type $E = i8;
                $body
            }
            $crate::Dtype::I16 => {
                type $E = i16;
                $body
            }
            $crate::Dtype::I32 => {
                type $E = i32;
                $body
            }
            $crate::Dtype::I64 => {
                type $E = i64;
                $body
            }
            $crate::Dtype::F16 => {
                type $E = half::f16;
                $body
            }
            $crate::Dtype::Bf16 => {
                type $E = half::bf16;
                $body
            }
            $crate::Dtype::F32 => {
                type $E = f32;
                $body
            }
            $crate::Dtype::F64 => {
                type $E = f64;
                $body
            }
        }
    };
}
pub(crate) use with_stored;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_the_numbers() {
        let ascending = [f32::NEG_INFINITY, -2.5, -1e-40, 0.0, 1e-40, 1.0, 87.5, f32::INFINITY, f32::NAN];
        assert!(ascending.windows(2).all(|pair| pair[0].key() < pair[1].key()));
        assert!(ascending.windows(2).all(|pair| (pair[0] as f64).key() < (pair[1] as f64).key()));
        assert_eq!((-0f32).key(), 0f32.key());
        assert_eq!((-f64::NAN).key(), f64::NAN.key());
    }

    #[test]
    fn zero_times_infinity_is_zero_and_nan_stays_nan() {
        for x in [0.0, -0.0, 1.5, -2.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            for coefficient in [0.0, -0.0, 0.5, 1e-40, f32::INFINITY] {
                let (single, double) = (x.times(coefficient), f64::from(x).times(f64::from(coefficient)));
                let is_zero = x.is_infinite() && coefficient == 0.0;
                let expected = if is_zero { 0.0 } else { x * coefficient };
                assert!(single == expected || single.is_nan() && expected.is_nan(), "{x} by {coefficient}");
                assert_eq!(single.is_nan(), double.is_nan(), "{x} by {coefficient}");
                assert_eq!(single == 0.0, double == 0.0 || double.abs() < 1e-45, "{x} by {coefficient}");
            }
        }
    }

    #[test]
    fn codes_match_types_and_sizes() {
        for code in 0..0x1000 {
            if let Some(dtype) = Dtype::from_code(code) {
                assert_eq!(dtype as u32, code);
                assert_eq!(dtype.size() * 8, if dtype == Dtype::Bool { 8 } else { code as usize & 0xff });
            }
        }
    }
}
