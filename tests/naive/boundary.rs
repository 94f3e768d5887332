//! Boundary losses: probabilities weighted by distance.

use super::{Case, Probabilities, distance, probabilities};

/// The weight D of a Hausdorff loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hausdorff {
    pub alpha: f64,
    pub target_only: bool,
    pub prediction_only: bool,
    /// The prediction's mask is the argmax instead of s > 0.5.
    pub argmax: bool,
    /// D is 0 outside its mask.
    pub interior: bool,
    /// log1p of the whole term.
    pub log: bool,
    /// A given field is the complete D, not only the target's half.
    pub field_complete: bool,
}

impl Default for Hausdorff {
    fn default() -> Self {
        Self {
            alpha: 2.0,
            target_only: false,
            prediction_only: false,
            argmax: false,
            interior: false,
            log: false,
            field_complete: false,
        }
    }
}

/// v = (0, 1, …, 1); one class is the object itself.
pub fn no_background(classes: usize) -> Vec<f64> {
    (0..classes).map(|c| if c == 0 && classes >= 2 { 0.0 } else { 1.0 }).collect()
}

/// n = Σ_b Σ_c v_bc W_b
fn all_weight(case: &Case, v: &[f64]) -> f64 {
    (0..v.len()).map(|k| v[k] * case.sample_weight(k / case.c)).sum()
}

/// (Σ_b Σ_c v_bc Σ_i w cost_bci) / n
fn mean(case: &Case, v: &[f64], cost: impl Fn(usize) -> f64) -> f64 {
    let mut sum = 0.0;
    for (b, i, w) in case.counted() {
        for c in (0..case.c).filter(|c| v[b * case.c + c] > 0.0) {
            sum += v[b * case.c + c] * w * cost(case.at(b, c, i));
        }
    }
    let n = all_weight(case, v);
    if n == 0.0 { 0.0 } else { sum / n }
}

/// BD  L = (Σ_b Σ_c v_bc Σ_i w φ_c s_c) / n
pub fn boundary(case: &Case, v: &[f64], rim_zero: bool, field: Option<&[f64]>) -> f64 {
    let p = probabilities(case);
    let phi = field.map_or_else(|| signed_field(case, rim_zero), <[f64]>::to_vec);
    mean(case, v, |k| phi[k] * p.s[k])
}

/// HD  L = (Σ_b Σ_c v_bc Σ_i w (s − g)² D) / n, D = d_G^α + d_S^α
pub fn hausdorff(case: &Case, v: &[f64], form: Hausdorff, field: Option<&[f64]>) -> f64 {
    let p = probabilities(case);
    let complete = field.is_some() && form.field_complete;
    let none = || vec![0.0; case.z.len()];
    let half_of_target = match field {
        _ if form.prediction_only && !complete => none(),
        Some(field) => field.to_vec(),
        None => target_field(case, form),
    };
    let half_of_prediction =
        if form.target_only || complete { none() } else { prediction_field(case, &p, form) };
    let loss = mean(case, v, |k| {
        let d = half_of_target[k] + half_of_prediction[k];
        (p.s[k] - case.truth[k]).powi(2) * d
    });
    if form.log { loss.ln_1p() } else { loss }
}

/// φ of every sample and class, [B, C, N].
pub fn signed_field(case: &Case, rim_zero: bool) -> Vec<f64> {
    each_class(case, |b, c| {
        distance::signed(&distance::target_mask(case, b, c), &case.shape, &case.spacing, rim_zero)
    })
}

/// d_G^α of every sample and class.
pub fn target_field(case: &Case, form: Hausdorff) -> Vec<f64> {
    each_class(case, |b, c| powered(case, &distance::target_mask(case, b, c), form))
}

/// d_S^α of every sample and class.
pub fn prediction_field(case: &Case, p: &Probabilities, form: Hausdorff) -> Vec<f64> {
    each_class(case, |b, c| powered(case, &prediction_mask(case, p, form.argmax, b, c), form))
}

fn each_class(case: &Case, map: impl Fn(usize, usize) -> Vec<f64>) -> Vec<f64> {
    (0..case.b * case.c).flat_map(|k| map(k / case.c, k % case.c)).collect()
}

fn powered(case: &Case, mask: &[bool], form: Hausdorff) -> Vec<f64> {
    let distances = distance::to_other_side(mask, &case.shape, &case.spacing);
    let masked = |(d, &inside): (f64, &bool)| if form.interior && !inside { 0.0 } else { d.powf(form.alpha) };
    distances.into_iter().zip(mask).map(masked).collect()
}

/// s > 0.5, or the argmax with the lowest index; uncounted voxels and NaN are outside.
pub fn prediction_mask(case: &Case, p: &Probabilities, argmax: bool, b: usize, c: usize) -> Vec<bool> {
    let inside = |i: usize| {
        let s = |c: usize| p.s[case.at(b, c, i)];
        if argmax {
            (0..c).all(|lower| s(c) > s(lower)) && (c + 1..case.c).all(|higher| s(c) >= s(higher))
        } else {
            s(c) > 0.5
        }
    };
    (0..case.n()).map(|i| case.w(b, i) > 0.0 && inside(i)).collect()
}
