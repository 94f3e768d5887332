//! Losses that equal other losses for some value of a parameter.

use crate::cases::{self, Painted, is_served};
use crate::constant_selections::held;
use crate::convert_cases::{Float, Format, Outcome, exact, outcome};
use crate::formats::{assert_same, assert_same_numbers};
use crate::list::{CROSS_ENTROPY, DICE, class_weights, is_mean_of_voxels};
use crate::naive::boundary::Hausdorff;
use crate::naive::{Absent, Activation, Case, ClassAverage, Form, SampleAverage, Selection, TermSpec};

/// Tolerance: a few roundings of f64.
const TOLERANCE: f64 = 1e-13;

/// Calls `check` with every case and every average of classes and samples, for a loss and the loss it reduces to.
fn each(loss: TermSpec, other: TermSpec, mut check: impl FnMut(&Case, &TermSpec, &TermSpec, &str)) {
    use ClassAverage as Class;
    use SampleAverage as Sample;
    for Painted { name, case } in cases::cases() {
        for (class_average, sample_average, absent, weighted) in [
            (Class::Mean, Sample::Mean, Absent::Counted, false),
            (Class::Mean, Sample::Mean, Absent::Skipped, true),
            (Class::Mean, Sample::Pooled, Absent::Counted, true),
            (Class::Pooled, Sample::Mean, Absent::Skipped, false),
            (Class::Pooled, Sample::Pooled, Absent::Counted, false),
        ] {
            let class_weight = weighted.then(|| class_weights(case.c));
            let joined = |term: &TermSpec| {
                let class_weight = class_weight.clone().or(term.class_weight.clone());
                let term = TermSpec { class_weight, ..term.clone() };
                match term.form {
                    // A loss refuses options that it does not use.
                    form if is_mean_of_voxels(form) => term,
                    Form::GeneralizedDice { .. } | Form::Penalty { .. } => {
                        TermSpec { sample_average, absent, ..term }
                    }
                    _ => TermSpec { class_average, sample_average, absent, ..term },
                }
            };
            let (loss, other) = (joined(&loss), joined(&other));
            if is_served(&[loss.clone(), other.clone()], &case) {
                check(&case, &loss, &other, &format!("{:?}, {name}", loss.form));
            }
        }
    }
}

fn assert_bits(loss: Form, other: Form) {
    each(TermSpec::new(loss), TermSpec::new(other), |case, loss, other, title| {
        for prediction in [Float::F64, Float::F32] {
            let format = Format { prediction, ..Format::exact(case) };
            let of = |term: &TermSpec| outcome(case, std::slice::from_ref(term), &format, 1.0).unwrap();
            assert_same(&of(loss), &of(other), title);
        }
    });
}

#[track_caller]
fn assert_close(ours: &Outcome, theirs: &Outcome, title: &str) {
    let size = theirs.value.abs();
    assert!(
        (ours.value - theirs.value).abs() <= TOLERANCE * size,
        "{title}: {} {}",
        ours.value,
        theirs.value
    );
    let largest = theirs.gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (ours, theirs) in ours.gradient.iter().zip(&theirs.gradient) {
        assert!((ours - theirs).abs() <= TOLERANCE * largest, "{title}: {ours:e}, not {theirs:e}");
    }
}

fn assert_rounding(loss: TermSpec, other: TermSpec) {
    each(loss, other, |case, loss, other, title| {
        let of = |term: &TermSpec| exact(case, std::slice::from_ref(term));
        assert_close(&of(loss), &of(other), title);
    });
}

fn smoothed(form: Form, epsilon: f64) -> TermSpec {
    TermSpec { smooth_numerator: epsilon, smooth_denominator: epsilon, ..TermSpec::new(form) }
}

#[test]
fn focal_with_gamma_0_is_weighted_cross_entropy() {
    each(
        TermSpec::new(Form::Focal { gamma: 0.0 }),
        TermSpec::new(CROSS_ENTROPY),
        |case, loss, other, title| {
            for (prediction, tolerance) in [(Float::F64, 1e-15), (Float::F32, 1e-7)] {
                let format = Format { prediction, ..Format::exact(case) };
                let [ours, theirs] = [loss, other]
                    .map(|term| outcome(case, std::slice::from_ref(term), &format, 1.0).unwrap());
                assert_same_numbers(&ours.gradient, &theirs.gradient, title);
                // Cross entropy of sigmoid takes one logarithm for several voxels.
                let tolerance = if case.activation == Activation::Sigmoid { tolerance } else { 0.0 };
                assert!(
                    (ours.value - theirs.value).abs() <= tolerance * theirs.value.abs(),
                    "{title}: {} and {}",
                    ours.value,
                    theirs.value
                );
            }
        },
    );
}

