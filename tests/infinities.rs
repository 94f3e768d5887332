//! Extreme logits: infinite, the largest of each type, and ±80, of the target class and of other classes.
//!
//! Value and gradient of every loss equal the limits of [`exact`](crate::exact) for every format of the target. Masks
//! and maps of the same target give the same bits, labels the same up to roundings.

use crate::cases::is_served;
use crate::convert_cases::{Float, Format, Outcome, Target, outcome};
use crate::exact::{Exact, Kernel, Scene, exact};
use crate::limits::is_logit;
use crate::list::{Loss, losses};
use crate::naive::{Activation, Case, TermSpec};
use half::{bf16, f16};

/// Tolerances: a few roundings relative to the terms of a sum, and an absolute part relative to 1. f32 has no exponential
/// below its second number. The reference has 192 bits: an f64 result below 1e-57 of 1 is lost in its rounding.
const F32: (f64, f64) = (6e-7, 1e-37);
const F64: (f64, f64) = (2e-15, 1e-57);

const FLOATS: [Float; 4] = [Float::F16, Float::Bf16, Float::F32, Float::F64];

fn kernel(float: Float) -> Kernel {
    if float == Float::F64 { Kernel::F64 } else { Kernel::F32 }
}

/// The largest number of a type.
fn largest(float: Float) -> f64 {
    match float {
        Float::F16 => f16::MAX.to_f64(),
        Float::Bf16 => bf16::MAX.to_f64(),
        Float::F32 => f32::MAX.into(),
        Float::F64 => f64::MAX,
    }
}

/// The logits of the law.
fn ends_of_logits(float: Float) -> [f64; 7] {
    let max = largest(float);
    [f64::NEG_INFINITY, -max, -80.0, 0.75, 80.0, max, f64::INFINITY]
}

/// Ordinary voxels; no two have the same loss.
fn ordinary(classes: usize, i: usize) -> Vec<f64> {
    (0..classes)
        .map(|c| {
            [[0.5, -1.25, 2.0, 0.25, -0.75, 1.5], [-2.25, 0.875, 0.125, 1.75, -0.5, 0.625]][i % 2][c % 6]
        })
        .collect()
}

/// A case of `special` voxels, each with its label, and two ordinary ones at the end.
fn case_of(activation: Activation, classes: usize, special: &[(Vec<f64>, i64)]) -> Case {
    let others = (0..2).map(|i| (ordinary(classes, i), ((i + 1) % classes.max(2)) as i64));
    let voxels: Vec<(Vec<f64>, i64)> = special.iter().cloned().chain(others).collect();
    let n = voxels.len();
    let z: Vec<f64> = (0..classes * n).map(|k| voxels[k % n].0[k / n]).collect();
    let labels: Vec<i64> = voxels.iter().map(|voxel| voxel.1).collect();
    Case::of_labels(classes, &[n], activation, &z, &labels, &[])
}

fn is_undefined(activation: Activation, z: &[f64]) -> bool {
    activation == Activation::Softmax && crate::exact::probability::is_undefined(z)
}

/// Voxels of every combination of extreme logits, or of `most` evenly chosen ones, each with every label in turn.
fn voxels(activation: Activation, float: Float, classes: usize, most: usize) -> Vec<(Vec<f64>, i64)> {
    let ends = ends_of_logits(float);
    let all = ends.len().pow(classes as u32);
    let stride = (all / most).max(1) | 1;
    let labels = classes.max(2);
    (0..all)
        .step_by(stride)
        .map(|k| (0..classes).map(|c| ends[k / ends.len().pow(c as u32) % ends.len()]).collect::<Vec<_>>())
        .filter(|z| !is_undefined(activation, z))
        .enumerate()
        .flat_map(|(k, z)| {
            let every = if classes <= 2 { labels } else { 1 };
            (0..every).map(move |l| (z.clone(), ((k + l) % labels) as i64))
        })
        .collect()
}

