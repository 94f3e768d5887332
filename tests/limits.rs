//! Extreme inputs: perfect, absent, all wrong, empty, full; one voxel, one class; numbers of any size.

use crate::cases::{field_of, is_served};
use crate::convert_cases::{Float, Format, Outcome, exact, outcome};
use crate::list::losses;
use crate::naive::{Activation, Case, Form, TermSpec};
use approx::assert_relative_eq;

/// Smaller than a block, with two axes so that there is a boundary.
pub const SHAPE: [usize; 2] = [5, 7];
pub const ACTIVATIONS: [Activation; 4] =
    [Activation::Softmax, Activation::Sigmoid, Activation::Probability, Activation::ProbabilityPerClass];

pub fn is_logit(activation: Activation) -> bool {
    matches!(activation, Activation::Softmax | Activation::Sigmoid)
}

/// The prediction for a voxel of the class (`yes`) and for other voxels.
fn answer(activation: Activation, size: f64, yes: bool) -> f64 {
    match (is_logit(activation), yes) {
        (true, true) => size,
        (true, false) => -size,
        (false, true) => 1.0,
        (false, false) => 0.0,
    }
}

/// A prediction made from labels: `says(label, class)` is whether a voxel with this label is predicted as the class.
pub fn said(
    classes: usize,
    shape: &[usize],
    activation: Activation,
    size: f64,
    labels: &[i64],
    says: impl Fn(i64, i64) -> bool,
) -> Case {
    let of_class = |class: usize| {
        let class = if classes == 1 { 1 } else { class as i64 };
        let says = &says;
        labels.iter().map(move |&label| answer(activation, size, says(label, class)))
    };
    let z: Vec<f64> = (0..classes).flat_map(of_class).collect();
    Case::of_labels(classes, shape, activation, &z, labels, &[])
}

pub fn painted_labels(count: usize, classes: usize) -> Vec<i64> {
    (0..count).map(|k| ((k * k + k / 5) % 11 % classes.max(2)) as i64).collect()
}

/// Every extreme prediction for every number of classes and every activation.
pub fn ends() -> Vec<(String, Case)> {
    let mut all = vec![];
    for activation in ACTIVATIONS {
        for classes in [1, 2, 4].into_iter().filter(|&c| c > 1 || activation != Activation::Softmax) {
            for size in if is_logit(activation) { &[1e3, 8e4, 1e6][..] } else { &[1.0] } {
                for shape in [&SHAPE[..], &[1], &[1, 1, 1]] {
                    let n = shape.iter().product();
                    let last = (classes.max(2) - 1) as i64;
                    let labels = [painted_labels(n, classes), vec![0; n], vec![last; n]];
                    for (labels, what) in labels.iter().zip(["painted", "empty", "full"]) {
                        let mut add = |end: &str, says: &dyn Fn(i64, i64) -> bool| {
                            let title = format!("{activation:?} {classes} {size:e} {shape:?} {what} {end}");
                            all.push((title, said(classes, shape, activation, *size, labels, says)));
                        };
                        add("perfect", &|label, class| label == class);
                        add("all wrong", &|label, class| label != class);
                        add("everywhere", &|_, _| true);
                        add("nowhere", &|_, _| false);
                        add("one class for all", &|_, class| class == last);
                    }
                }
            }
        }
    }
    all
}

pub fn assert_finite(outcome: &Outcome, title: &str) {
    assert!(outcome.value.is_finite(), "{title}: {}", outcome.value);
    assert!(outcome.gradient.iter().all(|x| x.is_finite()), "{title}: {:?}", outcome.gradient);
}

#[test]
fn value_and_gradient_are_finite_for_every_extreme_prediction() {
    let ends = ends();
    for loss in losses() {
        for (title, case) in &ends {
            let terms = loss.for_classes(case.c);
            for prediction in [Float::F64, Float::F32, Float::F16] {
                // f16 cannot represent 8e4.
                let fits = prediction != Float::F16 || case.z.iter().all(|z| z.abs() < 65504.0);
                let format = Format { prediction, ..Format::exact(case) };
                if fits && is_served(&terms, case) {
                    assert_finite(
                        &outcome(case, &terms, &format, 1.0).unwrap(),
                        &format!("{} {title}", loss.name),
                    );
                }
            }
        }
    }
}

