//! Products of 1 + r against sums of logarithms in f64.

use super::{Reference, on_every_set, random_bits};
use crate::simd::lanes::elementary::most_factors;
use crate::simd::lanes::{LaneKernel, Lanes, LogProduct, Scalar};
use std::vec::Vec;

/// The logarithm of the product of rows, each the factors of the lanes less 1.
#[derive(Clone)]
struct Product<'a, T>(&'a [Vec<T>]);

impl<T: Scalar> LaneKernel<T> for Product<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> Vec<T> {
        let mut product = LogProduct::new(s);
        for row in self.0 {
            product.multiply(s, s.load_row(row));
        }
        let log = s.to_line(product.take_ln(s)).as_ref().to_vec();
        assert!(s.to_line(product.take_ln(s)).as_ref().iter().all(|&x| x == T::ZERO));
        log
    }
}

#[test]
fn number_of_factors_keeps_the_product_in_range() {
    for largest in (1..5_000).chain([1 << 16, 1 << 18, u32::MAX]) {
        let expected = (126.0 / f64::from(largest).log2() + 1e-12).floor().min(16.0);
        assert_eq!(most_factors(largest) as f64, expected, "{largest}");
    }
    assert_eq!(
        [most_factors(234), most_factors(235), most_factors(512), most_factors(513)],
        [16, 15, 14, 13]
    );
}

/// Rows of `1 + r` up to `largest`, as `random` numbers from 0 to 1 say, and the largest error in ulps of the type.
fn error<T: Reference>(largest: u32, spread: impl Fn(f64) -> f64, ulp: f64) -> f64 {
    let lane = |i: usize, bits: u64| ((7 * i as u64) ^ bits) as f64 / u64::MAX as f64;
    let rows: Vec<Vec<T>> = (0..most_factors(largest))
        .map(|row| {
            let bits = random_bits(T::LANES * (row + 1)).skip(T::LANES * row);
            bits.enumerate()
                .map(|(i, bits)| T::constant(spread(lane(i, bits)) * f64::from(largest - 1)))
                .collect()
        })
        .collect();
    let exact: Vec<f64> =
        (0..T::LANES).map(|lane| rows.iter().map(|row| row[lane].into().ln_1p()).sum()).collect();
    let mut worst = 0f64;
    for (_, _, logs) in on_every_set(Product(&rows)) {
        for (log, &exact) in logs.into_iter().zip(&exact) {
            worst =
                worst.max(if exact == 0.0 { log.into() } else { (log.into() - exact).abs() / exact / ulp });
        }
    }
    worst
}

#[test]
fn logarithm_of_the_product_is_the_sum_of_logarithms() {
    for largest in [1, 2, 3, 4, 21, 105, 234, 235, 512, 1000, 65_536, u32::MAX] {
        // From confident to indifferent to wrong predictions; all factors as large as possible.
        let spreads: [fn(f64) -> f64; 5] = [|x| x, |x| x.powi(20), |x| x * 1e-30, |x| x.sqrt(), |_| 1.0];
        for spread in spreads {
            let in_f32 = error::<f32>(largest, spread, 2f64.powi(-23));
            let in_f64 = error::<f64>(largest, spread, 2f64.powi(-52));
            std::println!("{largest}: {in_f32:.2} ulp, f64 {in_f64:.2} ulp");
            // 16 factors with two roundings each, less than half an ulp a factor on average, and the logarithm.
            assert!(in_f32 < 8.0, "{largest}: {in_f32} ulp");
            // The exact sum is one of 16 roundings itself.
            assert!(in_f64 < 12.0, "{largest}: {in_f64} ulp");
        }
    }
}

#[test]
fn nan_remains() {
    let mut rows = [[0.5f32; 16].to_vec(), [0.25; 16].to_vec()];
    rows[0][3] = f32::NAN;
    for (_, _, logs) in on_every_set(Product(&rows)) {
        assert!(logs.iter().enumerate().all(|(lane, log)| log.is_nan() == (lane == 3)));
    }
}
