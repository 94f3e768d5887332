//! Parts of a case, and `accumulate`, `finalize` and `backward` on them.

use crate::cases::{Field, field_of};
use crate::constant_selections::with_complete_field;
use crate::convert_cases::{Array, Format, Inputs, Layout, with_searched_terms, with_terms};
use crate::naive::{Case, Form, Selection, TermSpec};
use segloss::parts::{TopKSearch, accumulate, backward, finalize, top_k_count};
use segloss::{ClassSums, TopK, distance_field, scratch_len};
use std::ops::Range;

/// Some samples of a map `[B, maps, rows, …]`, and some rows of the first spatial axis of each.
pub fn slab<T: Copy>(
    whole: &[T],
    case: &Case,
    maps: usize,
    samples: &Range<usize>,
    rows: &Range<usize>,
) -> Vec<T> {
    let row = case.n() / case.shape[0];
    let of_map = |map: usize| whole[map * case.n()..][rows.start * row..rows.end * row].iter().copied();
    (samples.start * maps..samples.end * maps).flat_map(of_map).collect()
}

/// A part of a case and of every field.
pub fn part(
    case: &Case,
    terms: &[TermSpec],
    samples: Range<usize>,
    rows: Range<usize>,
) -> (Case, Vec<TermSpec>) {
    let shape = [rows.len()].iter().chain(&case.shape[1..]).copied().collect();
    let here = Case {
        b: samples.len(),
        shape,
        z: slab(&case.z, case, case.c, &samples, &rows),
        truth: slab(&case.truth, case, case.c, &samples, &rows),
        labels: case.labels.as_ref().map(|labels| slab(labels, case, 1, &samples, &rows)),
        weight: slab(&case.weight, case, 1, &samples, &rows),
        ignored: slab(&case.ignored, case, 1, &samples, &rows),
        class_present: case.class_present[samples.start * case.c..samples.end * case.c].to_vec(),
        ..case.clone()
    };
    let cut = |field: &Vec<f64>| slab(field, case, field.len() / (case.b * case.n()), &samples, &rows);
    let terms = terms.iter().map(|term| TermSpec { field: term.field.as_ref().map(cut), ..term.clone() });
    (here, terms.collect())
}

/// The TopK search of each term that selects a fraction.
pub type Searches = Vec<Option<TopKSearch>>;

/// Searches all parts for the voxels that terms select. Each part counts into a separate search, as on separate
/// machines; the searches are merged in varying order.
pub fn searches(parts: &[(Case, Vec<TermSpec>)], format: &Format) -> Searches {
    let specs = &parts[0].1;
    let of_term = |k: usize, spec: &TermSpec| {
        let Form::TopK(Selection::Fraction(fraction)) = spec.form else { return None };
        let top_k = TopK { selection: segloss::Selection::Fraction(fraction) };
        let mut whole = TopKSearch::new();
        while !whole.is_done() {
            let counted = parts.iter().map(|(case, specs)| {
                let inputs = Inputs::new(case, specs, format);
                let mut search = whole.clone();
                with_terms(specs, &inputs, |terms| {
                    let batch = inputs.batch(inputs.prediction.view());
                    let mut scratch = vec![0x5a; scratch_len(&batch, terms).unwrap()];
                    top_k_count(&batch, terms, k, &mut search, &mut scratch).unwrap();
                });
                search
            });
            let mut counted: Vec<TopKSearch> = counted.collect();
            whole = counted.pop().unwrap();
            counted.iter().for_each(|search| whole.merge(search).unwrap());
            whole.narrow(&top_k).unwrap();
        }
        Some(whole)
    };
    specs.iter().enumerate().map(|(k, spec)| of_term(k, spec)).collect()
}

pub fn fold_into(
    case: &Case,
    terms: &[TermSpec],
    format: &Format,
    searches: &Searches,
    class_sums: &mut [ClassSums],
) {
    let inputs = Inputs::new(case, terms, format);
    with_searched_terms(terms, &inputs, searches, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0x5a; scratch_len(&batch, terms).unwrap()];
        accumulate(&batch, terms, class_sums, &mut scratch).unwrap();
    });
}

pub fn finish_of(
    case: &Case,
    terms: &[TermSpec],
    format: &Format,
    class_sums: &[ClassSums],
    slopes: &mut [ClassSums],
) -> f64 {
    let inputs = Inputs::new(case, terms, format);
    with_terms(terms, &inputs, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0x5a; scratch_len(&batch, terms).unwrap()];
        finalize(&batch, terms, class_sums, 1.0, Some(slopes), &mut scratch).unwrap()
    })
}

pub fn map_of(
    case: &Case,
    terms: &[TermSpec],
    format: &Format,
    searches: &Searches,
    slopes: &[ClassSums],
) -> Vec<f64> {
    let inputs = Inputs::new(case, terms, format);
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = Array::new(&case.z, &shape, Some(1), format.layout, format.gradient);
    with_searched_terms(terms, &inputs, searches, |terms| {
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0x5a; scratch_len(&batch, terms).unwrap()];
        backward(&batch, terms, slopes, gradient.view_mut(), false, &mut scratch).unwrap();
    });
    gradient.values()
}

/// The terms with the fields that the crate computes from the whole batch.
pub fn with_fields(case: &Case, terms: &[TermSpec], format: &Format) -> Vec<TermSpec> {
    let inputs = Inputs::new(case, terms, format);
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let flat: Vec<usize> = [case.b].iter().chain(&case.shape).copied().collect();
    let one = |k: usize, spec: &TermSpec| {
        with_terms(terms, &inputs, |terms| {
            let shape = match field_of(spec.form) {
                Some(Field::PerClass) => &shape,
                Some(Field::Shared) => &flat,
                None => return spec.clone(),
            };
            let batch = inputs.batch(inputs.prediction.view());
            let mut into = Array::new(&[], shape, None, Layout::Odd, format.prediction);
            let mut scratch = vec![0x5a; scratch_len(&batch, terms).unwrap()];
            distance_field(&batch, &terms[k], into.view_mut(), &mut scratch).unwrap();
            TermSpec { field: Some(into.values()), ..spec.clone() }
        })
    };
    terms.iter().enumerate().map(|(k, spec)| one(k, spec)).collect()
}

/// The terms with everything that parts do not compute, including the half of Hausdorff's field that comes from the
/// prediction.
pub fn with_fields_for_parts(case: &Case, terms: &[TermSpec], format: &Format) -> Vec<TermSpec> {
    let complete = |term: TermSpec| match term.form {
        Form::Hausdorff(form) => with_complete_field(case, &term, form),
        _ => term,
    };
    with_fields(case, terms, format).into_iter().map(complete).collect()
}
