//! Plain Rust over arrays, right for every target. The compiler makes vector code of it where the target has vectors by
//! default: SSE2, NEON, simd128.

use super::Lanes;
use crate::array::float16::{f16_to_f32, f32_to_bf16, f32_to_f16};
use crate::simd::math::Float;
use half::{bf16, f16};

/// No instructions beyond those of the target; f32 fused or split.
///
/// Fused is fast on AArch64 only. Elsewhere it calls `libm::fmaf`, and serves as the reference of the instruction sets
/// with fused operations.
#[derive(Clone, Copy, Debug)]
pub struct Portable<const FUSED: bool>;

/// Whether this file has a fast fused operation for the target. Cortex-M4F and RISC-V F have the instruction, and `core`
/// no intrinsic for it.
pub(super) const FUSED_IS_FAST: bool = cfg!(all(target_arch = "aarch64", target_feature = "neon"));

/// An array whose element `i` is an expression of `i`.
macro_rules! each {
    ($count:literal, $zero:expr, $i:ident => $element:expr) => {{
        let mut line = [$zero; $count];
        for $i in 0..$count {
            line[$i] = $element;
        }
        line
    }};
}

/// Operators of a type, by lanes.
macro_rules! portable_operators {
    ($type:ident, $lanes:literal, $zero:expr;
     $($trait:ident $name:ident($i:ident; $a:ident $(, $b:ident)?) => $element:expr;)+) => {$(
        impl core::ops::$trait for $type {
            type Output = Self;

            #[inline(always)]
            fn $name(self $(, $b: Self)?) -> Self {
                let $a = self;
                Self(each!($lanes, $zero, $i => $element))
            }
        }
    )+};
}

