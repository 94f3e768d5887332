//! Errors of f16, bf16 and f32 against f64, in one table of tolerances.

use crate::cases;
use crate::convert_cases::{Float, Format, Outcome, exact, outcome};
use crate::list::{CROSS_ENTROPY, DICE, losses};
use crate::naive::boundary::signed_field;
use crate::naive::{Activation, Case, Form, TermSpec, term_value};
use approx::assert_relative_eq;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// Relative to the sum of the absolute summands: see [`reference`].
    Value,
    /// Relative to the largest component.
    Gradient,
}

/// Prediction and gradient in one format against f64 from the same numbers. A tolerance that could be four times
/// tighter fails.
const TABLE: [(Float, Part, f64, &str); 6] = [
    (Float::F32, Part::Value, 1e-7, "an f32 rounding or two per voxel, sums of 64 in f32, the rest in f64"),
    (Float::F32, Part::Gradient, 6e-7, "a handful of f32 roundings between a logit and its gradient"),
    (Float::Bf16, Part::Value, 1e-7, "computed in f32"),
    (Float::Bf16, Part::Gradient, 4e-3, "2^-8 is half the last bit of a bf16"),
    (Float::F16, Part::Value, 1e-7, "computed in f32"),
    (Float::F16, Part::Gradient, 5e-4, "2^-11 is half the last bit of an f16"),
];

/// The value of the reference, and the sum of the absolute summands: the terms' values, which are sums of positive
/// numbers except for signed distances, and the 1 subtracted by `minus_one`.
pub fn reference(case: &Case, terms: &[TermSpec]) -> (f64, f64) {
    let (mut value, mut size) = (0.0, 0.0);
    for term in terms {
        let of_term = term_value(case, term);
        value += term.weight * of_term;
        let of_sizes = match term.form {
            Form::Boundary { rim_zero } => {
                let signed = term.field.clone().unwrap_or_else(|| signed_field(case, rim_zero));
                let field = Some(signed.iter().map(|x| x.abs()).collect());
                term_value(case, &TermSpec { field, ..term.clone() })
            }
            _ if term.minus_one => of_term.abs() + 1.0,
            _ => of_term.abs(),
        };
        size += term.weight.abs() * of_sizes;
    }
    (value, size)
}

fn error(part: Part, ours: &Outcome, exact: &Outcome, size: f64) -> f64 {
    match part {
        Part::Value if ours.value == exact.value => 0.0,
        Part::Value => (ours.value - exact.value).abs() / size,
        Part::Gradient => {
            let largest = exact.gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let errors = ours.gradient.iter().zip(&exact.gradient).map(|(a, b)| (a - b).abs());
            errors.fold(0.0, f64::max) / largest
        }
    }
}

#[test]
fn narrow_formats_meet_tight_tolerances() {
    let mut worst = TABLE.map(|_| (0.0, String::new()));
    cases::each(|title, case, terms| {
        let (exact, (_, size)) = (exact(case, terms), reference(case, terms));
        for float in [Float::F32, Float::Bf16, Float::F16] {
            let format = Format { prediction: float, gradient: float, ..Format::exact(case) };
            let ours = outcome(case, terms, &format, 1.0).unwrap();
            for ((of, part, tolerance, _), worst) in TABLE.iter().zip(&mut worst) {
                let error = error(*part, &ours, &exact, size);
                if *of == float && error > worst.0 {
                    *worst = (error, title.to_string());
                }
                assert!(*of != float || error <= *tolerance, "{title}, {float:?} {part:?}: {error:e}");
            }
        }
    });
    for ((float, part, tolerance, _), (error, title)) in TABLE.iter().zip(&worst) {
        assert!(
            error * 4.0 >= *tolerance,
            "{float:?} {part:?}: {tolerance:e} could be {error:e}, of {title}"
        );
    }
}

/// Two classes with large logits, wrong at one voxel in seven.
fn sure(voxels: usize, activation: Activation, logit: f64) -> Case {
    let labels: Vec<i64> = (0..voxels).map(|i| (i % 3 == 0) as i64).collect();
    let says = |i: usize, class: i64| (labels[i] == class) != (i % 7 == 3);
    let logits = |class| (0..voxels).map(move |i| if says(i, class) { logit } else { 0.0 });
    let z: Vec<f64> = logits(0).chain(logits(1)).collect();
    Case::of_labels(2, &[voxels], activation, &z, &labels, &[])
}

/// Relative to each component, not to the largest: in f32, 1 − s would keep two digits where s is 1 − 6e-6.
#[test]
fn gradient_of_a_confident_voxel_keeps_its_digits() {
    for loss in losses() {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            let case = sure(70, activation, 12.0);
            let terms = loss.for_classes(2);
            let format = Format { prediction: Float::F32, ..Format::exact(&case) };
            let exact = exact(&case, &terms).gradient;
            let ours = outcome(&case, &terms, &format, 1.0).unwrap().gradient;
            for (i, (ours, exact)) in ours.iter().zip(&exact).enumerate() {
                let title = format!("{}, {activation:?} at {i}: {ours:e}, not {exact:e}", loss.name);
                assert!((ours - exact).abs() <= 2e-6 * exact.abs(), "{title}");
            }
        }
    }
}

#[test]
fn gradient_scale_prevents_underflow_in_f16() {
    // 1 − s is 1e-3, divided by 40,000 voxels; the gradient of wrong voxels is larger.
    let case = sure(40_000, Activation::Softmax, 7.0);
    for form in [CROSS_ENTROPY, DICE] {
        let terms = [TermSpec::new(form)];
        let format = Format { prediction: Float::F16, gradient: Float::F16, ..Format::exact(&case) };
        let exact = exact(&case, &terms).gradient;
        let vanished = outcome(&case, &terms, &format, 1.0).unwrap().gradient;
        let is_lost = |k: &usize| vanished[*k] == 0.0 && exact[*k] != 0.0;
        assert!((0..exact.len()).filter(is_lost).count() > exact.len() / 2, "{form:?}");
        const SCALE: f64 = 65536.0;
        let scaled = outcome(&case, &terms, &format, SCALE).unwrap().gradient;
        for (ours, exact) in scaled.iter().zip(&exact) {
            assert_relative_eq!(*ours, SCALE * exact, max_relative = 5e-4);
        }
    }
}
