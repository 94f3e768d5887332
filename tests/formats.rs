//! Storage changes no bit: integer types, layouts, the place of the gradient.

use crate::cases::{self, Field, field_of};
use crate::convert_cases::{
    Array, Float, Format, Inputs, LABELS, Layout, MASKS, Outcome, Target, outcome, with_terms,
};
use crate::naive::{Case, TermSpec};
use crate::parts::with_fields;
use crate::precision::reference;
use half::{bf16, f16};
use segloss::{Batch, Gradient, differentiate, scratch_len};

pub const FLOATS: [Float; 4] = [Float::F16, Float::Bf16, Float::F32, Float::F64];

fn run(case: &Case, terms: &[TermSpec], format: Format) -> Outcome {
    outcome(case, terms, &format, 1.0).unwrap()
}

#[track_caller]
pub fn assert_same(ours: &Outcome, theirs: &Outcome, title: &str) {
    assert_eq!(ours.value.to_bits(), theirs.value.to_bits(), "{title}: {} and {}", ours.value, theirs.value);
    assert_same_numbers(&ours.gradient, &theirs.gradient, title);
}

/// Compares bit for bit, including the signs of zeros.
#[track_caller]
pub fn assert_same_numbers(ours: &[f64], theirs: &[f64], title: &str) {
    assert_eq!(ours.len(), theirs.len(), "{title}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{title} at {i}: {a:e}, not {b:e}");
    }
}

/// `x` rounded to a type once, to nearest, ties to even.
pub fn rounded(x: f64, float: Float) -> f64 {
    // `half` truncates an f64 to 20 bits before it rounds: a neighbour may be nearer than its result.
    let nearest = |found: u16, read: fn(u16) -> f64| {
        let distance = |bits: u16| ((read(bits) - x).abs(), bits & 1);
        let around = [found.wrapping_sub(1), found, found.wrapping_add(1)];
        let numbers = around.into_iter().filter(|&bits| !read(bits).is_nan());
        read(numbers.min_by(|&a, &b| distance(a).partial_cmp(&distance(b)).unwrap()).unwrap())
    };
    match float {
        Float::F16 => nearest(f16::from_f64(x).to_bits(), |bits| f16::from_bits(bits).to_f64()),
        Float::Bf16 => nearest(bf16::from_f64(x).to_bits(), |bits| bf16::from_bits(bits).to_f64()),
        Float::F32 => x as f32 as f64,
        Float::F64 => x,
    }
}

fn is_mask(case: &Case) -> bool {
    case.truth.iter().all(|&g| g == 0.0 || g == 1.0)
}

/// The terms; those with one distance map for all classes get it as their field.
fn with_shared_fields(case: &Case, terms: &[TermSpec], format: &Format) -> Vec<TermSpec> {
    let is_shared = |term: &TermSpec| field_of(term.form) == Some(Field::Shared);
    let given = with_fields(case, terms, format).into_iter().zip(terms);
    given.map(|(given, term)| if is_shared(term) { given } else { term.clone() }).collect()
}

/// Labels have their own kernels, so they differ from maps by roundings.
#[test]
fn labels_give_the_result_of_one_hot_maps() {
    cases::each(|title, case, terms| {
        for (prediction, rounding) in [(Float::F32, 6e-7), (Float::F64, 1e-14)] {
            let format = Format { prediction, ..Format::exact(case) };
            // For the distance penalty an ignored label is a region, which maps cannot express.
            let terms = &with_shared_fields(case, terms, &format);
            let (as_given, (_, size)) = (run(case, terms, format), reference(case, terms));
            let largest = as_given.gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let masks: &[Target] = if is_mask(case) { &MASKS } else { &[] };
            for target in masks.iter().copied().chain(FLOATS.map(Target::Dense)) {
                let ours = run(case, terms, Format { target, ..format });
                let title = format!("{title} {target:?}");
                let off = (ours.value - as_given.value).abs();
                assert!(off <= rounding * size, "{title}: value off by {off:e} of {size:e}");
                for (i, (ours, expected)) in ours.gradient.iter().zip(&as_given.gradient).enumerate() {
                    let off = (ours - expected).abs();
                    assert!(off <= rounding * largest, "{title}: off by {off:e} of {largest:e} at {i}");
                }
            }
        }
    });
}

