//! Element types of vectors: f32 and f64, with the layout of their bits and the constants of the elementary functions.
//!
//! Coefficients of polynomials come from `simd/math/coefficients.py`.

use crate::array::float16::f64_to_odd_f32;
use core::fmt::Debug;

/// An element type of vectors.
///
/// # Safety
/// `Line` is an array of `LANES` elements.
pub unsafe trait Scalar: Copy + Debug + PartialOrd + Into<f64> + Send + Sync + 'static {
    /// Elements of a vector: 64 bytes of them.
    const LANES: usize;
    /// The elements of a vector as an array, `[Self; LANES]`.
    type Line: Copy + Debug + AsRef<[Self]> + AsMut<[Self]>;
    /// A line of zeros.
    const ZEROS: Self::Line;

    /// 0.
    const ZERO: Self;
    /// ½.
    const HALF: Self;
    /// 1.
    const ONE: Self;
    /// 2.
    const TWO: Self;
    /// ∞.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The smallest positive number with a full mantissa.
    const SMALLEST_NORMAL: Self;

    // Layout of the bits.

    /// The bits of the mantissa, as a number: a mask.
    const MANTISSA: Self;
    /// The bits of the upper half of a number: two numbers of such bits have an exact product.
    const UPPER_HALF: Self;
    /// ¾.
    const THREE_QUARTERS: Self;
    /// The bits of 1 less those of ¾, as a number: added to the bits of `x ≥ ¾·2ᵏ`, they carry into the exponent.
    const ONE_LESS_THREE_QUARTERS: Self;
    /// `2^(mantissa bits)`: its low bits may be replaced by a whole number.
    const WHOLE: Self;
    /// `WHOLE` plus the bias of the exponent.
    const WHOLE_BIASED: Self;
    /// `1.5·WHOLE` plus the bias of the exponent. A number added to it is rounded to a whole one, `k`, and the low bits
    /// of the sum are the biased exponent of `2ᵏ`.
    const ROUND_BIASED: Self;

    // Elementary functions.

    /// 1 / ln 2.
    const LOG2_E: Self;
    /// The leading bits of ln 2, few enough for an exact product with any exponent.
    const LN2_UPPER: Self;
    /// ln 2 − `LN2_UPPER`.
    const LN2_LOWER: Self;
    /// At and below this number `exp` is 0.
    const EXP_IS_ZERO: Self;
    /// Below this number `exp` is less than the smallest normal number.
    const EXP_IS_SUBNORMAL: Self;
    /// At and above this number `exp` is ∞.
    const EXP_IS_INFINITE: Self;
    /// `(eʳ − 1 − r) / r²` for `|r| ≤ ln 2 / 2`, from r⁰ on.
    const EXP_TAIL: &'static [Self];
    /// The logarithm of numbers from ¾ to 1½.
    const LN: LnSeries<Self>;
    /// A power of two whose product with every subnormal number is normal.
    const LIFT: Self;
    /// log₂ of `LIFT`.
    const LIFT_EXPONENT: Self;

    /// Returns the nearest number to `value`.
    fn constant(value: f64) -> Self;

    /// Returns the value of an f32.
    fn of_f32(single: f32) -> Self;

    /// Returns the number as an f32, which rounds to 16 bits as the number does.
    fn to_f32_for_rounding(self) -> f32;

    /// Returns the upper half of the bits, so that the product of two such numbers is exact.
    fn upper_half(self) -> Self;

    /// Splits a row into lines and the elements that are left over.
    fn lines(row: &[Self]) -> (&[Self::Line], &[Self]);

    /// The mutable form of [`lines`](Self::lines).
    fn lines_mut(row: &mut [Self]) -> (&mut [Self::Line], &mut [Self]);
}