/// The types and the implementation for an element type. The name of the mask is that of its integers.
macro_rules! portable {
    (
        $type:ident, $bits:ident, $lanes:literal, $vector:ident, $mask:ident, $fused:expr, $mantissa:literal,
        fn mul_add($a:ident, $b:ident, $c:ident) { $mul_add:expr }
        $($methods:tt)*
    ) => {
        /// A vector.
        #[derive(Clone, Copy, Debug)]
        #[repr(C, align(64))]
        pub struct $vector([$type; $lanes]);

        /// A mask: all bits of its lanes are set.
        #[derive(Clone, Copy, Debug)]
        #[repr(C, align(64))]
        pub struct $mask([$bits; $lanes]);

        impl $vector {
            #[inline(always)]
            fn bits(self, i: usize) -> $bits {
                self.0[i].to_bits()
            }
        }

        impl $mask {
            #[inline(always)]
            fn of(lanes: [bool; $lanes]) -> Self {
                Self(each!($lanes, 0, i => $bits::from(lanes[i]).wrapping_neg()))
            }
        }

        portable_operators! { $vector, $lanes, 0.0;
            Add add(i; a, b) => a.0[i] + b.0[i];
            Sub sub(i; a, b) => a.0[i] - b.0[i];
            Mul mul(i; a, b) => a.0[i] * b.0[i];
            Div div(i; a, b) => a.0[i] / b.0[i];
            Neg neg(i; a) => -a.0[i];
        }

        portable_operators! { $mask, $lanes, 0;
            BitAnd bitand(i; a, b) => a.0[i] & b.0[i];
            BitOr bitor(i; a, b) => a.0[i] | b.0[i];
            Not not(i; a) => !a.0[i];
        }

        // SAFETY: memory is accessed by arrays of `LANES` elements.
        unsafe impl<const FUSED: bool> Lanes<$type> for Portable<FUSED> {
            const FUSED: bool = $fused;
            const IN_STEP: usize = 1;

            type Vector = $vector;
            type Mask = $mask;
            type Labels = [i32; $lanes];
            type Sums = [f64; $lanes];

            #[inline(always)]
            fn splat(self, x: $type) -> $vector {
                $vector([x; $lanes])
            }

            #[inline(always)]
            unsafe fn load(self, from: *const $type) -> $vector {
                // SAFETY: promised by the caller.
                $vector(unsafe { from.cast::<[$type; $lanes]>().read_unaligned() })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $type, x: $vector) {
                // SAFETY: promised by the caller.
                unsafe { to.cast::<[$type; $lanes]>().write_unaligned(x.0) }
            }

            #[inline(always)]
            unsafe fn stream(self, to: *mut $type, x: $vector) {
                // SAFETY: promised by the caller; 64 bytes.
                unsafe { stream_64(x.0.as_ptr().cast(), to.cast()) }
            }

            #[inline(always)]
            fn mul_add(self, $a: $vector, $b: $vector, $c: $vector) -> $vector {
                $mul_add
            }

            #[inline(always)]
            fn neg_mul_add(self, a: $vector, b: $vector, c: $vector) -> $vector {
                Lanes::<$type>::mul_add(self, -a, b, c)
            }

            #[inline(always)]
            fn sqrt(self, x: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => Float::square_root(x.0[i])))
            }

            #[inline(always)]
            fn min(self, a: $vector, b: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => if a.0[i] < b.0[i] { a.0[i] } else { b.0[i] }))
            }

            #[inline(always)]
            fn max(self, a: $vector, b: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => if a.0[i] > b.0[i] { a.0[i] } else { b.0[i] }))
            }

            #[inline(always)]
            fn abs(self, x: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => x.0[i].abs()))
            }

            #[inline(always)]
            fn lt(self, a: $vector, b: $vector) -> $mask {
                $mask::of(each!($lanes, false, i => a.0[i] < b.0[i]))
            }

            #[inline(always)]
            fn le(self, a: $vector, b: $vector) -> $mask {
                $mask::of(each!($lanes, false, i => a.0[i] <= b.0[i]))
            }

            #[inline(always)]
            fn eq(self, a: $vector, b: $vector) -> $mask {
                $mask::of(each!($lanes, false, i => a.0[i] == b.0[i]))
            }

            #[inline(always)]
            fn select(self, mask: $mask, yes: $vector, no: $vector) -> $vector {
                let bits = each!($lanes, 0, i => yes.bits(i) & mask.0[i] | no.bits(i) & !mask.0[i]);
                $vector(bits.map($type::from_bits))
            }

            #[inline(always)]
            fn keep(self, mask: $mask, x: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(x.bits(i) & mask.0[i])))
            }

            #[inline(always)]
            fn bits(self, mask: $mask) -> u32 {
                let mut bits = 0;
                for i in 0..$lanes {
                    bits |= ((mask.0[i] & 1) as u32) << i;
                }
                bits
            }

            #[inline(always)]
            fn first(self, count: usize) -> $mask {
                $mask::of(each!($lanes, false, i => i < count))
            }

            #[inline(always)]
            unsafe fn labels_u8(self, from: *const u8) -> [i32; $lanes] {
                // SAFETY: promised by the caller.
                let labels = unsafe { from.cast::<[u8; $lanes]>().read_unaligned() };
                each!($lanes, 0, i => i32::from(labels[i]))
            }

            #[inline(always)]
            unsafe fn labels_i32(self, from: *const i32) -> [i32; $lanes] {
                // SAFETY: promised by the caller.
                unsafe { from.cast::<[i32; $lanes]>().read_unaligned() }
            }

            #[inline(always)]
            fn label_is(self, labels: [i32; $lanes], class: i32) -> $mask {
                $mask::of(each!($lanes, false, i => labels[i] == class))
            }

            #[inline(always)]
            fn and_bits(self, a: $vector, b: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(a.bits(i) & b.bits(i))))
            }

            #[inline(always)]
            fn or_bits(self, a: $vector, b: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(a.bits(i) | b.bits(i))))
            }

            #[inline(always)]
            fn add_bits(self, a: $vector, b: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(a.bits(i).wrapping_add(b.bits(i)))))
            }

            #[inline(always)]
            fn low_bits_to_exponent(self, x: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(x.bits(i) << $mantissa)))
            }

            #[inline(always)]
            fn exponent_to_low_bits(self, x: $vector) -> $vector {
                $vector(each!($lanes, 0.0, i => $type::from_bits(x.bits(i) >> $mantissa)))
            }

            #[inline(always)]
            fn zero_sums(self) -> [f64; $lanes] {
                [0.0; $lanes]
            }

            #[inline(always)]
            fn add_to_sums(self, sums: [f64; $lanes], x: $vector) -> [f64; $lanes] {
                each!($lanes, 0.0, i => sums[i] + f64::from(x.0[i]))
            }

            #[inline(always)]
            fn total(self, sums: [f64; $lanes]) -> f64 {
                let mut sums = sums;
                let mut apart = $lanes / 2;
                while apart > 0 {
                    for i in 0..apart {
                        sums[i] += sums[i + apart];
                    }
                    apart /= 2;
                }
                sums[0]
            }

            $($methods)*
        }
    };
}

