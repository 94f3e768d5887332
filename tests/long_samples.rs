//! Samples longer than a tile and a chunk: value and gradient of every loss against the reference.
//!
//! The reference computes distances from all pairs of voxels; for one axis two linear scans give the same.

use crate::cases::{self, IGNORED, is_served};
use crate::convert_cases::{Float, Format, outcome};
use crate::directional_derivatives::assert_gradient;
use crate::list::{losses, sweeps_of};
use crate::naive::boundary::{Hausdorff, prediction_mask};
use crate::naive::distance::{self, target_mask};
use crate::naive::{Activation, Case, Form, TermSpec, probabilities};
use crate::precision::reference;
use std::collections::BTreeSet;

/// A chunk of 16,384 voxels, which is sixteen tiles, and an incomplete block.
const N: usize = 16_384 + 64 + 37;

/// For each element the distance to the nearest different one, 0 if there is none.
fn to_another<T: PartialEq>(row: &[T], spacing: f64) -> Vec<f64> {
    let mut distances = vec![0.0; row.len()];
    let mut start = 0;
    while start < row.len() {
        let end = (start..row.len()).find(|&i| row[i] != row[start]).unwrap_or(row.len());
        for i in start..end {
            let before = if start > 0 { i - start + 1 } else { usize::MAX };
            let behind = if end < row.len() { end - i } else { usize::MAX };
            let nearest = before.min(behind);
            distances[i] = if nearest == usize::MAX { 0.0 } else { nearest as f64 * spacing };
        }
        start = end;
    }
    distances
}

/// The complete field of a loss.
fn field_of(case: &Case, form: Form) -> Option<Vec<f64>> {
    let spacing = case.spacing[0];
    let samples_and_classes = || (0..case.b * case.c).map(|k| (k / case.c, k % case.c));
    match form {
        Form::Boundary { rim_zero } => {
            let rim = if rim_zero { spacing } else { 0.0 };
            let signed = |(b, c)| {
                let mask = target_mask(case, b, c);
                let distances = to_another(&mask, spacing);
                let sign = move |(d, inside)| match (d == 0.0, inside) {
                    (true, _) => 0.0,
                    (false, true) => rim - d,
                    (false, false) => d,
                };
                distances.into_iter().zip(mask).map(sign).collect::<Vec<f64>>()
            };
            Some(samples_and_classes().flat_map(signed).collect())
        }
        Form::Hausdorff(of) => {
            let p = probabilities(case);
            let powered = |mask: &[bool]| -> Vec<f64> {
                let distances = to_another(mask, spacing).into_iter().zip(mask);
                let raise =
                    |(d, &inside): (f64, &bool)| if of.interior && !inside { 0.0 } else { d.powf(of.alpha) };
                distances.map(raise).collect()
            };
            let both = |(b, c)| {
                let mut all = vec![0.0; N];
                let mut add =
                    |mask: &[bool]| all.iter_mut().zip(powered(mask)).for_each(|(sum, d)| *sum += d);
                if !of.prediction_only {
                    add(&target_mask(case, b, c));
                }
                if !of.target_only {
                    add(&prediction_mask(case, &p, of.argmax, b, c));
                }
                all
            };
            Some(samples_and_classes().flat_map(both).collect())
        }
        Form::DistancePenalized => {
            let reverted = |labels: &[i64]| -> Vec<f64> {
                let d = to_another(labels, spacing);
                let ends = |label: i64| {
                    let of_label = || d.iter().zip(labels).filter(|(_, l)| **l == label).map(|(d, _)| *d);
                    (of_label().fold(f64::INFINITY, f64::min), of_label().fold(0.0, f64::max))
                };
                let all: std::collections::BTreeMap<i64, (f64, f64)> = labels
                    .iter()
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .map(|&l| (l, ends(l)))
                    .collect();
                d.iter().zip(labels).map(|(d, label)| 1.0 - (d - all[label].0) / all[label].1).collect()
            };
            let class = |k: usize| (0..case.c).position(|c| case.truth[case.at(k / N, c, k % N)] == 1.0);
            // For one-hot maps the regions are the classes.
            let classes =
                || (0..case.b * N).map(|k| class(k).expect("one class in each voxel") as i64).collect();
            let labels: Vec<i64> = case.labels.clone().unwrap_or_else(classes);
            Some(labels.chunks(N).flat_map(reverted).collect())
        }
        _ => None,
    }
}

/// The terms with given fields, so that the reference does not compute them.
fn with_fields(case: &Case, terms: &[TermSpec]) -> Vec<TermSpec> {
    let given = |term: &TermSpec| {
        let form = match term.form {
            Form::Hausdorff(of) => Form::Hausdorff(Hausdorff { field_complete: true, ..of }),
            other => other,
        };
        TermSpec { form, field: field_of(case, term.form), ..term.clone() }
    };
    terms.iter().map(given).collect()
}

#[test]
fn linear_scans_equal_the_distances_of_all_pairs() {
    let row: Vec<bool> = (0..40).map(|i| i * i % 11 < 4).collect();
    assert_eq!(to_another(&row, 0.75), distance::to_other_side(&row, &[40], &[0.75]));
    assert_eq!(to_another(&[true; 5], 1.0), [0.0; 5]);
}

/// Runs of a few hundred voxels, different in each sample; as labels, some of them ignored, or as maps.
fn long(activation: Activation, as_maps: bool) -> Case {
    let (b, c) = (2, 3);
    let label = |k: usize| if k % 1009 == 5 { IGNORED } else { ((k / 171 + k / 700) % c) as i64 };
    let labels: Vec<i64> = (0..b * N).map(label).collect();
    let weight = cases::weights(b * N);
    let z = cases::distinct_logits(b * c * N, 5);
    let case = if as_maps {
        let labels: Vec<i64> = labels.iter().map(|&label| if label == IGNORED { 0 } else { label }).collect();
        Case { labels: None, ..Case::of_labels(c, &[N], activation, &z, &labels, &[]) }
    } else {
        Case::of_labels(c, &[N], activation, &z, &labels, &[IGNORED])
    };
    Case { spacing: vec![0.75], ..case.weighted(&weight) }
}

#[test]
fn every_loss_equals_the_equation_beyond_a_tile_and_a_chunk() {
    for (activation, as_maps) in [(Activation::Softmax, false), (Activation::Sigmoid, true)] {
        let case = cases::steady(long(activation, as_maps));
        let mut seen = BTreeSet::new();
        for loss in losses() {
            let terms = loss.for_classes(case.c);
            if !is_served(&terms, &case) {
                continue;
            }
            let title = format!("{}, {activation:?}", loss.name);
            let given = with_fields(&case, &terms);
            let (expected, size) = reference(&case, &given);
            for (prediction, tolerance) in [(Float::F64, 1e-12), (Float::F32, 1e-6)] {
                let format = Format { prediction, ..Format::exact(&case) };
                let ours = outcome(&case, &terms, &format, 1.0).unwrap();
                let off = (ours.value - expected).abs();
                assert!(
                    off <= tolerance * size,
                    "{title} {prediction:?}: {:e}, not {expected:e}",
                    ours.value
                );
                // Gradients of region losses with the same sums differ only in their slopes.
                if prediction == Float::F64 && seen.insert(sweeps_of(&terms)) {
                    assert_gradient(&case, &given, &ours.gradient, 1, &title);
                }
            }
        }
    }
}
