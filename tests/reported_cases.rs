//! Reported cases: classes masked by logits of −∞, maps compared with labels, and refused inputs.

use crate::cases::is_served;
use crate::convert_cases::{Float, Format, Inputs, Outcome, Target, outcome, with_terms};
use crate::list::{CROSS_ENTROPY, losses};
use crate::naive::boundary::Hausdorff;
use crate::naive::{self, Activation, Case, Form, Selection, TermSpec};
use segloss::parts::accumulate;
use segloss::{ClassSums, Status, scratch_len};

const TARGETS: [Target; 4] =
    [Target::U8, Target::MaskU8, Target::Dense(Float::F32), Target::Dense(Float::F64)];

fn run(case: &Case, form: Form, prediction: Float, target: Target) -> Outcome {
    let gradient = if prediction == Float::F64 { Float::F64 } else { Float::F32 };
    let format = Format { prediction, target, gradient, ..Format::exact(case) };
    outcome(case, &[TermSpec::new(form)], &format, 1.0).unwrap()
}

/// Two voxels of the first two classes, at logits 0 of the truth and 1 of the other; the third class is at `forbidden`.
fn two_of_three(activation: Activation, forbidden: f64) -> Case {
    let z = [0.0, 1.0, 1.0, 0.0, forbidden, forbidden];
    Case::of_labels(3, &[2], activation, &z, &[0, 1], &[])
}

fn assert_value(case: &Case, form: Form, prediction: Float, expected: f64) {
    let tolerance = if prediction == Float::F64 { 1e-14 } else { 1e-6 };
    for target in TARGETS {
        let ours = run(case, form, prediction, target);
        let title = format!("{form:?} {prediction:?} {target:?}");
        assert!(
            (ours.value - expected).abs() <= tolerance * expected,
            "{title}: {}, not {expected}",
            ours.value
        );
        assert!(ours.gradient.iter().all(|x| x.is_finite()), "{title}: {:?}", ours.gradient);
        assert_eq!(ours.gradient[4..], [0.0; 2], "{title}");
    }
}

/// A logit of −∞ excludes a class: the loss is that of the other classes.
#[test]
fn class_with_logit_minus_infinity_does_not_change_the_loss_of_the_others() {
    let case = two_of_three(Activation::Softmax, f64::NEG_INFINITY);
    let cross_entropy = 1f64.exp().ln_1p();
    let not = 1.0 - 1.0 / (1.0 + 1f64.exp());
    for prediction in [Float::F16, Float::Bf16, Float::F32, Float::F64] {
        let check = |form, expected| assert_value(&case, form, prediction, expected);
        check(CROSS_ENTROPY, cross_entropy);
        check(Form::TopK(Selection::Fraction(0.1)), cross_entropy);
        check(Form::Focal { gamma: 2.0 }, not * not * cross_entropy);
        check(Form::PowerCrossEntropy { gamma: 0.3 }, 2f64.sqrt() * cross_entropy.powf(0.3));
        // Both outcomes of the first two classes are equally likely; the third class is correctly absent.
        check(Form::BalancedCrossEntropy { beta: 0.5 }, cross_entropy);
    }
}

#[test]
fn class_with_logit_minus_infinity_adds_no_sigmoid_loss() {
    let case = two_of_three(Activation::Sigmoid, f64::NEG_INFINITY);
    // One positive class at logit 0, one negative class at logit 1, and the third correctly negative.
    let cross_entropy = (2f64.ln() + 1f64.exp().ln_1p()) / 3.0;
    for prediction in [Float::F32, Float::F64] {
        assert_value(&case, CROSS_ENTROPY, prediction, cross_entropy);
        assert_value(&case, Form::TopK(Selection::Fraction(0.1)), prediction, cross_entropy);
    }
}

/// The lowest number of a type times a penalty of 2 is beyond the type; a class that is not the target adds 0.
#[test]
fn lowest_logit_of_a_non_target_class_adds_no_distance_penalty() {
    for (prediction, lowest) in
        [(Float::F32, -3.4e38), (Float::Bf16, half::bf16::MIN.to_f64()), (Float::F64, f64::MIN)]
    {
        let case = two_of_three(Activation::Softmax, lowest);
        // D = 1: two voxels of two regions.
        assert_value(&case, Form::DistancePenalized, prediction, 2.0 * 1f64.exp().ln_1p());
    }
}

