//! Operations on bits, powers of two, and sums in f64.

use super::{Reference, on_every_set};
use crate::simd::lanes::{LaneKernel, Lanes, PowerOfTwo, Scalar};
use std::vec::Vec;

#[derive(Clone)]
struct Bits;

impl<T: Reference> LaneKernel<T> for Bits {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let numbers = T::numbers(1_000);
        let bits = T::LANES.ilog2() as i32 * -32 + 160; // 32 or 64
        let every = u64::MAX >> (64 - bits);
        let mantissa = T::MANTISSA.bits_of().count_ones();
        for (a, b) in numbers.iter().zip(numbers.iter().rev()) {
            let (x, y) = (s.splat(*a), s.splat(*b));
            let (a, b) = (a.bits_of(), b.bits_of());
            for (vector, expected) in [
                (s.and_bits(x, y), a & b),
                (s.or_bits(x, y), a | b),
                (s.add_bits(x, y), a.wrapping_add(b) & every),
                (s.low_bits_to_exponent(x), a << mantissa & every),
                (s.exponent_to_low_bits(x), a >> mantissa),
            ] {
                for lane in s.to_line(vector).as_ref() {
                    assert_eq!(lane.bits_of(), expected, "{a:#x} {b:#x}");
                }
            }
        }
    }
}

#[test]
fn bits_are_combined_as_integers() {
    on_every_set::<f32, _>(Bits);
    on_every_set::<f64, _>(Bits);
}

#[derive(Clone)]
struct PowersOfTwo;

impl<T: Reference> LaneKernel<T> for PowersOfTwo {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let bias = (T::ROUND_BIASED.into() % 4096.0) as i32;
        let first = |x| s.to_line(x).as_ref()[0];
        let power = |exponent: f64| s.nearest_power_of_two(s.splat(T::constant(exponent)), s.splat(T::ONE));
        for (x, nearest) in [(0.49, 0.0), (-0.49, 0.0), (1.51, 2.0), (2.49, 2.0), (2.51, 3.0), (-7.4, -7.0)] {
            let PowerOfTwo { exponent, .. } = power(x);
            assert_eq!(first(exponent).into(), nearest);
        }
        let mantissas = [1.0, 0.7, 1.41, 1.999, 0.51, 2.0, 0.5].map(T::constant);
        for exponent in -2 * (bias - 1)..2 * bias {
            for x in mantissas {
                let by = power(exponent.into());
                let expected = x.scaled(exponent);
                let wide = first(s.scale_wide(s.splat(x), by));
                assert_eq!(wide, expected, "{x:?}·2^{exponent}");
                if (1 - bias..=bias).contains(&exponent) {
                    assert_eq!(first(s.scale(s.splat(x), by)), expected, "{x:?}·2^{exponent}");
                }
            }
        }
        assert!(first(s.scale(s.splat(T::NAN), power(3.0))).is_nan());
        let of_nan = s.nearest_power_of_two(s.splat(T::NAN), s.splat(T::ONE));
        assert!(first(s.scale(s.splat(T::NAN), of_nan)).is_nan());
        assert!(first(s.scale_wide(s.splat(T::NAN), of_nan)).is_nan());
    }
}

#[test]
fn products_with_powers_of_two_are_rounded_once() {
    on_every_set::<f32, _>(PowersOfTwo);
    on_every_set::<f64, _>(PowersOfTwo);
}

#[derive(Clone)]
struct Exponents;

impl<T: Reference> LaneKernel<T> for Exponents {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let first = |x| s.to_line(x).as_ref()[0];
        let normal = |x: &T| *x >= T::SMALLEST_NORMAL && *x < T::INFINITY;
        let below = T::from_bits_of(T::THREE_QUARTERS.bits_of() - 1);
        for x in T::numbers(5_000).into_iter().chain([T::THREE_QUARTERS, below]).filter(normal) {
            let (exponent, mantissa) = s.exponent_and_mantissa(s.splat(x));
            let (exponent, mantissa) = (first(exponent).into() as i32, first(mantissa));
            let (from, to) = (T::THREE_QUARTERS.into(), 2.0 * T::THREE_QUARTERS.into());
            assert!((from..to).contains(&mantissa.into()), "{x:?}: {mantissa:?}");
            assert_eq!(mantissa.scaled(exponent), x, "{x:?}");

            if x < T::constant(2.0).scaled((T::ROUND_BIASED.into() % 4096.0) as i32 - 3) {
                let (same, inverse) = s.exponent_and_inverse(s.splat(x));
                assert_eq!(first(same).into() as i32, exponent, "{x:?}");
                assert_eq!(first(inverse), T::ONE.scaled(-exponent), "{x:?}");
            }
        }
    }
}

#[test]
fn numbers_are_split_into_exponent_and_mantissa() {
    on_every_set::<f32, _>(Exponents);
    on_every_set::<f64, _>(Exponents);
}

#[derive(Clone)]
struct Sums<'a, T>(&'a [T]);

impl<T: Scalar> LaneKernel<T> for Sums<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> f64 {
        let mut sums = s.zero_sums();
        for row in self.0.chunks(T::LANES) {
            sums = s.add_to_sums(sums, s.load_row(row));
        }
        s.total(sums)
    }
}

fn check_sums<T: Reference>(row: &[T]) {
    let mut lanes = std::vec![0f64; T::LANES];
    for (i, &x) in row.iter().enumerate() {
        lanes[i % T::LANES] += x.into();
    }
    while let [_, _, ..] = &lanes[..] {
        let upper = lanes.split_off(lanes.len() / 2);
        lanes.iter_mut().zip(upper).for_each(|(lane, upper)| *lane += upper);
    }
    for (level, _, total) in on_every_set(Sums(row)) {
        assert_eq!(total.to_bits(), lanes[0].to_bits(), "{level:?}: {total} not {}", lanes[0]);
    }
}

#[test]
fn sums_are_added_in_one_order() {
    // Many rows, because another order may have the same bits in one of them; and of many sizes, because a sum of f32 of
    // one size is exact in f64.
    for seed in 1..100 {
        let size = |i: i32| f64::powi(2.0, (7 * seed + 13 * i) % 90 - 45);
        let row: Vec<f64> = (0..103).map(|i| f64::from(seed * i * i % 1009) / 3.0 * size(i)).collect();
        check_sums(&row);
        check_sums(&row.iter().map(|&x| x as f32).collect::<Vec<f32>>());
    }
    // 2²⁴ + 1 is lost in f32 and kept in f64.
    let mut lost = [0f32; 32];
    (lost[0], lost[16]) = (16_777_216.0, 1.0);
    check_sums(&lost);
    assert_eq!(on_every_set(Sums(&lost))[0].2, 16_777_217.0);
}