#[test]
fn value_and_gradient_are_finite_with_weights_and_fields_of_a_million() {
    for loss in losses() {
        for (title, case) in ends() {
            let weight: Vec<f64> = (0..case.n()).map(|k| [1e6, 1e-6, 0.0][k % 3]).collect();
            let case = case.weighted(&weight);
            let mut terms = loss.for_classes(case.c);
            for term in terms.iter_mut().filter(|term| field_of(term.form).is_some()) {
                // Hausdorff's distances are not negative, and its logarithm requires that.
                let inside = if matches!(term.form, Form::Hausdorff(_)) { 1e6 } else { -1e6 };
                term.field = Some((0..case.z.len()).map(|k| [1e6, inside, 1e-6][k % 3]).collect());
            }
            if !is_served(&terms, &case) {
                continue;
            }
            for prediction in [Float::F64, Float::F32] {
                let format = Format { prediction, ..Format::exact(&case) };
                assert_finite(
                    &outcome(&case, &terms, &format, 65536.0).unwrap(),
                    &format!("{} {title}", loss.name),
                );
            }
        }
    }
}

/// A perfect prediction of hard labels is not perfect for smoothed labels.
pub fn is_smoothed(term: &TermSpec) -> bool {
    matches!(term.form, Form::CrossEntropy { label_smoothing, .. } if label_smoothing > 0.0)
}

#[test]
fn perfect_prediction_from_logits_has_zero_gradient() {
    let is_perfect =
        |(title, case): &&(String, Case)| title.ends_with("perfect") && is_logit(case.activation);
    for loss in losses() {
        for (title, case) in ends().iter().filter(is_perfect) {
            let terms = loss.for_classes(case.c);
            if terms.iter().any(is_smoothed) || !is_served(&terms, case) {
                continue;
            }
            for prediction in [Float::F64, Float::F32] {
                let format = Format { prediction, ..Format::exact(case) };
                let ours = outcome(case, &terms, &format, 1.0).unwrap();
                assert!(ours.gradient.iter().all(|&x| x == 0.0), "{} {title}", loss.name);
            }
        }
    }
}

/// Every kind of f16 number, from the smallest to the largest, paired with every other.
#[test]
fn value_and_gradient_are_finite_over_the_range_of_f16() {
    let bits = [0, 1, 0x3ff, 0x400, 0x2e66, 0x3800, 0x3c00, 0x4900, 0x5640, 0x63d0, 0x7000, 0x7bff];
    let halves: Vec<f64> = (bits.iter())
        .flat_map(|&bits| [bits, bits | 0x8000].map(|bits| half::f16::from_bits(bits).to_f64()))
        .collect();
    let n = halves.len();
    for loss in losses() {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            for classes in [1, 2, 4].into_iter().filter(|&c| c > 1 || activation != Activation::Softmax) {
                // In voxel i·n + j, class c has the number i + c·j: with two classes every pair occurs.
                let number = |k: usize| halves[(k % (n * n) / n + k / (n * n) * (k % n)) % n];
                let z: Vec<f64> = (0..classes * n * n).map(number).collect();
                let case =
                    Case::of_labels(classes, &[n, n], activation, &z, &painted_labels(n * n, classes), &[]);
                let terms = loss.for_classes(classes);
                let format = Format { prediction: Float::F16, ..Format::exact(&case) };
                if is_served(&terms, &case) {
                    let title = format!("{} {activation:?} {classes}", loss.name);
                    assert_finite(&outcome(&case, &terms, &format, 1.0).unwrap(), &title);
                }
            }
        }
    }
}

#[test]
fn probabilities_outside_the_unit_interval_are_accepted() {
    let s: Vec<f64> = (0..3 * 35).map(|k| [-0.5, 1.5, 0.25, 0.0, 1.0][k % 5]).collect();
    for loss in losses() {
        for activation in [Activation::Probability, Activation::ProbabilityPerClass] {
            let case = Case::of_labels(3, &SHAPE, activation, &s, &painted_labels(35, 3), &[]);
            let terms = loss.for_classes(3);
            let ours = exact(&case, &terms);
            assert_finite(&ours, loss.name);
            assert_relative_eq!(ours.value, crate::naive::value(&case, &terms), max_relative = 1e-12);
        }
    }
}
