//! Kernels and tile widths depend on the number of classes. For each number, value and gradient equal the equations in
//! every layout, and an added gradient is added to the previous contents.

use crate::cases::{self, is_served};
use crate::convert_cases::{Float, Format, Layout, Outcome, outcome};
use crate::directional_derivatives::assert_gradient;
use crate::formats::{assert_added, assert_same};
use crate::list::{losses, sweeps_of};
use crate::naive::{Activation, Case, TermSpec};
use crate::precision::reference;
use std::collections::BTreeSet;

/// Every number with its own kernel, one more, and numbers at which tiles are narrow or one block wide.
const FEW: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const MANY: [usize; 3] = [21, 105, 300];

/// A block of 64 voxels and an incomplete one.
const SHAPE: [usize; 2] = [3, 23];

/// With 300 classes, 255 is a class.
const IGNORED: i64 = -100;

fn labels(count: usize, classes: usize, with_ignored: bool) -> Vec<i64> {
    let label = |k: usize| ((k * 7 + k / 5 + 3) % classes.max(2)) as i64;
    (0..count).map(|k| if with_ignored && k % 13 == 5 { IGNORED } else { label(k) }).collect()
}

fn of_labels(samples: usize, classes: usize, activation: Activation, with_ignored: bool) -> Case {
    let n: usize = SHAPE.iter().product();
    let z = cases::distinct_logits(samples * classes * n, classes);
    let labels = labels(samples * n, classes, with_ignored);
    let ignore: &[i64] = if with_ignored { &[IGNORED] } else { &[] };
    Case::of_labels(classes, &SHAPE, activation, &z, &labels, ignore)
}

fn weighted(case: Case) -> Case {
    let weight = cases::weights(case.b * case.n());
    case.weighted(&weight)
}

fn of_maps(
    samples: usize,
    classes: usize,
    activation: Activation,
    paint: fn(usize, usize) -> Vec<f64>,
) -> Case {
    let count = samples * classes * SHAPE.iter().product::<usize>();
    Case::of_maps(
        classes,
        &SHAPE,
        activation,
        &cases::distinct_logits(count, classes),
        &paint(count, classes),
    )
}

/// Plain labels; weights and ignored voxels; maps: every path of the kernels.
fn cases_of(classes: usize) -> Vec<(&'static str, Case)> {
    use Activation::{Sigmoid, Softmax};
    let samples = if classes > 9 { 1 } else { 2 };
    let mut all = vec![];
    if classes <= 21 {
        all.push(("labels on their own", weighted(of_labels(samples, classes, Sigmoid, true))));
    }
    if classes > 1 {
        all.push(("labels", of_labels(samples, classes, Softmax, false)));
        all.push(("labels, weighted", weighted(of_labels(samples, classes, Softmax, true))));
    }
    if classes != 21 {
        all.push(("masks on their own", of_maps(samples, classes, Sigmoid, cases::masks)));
    }
    if (2..=9).contains(&classes) {
        all.push(("soft truth", of_maps(samples, classes, Softmax, cases::soft)));
    }
    all.into_iter().map(|(name, case)| (name, cases::steady(case))).collect()
}

fn each(counts: &[usize], mut law: impl FnMut(&str, &Case, &[TermSpec])) {
    for &classes in counts {
        let cases = cases_of(classes);
        for loss in losses() {
            let terms = loss.for_classes(classes);
            for (name, case) in cases.iter().filter(|(_, case)| is_served(&terms, case)) {
                law(&format!("{}, {name}, {classes} classes", loss.name), case, &terms);
            }
        }
    }
}

fn run(case: &Case, terms: &[TermSpec], float: Float, layout: Layout) -> Outcome {
    let format = Format { prediction: float, gradient: float, layout, ..Format::exact(case) };
    outcome(case, terms, &format, 1.0).unwrap()
}

/// Asserts that f64 equals the equations, f32 equals f64 to its precision, and every layout has the same bits.
fn check(title: &str, case: &Case, terms: &[TermSpec], directions: u64) {
    let exact = run(case, terms, Float::F64, Layout::ChannelsLast);
    let (expected, size) = reference(case, terms);
    let off = (exact.value - expected).abs();
    assert!(off <= 1e-12 * size, "{title}: {:e}, not {expected:e}", exact.value);
    assert_gradient(case, terms, &exact.gradient, directions, title);
    let single = run(case, terms, Float::F32, Layout::ChannelsLast);
    let off = (single.value - expected).abs();
    assert!(off <= 1e-6 * size, "{title}: {:e} in f32, not {expected:e}", single.value);
    let largest = exact.gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (i, (ours, exact)) in single.gradient.iter().zip(&exact.gradient).enumerate() {
        assert!((ours - exact).abs() <= 1e-6 * largest, "{title} in f32 at {i}: {ours:e}, not {exact:e}");
    }
    for layout in [Layout::ChannelsFirst, Layout::Odd] {
        let title = format!("{title}, {layout:?}");
        assert_same(&run(case, terms, Float::F64, layout), &exact, &title);
        assert_same(&run(case, terms, Float::F32, layout), &single, &title);
    }
}

#[test]
fn value_and_gradient_equal_the_equations_for_every_number_of_classes() {
    each(&FEW, |title, case, terms| check(title, case, terms, 2));
}

#[test]
fn value_and_gradient_equal_the_equations_for_many_classes() {
    let mut seen = BTreeSet::new();
    each(&MANY, |title, case, terms| {
        let is_new = seen.insert((case.c, case.activation == Activation::Sigmoid, sweeps_of(terms)));
        check(title, case, terms, u64::from(is_new));
    });
}

#[test]
fn gradient_is_added_to_the_output_for_every_number_of_classes() {
    each(&FEW, assert_added);
}