#[test]
fn labels_of_every_integer_type_give_the_same_bits() {
    cases::each(|title, case, terms| {
        let as_given = run(case, terms, Format::exact(case));
        for target in LABELS.into_iter().filter(|_| case.labels.is_some()) {
            let format = Format { target, ..Format::exact(case) };
            assert_same(&run(case, terms, format), &as_given, &format!("{title} {target:?}"));
        }
    });
}

/// Value and gradient with voxel weights of a given type.
fn weighed(case: &Case, terms: &[TermSpec], format: &Format, weight: &Array) -> (u64, Vec<f64>) {
    let inputs = Inputs::new(case, terms, format);
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = Array::new(&case.z, &shape, Some(1), format.layout, format.gradient);
    let value = with_terms(terms, &inputs, |terms| {
        let batch = Batch { voxel_weight: Some(weight.view()), ..inputs.batch(inputs.prediction.view()) };
        let mut scratch = vec![0xa5; scratch_len(&batch, terms).unwrap()];
        differentiate(&batch, terms, Gradient::new(gradient.view_mut()), &mut scratch).unwrap()
    });
    (value.to_bits(), gradient.values())
}

#[test]
fn integer_weights_give_the_bits_of_floating_ones() {
    cases::each(|title, case, terms| {
        let flat: Vec<usize> = [case.b].iter().chain(&case.shape).copied().collect();
        // A bool is 0 or 1; every number of a u8 is a weight.
        for (integer, numbers) in [(Target::MaskBool, &[1i64, 0, 1][..]), (Target::U8, &[1, 2, 0, 255, 3])] {
            let weights: Vec<i64> = (0..case.b * case.n()).map(|k| numbers[k % numbers.len()]).collect();
            let floats: Vec<f64> = weights.iter().map(|&w| w as f64).collect();
            for (prediction, layout) in [(Float::F64, Layout::Odd), (Float::F32, Layout::ChannelsFirst)] {
                let format = Format { prediction, ..Format::exact(case) };
                let of = |weight: &Array| weighed(case, terms, &format, weight);
                let expected = of(&Array::new(&floats, &flat, None, Layout::ChannelsFirst, prediction));
                let ours = of(&Array::integers(&weights, &flat, None, layout, integer));
                let title = format!("{title} {prediction:?} {integer:?}");
                assert_eq!(ours.0, expected.0, "{title}");
                assert_same_numbers(&ours.1, &expected.1, &title);
            }
        }
    });
}

#[test]
fn every_layout_gives_the_same_bits() {
    cases::each(|title, case, terms| {
        for prediction in [Float::F32, Float::F64] {
            let format = Format { prediction, gradient: prediction, ..Format::exact(case) };
            let contiguous = run(case, terms, format);
            for layout in [Layout::ChannelsLast, Layout::Odd] {
                let other = run(case, terms, Format { layout, ..format });
                assert_same(&other, &contiguous, &format!("{title} {layout:?}"));
                assert_eq!(other.class_sums, contiguous.class_sums, "{title} {layout:?}");
            }
        }
    });
}

#[test]
fn f16_and_bf16_predictions_give_the_bits_of_f32() {
    cases::each(|title, case, terms| {
        let single = Format { prediction: Float::F32, gradient: Float::F32, ..Format::exact(case) };
        let expected = run(case, terms, single);
        for prediction in [Float::F16, Float::Bf16] {
            assert_same(&run(case, terms, Format { prediction, ..single }), &expected, title);
        }
    });
}

