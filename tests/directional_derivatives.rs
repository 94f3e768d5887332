//! Gradients of many components against the reference: the derivative of its value along a few directions.
//!
//! Each direction has a nonzero entry for every component, so a wrong component shows in the sum. Selections are kept
//! constant: see [`held`].

use crate::constant_selections::held;
use crate::naive::{Activation, Case, Form, TermSpec, boundary, distance, value};

/// Tolerance relative to the sum of the absolute products.
const TOLERANCE: f64 = 1e-7;

/// A term whose field, which no step changes, is computed once.
fn prepared(case: &Case, term: &TermSpec) -> (Case, TermSpec) {
    let (case, mut term) = held(case, term);
    if term.field.is_none() {
        term.field = match term.form {
            Form::Boundary { rim_zero } => Some(boundary::signed_field(&case, rim_zero)),
            Form::DistancePenalized => Some(distance::reverted(&case)),
            _ => None,
        };
    }
    (case, term)
}

/// A direction: multiples of 1/8 between −1 and 1, different for neighbouring components.
fn direction(len: usize, seed: u64) -> Vec<f64> {
    let mixed = |k: usize| {
        let mut x =
            (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    (0..len).map(|k| [-1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0][(mixed(k) >> 61) as usize]).collect()
}

/// Asserts that `gradient`, `[B, C, N]`, equals the derivative of the reference's value along `directions` directions.
#[track_caller]
pub fn assert_gradient(case: &Case, terms: &[TermSpec], gradient: &[f64], directions: u64, title: &str) {
    let mut prepared: Vec<(Case, TermSpec)> = terms.iter().map(|term| prepared(case, term)).collect();
    // Five-point differences have an error of the fourth power of the step: see `gradients`.
    let step = match case.activation {
        Activation::Softmax | Activation::Sigmoid => 1e-2,
        Activation::Probability | Activation::ProbabilityPerClass => 5e-4,
    };
    for seed in 0..directions {
        let direction = direction(case.z.len(), seed);
        let mut at = |steps: f64| -> f64 {
            let of_term = |(moved, term): &mut (Case, TermSpec)| {
                let from = case.z.iter().zip(&direction).map(|(z, d)| z + steps * step * d);
                moved.z.iter_mut().zip(from).for_each(|(to, z)| *to = z);
                value(moved, std::slice::from_ref(term))
            };
            prepared.iter_mut().map(of_term).sum()
        };
        let expected = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step);
        let products = || gradient.iter().zip(&direction).map(|(g, d)| g * d);
        let (ours, size): (f64, f64) = (products().sum(), products().map(f64::abs).sum());
        assert!(size > 0.0 || expected == 0.0, "{title}: no gradient, and {expected:e} along a direction");
        assert!(
            (ours - expected).abs() <= TOLERANCE * size,
            "{title}: {ours:e}, not {expected:e}, of {size:e}"
        );
    }
}
