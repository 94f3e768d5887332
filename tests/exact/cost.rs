//! Voxel losses: value, and derivatives with respect to s, log s and log(1 − s).

use super::big::{Big, big};
use super::probability::is_undefined;
use super::region::power;
use super::{Activation, Class, Of, Scene, error, has_field, is_exclusive, no_slopes, truth};
use crate::naive::boundary::{Hausdorff, signed_field, target_field};
use crate::naive::{Case, Form, Normalizer, Selection, TermSpec, distance};

/// The limit of slopes.
const STEEPEST: f64 = 1e30;

/// A function of an outcome's probability, complement and logarithm: value and derivative with respect to the logarithm.
type Outcome<'f> = &'f dyn Fn(&Big, &Big, &Big) -> (Big, Big);

/// The weights of the two outcomes of a voxel and class.
type Charges<'f> = &'f dyn Fn(usize, usize, usize) -> [Big; 2];

/// The term, if it is a voxel loss.
pub fn of(scene: &Scene<'_>, term: &TermSpec, v: &[f64]) -> Option<Of> {
    let case = scene.case;
    let cross_entropy: Outcome<'_> = &|_, _, log| (-log, big(-1.0));
    let both = |b, c, i| -> [Big; 2] {
        let (g, not_g) = truth(case, case.at(b, c, i));
        if is_exclusive(case) { [g, big(0.0)] } else { [g, not_g] }
    };
    let all = |b: usize, i: usize| case.w(b, i);
    let voxels = case.total_weight();
    let sum = Sum { scene, v, is_mean: !is_exclusive(case) };
    Some(match term.form {
        Form::CrossEntropy { label_smoothing, normalizer } => {
            let outcomes = if is_exclusive(case) { case.c as f64 } else { 2.0 };
            let smoothed = |b, c, i| {
                let of = |g: Big| big(1.0 - label_smoothing) * g + big(label_smoothing / outcomes);
                let [here, elsewhere] = both(b, c, i);
                if is_exclusive(case) { [of(here), elsewhere] } else { [of(here), of(elsewhere)] }
            };
            let by_class = normalizer == Normalizer::ClassWeight && is_exclusive(case);
            let n = if by_class { weight_of_truth(case, v) } else { voxels };
            sum.over(&all, n, &smoothed, cross_entropy)
        }
        Form::TopK(selection) => {
            let shares = selected(scene, v, selection);
            let share = |b: usize, i: usize| case.w(b, i) * shares[b * case.n() + i];
            let n = scene.counted.iter().map(|&(b, i, _)| share(b, i)).sum();
            sum.over(&share, n, &both, cross_entropy)
        }
        Form::Focal { gamma } => sum.over(&all, voxels, &both, &|s, not, log| {
            let base = not.at_least(0.0);
            let raised = base.pow(gamma);
            // ∂/∂log s = s·∂/∂s
            let of_base = if base.is_zero() { big(0.0) } else { big(gamma) * base.pow(gamma - 1.0) * s };
            (&raised * -log, -raised + of_base * log)
        }),
        Form::DistancePenalized => {
            let field = term.field.clone().unwrap_or_else(|| distance::reverted(case));
            let per_class = case.c > 1 && field.len() == case.z.len();
            let priced = |b, c, i| {
                let d = if per_class { field[case.at(b, c, i)] } else { field[b * case.n() + i] };
                both(b, c, i).map(|charge| charge * big(1.0 + d))
            };
            sum.over(&all, voxels, &priced, cross_entropy)
        }
        Form::BalancedCrossEntropy { beta } => {
            let balanced = |b, c, i| {
                let (g, not_g) = truth(case, case.at(b, c, i));
                [big(beta) * g, big(1.0 - beta) * not_g]
            };
            Sum { is_mean: false, ..sum }.over(&all, voxels, &balanced, cross_entropy)
        }
        Form::PowerCrossEntropy { gamma } => {
            let on_truth = |b, c, i| [truth(case, case.at(b, c, i)).0, big(0.0)];
            Sum { is_mean: false, ..sum }.over(&all, voxels, &on_truth, &|_, _, log| {
                let x = -log;
                let slope = match () {
                    _ if gamma < 1.0 && x < big(1e-6) => big(1e-6).pow(gamma - 1.0),
                    _ if gamma > 1.0 => big(gamma) * x.at_least(0.0).pow(gamma - 1.0),
                    _ => big(gamma) * x.pow(gamma - 1.0),
                };
                (power(&x, gamma), -slope.at_most(STEEPEST))
            })
        }
        Form::Boundary { rim_zero } => {
            let phi = term.field.clone().unwrap_or_else(|| signed_field(case, rim_zero));
            everywhere(scene, v, false, &|at, class| (big(phi[at]) * &class.s, big(phi[at])))
        }
        Form::Hausdorff(form) => {
            let d = weights(scene, term, form);
            everywhere(scene, v, form.log, &|at, class| {
                let error = error(&class.s, &class.not, &big(case.truth[at]));
                let pull = big(d[at]) * &error;
                (&pull * error, big(2.0) * pull)
            })
        }
        form => {
            assert!(!has_field(form));
            return None;
        }
    })
}

