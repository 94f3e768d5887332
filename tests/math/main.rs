//! Errors in ulps, limits of every function, and the same bits at every CPU level.

#[path = "../at_level.rs"]
mod at_level;
mod row;

use at_level::Forced;
use row::{Function, LEVELS, exact::Exact, promise, row, spread, ulps_single};
use segloss::cpu::Power;
use segloss::custom::Real;

/// Intervals and error bounds of f64: (function, from, to, ulps). [`promise`] holds the bounds of f32.
///
/// The bounds are the documented ones; the largest error in samples is 1.9, of x⁴.
const PROMISES: &[(Function, f64, f64, f64)] = &[
    (Function::Exp, -103.0, 88.7, 1.00),
    (Function::Exp, -1.0, 0.0, 1.00),
    (Function::Decay, -87.3365, 0.0, 1.00),
    (Function::Decay, -1.0, 0.0, 1.00),
    (Function::Ln, 1e-44, 3.4e38, 1.00),
    (Function::Ln, 0.5, 2.0, 1.00),
    (Function::Ln1p, -0.5, 1.0, 1.00),
    (Function::Ln1p, -0.9999, -0.5, 1.00),
    (Function::Ln1p, -1e-5, 1e-5, 1.00),
    (Function::Ln1p, 1.0, 3.4e38, 1.00),
    (Function::Ln1pBy, 0.0, 1.0, 1.00),
    (Function::Ln1pBy, 1e-9, 1e-5, 1.00),
    (Function::Ln1pBy, 1.0, 1e30, 1.00),
    (Function::LnBy, 1e-37, 0.5, 1.00),
    (Function::LnBy, -0.5, -1e-9, 1.00),
    (Function::Softplus, -20.0, 20.0, 2.00),
    (Function::Softplus, -100.0, 1e4, 2.00),
    (Function::Sqrt, 0.0, 2.0, 0.50),
    (Function::Pow(-4.0), 1e-9, 1e9, 2.0),
    (Function::Pow(-0.3), 1e-37, 1e30, 2.0),
    (Function::Pow(0.1), 0.0, 1.0, 2.0),
    (Function::Pow(0.75), 0.0, 1.0, 2.0),
    (Function::Pow(1.5), 0.0, 1.0, 2.0),
    (Function::Pow(2.5), 1e-12, 1e12, 2.0),
    (Function::Pow(3.0), 0.0, 1.0, 2.0),
    (Function::Pow(4.0), 1e-3, 1.0, 2.0),
    (Function::Pow(7.9), 0.3, 3.0, 2.0),
    (Function::Pow(8.0), 1e-4, 1e4, 2.0),
];

#[test]
fn errors_are_within_the_bounds_in_f32() {
    for &(function, from, to, _) in PROMISES {
        let promise = promise(function);
        let input: Vec<f32> = numbers(from, to, 100_000).iter().map(|&x| x as f32).collect();
        let mut output = input.clone();
        row(function, &input, &mut output);
        let (error, at) = worst(&input, &output, |x, y| ulps_single(y, reference(function, x.into())));
        println!("f32 {function:?} [{from:e}, {to:e}]: {error:.3} at {at:e}");
        assert!(error <= promise, "{function:?}({at:e}): {error} ulp");
    }
}

#[test]
fn errors_are_within_the_bounds_in_f64() {
    let mut exact = Exact::new();
    for &(function, from, to, promise) in PROMISES {
        let input = numbers(from, to, 2_000);
        let mut output = input.clone();
        row(function, &input, &mut output);
        let (error, at) = worst(&input, &output, |x, y| exact.ulps(function, x, y));
        println!("f64 {function:?} [{from:e}, {to:e}]: {error:.3} at {at:e}");
        assert!(error <= promise, "{function:?}({at:e}): {error} ulp");
    }
}

