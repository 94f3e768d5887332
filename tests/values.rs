//! Every loss, every sum and every part of a report is what the equations say, in plain f64 loops.

use crate::bridge::exact;
use crate::cases;
use crate::naive::{self, ClassAverage, Form, SampleAverage, region, term_value, value};

/// Both sides are f64 sums of a few hundred numbers of order 1.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(ours: f64, theirs: f64, title: &str) {
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0), "{title}: {ours:e}, not {theirs:e}");
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
            assert_close(ours.voxels, theirs.voxels, title);
            assert_close(ours.predicted, theirs.predicted, title);
            // Of a class that nobody annotated, maps are not read.
            if case.labels.is_some() || case.class_present[k] {
                assert_close(ours.truth, theirs.truth, title);
                assert_close(ours.overlap, theirs.overlap, title);
                assert_close(ours.missed, theirs.missed, title);
                assert_close(ours.spilled, theirs.spilled, title);
            }
        }
    });
}

/// Whether a class has a value of its own. (Of the logarithm of Dice the class weights are another matter.)
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
    )
}

#[test]
fn the_value_of_a_class_is_reported_where_there_is_one() {
    cases::each(|title, case, terms| {
        let ours = exact(case, terms);
        let all = naive::tallies(case);
        for (k, term) in terms.iter().enumerate() {
            let is_by_class =
                term.class_average == ClassAverage::Mean && term.sample_average == SampleAverage::Mean;
            if !(is_by_class && is_closed_form(term.form)) {
                continue;
            }
            let v = term.class_weight.clone().unwrap_or(vec![1.0; case.c]);
            let v = case.annotated(&v);
            for (i, (tally, v)) in all.iter().zip(v).enumerate() {
                let skipped = term.absent == naive::Absent::Skipped && tally.truth == 0.0;
                let ours = ours.classes[k * all.len() + i];
                match v > 0.0 && !skipped {
                    true => assert_close(ours, region::class_loss(term, tally), title),
                    false => assert!(ours.is_nan(), "{title}: {ours} of a class left out"),
                }
            }
        }
    });
}
