//! What a caller asks for beside the value changes neither the value nor the gradient.

use crate::cases;
use crate::convert_cases::{Float, Format, Inputs, Outcome, outcome, value_alone, with_terms};
use crate::formats::assert_same;
use crate::naive::{Case, TermSpec};
use crate::precision::reference;
use segloss::{Batch, Gradient, ViewMut, differentiate, scratch_len};

/// Value and gradient, without outputs by class.
fn alone(case: &Case, terms: &[TermSpec], format: &Format) -> Outcome {
    outcome(case, terms, &Format { by_class: false, ..*format }, 1.0).unwrap()
}

#[test]
fn value_is_the_same_with_and_without_gradient() {
    cases::each(|title, case, terms| {
        for prediction in [Float::F16, Float::F32, Float::F64] {
            let format = Format { prediction, ..Format::exact(case) };
            let (with, without) = (alone(case, terms, &format).value, value_alone(case, terms, &format));
            assert_eq!(with.to_bits(), without.to_bits(), "{title} {prediction:?}: {with:e} and {without:e}");
        }
    });
}

/// Differences that `docs/numbers.md` allows: cross entropy by class has a logarithm of each voxel.
#[track_caller]
fn assert_by_class(by_class: &Outcome, alone: &Outcome, terms: &[TermSpec], rounding: f64, title: &str) {
    for ((ours, theirs), term) in by_class.terms.iter().zip(&alone.terms).zip(terms) {
        let size = theirs.abs() + if term.minus_one { 1.0 } else { 0.0 };
        assert!((ours - theirs).abs() <= rounding * size, "{title}: {ours:e}, alone {theirs:e}");
    }
    for (i, (ours, theirs)) in by_class.gradient.iter().zip(&alone.gradient).enumerate() {
        assert_eq!(ours.to_bits(), theirs.to_bits(), "{title} at {i}: {ours:e}, alone {theirs:e}");
    }
}

#[test]
fn outputs_by_class_change_neither_value_nor_gradient() {
    cases::each(|title, case, terms| {
        for (prediction, rounding) in [(Float::F16, 1e-7), (Float::F32, 1e-7), (Float::F64, 1e-15)] {
            let format = Format { prediction, ..Format::exact(case) };
            let (by_class, alone) =
                (outcome(case, terms, &format, 1.0).unwrap(), alone(case, terms, &format));
            assert_by_class(&by_class, &alone, terms, rounding, &format!("{title} {prediction:?}"));
        }
    });
}

/// Flags of classes that are all annotated say what no flags say. With flags, units of masks and maps whose voxels have
/// one class each are not computed as labels, which differ by roundings.
#[test]
fn flags_of_classes_that_are_all_annotated_change_nothing() {
    cases::each(|title, case, terms| {
        if case.class_present.contains(&false) {
            return;
        }
        for (prediction, rounding) in [(Float::F32, 6e-7), (Float::F64, 1e-14)] {
            let format = Format { prediction, by_class: false, ..Format::exact(case) };
            let inputs = Inputs::new(case, terms, &format);
            let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
            let mut gradient = vec![0.0; case.z.len()];
            let value = with_terms(terms, &inputs, |terms| {
                let batch = inputs.batch(inputs.prediction.view());
                let batch = Batch { class_present: Some(&inputs.present), ..batch };
                let into = ViewMut::new(&mut gradient, &shape).unwrap();
                let mut scratch = vec![0xa5; scratch_len(&batch, terms).unwrap()];
                differentiate(&batch, terms, Gradient::new(into), &mut scratch).unwrap()
            });
            let alone = alone(case, terms, &format);
            let title = format!("{title} {prediction:?}");
            if case.labels.is_some() {
                assert_same(&Outcome { value, gradient, ..alone.clone() }, &alone, &title);
                continue;
            }
            let (_, size) = reference(case, terms);
            assert!(
                (value - alone.value).abs() <= rounding * size,
                "{title}: {value:e}, not {:e}",
                alone.value
            );
            let largest = alone.gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            for (i, (ours, theirs)) in gradient.iter().zip(&alone.gradient).enumerate() {
                assert!(
                    (ours - theirs).abs() <= rounding * largest,
                    "{title} at {i}: {ours:e}, not {theirs:e}"
                );
            }
        }
    });
}
