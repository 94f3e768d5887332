//! Voxels and classes that are not counted change nothing, whatever they hold; a NaN of a counted voxel propagates.

use crate::cases::{self, field_of};
use crate::convert_cases::{Float, Format, exact, outcome};
use crate::formats::assert_same;
use crate::limits::{ACTIVATIONS, SHAPE, painted_labels};
use crate::list::losses;
use crate::naive::{self, Case, Form, TermSpec};
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len,
};

/// The terms; distance losses get `field`, one map per class, logarithmic ones its absolute values.
fn with_field(terms: &[TermSpec], field: &[f64]) -> Vec<TermSpec> {
    let is_log = |term: &TermSpec| matches!(term.form, Form::Hausdorff(form) if form.log);
    let held = |term: &TermSpec, x: f64| if is_log(term) { x.abs() } else { x };
    let given = |term: &TermSpec| field_of(term.form).map(|_| field.iter().map(|&x| held(term, x)).collect());
    terms.iter().map(|term| TermSpec { field: given(term), ..term.clone() }).collect()
}

/// `numbers` `[B, C, N]` with NaN where `excluded(sample, class, voxel)` is true.
fn poisoned(case: &Case, numbers: &[f64], excluded: impl Fn(usize, usize, usize) -> bool) -> Vec<f64> {
    let n = case.n();
    let place = |k: usize| (k / n / case.c, k / n % case.c, k % n);
    let poison = |(k, &x): (usize, &f64)| {
        let (b, c, i) = place(k);
        if excluded(b, c, i) { f64::NAN } else { x }
    };
    numbers.iter().enumerate().map(poison).collect()
}

#[test]
fn batch_without_counted_voxels_has_zero_loss() {
    for loss in losses() {
        for activation in ACTIVATIONS {
            for classes in [1, 3].into_iter().filter(|&c| c > 1 || activation != naive::Activation::Softmax) {
                let labels = painted_labels(70, classes);
                let z: Vec<f64> = (0..70 * classes).map(|k| (k % 7) as f64 / 8.0).collect();
                let ignored = Case::of_labels(classes, &SHAPE, activation, &z, &vec![255; 70], &[255]);
                let counted = Case::of_labels(classes, &SHAPE, activation, &z, &labels, &[]);
                let unannotated = Case { class_present: vec![false; 2 * classes], ..counted.clone() };
                let terms = loss.for_classes(classes);
                let all = [ignored, counted.weighted(&[0.0; 70]), unannotated];
                for case in all.into_iter().filter(|case| cases::is_served(&terms, case)) {
                    let ours = exact(&case, &terms);
                    let title = format!("{} {activation:?} {classes}", loss.name);
                    assert_eq!(ours.value, 0.0, "{title}");
                    assert!(ours.gradient.iter().all(|&x| x == 0.0), "{title}");
                }
            }
        }
    }
}

#[test]
fn voxels_with_weight_0_change_nothing() {
    cases::each(|title, case, terms| {
        let weight = case.weight.iter().enumerate().map(|(k, w)| if k % 4 == 1 { 0.0 } else { *w });
        let case = Case { weight: weight.collect(), ..case.clone() };
        let excluded = |b: usize, _: usize, i: usize| case.w(b, i) == 0.0;
        let field: Vec<f64> = (0..case.z.len()).map(|k| (k % 11) as f64 - 5.0).collect();
        let nan = poisoned(&case, &field, excluded);
        let mut bad = Case { z: poisoned(&case, &case.z, excluded), ..case.clone() };
        match &mut bad.labels {
            None => bad.truth = poisoned(&case, &case.truth, excluded),
            // This label is not a class.
            Some(labels) => {
                let is_blank = |k: &usize| case.weight[*k] == 0.0 && !case.ignored[*k];
                (0..labels.len()).filter(is_blank).for_each(|k| labels[k] = 77);
            }
        }
        for prediction in [Float::F64, Float::F32] {
            let format = Format { prediction, ..Format::exact(&case) };
            let mut expected = outcome(&case, &with_field(terms, &field), &format, 1.0).unwrap();
            let mut ours = outcome(&bad, &with_field(terms, &nan), &format, 1.0).unwrap();
            // The gradient of a voxel with weight 0 is a zero of either sign; all other gradients have equal bits,
            // including the signs of zeros.
            for x in [&mut ours, &mut expected].into_iter().flat_map(|of| of.gradient.iter_mut().zip(&nan)) {
                if let (x, true) = (x.0, x.1.is_nan()) {
                    assert!(*x == 0.0, "{title}: {x:e} at a voxel without weight");
                    *x = 0.0;
                }
            }
            assert_same(&ours, &expected, title);
        }
    });
}