/// A voxel of a class with weight 0 ranks last, however small the probability of its class.
#[test]
fn top_k_selects_no_voxel_of_an_excluded_class() {
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let z = [0.0, 1.0, 0.5, 1.0, f64::NEG_INFINITY, -0.5];
        let case = Case::of_labels(2, &[3], activation, &z, &[0, 1, 0], &[]);
        let term = TermSpec {
            class_weight: Some(vec![1.0, 0.0]),
            ..TermSpec::new(Form::TopK(Selection::Fraction(0.4)))
        };
        let expected = naive::value(&case, std::slice::from_ref(&term));
        assert!(expected.is_finite() && expected > 0.0);
        for target in TARGETS {
            for (prediction, tolerance) in [(Float::F32, 1e-6), (Float::F64, 1e-14)] {
                let format = Format { prediction, target, ..Format::exact(&case) };
                let ours = outcome(&case, std::slice::from_ref(&term), &format, 1.0).unwrap();
                let title = format!("{activation:?} {prediction:?} {target:?}");
                assert!((ours.value - expected).abs() <= tolerance * expected, "{title}: {}", ours.value);
                assert!(ours.gradient.iter().all(|x| x.is_finite()), "{title}: {:?}", ours.gradient);
            }
        }
    }
}

/// A combo whose cross entropy has weight 0 ignores an infinite cross entropy.
#[test]
fn term_with_weight_zero_may_be_infinite() {
    let case = Case::of_labels(2, &[1], Activation::Softmax, &[0.0, f64::NEG_INFINITY], &[1], &[]);
    let terms = [
        TermSpec { weight: 0.0, ..TermSpec::new(CROSS_ENTROPY) },
        TermSpec::new(Form::Dice { squared: false }),
    ];
    let ours = outcome(&case, &terms, &Format::exact(&case), 1.0).unwrap();
    assert_eq!((ours.terms[0], ours.value), (f64::INFINITY, ours.terms[1]));
}

/// The target of classes that are not annotated is ignored, in maps and in labels.
#[test]
fn distances_use_the_regions_of_annotated_classes() {
    let labels = [0, 0, 1, 1, 1, 3, 3, 2, 2, 0, 2, 3];
    let z: Vec<f64> = (0..48).map(|k| ((k * 7) % 13) as f64 / 4.0 - 1.5).collect();
    for present in [[false, true, true, true], [true, false, true, false], [false; 4]] {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            let case = Case {
                class_present: present.to_vec(),
                ..Case::of_labels(4, &[3, 4], activation, &z, &labels, &[])
            };
            let expected = naive::value(&case, &[TermSpec::new(Form::DistancePenalized)]);
            for target in TARGETS {
                let ours = run(&case, Form::DistancePenalized, Float::F64, target);
                let title = format!("{present:?} {activation:?} {target:?}: {}, not {expected}", ours.value);
                assert!((ours.value - expected).abs() <= 1e-14 * expected, "{title}");
            }
            // The maps of the other classes are not read and may hold anything.
            let mut truth = case.truth.clone();
            (0..48).filter(|k| !present[k / 12]).for_each(|k| truth[k] = 1.0);
            let other = Case { truth, labels: None, ..case.clone() };
            let ours = run(&other, Form::DistancePenalized, Float::F64, Target::MaskU8);
            assert!(
                (ours.value - expected).abs() <= 1e-14 * expected,
                "{present:?} {activation:?}: {}",
                ours.value
            );
        }
    }
}