#[test]
fn penalty_with_strength_0_is_generalized_dice_bit_for_bit() {
    for power in [2.0, 1.0, 0.0] {
        assert_bits(Form::Penalty { power, k: 0.0 }, Form::GeneralizedDice { power });
    }
}

#[test]
fn focal_tversky_with_gamma_1_is_tversky_bit_for_bit() {
    let (alpha, beta) = (0.3, 0.7);
    assert_bits(Form::FocalTversky { alpha, beta, gamma: 1.0 }, Form::Tversky { alpha, beta });
}

#[test]
fn tversky_with_one_half_is_dice_with_twice_the_smoothing() {
    for epsilon in [1e-5, 0.5] {
        let tversky = smoothed(Form::Tversky { alpha: 0.5, beta: 0.5 }, epsilon);
        assert_rounding(tversky, smoothed(DICE, 2.0 * epsilon));
    }
}

#[test]
fn tversky_with_one_is_iou() {
    for epsilon in [1e-5, 0.5] {
        let tversky = smoothed(Form::Tversky { alpha: 1.0, beta: 1.0 }, epsilon);
        assert_rounding(tversky, smoothed(Form::Iou { squared: false }, epsilon));
    }
}

#[test]
fn asymmetric_similarity_with_beta_1_is_tversky_with_one_half() {
    let tversky = Form::Tversky { alpha: 0.5, beta: 0.5 };
    assert_rounding(TermSpec::new(Form::AsymmetricSimilarity { beta: 1.0 }), TermSpec::new(tversky));
}

#[test]
fn top_k_of_all_voxels_is_cross_entropy() {
    let all = Form::TopK(Selection::Fraction(1.0));
    assert_rounding(TermSpec::new(all), TermSpec::new(CROSS_ENTROPY));
}

#[test]
fn top_k_is_the_cross_entropy_of_the_selected_voxels() {
    for selection in [Selection::Fraction(0.1), Selection::Fraction(0.4), Selection::Threshold(0.6)] {
        each(TermSpec::new(Form::TopK(selection)), TermSpec::new(CROSS_ENTROPY), |case, top_k, _, title| {
            let (of_k, cross_entropy) = held(case, top_k);
            assert_close(&exact(case, std::slice::from_ref(top_k)), &exact(&of_k, &[cross_entropy]), title);
        });
    }
}

#[test]
fn power_cross_entropy_with_gamma_1_is_cross_entropy_for_exclusive_classes() {
    let (power, cross_entropy) = (Form::PowerCrossEntropy { gamma: 1.0 }, CROSS_ENTROPY);
    each(TermSpec::new(power), TermSpec::new(cross_entropy), |case, power, other, title| {
        // Without class weights, power cross entropy takes them from frequencies.
        if case.exclusive() && power.class_weight.is_some() {
            let of = |term: &TermSpec| exact(case, std::slice::from_ref(term));
            assert_close(&of(power), &of(other), title);
        }
    });
}

#[test]
fn two_sided_hausdorff_is_the_sum_of_its_sides() {
    let hausdorff = |target_only, prediction_only| {
        Form::Hausdorff(Hausdorff { target_only, prediction_only, ..Hausdorff::default() })
    };
    each(
        TermSpec::new(hausdorff(false, false)),
        TermSpec::new(hausdorff(true, false)),
        |case, both, one, title| {
            let of = |term: &TermSpec| exact(case, std::slice::from_ref(term));
            let (both, mut sum) = (of(both), of(one));
            let other = of(&TermSpec { form: hausdorff(false, true), ..one.clone() });
            sum.value += other.value;
            sum.gradient.iter_mut().zip(&other.gradient).for_each(|(sum, x)| *sum += x);
            assert_close(&both, &sum, title);
        },
    );
}
