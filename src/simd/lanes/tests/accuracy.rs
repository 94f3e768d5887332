//! Errors and limits of the elementary functions, and the same bits from instruction sets of one kind.

#[path = "../../../../tests/math/lane_row.rs"]
mod lane_row;
#[path = "../../../../tests/math/row.rs"]
mod row;

use super::Reference;
use crate::simd::lanes::{Scalar, Vectorized};
use crate::simd::level::Level;
use lane_row::{LaneFunction, lane_row, sets};
use row::{Function, exact::Exact, spread, ulps_single};
use std::vec::Vec;

use LaneFunction::*;

/// Every 10,007th f32; `tests/exhaustive/lanes.rs` tests all of them.
#[test]
fn errors_of_f32_are_within_the_bounds() {
    let all: Vec<f32> = (0..=u32::MAX).step_by(10_007).map(f32::from_bits).collect();
    // Where results are of ordinary size.
    let usual = || spread(-90.0, 90.0, 100_000).chain(spread(-1.0, 2.0, 100_000)).map(|x| x as f32);
    let input: Vec<f32> = all.into_iter().chain(usual()).filter(|x| !x.is_nan()).collect();
    let powers = [-4.0, -1.5, -0.3, 0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.9].map(Pow);
    for function in LaneFunction::OF_ONE_ARGUMENT.into_iter().chain(powers) {
        let mut output = input.clone();
        for set in sets().filter(|&set| lane_row(set, function, &input[..0], &mut [])) {
            lane_row(set, function, &input, &mut output);
            let mut worst = (0.0, 0.0);
            for (&x, &y) in input.iter().zip(&output) {
                let exact = function.value(x.into());
                // The bound of powers is for normal results.
                if function.holds_for(x) && (!matches!(function, Pow(_)) || (exact as f32).is_normal()) {
                    let error = ulps_single(y, exact);
                    worst = if error > worst.0 { (error, x) } else { worst };
                }
            }
            std::println!("f32 {function:?} {set:?}: {:.3} ulp at {:e}", worst.0, worst.1);
            assert!(worst.0 <= function.bound(), "{function:?} {set:?}: {} ulp at {:e}", worst.0, worst.1);
        }
    }
}

#[test]
fn errors_of_f64_are_within_the_bounds() {
    let mut exact = Exact::new();
    let set = (Level::Baseline, false);
    for (function, reference, from, to) in [
        (ExpNonpositive, Function::Decay, -708.39, 0.0),
        (ExpNonpositive, Function::Decay, -1.0, 0.0),
        (Exp, Function::Exp, -745.0, -708.0),
        (Exp, Function::Exp, -708.0, 709.78),
        (Exp, Function::Exp, -1.0, 1.0),
        (Ln, Function::Ln, 0.5, 2.0),
        (Ln, Function::Ln, 5e-324, 1e-305),
        (Ln, Function::Ln, 1e-300, 1.7e308),
        (Ln1p, Function::Ln1p, -0.9999, -0.5),
        (Ln1p, Function::Ln1p, -0.5, 1.0),
        (Ln1p, Function::Ln1p, -1e-5, 1e-5),
        (Ln1p, Function::Ln1p, 1.0, 1.7e308),
        (Ln1pOfProduct, Function::Ln1p, 0.0, 3.0),
        (Ln1pOfProduct, Function::Ln1p, 1e-9, 8e37),
        (Softplus, Function::Softplus, -20.0, 20.0),
        (Softplus, Function::Softplus, -700.0, 1e4),
        (Pow(-4.0), Function::Pow(-4.0), 1e-9, 1e9),
        (Pow(-0.3), Function::Pow(-0.3), 1e-300, 1e300),
        (Pow(0.1), Function::Pow(0.1), 0.0, 1.0),
        (Pow(0.75), Function::Pow(0.75), 0.0, 1.0),
        (Pow(2.5), Function::Pow(2.5), 1e-12, 1e12),
        (Pow(4.0), Function::Pow(4.0), 1e-3, 1.0),
        (Pow(7.9), Function::Pow(7.9), 0.3, 3.0),
    ] {
        let is_wide = from > 0.0 && to / from > 100.0;
        let input: Vec<f64> = match is_wide {
            true => {
                spread(f64::ln(from), f64::ln(to), 1_000).map(f64::exp).map(|x| x.clamp(from, to)).collect()
            }
            false => spread(from, to, 1_000).collect(),
        };
        let mut output = input.clone();
        lane_row(set, function, &input, &mut output);
        let mut worst = (0.0, 0.0);
        for (&x, &y) in input.iter().zip(&output) {
            let error = exact.ulps(reference, x, y);
            worst = if error > worst.0 { (error, x) } else { worst };
        }
        std::println!("f64 {function:?} [{from:e}, {to:e}]: {:.3} ulp at {:e}", worst.0, worst.1);
        assert!(worst.0 <= function.bound(), "{function:?}: {} ulp at {:e}", worst.0, worst.1);
    }
}

/// The bits of a function at an instruction set; a NaN has the bits of 1.
fn bits<T: Reference>(set: (Level, bool), function: LaneFunction, input: &[T]) -> Option<Vec<u64>> {
    let mut output = input.to_vec();
    let bits = |y: &T| if y.is_nan() { T::ONE } else { *y }.bits_of();
    lane_row(set, function, input, &mut output).then(|| output.iter().map(bits).collect())
}

