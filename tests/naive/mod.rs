//! Every loss of "Segmentation Loss Odyssey" as its equation, in plain f64 loops.
//!
//! Slow, allocating, independent of the crate: the reference. Numbers in brackets are the paper's equations. It has no
//! gradients: tests take finite differences of the value.
//!
//! ```text
//! b, c, i   sample, class, voxel; maps are [B, C, N], contiguous, weights and labels [B, N]
//! s, g, w   probability, target, voxel weight; W = Σ w over the batch, W_b over a sample
//! v_bc      weight of class c where it is annotated in sample b and b has a counted voxel, else 0
//! ```
#![allow(dead_code, unused_imports)] // each test binary uses a part

pub mod boundary;
mod case;
pub mod compound;
pub mod distance;
pub mod distribution;
pub mod probability;
pub mod region;
mod term;

pub use case::{Activation, Case};
pub use probability::{Probabilities, probabilities};
pub use region::{RegionSums, class_sums};
pub use term::{Absent, ClassAverage, Form, Normalizer, SampleAverage, Selection, TermSpec};

/// A product with 0 · ∞ = 0.
pub fn times(coefficient: f64, x: f64) -> f64 {
    if coefficient == 0.0 && x.is_infinite() { 0.0 } else { coefficient * x }
}

/// Σ_k λ_k L_k.
pub fn value(case: &Case, terms: &[TermSpec]) -> f64 {
    terms.iter().map(|term| times(term.weight, term_value(case, term))).sum()
}

/// One term before its weight; 0 if nothing is left to average, with `minus_one` too.
pub fn term_value(case: &Case, term: &TermSpec) -> f64 {
    let v = case.annotated(&class_weight(case, term));
    if v.iter().all(|&v| v == 0.0) {
        return 0.0;
    }
    let loss = match term.form {
        Form::CrossEntropy { label_smoothing, normalizer } => {
            Some(distribution::cross_entropy(case, &v, label_smoothing, normalizer))
        }
        Form::TopK(selection) => Some(distribution::top_k(case, &v, selection)),
        Form::Focal { gamma } => Some(distribution::focal(case, &v, gamma)),
        Form::DistancePenalized => Some(distribution::distance_penalized(case, &v, term.field.as_deref())),
        Form::Boundary { rim_zero } => Some(boundary::boundary(case, &v, rim_zero, term.field.as_deref())),
        Form::Hausdorff(form) => Some(boundary::hausdorff(case, &v, form, term.field.as_deref())),
        Form::BalancedCrossEntropy { beta } => Some(compound::balanced_cross_entropy(case, &v, beta)),
        Form::PowerCrossEntropy { gamma } => Some(compound::power_cross_entropy(case, &v, gamma)),
        _ => region::average(case, &v, term),
    };
    match loss {
        None => 0.0,
        Some(loss) if term.minus_one => loss - 1.0,
        Some(loss) => loss,
    }
}

/// v_c: the given class weights, or the default of the loss.
pub fn class_weight(case: &Case, term: &TermSpec) -> Vec<f64> {
    let given = term.class_weight.clone();
    match term.form {
        Form::Boundary { .. } | Form::Hausdorff(_) => {
            given.unwrap_or_else(|| boundary::no_background(case.c))
        }
        Form::PowerCrossEntropy { .. } => given.unwrap_or_else(|| compound::from_frequencies(case)),
        // The mean of log-Dice only uses whether v_c is 0.
        Form::LogDice { .. } => given
            .unwrap_or_else(|| compound::from_frequencies(case))
            .iter()
            .map(|&v| if v == 0.0 { 0.0 } else { 1.0 })
            .collect(),
        _ => given.unwrap_or_else(|| vec![1.0; case.c]),
    }
}