/// Σ w Σ_c v g
fn weight_of_truth(case: &Case, v: &[f64]) -> f64 {
    let of = |&(b, i, w): &(usize, usize, f64)| -> f64 {
        (0..case.c).map(|c| w * v[b * case.c + c] * case.truth[case.at(b, c, i)]).sum()
    };
    case.counted().iter().map(of).sum()
}

/// A sum over voxels and classes; with `is_mean` the mean over the classes.
struct Sum<'a> {
    scene: &'a Scene<'a>,
    v: &'a [f64],
    is_mean: bool,
}

impl Sum<'_> {
    /// (1/n) Σ w Σ_c v (here·f(s) + elsewhere·f(1 − s))
    fn over(&self, w: &dyn Fn(usize, usize) -> f64, n: f64, charges: Charges<'_>, f: Outcome<'_>) -> Of {
        let Self { scene, v, is_mean } = *self;
        let case = scene.case;
        let mut of = Of { value: big(0.0), size: 0.0, slopes: no_slopes(case) };
        if n == 0.0 {
            return of;
        }
        for &(b, i, weight) in &scene.counted {
            let w = w(b, i);
            let v = &v[b * case.c..][..case.c];
            let all: f64 = if is_mean { v.iter().sum() } else { 1.0 };
            for c in (0..case.c).filter(|&c| v[c] > 0.0 && w > 0.0) {
                let share = big(v[c]) / big(all) / big(n);
                let Class { s, not, log, log_not, .. } = &scene.class[case.at(b, c, i)];
                let charges = charges(b, c, i);
                for ((outcome, charge), j) in
                    [[s, not, log], [not, s, log_not]].into_iter().zip(charges).zip(1..)
                {
                    let (cost, slope) = f(outcome[0], outcome[1], outcome[2]);
                    // The order of the kernel: the loss of the voxel, times the voxel's weight, times v.
                    let unweighted = scene.kernel.held(big(w) / big(weight) * &charge * cost);
                    let cost = scene.kernel.held(big(weight) * unweighted);
                    of.size += (&share * &cost).to_f64().abs();
                    of.value = of.value + &share * cost;
                    let to = &mut of.slopes[case.at(b, c, i)][j];
                    *to = &*to + &share * big(w) * charge * slope;
                }
            }
        }
        of
    }
}

/// (Σ_b Σ_c v Σ_i w cost) / (Σ_b Σ_c v W_b), and log(1 + L) of that.
fn everywhere(scene: &Scene<'_>, v: &[f64], is_log: bool, f: &dyn Fn(usize, &Class) -> (Big, Big)) -> Of {
    let case = scene.case;
    let n: f64 = (0..v.len()).map(|k| v[k] * case.sample_weight(k / case.c)).sum();
    let mut of = Of { value: big(0.0), size: 0.0, slopes: no_slopes(case) };
    for &(b, i, w) in &scene.counted {
        for c in (0..case.c).filter(|&c| v[b * case.c + c] > 0.0) {
            let at = case.at(b, c, i);
            let share = big(v[b * case.c + c]) * big(w) / big(n);
            let (cost, slope) = f(at, &scene.class[at]);
            of.size += (&share * &cost).to_f64().abs();
            of.value = of.value + &share * cost;
            of.slopes[at][0] = share * slope;
        }
    }
    if is_log {
        let steepness = big(1.0) / (big(1.0) + &of.value);
        of.slopes.iter_mut().for_each(|slopes| slopes[0] = &slopes[0] * &steepness);
        of.value = of.value.ln_1p();
    }
    of
}

