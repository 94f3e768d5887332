//! Valid targets: floating-point maps in [0, 1] with a tolerance, and any number of ignored labels.

use crate::cases::field_of;
use crate::cases::is_served;
use crate::convert_cases::{Float, Format, Inputs, Outcome, Target, outcome, with_terms};
use crate::list::losses;
use crate::naive::{Activation, Case, Form, Selection, TermSpec};
use segloss::parts::accumulate;
use segloss::{
    ClassSums, Error, Frequency, Gradient, Outputs, Status, ViewMut, class_weights, evaluate, run,
    scratch_len,
};

/// More than a block, with an incomplete last block.
const SHAPE: [usize; 2] = [9, 11];
const N: usize = SHAPE[0] * SHAPE[1];

/// Two samples; each voxel belongs to one of three classes.
fn one_hot(activation: Activation) -> Case {
    let logits: Vec<f64> = (0..2 * 3 * N).map(|k| (k * 37 % 61) as f64 / 64.0).collect();
    let labels: Vec<i64> = (0..2 * N).map(|k| (k / 5 % 3) as i64).collect();
    Case { labels: None, ..Case::of_labels(3, &SHAPE, activation, &logits, &labels, &[]) }
}

fn formats() -> impl Iterator<Item = Format> {
    let floats = [Float::F16, Float::Bf16, Float::F32, Float::F64];
    let of = |target| [Float::F32, Float::F64].map(|float| (float, Target::Dense(target)));
    floats.into_iter().flat_map(of).map(|(float, target)| {
        let exact = Format::exact(&one_hot(Activation::Softmax));
        Format { prediction: float, gradient: float, target, ..exact }
    })
}

fn each_loss(activation: Activation, mut law: impl FnMut(&str, &Case, &[TermSpec], &Format)) {
    let case = one_hot(activation);
    for loss in losses() {
        let terms = loss.for_classes(case.c);
        if is_served(&terms, &case) {
            formats().for_each(|format| law(loss.name, &case, &terms, &format));
        }
    }
}

/// Whether the terms can be accumulated in parts: no computed field and no TopK search.
fn needs_no_other_part(term: &TermSpec) -> bool {
    field_of(term.form).is_none() && !matches!(term.form, Form::TopK(Selection::Fraction(_)))
}

/// The result of `accumulate` with the case as a part.
fn folded(case: &Case, terms: &[TermSpec], format: &Format) -> Result<(), Error> {
    let inputs = Inputs::new(case, terms, format);
    with_terms(terms, &inputs, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0; scratch_len(&batch, terms)?];
        accumulate(&batch, terms, &mut [ClassSums::ZERO; 6], &mut scratch)
    })
}

#[test]
fn every_loss_refuses_map_values_outside_0_to_1_at_counted_voxels() {
    // By (voxel, class); the error must name the first voxel of any class.
    let places: [&[(usize, usize)]; 4] = [&[(0, 0)], &[(70, 0), (5, 2)], &[(N + 66, 1)], &[(2 * N - 1, 2)]];
    let values = [-0.0011, 1.002, 255.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let cases = places.iter().cycle().zip(values).collect::<Vec<_>>();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        each_loss(activation, |name, case, terms, format| {
            for (places, value) in &cases {
                let mut bad = case.clone();
                let n = case.n();
                places.iter().for_each(|&(voxel, class)| {
                    let at = bad.at(voxel / n, class, voxel % n);
                    bad.truth[at] = *value;
                });
                let first = places.iter().map(|place| place.0).min();
                // bfloat16 represents no number between 1 and 1.0078.
                if format.target == Target::Dense(Float::Bf16) && *value == 1.002 {
                    continue;
                }
                let check = |error: Error| {
                    assert_eq!(error.argument(), "target", "{name} {value} {format:?}");
                    assert_eq!(error.index, first, "{name} {value} {format:?}");
                };
                check(outcome(&bad, terms, format, 1.0).map(|outcome| outcome.value).unwrap_err());
                if terms.iter().all(needs_no_other_part) {
                    check(folded(&bad, terms, format).unwrap_err());
                }
            }
        });
    }
}