/// Regions need exactly one annotated class per voxel.
#[test]
fn overlapping_maps_are_refused_as_regions() {
    let masks = |truth: [f64; 6], present: [bool; 3]| {
        let case = Case::of_maps(3, &[2], Activation::Softmax, &[0.0; 6], &truth);
        let case = Case { class_present: present.to_vec(), ..case };
        let format = Format { target: Target::MaskU8, ..Format::exact(&case) };
        outcome(&case, &[TermSpec::new(Form::DistancePenalized)], &format, 1.0)
            .map(|_| ())
            .map_err(|e| (e.status, e.index))
    };
    let refused = Err((Status::Unsupported, Some(1)));
    assert_eq!(masks([1.0, 0.0, 0.0, 1.0, 0.0, 1.0], [true; 3]), refused);
    assert_eq!(masks([1.0, 0.0, 0.0, 1.0, 0.0, 1.0], [false, true, true]), refused);
    assert_eq!(masks([1.0, 0.0, 0.0, 1.0, 0.0, 1.0], [true, true, false]), Ok(()));
    assert_eq!(masks([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [true; 3]), refused);
    assert_eq!(masks([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [true, true, false]), Ok(()));
}

/// log(1 + L) is undefined for L < −1, so the field must be ≥ 0 at counted voxels.
#[test]
fn logarithmic_hausdorff_refuses_a_negative_field() {
    let labels = [0, 1, 1, 0, 1];
    let case = Case::of_labels(2, &[5], Activation::Sigmoid, &[0.5; 10], &labels, &[]);
    let term = |log, field_complete, field: Vec<f64>| TermSpec {
        field: Some(field),
        ..TermSpec::new(Form::Hausdorff(Hausdorff { log, field_complete, ..Hausdorff::default() }))
    };
    let field_with = |k: usize| (0..10).map(|i| if i == k { -0.25 } else { 0.5 }).collect::<Vec<f64>>();
    for field_complete in [true, false] {
        let run = |case: &Case, term: TermSpec| {
            let found = outcome(case, &[term], &Format::exact(case), 1.0);
            found.map(|ours| ours.value).map_err(|e| (e.status, e.argument(), e.index, e.term))
        };
        let refused = Err((Status::Parameter, "field", Some(3), Some(0)));
        assert_eq!(run(&case, term(true, field_complete, field_with(8))), refused);
        // Without a logarithm, for the background and at voxels that are not counted, a negative field is accepted.
        assert!(run(&case, term(false, field_complete, field_with(8))).is_ok());
        assert!(run(&case, term(true, field_complete, field_with(3))).is_ok());
        let weighted = case.clone().weighted(&[1.0, 1.0, 1.0, 0.0, 1.0]);
        assert!(run(&weighted, term(true, field_complete, field_with(8))).is_ok());
    }
    // The same in parts.
    let terms = [term(true, true, field_with(8))];
    let inputs = Inputs::new(&case, &terms, &Format::exact(&case));
    with_terms(&terms, &inputs, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
        let error = accumulate(&batch, terms, &mut [ClassSums::ZERO; 2], &mut scratch).unwrap_err();
        assert_eq!((error.argument(), error.index), ("field", Some(3)));
    });
}

/// Interpolated maps may be slightly below 0. A class with a negative sum is absent and not a divisor.
#[test]
fn class_with_a_negative_target_sum_is_absent() {
    let n = 12;
    let truth: Vec<f64> = (0..3 * n)
        .map(|k| [f64::from(k % 5 < 2), 1.0 - f64::from(k % 5 < 2), -1.0 / 1024.0][k / n])
        .collect();
    let z: Vec<f64> = (0..3 * n).map(|k| ((k * 5) % 11) as f64 / 4.0 - 1.25).collect();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let case = Case::of_maps(3, &[n], activation, &z, &truth);
        for loss in losses() {
            let terms = loss.for_classes(3);
            if !is_served(&terms, &case) {
                continue;
            }
            let ours = outcome(&case, &terms, &Format::exact(&case), 1.0).unwrap();
            let expected = naive::value(&case, &terms);
            let title = format!("{} {activation:?}: {}, not {expected}", loss.name, ours.value);
            assert!((ours.value - expected).abs() <= 1e-13 * expected.abs(), "{title}");
            assert!(ours.gradient.iter().all(|x| x.is_finite()), "{title}");
        }
    }
}

/// A negative target sum, or a total that is not positive, has no square root.
#[test]
fn frequency_weights_exclude_classes_with_a_negative_target_sum() {
    let truth = [0.0009, 0.0, -0.001, -0.001];
    let case = Case::of_maps(2, &[2], Activation::Softmax, &[0.5, 0.25, -0.5, 1.0], &truth);
    let terms = [TermSpec::new(Form::PowerCrossEntropy { gamma: 0.3 })];
    let ours = outcome(&case, &terms, &Format::exact(&case), 1.0).unwrap();
    let expected = naive::value(&case, &terms);
    assert!(
        expected > 0.0 && (ours.value - expected).abs() <= 1e-14 * expected,
        "{}, not {expected}",
        ours.value
    );
}