/// Ranges of f64 beyond those of f32: subnormals, and numbers close to overflow.
#[test]
fn errors_are_within_the_bounds_at_the_extremes_of_f64() {
    let mut exact = Exact::new();
    let ranges = [
        (Function::Exp, -745.0, -708.0, 1.00),
        (Function::Exp, 700.0, 709.78, 1.00),
        (Function::Exp, -708.0, 709.0, 1.00),
        (Function::Decay, -708.396, 0.0, 1.00),
        (Function::Ln, 5e-324, 1e-305, 1.00),
        (Function::Ln, 1e-300, 1.7e308, 1.00),
        (Function::Ln1p, 1.0, 1.7e308, 1.00),
        (Function::Softplus, -740.0, 10.0, 2.00),
        (Function::Pow(7.7), 1e-39, 1e39, 2.0),
        (Function::Pow(0.9), 1e-300, 1e300, 2.0),
    ];
    for (function, from, to, promise) in ranges {
        let input = numbers(from, to, 2_000);
        let mut output = input.clone();
        row(function, &input, &mut output);
        let (error, at) = worst(&input, &output, |x, y| exact.ulps(function, x, y));
        println!("f64 {function:?} [{from:e}, {to:e}]: {error:.3} at {at:e}");
        assert!(error <= promise, "{function:?}({at:e}): {error} ulp");
    }
}

/// Every 1009th f32; `tests/exhaustive/functions.rs` tests all of them.
#[test]
fn errors_are_within_the_bounds_at_every_1009th_f32() {
    let input: Vec<f32> = all_f32(1009);
    let mut output = input.clone();
    for function in [Function::Exp, Function::Ln, Function::Ln1p, Function::Softplus] {
        let promise = promise(function);
        row(function, &input, &mut output);
        let (error, at) = worst(&input, &output, |x, y| ulps_single(y, reference(function, x.into())));
        println!("f32 {function:?}: {error:.4} at {at:e}");
        assert!(error <= promise, "{function:?}({at:e}): {error} ulp");
    }
}

#[test]
fn every_cpu_level_gives_the_same_bits() {
    let forced = Forced::alone();
    let singles = all_f32(10_007);
    let doubles: Vec<f64> =
        (0..300_000_u64).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let functions = PROMISES.iter().map(|promise| promise.0).chain([Function::Pow(0.0), Function::Pow(0.5)]);
    for function in functions {
        let levels = LEVELS.into_iter().filter(|&level| forced.to(level));
        let hashes: Vec<(u64, u64)> = levels
            .map(|_| {
                let (mut single, mut double) = (singles.clone(), doubles.clone());
                row(function, &singles, &mut single);
                row(function, &doubles, &mut double);
                let single = hash(single.iter().map(|y| if y.is_nan() { 1 } else { y.to_bits().into() }));
                (single, hash(double.iter().map(|y| if y.is_nan() { 1 } else { y.to_bits() })))
            })
            .collect();
        assert!(hashes.iter().all(|&hash| hash == hashes[0]), "{function:?}: {hashes:?}");
    }
}

#[test]
fn ends() {
    ends_of::<f32>(f32::MAX, f32::from_bits(1), f32::NAN, f32::INFINITY);
    ends_of::<f64>(f64::MAX, f64::from_bits(1), f64::NAN, f64::INFINITY);
}

fn ends_of<T: Real + std::fmt::Debug>(max: T, tiny: T, nan: T, infinity: T) {
    let number = |x: f64| T::of(x);
    let (zero, one) = (number(0.0), number(1.0));
    let is_nan = |x: T| x.is_nan();

    let exp = |x: T| Real::exp(x);
    assert_eq!(exp(zero), one);
    assert_eq!(exp(-zero), one);
    assert_eq!(exp(tiny), one);
    assert_eq!(exp(-tiny), one);
    assert_eq!((exp(infinity), exp(max), exp(-infinity), exp(-max)), (infinity, infinity, zero, zero));
    assert!(is_nan(exp(nan)) && is_nan(exp(-nan)));

    let ln = |x: T| Real::ln(x);
    assert_eq!((ln(one), ln(zero), ln(-zero), ln(infinity)), (zero, -infinity, -infinity, infinity));
    assert!(ln(tiny) < number(-100.0) && ln(max) > number(88.0) && ln(max) < infinity);
    assert!([-tiny, -one, -max, -infinity, nan, -nan].into_iter().all(|x| is_nan(ln(x))));

    let ln_1p = |x: T| Real::ln_1p(x);
    assert_eq!((ln_1p(zero), ln_1p(-one), ln_1p(infinity)), (zero, -infinity, infinity));
    assert_eq!((ln_1p(tiny), ln_1p(-tiny)), (tiny, -tiny));
    assert_eq!(ln_1p(max), ln(max));
    assert!([number(-1.5), -max, -infinity, nan, -nan].into_iter().all(|x| is_nan(ln_1p(x))));

    let softplus = |x: T| Real::softplus(x);
    assert_eq!((softplus(max), softplus(-max)), (max, zero));
    assert_eq!((softplus(infinity), softplus(-infinity)), (infinity, zero));
    assert_eq!(softplus(zero), T::of(std::f64::consts::LN_2));
    assert!(is_nan(softplus(nan)) && is_nan(softplus(-nan)));

    let pow = |x: T, exponent: f64| Power::of(exponent).raise(x);
    for exponent in [0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 7.5, 8.0] {
        assert_eq!((pow(zero, exponent), pow(one, exponent)), (zero, one), "{exponent}");
        assert_eq!((pow(-zero, exponent), pow(infinity, exponent)), (zero, infinity), "{exponent}");
        assert!(is_nan(pow(nan, exponent)), "{exponent}");
    }
    for exponent in [-0.1, -0.5, -1.0, -4.0] {
        assert_eq!((pow(zero, exponent), pow(one, exponent)), (infinity, one), "{exponent}");
        assert_eq!(pow(infinity, exponent), zero, "{exponent}");
        assert!(is_nan(pow(nan, exponent)) && is_nan(pow(-one, exponent)), "{exponent}");
    }
    assert_eq!([zero, one, tiny, max, infinity].map(|x| pow(x, 0.0)), [one; 5]);
    assert!(is_nan(pow(nan, 0.0)) && is_nan(pow(-one, 0.75)) && is_nan(pow(one, f64::NAN)));
    assert_eq!((pow(max, 8.0), pow(tiny, 8.0), pow(tiny, -4.0)), (infinity, zero, infinity));
}

