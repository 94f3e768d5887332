//! The constants, bits and polynomials of f64; coefficients from `coefficients.py`.

use crate::simd::math::float::Format;
use crate::simd::math::sqrt;

/// Bits of the mantissa that are stored.
const PLACES: u32 = 52;
/// The bits of ⅔, rounded up.
const TWO_THIRDS: u64 = 0x3fe5_5555_5555_5556;
/// `1.5·2⁵²`: a number added to it is rounded to a whole one, found in the low bits of the sum.
const MAGIC: f64 = 6_755_399_441_055_744.0;
/// Twice the bias of the exponent, so that half the low bits are a biased exponent again.
const BIASES: f64 = 2046.0;
/// `2⁵²`: its low bits may be replaced by a whole number.
const WHOLE: f64 = 4_503_599_627_370_496.0;

impl Format for f64 {
    const ZERO: Self = 0.0;
    const HALF: Self = 0.5;
    const ONE: Self = 1.0;
    const TWO: Self = 2.0;
    const INFINITY: Self = f64::INFINITY;
    const NAN: Self = f64::NAN;
    const SMALLEST_NORMAL: Self = f64::MIN_POSITIVE;

    const LOG2_E: Self = core::f64::consts::LOG2_E;
    // 41 places: an exponent has 11 bits.
    const LN2_UPPER: Self = 0.693_147_180_559_663;
    const LN2_LOWER: Self = 2.823_529_056_303_157_7e-13;

    const EXP_IS_ZERO: Self = -746.0;
    const EXP_IS_SUBNORMAL: Self = -708.396_418_532_264;
    const EXP_IS_INFINITE: Self = 710.0;

    const LIFT: Self = 9_007_199_254_740_992.0;
    const LIFT_EXPONENT: Self = 53.0;

    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn magnitude(self) -> Self {
        f64::from_bits(self.to_bits() & (u64::MAX >> 1))
    }

    #[inline(always)]
    fn is_undefined(self) -> bool {
        self.is_nan()
    }

    #[inline(always)]
    fn square_root(self) -> Self {
        sqrt::double(self)
    }

    #[inline(always)]
    fn upper_half(self) -> Self {
        f64::from_bits(self.to_bits() & 0xffff_ffff_f800_0000)
    }

    #[inline(always)]
    fn power_of_two(self) -> (Self, [Self; 2]) {
        let sum = self + (MAGIC + BIASES);
        // MAGIC's own bits leave by the shifts, so no mask is needed.
        let one = sum.to_bits() >> 1;
        let other = sum.to_bits().wrapping_sub(one);
        let factors = [f64::from_bits(one << PLACES), f64::from_bits(other << PLACES)];
        (sum - (MAGIC + BIASES), factors)
    }

    #[inline(always)]
    fn normal_power_of_two(self) -> (Self, Self) {
        let sum = self + (MAGIC + BIASES / 2.0);
        (sum - (MAGIC + BIASES / 2.0), f64::from_bits(sum.to_bits() << PLACES))
    }

    #[inline(always)]
    fn exponent_and_mantissa(self) -> (Self, Self) {
        // A mantissa from ⅔ on carries into the exponent.
        let carried = self.to_bits().wrapping_add(1.0_f64.to_bits() - TWO_THIRDS);
        let exponent = f64::from_bits(carried >> PLACES | WHOLE.to_bits()) - (WHOLE + 1023.0);
        let mantissa = f64::from_bits((carried & ((1 << PLACES) - 1)) + TWO_THIRDS);
        (exponent, mantissa)
    }

    // Error of eʳ: 2^-57.3. In groups of four (Estrin), since the sum of products would wait in line.
    #[inline(always)]
    fn exp_tail(r: Self, square: Self) -> Self {
        let fourth = square * square;
        let low = (0.5 + r * 0.166_666_666_666_664_35)
            + square * (0.041_666_666_666_604_08 + r * 0.008_333_333_333_498_524);
        let middle = (0.001_388_888_892_673_926_5 + r * 0.000_198_412_694_697_614_37)
            + square * (2.480_150_875_572_551_8e-5 + r * 2.755_763_744_673_978_3e-6);
        let high = 2.762_515_809_705_802_4e-7 + r * 2.497_954_566_786_117_6e-8;
        low + fourth * (middle + fourth * high)
    }

    // Error of ln: 2^-62.7. Two chains in z², for the same reason.
    #[inline(always)]
    fn ln_tail(z: Self) -> Self {
        let square = z * z;
        let even = 0.666_666_666_666_666
            + square
                * (0.285_714_285_558_966_1
                    + square * (0.181_816_665_369_289 + square * 0.131_740_172_440_107_74));
        let odd = 0.400_000_000_000_565
            + square
                * (0.222_222_242_867_836_8
                    + square * (0.153_910_884_691_147_86 + square * 0.138_400_910_564_333_23));
        z * even + square * odd
    }
}
