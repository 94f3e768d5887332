//! Known bugs of reference implementations: one test each that the crate does not have them. The one of smp, whose
//! intersection is a difference of large sums, is in `numbers`.

use crate::cases::IGNORED;
use crate::convert_cases::{Float, Format, LABELS, Target, exact, outcome};
use crate::list::{BOUNDARY, CROSS_ENTROPY, DICE, GENERALIZED_DICE};
use crate::naive::boundary::Hausdorff;
use crate::naive::compound::presets;
use crate::naive::{Activation, Case, Form, Selection, TermSpec};
use crate::parts::with_fields;
use approx::assert_relative_eq;

const LN_2: f64 = std::f64::consts::LN_2;

fn value(case: &Case, form: Form) -> f64 {
    exact(case, &[TermSpec::new(form)]).value
}

#[track_caller]
fn assert_close(ours: f64, expected: f64) {
    assert_relative_eq!(ours, expected, max_relative = 1e-13);
}

/// Two classes with equal logits: every voxel has a cross entropy of ln 2.
fn undecided(shape: &[usize], labels: &[i64]) -> Case {
    Case::of_labels(2, shape, Activation::Softmax, &vec![0.0; 2 * labels.len()], labels, &[])
}

fn penalty_field(case: &Case) -> Vec<f64> {
    let terms = [TermSpec::new(Form::DistancePenalized)];
    with_fields(case, &terms, &Format::exact(case))[0].field.clone().unwrap()
}

/// SegLoss's `DisPenalizedCE` computes the weighted loss and returns the mean of the unweighted one.
#[test]
fn distance_penalty_enters_the_value() {
    let case = undecided(&[4], &[0, 0, 0, 1]);
    // D = 1/3, 2/3, 1, and 1 in a region one voxel thin.
    assert_close(value(&case, Form::DistancePenalized), LN_2 * (4.0 + 3.0) / 4.0);
    assert_close(value(&case, CROSS_ENTROPY), LN_2);
}

/// Its distance penalty is NaN in the whole map for lesions of one or two voxels, and for empty and full masks.
#[test]
fn distance_penalty_of_thin_lesions_is_one() {
    assert_eq!(penalty_field(&undecided(&[3], &[0, 1, 0])), [1.0; 3]);
    assert_eq!(penalty_field(&undecided(&[4], &[0, 1, 1, 0])), [1.0; 4]);
    assert_eq!(penalty_field(&undecided(&[3], &[0; 3])), [0.0; 3]);
    assert_eq!(penalty_field(&undecided(&[3], &[1; 3])), [0.0; 3]);
}

