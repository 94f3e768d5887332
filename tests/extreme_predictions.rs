//! Extreme predictions with known values: perfect, absent, all wrong; one test per line of that table.

use crate::cases::is_served;
use crate::convert_cases::{Float, Format, exact, outcome, value_alone};
use crate::limits::{SHAPE, assert_finite, ends, is_smoothed, painted_labels, said};
use crate::list::{BOUNDARY, CROSS_ENTROPY, DICE, GENERALIZED_DICE, TVERSKY, losses};
use crate::naive::boundary::{no_background, signed_field};
use crate::naive::compound::presets;
use crate::naive::{Activation, Case, Form, Selection, TermSpec};
use approx::assert_relative_eq;

const E: f64 = 1e-5;
const R: f64 = 0.05;
const SENSITIVITY: Form = Form::SensitivitySpecificity { r: R };
const IOU: Form = Form::Iou { squared: false };
const ASYMMETRIC: Form = Form::AsymmetricSimilarity { beta: 1.5 };

fn value(case: &Case, form: Form) -> f64 {
    exact(case, &[TermSpec::new(form)]).value
}

#[track_caller]
fn assert_values(case: &Case, expected: &[(Form, f64)]) {
    for &(form, expected) in expected {
        let ours = value(case, form);
        assert!((ours - expected).abs() <= 1e-14 * expected.abs(), "{form:?}: {ours:e}, not {expected:e}");
    }
}

/// A case of one class with the given probability of each voxel.
fn one_class(labels: &[i64], s: &[f64]) -> Case {
    Case::of_labels(1, &[labels.len()], Activation::Probability, s, labels, &[])
}

/// BD of s = g: Σ w φ g / n.
fn depth_of_the_truth(case: &Case, term: &TermSpec, rim_zero: bool) -> f64 {
    let v = term.class_weight.clone().unwrap_or_else(|| no_background(case.c));
    let (phi, n) = (signed_field(case, rim_zero), case.n());
    let inside = |k: usize| v[k / n] * case.weight[k % n] * phi[k] * case.truth[k];
    let all: f64 = v.iter().sum::<f64>() * case.total_weight();
    (0..case.z.len()).map(inside).sum::<f64>() / all
}

#[test]
fn perfect_prediction_has_zero_loss() {
    for loss in losses() {
        for (title, case) in ends().into_iter().filter(|(title, _)| title.ends_with("perfect")) {
            let weight: Vec<f64> = (0..case.n()).map(|i| [1.0, 0.5, 3.0][i % 3]).collect();
            let (terms, case) = (loss.for_classes(case.c), case.weighted(&weight));
            if terms.iter().any(is_smoothed) || !is_served(&terms, &case) {
                continue;
            }
            for prediction in [Float::F64, Float::F32] {
                let format = Format { prediction, ..Format::exact(&case) };
                let ours = outcome(&case, &terms, &format, 1.0).unwrap();
                for (value, term) in ours.terms.iter().zip(&terms) {
                    match term.form {
                        Form::Boundary { rim_zero } => {
                            let expected = depth_of_the_truth(&case, term, rim_zero);
                            let precision = if prediction == Float::F64 { 1e-14 } else { 1e-6 };
                            assert_relative_eq!(*value, expected, max_relative = precision);
                        }
                        _ if term.minus_one => assert_eq!(*value, -1.0, "{} {title}", loss.name),
                        _ => assert_eq!(*value, 0.0, "{} {title}", loss.name),
                    }
                }
            }
        }
    }
}

#[test]
fn combo_of_a_perfect_prediction_is_minus_the_weight_of_dice() {
    let labels = painted_labels(35, 2);
    for (activation, size) in [(Activation::Softmax, 1e3), (Activation::Probability, 1.0)] {
        let perfect = said(2, &SHAPE, activation, size, &labels, |label, class| label == class);
        assert_eq!(exact(&perfect, &presets::combo(2)).value, -0.5);
    }
}

