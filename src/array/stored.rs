//! Element types: what an array holds, and how it converts from and to the type of the arithmetic.

use crate::array::f16_rows;
use crate::array::float16::f16_to_f32;
use crate::array::real::Real;
use half::{bf16, f16};

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
        unsafe { f16_rows::read(from, out) }
    }
    unsafe fn write_row<T: Real>(row: &[T], to: *mut Self) -> bool {
        // SAFETY: the caller guarantees that `to` is writable for `row.len()` elements and not accessed elsewhere.
        unsafe { f16_rows::write(row, to) }
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
            $crate::array::dtype::Dtype::U8 | $crate::array::dtype::Dtype::Bool => {
                type $E = u8;
                $body
            }
            $crate::array::dtype::Dtype::U16 => {
                type $E = u16;
                $body
            }
            $crate::array::dtype::Dtype::U32 => {
                type $E = u32;
                $body
            }
            $crate::array::dtype::Dtype::U64 => {
                type $E = u64;
                $body
            }
            $crate::array::dtype::Dtype::I8 => {
                type $E = i8;
                $body
            }
            $crate::array::dtype::Dtype::I16 => {
                type $E = i16;
                $body
            }
            $crate::array::dtype::Dtype::I32 => {
                type $E = i32;
                $body
            }
            $crate::array::dtype::Dtype::I64 => {
                type $E = i64;
                $body
            }
            $crate::array::dtype::Dtype::F16 => {
                type $E = half::f16;
                $body
            }
            $crate::array::dtype::Dtype::Bf16 => {
                type $E = half::bf16;
                $body
            }
            $crate::array::dtype::Dtype::F32 => {
                type $E = f32;
                $body
            }
            $crate::array::dtype::Dtype::F64 => {
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
    use crate::array::dtype::Dtype;

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