#[test]
fn map_values_within_the_tolerance_are_accepted() {
    each_loss(Activation::Softmax, |name, case, terms, format| {
        let mut beside = case.clone();
        (beside.truth[3], beside.truth[80]) = (f64::from(-0.0009765625f32), f64::from(1.0 + 1.0 / 1024.0f32));
        if is_served(terms, &beside) {
            let value = outcome(&beside, terms, format, 1.0).map(|outcome| outcome.value);
            assert!(value.is_ok_and(f64::is_finite), "{name} {format:?}");
        }
    });
}

#[test]
fn map_values_that_are_not_counted_may_be_anything() {
    let bits = |outcome: &Outcome| {
        let gradient = outcome.gradient.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        (outcome.value.to_bits(), gradient)
    };
    each_loss(Activation::Softmax, |name, case, terms, format| {
        let weight: Vec<f64> = (0..2 * N).map(|k| if k % 7 == 3 { 0.0 } else { 1.5 }).collect();
        let mut case = case.clone().weighted(&weight);
        case.class_present[5] = false;
        let mut dirty = case.clone();
        for k in 0..dirty.truth.len() {
            let (b, c, i) = (k / (3 * N), k / N % 3, k % N);
            if case.w(b, i) == 0.0 || !case.class_present[3 * b + c] {
                dirty.truth[k] = [f64::NAN, 255.0, -3.0][k % 3];
            }
        }
        // Fields use all voxels of a map.
        if is_served(terms, &dirty) && terms.iter().all(|term| field_of(term.form).is_none()) {
            let [ours, expected] = [&dirty, &case].map(|case| outcome(case, terms, format, 1.0).unwrap());
            assert_eq!(bits(&ours), bits(&expected), "{name} {format:?}");
        }
    });
}

#[test]
fn class_weights_refuse_map_values_outside_0_to_1() {
    let mut case = one_hot(Activation::Softmax);
    case.truth[N + 65] = 255.0;
    let inputs = Inputs::new(&case, &[], &Format::exact(&case));
    let batch = inputs.batch(inputs.prediction.view());
    let dice = segloss::Dice::default();
    let mut scratch = vec![0; scratch_len(&batch, &[segloss::Term::new(1.0, &dice)]).unwrap()];
    let error = class_weights(&batch, Frequency::Inverse, &mut [0.0; 3], &mut scratch).unwrap_err();
    assert_eq!((error.status, error.index), (Status::Label, Some(65)));
}

/// A few ignored labels are compared with each label; many are sorted and searched.
#[test]
fn ignored_labels_that_do_not_occur_change_no_bit() {
    let labels: Vec<i64> = (0..2 * N).map(|k| [0, 255, 2, -7, 1, 1 << 40][(k + k / 7) % 6]).collect();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let logits = one_hot(activation).z;
        let case = Case::of_labels(3, &SHAPE, activation, &logits, &labels, &[255, -7, 1 << 40]);
        for loss in losses() {
            let terms = loss.for_classes(case.c);
            if !is_served(&terms, &case) {
                continue;
            }
            let bits = |ignore: Vec<i64>| {
                let mut inputs = Inputs::new(&case, &terms, &Format::exact(&case));
                inputs.ignore = ignore;
                with_terms(&terms, &inputs, |terms| {
                    let batch = inputs.batch(inputs.prediction.view());
                    let mut scratch = vec![0xa5; scratch_len(&batch, terms).unwrap()];
                    let mut gradient = vec![f64::NAN; case.z.len()];
                    let to = ViewMut::new(&mut gradient, &[2, 3, SHAPE[0], SHAPE[1]]).unwrap();
                    let report = Outputs { gradient: Some(Gradient::new(to)), ..Outputs::default() };
                    let value = run(&batch, terms, report, &mut scratch).unwrap();
                    // Scratch for fewer ignored labels is too short.
                    let len = scratch.len();
                    assert!(evaluate(&batch, terms, &mut scratch[..len - 64]).is_err());
                    (value.to_bits(), gradient.into_iter().map(f64::to_bits).collect::<Vec<_>>())
                })
            };
            let few = bits(vec![255, -7, 1 << 40]);
            for more in [3, 20_000] {
                let others = (0..more).map(|k| (k * 7919 % 20_011) - 30_000);
                let many: Vec<i64> = [1 << 40, -7, 255, 255].into_iter().chain(others).collect();
                assert!(bits(many) == few, "{} {activation:?} {more}", loss.name);
            }
        }
    }
}
