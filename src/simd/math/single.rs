//! The constants, bits and polynomials of f32; coefficients from `coefficients.py`.

use crate::simd::math::float::Format;
use crate::simd::math::sqrt;

/// Bits of the mantissa that are stored.
const PLACES: u32 = 23;
/// The bits of ⅔, rounded up.
const TWO_THIRDS: u32 = 0x3f2a_aaab;
/// `1.5·2²³`: a number added to it is rounded to a whole one, found in the low bits of the sum.
const MAGIC: f32 = 12_582_912.0;
/// Twice the bias of the exponent, so that half the low bits are a biased exponent again.
const BIASES: f32 = 254.0;
/// `2²³`: its low bits may be replaced by a whole number.
const WHOLE: f32 = 8_388_608.0;

impl Format for f32 {
    const ZERO: Self = 0.0;
    const HALF: Self = 0.5;
    const ONE: Self = 1.0;
    const TWO: Self = 2.0;
    const INFINITY: Self = f32::INFINITY;
    const NAN: Self = f32::NAN;
    const SMALLEST_NORMAL: Self = f32::MIN_POSITIVE;

    const LOG2_E: Self = core::f32::consts::LOG2_E;
    // 15 places: an exponent has 8 bits.
    const LN2_UPPER: Self = 0.693_145_75;
    const LN2_LOWER: Self = 1.428_606_8e-6;

    const EXP_IS_ZERO: Self = -104.0;
    const EXP_IS_SUBNORMAL: Self = -87.336_54;
    const EXP_IS_INFINITE: Self = 89.0;

    const LIFT: Self = 16_777_216.0;
    const LIFT_EXPONENT: Self = 24.0;

    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn magnitude(self) -> Self {
        f32::from_bits(self.to_bits() & 0x7fff_ffff)
    }

    #[inline(always)]
    fn is_undefined(self) -> bool {
        self.is_nan()
    }

    #[inline(always)]
    fn square_root(self) -> Self {
        sqrt::single(self)
    }

    #[inline(always)]
    fn upper_half(self) -> Self {
        f32::from_bits(self.to_bits() & 0xffff_f000)
    }

    #[inline(always)]
    fn power_of_two(self) -> (Self, [Self; 2]) {
        let sum = self + (MAGIC + BIASES);
        // MAGIC's own bits leave by the shifts, so no mask is needed.
        let one = sum.to_bits() >> 1;
        let other = sum.to_bits().wrapping_sub(one);
        let factors = [f32::from_bits(one << PLACES), f32::from_bits(other << PLACES)];
        (sum - (MAGIC + BIASES), factors)
    }

    #[inline(always)]
    fn normal_power_of_two(self) -> (Self, Self) {
        let sum = self + (MAGIC + BIASES / 2.0);
        (sum - (MAGIC + BIASES / 2.0), f32::from_bits(sum.to_bits() << PLACES))
    }

    #[inline(always)]
    fn exponent_and_mantissa(self) -> (Self, Self) {
        // A mantissa from ⅔ on carries into the exponent.
        let carried = self.to_bits().wrapping_add(1.0_f32.to_bits() - TWO_THIRDS);
        let exponent = f32::from_bits(carried >> PLACES | WHOLE.to_bits()) - (WHOLE + 127.0);
        let mantissa = f32::from_bits((carried & ((1 << PLACES) - 1)) + TWO_THIRDS);
        (exponent, mantissa)
    }

    // Error of eʳ: 2^-28.0. In pairs (Estrin), since Horner's sum of products would wait in line.
    #[inline(always)]
    fn exp_tail(r: Self, square: Self) -> Self {
        let low = 0.5 + r * 0.166_665_35;
        let high = 0.041_667_257 + r * 0.008_367_436;
        low + square * (high + square * 0.001_386_21)
    }

    // Error of ln: 2^-28.4.
    #[inline(always)]
    fn ln_tail(z: Self) -> Self {
        z * (0.666_669_5 + z * (0.399_577_17 + z * 0.303_624_7))
    }
}
