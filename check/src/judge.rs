//! The comparisons of one configuration.

use crate::arrays::rounded;
use crate::cases;
use crate::config::{Config, Type};
use crate::constant_selections::held;
use crate::naive::boundary::{Hausdorff, prediction_field};
use crate::naive::distribution::bare_cost;
use crate::naive::{
    Activation, Case, Form, Selection, TermSpec, class_sums, class_weight, probabilities, term_value, times,
};
use crate::problem::Problem;
use crate::run::{Outcome, Way, before, in_parts, whole};
use crate::sizes::{largest_slope, least_base, logit_strain, single_size, size, strain};
use crate::source::Numbers;
use crate::tolerance::{What, Worst};

/// Result of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Agrees,
    /// Not compared: roundings would decide the selection, or the loss is not defined for the input.
    Undecided(&'static str),
    Fails(String),
}

/// Compares one configuration; records the largest errors in `worst`.
pub fn judge(config: &Config, worst: &mut Worst) -> Verdict {
    let problem = Problem::new(config);
    let Problem { case, specs, .. } = &problem;
    if !cases::is_served(specs, case) {
        return Verdict::Undecided("a field would have to be computed from what is no mask");
    }
    let margin = if config.float == Type::F64 { 1e-11 } else { 1e-4 };
    if !specs.iter().all(|spec| is_decided(case, spec, margin)) {
        return Verdict::Undecided("roundings decide which voxels are selected");
    }
    match compare(config, &problem, worst) {
        Ok(()) => Verdict::Agrees,
        Err(message) => Verdict::Fails(message),
    }
}

fn compare(config: &Config, problem: &Problem, worst: &mut Worst) -> Result<(), String> {
    let Problem { case, specs, .. } = problem;
    let exact = whole(config, problem, Way::Plain { float: Type::F64, gradient: Type::F64 })?;
    let values: Vec<f64> = specs.iter().map(|spec| term_value(case, spec)).collect();
    let sizes: Vec<f64> = specs.iter().zip(&values).map(|(spec, value)| size(case, spec, *value)).collect();
    let all: f64 = specs.iter().zip(&sizes).map(|(spec, size)| times(spec.weight.abs(), *size)).sum();
    let value: f64 = specs.iter().zip(&values).map(|(spec, value)| times(spec.weight, *value)).sum();
    near(worst, What::Value, exact.value, value, all)
        .map_err(|e| format!("value against the reference: {e}"))?;
    for (k, (ours, theirs)) in exact.terms.iter().zip(&values).enumerate() {
        near(worst, What::Value, *ours, *theirs, sizes[k])
            .map_err(|e| format!("value of term {k} against the reference: {e}"))?;
    }
    silent_where_nothing_counts(case, &exact.gradient)?;
    if value.is_finite() && exact.gradient.iter().all(|g| g.is_finite()) {
        derivative(config, case, specs, &exact.gradient, worst)?;
    }
    let wide = if config.float == Type::F64 { Type::F64 } else { Type::F32 };
    let plain = whole(config, problem, Way::Plain { float: config.float, gradient: wide })?;
    if wide == Type::F32 && value.is_finite() {
        let strain = specs.iter().map(|spec| strain(case, spec)).fold(1.0, f64::max) * logit_strain(config);
        let sizes: Vec<f64> = specs.iter().zip(&sizes).map(|(spec, size)| single_size(spec, *size)).collect();
        let all: f64 = specs.iter().zip(&sizes).map(|(spec, size)| times(spec.weight.abs(), *size)).sum();
        near(worst, What::SingleValue, plain.value, exact.value, all * strain)
            .map_err(|e| format!("value computed in f32 against f64: {e}"))?;
        let scale = largest_of_terms(config, problem)?;
        let off = largest_difference(&plain.gradient, &exact.gradient);
        // Slopes of both signs cancel and leave their roundings: with the tolerance, five of 2⁻²⁴ of a voxel's share of
        // the loss, and of the slopes of sums.
        let scale = scale.max(0.2 * config.scale.abs() * all / case.total_weight().max(1.0));
        let scale =
            specs.iter().fold(scale, |scale, spec| scale.max(0.2 * largest_slope(config, case, spec)));
        // Numbers that f32 cannot distinguish from 0 are 0.
        let scale = scale.max(f64::from(f32::MIN_POSITIVE));
        worst
            .check(What::SingleGradient, off.1, scale * strain)
            .map_err(|e| format!("gradient computed in f32 against f64, at {}: {e}", off.0))?;
    }
    as_configured(config, problem, &plain)?;
    if config.parts > 1 {
        parts(config, problem, &plain, all, worst)?;
    }
    Ok(())
}

