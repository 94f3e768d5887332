//! Presets against golden values and gradients of PyTorch, whose terms are written out in `golden/golden_inputs.py`;
//! and every parameter of a preset reaches its term.

use crate::cases::{self, Painted, is_served};
use crate::convert_cases::{Format, Inputs};
use crate::directional_derivatives::assert_gradient;
use crate::golden::{TOLERANCE, each_entry};
use crate::naive::boundary::{Hausdorff as Distances, no_background};
use crate::naive::{self, Case, Normalizer, Selection as By, TermSpec, value};
use segloss::boundary::Sides;
use segloss::presets::{
    Combo, DiceCrossEntropy, DiceFocal, DiceHausdorff, DiceTopK, ExponentialLogarithmic,
    GeneralizedDiceBoundary,
};
use segloss::region::{Squares, Volume};
use segloss::{
    BalancedCrossEntropy, Boundary, CrossEntropy, Dice, Focal, GeneralizedDice, Gradient, Hausdorff, LogDice,
    PowerCrossEntropy, Selection, Term, TopK, ViewMut, differentiate, scratch_len,
};
use std::collections::BTreeSet;

/// Value and gradient of terms of the crate.
fn of(case: &Case, terms: &[Term<'_>]) -> (f64, Vec<f64>) {
    let inputs = Inputs::new(case, &[], &Format::exact(case));
    let batch = inputs.batch(inputs.prediction.view());
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = vec![0.0; case.z.len()];
    let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
    let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
    (differentiate(&batch, terms, into, &mut scratch).unwrap(), gradient)
}

/// Calls `f` with the terms of a preset with its defaults.
fn with_preset<R>(name: &str, f: impl FnOnce(&[Term<'_>]) -> R) -> R {
    match name {
        "dice_cross_entropy" => f(&DiceCrossEntropy::default().terms()),
        "dice_top_k" => f(&DiceTopK::default().terms()),
        "dice_focal" => f(&DiceFocal::default().terms()),
        "generalized_dice_boundary" => f(&GeneralizedDiceBoundary::default().terms()),
        "dice_hausdorff" => f(&DiceHausdorff::default().terms()),
        "combo" => f(&Combo::default().terms().unwrap()),
        "exponential_logarithmic" => f(&ExponentialLogarithmic::default().terms()),
        unknown => panic!("no preset {unknown}"),
    }
}

#[test]
fn presets_agree_with_pytorch_in_value_and_gradient() {
    let mut seen = BTreeSet::new();
    each_entry(|title, case, _, theirs, slopes| {
        let Some((_, name)) = title.split_once("preset ") else { return };
        let name = name.trim_end_matches('"');
        seen.insert(name.to_string());
        let (ours, gradient) = with_preset(name, |terms| of(case, terms));
        assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{title}: {ours:e}, not {theirs:e}");
        let largest = slopes.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        for (i, (ours, theirs)) in gradient.iter().zip(slopes).enumerate() {
            assert!((ours - theirs).abs() <= TOLERANCE * largest, "{title} at {i}: {ours:e}, not {theirs:e}");
        }
    });
    assert_eq!(seen.len(), 7, "of these presets nothing golden is known but {seen:?}");
}

/// A preset without default parameters equals the sum of the reference with the same parameters.
#[track_caller]
fn assert_sum(terms: &[Term<'_>], expected: impl Fn(usize) -> Vec<TermSpec>) {
    for Painted { name, case } in cases::cases() {
        let specs = expected(case.c);
        if !is_served(&specs, &case) {
            continue;
        }
        let ((ours, gradient), theirs) = (of(&case, terms), value(&case, &specs));
        assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{name}: {ours:e}, not {theirs:e}");
        assert_gradient(&case, &specs, &gradient, 1, name);
    }
}

const DICE: Dice = Dice { squares: Squares::Squared, smooth_numerator: 0.25, smooth_denominator: 0.5 };

fn dice(classes: Option<usize>) -> TermSpec {
    TermSpec {
        smooth_numerator: 0.25,
        smooth_denominator: 0.5,
        class_weight: classes.map(no_background),
        ..TermSpec::new(naive::Form::Dice { squared: true })
    }
}

#[test]
fn every_parameter_of_a_preset_reaches_its_term() {
    let cross_entropy = CrossEntropy { label_smoothing: 0.25, ..CrossEntropy::default() };
    assert_sum(&DiceCrossEntropy { dice: DICE, cross_entropy }.terms(), |classes| {
        let form = naive::Form::CrossEntropy { label_smoothing: 0.25, normalizer: Normalizer::Voxels };
        vec![dice(Some(classes)), TermSpec::new(form)]
    });
    let top_k = TopK { selection: Selection::Threshold(0.375) };
    assert_sum(&DiceTopK { dice: DICE, top_k }.terms(), |classes| {
        vec![dice(Some(classes)), TermSpec::new(naive::Form::TopK(By::Threshold(0.375)))]
    });
    assert_sum(&DiceFocal { dice: DICE, focal: Focal { gamma: 1.25 } }.terms(), |_| {
        vec![dice(None), TermSpec::new(naive::Form::Focal { gamma: 1.25 })]
    });
    let combo = Combo { alpha: 0.25, cross_entropy: BalancedCrossEntropy { beta: 0.125 }, dice: DICE };
    assert_sum(&combo.terms().unwrap(), |_| {
        let balanced = TermSpec::new(naive::Form::BalancedCrossEntropy { beta: 0.125 });
        vec![TermSpec { weight: 0.25, ..balanced }, TermSpec { weight: 0.75, minus_one: true, ..dice(None) }]
    });
    let exponential = ExponentialLogarithmic {
        dice_weight: 0.625,
        cross_entropy_weight: 1.5,
        dice: LogDice { gamma: 0.7, smooth_numerator: 0.25, smooth_denominator: 0.5 },
        cross_entropy: PowerCrossEntropy { gamma: 1.3 },
    };
    assert_sum(&exponential.terms(), |_| {
        let log_dice = TermSpec {
            weight: 0.625,
            smooth_numerator: 0.25,
            smooth_denominator: 0.5,
            ..TermSpec::new(naive::Form::LogDice { gamma: 0.7 })
        };
        let power = TermSpec::new(naive::Form::PowerCrossEntropy { gamma: 1.3 });
        vec![log_dice, TermSpec { weight: 1.5, ..power }]
    });
    let generalized = GeneralizedDiceBoundary {
        generalized_dice: GeneralizedDice {
            volume: Volume::Inverse,
            smooth_numerator: 0.25,
            smooth_denominator: 0.5,
        },
        boundary_weight: 0.125,
        boundary: Boundary { rim_zero: true },
    };
    assert_sum(&generalized.terms(), |_| {
        let dice = TermSpec {
            smooth_numerator: 0.25,
            smooth_denominator: 0.5,
            ..TermSpec::new(naive::Form::GeneralizedDice { power: 1.0 })
        };
        let boundary = TermSpec::new(naive::Form::Boundary { rim_zero: true });
        vec![dice, TermSpec { weight: 0.125, ..boundary }]
    });
    let hausdorff = Hausdorff { alpha: 1.5, sides: Sides::Target, logarithmic: true, ..Hausdorff::default() };
    assert_sum(&DiceHausdorff { dice: DICE, hausdorff }.terms(), |classes| {
        let of = Distances { alpha: 1.5, target_only: true, log: true, ..Distances::default() };
        vec![dice(Some(classes)), TermSpec::new(naive::Form::Hausdorff(of))]
    });
}