/// Whether a number equals the limit up to roundings relative to `size`.
fn is_close(ours: f64, expected: f64, size: f64, float: Float) -> bool {
    let (relative, least) = if kernel(float) == Kernel::F32 { F32 } else { F64 };
    match () {
        _ if expected.is_nan() => ours.is_nan(),
        _ if expected.is_infinite() => ours == expected,
        _ => (ours - expected).abs() <= relative * size.max(expected.abs()) + least,
    }
}

/// The first number that differs from the limit.
fn first_wrong(case: &Case, ours: &Outcome, limits: &Exact, float: Float) -> Option<String> {
    let expected = limits.value.to_f64();
    // Sums are f64: the largest f64, weighted or added to another, may overflow before the division.
    let is_beyond = limits.size > f64::MAX / 16.0 && ours.value == f64::INFINITY;
    // Where s is given, 1 − s has a rounding of 1.
    let size = |size: f64, of_one: f64| if is_logit(case.activation) { size } else { size.max(of_one) };
    if !is_beyond && !is_close(ours.value, expected, size(limits.size, 1.0), float) {
        return Some(format!("value {:e}, not {expected:e}, of {:e}", ours.value, limits.size));
    }
    for (k, (&ours, expected)) in ours.gradient.iter().zip(&limits.gradient).enumerate() {
        let (class, voxel) = (k / case.n() % case.c, k / (case.c * case.n()) * case.n() + k % case.n());
        let expected = expected.to_f64();
        let z: Vec<f64> =
            (0..case.c).map(|c| case.z[case.at(voxel / case.n(), c, voxel % case.n())]).collect();
        let of = size(limits.sizes[voxel], 1.0 / case.n() as f64);
        let is_right = match () {
            _ if case.weight[voxel] == 0.0 => ours == 0.0,
            // The slope of a NaN sum may be finite.
            _ if expected.is_nan() && !is_undefined(case.activation, &z) => true,
            _ => is_close(ours, expected, of, float),
        };
        if !is_right {
            let label = case.labels.as_ref().map(|labels| labels[voxel]);
            return Some(format!("class {class} of {z:?}, {label:?}: {ours:e}, not {expected:e}, of {of:e}"));
        }
    }
    None
}