/// Whether two numbers are equal, the same infinity, both NaN, or within the tolerance.
fn near(worst: &mut Worst, what: What, ours: f64, theirs: f64, size: f64) -> Result<(), String> {
    if ours == theirs || ours.is_nan() && theirs.is_nan() {
        return Ok(());
    }
    worst.check(what, (ours - theirs).abs(), size).map_err(|e| format!("{ours:e}, not {theirs:e}: {e}"))
}

/// Asserts that the gradient of every uncounted voxel is exactly 0.
fn silent_where_nothing_counts(case: &Case, gradient: &[f64]) -> Result<(), String> {
    let n = case.n();
    for (k, &g) in gradient.iter().enumerate() {
        let voxel = k / (case.c * n) * n + k % n;
        if case.weight[voxel] == 0.0 && g != 0.0 {
            return Err(format!("gradient {g:e} of element {k}, whose voxel is not counted"));
        }
    }
    Ok(())
}

/// The gradient along a random direction against finite differences of the reference with constant selections.
fn derivative(
    config: &Config,
    case: &Case,
    specs: &[TermSpec],
    gradient: &[f64],
    worst: &mut Worst,
) -> Result<(), String> {
    if specs.iter().any(|spec| has_kink(case, spec) || is_held(config, case, spec)) {
        return Ok(());
    }
    let step = match case.activation {
        Activation::Softmax | Activation::Sigmoid => 1e-2,
        Activation::Probability | Activation::ProbabilityPerClass => 5e-4,
    };
    let along = Numbers::new(config.seed, 99);
    let direction: Vec<f64> = (0..case.z.len()).map(|k| 2.0 * along.unit(k) - 1.0).collect();
    let (mut slope, mut roundings) = (0.0, 0.0);
    for spec in specs {
        let (case, spec) = hold(case, spec);
        let at = |steps: f64| {
            let moved = case.z.iter().zip(&direction).map(|(z, r)| z + steps * step * r).collect();
            term_value(&Case { z: moved, ..case.clone() }, &spec)
        };
        let across = |steps: f64| at(steps) - at(-steps);
        let difference = (45.0 * across(1.0) - 9.0 * across(2.0) + across(3.0)) / (60.0 * step);
        slope += config.scale * spec.weight * difference;
        roundings += (config.scale * spec.weight).abs() * (at(0.0).abs() + 1.0) * 1e-14 / step;
    }
    let pairs = gradient.iter().zip(&direction).zip(&case.z).filter(|(_, z)| z.is_finite());
    let (ours, size) = pairs.fold((0.0, 0.0), |(sum, size), ((g, r), _)| (sum + g * r, size + (g * r).abs()));
    // Roundings of the value are not errors of the gradient.
    let off = ((ours - slope).abs() - roundings).max(0.0);
    worst
        .check(What::Derivative, off, size)
        .map_err(|e| format!("gradient along a direction: {ours:e}, by differences {slope:e}: {e}"))
}

/// A case and a term with the same gradient and without a selection. The prediction's half is added to a given field,
/// and the complete field is given.
fn hold(case: &Case, spec: &TermSpec) -> (Case, TermSpec) {
    match (spec.form, &spec.field) {
        (Form::Hausdorff(form), Some(_)) if form.field_complete || form.target_only => {
            (case.clone(), spec.clone())
        }
        (Form::Hausdorff(form), Some(given)) => {
            let of_prediction = prediction_field(case, &probabilities(case), form);
            let field = Some(given.iter().zip(of_prediction).map(|(given, half)| given + half).collect());
            let form = Form::Hausdorff(Hausdorff { field_complete: true, ..form });
            (case.clone(), TermSpec { form, field, ..spec.clone() })
        }
        _ => held(case, spec),
    }
}

/// Whether a step of finite differences may cross a kink of the loss.
fn has_kink(case: &Case, spec: &TermSpec) -> bool {
    if let Form::PowerCrossEntropy { gamma } = spec.form {
        let p = probabilities(case);
        let near = |x: f64| gamma < 1.0 && (2e-7..5e-6).contains(&x);
        return p.log_s.iter().any(|&log_s| near(-log_s));
    }
    least_base(case, spec).is_some_and(|base| base < 1e-4)
}