/// D = d_G^α + d_S^α
fn weights(scene: &Scene<'_>, term: &TermSpec, form: Hausdorff) -> Vec<f64> {
    let case = scene.case;
    let mut all = match &term.field {
        _ if form.prediction_only && !form.field_complete => vec![0.0; case.z.len()],
        Some(field) => field.clone(),
        None => target_field(case, form),
    };
    if form.target_only || form.field_complete && term.field.is_some() {
        return all;
    }
    for (b, c) in (0..case.b * case.c).map(|k| (k / case.c, k % case.c)) {
        let mask: Vec<bool> = (0..case.n()).map(|i| is_inside(scene, form.argmax, b, c, i)).collect();
        let distances = distance::to_other_side(&mask, &case.shape, &case.spacing);
        for (i, d) in distances.into_iter().enumerate() {
            all[case.at(b, c, i)] += if form.interior && !mask[i] { 0.0 } else { d.powf(form.alpha) };
        }
    }
    all
}

/// s > ½, or the argmax with the lowest index; uncounted and undefined voxels are outside.
fn is_inside(scene: &Scene<'_>, argmax: bool, b: usize, c: usize, i: usize) -> bool {
    let case = scene.case;
    let z: Vec<f64> = (0..case.c).map(|c| case.z[case.at(b, c, i)]).collect();
    let is_undefined = case.activation == Activation::Softmax && is_undefined(&z);
    if case.w(b, i) == 0.0 || is_undefined {
        return false;
    }
    if argmax {
        // s increases with z.
        return z[..c].iter().all(|&lower| z[c] > lower) && z[c..].iter().all(|&higher| z[c] >= higher);
    }
    scene.class[case.at(b, c, i)].s > big(0.5)
}

/// The share of each voxel in K, [B, N].
fn selected(scene: &Scene<'_>, v: &[f64], selection: Selection) -> Vec<f64> {
    let case = scene.case;
    let costs = |v: &[f64]| -> Vec<f64> {
        let cost =
            |&(b, i, _): &(usize, usize, f64)| scene.kernel.round(&rank(scene, &v[b * case.c..], b, i));
        scene.counted.iter().map(cost).collect()
    };
    let mut shares = vec![0.0; case.weight.len()];
    let places = |share: f64| scene.counted.iter().map(move |&(b, i, _)| (b * case.n() + i, share));
    match selection {
        Selection::Threshold(t) => {
            let bare = costs(&case.annotated(&vec![1.0; case.c]));
            for ((at, one), cost) in places(1.0).zip(bare) {
                shares[at] = if cost <= -t.ln() { 0.0 } else { one };
            }
        }
        Selection::Fraction(k) => {
            // NaN ranks highest.
            let order = |x: f64| if x.is_nan() { (1, 0.0) } else { (0, x) };
            let costs: Vec<(i32, f64)> = costs(v).into_iter().map(order).collect();
            let places_left = ((k * costs.len() as f64) as usize).max(1);
            let mut falling = costs.clone();
            falling.sort_by(|a, b| b.partial_cmp(a).unwrap());
            let Some(&cut) = falling.get(places_left - 1) else { return shares };
            let above = costs.iter().filter(|&&cost| cost > cut).count();
            let tied = costs.iter().filter(|&&cost| cost == cut).count();
            let tied_share = (places_left - above) as f64 / tied as f64;
            for ((at, one), cost) in places(1.0).zip(costs) {
                shares[at] = if cost > cut {
                    one
                } else if cost == cut {
                    tied_share
                } else {
                    0.0
                };
            }
        }
    }
    shares
}

/// The cross entropy by which a voxel ranks.
fn rank(scene: &Scene<'_>, v: &[f64], b: usize, i: usize) -> Big {
    let case = scene.case;
    let of = |c: usize| {
        let (g, not_g) = truth(case, case.at(b, c, i));
        let Class { log, log_not, .. } = &scene.class[case.at(b, c, i)];
        let cost = if is_exclusive(case) { g * -log } else { g * -log + not_g * -log_not };
        big(v[c]) * cost
    };
    let all: f64 = v[..case.c].iter().sum();
    // Division does not change ranks; dividing by the largest weight prevents overflow.
    let all = if is_exclusive(case) { v[..case.c].iter().fold(1.0, |a: f64, &v| a.max(v)) } else { all };
    let sum: Big = (0..case.c).filter(|&c| v[c] > 0.0).map(of).sum();
    if all == 0.0 { sum } else { sum / big(all) }
}
