//! The types of voxels.

use crate::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

use Datatype::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};

/// The codes of types that are not numbers, or that Rust does not have.
const OTHERS: [(i64, &str); 7] = [
    (1, "bits"),
    (32, "complex numbers"),
    (128, "RGB colours"),
    (1536, "128-bit floats"),
    (1792, "complex numbers"),
    (2048, "complex numbers"),
    (2304, "RGBA colours"),
];

impl Datatype {
    pub fn of_code(code: i64) -> Result<Self> {
        Ok(match code {
            2 => U8,
            4 => I16,
            8 => I32,
            16 => F32,
            64 => F64,
            256 => I8,
            512 => U16,
            768 => U32,
            1024 => I64,
            1280 => U64,
            _ => {
                let name = OTHERS
                    .iter()
                    .find(|(other, _)| *other == code)
                    .map_or("an unknown type", |(_, name)| name);
                return Err(
                    format!("datatype {code}: {name} (expected integers or floats of 8 to 64 bits)").into()
                );
            }
        })
    }

    pub const fn bytes(self) -> usize {
        match self {
            U8 | I8 => 1,
            U16 | I16 => 2,
            U32 | I32 | F32 => 4,
            U64 | I64 | F64 => 8,
        }
    }

    /// The number that some bytes hold, as many as [`Self::bytes`].
    pub fn decode(self, bytes: &[u8], big_endian: bool) -> f64 {
        // The bytes from the lowest to the highest.
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        if big_endian {
            word[..bytes.len()].reverse();
        }
        let word = u64::from_le_bytes(word);
        match self {
            U8 | U16 | U32 | U64 => word as f64,
            I8 => f64::from(word as i8),
            I16 => f64::from(word as i16),
            I32 => f64::from(word as i32),
            I64 => word as i64 as f64,
            F32 => f64::from(f32::from_bits(word as u32)),
            F64 => f64::from_bits(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_in_both_byte_orders() {
        let check = |datatype: Datatype, little: &[u8], expected: f64| {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            assert_eq!(little.len(), datatype.bytes());
            assert_eq!(datatype.decode(little, false), expected, "{datatype:?}");
            assert_eq!(datatype.decode(&big, true), expected, "{datatype:?}, big endian");
        };
        check(U8, &200u8.to_le_bytes(), 200.0);
        check(I8, &(-3i8).to_le_bytes(), -3.0);
        check(U16, &65_000u16.to_le_bytes(), 65_000.0);
        check(I16, &(-300i16).to_le_bytes(), -300.0);
        check(U32, &4_000_000_000u32.to_le_bytes(), 4e9);
        check(I32, &(-70_000i32).to_le_bytes(), -70_000.0);
        check(U64, &(1u64 << 40).to_le_bytes(), (1u64 << 40) as f64);
        check(I64, &(-5i64).to_le_bytes(), -5.0);
        check(F32, &1.25f32.to_le_bytes(), 1.25);
        check(F64, &(-0.1f64).to_le_bytes(), -0.1);
    }

    #[test]
    fn types_that_are_no_numbers_are_named() {
        let error = Datatype::of_code(128).unwrap_err().to_string();
        assert_eq!(error, "datatype 128: RGB colours (expected integers or floats of 8 to 64 bits)");
    }
}
