//! AVX2, FMA, F16C: a vector is a pair of registers of 256 bits, the first with the lower lanes; a mask has all bits of
//! its lanes set.

use super::Lanes;
use super::operators::{memory_methods, operators, safe_methods};
use crate::simd::level::{Level, detect};
use core::arch::x86_64::*;
use half::{bf16, f16};

/// The instructions of x86-64-v3; f32 fused or split.
#[derive(Clone, Copy, Debug)]
pub struct Avx2<const FUSED: bool>(());

impl<const FUSED: bool> Avx2<FUSED> {
    /// Returns the token.
    ///
    /// # Safety
    /// The CPU has [`Level::Avx2`].
    #[inline(always)]
    pub const unsafe fn new_unchecked() -> Self {
        Self(())
    }

    /// Returns the token if the CPU has the instructions.
    pub fn detect() -> Option<Self> {
        (detect() >= Level::Avx2).then_some(Self(()))
    }
}

/// 16 f32.
#[derive(Clone, Copy, Debug)]
pub struct YmmPair32([__m256; 2]);

/// 8 f64.
#[derive(Clone, Copy, Debug)]
pub struct YmmPair64([__m256d; 2]);

/// A mask of 16 lanes.
#[derive(Clone, Copy, Debug)]
pub struct YmmMask32([__m256; 2]);

/// A mask of 8 lanes.
#[derive(Clone, Copy, Debug)]
pub struct YmmMask64([__m256d; 2]);

/// A function of both registers of pairs.
macro_rules! both {
    ($function:ident $(::<$immediate:ident>)? ($($pair:expr),+)) => {
        [$function $(::<$immediate>)? ($($pair.0[0]),+), $function $(::<$immediate>)? ($($pair.0[1]),+)]
    };
}

operators! { YmmPair32:
    Add add(a, b) => YmmPair32(both!(_mm256_add_ps(a, b)));
    Sub sub(a, b) => YmmPair32(both!(_mm256_sub_ps(a, b)));
    Mul mul(a, b) => YmmPair32(both!(_mm256_mul_ps(a, b)));
    Div div(a, b) => YmmPair32(both!(_mm256_div_ps(a, b)));
    Neg neg(a) => YmmPair32(both!(_mm256_xor_ps(a, YmmPair32([_mm256_set1_ps(-0.0); 2]))));
}

operators! { YmmPair64:
    Add add(a, b) => YmmPair64(both!(_mm256_add_pd(a, b)));
    Sub sub(a, b) => YmmPair64(both!(_mm256_sub_pd(a, b)));
    Mul mul(a, b) => YmmPair64(both!(_mm256_mul_pd(a, b)));
    Div div(a, b) => YmmPair64(both!(_mm256_div_pd(a, b)));
    Neg neg(a) => YmmPair64(both!(_mm256_xor_pd(a, YmmPair64([_mm256_set1_pd(-0.0); 2]))));
}

operators! { YmmMask32:
    BitAnd bitand(a, b) => YmmMask32(both!(_mm256_and_ps(a, b)));
    BitOr bitor(a, b) => YmmMask32(both!(_mm256_or_ps(a, b)));
    Not not(a) => YmmMask32(both!(_mm256_xor_ps(a, YmmMask32([_mm256_castsi256_ps(_mm256_set1_epi32(-1)); 2]))));
}

operators! { YmmMask64:
    BitAnd bitand(a, b) => YmmMask64(both!(_mm256_and_pd(a, b)));
    BitOr bitor(a, b) => YmmMask64(both!(_mm256_or_pd(a, b)));
    Not not(a) => YmmMask64(both!(_mm256_xor_pd(a, YmmMask64([_mm256_castsi256_pd(_mm256_set1_epi32(-1)); 2]))));
}

// SAFETY: each method accesses the memory that the trait's documentation names.
unsafe impl<const FUSED: bool> Lanes<f32> for Avx2<FUSED> {
    const FUSED: bool = FUSED;
    // 16 registers: four chains of three.
    const IN_STEP: usize = 2;