/// Whether the slope of a logarithm of an intersection, times the scale, may exceed the crate's limit of 1e30.
fn is_held(config: &Config, case: &Case, spec: &TermSpec) -> bool {
    let Form::LogDice { gamma } = spec.form else { return false };
    let found = |overlap: f64| 2.0 * overlap + spec.smooth_numerator;
    let steepest = 2.0 * gamma * 90f64.powf((gamma - 1.0).max(0.0)) * (config.scale * spec.weight).abs();
    class_sums(case).iter().any(|sums| sums.overlap > 0.0 && steepest / found(sums.overlap) > 1e29)
}

/// Whether the selection is unchanged if numbers change by this much.
fn is_decided(case: &Case, spec: &TermSpec, margin: f64) -> bool {
    let p = probabilities(case);
    match spec.form {
        Form::TopK(selection) => {
            let v = match selection {
                Selection::Fraction(_) => case.annotated(&class_weight(case, spec)),
                Selection::Threshold(_) => case.annotated(&vec![1.0; case.c]),
            };
            let counted = case.counted();
            let costs: Vec<f64> = counted.iter().map(|&(b, i, _)| bare_cost(case, &p, &v, b, i)).collect();
            let apart = |a: f64, b: f64| a == b || (a - b).abs() > margin * a.abs().max(b.abs()).max(1e-30);
            match selection {
                Selection::Threshold(t) => {
                    costs.iter().all(|&cost| apart(cost, -t.ln()) && (cost != -t.ln() || cost == 0.0))
                }
                Selection::Fraction(k) => {
                    let mut ranks = costs.clone();
                    ranks.sort_by(|a, b| b.total_cmp(a));
                    let places = ((k * costs.len() as f64).floor() as usize).max(1);
                    let Some(&cut) = ranks.get(places.min(costs.len()).wrapping_sub(1)) else { return true };
                    // Ties are stable where whole voxels are equal.
                    let voxel = |at: usize| {
                        let (b, i, _) = counted[at];
                        let of = |map: &[f64]| {
                            (0..case.c).map(|c| map[case.at(b, c, i)].to_bits()).collect::<Vec<_>>()
                        };
                        (of(&case.z), of(&case.truth))
                    };
                    let at_cut: Vec<usize> = (0..costs.len()).filter(|&at| costs[at] == cut).collect();
                    costs.iter().all(|&cost| apart(cost, cut))
                        && (cut == 0.0 || at_cut.iter().all(|&at| voxel(at) == voxel(at_cut[0])))
                }
            }
        }
        Form::Hausdorff(form) if !(form.target_only || form.field_complete && spec.field.is_some()) => {
            case.counted().iter().all(|&(b, i, _)| {
                let s = |c: usize| p.s[case.at(b, c, i)];
                let apart = |a: f64, b: f64| (a - b).abs() > margin;
                if form.argmax {
                    let largest = (0..case.c).map(s).fold(0.0, f64::max);
                    (0..case.c).filter(|&c| !apart(s(c), largest)).count() == 1
                } else {
                    (0..case.c).all(|c| apart(s(c), 0.5))
                }
            })
        }
        _ => true,
    }
}

/// The sum over terms of the largest gradient component of each.
fn largest_of_terms(config: &Config, problem: &Problem) -> Result<f64, String> {
    let mut sum = 0.0;
    for k in 0..problem.specs.len() {
        let one = Problem {
            case: problem.case.clone(),
            specs: vec![problem.specs[k].clone()],
            class_weights: vec![problem.class_weights[k].clone()],
            excludes: vec![problem.excludes[k]],
            fields: vec![problem.fields[k].clone()],
            ignore: problem.ignore.clone(),
            weight: problem.weight.clone(),
        };
        let config = Config { terms: vec![config.terms[k].clone()], ..config.clone() };
        let alone = whole(&config, &one, Way::Plain { float: Type::F64, gradient: Type::F64 })?;
        sum += alone.gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    }
    Ok(sum)
}