/// G = 0, S = 1.375, Σws² = 0.65625.
#[test]
fn class_absent_from_the_target_is_counted() {
    let invented = one_class(&[0, 0, 0], &[0.5, 0.25, 0.75]).weighted(&[1.0, 2.0, 0.5]);
    let overlap_of = |predicted: f64| 1.0 - E / (predicted + E);
    assert_values(
        &invented,
        &[
            (DICE, overlap_of(1.375)),
            (IOU, overlap_of(1.375)),
            (Form::Dice { squared: true }, overlap_of(0.65625)),
            (Form::Iou { squared: true }, overlap_of(0.65625)),
            (TVERSKY, overlap_of(0.3 * 1.375)),
            (Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma: 0.5 }, overlap_of(0.3 * 1.375).powi(2)),
            (ASYMMETRIC, overlap_of(1.375 / 3.25)),
            (GENERALIZED_DICE, overlap_of(1.375)),
            (SENSITIVITY, (1.0 - R) * 0.65625 / (3.5 + E)),
            // A class absent from the target has weight 0 in (16).
            (Form::LogDice { gamma: 0.3 }, 0.0),
            (Form::PowerCrossEntropy { gamma: 0.3 }, 0.0),
        ],
    );
}

#[test]
fn generalized_dice_weighs_classes_equally_if_all_are_absent() {
    let s = [0.5, 0.25, 0.75, 0.125, 0.5, 0.25];
    let nobody = Case::of_maps(2, &[3], Activation::ProbabilityPerClass, &s, &[0.0; 6]);
    let gd = 1.0 - E / (1.5 + 0.875 + E);
    for power in [2.0, 1.0, 0.0] {
        let penalty = gd / (1.0 + 2.5 * (1.0 - gd));
        assert_values(
            &nobody,
            &[(Form::GeneralizedDice { power }, gd), (Form::Penalty { power, k: 2.5 }, penalty)],
        );
    }
}

/// G = 2.5, no true positives, no false positives.
#[test]
fn class_missed_entirely_has_loss_one_less_the_smoothing() {
    let overlooked = one_class(&[1, 1, 0], &[0.0; 3]).weighted(&[0.5, 2.0, 1.0]);
    let overlap_of = |truth: f64| 1.0 - E / (truth + E);
    assert_values(
        &overlooked,
        &[
            (DICE, overlap_of(2.5)),
            (IOU, overlap_of(2.5)),
            (Form::Dice { squared: true }, overlap_of(2.5)),
            (Form::Iou { squared: true }, overlap_of(2.5)),
            (TVERSKY, overlap_of(0.7 * 2.5)),
            (Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma: 0.5 }, overlap_of(0.7 * 2.5).powi(2)),
            (ASYMMETRIC, overlap_of(2.25 / 3.25 * 2.5)),
            (GENERALIZED_DICE, overlap_of(2.5)),
            (SENSITIVITY, R * 2.5 / (2.5 + E)),
            (Form::LogDice { gamma: 1.0 }, -(E / (2.5 + E)).ln()),
        ],
    );
}

#[test]
fn cross_entropy_of_two_wrong_classes_is_the_difference_of_their_logits() {
    for (size, n) in [(8e4, 1), (8e4, 70), (1e6, 1), (1e6, 70)] {
        let labels = painted_labels(n, 2);
        let wrong = said(2, &[n], Activation::Softmax, size, &labels, |label, class| label != class);
        for form in [
            CROSS_ENTROPY,
            Form::Focal { gamma: 0.0 },
            Form::Focal { gamma: 2.0 },
            Form::Focal { gamma: 3.7 },
            Form::TopK(Selection::Fraction(0.1)),
            Form::TopK(Selection::Threshold(0.5)),
        ] {
            assert_eq!(value(&wrong, form), 2.0 * size, "{form:?}");
        }
    }
    // One half of both outcomes, and of a Dice of 1/2 with a smoothing of one voxel.
    let wrong = said(2, &[1], Activation::Softmax, 8e4, &[1], |label, class| label != class);
    assert_eq!(exact(&wrong, &presets::combo(2)).value, 79_999.75);
}

#[test]
fn given_probability_of_exactly_0_or_1_has_the_floor_value_and_no_gradient() {
    let floor = 126.0 * 2f64.ln();
    let (overlooked, invented) = (one_class(&[1], &[0.0]), one_class(&[0], &[1.0]));
    for wrong in [&overlooked, &invented] {
        for form in [CROSS_ENTROPY, Form::Focal { gamma: 2.0 }, Form::TopK(Selection::Fraction(0.1))] {
            let ours = exact(wrong, &[TermSpec::new(form)]);
            assert_relative_eq!(ours.value, floor, max_relative = 1e-14);
        }
        assert_eq!(exact(wrong, &[TermSpec::new(CROSS_ENTROPY)]).gradient, [0.0]);
        let balanced = exact(wrong, &[TermSpec::new(Form::BalancedCrossEntropy { beta: 0.5 })]);
        assert_relative_eq!(balanced.value, 0.5 * floor, max_relative = 1e-14);
        assert_eq!(balanced.gradient, [0.0]);
    }
    let power = exact(&overlooked, &[TermSpec::new(Form::PowerCrossEntropy { gamma: 0.3 })]);
    assert_relative_eq!(power.value, floor.powf(0.3), max_relative = 1e-14);
    assert_eq!(power.gradient, [0.0]);
}

