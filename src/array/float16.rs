//! Conversions between binary64, binary32, binary16 and bfloat16.
//!
//! The conversions are integer arithmetic and masks, which vectorise and give the same bits on every CPU. Those of
//! the crate `half` do not vectorise.

/// Converts binary64 to binary32 by rounding to odd: an inexact result has an odd mantissa, so that a second rounding
/// to 16 bits gives the same result as a single one. (`half` rounds to the nearest f32 first, or truncates the lower
/// 32 bits.)
#[inline(always)]
pub(crate) fn f64_to_odd_f32(double: f64) -> f32 {
    let nearest = double as f32;
    let (magnitude, rounded) = (double.abs(), nearest.abs() as f64);
    let bits = nearest.to_bits();
    // Of the two f32 neighbours of an inexact number, take the one with the odd mantissa. NaN fails both comparisons.
    let even = !bits & 1;
    let up = even & (magnitude > rounded) as u32;
    let down = even & (magnitude < rounded) as u32;
    f32::from_bits(bits + up - down)
}

/// Converts binary16 to binary32, exactly.
#[inline(always)]
pub(crate) fn f16_to_f32(half: u16) -> f32 {
    const REBIAS: u32 = (127 - 15) << 23;
    let sign = (half as u32 & 0x8000) << 16;
    let shifted = (half as u32 & 0x7fff) << 13;
    let normal = shifted + REBIAS;
    // A subnormal has no implicit leading 1: set one, and subtract its value.
    let subnormal = (f32::from_bits(normal + (1 << 23)) - f32::from_bits(REBIAS + (1 << 23))).to_bits();
    let special = normal + REBIAS;
    let bits = if shifted < 0x0400 << 13 { subnormal } else { normal };
    let bits = if shifted >= 0x7c00 << 13 { special } else { bits };
    f32::from_bits(bits | sign)
}

/// Converts binary32 to binary16, rounding to nearest, ties to even.
#[inline(always)]
pub(crate) fn f32_to_f16(single: f32) -> u16 {
    const INFINITY: u32 = 0xff << 23;
    const SMALLEST_NORMAL: u32 = (127 - 14) << 23;
    const TOO_LARGE: u32 = (127 + 16) << 23;
    // Added to a number below 2⁻¹⁴, 2⁻¹ aligns the mantissa so that the FPU rounds it to binary16 in the low bits.
    const ALIGN: u32 = (127 - 15 + 23 - 10 + 1) << 23;
    let sign = single.to_bits() & 0x8000_0000;
    let magnitude = single.to_bits() ^ sign;
    let subnormal = (f32::from_bits(magnitude) + f32::from_bits(ALIGN)).to_bits().wrapping_sub(ALIGN);
    let odd = magnitude >> 13 & 1;
    let normal = magnitude.wrapping_sub((127 - 15) << 23).wrapping_add(0xfff + odd) >> 13;
    let special = if magnitude > INFINITY { 0x7e00 } else { 0x7c00 };
    let bits = if magnitude < SMALLEST_NORMAL { subnormal } else { normal };
    let bits = if magnitude >= TOO_LARGE { special } else { bits };
    (bits | sign >> 16) as u16
}

/// Converts binary32 to bfloat16, rounding to nearest, ties to even.
#[inline(always)]
pub(crate) fn f32_to_bf16(single: f32) -> u16 {
    const QUIET: u32 = 0x7fc0_0000;
    let bits = single.to_bits();
    let odd = bits >> 16 & 1;
    let rounded = bits.wrapping_add(0x7fff + odd);
    ((if single.is_nan() { QUIET } else { rounded }) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::real::Real;
    use half::{bf16, f16};

    fn bf16_bits(bits: u16) -> f32 {
        f32::from_bits(u32::from(bits) << 16)
    }

    #[test]
    fn every_16_bit_float_converts_as_in_the_half_crate() {
        for bits in 0..=u16::MAX {
            // Hardware conversions quiet a signaling NaN.
            let (ours, theirs) = (f16_to_f32(bits), f16::from_bits(bits).to_f32());
            assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(), "{bits:#x}");
            let (ours, theirs) = (bf16_bits(bits), bf16::from_bits(bits).to_f32());
            assert!(ours == theirs || ours.is_nan() && theirs.is_nan(), "{bits:#x}");
        }
    }

    #[test]
    fn f32_rounds_as_in_the_half_crate() {
        // Every pattern of the upper 16 bits, with lower bits at and beside the ties.
        for upper in 0..=u16::MAX as u32 {
            for lower in [0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let x = f32::from_bits(upper << 16 | lower);
                let (ours, theirs) = (f16::from_bits(f32_to_f16(x)), f16::from_f32(x));
                assert!(ours == theirs || ours.is_nan() && theirs.is_nan(), "{x:e}");
                assert_eq!(ours.is_sign_negative(), theirs.is_sign_negative());
                let (ours, theirs) = (bf16::from_bits(f32_to_bf16(x)), bf16::from_f32(x));
                assert!(ours == theirs || ours.is_nan() && theirs.is_nan(), "{x:e}");
            }
        }
    }

    #[test]
    fn f64_beside_a_tie_rounds_to_its_side() {
        for (x, float16, bfloat16) in [
            (1.0 + 2f64.powi(-11), 0x3c00, 0x3f80),
            (1.0 + 2f64.powi(-11) + 2f64.powi(-50), 0x3c01, 0x3f80),
            (1.0 + 3.0 * 2f64.powi(-11) - 2f64.powi(-50), 0x3c01, 0x3f80),
            (1.0 + 2f64.powi(-8) + 2f64.powi(-50), 0x3c04, 0x3f81),
            (65520.0 - 2f64.powi(-30), 0x7bff, 0x4780),
            (f64::MAX, 0x7c00, 0x7f80),
            (f64::MIN_POSITIVE, 0, 0),
            (2f64.powi(-25) + 2f64.powi(-70), 1, 0x3300),
        ] {
            assert_eq!((x.to_f16(), x.to_bf16()), (float16, bfloat16), "{x:e}");
            assert_eq!(((-x).to_f16(), (-x).to_bf16()), (float16 | 0x8000, bfloat16 | 0x8000), "{x:e}");
        }
        assert!(f16::from_bits(f64::NAN.to_f16()).is_nan() && bf16::from_bits(f64::NAN.to_bf16()).is_nan());
    }
}