/// Failures: one line per loss, type and target, so that one run shows all of them.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, title: &str, what: &str) {
        if self.0.len() < 100 && !self.0.iter().any(|line| line.starts_with(title)) {
            self.0.push(format!("{title}: {what}"));
        }
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        assert!(
            self.0.is_empty() || std::thread::panicking(),
            "{} are wrong:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

fn is_same(ours: &Outcome, theirs: &Outcome) -> bool {
    let numbers = |of: &Outcome| {
        let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        of.gradient.iter().chain([&of.value]).map(bits).collect::<Vec<_>>()
    };
    numbers(ours) == numbers(theirs)
}

/// Compares every format that can represent the target with the limits and with each other.
fn check(wrong: &mut Wrong, scene: &Scene<'_>, terms: &[TermSpec], float: Float, title: &str) {
    let case = scene.case;
    if !is_served(terms, case) {
        return;
    }
    let limits = exact(scene, terms);
    let is_mask = case.truth.iter().all(|&g| g == 0.0 || g == 1.0);
    let mut targets = vec![Target::Dense(float)];
    if is_mask {
        targets.extend([Target::Dense(Float::F32), Target::Dense(Float::F64)]);
        targets.extend((case.c > 1).then_some(Target::MaskU8));
    }
    targets.extend(case.labels.is_some().then_some(Target::U8));
    let mut first: Option<Outcome> = None;
    for target in targets {
        let gradient = if float == Float::F64 { Float::F64 } else { Float::F32 };
        let format = Format { prediction: float, target, gradient, ..Format::exact(case) };
        let title = format!("{title} {float:?} {target:?}");
        let ours = match outcome(case, terms, &format, 1.0) {
            Ok(ours) => ours,
            Err(error) => return wrong.add(&title, &error.to_string()),
        };
        if let Some(number) = first_wrong(case, &ours, &limits, float) {
            wrong.add(&title, &number);
        }
        match &first {
            None => first = Some(ours),
            Some(first) if target == Target::U8 || is_same(&ours, first) => (),
            Some(_) => wrong.add(&title, "not the bits of the first"),
        }
    }
}

/// Every `of`-th loss starting at the `k`-th: the cases divide the list, so that together they cover it many times. If
/// `SEGLOSS_ALL_LIMITS` is set, each case runs the whole list, which takes minutes.
fn some(losses: &[Loss], k: usize, of: usize) -> impl Iterator<Item = &Loss> {
    let of = if std::env::var_os("SEGLOSS_ALL_LIMITS").is_some() { 1 } else { of };
    losses.iter().skip(k % of).step_by(of)
}

/// The loss with its class weights, and with weight 0 for one class.
fn variants(loss: &Loss, classes: usize, left_out: usize) -> [Vec<TermSpec>; 2] {
    let terms = loss.for_classes(classes);
    let without = terms.iter().map(|term| {
        let mut weights = vec![1.5; classes];
        weights[left_out % classes] = 0.0;
        TermSpec { class_weight: (classes > 1).then_some(weights), ..term.clone() }
    });
    let without = without.collect();
    [terms, without]
}

/// One voxel with extreme logits among ordinary ones: its loss is visible in the value.
#[test]
fn one_voxel_with_extreme_logits_has_the_limits() {
    let (mut wrong, losses) = (Wrong::default(), losses());
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        for classes in [1, 2, 3, 5].into_iter().filter(|&c| c > 1 || activation != Activation::Softmax) {
            for float in [Float::F32, Float::F64] {
                let voxels = voxels(activation, float, classes, 49);
                for (k, voxel) in voxels.iter().enumerate() {
                    let case = case_of(activation, classes, std::slice::from_ref(voxel));
                    let scene = Scene::new(&case, kernel(float));
                    for loss in some(&losses, k, 19) {
                        let title = format!("{}, {activation:?} {classes}", loss.name);
                        let [terms, without] = variants(loss, classes, voxel.1 as usize + k / 7);
                        check(&mut wrong, &scene, &terms, float, &title);
                        check(&mut wrong, &scene, &without, float, &format!("{title}, one class left out"));
                    }
                }
            }
        }
    }
}

/// All extreme voxels at once, in every type: an infinite loss hides the value but not the gradient of other voxels.
#[test]
fn all_voxels_with_extreme_logits_have_the_limits() {
    let (mut wrong, mut k, losses) = (Wrong::default(), 0, losses());
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        for (classes, float) in [2, 3, 2, 3].into_iter().zip(FLOATS) {
            let case = case_of(activation, classes, &voxels(activation, float, classes, 3));
            let scene = Scene::new(&case, kernel(float));
            for loss in some(&losses, k, 25) {
                let title = format!("{}, {activation:?} {classes}", loss.name);
                for terms in variants(loss, classes, k) {
                    check(&mut wrong, &scene, &terms, float, &title);
                }
            }
            k += 1;
        }
    }
}

/// Soft targets, with zero and nonzero entries, at the same extreme logits.
#[test]
fn soft_targets_with_extreme_logits_have_the_limits() {
    let mut wrong = Wrong::default();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        for (classes, float) in [(2, Float::F32), (3, Float::F64), (5, Float::F32)] {
            let voxels = voxels(activation, float, classes, 49);
            for (k, voxel) in voxels.iter().enumerate().step_by(2) {
                let labels = case_of(activation, classes, std::slice::from_ref(voxel));
                let soft = |c: usize| [0.0, 0.25, 0.75, 0.0, 0.5, 1.0][(c + k) % 6];
                let truth = (0..labels.z.len())
                    .map(|at| if at % labels.n() == 0 { soft(at / labels.n()) } else { labels.truth[at] });
                let truth: Vec<f64> = truth.collect();
                let case = Case::of_maps(classes, &labels.shape, activation, &labels.z, &truth);
                let scene = Scene::new(&case, kernel(float));
                for loss in some(&losses(), k / 2, 23) {
                    let title = format!("{}, {activation:?} {classes}, soft", loss.name);
                    for terms in variants(loss, classes, k) {
                        check(&mut wrong, &scene, &terms, float, &title);
                    }
                }
            }
        }
    }
}