#[test]
fn gradient_of_another_type_is_rounded_once() {
    cases::each(|title, case, terms| {
        for prediction in [Float::F32, Float::F64] {
            let full = run(case, terms, Format { prediction, ..Format::exact(case) });
            for gradient in FLOATS {
                let narrow = run(case, terms, Format { prediction, gradient, ..Format::exact(case) });
                let expected: Vec<f64> = full.gradient.iter().map(|&x| rounded(x, gradient)).collect();
                assert_same_numbers(&narrow.gradient, &expected, &format!("{title} {gradient:?}"));
            }
        }
    });
}

#[test]
fn in_place_and_out_of_place_give_the_same_bits() {
    cases::each(|title, case, terms| {
        for (float, layout) in [
            (Float::F16, Layout::ChannelsLast),
            (Float::Bf16, Layout::Odd),
            (Float::F32, Layout::Odd),
            (Float::F64, Layout::ChannelsFirst),
        ] {
            let format =
                Format { prediction: float, gradient: float, layout, by_class: false, ..Format::exact(case) };
            let beside = outcome(case, terms, &format, 3.0).unwrap();
            let over = outcome(case, terms, &Format { in_place: true, ..format }, 3.0).unwrap();
            assert_same(&over, &beside, &format!("{title} {float:?}"));
        }
    });
}

#[test]
fn gradient_scale_equals_a_weight_of_the_loss() {
    const SCALE: f64 = 2.7;
    cases::each(|title, case, terms| {
        let scaled = outcome(case, terms, &Format::exact(case), SCALE).unwrap();
        let weighed: Vec<TermSpec> =
            terms.iter().map(|term| TermSpec { weight: term.weight * SCALE, ..term.clone() }).collect();
        let weighed = run(case, &weighed, Format::exact(case));
        assert_same_numbers(&scaled.gradient, &weighed.gradient, title);
        let plain = run(case, terms, Format::exact(case));
        assert_eq!(scaled.value.to_bits(), plain.value.to_bits(), "{title}: the value is not scaled");
        let doubled = outcome(case, terms, &Format::exact(case), 2.0).unwrap().gradient;
        assert!(doubled.iter().zip(&plain.gradient).all(|(two, one)| *two == 2.0 * one), "{title}");
    });
}

/// Asserts that a gradient is added to nonzero numbers, for every layout and type of the output.
#[track_caller]
pub fn assert_added(title: &str, case: &Case, terms: &[TermSpec]) {
    for float in [Float::F64, Float::F32, Float::F16] {
        let format = Format { prediction: float, gradient: Float::F64, ..Format::exact(case) };
        let full = run(case, terms, format).gradient;
        // Multiples of 1/8 with a prime period, none of them 0.
        let before: Vec<f64> = (0..full.len()).map(|k| (k % 11) as f64 / 4.0 - 1.125).collect();
        // The sum is computed in the precision of the run and rounded once to the output type.
        let single = |x: f64| if float == Float::F64 { x } else { x as f32 as f64 };
        let sum: Vec<f64> = before.iter().zip(&full).map(|(b, g)| rounded(single(b + g), float)).collect();
        let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
        for layout in [Layout::ChannelsFirst, Layout::ChannelsLast, Layout::Odd] {
            let mut there = Array::new(&before, &shape, Some(1), layout, float);
            let inputs = Inputs::new(case, terms, &format);
            with_terms(terms, &inputs, |terms| {
                let batch = inputs.batch(inputs.prediction.view());
                let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
                let into = Gradient { add: true, ..Gradient::new(there.view_mut()) };
                differentiate(&batch, terms, into, &mut scratch).unwrap();
            });
            assert_same_numbers(&there.values(), &sum, &format!("{title} {float:?} {layout:?}"));
        }
    }
}

#[test]
fn gradient_is_added_to_the_contents_of_the_output() {
    cases::each(assert_added);
}
