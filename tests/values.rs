//! Every loss, every sum and every part of a report is what the equations say, in plain f64 loops.

use crate::bridge::exact;
use crate::cases;
use crate::naive::{
    self, Absent, Case, ClassAverage, Form, SampleAverage, TermSpec, class_weight, region, term_value, value,
};

/// Both sides are f64 sums of a few hundred numbers of order 1.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(ours: f64, theirs: f64, title: &str) {
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{title}: {ours:e}, not {theirs:e}");
}

#[test]
fn every_loss_is_the_equation_of_the_paper() {
    cases::each(|title, case, terms| {
        let ours = exact(case, terms);
        let theirs = value(case, terms);
        assert!(
            (ours.value - theirs).abs() <= TOLERANCE * theirs.abs(),
            "{title}: {:e}, not {theirs:e}",
            ours.value
        );
        for (ours, term) in ours.terms.iter().zip(terms) {
            assert_close(*ours, term_value(case, term), title);
        }
    });
}

#[test]
fn tallies_are_the_sums_of_the_paper() {
    cases::each(|title, case, terms| {
        for (k, (ours, theirs)) in exact(case, terms).tallies.iter().zip(naive::tallies(case)).enumerate() {
            assert_close(ours.weight, theirs.voxels, title);
            assert_close(ours.prediction, theirs.predicted, title);
            // Of a class that nobody annotated, maps are not read.
            if case.labels.is_some() || case.class_present[k] {
                assert_close(ours.target, theirs.truth, title);
                assert_close(ours.intersection, theirs.overlap, title);
                assert_close(ours.squared_error_positive, theirs.missed, title);
                assert_close(ours.squared_error_negative, theirs.spilled, title);
            }
        }
    });
}

/// Whether classes have closed forms of their own, that is: no cost per voxel.
fn is_closed_form(form: Form) -> bool {
    use Form::*;
    matches!(
        form,
        SensitivitySpecificity { .. }
            | Dice { .. }
            | Iou { .. }
            | Tversky { .. }
            | FocalTversky { .. }
            | AsymmetricSimilarity { .. }
            | LogDice { .. }
            | GeneralizedDice { .. }
            | Penalty { .. }
    )
}

/// The value that each class of each sample took part in: its own, that of the classes together where they are pooled
/// or meet in the formula, of one sample or of all of them; `None` where a class is left out.
fn class_values(case: &Case, term: &TermSpec) -> Vec<Option<f64>> {
    let v = case.annotated(&class_weight(case, term));
    let all = naive::tallies(case);
    let is_pooled = term.sample_average == SampleAverage::Pooled;
    let (pooled_v, pooled) = region::pool(case, &v, &all, term);
    let by_class = term.class_average == ClassAverage::Mean
        && !matches!(term.form, Form::GeneralizedDice { .. } | Form::Penalty { .. });
    let value = |k: usize| {
        let (b, c) = (k / case.c, k % case.c);
        let of_sample = b * case.c..(b + 1) * case.c;
        let (unit_v, unit) = match is_pooled {
            true => (&pooled_v[..], &pooled[..]),
            false => (&v[of_sample.clone()], &all[of_sample]),
        };
        // Where samples and classes are pooled, a class is skipped sample by sample.
        let absent = if is_pooled && (by_class || term.class_average == ClassAverage::Mean) {
            unit[c].truth
        } else {
            all[k].truth
        };
        let is_left_out = v[k] == 0.0 || (term.absent == Absent::Skipped && absent <= 0.0);
        let of_unit = || region::sample_loss(unit_v, unit, term).unwrap();
        (!is_left_out).then(|| if by_class { region::class_loss(term, &unit[c]) } else { of_unit() })
    };
    (0..all.len()).map(value).collect()
}

#[test]
fn the_value_of_a_class_is_that_of_what_it_took_part_in() {
    cases::each(|title, case, terms| {
        let ours = exact(case, terms);
        for (k, term) in terms.iter().enumerate() {
            let ours = ours.classes.chunks(case.b * case.c).nth(k).unwrap();
            if !is_closed_form(term.form) {
                assert!(ours.iter().all(|x| x.is_nan()), "{title}: a cost has no value of a class");
                continue;
            }
            for (i, (ours, theirs)) in ours.iter().zip(class_values(case, term)).enumerate() {
                match theirs {
                    Some(theirs) => assert_close(*ours, theirs, &format!("{title} of class {i}")),
                    None => assert!(ours.is_nan(), "{title}: {ours} of class {i}, which is left out"),
                }
            }
        }
    });
}
