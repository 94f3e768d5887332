//! TopK by threshold: a voxel whose target class has exactly the threshold's probability is not selected.

use crate::cases::distinct_logits;
use crate::convert_cases::{Float, Format, Outcome, Target, outcome};
use crate::naive::{Activation, Case, Form, Selection, TermSpec};

/// In one voxel of four the target class has the given probability, in the others 1/64.
fn given(c: usize, activation: Activation, s: f64) -> Case {
    const N: usize = 70;
    let labels: Vec<i64> = (0..N).map(|i| if c == 1 { 1 } else { (i % c) as i64 }).collect();
    let place = |k: usize| (k / N, k % N);
    let z = (0..c * N).map(|k| {
        let (class, i) = place(k);
        let is_true = c == 1 || labels[i] == class as i64;
        match (is_true, i % 4) {
            (true, 0) => s,
            (true, _) => 1.0 / 64.0,
            // With exclusive classes the probabilities of the other classes do not matter.
            (false, _) => 0.0,
        }
    });
    Case::of_labels(c, &[N], activation, &z.collect::<Vec<_>>(), &labels, &[])
}

/// For each voxel, whether the gradient of TopK by threshold `t` is nonzero.
fn selected(case: &Case, t: f64, prediction: Float, target: Target) -> Vec<bool> {
    let terms = [TermSpec::new(Form::TopK(Selection::Threshold(t)))];
    let format = Format { prediction, target, ..Format::exact(case) };
    let gradient = outcome(case, &terms, &format, 1.0).unwrap().gradient;
    (0..case.n()).map(|i| (0..case.c).any(|c| gradient[c * case.n() + i] != 0.0)).collect()
}

#[test]
fn voxel_at_the_threshold_is_not_selected() {
    for prediction in [Float::F64, Float::F32] {
        for c in [1, 2, 3, 5] {
            for target in [Target::U8, Target::Dense(Float::F32)] {
                for t in [0.0625, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0] {
                    let at = |s: f64| selected(&given(c, Activation::Probability, s), t, prediction, target);
                    let title = format!("{c} classes, threshold {t}, {prediction:?} {target:?}");
                    let expected =
                        |of_fourth: bool| (0..70).map(|i| i % 4 != 0 || of_fourth).collect::<Vec<_>>();
                    assert_eq!(at(t), expected(false), "{title}: at it");
                    assert_eq!(at(t - 1e-3), expected(true), "{title}: below it");
                }
            }
        }
    }
}

/// Equal logits give equal probabilities: one half for two classes, one quarter for four.
#[test]
fn equal_logits_have_exactly_equal_probabilities() {
    for (activation, classes) in
        [(Activation::Softmax, &[2, 4, 8, 16][..]), (Activation::Sigmoid, &[1, 2, 3])]
    {
        for &c in classes {
            let share = if activation == Activation::Sigmoid { 0.5 } else { 1.0 / c as f64 };
            for size in [0.0, 3.0, -40.0] {
                let z = vec![if activation == Activation::Sigmoid { 0.0 } else { size }; 70 * c];
                let labels: Vec<i64> = (0..70).map(|i| (i % c.max(2)) as i64).collect();
                let case = Case::of_labels(c, &[70], activation, &z, &labels, &[]);
                for prediction in [Float::F64, Float::F32, Float::F16] {
                    let title = format!("{activation:?} {c} {size} {prediction:?}");
                    let at = |t| selected(&case, t, prediction, Target::U8);
                    assert_eq!(at(share), [false; 70], "{title}: as probable");
                    assert_eq!(at(share + 1e-3), [true; 70], "{title}: less probable");
                }
            }
        }
    }
}

/// Each selecting term has sums of its own beside those of the classes and of region losses.
#[test]
fn several_terms_that_select_voxels_have_the_values_of_each_alone() {
    let threshold = |t| TermSpec::new(Form::TopK(Selection::Threshold(t)));
    let fraction = |k| TermSpec::new(Form::TopK(Selection::Fraction(k)));
    let squared = || TermSpec::new(Form::Dice { squared: true });
    let sums = [
        vec![threshold(0.1), threshold(0.7)],
        vec![threshold(0.2), threshold(0.4), threshold(0.6), threshold(0.8)],
        vec![squared(), threshold(0.3), threshold(0.5), threshold(0.9)],
        vec![squared(), fraction(0.1), threshold(0.5), fraction(0.4)],
    ];
    for (activation, classes) in
        [(Activation::Softmax, 3), (Activation::Softmax, 9), (Activation::Sigmoid, 2)]
    {
        let n = 300;
        let labels: Vec<i64> = (0..n).map(|i| (i * 5 % classes) as i64).collect();
        let logits = distinct_logits(classes * n, 3);
        let case = Case::of_labels(classes, &[n], activation, &logits, &labels, &[]);
        for (terms, by_class) in sums.iter().flat_map(|terms| [(terms, true), (terms, false)]) {
            for (prediction, precision) in [(Float::F64, 1e-12), (Float::F32, 1e-6)] {
                let format = Format { prediction, by_class, ..Format::exact(&case) };
                let of = |terms: &[TermSpec]| outcome(&case, terms, &format, 1.0).unwrap();
                let joint = of(terms);
                let alone: Vec<Outcome> = terms.iter().map(|term| of(core::slice::from_ref(term))).collect();
                let title = format!(
                    "{activation:?}, {classes} classes, {terms:?}, {prediction:?}, by class {by_class}"
                );
                for (ours, alone) in joint.terms.iter().zip(&alone) {
                    assert!(
                        (ours - alone.value).abs() <= precision * alone.value,
                        "{title}: {ours}, {}",
                        alone.value
                    );
                }
                let largest = joint.gradient.iter().fold(0.0f64, |most, g| most.max(g.abs()));
                for (k, ours) in joint.gradient.iter().enumerate() {
                    let sum: f64 = alone.iter().map(|outcome| outcome.gradient[k]).sum();
                    assert!((ours - sum).abs() <= precision * largest, "{title} at {k}: {ours}, not {sum}");
                }
            }
        }
    }
}
