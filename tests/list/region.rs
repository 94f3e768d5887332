//! (7) to (14), and the averages over classes and samples.

use super::{DICE, GENERALIZED_DICE, Loss, TVERSKY, one, weighted, with};
use crate::naive::{Absent, ClassAverage, Form, SampleAverage, TermSpec};

const SENSITIVITY: Form = Form::SensitivitySpecificity { r: 0.05 };
const FOCAL_TVERSKY: Form = Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma: 4.0 / 3.0 };

fn pool_samples(term: &mut TermSpec) {
    term.sample_average = SampleAverage::Pooled;
}

fn pool_classes(term: &mut TermSpec) {
    term.class_average = ClassAverage::Pooled;
}

fn skip_absent(term: &mut TermSpec) {
    term.absent = Absent::Skipped;
}

fn pool_all_but_absent(term: &mut TermSpec) {
    pool_samples(term);
    pool_classes(term);
    skip_absent(term);
}

fn unsmooth(term: &mut TermSpec) {
    term.smooth_numerator = 0.0;
    term.smooth_denominator = 0.0;
}

pub fn losses() -> Vec<Loss> {
    [forms(), averages(), averages_of_all_classes()].into_iter().flatten().collect()
}

fn forms() -> Vec<Loss> {
    let focal_tversky = |gamma| Form::FocalTversky { alpha: 0.3, beta: 0.7, gamma };
    vec![
        one("sensitivity-specificity", SENSITIVITY),
        with("sensitivity-specificity, unsmoothed", Form::SensitivitySpecificity { r: 0.5 }, unsmooth),
        one("dice", DICE),
        one("dice, squared", Form::Dice { squared: true }),
        with("dice, unsmoothed", DICE, unsmooth),
        with("dice, minus one", DICE, |term| term.minus_one = true),
        one("iou", Form::Iou { squared: false }),
        one("iou, squared", Form::Iou { squared: true }),
        one("tversky", TVERSKY),
        one("focal tversky", FOCAL_TVERSKY),
        one("focal tversky, γ = 1", focal_tversky(1.0)),
        one("focal tversky, γ = 0.6", focal_tversky(0.6)),
        one("asymmetric similarity", Form::AsymmetricSimilarity { beta: 1.5 }),
        one("generalized dice", GENERALIZED_DICE),
        one("generalized dice, volume 1", Form::GeneralizedDice { power: 1.0 }),
        one("generalized dice, volume 0", Form::GeneralizedDice { power: 0.0 }),
        one("penalty", Form::Penalty { power: 2.0, k: 2.5 }),
        one("penalty, volume 1, k = 0.5", Form::Penalty { power: 1.0, k: 0.5 }),
    ]
}

/// Linear, a sum of squares, a power.
fn averages() -> Vec<Loss> {
    vec![
        weighted("dice, weighted classes", DICE),
        with("dice, pooled samples", DICE, pool_samples),
        with("dice, pooled classes", DICE, pool_classes),
        with("dice, absent skipped", DICE, skip_absent),
        with("dice, all pooled but absent", DICE, pool_all_but_absent),
        weighted("sensitivity-specificity, weighted classes", SENSITIVITY),
        with("sensitivity-specificity, pooled samples", SENSITIVITY, pool_samples),
        with("sensitivity-specificity, all pooled but absent", SENSITIVITY, pool_all_but_absent),
        with("iou, squared, pooled classes", Form::Iou { squared: true }, pool_classes),
        with("focal tversky, pooled samples", FOCAL_TVERSKY, pool_samples),
        with("focal tversky, pooled classes", FOCAL_TVERSKY, pool_classes),
        with("focal tversky, absent skipped", FOCAL_TVERSKY, skip_absent),
    ]
}

/// Joint region losses have no average over classes.
fn averages_of_all_classes() -> Vec<Loss> {
    vec![
        weighted("generalized dice, weighted classes", GENERALIZED_DICE),
        with("generalized dice, pooled samples", GENERALIZED_DICE, pool_samples),
        with("generalized dice, absent skipped", GENERALIZED_DICE, skip_absent),
        with("penalty, pooled samples, absent skipped", Form::Penalty { power: 2.0, k: 2.5 }, |term| {
            pool_samples(term);
            skip_absent(term);
        }),
    ]
}
