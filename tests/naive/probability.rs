//! Probabilities and their logarithms, accurate near 0 and 1.

use super::{Activation, Case};

/// The floor: smaller probabilities given as input have the logarithm of the floor.
pub const FLOOR: f64 = 1.0 / ((1u128 << 126) as f64); // 2⁻¹²⁶

/// Maps [B, C, N]; 0 where a voxel is not counted.
pub struct Probabilities {
    pub s: Vec<f64>,
    pub one_minus_s: Vec<f64>,
    pub log_s: Vec<f64>,
    /// log(1 − s).
    pub log_1ms: Vec<f64>,
}

/// Applies the activation to the prediction.
pub fn probabilities(case: &Case) -> Probabilities {
    let none = vec![0.0; case.z.len()];
    let mut all =
        Probabilities { s: none.clone(), one_minus_s: none.clone(), log_s: none.clone(), log_1ms: none };
    for (b, i, _) in case.counted() {
        let z: Vec<f64> = (0..case.c).map(|c| case.z[case.at(b, c, i)]).collect();
        let softmax = Softmax::new(&z);
        for c in 0..case.c {
            let (s, one_minus_s, log_s, log_1ms) = match case.activation {
                Activation::Softmax => softmax.of(&z, c),
                Activation::Sigmoid => sigmoid(z[c]),
                Activation::Probability | Activation::ProbabilityPerClass => as_given(z[c]),
            };
            let k = case.at(b, c, i);
            all.s[k] = s;
            all.one_minus_s[k] = one_minus_s;
            all.log_s[k] = log_s;
            all.log_1ms[k] = log_1ms;
        }
    }
    all
}

/// ```text
/// m = the largest class (the first, if several), R = Σ_{k≠m} e^(z_k − z_m)
/// −log s_c = (z_m − z_c) + log1p(R)
/// 1 − s_m  = R/(1 + R)
/// log(1 − s_m) = log Σ_{k≠m} e^(z_k) − log Σ_k e^(z_k), shifted by the second largest logit
/// ```
///
/// Logits may be infinite: −∞ gives s = 0, one class at +∞ gives s = 1; two at +∞, or all at −∞, give NaN. In log(1 − s),
/// other classes that are all at −∞ have equal shares.
struct Softmax {
    m: usize,
    rest: f64,
    log_1ms_of_m: f64,
}

/// a − b, and 0 for two equal infinities.
fn less(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { a - b }
}

impl Softmax {
    fn new(z: &[f64]) -> Self {
        let mut m = 0;
        for k in 1..z.len() {
            if z[k] > z[m] {
                m = k;
            }
        }
        let others = || (0..z.len()).filter(|&k| k != m).map(|k| z[k]);
        let is_alone = others().all(|z_k| z_k < z[m]);
        let is_undefined = z[m].is_infinite() && !is_alone;
        let rest: f64 = others().map(|z_k| less(z_k, z[m]).exp()).sum();
        let rest = if is_undefined { f64::NAN } else { rest };
        let second = others().fold(f64::NEG_INFINITY, f64::max);
        let shifted: f64 = others().map(|z_k| less(z_k, second).exp()).sum();
        Self { m, rest, log_1ms_of_m: less(second, z[m]) + shifted.ln() - rest.ln_1p() }
    }

    fn of(&self, z: &[f64], c: usize) -> (f64, f64, f64, f64) {
        let Self { m, rest, log_1ms_of_m } = *self;
        let log_s = less(z[c], z[m]) - rest.ln_1p();
        if c == m {
            (1.0 / (1.0 + rest), rest / (1.0 + rest), log_s, log_1ms_of_m)
        } else {
            let s = less(z[c], z[m]).exp() / (1.0 + rest);
            (s, 1.0 - s, log_s, (-s).ln_1p())
        }
    }
}

/// log s = −softplus(−z), log(1 − s) = −softplus(z).
fn sigmoid(z: f64) -> (f64, f64, f64, f64) {
    let small = (-z.abs()).exp();
    let (near, far) = (1.0 / (1.0 + small), small / (1.0 + small));
    let (s, one_minus_s) = if z >= 0.0 { (near, far) } else { (far, near) };
    (s, one_minus_s, -softplus(-z), -softplus(z))
}

fn softplus(z: f64) -> f64 {
    let above = if z < 0.0 { 0.0 } else { z };
    above + (-z.abs()).exp().ln_1p()
}

/// log max(x, 2⁻¹²⁶) of x = s and x = 1 − s; NaN stays NaN.
fn as_given(s: f64) -> (f64, f64, f64, f64) {
    let floored = |x: f64| if x < FLOOR { FLOOR } else { x };
    (s, 1.0 - s, floored(s).ln(), floored(1.0 - s).ln())
}