    type Vector = YmmPair32;
    type Mask = YmmMask32;
    type Labels = [__m256i; 2];
    type Sums = [__m256d; 4];

    memory_methods! {
        fn load(self, from: *const f32) -> YmmPair32 {
            YmmPair32([_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))])
        }
        fn store(self, to: *mut f32, x: YmmPair32) {
            _mm256_storeu_ps(to, x.0[0]);
            _mm256_storeu_ps(to.add(8), x.0[1]);
        }
        fn stream(self, to: *mut f32, x: YmmPair32) {
            _mm256_stream_ps(to, x.0[0]);
            _mm256_stream_ps(to.add(8), x.0[1]);
        }
        fn load_f16(self, from: *const f16) -> YmmPair32 {
            let (low, high) = (_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(8).cast()));
            YmmPair32([_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)])
        }
        fn store_f16(self, to: *mut f16, x: YmmPair32) { _mm256_storeu_si256(to.cast(), to_f16(x)) }
        fn stream_f16(self, to: *mut f16, x: YmmPair32) { _mm256_stream_si256(to.cast(), to_f16(x)) }
        fn load_bf16(self, from: *const bf16) -> YmmPair32 {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(8).cast()));
            YmmPair32::from_bits([_mm256_slli_epi32::<16>(low), _mm256_slli_epi32::<16>(high)])
        }
        fn store_bf16(self, to: *mut bf16, x: YmmPair32) { _mm256_storeu_si256(to.cast(), to_bf16(x)) }
        fn stream_bf16(self, to: *mut bf16, x: YmmPair32) { _mm256_stream_si256(to.cast(), to_bf16(x)) }
        fn labels_u8(self, from: *const u8) -> [__m256i; 2] {
            // Not `_mm256_cvtepu8_epi32`: LLVM would compare the bytes, and widen the mask of every class instead.
            let byte_of_lane = _mm256_setr_epi32(-256, -255, -254, -253, -252, -251, -250, -249);
            let (low, high) = (from.cast::<i64>(), from.add(8).cast::<i64>());
            [
                _mm256_shuffle_epi8(_mm256_set1_epi64x(low.read_unaligned()), byte_of_lane),
                _mm256_shuffle_epi8(_mm256_set1_epi64x(high.read_unaligned()), byte_of_lane),
            ]
        }
        fn labels_i32(self, from: *const i32) -> [__m256i; 2] {
            [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())]
        }
    }

    safe_methods! {
        fn splat(self, x: f32) -> YmmPair32 { YmmPair32([_mm256_set1_ps(x); 2]) }
        fn mul_add(self, a: YmmPair32, b: YmmPair32, c: YmmPair32) -> YmmPair32 {
            if FUSED { YmmPair32(both!(_mm256_fmadd_ps(a, b, c))) } else { a * b + c }
        }
        fn neg_mul_add(self, a: YmmPair32, b: YmmPair32, c: YmmPair32) -> YmmPair32 {
            if FUSED { YmmPair32(both!(_mm256_fnmadd_ps(a, b, c))) } else { c - a * b }
        }
        fn sqrt(self, x: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_sqrt_ps(x))) }
        fn min(self, a: YmmPair32, b: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_min_ps(a, b))) }
        fn max(self, a: YmmPair32, b: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_max_ps(a, b))) }
        fn abs(self, x: YmmPair32) -> YmmPair32 {
            let sign = YmmPair32([_mm256_set1_ps(-0.0); 2]);
            YmmPair32(both!(_mm256_andnot_ps(sign, x)))
        }

        fn lt(self, a: YmmPair32, b: YmmPair32) -> YmmMask32 { YmmMask32(both!(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b))) }
        fn not_lt(self, a: YmmPair32, b: YmmPair32) -> YmmMask32 { YmmMask32(both!(_mm256_cmp_ps::<_CMP_NLT_UQ>(a, b))) }
        fn le(self, a: YmmPair32, b: YmmPair32) -> YmmMask32 { YmmMask32(both!(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b))) }
        fn eq(self, a: YmmPair32, b: YmmPair32) -> YmmMask32 { YmmMask32(both!(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, b))) }
        fn select(self, mask: YmmMask32, yes: YmmPair32, no: YmmPair32) -> YmmPair32 {
            YmmPair32(both!(_mm256_blendv_ps(no, yes, mask)))
        }
        fn keep(self, mask: YmmMask32, x: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_and_ps(mask, x))) }
        fn bits(self, mask: YmmMask32) -> u32 {
            let [low, high] = both!(_mm256_movemask_ps(mask));
            (low | high << 8) as u32
        }
        fn any(self, mask: YmmMask32) -> bool { _mm256_movemask_ps(_mm256_or_ps(mask.0[0], mask.0[1])) != 0 }
        fn first(self, count: usize) -> YmmMask32 {
            let count = _mm256_set1_epi32(count.min(16) as i32);
            let low = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
            let high = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
            YmmMask32([_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)])
        }
        fn label_is(self, labels: [__m256i; 2], class: i32) -> YmmMask32 {
            let class = _mm256_set1_epi32(class);
            let (low, high) = (_mm256_cmpeq_epi32(labels[0], class), _mm256_cmpeq_epi32(labels[1], class));
            YmmMask32([_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)])
        }

        fn and_bits(self, a: YmmPair32, b: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_and_ps(a, b))) }
        fn or_bits(self, a: YmmPair32, b: YmmPair32) -> YmmPair32 { YmmPair32(both!(_mm256_or_ps(a, b))) }
        fn add_bits(self, a: YmmPair32, b: YmmPair32) -> YmmPair32 {
            let (a, b) = (a.to_bits(), b.to_bits());
            YmmPair32::from_bits([_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])])
        }
        fn low_bits_to_exponent(self, x: YmmPair32) -> YmmPair32 {
            let [low, high] = x.to_bits();
            YmmPair32::from_bits([_mm256_slli_epi32::<23>(low), _mm256_slli_epi32::<23>(high)])
        }
        fn exponent_to_low_bits(self, x: YmmPair32) -> YmmPair32 {
            let [low, high] = x.to_bits();
            YmmPair32::from_bits([_mm256_srli_epi32::<23>(low), _mm256_srli_epi32::<23>(high)])
        }

        fn zero_sums(self) -> [__m256d; 4] { [_mm256_setzero_pd(); 4] }
        fn add_to_sums(self, sums: [__m256d; 4], x: YmmPair32) -> [__m256d; 4] {
            let [low, high] = x.0;
            [
                _mm256_add_pd(sums[0], _mm256_cvtps_pd(_mm256_castps256_ps128(low))),
                _mm256_add_pd(sums[1], _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(low))),
                _mm256_add_pd(sums[2], _mm256_cvtps_pd(_mm256_castps256_ps128(high))),
                _mm256_add_pd(sums[3], _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(high))),
            ]
        }
        fn total(self, sums: [__m256d; 4]) -> f64 {
            let (low, high) = (_mm256_add_pd(sums[0], sums[2]), _mm256_add_pd(sums[1], sums[3]));
            total_of_four(_mm256_add_pd(low, high))
        }
    }
}

