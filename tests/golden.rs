//! Golden values and gradients of PyTorch against the naive losses and against the crate.
//!
//! `golden/golden.py` wrote them: the equations in torch operations, with autograd, in f64.

use crate::convert_cases::{Format, Layout, outcome};
use crate::naive::boundary::Hausdorff;
use crate::naive::{
    Absent, Activation, Case, ClassAverage, Form, Normalizer, SampleAverage, Selection, TermSpec, value,
};
use serde_json::Value;

/// Both sides are f64 sums of a few hundred numbers.
pub const TOLERANCE: f64 = 1e-12;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().map(|x| x.as_f64().unwrap()).collect()
}

fn integers(list: &Value) -> Vec<i64> {
    numbers(list).iter().map(|&x| x as i64).collect()
}

fn case(of: &Value) -> Case {
    let shape: Vec<usize> = numbers(&of["shape"]).iter().map(|&x| x as usize).collect();
    let (c, space, z) = (shape[1], &shape[2..], numbers(&of["pred"]));
    let activation = match of["activation"].as_u64().unwrap() {
        1 => Activation::Softmax,
        2 => Activation::Sigmoid,
        3 => Activation::Probability,
        _ => Activation::ProbabilityPerClass,
    };
    let mut case = if of["labels"].is_null() {
        Case::of_maps(c, space, activation, &z, &numbers(&of["maps"]))
    } else {
        Case::of_labels(c, space, activation, &z, &integers(&of["labels"]), &integers(&of["ignore"]))
    };
    if !of["voxel_weight"].is_null() {
        case = case.weighted(&numbers(&of["voxel_weight"]));
    }
    if !of["class_present"].is_null() {
        case.class_present = integers(&of["class_present"]).iter().map(|&present| present != 0).collect();
    }
    if !of["spacing"].is_null() {
        case.spacing = numbers(&of["spacing"]);
    }
    case
}

fn form(of: &Value) -> Form {
    let number = |name: &str| of[name].as_f64().unwrap_or_else(|| panic!("{name} is missing in {of}"));
    let variant = of["variant"].as_u64().unwrap_or(0);
    let has = |bit: u64| variant & bit != 0;
    let power = 2.0 - variant as f64;
    match of["form"].as_str().unwrap() {
        "cross_entropy" => Form::CrossEntropy {
            label_smoothing: number("label_smoothing"),
            normalizer: if of["normalizer"] == 1 { Normalizer::ClassWeight } else { Normalizer::Voxels },
        },
        "top_k" if variant == 0 => Form::TopK(Selection::Fraction(number("k"))),
        "top_k" => Form::TopK(Selection::Threshold(number("k"))),
        "focal" => Form::Focal { gamma: number("gamma") },
        "distance_penalized" => Form::DistancePenalized,
        "balanced_cross_entropy" => Form::BalancedCrossEntropy { beta: number("beta") },
        "power_cross_entropy" => Form::PowerCrossEntropy { gamma: number("gamma") },
        "sensitivity_specificity" => Form::SensitivitySpecificity { r: number("alpha") },
        "dice" => Form::Dice { squared: variant == 1 },
        "iou" => Form::Iou { squared: variant == 1 },
        "tversky" => Form::Tversky { alpha: number("alpha"), beta: number("beta") },
        "generalized_dice" => Form::GeneralizedDice { power },
        "focal_tversky" => {
            Form::FocalTversky { alpha: number("alpha"), beta: number("beta"), gamma: number("gamma") }
        }
        "asymmetric_similarity" => Form::AsymmetricSimilarity { beta: number("beta") },
        "penalty" => Form::Penalty { power, k: number("k") },
        "log_dice" => Form::LogDice { gamma: number("gamma") },
        "boundary" => Form::Boundary { rim_zero: variant == 1 },
        "hausdorff" => Form::Hausdorff(Hausdorff {
            alpha: number("alpha"),
            target_only: has(1),
            prediction_only: has(2),
            argmax: has(4),
            interior: has(8),
            log: has(16),
            field_complete: of["flags"] == 2,
        }),
        unknown => panic!("no form {unknown}"),
    }
}

fn term(of: &Value) -> TermSpec {
    let plain = TermSpec::new(form(of));
    let list = |name: &str| if of[name].is_null() { None } else { Some(numbers(&of[name])) };
    TermSpec {
        weight: of["weight"].as_f64().unwrap(),
        smooth_numerator: of["smooth_numerator"].as_f64().unwrap_or(plain.smooth_numerator),
        smooth_denominator: of["smooth_denominator"].as_f64().unwrap_or(plain.smooth_denominator),
        minus_one: of["flags"] == 1,
        class_average: if of["class_average"] == 1 { ClassAverage::Pooled } else { ClassAverage::Mean },
        sample_average: if of["sample_average"] == 2 { SampleAverage::Pooled } else { SampleAverage::Mean },
        absent: if of["absent"] == 1 { Absent::Skipped } else { Absent::Counted },
        class_weight: list("class_weight"),
        field: list("field"),
        ..plain
    }
}

/// Calls `check` with each entry: a title, the case, the terms, the value and the gradient.
pub fn each_entry(mut check: impl FnMut(&str, &Case, &[TermSpec], f64, &[f64])) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/golden.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entries = golden["entries"].as_array().unwrap();
    assert!(entries.len() > 500);
    for entry in entries {
        let case = case(&golden["cases"][entry["case"].as_str().unwrap()]);
        let terms: Vec<TermSpec> = entry["terms"].as_array().unwrap().iter().map(term).collect();
        let title = format!("{} {}", entry["case"], entry["name"]);
        check(&title, &case, &terms, entry["value"].as_f64().unwrap(), &numbers(&entry["grad"]));
    }
}

#[test]
fn naive_losses_agree_with_pytorch() {
    each_entry(|title, case, terms, theirs, _| {
        let ours = value(case, terms);
        assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{title}: {ours:e}, not {theirs:e}");
    });
}

#[test]
fn value_and_gradient_agree_with_pytorch_in_every_layout() {
    each_entry(|title, case, terms, value, gradient| {
        let largest = gradient.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        for layout in [Layout::ChannelsFirst, Layout::ChannelsLast, Layout::Odd] {
            let title = format!("{title}, {layout:?}");
            let ours = outcome(case, terms, &Format { layout, ..Format::exact(case) }, 1.0).unwrap();
            let off = (ours.value - value).abs();
            assert!(off <= TOLERANCE * value.abs(), "{title}: {:e}, not {value:e}", ours.value);
            for (i, (ours, theirs)) in ours.gradient.iter().zip(gradient).enumerate() {
                let off = (ours - theirs).abs();
                assert!(off <= TOLERANCE * largest, "{title} at {i}: {ours:e}, not {theirs:e}");
            }
        }
    });
}