/// A series for ln(1 + f), ¾ ≤ 1 + f < 1½.
#[derive(Clone, Copy, Debug)]
pub enum LnSeries<T: 'static> {
    /// `f − f²/2 + f³·(a₀ + a₁f + …)`: the fewest operations for 24 bits.
    Powers(&'static [T]),
    /// `f − f²/2 + s·(f²/2 + z·(a₀ + a₁z + …))` with `s = f/(2 + f)` and `z = s²`: fdlibm's form, for 53 bits.
    Quotient(&'static [T]),
}

/// What is equal for both types.
macro_rules! scalar {
    ($type:ty, $lanes:literal, $to_f32:path) => {
        const LANES: usize = $lanes;
        type Line = [$type; $lanes];
        const ZEROS: Self::Line = [0.0; $lanes];
        const ZERO: Self = 0.0;
        const HALF: Self = 0.5;
        const ONE: Self = 1.0;
        const TWO: Self = 2.0;
        const INFINITY: Self = <$type>::INFINITY;
        const NAN: Self = <$type>::NAN;
        const SMALLEST_NORMAL: Self = <$type>::MIN_POSITIVE;

        #[inline(always)]
        fn constant(value: f64) -> Self {
            value as $type
        }

        #[inline(always)]
        fn of_f32(single: f32) -> Self {
            single.into()
        }

        #[inline(always)]
        fn to_f32_for_rounding(self) -> f32 {
            $to_f32(self)
        }

        #[inline(always)]
        fn upper_half(self) -> Self {
            <$type>::from_bits(self.to_bits() & Self::UPPER_HALF.to_bits())
        }

        #[inline(always)]
        fn lines(row: &[Self]) -> (&[Self::Line], &[Self]) {
            row.as_chunks()
        }

        #[inline(always)]
        fn lines_mut(row: &mut [Self]) -> (&mut [Self::Line], &mut [Self]) {
            row.as_chunks_mut()
        }
    };
}

// SAFETY: `Line` is `[f32; 16]`, and `LANES` is 16.
unsafe impl Scalar for f32 {
    scalar!(f32, 16, core::convert::identity);

    const MANTISSA: Self = f32::from_bits(0x007f_ffff);
    const UPPER_HALF: Self = f32::from_bits(0xffff_f000);
    const THREE_QUARTERS: Self = 0.75;
    const ONE_LESS_THREE_QUARTERS: Self = f32::from_bits(0x3f80_0000 - 0x3f40_0000);
    const WHOLE: Self = 8_388_608.0;
    const WHOLE_BIASED: Self = 8_388_608.0 + 127.0;
    const ROUND_BIASED: Self = 12_582_912.0 + 127.0;

    const LOG2_E: Self = core::f32::consts::LOG2_E;
    // 15 bits: an exponent has 8.
    const LN2_UPPER: Self = 0.693_145_75;
    const LN2_LOWER: Self = 1.428_606_8e-6;
    const EXP_IS_ZERO: Self = -104.0;
    const EXP_IS_SUBNORMAL: Self = -87.336_54;
    const EXP_IS_INFINITE: Self = 89.0;
    // Relative error of eʳ: 2^-28.0.
    const EXP_TAIL: &'static [Self] = &[0.5, 0.166_665_35, 0.041_667_257, 0.008_367_436, 0.001_386_21];
    // Relative error: 2^-27.6.
    const LN: LnSeries<Self> = LnSeries::Powers(&[
        0.333_334_5,
        -0.250_000_98,
        0.199_908_1,
        -0.166_471_78,
        0.144_787_98,
        -0.131_627_99,
        0.104_642_4,
        -0.045_072_235,
    ]);
    const LIFT: Self = 16_777_216.0;
    const LIFT_EXPONENT: Self = 24.0;
}

// SAFETY: `Line` is `[f64; 8]`, and `LANES` is 8.
unsafe impl Scalar for f64 {
    scalar!(f64, 8, f64_to_odd_f32);

    const MANTISSA: Self = f64::from_bits(0x000f_ffff_ffff_ffff);
    const UPPER_HALF: Self = f64::from_bits(0xffff_ffff_f800_0000);
    const THREE_QUARTERS: Self = 0.75;
    const ONE_LESS_THREE_QUARTERS: Self = f64::from_bits(0x3ff0_0000_0000_0000 - 0x3fe8_0000_0000_0000);
    const WHOLE: Self = 4_503_599_627_370_496.0;
    const WHOLE_BIASED: Self = 4_503_599_627_370_496.0 + 1023.0;
    const ROUND_BIASED: Self = 6_755_399_441_055_744.0 + 1023.0;

    const LOG2_E: Self = core::f64::consts::LOG2_E;
    // 41 bits: an exponent has 11.
    const LN2_UPPER: Self = 0.693_147_180_559_663;
    const LN2_LOWER: Self = 2.823_529_056_303_157_7e-13;
    const EXP_IS_ZERO: Self = -746.0;
    const EXP_IS_SUBNORMAL: Self = -708.396_418_532_264;
    const EXP_IS_INFINITE: Self = 710.0;
    // Relative error of eʳ: 2^-57.3.
    const EXP_TAIL: &'static [Self] = &[
        0.5,
        0.166_666_666_666_664_35,
        0.041_666_666_666_604_08,
        0.008_333_333_333_498_524,
        0.001_388_888_892_673_926_5,
        0.000_198_412_694_697_614_37,
        2.480_150_875_572_551_8e-5,
        2.755_763_744_673_978_3e-6,
        2.762_515_809_705_802_4e-7,
        2.497_954_566_786_117_6e-8,
    ];
    // Relative error: 2^-62.7.
    const LN: LnSeries<Self> = LnSeries::Quotient(&[
        0.666_666_666_666_666,
        0.400_000_000_000_565,
        0.285_714_285_558_966_1,
        0.222_222_242_867_836_8,
        0.181_816_665_369_289,
        0.153_910_884_691_147_86,
        0.131_740_172_440_107_74,
        0.138_400_910_564_333_23,
    ]);
    const LIFT: Self = 9_007_199_254_740_992.0;
    const LIFT_EXPONENT: Self = 53.0;
}
