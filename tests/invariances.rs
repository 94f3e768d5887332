//! Transformations of a batch that do not change its loss: permuting voxels, samples and classes, dividing pooled
//! samples, shifting the logits of a softmax.

use crate::cases;
use crate::convert_cases::{Float, Format, exact, outcome};
use crate::formats::assert_same;
use crate::list::is_mean_of_voxels;
use crate::naive::{
    Absent, Activation, Case, ClassAverage, Form, SampleAverage, TermSpec, boundary::no_background,
};
use crate::parts::{part, with_fields_for_parts};
use crate::precision::reference;

/// Tolerance of sums of doubles in another order, relative to the summands; of the gradient, to its largest component.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(case: &Case, terms: &[TermSpec], value: f64, gradient: &[f64], title: &str) {
    let (ours, (_, size)) = (exact(case, terms), reference(case, terms));
    assert!((ours.value - value).abs() <= TOLERANCE * size, "{title}: {:e}, not {value:e}", ours.value);
    let largest = gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (i, (ours, theirs)) in ours.gradient.iter().zip(gradient).enumerate() {
        assert!((ours - theirs).abs() <= TOLERANCE * largest, "{title} at {i}: {ours:e}, not {theirs:e}");
    }
}

/// An array of `len` elements whose element k is element `from(k)` of another.
fn moved<T: Copy>(all: &[T], from: impl Fn(usize) -> usize) -> Vec<T> {
    (0..all.len()).map(|k| all[from(k)]).collect()
}

/// A case and its terms permuted: `sample`, `class` and `voxel` give the source of each index.
fn reordered(
    case: &Case,
    terms: &[TermSpec],
    sample: &dyn Fn(usize) -> usize,
    class: &dyn Fn(usize) -> usize,
    voxel: &dyn Fn(usize) -> usize,
) -> (Case, Vec<TermSpec>, Vec<usize>) {
    let (n, c) = (case.n(), case.c);
    let of_map = |k: usize| (sample(k / n / c) * c + class(k / n % c)) * n + voxel(k % n);
    let of_voxel = |k: usize| sample(k / n) * n + voxel(k % n);
    let mut other = Case {
        z: moved(&case.z, of_map),
        truth: moved(&case.truth, of_map),
        weight: moved(&case.weight, of_voxel),
        ignored: moved(&case.ignored, of_voxel),
        class_present: moved(&case.class_present, |k| sample(k / c) * c + class(k % c)),
        ..case.clone()
    };
    other.labels = case.labels.as_ref().map(|labels| {
        let name =
            |label: i64| (0..c).find(|&to| c > 1 && class(to) as i64 == label).map_or(label, |to| to as i64);
        moved(labels, of_voxel).into_iter().map(name).collect()
    });
    let field = |field: &Vec<f64>| {
        if field.len() == case.z.len() { moved(field, of_map) } else { moved(field, of_voxel) }
    };
    let term = |term: &TermSpec| TermSpec {
        field: term.field.as_ref().map(field),
        class_weight: term.class_weight.as_ref().map(|v| moved(v, class)),
        ..term.clone()
    };
    (other, terms.iter().map(term).collect(), (0..case.z.len()).map(of_map).collect())
}

/// Fields are given and permuted, so that no voxel depends on its neighbours; class weights are permuted too.
fn with_all_given(case: &Case, terms: &[TermSpec]) -> Vec<TermSpec> {
    let weighed = |term: TermSpec| match term.form {
        Form::Boundary { .. } | Form::Hausdorff(_) if term.class_weight.is_none() => {
            TermSpec { class_weight: Some(no_background(case.c)), ..term }
        }
        _ => term,
    };
    with_fields_for_parts(case, terms, &Format::exact(case)).into_iter().map(weighed).collect()
}

/// A step that visits each of n places once.
fn step(n: usize) -> usize {
    *[7, 11, 13, 17].iter().find(|&&step| !n.is_multiple_of(step)).unwrap()
}

#[test]
fn permuting_voxels_and_samples_does_not_change_the_loss() {
    cases::each(|title, case, terms| {
        let terms = with_all_given(case, terms);
        let (n, b) = (case.n(), case.b);
        let (sample, voxel) = (|k| (k + 1) % b, |i| (i * step(n) + 3) % n);
        let (other, other_terms, places) = reordered(case, &terms, &sample, &|c| c, &voxel);
        let expected = exact(case, &terms);
        let gradient: Vec<f64> = places.iter().map(|&k| expected.gradient[k]).collect();
        assert_close(&other, &other_terms, expected.value, &gradient, title);
    });
}

