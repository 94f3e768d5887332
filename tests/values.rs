//! Every loss, every class sum and every output equals the equations, computed in plain f64 loops.

use crate::cases;
use crate::convert_cases::exact;
use crate::list::is_mean_of_voxels;
use crate::naive::{
    self, Absent, Case, ClassAverage, Form, SampleAverage, TermSpec, class_weight, region, term_value, value,
};

/// Tolerance: both sides are f64 sums of a few hundred numbers of order 1.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(ours: f64, theirs: f64, title: &str) {
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{title}: {ours:e}, not {theirs:e}");
}

#[test]
fn every_loss_equals_the_equation_of_the_paper() {
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
fn class_sums_equal_the_sums_of_the_paper() {
    cases::each(|title, case, terms| {
        for (k, (ours, theirs)) in
            exact(case, terms).class_sums.iter().zip(naive::class_sums(case)).enumerate()
        {
            assert_close(ours.weight, theirs.voxels, title);
            assert_close(ours.prediction, theirs.predicted, title);
            // The maps of a class that is not annotated are not read.
            if case.labels.is_some() || case.class_present[k] {
                assert_close(ours.target, theirs.truth, title);
                assert_close(ours.intersection, theirs.overlap, title);
                assert_close(ours.squared_error_positive, theirs.missed, title);
                assert_close(ours.squared_error_negative, theirs.spilled, title);
            }
        }
    });
}

/// `class_values`: the value of each class of each sample; where classes or samples are pooled, or the formula joins
/// the classes, the common value; `None` for an excluded class.
fn class_values(case: &Case, term: &TermSpec) -> Vec<Option<f64>> {
    let v = case.annotated(&class_weight(case, term));
    let all = naive::class_sums(case);
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
        // If samples and classes are pooled, absent classes are skipped sample by sample.
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
fn class_values_equal_the_values_before_averaging() {
    cases::each(|title, case, terms| {
        let ours = exact(case, terms);
        for (k, term) in terms.iter().enumerate() {
            let ours = ours.classes.chunks(case.b * case.c).nth(k).unwrap();
            if is_mean_of_voxels(term.form) {
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
