//! AVX-512 F, BW, DQ, VL: a vector is one register of 512 bits, a mask is a mask register.

use super::operators::{memory_methods, operators, safe_methods};
use super::{Lanes, PowerOfTwo};
use crate::simd::lanes::avx2::total_of_four;
use crate::simd::level::{Level, detect};
use core::arch::x86_64::*;
use half::{bf16, f16};

/// The instructions of x86-64-v4; f32 fused or split.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const FUSED: bool>(());

impl<const FUSED: bool> Avx512<FUSED> {
    /// Returns the token.
    ///
    /// # Safety
    /// The CPU has [`Level::Avx512`].
    #[inline(always)]
    pub const unsafe fn new_unchecked() -> Self {
        Self(())
    }

    /// Returns the token if the CPU has the instructions.
    pub fn detect() -> Option<Self> {
        (detect() >= Level::Avx512).then_some(Self(()))
    }
}

/// 16 f32.
#[derive(Clone, Copy, Debug)]
pub struct Zmm32(__m512);

/// 8 f64.
#[derive(Clone, Copy, Debug)]
pub struct Zmm64(__m512d);

operators! { Zmm32:
    Add add(a, b) => Zmm32(_mm512_add_ps(a.0, b.0));
    Sub sub(a, b) => Zmm32(_mm512_sub_ps(a.0, b.0));
    Mul mul(a, b) => Zmm32(_mm512_mul_ps(a.0, b.0));
    Div div(a, b) => Zmm32(_mm512_div_ps(a.0, b.0));
    Neg neg(a) => Zmm32(_mm512_xor_ps(a.0, _mm512_set1_ps(-0.0)));
}

operators! { Zmm64:
    Add add(a, b) => Zmm64(_mm512_add_pd(a.0, b.0));
    Sub sub(a, b) => Zmm64(_mm512_sub_pd(a.0, b.0));
    Mul mul(a, b) => Zmm64(_mm512_mul_pd(a.0, b.0));
    Div div(a, b) => Zmm64(_mm512_div_pd(a.0, b.0));
    Neg neg(a) => Zmm64(_mm512_xor_pd(a.0, _mm512_set1_pd(-0.0)));
}

/// The first `count` lanes as a mask of 16 lanes or of 8.
#[inline(always)]
const fn first_bits(count: usize) -> u32 {
    if count < 16 { (1 << count) - 1 } else { 0xffff }
}

// SAFETY: each method accesses the memory that the trait's documentation names; masked accesses leave out the rest.
unsafe impl<const FUSED: bool> Lanes<f32> for Avx512<FUSED> {
    const FUSED: bool = FUSED;
    // 32 registers: eight chains of three, and constants.
    const IN_STEP: usize = 8;

    type Vector = Zmm32;
    type Mask = __mmask16;
    type Labels = __m512i;
    type Sums = [__m512d; 2];

