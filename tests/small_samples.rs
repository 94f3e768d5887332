//! Many small samples: their voxels are processed as one sample; results differ only by roundings.

use crate::cases::is_served;
use crate::convert_cases::{Array, Float, Format, Inputs, Layout, Target, outcome, with_terms};
use crate::list::losses;
use crate::naive::{Activation, Case, TermSpec};
use segloss::{Gradient, Outputs, Term, TopK, View, evaluate, run, scratch_len};

/// More samples than are processed one by one.
const B: usize = 70;

fn case(activation: Activation, classes: usize, shape: &[usize]) -> Case {
    let n: usize = shape.iter().product();
    let logits: Vec<f64> = (0..B * classes * n).map(|k| (k * 37 % 61) as f64 / 64.0).collect();
    let labels: Vec<i64> =
        (0..B * n).map(|k| [0, 1, 255, 2, 1][k * k % 5] % (classes as i64 + 255)).collect();
    let known = labels.iter().map(|&label| if label < 255 { label % classes.max(2) as i64 } else { label });
    let weight: Vec<f64> = (0..B * n).map(|k| [1.0, 0.5, 2.0, 0.0, 1.25, 1.0, 3.0][k % 7]).collect();
    Case::of_labels(classes, shape, activation, &logits, &known.collect::<Vec<_>>(), &[255]).weighted(&weight)
}

/// Value and gradient without outputs per sample.
fn joined(case: &Case, terms: &[TermSpec], format: &Format) -> (f64, Vec<f64>) {
    let inputs = Inputs::new(case, terms, format);
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = Array::new(&vec![0.0; case.z.len()], &shape, Some(1), format.layout, format.gradient);
    let value = with_terms(terms, &inputs, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0xa5; scratch_len(&batch, terms).unwrap()];
        let into = Gradient { scale: 1.0, ..Gradient::new(gradient.view_mut()) };
        run(&batch, terms, Outputs { gradient: Some(into), ..Outputs::default() }, &mut scratch).unwrap()
    });
    (value, gradient.values())
}

#[test]
fn many_small_samples_give_the_value_and_gradient_of_separate_sums() {
    let shapes: [&[usize]; 5] = [&[1], &[3], &[2, 5], &[17], &[3, 67]];
    let floats = [(Float::F64, 1e-12), (Float::F32, 1e-6)];
    let layouts = [Layout::ChannelsFirst, Layout::ChannelsLast, Layout::Odd];
    let mut seen = 0;
    for (activation, classes) in
        [(Activation::Softmax, 3), (Activation::Sigmoid, 2), (Activation::Sigmoid, 1)]
    {
        for (k, shape) in shapes.into_iter().enumerate() {
            let case = case(activation, classes, shape);
            for loss in losses() {
                let terms = loss.for_classes(classes);
                if !is_served(&terms, &case) {
                    continue;
                }
                for (float, tolerance) in floats {
                    let layout = layouts[(k + seen) % 3];
                    let targets = [Target::U8, Target::MaskI16, Target::Dense(Float::F32)];
                    let target = targets[if layout == Layout::Odd { 0 } else { seen % 3 }];
                    let target = if target == Target::U8 { Target::I16 } else { target };
                    let format =
                        Format { prediction: float, gradient: float, target, layout, ..Format::exact(&case) };
                    seen += 1;
                    // With `class_values` the sums of each sample are kept.
                    let expected = outcome(&case, &terms, &format, 1.0).unwrap();
                    let (value, gradient) = joined(&case, &terms, &format);
                    let title = format!("{} {activation:?} {shape:?} {format:?}", loss.name);
                    assert!(
                        (value - expected.value).abs() <= tolerance * expected.value.abs(),
                        "{title}: {value}, not {}",
                        expected.value
                    );
                    let largest = expected.gradient.iter().fold(0f64, |largest, x| largest.max(x.abs()));
                    for (ours, theirs) in gradient.iter().zip(&expected.gradient) {
                        assert!(
                            (ours - theirs).abs() <= tolerance * largest,
                            "{title}: {ours}, not {theirs}"
                        );
                    }
                }
            }
        }
    }
}

/// The first invalid voxel of the batch is named as with separate samples.
#[test]
fn invalid_label_in_many_small_samples_is_named_by_sample_and_voxel() {
    let (n, bad) = (5, 61 * 5 + 3);
    let logits = vec![0f32; B * 2 * n];
    let mut labels = vec![1u8; B * n];
    (labels[bad], labels[bad + 1]) = (9, 9);
    let batch = segloss::Batch::new(
        View::new(&logits, &[B, 2, n]).unwrap(),
        segloss::Activation::Softmax,
        View::new(&labels, &[B, n]).unwrap(),
    );
    let top_k = TopK::default();
    let terms = [Term::new(1.0, &top_k)];
    let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
    assert_eq!(evaluate(&batch, &terms, &mut scratch).unwrap_err().index, Some(bad));
}