/// Two classes at +∞, or all at −∞, give NaN at the voxel; NaN ranks highest in TopK and propagates through sums.
#[test]
fn undefined_softmax_is_nan_at_counted_voxels() {
    let (mut wrong, losses) = (Wrong::default(), losses());
    let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
    for classes in [2, 3, 4, 5] {
        let mut two = vec![0.5; classes];
        (two[0], two[classes - 1]) = (up, up);
        for z in [two, vec![down; classes]] {
            let case = case_of(Activation::Softmax, classes, &[(z, 1), (ordinary(classes, 3), 0)]);
            for (case, is_counted) in [(case.clone().weighted(&[0.0, 1.0, 1.0, 0.5]), false), (case, true)] {
                for float in [Float::F32, Float::F64] {
                    let scene = Scene::new(&case, kernel(float));
                    for loss in some(&losses, classes, 4) {
                        let title = format!("{}, {classes}, undefined", loss.name);
                        let terms = loss.for_classes(classes);
                        check(&mut wrong, &scene, &terms, float, &title);
                        let value = exact(&scene, &terms).value.to_f64();
                        assert!(value.is_nan() == is_counted, "{title}: {value}");
                    }
                }
            }
        }
    }
}

/// Classes that are not annotated and voxels that are not counted may hold anything.
#[test]
fn extreme_values_are_ignored_where_not_annotated_or_not_counted() {
    let mut wrong = Wrong::default();
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        for (classes, float) in [(2, Float::F64), (3, Float::F32), (5, Float::F32)] {
            let voxels = voxels(activation, float, classes, 24);
            for (k, voxel) in voxels.iter().enumerate() {
                let mut case =
                    case_of(activation, classes, &[voxel.clone(), voxels[(k + 7) % voxels.len()].clone()]);
                case.class_present[k % classes] = false;
                let case = case.weighted(&[0.0, 0.5, 1.0, 1.0]);
                let scene = Scene::new(&case, kernel(float));
                for loss in some(&losses(), k, 13) {
                    let title = format!("{}, {activation:?} {classes}, not annotated", loss.name);
                    check(&mut wrong, &scene, &loss.for_classes(classes), float, &title);
                }
            }
        }
    }
}

/// Given probabilities at 0 and 1, below 0 and above 1.
#[test]
fn given_probabilities_at_and_outside_0_and_1_have_the_limits() {
    let mut wrong = Wrong::default();
    for activation in [Activation::Probability, Activation::ProbabilityPerClass] {
        for (classes, float) in [(1, Float::F32), (2, Float::F64), (3, Float::F32)] {
            let ends = [0.0, 1.0, -0.5, 1.5, 0.25, 2f64.powi(-120), 1.0 - 2f64.powi(-20)];
            for k in 0..49 {
                let z: Vec<f64> =
                    (0..classes).map(|c| ends[(k / 7usize.pow(c as u32 % 2) + c / 2) % 7]).collect();
                let mut case = case_of(activation, classes, &[(z, (k % classes.max(2)) as i64)]);
                let n = case.n();
                (0..case.z.len())
                    .filter(|at| at % n > 0)
                    .for_each(|at| case.z[at] = 0.375 + (at % 5) as f64 / 16.0);
                let scene = Scene::new(&case, kernel(float));
                for loss in some(&losses(), k, 23) {
                    let title = format!("{}, {activation:?} {classes}", loss.name);
                    for terms in variants(loss, classes, k) {
                        check(&mut wrong, &scene, &terms, float, &title);
                    }
                }
            }
        }
    }
}