    memory_methods! {
        fn load(self, from: *const f32) -> Zmm32 { Zmm32(_mm512_loadu_ps(from)) }
        fn store(self, to: *mut f32, x: Zmm32) { _mm512_storeu_ps(to, x.0) }
        fn stream(self, to: *mut f32, x: Zmm32) { _mm512_stream_ps(to, x.0) }
        fn load_first(self, from: *const f32, count: usize) -> Zmm32 {
            Zmm32(_mm512_maskz_loadu_ps(first_bits(count) as u16, from))
        }
        fn store_first(self, to: *mut f32, count: usize, x: Zmm32) {
            _mm512_mask_storeu_ps(to, first_bits(count) as u16, x.0)
        }
        // To a register, then to memory: the form with a memory operand is microcode on Zen 4 and 5.
        fn compress(self, to: *mut f32, mask: u16, x: Zmm32) -> usize {
            _mm512_storeu_ps(to, _mm512_maskz_compress_ps(mask, x.0));
            mask.count_ones() as usize
        }
        fn load_f16(self, from: *const f16) -> Zmm32 {
            Zmm32(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast())))
        }
        fn store_f16(self, to: *mut f16, x: Zmm32) { _mm256_storeu_si256(to.cast(), to_f16(x)) }
        fn stream_f16(self, to: *mut f16, x: Zmm32) { _mm256_stream_si256(to.cast(), to_f16(x)) }
        fn load_bf16(self, from: *const bf16) -> Zmm32 {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            Zmm32(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)))
        }
        fn store_bf16(self, to: *mut bf16, x: Zmm32) { _mm256_storeu_si256(to.cast(), to_bf16(x)) }
        fn stream_bf16(self, to: *mut bf16, x: Zmm32) { _mm256_stream_si256(to.cast(), to_bf16(x)) }
        fn labels_u8(self, from: *const u8) -> __m512i { _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())) }
        fn labels_i32(self, from: *const i32) -> __m512i { _mm512_loadu_si512(from.cast()) }
    }

    safe_methods! {
        fn splat(self, x: f32) -> Zmm32 { Zmm32(_mm512_set1_ps(x)) }
        fn mul_add(self, a: Zmm32, b: Zmm32, c: Zmm32) -> Zmm32 {
            if FUSED { Zmm32(_mm512_fmadd_ps(a.0, b.0, c.0)) } else { a * b + c }
        }
        fn neg_mul_add(self, a: Zmm32, b: Zmm32, c: Zmm32) -> Zmm32 {
            if FUSED { Zmm32(_mm512_fnmadd_ps(a.0, b.0, c.0)) } else { c - a * b }
        }
        fn sqrt(self, x: Zmm32) -> Zmm32 { Zmm32(_mm512_sqrt_ps(x.0)) }
        fn min(self, a: Zmm32, b: Zmm32) -> Zmm32 { Zmm32(_mm512_min_ps(a.0, b.0)) }
        fn max(self, a: Zmm32, b: Zmm32) -> Zmm32 { Zmm32(_mm512_max_ps(a.0, b.0)) }
        fn abs(self, x: Zmm32) -> Zmm32 { Zmm32(_mm512_abs_ps(x.0)) }

        fn lt(self, a: Zmm32, b: Zmm32) -> u16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a.0, b.0) }
        fn not_lt(self, a: Zmm32, b: Zmm32) -> u16 { _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(a.0, b.0) }
        fn le(self, a: Zmm32, b: Zmm32) -> u16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a.0, b.0) }
        fn eq(self, a: Zmm32, b: Zmm32) -> u16 { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a.0, b.0) }
        fn select(self, mask: u16, yes: Zmm32, no: Zmm32) -> Zmm32 {
            Zmm32(_mm512_mask_blend_ps(mask, no.0, yes.0))
        }
        fn keep(self, mask: u16, x: Zmm32) -> Zmm32 { Zmm32(_mm512_maskz_mov_ps(mask, x.0)) }
        fn bits(self, mask: u16) -> u32 { u32::from(mask) }
        fn first(self, count: usize) -> u16 { first_bits(count) as u16 }
        fn label_is(self, labels: __m512i, class: i32) -> u16 {
            _mm512_cmpeq_epi32_mask(labels, _mm512_set1_epi32(class))
        }

        fn and_bits(self, a: Zmm32, b: Zmm32) -> Zmm32 { Zmm32(_mm512_and_ps(a.0, b.0)) }
        fn or_bits(self, a: Zmm32, b: Zmm32) -> Zmm32 { Zmm32(_mm512_or_ps(a.0, b.0)) }
        fn add_bits(self, a: Zmm32, b: Zmm32) -> Zmm32 {
            Zmm32(_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.0), _mm512_castps_si512(b.0))))
        }
        fn low_bits_to_exponent(self, x: Zmm32) -> Zmm32 {
            Zmm32(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(x.0))))
        }
        fn exponent_to_low_bits(self, x: Zmm32) -> Zmm32 {
            Zmm32(_mm512_castsi512_ps(_mm512_srli_epi32::<23>(_mm512_castps_si512(x.0))))
        }
        fn scale(self, x: Zmm32, by: PowerOfTwo<Zmm32>) -> Zmm32 { Zmm32(_mm512_scalef_ps(x.0, by.exponent.0)) }
        fn scale_wide(self, x: Zmm32, by: PowerOfTwo<Zmm32>) -> Zmm32 {
            Zmm32(_mm512_scalef_ps(x.0, by.exponent.0))
        }

        fn zero_sums(self) -> [__m512d; 2] { [_mm512_setzero_pd(); 2] }
        fn add_to_sums(self, sums: [__m512d; 2], x: Zmm32) -> [__m512d; 2] {
            let low = _mm512_cvtps_pd(_mm512_castps512_ps256(x.0));
            let high = _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(x.0));
            [_mm512_add_pd(sums[0], low), _mm512_add_pd(sums[1], high)]
        }
        fn total(self, sums: [__m512d; 2]) -> f64 { total_of_eight(_mm512_add_pd(sums[0], sums[1])) }
    }
}

// SAFETY: each method accesses the memory that the trait's documentation names; masked accesses leave out the rest.
unsafe impl<const FUSED: bool> Lanes<f64> for Avx512<FUSED> {
    const FUSED: bool = false;
    const IN_STEP: usize = 4;

    type Vector = Zmm64;
    type Mask = __mmask8;
    type Labels = __m256i;
    type Sums = __m512d;

