//! Errors of the functions of vectors over all f32, against std's f64 functions, at every CPU level, fused and split.
//!
//! `cargo run --release -p exhaustive --bin lanes` takes about an hour on one core, most of it in std's functions.
//! `… lanes 997` tests every 997th number only.

#[path = "../math/lane_row.rs"]
mod lane_row;
#[path = "../math/row.rs"]
mod row;

use lane_row::{LaneFunction, lane_row, sets};
use row::ulps_single;
use segloss::cpu::Level;

fn main() {
    let stride = std::env::args().nth(1).map_or(1, |word| word.parse().expect("a stride"));
    let mut failed = false;
    for function in LaneFunction::OF_ONE_ARGUMENT {
        for (set, error, at) in largest_errors(function, stride) {
            let bound = function.bound();
            failed |= error > bound;
            let kind = if set.1 { "fused" } else { "split" };
            println!("{function:?} {:?} {kind}: {error:.4} ulp at {at:e}, bound {bound}", set.0);
        }
    }
    assert!(!failed, "an error exceeds its bound");
}

/// The largest error of each instruction set, and its argument.
fn largest_errors(function: LaneFunction, stride: u64) -> Vec<((Level, bool), f64, f32)> {
    let (mut input, mut output, mut exact) = (vec![0f32; 4096], vec![0f32; 4096], vec![0f64; 4096]);
    // Portable fused operations are calls of `fmaf`; the bits are those of AVX2.
    let slow = (Level::Baseline, true);
    let mut worst: Vec<_> = sets()
        .filter(|&set| lane_row(set, function, &input, &mut output))
        .filter(|&set| set != slow || stride > 1)
        .map(|set| (set, 0f64, 0f32))
        .collect();
    let all = 1 << 32;
    let mut next = 0u64;
    while next < all {
        for x in &mut input {
            *x = f32::from_bits(next.min(all - 1) as u32);
            next += stride;
        }
        for (exact, &x) in exact.iter_mut().zip(&input) {
            *exact = function.value(x.into());
        }
        for (set, error, at) in &mut worst {
            lane_row(*set, function, &input, &mut output);
            for ((&x, &y), &exact) in input.iter().zip(&output).zip(&exact) {
                if x.is_nan() {
                    assert!(y.is_nan(), "{function:?}({x}) = {y}");
                } else if function.holds_for(x) {
                    let of_x = ulps_single(y, exact);
                    if of_x > *error {
                        (*error, *at) = (of_x, x);
                    }
                }
            }
        }
    }
    worst
}