portable! {
    f32, u32, 16, Array32, ArrayMask32, FUSED, 23,
    fn mul_add(a, b, c) { if FUSED { fused(a, b, c) } else { a * b + c } }

    #[inline(always)]
    unsafe fn load_f16(self, from: *const f16) -> Array32 {
        // SAFETY: promised by the caller.
        let halves = unsafe { from.cast::<[u16; 16]>().read_unaligned() };
        Array32(each!(16, 0.0, i => f16_to_f32(halves[i])))
    }

    #[inline(always)]
    unsafe fn store_f16(self, to: *mut f16, x: Array32) {
        let halves = each!(16, 0, i => f32_to_f16(x.0[i]));
        // SAFETY: promised by the caller.
        unsafe { to.cast::<[u16; 16]>().write_unaligned(halves) };
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const bf16) -> Array32 {
        // SAFETY: promised by the caller.
        let halves = unsafe { from.cast::<[u16; 16]>().read_unaligned() };
        Array32(each!(16, 0.0, i => f32::from_bits(u32::from(halves[i]) << 16)))
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16, x: Array32) {
        let halves = each!(16, 0, i => f32_to_bf16(x.0[i]));
        // SAFETY: promised by the caller.
        unsafe { to.cast::<[u16; 16]>().write_unaligned(halves) };
    }
}

portable! {
    f64, u64, 8, Array64, ArrayMask64, false, 52,
    fn mul_add(a, b, c) { a * b + c }
}

/// Returns `a·b + c`, rounded once.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[inline(always)]
fn fused(a: Array32, b: Array32, c: Array32) -> Array32 {
    use core::arch::aarch64::{vfmaq_f32, vld1q_f32, vst1q_f32};
    let mut sum = [0.0; 16];
    let lines = a.0.as_chunks::<4>().0.iter().zip(b.0.as_chunks::<4>().0).zip(c.0.as_chunks::<4>().0);
    for (((a, b), c), sum) in lines.zip(sum.as_chunks_mut::<4>().0) {
        // SAFETY: the target has NEON; the arrays have four elements.
        unsafe {
            let product = vfmaq_f32(vld1q_f32(c.as_ptr()), vld1q_f32(a.as_ptr()), vld1q_f32(b.as_ptr()));
            vst1q_f32(sum.as_mut_ptr(), product);
        }
    }
    Array32(sum)
}

/// Returns `a·b + c`, rounded once.
#[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
#[inline(always)]
fn fused(a: Array32, b: Array32, c: Array32) -> Array32 {
    Array32(each!(16, 0.0, i => libm::fmaf(a.0[i], b.0[i], c.0[i])))
}

/// Copies 64 bytes by non-temporal stores, where every CPU of the target has them.
///
/// # Safety
/// `from` is readable, `to` writable for 64 bytes; `to` is aligned to 16.
#[inline(always)]
unsafe fn stream_64(from: *const u8, to: *mut u8) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    for at in [0, 16, 32, 48] {
        use core::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128};
        // SAFETY: promised by the caller; the target has SSE2.
        unsafe { _mm_stream_si128(to.add(at).cast(), _mm_loadu_si128(from.add(at).cast())) };
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    // SAFETY: promised by the caller.
    unsafe {
        to.copy_from_nonoverlapping(from, 64)
    };
}
