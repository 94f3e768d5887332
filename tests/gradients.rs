//! Every gradient is the derivative of its value, by five-point differences of the crate's own value.
//!
//! Losses with a selection are replaced by those of [`held`], whose selection is constant.

use crate::cases;
use crate::constant_selections::held;
use crate::convert_cases::{Format, Inputs, Layout, outcome, with_terms};
use crate::list::losses;
use crate::naive::{Activation, Case, TermSpec};
use segloss::{Term, View, evaluate, scratch_len};

/// Tolerance relative to the largest component: the fourth power of the step leaves 1e-8 of it.
const TOLERANCE: f64 = 1e-7;

/// Step for logits: the fifth derivative of a sigmoid is at most of the order of the first, and h⁴/30 is 3e-10.
/// Step for probabilities: the fifth derivative of −log s is 24/s⁴ times the first, s ≥ 1/16: (h/s)⁴·24/30 is 3e-9.
fn step(activation: Activation) -> f64 {
    match activation {
        Activation::Softmax | Activation::Sigmoid => 1e-2,
        Activation::Probability | Activation::ProbabilityPerClass => 5e-4,
    }
}

/// The shape of the prediction.
fn shape(case: &Case) -> Vec<usize> {
    [case.b, case.c].iter().chain(&case.shape).copied().collect()
}

fn differences(case: &Case, specs: &[TermSpec]) -> Vec<f64> {
    let inputs = Inputs::new(case, specs, &Format::exact(case));
    with_terms(specs, &inputs, |terms| differences_of(case, &inputs, terms))
}

/// `(8·(L(+h) − L(−h)) − (L(+2h) − L(−2h))) / 12h` of every element of the prediction.
pub fn differences_of(case: &Case, inputs: &Inputs, terms: &[Term<'_>]) -> Vec<f64> {
    let (shape, step) = (shape(case), step(case.activation));
    let mut z = case.z.clone();
    let mut scratch = vec![0; scratch_len(&inputs.batch(inputs.prediction.view()), terms).unwrap()];
    let mut difference = |k: usize| {
        let mut at = |steps: f64| {
            z[k] = case.z[k] + steps * step;
            let batch = inputs.batch(View::new(&z, &shape).unwrap());
            evaluate(&batch, terms, &mut scratch).unwrap()
        };
        let (near, far) = (at(1.0) - at(-1.0), at(2.0) - at(-2.0));
        at(0.0);
        (8.0 * near - far) / (12.0 * step)
    };
    (0..case.z.len()).map(&mut difference).collect()
}

/// Finite differences of a weighted sum, term by term, with the selection of each term held constant.
fn differences_of_held(case: &Case, terms: &[TermSpec]) -> Vec<f64> {
    let mut sums = vec![0.0; case.z.len()];
    for term in terms {
        let (case, term) = held(case, term);
        sums.iter_mut().zip(differences(&case, &[term])).for_each(|(sum, x)| *sum += x);
    }
    sums
}

/// Asserts that the difference of every component is within the error of the step.
#[track_caller]
pub fn assert_derivative(analytic: &[f64], differences: &[f64], title: &str) {
    let scale = largest(differences);
    assert!(scale > 1e-6, "{title}: the case says nothing");
    for (i, (a, d)) in analytic.iter().zip(differences).enumerate() {
        assert!((a - d).abs() <= TOLERANCE * scale, "{title} at {i}: {a:e}, not {d:e}");
    }
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |m, x| m.max(x.abs()))
}

#[test]
fn gradient_is_the_derivative_of_the_value() {
    cases::each(|title, case, terms| {
        let differences = differences_of_held(case, terms);
        for layout in [Layout::ChannelsFirst, Layout::ChannelsLast, Layout::Odd] {
            let analytic =
                outcome(case, terms, &Format { layout, ..Format::exact(case) }, 1.0).unwrap().gradient;
            assert_derivative(&analytic, &differences, &format!("{title}, {layout:?}"));
        }
    });
}

/// Voxels whose largest logits are equal: no class is the largest, and of two classes both have a probability of ½.
#[test]
fn equal_logits_have_the_gradient_that_is_the_derivative() {
    for classes in [2, 3, 5] {
        let n = 5;
        let logit = |c: usize, i: usize| match i {
            0 | 1 => 0.75,
            2 if c < 2 => 1.5,
            _ => ((c * 5 + i * 3) % 7) as f64 / 4.0 - 1.0,
        };
        let z: Vec<f64> = (0..classes * n).map(|k| logit(k / n, k % n)).collect();
        let labels: Vec<i64> = (0..n).map(|i| (i % classes) as i64).collect();
        let case = Case::of_labels(classes, &[n], Activation::Softmax, &z, &labels, &[]);
        for loss in losses() {
            let terms = loss.for_classes(classes);
            if !cases::is_served(&terms, &case) {
                continue;
            }
            let differences = differences_of_held(&case, &terms);
            let analytic = outcome(&case, &terms, &Format::exact(&case), 1.0).unwrap().gradient;
            let scale = largest(&differences);
            for (i, (a, d)) in analytic.iter().zip(&differences).enumerate() {
                let title = format!("{}, {classes} classes", loss.name);
                assert!((a - d).abs() <= TOLERANCE * scale + 1e-12, "{title} at {i}: {a:e}, not {d:e}");
            }
        }
    }
}