    memory_methods! {
        fn load(self, from: *const f64) -> Zmm64 { Zmm64(_mm512_loadu_pd(from)) }
        fn store(self, to: *mut f64, x: Zmm64) { _mm512_storeu_pd(to, x.0) }
        fn stream(self, to: *mut f64, x: Zmm64) { _mm512_stream_pd(to, x.0) }
        fn load_first(self, from: *const f64, count: usize) -> Zmm64 {
            Zmm64(_mm512_maskz_loadu_pd(first_bits(count) as u8, from))
        }
        fn store_first(self, to: *mut f64, count: usize, x: Zmm64) {
            _mm512_mask_storeu_pd(to, first_bits(count) as u8, x.0)
        }
        fn compress(self, to: *mut f64, mask: u8, x: Zmm64) -> usize {
            _mm512_storeu_pd(to, _mm512_maskz_compress_pd(mask, x.0));
            mask.count_ones() as usize
        }
        fn labels_u8(self, from: *const u8) -> __m256i { _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())) }
        fn labels_i32(self, from: *const i32) -> __m256i { _mm256_loadu_si256(from.cast()) }
    }

    safe_methods! {
        fn splat(self, x: f64) -> Zmm64 { Zmm64(_mm512_set1_pd(x)) }
        fn mul_add(self, a: Zmm64, b: Zmm64, c: Zmm64) -> Zmm64 { a * b + c }
        fn neg_mul_add(self, a: Zmm64, b: Zmm64, c: Zmm64) -> Zmm64 { c - a * b }
        fn sqrt(self, x: Zmm64) -> Zmm64 { Zmm64(_mm512_sqrt_pd(x.0)) }
        fn min(self, a: Zmm64, b: Zmm64) -> Zmm64 { Zmm64(_mm512_min_pd(a.0, b.0)) }
        fn max(self, a: Zmm64, b: Zmm64) -> Zmm64 { Zmm64(_mm512_max_pd(a.0, b.0)) }
        fn abs(self, x: Zmm64) -> Zmm64 { Zmm64(_mm512_abs_pd(x.0)) }

        fn lt(self, a: Zmm64, b: Zmm64) -> u8 { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a.0, b.0) }
        fn not_lt(self, a: Zmm64, b: Zmm64) -> u8 { _mm512_cmp_pd_mask::<_CMP_NLT_UQ>(a.0, b.0) }
        fn le(self, a: Zmm64, b: Zmm64) -> u8 { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a.0, b.0) }
        fn eq(self, a: Zmm64, b: Zmm64) -> u8 { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a.0, b.0) }
        fn select(self, mask: u8, yes: Zmm64, no: Zmm64) -> Zmm64 {
            Zmm64(_mm512_mask_blend_pd(mask, no.0, yes.0))
        }
        fn keep(self, mask: u8, x: Zmm64) -> Zmm64 { Zmm64(_mm512_maskz_mov_pd(mask, x.0)) }
        fn bits(self, mask: u8) -> u32 { u32::from(mask) }
        fn first(self, count: usize) -> u8 { first_bits(count) as u8 }
        fn label_is(self, labels: __m256i, class: i32) -> u8 {
            _mm256_cmpeq_epi32_mask(labels, _mm256_set1_epi32(class))
        }

        fn and_bits(self, a: Zmm64, b: Zmm64) -> Zmm64 { Zmm64(_mm512_and_pd(a.0, b.0)) }
        fn or_bits(self, a: Zmm64, b: Zmm64) -> Zmm64 { Zmm64(_mm512_or_pd(a.0, b.0)) }
        fn add_bits(self, a: Zmm64, b: Zmm64) -> Zmm64 {
            Zmm64(_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a.0), _mm512_castpd_si512(b.0))))
        }
        fn low_bits_to_exponent(self, x: Zmm64) -> Zmm64 {
            Zmm64(_mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(x.0))))
        }
        fn exponent_to_low_bits(self, x: Zmm64) -> Zmm64 {
            Zmm64(_mm512_castsi512_pd(_mm512_srli_epi64::<52>(_mm512_castpd_si512(x.0))))
        }
        fn scale(self, x: Zmm64, by: PowerOfTwo<Zmm64>) -> Zmm64 { Zmm64(_mm512_scalef_pd(x.0, by.exponent.0)) }
        fn scale_wide(self, x: Zmm64, by: PowerOfTwo<Zmm64>) -> Zmm64 {
            Zmm64(_mm512_scalef_pd(x.0, by.exponent.0))
        }

        fn zero_sums(self) -> __m512d { _mm512_setzero_pd() }
        fn add_to_sums(self, sums: __m512d, x: Zmm64) -> __m512d { _mm512_add_pd(sums, x.0) }
        fn total(self, sums: __m512d) -> f64 { total_of_eight(sums) }
    }
}

/// Rounds to binary16.
#[inline(always)]
fn to_f16(x: Zmm32) -> __m256i {
    // SAFETY: the vector exists only where the CPU has the instruction set.
    unsafe { _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x.0) }
}

/// Rounds to bfloat16; the conversion of AVX512-BF16 treats subnormals as 0.
#[inline(always)]
fn to_bf16(x: Zmm32) -> __m256i {
    // SAFETY: the vector exists only where the CPU has the instruction set.
    unsafe {
        let bits = _mm512_castps_si512(x.0);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x.0, x.0);
        let rounded = _mm512_mask_blend_epi32(is_nan, rounded, _mm512_set1_epi32(0x7fc0_0000));
        _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded))
    }
}

/// Adds lanes 4 apart, then 2, then 1.
///
/// # Safety
/// The CPU has AVX-512.
#[inline(always)]
unsafe fn total_of_eight(x: __m512d) -> f64 {
    // SAFETY: promised by the caller.
    unsafe { total_of_four(_mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd::<1>(x))) }
}
