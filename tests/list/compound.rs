//! The two terms of (15) and (16), the presets, and sums of up to four terms.

use super::{BOUNDARY, CROSS_ENTROPY, DICE, GENERALIZED_DICE, Loss, one, preset, sum, weighted, with};
use crate::naive::boundary::Hausdorff;
use crate::naive::compound::presets;
use crate::naive::{ClassAverage, Form, SampleAverage, Selection};

pub fn losses() -> Vec<Loss> {
    [halves(), named(), sums()].into_iter().flatten().collect()
}

fn halves() -> Vec<Loss> {
    let balanced = |beta| Form::BalancedCrossEntropy { beta };
    let power = |gamma| Form::PowerCrossEntropy { gamma };
    let log_dice = |gamma| Form::LogDice { gamma };
    vec![
        one("balanced cross entropy", balanced(0.5)),
        weighted("balanced cross entropy, weighted", balanced(0.2)),
        one("power cross entropy", power(0.3)),
        one("power cross entropy, γ = 1", power(1.0)),
        weighted("power cross entropy, weighted", power(1.7)),
        one("logarithmic dice", log_dice(0.3)),
        one("logarithmic dice, γ = 1", log_dice(1.0)),
        weighted("logarithmic dice, weighted", log_dice(1.7)),
        with("logarithmic dice, all pooled", log_dice(0.3), |term| {
            term.class_average = ClassAverage::Pooled;
            term.sample_average = SampleAverage::Pooled;
        }),
    ]
}

fn named() -> Vec<Loss> {
    vec![
        preset("dice + cross entropy", presets::dice_cross_entropy),
        preset("dice + top k", presets::dice_top_k),
        preset("dice + focal", presets::dice_focal),
        preset("generalized dice + boundary", presets::generalized_dice_boundary),
        preset("dice + hausdorff", presets::dice_hausdorff),
        preset("combo", presets::combo),
        preset("exponential logarithmic", presets::exponential_logarithmic),
    ]
}

fn sums() -> Vec<Loss> {
    let top_k = Form::TopK(Selection::Fraction(0.25));
    let hausdorff = Form::Hausdorff(Hausdorff { log: true, ..Hausdorff::default() });
    vec![
        sum("dice + cross entropy + boundary", &[(1.0, DICE), (1.0, CROSS_ENTROPY), (0.01, BOUNDARY)]),
        sum(
            "costs of four kinds",
            &[
                (0.5, Form::BalancedCrossEntropy { beta: 0.3 }),
                (2.0, Form::PowerCrossEntropy { gamma: 0.5 }),
                (1.5, Form::Focal { gamma: 1.5 }),
                (0.01, BOUNDARY),
            ],
        ),
        sum(
            "four terms of every kind",
            &[(1.0, GENERALIZED_DICE), (0.5, top_k), (0.02, hausdorff), (0.25, Form::DistancePenalized)],
        ),
    ]
}