// SAFETY: each method accesses the memory that the trait's documentation names.
unsafe impl<const FUSED: bool> Lanes<f64> for Avx2<FUSED> {
    const FUSED: bool = false;
    const IN_STEP: usize = 2;

    type Vector = YmmPair64;
    type Mask = YmmMask64;
    type Labels = [__m256i; 2];
    type Sums = [__m256d; 2];

    memory_methods! {
        fn load(self, from: *const f64) -> YmmPair64 {
            YmmPair64([_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))])
        }
        fn store(self, to: *mut f64, x: YmmPair64) {
            _mm256_storeu_pd(to, x.0[0]);
            _mm256_storeu_pd(to.add(4), x.0[1]);
        }
        fn stream(self, to: *mut f64, x: YmmPair64) {
            _mm256_stream_pd(to, x.0[0]);
            _mm256_stream_pd(to.add(4), x.0[1]);
        }
        fn labels_u8(self, from: *const u8) -> [__m256i; 2] {
            let labels = _mm_loadl_epi64(from.cast());
            [_mm256_cvtepu8_epi64(labels), _mm256_cvtepu8_epi64(_mm_srli_epi64::<32>(labels))]
        }
        fn labels_i32(self, from: *const i32) -> [__m256i; 2] {
            let (low, high) = (_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(4).cast()));
            [_mm256_cvtepi32_epi64(low), _mm256_cvtepi32_epi64(high)]
        }
    }

    safe_methods! {
        fn splat(self, x: f64) -> YmmPair64 { YmmPair64([_mm256_set1_pd(x); 2]) }
        fn mul_add(self, a: YmmPair64, b: YmmPair64, c: YmmPair64) -> YmmPair64 { a * b + c }
        fn neg_mul_add(self, a: YmmPair64, b: YmmPair64, c: YmmPair64) -> YmmPair64 { c - a * b }
        fn sqrt(self, x: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_sqrt_pd(x))) }
        fn min(self, a: YmmPair64, b: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_min_pd(a, b))) }
        fn max(self, a: YmmPair64, b: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_max_pd(a, b))) }
        fn abs(self, x: YmmPair64) -> YmmPair64 {
            let sign = YmmPair64([_mm256_set1_pd(-0.0); 2]);
            YmmPair64(both!(_mm256_andnot_pd(sign, x)))
        }

        fn lt(self, a: YmmPair64, b: YmmPair64) -> YmmMask64 { YmmMask64(both!(_mm256_cmp_pd::<_CMP_LT_OQ>(a, b))) }
        fn not_lt(self, a: YmmPair64, b: YmmPair64) -> YmmMask64 { YmmMask64(both!(_mm256_cmp_pd::<_CMP_NLT_UQ>(a, b))) }
        fn le(self, a: YmmPair64, b: YmmPair64) -> YmmMask64 { YmmMask64(both!(_mm256_cmp_pd::<_CMP_LE_OQ>(a, b))) }
        fn eq(self, a: YmmPair64, b: YmmPair64) -> YmmMask64 { YmmMask64(both!(_mm256_cmp_pd::<_CMP_EQ_OQ>(a, b))) }
        fn select(self, mask: YmmMask64, yes: YmmPair64, no: YmmPair64) -> YmmPair64 {
            YmmPair64(both!(_mm256_blendv_pd(no, yes, mask)))
        }
        fn keep(self, mask: YmmMask64, x: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_and_pd(mask, x))) }
        fn bits(self, mask: YmmMask64) -> u32 {
            let [low, high] = both!(_mm256_movemask_pd(mask));
            (low | high << 4) as u32
        }
        fn any(self, mask: YmmMask64) -> bool { _mm256_movemask_pd(_mm256_or_pd(mask.0[0], mask.0[1])) != 0 }
        fn first(self, count: usize) -> YmmMask64 {
            let count = _mm256_set1_epi64x(count.min(8) as i64);
            let low = _mm256_cmpgt_epi64(count, _mm256_setr_epi64x(0, 1, 2, 3));
            let high = _mm256_cmpgt_epi64(count, _mm256_setr_epi64x(4, 5, 6, 7));
            YmmMask64([_mm256_castsi256_pd(low), _mm256_castsi256_pd(high)])
        }
        fn label_is(self, labels: [__m256i; 2], class: i32) -> YmmMask64 {
            let class = _mm256_set1_epi64x(i64::from(class));
            let (low, high) = (_mm256_cmpeq_epi64(labels[0], class), _mm256_cmpeq_epi64(labels[1], class));
            YmmMask64([_mm256_castsi256_pd(low), _mm256_castsi256_pd(high)])
        }

        fn and_bits(self, a: YmmPair64, b: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_and_pd(a, b))) }
        fn or_bits(self, a: YmmPair64, b: YmmPair64) -> YmmPair64 { YmmPair64(both!(_mm256_or_pd(a, b))) }
        fn add_bits(self, a: YmmPair64, b: YmmPair64) -> YmmPair64 {
            let (a, b) = (a.to_bits(), b.to_bits());
            YmmPair64::from_bits([_mm256_add_epi64(a[0], b[0]), _mm256_add_epi64(a[1], b[1])])
        }
        fn low_bits_to_exponent(self, x: YmmPair64) -> YmmPair64 {
            let [low, high] = x.to_bits();
            YmmPair64::from_bits([_mm256_slli_epi64::<52>(low), _mm256_slli_epi64::<52>(high)])
        }
        fn exponent_to_low_bits(self, x: YmmPair64) -> YmmPair64 {
            let [low, high] = x.to_bits();
            YmmPair64::from_bits([_mm256_srli_epi64::<52>(low), _mm256_srli_epi64::<52>(high)])
        }

        fn zero_sums(self) -> [__m256d; 2] { [_mm256_setzero_pd(); 2] }
        fn add_to_sums(self, sums: [__m256d; 2], x: YmmPair64) -> [__m256d; 2] {
            [_mm256_add_pd(sums[0], x.0[0]), _mm256_add_pd(sums[1], x.0[1])]
        }
        fn total(self, sums: [__m256d; 2]) -> f64 { total_of_four(_mm256_add_pd(sums[0], sums[1])) }
    }
}