fn check_same_bits<T: Reference>(input: &[T], kinds: &[bool]) {
    for function in LaneFunction::OF_ONE_ARGUMENT.into_iter().chain([0.5, 2.0, 3.0, 4.0, 0.7, 2.5].map(Pow)) {
        for &fused in kinds {
            let expected = bits((Level::Baseline, fused), function, input).unwrap();
            for level in [Level::Avx2, Level::Avx512] {
                let Some(found) = bits((level, fused), function, input) else { continue };
                let differs = (0..input.len()).find(|&i| found[i] != expected[i]);
                let at = differs.map(|i| input[i]);
                assert_eq!(at, None, "{function:?} at {level:?}, fused {fused}");
            }
        }
    }
}

#[test]
fn instruction_sets_of_one_kind_give_the_same_bits() {
    let numbers = f32::numbers(200_000);
    let usual = spread(-100.0, 10.0, 100_000).map(|x| x as f32);
    check_same_bits(
        &numbers.into_iter().chain(usual).filter(is_specified).collect::<Vec<_>>(),
        &[true, false],
    );
    let numbers = f64::numbers(200_000);
    let usual = spread(-760.0, 10.0, 100_000);
    check_same_bits(&numbers.into_iter().chain(usual).filter(is_specified).collect::<Vec<_>>(), &[false]);
}

/// Large positive numbers are no arguments of `exp_nonpositive`, and those beyond 2¹²⁶ none of `ln_1p_of_product`.
fn is_specified<T: Vectorized>(x: &T) -> bool {
    !((*x).into() > 80.0)
}

#[test]
fn functions_have_their_limits() {
    check_limits::<f32>();
    check_limits::<f64>();
}

fn check_limits<T: Reference>() {
    let (zero, one, infinity, nan) = (T::ZERO, T::ONE, T::INFINITY, T::NAN);
    let tiny = T::from_bits_of(1);
    let max = T::from_bits_of(T::INFINITY.bits_of() - 1);
    let is = |function: LaneFunction, pairs: &[(T, T)]| {
        let input: Vec<T> = pairs.iter().map(|pair| pair.0).collect();
        for set in sets() {
            let mut output = input.clone();
            if lane_row(set, function, &input, &mut output) {
                for (&(x, expected), y) in pairs.iter().zip(output) {
                    let is_same = y == expected || y.is_nan() && expected.is_nan();
                    assert!(is_same, "{function:?}({x:?}) {set:?}: {y:?}, not {expected:?}");
                }
            }
        }
    };
    let of_nan = [(nan, nan), (-nan, nan)];
    let subnormal = T::EXP_IS_SUBNORMAL;
    let below = T::from_bits_of(subnormal.bits_of() + 1);
    is(ExpNonpositive, &[(zero, one), (-zero, one), (-tiny, one), (below, zero)]);
    is(ExpNonpositive, &[(-max, zero), (-infinity, zero), (T::constant(-1e4), zero)]);
    is(ExpNonpositive, &of_nan);
    is(Exp, &[(zero, one), (-zero, one), (tiny, one), (-tiny, one), (infinity, infinity), (max, infinity)]);
    is(Exp, &[(-infinity, zero), (-max, zero), (T::EXP_IS_ZERO, zero), (T::EXP_IS_INFINITE, infinity)]);
    is(Exp, &of_nan);
    is(Ln, &[(one, zero), (zero, -infinity), (-zero, -infinity), (infinity, infinity)]);
    is(Ln, &[(-tiny, nan), (-one, nan), (-max, nan), (-infinity, nan)]);
    is(Ln, &of_nan);
    is(Ln1p, &[(zero, zero), (tiny, tiny), (-tiny, -tiny), (-one, -infinity), (infinity, infinity)]);
    is(Ln1p, &[(T::constant(-1.5), nan), (-max, nan), (-infinity, nan)]);
    is(Ln1p, &of_nan);
    is(Ln1pOfProduct, &[(zero, zero), (tiny, tiny), (nan, nan), (-nan, nan)]);
    is(Softplus, &[(zero, T::constant(std::f64::consts::LN_2)), (max, max), (-max, zero)]);
    is(Softplus, &[(infinity, infinity), (-infinity, zero), (nan, nan), (-nan, nan)]);
    for exponent in [0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 7.5, 8.0] {
        is(Pow(exponent), &[(zero, zero), (-zero, zero), (one, one), (infinity, infinity), (nan, nan)]);
    }
    for exponent in [-0.1, -0.5, -1.0, -4.0] {
        is(Pow(exponent), &[(zero, infinity), (one, one), (infinity, zero), (nan, nan), (-one, nan)]);
    }
    is(Pow(0.0), &[(zero, one), (tiny, one), (max, one), (infinity, one), (nan, nan)]);
    is(Pow(8.0), &[(max, infinity), (tiny, zero)]);
    is(Pow(-4.0), &[(tiny, infinity)]);
    is(Pow(0.75), &[(-one, nan)]);
}

#[test]
fn exponentials_of_nonpositive_numbers_are_normal_at_most_one_or_zero() {
    let input: Vec<f32> = (0x8000_0000..=0xff80_0000u32).step_by(997).map(f32::from_bits).collect();
    let mut output = input.clone();
    for set in sets().filter(|&set| lane_row(set, ExpNonpositive, &input[..0], &mut [])) {
        lane_row(set, ExpNonpositive, &input, &mut output);
        assert!(output.iter().all(|&y| y == 0.0 || (f32::MIN_POSITIVE..=1.0).contains(&y)), "{set:?}");
        // The last argument with a normal result.
        let mut last = [f32::EXP_IS_SUBNORMAL];
        lane_row(set, ExpNonpositive, &last.clone(), &mut last);
        assert!((f32::MIN_POSITIVE..1.2e-38).contains(&last[0]), "{set:?}: {last:?}");
    }
}