#[test]
fn exponential_of_a_difference_to_the_maximum_is_at_most_one() {
    let input: Vec<f32> = all_f32(1009).into_iter().filter(|&x| x <= 0.0).collect();
    let mut output = input.clone();
    for function in [Function::Exp, Function::Decay] {
        row(function, &input, &mut output);
        assert!(output.iter().all(|&y| (0.0..=1.0).contains(&y)));
    }
}

#[test]
fn exponential_of_nonpositive_numbers_is_normal_or_zero() {
    // The numbers on either side of the smallest normal one.
    let input = [0.0f32, -0.0, -87.336_54, -87.336_55, -1e30, f32::NEG_INFINITY, f32::NAN];
    let mut output = input;
    row(Function::Decay, &input, &mut output);
    assert!(output[..2] == [1.0; 2] && output[3..6] == [0.0; 3] && output[6].is_nan(), "{output:?}");
    assert!((f32::MIN_POSITIVE..1.2e-38).contains(&output[2]), "{output:?}");
    let input = [0.0f64, -708.396_418_532_264, -708.396_418_532_265, -1e300, f64::NEG_INFINITY, f64::NAN];
    let mut output = input;
    row(Function::Decay, &input, &mut output);
    assert!(output[0] == 1.0 && output[2..5] == [0.0; 3] && output[5].is_nan(), "{output:?}");
    assert!((f64::MIN_POSITIVE..2.3e-308).contains(&output[1]), "{output:?}");
}

/// Samples of an interval: linear in small ranges, logarithmic in wide ones.
fn numbers(from: f64, to: f64, count: usize) -> Vec<f64> {
    if from > 0.0 && to / from > 100.0 {
        return spread(from.ln(), to.ln(), count).map(f64::exp).map(|x| x.clamp(from, to)).collect();
    }
    spread(from, to, count).collect()
}

fn all_f32(stride: usize) -> Vec<f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits).collect()
}

/// The value to about 53 bits, enough to measure the error of an f32.
fn reference(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp | Function::Decay => x.exp(),
        Function::Ln => x.ln(),
        Function::Ln1p | Function::Ln1pBy => x.ln_1p(),
        Function::LnBy => {
            if x < 0.0 {
                x.ln_1p()
            } else {
                x.ln()
            }
        }
        Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Function::Sqrt => x.sqrt(),
        Function::Pow(exponent) => x.powf(exponent),
    }
}

fn worst<T: Copy>(input: &[T], output: &[T], error: impl FnMut(T, T) -> f64) -> (f64, T) {
    let mut error = error;
    let errors = input.iter().zip(output).map(|(&x, &y)| (error(x, y), x));
    errors.reduce(|worst, next| if next.0 > worst.0 { next } else { worst }).expect("numbers to judge")
}

/// FNV-1a over words.
fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}
