//! Element types, by their codes.

use half::{bf16, f16};

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
