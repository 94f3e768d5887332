//! Every loss on cases of a few voxels: labels, masks and maps; in place, strided, on two threads.

use crate::Two;
use crate::convert_cases::{Float, Format, Inputs, Layout, Target, outcome, with_terms};
use crate::list::losses;
use crate::naive::{Activation, Case, TermSpec, value};
use segloss::{Batch, Executor, Gradient, Outputs, Sequential, ViewMut, run, scratch_len};

/// Odd multiples of 1/16, no probability close to one half.
fn logits(count: usize) -> Vec<f64> {
    (0..count).map(|k| (2 * (k * k * 31 + k * 17) as i64 % 61 - 61) as f64 / 16.0).collect()
}

/// One voxel more than a row, and an ignored label.
fn labelled() -> Case {
    let labels = [0, 2, 1, 255, 2, 0, 1, 1, 2, 0];
    Case::of_labels(3, &[2, 5], Activation::Softmax, &logits(30), &labels, &[255])
        .weighted(&[1.0, 0.5, 2.0, 1.0, 0.0, 1.5, 1.0, 0.75, 1.25, 1.0])
}

/// Two samples; every voxel belongs to exactly one class, so that every loss is defined.
fn masks() -> Case {
    let truth: Vec<f64> = (0..28).map(|k| f64::from((k % 7 + k / 14) % 2 == k / 7 % 2)).collect();
    Case::of_maps(2, &[7], Activation::Sigmoid, &logits(28), &truth)
}

/// All losses that are defined for a case, numbered, with the results of the reference.
fn each(case: &Case, mut law: impl FnMut(usize, &str, &[TermSpec], f64)) {
    for (k, loss) in losses().iter().enumerate() {
        let terms = loss.for_classes(case.c);
        let expected = value(case, &terms);
        assert!(expected.is_finite(), "{}", loss.name);
        law(k, loss.name, &terms, expected);
    }
}

fn close(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(0.01), "{what}: {ours}, not {theirs}");
}

/// The formats alternate: all of them for every loss would take an hour.
#[test]
fn labels_of_every_format() {
    let case = labelled();
    let formats = [
        (Float::F64, Target::I64, Layout::Odd, false, 1e-9),
        (Float::F32, Target::U8, Layout::ChannelsFirst, true, 1e-4),
        (Float::F16, Target::I32, Layout::ChannelsLast, false, 1e-4),
    ];
    each(&case, |k, name, terms, expected| {
        let (prediction, target, layout, in_place, tolerance) = formats[k % formats.len()];
        let format =
            Format { prediction, target, layout, gradient: prediction, in_place, by_class: k % 2 == 0 };
        let ours = outcome(&case, terms, &format, 1.0).unwrap();
        close(&format!("{name}, {prediction:?}"), ours.value, expected, tolerance);
        assert!(ours.gradient.iter().all(|slope| slope.is_finite()), "{name}");
    });
}

#[test]
fn masks_and_maps() {
    let case = masks();
    each(&case, |k, name, terms, expected| {
        let target = [Target::MaskU8, Target::Dense(Float::F32)][k % 2];
        let format = Format { target, layout: Layout::ChannelsLast, ..Format::exact(&case) };
        close(name, outcome(&case, terms, &format, 1.0).unwrap().value, expected, 1e-9);
    });
}

/// Every fifth loss on two threads, which write to one gradient and to parts of one scratch.
#[test]
fn two_threads() {
    let (samples, n) = (3, 70);
    let labels: Vec<i64> = (0..samples * n).map(|k| (k / 19 % 2) as i64).collect();
    let case = Case::of_labels(2, &[n], Activation::Softmax, &logits(samples * 2 * n), &labels, &[]);
    let format = Format { prediction: Float::F32, gradient: Float::F32, ..Format::exact(&case) };
    let mut most_tasks = 0;
    for loss in losses().iter().step_by(5) {
        let specs = loss.for_classes(case.c);
        let inputs = Inputs::new(&case, &specs, &format);
        let two = Two::default();
        let [alone, shared] = [&Sequential as &dyn Executor, &two].map(|executor| {
            let mut gradient = vec![0f32; case.z.len()];
            let value = with_terms(&specs, &inputs, |terms| {
                let batch = Batch { executor, ..inputs.batch(inputs.prediction.view()) };
                let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
                let into = ViewMut::new(&mut gradient, &[samples, 2, n]).unwrap();
                let report = Outputs { gradient: Some(Gradient::new(into)), ..Outputs::default() };
                run(&batch, terms, report, &mut scratch).unwrap()
            });
            (value.to_bits(), gradient.iter().map(|slope| slope.to_bits()).collect::<Vec<_>>())
        });
        assert!(alone == shared, "{}", loss.name);
        most_tasks = most_tasks.max(two.most_tasks());
    }
    assert!(most_tasks > 1, "nothing was shared out");
}