/// The index and size of the largest difference of two arrays; two NaN are equal.
fn largest_difference(ours: &[f64], theirs: &[f64]) -> (usize, f64) {
    let mut most = (0, 0.0);
    for (k, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let off = if a == b || a.is_nan() && b.is_nan() { 0.0 } else { (a - b).abs() };
        if off > most.1 || off.is_nan() {
            most = (k, off);
        }
    }
    most
}

/// Strides, types, executor, CPU level and in place change no bit; adding and narrower outputs round once. Where no
/// sums by class are asked for, cross entropy may take one logarithm for several voxels (docs/numbers.md).
fn as_configured(config: &Config, problem: &Problem, plain: &Outcome) -> Result<(), String> {
    let ours = whole(config, problem, Way::Configured)?;
    let sizes: f64 = problem.specs.iter().map(|spec| spec.weight.abs()).sum();
    let allowed = match (ours.class_sums.is_empty(), config.float) {
        (false, _) => 0.0,
        (true, Type::F64) => 1e-15,
        (true, _) => 1e-7,
    } * plain.value.abs().max(sizes);
    let is_same = ours.value == plain.value || (ours.value - plain.value).abs() <= allowed;
    if !(is_same || ours.value.is_nan() && plain.value.is_nan()) {
        return Err(format!("value as configured: {:e}, plainly {:e}", ours.value, plain.value));
    }
    if !ours.class_sums.is_empty() && format!("{:?}", ours.class_sums) != format!("{:?}", plain.class_sums) {
        return Err("sums as configured are not those of plain arrays".into());
    }
    let expected = expected(config, &plain.gradient);
    for (k, (a, b)) in ours.gradient.iter().zip(&expected).enumerate() {
        if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
            return Err(format!("gradient as configured, element {k}: {a:e}, plainly {b:e}"));
        }
    }
    Ok(())
}

/// The gradient of plain arrays, added to the output's contents and rounded once to its type.
fn expected(config: &Config, plain: &[f64]) -> Vec<f64> {
    let single = |x: f64| if config.float == Type::F64 { x } else { f64::from(x as f32) };
    let before = if config.add { before(config) } else { vec![] };
    let sum = |(k, &g): (usize, &f64)| if config.add { single(before[k] + g) } else { g };
    plain.iter().enumerate().map(sum).map(|x| rounded(x, config.gradient)).collect()
}

/// Compares a batch in parts with the whole.
fn parts(
    config: &Config,
    problem: &Problem,
    plain: &Outcome,
    size: f64,
    worst: &mut Worst,
) -> Result<(), String> {
    let ours = in_parts(config, problem)?;
    let is_double = config.float == Type::F64;
    let (of_value, of_gradient) = match is_double {
        true => (What::PartsValue, What::PartsGradient),
        false => (What::SinglePartsValue, What::SinglePartsGradient),
    };
    let strain = problem.specs.iter().map(|spec| strain(&problem.case, spec)).fold(1.0, f64::max);
    let sizes: f64 = problem.specs.iter().map(|spec| spec.weight.abs()).sum();
    let size = (size + if is_double { 0.01 * sizes } else { sizes }) * strain;
    near(worst, of_value, ours.value, plain.value, size).map_err(|e| format!("value of parts: {e}"))?;
    let expected = expected(config, &plain.gradient);
    let off = largest_difference(&ours.gradient, &expected);
    let largest = largest_of_terms(config, problem)?;
    let slopes =
        problem.specs.iter().map(|spec| largest_slope(config, &problem.case, spec)).fold(0.0, f64::max);
    let size = largest.max(if is_double { 1e-300 } else { 0.2 * slopes });
    // Plus one rounding of the output's type.
    let narrow = match config.gradient {
        Type::F16 => 1.0 / 1024.0 * largest.max(1.0) + 1e-7,
        Type::Bf16 => 1.0 / 128.0 * largest.max(1.0),
        Type::F32 => 1.0 / 8e6 * largest.max(if config.add { 1.0 } else { 0.0 }),
        _ if is_double => 1e-15 * if config.add { 1.0 } else { 0.0 },
        _ => 1.0 / 8e6 * if config.add { 1.0 } else { 0.0 },
    };
    let beyond = (off.1 - narrow).max(0.0);
    worst
        .check(of_gradient, if off.1.is_nan() { off.1 } else { beyond }, size * strain)
        .map_err(|e| format!("gradient of parts, element {}: {e}", off.0))
}