/// For a single sample it silently computes distances slice by slice.
#[test]
fn distances_of_a_single_sample_extend_across_slices() {
    // Each slice has one label, and no boundary of its own.
    let volume = undecided(&[2, 2, 2], &[0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(penalty_field(&volume), [1.0; 8]);
}

/// SegLoss's `ExpLog_loss` leaves out the exponent and the logarithm of its cross entropy.
#[test]
fn exponential_logarithmic_applies_both_exponents() {
    let s = [0.5, 0.75, 0.5, 0.25];
    let case = Case::of_labels(2, &[2], Activation::Probability, &s, &[0, 1], &[]);
    let surprise = [2f64.ln(), 4f64.ln()];
    // One voxel of each class: v = √2. I = 1/2, S = 5/4 of class 0, I = 1/4, S = 3/4 of class 1.
    let cross_entropy = 2f64.sqrt() * surprise.iter().map(|x| x.powf(0.3)).sum::<f64>() / 2.0;
    let dice = |overlap: f64, predicted: f64| -((2.0 * overlap + 1e-5) / (predicted + 1.0 + 1e-5)).ln();
    let log_dice = (dice(0.5, 1.25).powf(0.3) + dice(0.25, 0.75).powf(0.3)) / 2.0;
    let ours = exact(&case, &presets::exponential_logarithmic(2)).value;
    assert_close(ours, 0.8 * log_dice + 0.2 * cross_entropy);
}

/// SegLoss's `PenaltyGDiceLoss` applies the penalty to −GD, where the equation has 1 − GD.
#[test]
fn penalty_applies_to_one_minus_generalized_dice() {
    let case = Case::of_labels(1, &[4], Activation::Probability, &[0.5, 0.75, 0.25, 0.0], &[1, 1, 0, 0], &[]);
    let gd = 1.0 - (2.0 * 1.25 + 1e-5) / (3.5 + 1e-5);
    assert_close(value(&case, GENERALIZED_DICE), gd);
    assert_close(value(&case, Form::Penalty { power: 2.0, k: 2.5 }), gd / (1.0 + 2.5 * (1.0 - gd)));
}

/// SegLoss's `SSLoss` exchanges the names of its two parts.
#[test]
fn sensitivity_part_measures_false_negatives() {
    let said = |s: [f64; 2]| Case::of_labels(1, &[2], Activation::Probability, &s, &[1, 0], &[]);
    let (missed, spilled) = (said([0.0, 0.0]), said([1.0, 1.0]));
    let form = Form::SensitivitySpecificity { r: 0.05 };
    assert_close(value(&missed, form), 0.05 / (1.0 + 1e-5));
    assert_close(value(&spilled, form), 0.95 / (1.0 + 1e-5));
}

/// SegLoss's `GDiceLoss` gives an absent class the weight 1e20, which hides all other classes.
#[test]
fn absent_class_does_not_dominate_generalized_dice() {
    let z: Vec<f64> = [[9.0; 10], [0.0; 10], [-2.0; 10]].concat();
    let right = Case::of_labels(3, &[10], Activation::Softmax, &z, &[0; 10], &[]);
    assert!(value(&right, GENERALIZED_DICE) < 0.01);
    let wrong = Case { z: [[-9.0; 10], [9.0; 10], [-2.0; 10]].concat(), ..right };
    assert!(value(&wrong, GENERALIZED_DICE) > 0.9);
}

/// Its value depends on the size of the volume.
#[test]
fn generalized_dice_does_not_depend_on_the_volume_size() {
    let tiled = |times: usize| {
        let (z, labels) =
            ([[1.0, -0.5, 2.0, 0.25, -1.0].repeat(times), vec![0.0; 5 * times]].concat(), [0, 0, 0, 1, 1]);
        Case::of_labels(2, &[5 * times], Activation::Softmax, &z, &labels.repeat(times), &[])
    };
    for power in [2.0, 1.0, 0.0] {
        let of = |times| value(&tiled(times), Form::GeneralizedDice { power });
        // The remaining difference is the smoothing.
        assert_relative_eq!(of(1000), of(1), max_relative = 1e-5);
    }
}

/// Powers below one have a vertical tangent at 0: focal Tversky and exponential logarithmic code gives NaN there.
#[test]
fn powers_below_one_have_a_finite_gradient_at_a_perfect_prediction() {
    for (activation, z) in
        [(Activation::Probability, [1.0, 0.0, 0.0, 1.0]), (Activation::Softmax, [80.0, 0.0, 0.0, 80.0])]
    {
        let perfect = Case::of_labels(2, &[2], activation, &z, &[0, 1], &[]);
        let focal_tversky = TermSpec::new(Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma: 4.0 / 3.0 });
        for terms in [vec![focal_tversky], presets::exponential_logarithmic(2)] {
            for prediction in [Float::F64, Float::F32] {
                let format = Format { prediction, ..Format::exact(&perfect) };
                let ours = outcome(&perfect, &terms, &format, 1.0).unwrap();
                assert!(ours.value.abs() < 1e-9, "{}", ours.value);
                assert!(ours.gradient.iter().all(|x| x.is_finite()), "{:?}", ours.gradient);
            }
        }
    }
}

/// MONAI's focal with an ignored label is C times too large.
#[test]
fn focal_with_ignored_voxels_equals_focal_without_them() {
    let z = |count: usize| {
        (0..3 * count).map(|k| ((k / count * 5 + k % count) % 7) as f64 / 2.0).collect::<Vec<_>>()
    };
    let with =
        Case::of_labels(3, &[6], Activation::Softmax, &z(6), &[0, 1, 2, 1, IGNORED, IGNORED], &[IGNORED]);
    let kept: Vec<f64> = with.z.chunks(6).flat_map(|row| row[..4].to_vec()).collect();
    let without = Case::of_labels(3, &[4], Activation::Softmax, &kept, &[0, 1, 2, 1], &[]);
    for form in [Form::Focal { gamma: 2.0 }, CROSS_ENTROPY] {
        assert_close(value(&with, form), value(&without, form));
    }
}

/// MONAI's focal without background slices the logits before the softmax.
#[test]
fn excluded_class_remains_in_the_softmax() {
    let case = undecided(&[2], &[0, 1]);
    let term = TermSpec { class_weight: Some(vec![0.0, 1.0]), ..TermSpec::new(Form::Focal { gamma: 2.0 }) };
    // s = 1/2 at the one voxel that contributes; without the excluded class it would be 1.
    assert_close(exact(&case, &[term]).value, 0.25 * LN_2 / 2.0);
}

/// MONAI's Dice in f16 is NaN or silently 1; sums in f16 overflow at 65,504 voxels.
#[test]
fn dice_in_f16_is_right_for_large_volumes() {
    const N: usize = 70_000;
    let case = Case::of_labels(1, &[N], Activation::Probability, &[0.5; N], &[1; N], &[]);
    for prediction in [Float::F16, Float::Bf16] {
        let format = Format { prediction, gradient: prediction, ..Format::exact(&case) };
        let ours = outcome(&case, &[TermSpec::new(DICE)], &format, 65536.0).unwrap();
        assert_close(ours.value, 1.0 - (N as f64 + 1e-5) / (1.5 * N as f64 + 1e-5));
        assert_eq!((ours.class_sums[0].target, ours.class_sums[0].prediction), (N as f64, N as f64 / 2.0));
        assert!(ours.gradient.iter().all(|&x| x < 0.0));
    }
}

/// MONAI's Hausdorff loss stores distances in the integer type of its target.
#[test]
fn distances_of_integer_targets_are_not_truncated() {
    let case = Case::of_labels(1, &[2, 2], Activation::Probability, &[0.0; 4], &[1, 0, 0, 0], &[]);
    let case = Case { spacing: vec![0.75, 0.625], ..case };
    let form = Form::Hausdorff(Hausdorff { alpha: 1.0, ..Hausdorff::default() });
    for target in LABELS {
        let format = Format { target, ..Format::exact(&case) };
        let ours = outcome(&case, &[TermSpec::new(form)], &format, 1.0).unwrap();
        assert_close(ours.value, 0.625 / 4.0);
    }
}

/// Kervadec's pipeline stores distance maps as integers.
#[test]
fn boundary_loss_depends_on_fractions_of_a_voxel() {
    let case =
        Case::of_labels(1, &[2, 2], Activation::Probability, &[0.0, 0.0, 0.0, 1.0], &[1, 0, 0, 0], &[]);
    let case = Case { spacing: vec![0.5, 0.375], ..case };
    assert_close(value(&case, BOUNDARY), 0.625 / 4.0);
}

/// nnU-Net's TopK counts ignored voxels among the candidates.
#[test]
fn top_k_fraction_refers_to_counted_voxels() {
    // Ten voxels are counted and the eighth has the largest loss: one place, not ten.
    let z: Vec<f64> = (0..100).map(|i| if i == 7 { -3.0 } else { 1.0 }).chain([0.0; 100]).collect();
    let labels: Vec<i64> = (0..100).map(|i| if i < 10 { 0 } else { IGNORED }).collect();
    let case = Case::of_labels(2, &[100], Activation::Softmax, &z, &labels, &[IGNORED]);
    assert_close(value(&case, Form::TopK(Selection::Fraction(0.1))), 3f64.exp().ln_1p());
}

/// PyTorch's spatial cross entropy rejects u8, i16 and i32 labels, and is NaN when all is ignored.
#[test]
fn cross_entropy_accepts_every_integer_type_and_a_batch_without_counted_voxels() {
    let z: Vec<f64> = (0..12).map(|k| (k * k % 7) as f64).collect();
    let case = Case::of_labels(3, &[2, 2], Activation::Softmax, &z, &[0, 2, 1, 2], &[]);
    let of = |case: &Case, target| {
        outcome(case, &[TermSpec::new(CROSS_ENTROPY)], &Format { target, ..Format::exact(case) }, 1.0)
            .unwrap()
    };
    let ignored = Case::of_labels(3, &[2, 2], Activation::Softmax, &z, &[IGNORED; 4], &[IGNORED]);
    for target in LABELS {
        assert_eq!(of(&case, target).value, of(&case, Target::I64).value);
        let nothing = of(&ignored, target);
        assert_eq!((nothing.value, nothing.gradient), (0.0, vec![0.0; 12]));
    }
}
