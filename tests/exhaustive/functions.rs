//! Errors of `exp`, `ln`, `ln_1p`, `softplus` and related functions over all f32, against std's f64 functions.
//!
//! `cargo run --release -p exhaustive --bin functions` takes a few minutes on one core.
//! `… functions 1009` tests every 1009th number only.

#[path = "../math/row.rs"]
mod row;

use row::{Function, promise, row, ulps_single};

fn main() {
    let stride = std::env::args().nth(1).map_or(1, |word| word.parse().expect("a stride"));
    check(Function::Exp, stride, f64::exp);
    // 0 where the exponential is not a normal number.
    check(Function::Decay, stride, |x| if x < -87.336_544 { 0.0 } else { x.exp() });
    check(Function::Ln, stride, f64::ln);
    check(Function::Ln1p, stride, f64::ln_1p);
    check(Function::Ln1pBy, stride, f64::ln_1p);
    check(Function::LnBy, stride, |x| if x < 0.0 { x.ln_1p() } else { x.ln() });
    check(Function::Softplus, stride, |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
}

/// Prints the largest error and its argument. Fails if it exceeds the documented bound, or, after testing every number,
/// if the bound could be lower by 0.01.
fn check(function: Function, stride: usize, exact: fn(f64) -> f64) {
    let (mut input, mut output) = (vec![0.0_f32; 4096], vec![0.0_f32; 4096]);
    let mut worst = (0.0, 0.0);
    let mut next = 0_u64;
    let all = 1_u64 << 32;
    while next < all {
        for x in &mut input {
            *x = f32::from_bits(next.min(all - 1) as u32);
            next += stride as u64;
        }
        row(function, &input, &mut output);
        for (&x, &y) in input.iter().zip(&output) {
            if x.is_nan() {
                assert!(y.is_nan(), "{function:?}({x}) = {y}");
                continue;
            }
            let promises_nothing = match function {
                Function::Decay => x > 0.0,
                Function::Ln1pBy => x < 0.0 || x.is_infinite(),
                // A negative x is minus the complement. Where 1 + x is rounded to one half the complement is not used.
                Function::LnBy => {
                    x.abs() > 0.5 || 1.0 + x <= 0.5 && x < 0.0 || (0.0..f32::MIN_POSITIVE).contains(&x)
                }
                _ => false,
            };
            if promises_nothing {
                continue;
            }
            let error = ulps_single(y, exact(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    let (error, at) = worst;
    println!("{function:?}: {error:.4} ulp at {at:e}");
    let promise = promise(function);
    assert!(error <= promise, "{function:?} promises {promise} ulp");
    assert!(stride > 1 || error > promise - 0.01, "{function:?} could promise less than {promise} ulp");
}