#[test]
fn single_voxel_has_no_boundary_and_the_loss_of_its_error() {
    let wrong = said(2, &[1, 1, 1], Activation::Probability, 1.0, &[1], |label, class| label != class);
    assert_values(&wrong, &[(BOUNDARY, 0.0), (Form::Hausdorff(Default::default()), 0.0)]);
    // A sample of one label has D = 0.
    assert_eq!(value(&wrong, Form::DistancePenalized), value(&wrong, CROSS_ENTROPY));
}

/// Parameters with the largest powers.
#[test]
fn values_and_gradients_at_gamma_5_are_finite() {
    for gamma in [1e-3, 0.2, 5.0] {
        for form in [
            Form::Focal { gamma },
            Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma },
            Form::PowerCrossEntropy { gamma },
            Form::LogDice { gamma },
            Form::Hausdorff(crate::naive::boundary::Hausdorff { alpha: gamma, ..Default::default() }),
        ] {
            for (title, case) in ends() {
                for smoothing in [1e-5, 0.0] {
                    let term = TermSpec {
                        smooth_numerator: smoothing,
                        smooth_denominator: smoothing,
                        ..TermSpec::new(form)
                    };
                    for prediction in [Float::F64, Float::F32] {
                        let format = Format { prediction, ..Format::exact(&case) };
                        let ours = outcome(&case, std::slice::from_ref(&term), &format, 1.0).unwrap();
                        assert_finite(&ours, &format!("{form:?} {title}"));
                    }
                }
            }
        }
    }
}

/// γ = 5 of a distance of 2·10⁶, times a weight of 10⁶, is 3.2e37: the sum of more than ten exceeds the range of f32.
#[test]
fn sums_of_the_largest_voxel_losses_are_finite() {
    for n in [1, 64, 70] {
        let labels = painted_labels(n, 2);
        let wrong = said(2, &[n], Activation::Softmax, 1e6, &labels, |label, class| label != class);
        let case = wrong.weighted(&vec![1e6; n]);
        for prediction in [Float::F64, Float::F32] {
            let format = Format { prediction, ..Format::exact(&case) };
            let term = TermSpec::new(Form::PowerCrossEntropy { gamma: 5.0 });
            assert_finite(&outcome(&case, &[term], &format, 1.0).unwrap(), &format!("{n} {prediction:?}"));
        }
    }
}

/// The factors of a product of `1 + r` are then as large as possible: the number of classes. Outputs by class would have
/// a logarithm of each voxel instead.
#[test]
fn cross_entropy_of_an_indifferent_prediction_is_the_logarithm_of_the_number_of_classes() {
    let n = 300;
    for classes in [2, 9, 21, 105, 234, 235, 257, 1000] {
        let labels: Vec<i64> = (0..n).map(|i| (i * 7 % classes) as i64).collect();
        let even = Case::of_labels(classes, &[n], Activation::Softmax, &vec![0.5; classes * n], &labels, &[]);
        let weight: Vec<f64> = (0..n).map(|i| [1.0, 0.0, 3.0][i % 3]).collect();
        for case in [even.clone(), even.weighted(&weight)] {
            for (prediction, precision) in [(Float::F64, 1e-14), (Float::F32, 1e-6), (Float::F16, 1e-6)] {
                // Region losses with weight 0: the value is that of cross entropy, and the passes those of both.
                for region in [None, Some(TermSpec { weight: 0.0, ..TermSpec::new(DICE) })] {
                    let terms: Vec<TermSpec> =
                        region.into_iter().chain([TermSpec::new(CROSS_ENTROPY)]).collect();
                    let format = Format { prediction, by_class: false, ..Format::exact(&case) };
                    let beside = outcome(&case, &terms, &format, 1.0).unwrap();
                    for value in [value_alone(&case, &terms, &format), beside.value] {
                        assert_relative_eq!(value, (classes as f64).ln(), max_relative = precision);
                    }
                }
            }
        }
    }
}
