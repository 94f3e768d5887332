//! More than 64 chunks, and a gradient of more than 16 MiB: every loss runs in more than one batch of chunks, and its
//! gradient, written with non-temporal stores and used as the cache of probabilities, equals the gradient written with
//! regular stores. In f64, with an incomplete last block, at an address not aligned for vectors.

use crate::convert_cases::{Format, Inputs, with_terms};
use crate::executors::Two;
use crate::list::{losses, sweeps_of};
use crate::naive::{Activation, Case};
use segloss::{
    Batch, ClassSums, CrossEntropy, Dice, Focal, Gradient, Loss, Outputs, SensitivitySpecificity, Term, TopK,
    View, ViewMut, differentiate, differentiate_in_place, run, scratch_len,
};
use std::collections::BTreeSet;

/// 65 chunks and an odd end: 17.04 MB of f64 in two classes.
const PLANE: [usize; 2] = [1031, 1033];
const N: usize = PLANE[0] * PLANE[1];
const SHAPE: [usize; 4] = [1, 2, PLANE[0], PLANE[1]];

fn case() -> Case {
    let z: Vec<f64> = (0..2 * N).map(|k| (k * 37 % 1009) as f64 / 100.0 - 5.0).collect();
    // One in 1009 is ignored.
    let labels: Vec<i64> = (0..N).map(|i| if i % 1009 == 5 { 255 } else { (i / 611 % 2) as i64 }).collect();
    Case::of_labels(2, &PLANE, Activation::Softmax, &z, &labels, &[255])
}

/// Value and sums, to the bit.
type Sums = (u64, Vec<ClassSums>);

fn into(gradient: &mut [f64], batch: &Batch<'_>, terms: &[Term<'_>], accumulate: bool) -> Sums {
    let mut class_sums = vec![ClassSums::ZERO; 2];
    let mut scratch = vec![0; scratch_len(batch, terms).unwrap()];
    let report = Outputs {
        gradient: Some(Gradient {
            add: accumulate,
            ..Gradient::new(ViewMut::new(gradient, &SHAPE).unwrap())
        }),
        class_sums: Some(&mut class_sums),
        ..Outputs::default()
    };
    let value = run(batch, terms, report, &mut scratch).unwrap();
    (value.to_bits(), class_sums)
}

#[test]
fn every_loss_of_many_chunks_gives_the_same_bits_with_non_temporal_stores_on_any_executor() {
    let case = case();
    // Multiples of 1/8, none of them 0.
    let before: Vec<f64> = (0..2 * N).map(|k| (k % 11) as f64 / 8.0 - 0.5625).collect();
    let mut inputs = Inputs::new(&case, &[], &Format::exact(&case));
    inputs.fields.resize_with(segloss::MAX_TERMS, || None);
    let mut sweeps = BTreeSet::new();
    let (mut added, mut streamed) = (before.clone(), vec![f64::NAN; 2 * N + 1]);
    for loss in losses() {
        let specs = loss.for_classes(2);
        if !sweeps.insert(sweeps_of(&specs)) {
            continue;
        }
        with_terms(&specs, &inputs, |terms| {
            let alone = inputs.batch(View::new(&case.z, &SHAPE).unwrap());
            let shared = Batch { executor: &Two, ..alone };
            added.copy_from_slice(&before);
            let expected = into(&mut added, &alone, terms, true);
            streamed.fill(f64::NAN);
            let ours = into(&mut streamed[1..], &shared, terms, false);
            assert!(ours == expected, "{}: {ours:?}, not {expected:?}", loss.name);
            for (i, ((before, x), sum)) in before.iter().zip(&streamed[1..]).zip(&added).enumerate() {
                assert!(before + x == *sum, "{} at {i}: {x:e} and {before} make {sum:e}", loss.name);
            }
        });
    }
}

/// One loss for each kind of pass, in f32, in place and out of place, channels first and last.
#[test]
fn gradient_beyond_the_caches_can_be_computed_in_place() {
    let losses: Vec<Vec<Box<dyn Loss>>> = vec![
        vec![Box::new(CrossEntropy::default())],
        vec![Box::new(Dice::default())],
        vec![Box::new(TopK::default())],
        vec![Box::new(Dice::default()), Box::new(Focal::default())],
        vec![Box::new(SensitivitySpecificity::default()), Box::new(CrossEntropy::default())],
    ];
    const SHAPE: [usize; 3] = [2, 3, 701_797];
    let [b, c, n] = SHAPE;
    let logits: Vec<f32> = (0..b * c * n).map(|i| (i * 37 % 1009) as f32 / 100.0 - 5.0).collect();
    let labels: Vec<u8> = (0..b * n).map(|i| if i % 1009 == 5 { 255 } else { (i / 7 % c) as u8 }).collect();
    let target = View::new(&labels, &[b, n]).unwrap();
    for strides in [[c * n, n, 1], [c * n, 1, c]].map(|strides| strides.map(|s| s as isize)) {
        let prediction = View::strided(&logits, 0, &SHAPE, &strides).unwrap();
        let batch = Batch { ignore: &[255], ..Batch::new(prediction, segloss::Activation::Softmax, target) };
        for forms in &losses {
            let terms: Vec<Term> = forms.iter().map(|form| Term::new(0.5, form.as_ref())).collect();
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let mut beside = vec![1.0f32; b * c * n];
            let into = ViewMut::strided(&mut beside, 0, &SHAPE, &strides).unwrap();
            let gradient = Gradient { add: true, ..Gradient::new(into) };
            let expected = differentiate(&batch, &terms, gradient, &mut scratch).unwrap();
            let mut over = logits.clone();
            let own = ViewMut::strided(&mut over, 0, &SHAPE, &strides).unwrap();
            let mut own = Batch { ignore: &[255], ..Batch::new(own, segloss::Activation::Softmax, target) };
            let value = differentiate_in_place(&mut own, &terms, 1.0, &mut scratch).unwrap();
            assert_eq!(value.to_bits(), expected.to_bits());
            assert!(over.iter().zip(&beside).all(|(x, sum)| 1.0 + x == *sum));
        }
    }
}
