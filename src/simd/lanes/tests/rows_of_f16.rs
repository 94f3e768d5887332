//! Rows of binary16 and bfloat16 against the conversions of single numbers.

use super::{Reference, on_every_set};
use crate::array::float16::{f16_to_f32, f32_to_bf16, f32_to_f16, f64_to_odd_f32};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar};
use half::{bf16, f16};
use std::vec::Vec;

/// Every 16-bit pattern, loaded and stored again.
#[derive(Clone)]
struct EveryPattern;

impl<T: Reference> LaneKernel<T> for EveryPattern {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let patterns: Vec<u16> = (0..=u16::MAX).collect();
        for patterns in patterns.chunks(T::LANES) {
            // SAFETY: a chunk has the elements of a vector, of two bytes as f16 and bf16 are.
            let (halves, brains) =
                unsafe { (s.load_f16(patterns.as_ptr().cast()), s.load_bf16(patterns.as_ptr().cast())) };
            let (of_half, of_brain) = (s.to_line(halves), s.to_line(brains));
            let mut back = [[0u16; 16]; 4];
            let [f16s, bf16s, streamed_f16s, streamed_bf16s] = &mut back;
            // SAFETY: each row has the elements of a vector.
            unsafe {
                s.store_f16(f16s.as_mut_ptr().cast(), halves);
                s.store_bf16(bf16s.as_mut_ptr().cast(), brains);
            }
            let mut aligned = AlignedHalves([0; 32]);
            let (low, high) = aligned.0.split_at_mut(16);
            // SAFETY: each half of the line has the elements of a vector and is aligned to 32 bytes.
            unsafe {
                s.stream_f16(low.as_mut_ptr().cast(), halves);
                s.stream_bf16(high.as_mut_ptr().cast(), brains);
            }
            crate::simd::stream::fence();
            streamed_f16s.copy_from_slice(low);
            streamed_bf16s.copy_from_slice(high);
            for (lane, &bits) in patterns.iter().enumerate() {
                let (half, brain) = (f16_to_f32(bits), f32::from_bits(u32::from(bits) << 16));
                assert!(of_half.as_ref()[lane].is_same_as(T::constant(half.into())), "{bits:#x}");
                assert!(of_brain.as_ref()[lane].is_same_as(T::constant(brain.into())), "{bits:#x}");
                for back in [back[0][lane], back[2][lane]] {
                    assert!(back == bits || f16::from_bits(back).is_nan() && half.is_nan(), "{bits:#x}");
                }
                for back in [back[1][lane], back[3][lane]] {
                    assert!(back == bits || bf16::from_bits(back).is_nan() && brain.is_nan(), "{bits:#x}");
                }
            }
        }
    }
}

#[repr(align(64))]
struct AlignedHalves([u16; 32]);

#[test]
fn every_16_bit_pattern_is_loaded_and_stored() {
    on_every_set::<f32, _>(EveryPattern);
    on_every_set::<f64, _>(EveryPattern);
}

#[derive(Clone)]
struct Rounding<'a, T>(&'a [T]);

impl<T: Scalar> LaneKernel<T> for Rounding<'_, T> {
    type Output = Vec<(u16, u16)>;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> Self::Output {
        let mut rounded = Vec::with_capacity(self.0.len());
        for row in self.0.chunks(T::LANES) {
            let (mut halves, mut brains) = ([f16::ZERO; 16], [bf16::ZERO; 16]);
            // SAFETY: both rows have the elements of a vector.
            unsafe {
                s.store_f16(halves.as_mut_ptr(), s.load_row(row));
                s.store_bf16(brains.as_mut_ptr(), s.load_row(row));
            }
            rounded
                .extend(halves.iter().zip(&brains).map(|(a, b)| (a.to_bits(), b.to_bits())).take(row.len()));
        }
        rounded
    }
}

fn check<T: Reference>(numbers: &[T]) {
    for (level, _, rounded) in on_every_set(Rounding(numbers)) {
        for (&x, (half, brain)) in numbers.iter().zip(rounded) {
            // Of an f32 the rounding to odd changes nothing.
            let single = f64_to_odd_f32(x.into());
            let expected = f32_to_f16(single);
            let is_nan = f16::from_bits(half).is_nan() && x.is_nan();
            assert!(half == expected || is_nan, "{level:?}: {x:?} to {half:#x}, not {expected:#x}");
            let expected = f32_to_bf16(single);
            let is_nan = bf16::from_bits(brain).is_nan() && x.is_nan();
            assert!(brain == expected || is_nan, "{level:?}: {x:?} to {brain:#x}, not {expected:#x}");
        }
    }
}

#[test]
fn stores_round_to_nearest_ties_to_even() {
    // Every upper half of an f32, with lower halves at and beside the ties.
    let lower = [0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff];
    let bits = (0..=u16::MAX).flat_map(|upper| lower.map(|lower| u32::from(upper) << 16 | lower));
    check(&bits.map(f32::from_bits).collect::<Vec<_>>());
    let ties = [1.0 + 2f64.powi(-11), 1.0 + 2f64.powi(-8), 65520.0, 2f64.powi(-25), 3.0 * 2f64.powi(-25)];
    let beside = ties.iter().flat_map(|x| [*x, x * (1.0 - 2f64.powi(-52)), x * (1.0 + 2f64.powi(-52)), -x]);
    check(&beside.chain(f64::numbers(2000)).collect::<Vec<f64>>());
}