#[test]
fn permuting_classes_with_their_weights_does_not_change_the_loss() {
    cases::each(|title, case, terms| {
        let terms = with_all_given(case, terms);
        let c = case.c;
        let (next, last_first) = (|class: usize| (class + 1) % c, |class: usize| c - 1 - class);
        for class in [&next as &dyn Fn(usize) -> usize, &last_first] {
            let (other, other_terms, places) = reordered(case, &terms, &|b| b, class, &|i| i);
            let expected = exact(case, &terms);
            let gradient: Vec<f64> = places.iter().map(|&k| expected.gradient[k]).collect();
            assert_close(&other, &other_terms, expected.value, &gradient, title);
        }
    });
}

/// Concatenates samples and their fields.
fn side_by_side(parts: &[(Case, Vec<TermSpec>)]) -> (Case, Vec<TermSpec>) {
    let (mut all, mut terms) = parts[0].clone();
    for (case, of_case) in &parts[1..] {
        all.b += case.b;
        all.z.extend(&case.z);
        all.truth.extend(&case.truth);
        all.weight.extend(&case.weight);
        all.ignored.extend(&case.ignored);
        all.class_present.extend(&case.class_present);
        if let (Some(all), Some(labels)) = (&mut all.labels, &case.labels) {
            all.extend(labels);
        }
        for (all, term) in terms.iter_mut().zip(of_case) {
            if let (Some(all), Some(field)) = (&mut all.field, &term.field) {
                all.extend(field);
            }
        }
    }
    (all, terms)
}

/// If classes are pooled too, absent classes are skipped sample by sample: such terms depend on the division.
fn feels_seams(term: &TermSpec) -> bool {
    term.absent == Absent::Skipped && term.class_average == ClassAverage::Pooled
}

#[test]
fn pooled_halves_of_a_sample_equal_the_sample() {
    cases::each(|title, case, terms| {
        let half = case.shape[0] / 2;
        if half == 0 || terms.iter().any(feels_seams) {
            return;
        }
        // A mean over voxels runs over the batch and does not depend on samples.
        let pooled = |term: TermSpec| match is_mean_of_voxels(term.form) {
            true => term,
            false => TermSpec { sample_average: SampleAverage::Pooled, ..term },
        };
        let terms: Vec<TermSpec> = with_all_given(case, terms).into_iter().map(pooled).collect();
        let (whole, terms) = part(case, &terms, 0..case.b, 0..2 * half);
        let halves: Vec<(Case, Vec<TermSpec>)> = (0..case.b)
            .flat_map(|b| [0..half, half..2 * half].map(|rows| part(&whole, &terms, b..b + 1, rows)))
            .collect();
        let (cut, cut_terms) = side_by_side(&halves);
        let expected = exact(&whole, &terms);
        // The halves of a map are not adjacent.
        let long = cut.n();
        let place = |k: usize| {
            let (sample, class, voxel) = (k / long / case.c, k / long % case.c, k % long);
            (sample / 2 * case.c + class) * 2 * long + sample % 2 * long + voxel
        };
        let gradient: Vec<f64> = (0..cut.z.len()).map(|k| expected.gradient[place(k)]).collect();
        assert_close(&cut, &cut_terms, expected.value, &gradient, title);
    });
}

/// Shifts are multiples of 1/16, as the logits are: differences of logits keep their exact values.
#[test]
fn shifting_all_logits_of_a_softmax_does_not_change_the_loss() {
    cases::each(|title, case, terms| {
        if case.activation != Activation::Softmax {
            return;
        }
        let shift = |k: usize| ((k / case.n() / case.c + k % case.n()) % 37) as f64 * 5.0 - 90.0625;
        let z = case.z.iter().enumerate().map(|(k, z)| z + shift(k)).collect();
        let other = Case { z, ..case.clone() };
        for prediction in [Float::F64, Float::F32] {
            let format = Format { prediction, ..Format::exact(case) };
            let of = |case| outcome(case, terms, &format, 1.0).unwrap();
            assert_same(&of(&other), &of(case), title);
        }
    });
}