/// Distances to the prediction extend across voxels; voxels that are not counted belong to no mask.
#[test]
fn predictions_at_uncounted_voxels_do_not_change_computed_fields() {
    cases::each(|title, case, terms| {
        let weight = case.weight.iter().enumerate().map(|(k, w)| if k % 4 == 1 { 0.0 } else { *w });
        let case = Case { weight: weight.collect(), ..case.clone() };
        for anything in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3e4, -3e4, 0.5] {
            let mut other = case.clone();
            for (k, z) in other.z.iter_mut().enumerate() {
                let (b, i) = (k / case.n() / case.c, k % case.n());
                *z = if case.w(b, i) == 0.0 { anything } else { *z };
            }
            for prediction in [Float::F64, Float::F32] {
                let format = Format { prediction, ..Format::exact(&case) };
                let expected = outcome(&case, terms, &format, 1.0).unwrap();
                let ours = outcome(&other, terms, &format, 1.0).unwrap();
                assert_same(&ours, &expected, &format!("{title}, {anything}"));
            }
        }
    });
}

#[test]
fn target_of_a_class_that_is_not_annotated_changes_nothing() {
    cases::each(|title, case, terms| {
        let class_present = (0..case.b * case.c).map(|k| k % 2 == 0).collect();
        let case = Case { class_present, ..case.clone() };
        let excluded = |b: usize, c: usize, _: usize| !case.class_present[b * case.c + c];
        let field: Vec<f64> = (0..case.z.len()).map(|k| (k % 11) as f64 - 5.0).collect();
        let mut bad = case.clone();
        if case.labels.is_none() {
            bad.truth = poisoned(&case, &case.truth, excluded);
        }
        let expected = exact(&case, &with_field(terms, &field));
        let ours = exact(&bad, &with_field(terms, &poisoned(&case, &field, excluded)));
        assert_same(&ours, &expected, title);
    });
}

#[test]
fn nan_at_a_counted_voxel_makes_the_value_nan() {
    cases::each(|title, case, terms| {
        let n = case.n();
        let voxel = (0..n).rev().find(|&i| case.weight[i] > 0.0).unwrap();
        let mut case = case.clone();
        for class in 0..case.c {
            case.z[class * n + voxel] = f64::NAN;
        }
        for prediction in [Float::F64, Float::F32, Float::F16] {
            let format = Format { prediction, ..Format::exact(&case) };
            let ours = outcome(&case, terms, &format, 1.0).unwrap();
            assert!(ours.value.is_nan(), "{title} {prediction:?}: {}", ours.value);
        }
    });
}

#[test]
fn empty_batch_has_value_0_and_no_gradient() {
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let loss = [Term::new(1.0, &dice), Term { minus_one: true, ..Term::new(1.0, &cross_entropy) }];
    for shape in [[0, 2, 5], [2, 0, 5], [2, 2, 0]] {
        let target = View::new::<u8>(&[0; 10][..shape[0] * shape[2]], &[shape[0], shape[2]]).unwrap();
        let batch = Batch::new(View::new::<f32>(&[], &shape).unwrap(), Activation::Softmax, target);
        let mut scratch = vec![0; scratch_len(&batch, &loss).unwrap()];
        let gradient = Gradient::new(ViewMut::new::<f32>(&mut [], &shape).unwrap());
        assert_eq!(differentiate(&batch, &loss, gradient, &mut scratch), Ok(0.0), "{shape:?}");
    }
}