/// The bits of a pair as integers, and back.
macro_rules! bits_of {
    ($type:ident, $to:ident, $from:ident) => {
        impl $type {
            #[inline(always)]
            fn to_bits(self) -> [__m256i; 2] {
                // SAFETY: the vector exists only where the CPU has the instruction set.
                unsafe { [$to(self.0[0]), $to(self.0[1])] }
            }

            /// # Safety
            /// The CPU has AVX2.
            #[inline(always)]
            unsafe fn from_bits(bits: [__m256i; 2]) -> Self {
                // SAFETY: promised by the caller.
                unsafe { Self([$from(bits[0]), $from(bits[1])]) }
            }
        }
    };
}
bits_of!(YmmPair32, _mm256_castps_si256, _mm256_castsi256_ps);
bits_of!(YmmPair64, _mm256_castpd_si256, _mm256_castsi256_pd);

/// Rounds to binary16.
#[inline(always)]
fn to_f16(x: YmmPair32) -> __m256i {
    // SAFETY: the vector exists only where the CPU has the instruction set.
    unsafe {
        let [low, high] = both!(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x));
        _mm256_set_m128i(high, low)
    }
}

/// Rounds to bfloat16.
#[inline(always)]
fn to_bf16(x: YmmPair32) -> __m256i {
    // SAFETY: the vector exists only where the CPU has the instruction set.
    unsafe {
        let [low, high] = both!(upper_16_bits(x));
        // Packed within the lower and the upper halves of the registers: 0, 2, 1, 3.
        _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high))
    }
}

/// Rounds each lane to its upper 16 bits, which become the lower ones.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn upper_16_bits(x: __m256) -> __m256i {
    // SAFETY: promised by the caller.
    unsafe {
        let bits = _mm256_castps_si256(x);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
        let rounded = _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7fc0_0000), is_nan);
        _mm256_srli_epi32::<16>(rounded)
    }
}

/// Adds lanes 2 apart, then 1.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
pub(super) unsafe fn total_of_four(x: __m256d) -> f64 {
    // SAFETY: promised by the caller.
    unsafe {
        let pair = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
        _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)))
    }
}
