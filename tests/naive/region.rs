//! Region losses: a closed form of sums over voxels, averaged over classes and samples.

use super::{Absent, Case, ClassAverage, Form, SampleAverage, TermSpec, compound, probabilities};

/// Denominators below this are treated as zero: the ratio is 1, the parts of (7) are 0.
pub const NOTHING: f64 = 1e-30;
/// Below this a power with an exponent under 1 is replaced by its chord.
pub const TAU: f64 = 1e-6;

/// Sums over the voxels of one sample and class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegionSums {
    /// Σ w.
    pub voxels: f64,
    /// G = Σ w g.
    pub truth: f64,
    /// S = Σ w s.
    pub predicted: f64,
    /// I = Σ w g s.
    pub overlap: f64,
    /// G₂ = Σ w g².
    pub truth_squared: f64,
    /// S₂ = Σ w s².
    pub predicted_squared: f64,
    /// Σ w (s − g)² over positive and negative voxels.
    pub missed: f64,
    pub spilled: f64,
    /// FP = Σ w (1 − g) s.
    pub invented: f64,
    /// FN = Σ w g (1 − s).
    pub overlooked: f64,
}

impl RegionSums {
    /// self + factor · other.
    fn plus(self, factor: f64, other: Self) -> Self {
        Self {
            voxels: self.voxels + factor * other.voxels,
            truth: self.truth + factor * other.truth,
            predicted: self.predicted + factor * other.predicted,
            overlap: self.overlap + factor * other.overlap,
            truth_squared: self.truth_squared + factor * other.truth_squared,
            predicted_squared: self.predicted_squared + factor * other.predicted_squared,
            missed: self.missed + factor * other.missed,
            spilled: self.spilled + factor * other.spilled,
            invented: self.invented + factor * other.invented,
            overlooked: self.overlooked + factor * other.overlooked,
        }
    }
}

/// The sums of every sample and class, [B, C].
pub fn class_sums(case: &Case) -> Vec<RegionSums> {
    let p = probabilities(case);
    let mut sums = vec![RegionSums::default(); case.b * case.c];
    for (b, i, w) in case.counted() {
        for c in 0..case.c {
            let k = case.at(b, c, i);
            let (s, g) = (p.s[k], case.truth[k]);
            let voxel = RegionSums {
                voxels: 1.0,
                truth: g,
                predicted: s,
                overlap: g * s,
                truth_squared: g * g,
                predicted_squared: s * s,
                missed: g * (s - g).powi(2),
                spilled: (1.0 - g) * (s - g).powi(2),
                invented: (1.0 - g) * s,
                overlooked: g * p.one_minus_s[k],
            };
            sums[b * case.c + c] = sums[b * case.c + c].plus(w, voxel);
        }
    }
    sums
}

/// The loss of one class, or of pooled classes, from its sums.
pub fn class_loss(term: &TermSpec, t: &RegionSums) -> f64 {
    let (en, ed) = (term.smooth_numerator, term.smooth_denominator);
    match term.form {
        Form::SensitivitySpecificity { r } => sensitivity_specificity(t, r, ed),
        Form::Dice { squared } => dice(t, squared, en, ed),
        Form::Iou { squared } => iou(t, squared, en, ed),
        Form::Tversky { alpha, beta } => tversky(t, alpha, beta, en, ed),
        Form::FocalTversky { alpha, beta, gamma } => focal_tversky(t, alpha, beta, gamma, en, ed),
        Form::AsymmetricSimilarity { beta } => asymmetric_similarity(t, beta, en, ed),
        Form::LogDice { gamma } => compound::log_dice(t, gamma, en, ed),
        _ => panic!("{:?} is no closed form of one class", term.form),
    }
}

/// 1 − ratio from the difference of denominator and numerator: exactly 0 if they are equal.
fn one_minus_ratio(excess: f64, denominator: f64) -> f64 {
    if denominator < NOTHING { 0.0 } else { excess / denominator }
}

/// x^p; for p < 1, whose tangent at 0 is vertical, the chord x·τ^(p−1) below τ; for p > 1 at least 0.
pub fn power(x: f64, p: f64) -> f64 {
    if p < 1.0 && x < TAU {
        x * TAU.powf(p - 1.0)
    } else if p > 1.0 && x < 0.0 {
        0.0
    } else if p == 1.0 {
        x
    } else {
        x.powf(p)
    }
}

/// (7)  L = r · Σ w g(s−g)² / (G + ε) + (1−r) · Σ w (1−g)(s−g)² / (Σ w (1−g) + ε)
fn sensitivity_specificity(t: &RegionSums, r: f64, ed: f64) -> f64 {
    let part = |sum: f64, all: f64| if all < NOTHING { 0.0 } else { sum / all };
    r * part(t.missed, t.truth + ed) + (1.0 - r) * part(t.spilled, t.voxels - t.truth + ed)
}

/// (8)  L = 1 − (2I + ε)/(D + ε), D = S + G, squared D = S₂ + G₂
pub fn dice(t: &RegionSums, squared: bool, en: f64, ed: f64) -> f64 {
    if squared {
        one_minus_ratio(t.missed + t.spilled + ed - en, t.predicted_squared + t.truth_squared + ed)
    } else {
        one_minus_ratio(t.invented + t.overlooked + ed - en, t.predicted + t.truth + ed)
    }
}

/// (9)  L = 1 − (I + ε)/(S + G − I + ε), squared with S₂ + G₂ − I
fn iou(t: &RegionSums, squared: bool, en: f64, ed: f64) -> f64 {
    if squared {
        let union = t.predicted_squared + t.truth_squared - t.overlap;
        one_minus_ratio(t.missed + t.spilled + ed - en, union + ed)
    } else {
        one_minus_ratio(t.invented + t.overlooked + ed - en, t.predicted + t.truth - t.overlap + ed)
    }
}

/// (10)  L = 1 − (I + ε)/(I + α FP + β FN + ε)
fn tversky(t: &RegionSums, alpha: f64, beta: f64, en: f64, ed: f64) -> f64 {
    let errors = alpha * t.invented + beta * t.overlooked;
    one_minus_ratio(errors + ed - en, t.overlap + errors + ed)
}

/// (12)  L = T^(1/γ), T = Tversky
fn focal_tversky(t: &RegionSums, alpha: f64, beta: f64, gamma: f64, en: f64, ed: f64) -> f64 {
    power(tversky(t, alpha, beta, en, ed), 1.0 / gamma)
}

/// (13)  Tversky with α = 1/(1+β²) on FP and β²/(1+β²) on FN
fn asymmetric_similarity(t: &RegionSums, beta: f64, en: f64, ed: f64) -> f64 {
    let square = beta * beta;
    tversky(t, 1.0 / (1.0 + square), square / (1.0 + square), en, ed)
}

/// (11)  L = 1 − (2 Σ_c u_c I + ε)/(Σ_c u_c (S + G) + ε)
fn generalized_dice(classes: &[RegionSums], u: &[f64], en: f64, ed: f64) -> f64 {
    let (mut excess, mut all) = (ed - en, ed);
    for (t, &u) in classes.iter().zip(u).filter(|(_, u)| **u > 0.0) {
        excess += u * (t.invented + t.overlooked);
        all += u * (t.predicted + t.truth);
    }
    one_minus_ratio(excess, all)
}

/// u_c = v (G_min/G_c)^p divided by its largest value; the power of an absent class is 1 if counted, 0 if skipped.
pub fn generalized_weights(classes: &[RegionSums], v: &[f64], p: f64, absent: Absent) -> Vec<f64> {
    let counted = || classes.iter().zip(v).filter(|(_, v)| **v > 0.0);
    let smallest = counted().map(|(t, _)| t.truth).filter(|&g| g > 0.0).fold(f64::INFINITY, f64::min);
    let without_truth = if absent == Absent::Skipped { 0.0 } else { 1.0 };
    let u: Vec<f64> = classes
        .iter()
        .zip(v)
        .map(|(t, v)| match (*v > 0.0, t.truth > 0.0) {
            (false, _) => 0.0,
            (true, true) => v * (smallest / t.truth).powf(p),
            (true, false) => v * without_truth,
        })
        .collect();
    let largest = u.iter().fold(0.0, |a: f64, &b| a.max(b));
    u.iter().map(|u| u / largest).collect()
}

/// (14)  L = GD / (1 + k (1 − GD))
fn penalty(gd: f64, k: f64) -> f64 {
    gd / (1.0 + k * (1.0 - gd))
}

/// The mean over samples, or the loss of pooled samples; `None` if nothing is left.
pub fn average(case: &Case, v: &[f64], term: &TermSpec) -> Option<f64> {
    let all = class_sums(case);
    let samples: Vec<(Vec<f64>, Vec<RegionSums>)> = match term.sample_average {
        SampleAverage::Mean => v.chunks(case.c).zip(all.chunks(case.c)).map(owned).collect(),
        SampleAverage::Pooled => vec![pool(case, v, &all, term)],
    };
    let losses: Vec<f64> = samples.iter().filter_map(|(v, classes)| sample_loss(v, classes, term)).collect();
    if losses.is_empty() { None } else { Some(losses.iter().sum::<f64>() / losses.len() as f64) }
}

fn owned((v, classes): (&[f64], &[RegionSums])) -> (Vec<f64>, Vec<RegionSums>) {
    (v.to_vec(), classes.to_vec())
}

/// T_c = Σ_b T_bc over the samples with v_bc > 0, with v_c if there is one. If classes are pooled too, the sum is that
/// of m_bc T_bc: absent classes are skipped sample by sample.
pub fn pool(case: &Case, v: &[f64], all: &[RegionSums], term: &TermSpec) -> (Vec<f64>, Vec<RegionSums>) {
    let mut pooled = (vec![0.0; case.c], vec![RegionSums::default(); case.c]);
    let by_sample = term.absent == Absent::Skipped
        && term.class_average == ClassAverage::Pooled
        && !matches!(term.form, Form::GeneralizedDice { .. } | Form::Penalty { .. });
    for k in (0..v.len()).filter(|&k| v[k] > 0.0 && !(by_sample && all[k].truth <= 0.0)) {
        pooled.0[k % case.c] = v[k];
        pooled.1[k % case.c] = pooled.1[k % case.c].plus(1.0, all[k]);
    }
    pooled
}

/// (Σ_c m L(T_c)) / (Σ_c m), or L(Σ_c m T_c) of pooled classes, m = v or 0 for a skipped class.
pub fn sample_loss(v: &[f64], classes: &[RegionSums], term: &TermSpec) -> Option<f64> {
    let skipped = |t: &RegionSums| term.absent == Absent::Skipped && t.truth <= 0.0;
    let m: Vec<f64> = v.iter().zip(classes).map(|(&v, t)| if skipped(t) { 0.0 } else { v }).collect();
    let all: f64 = m.iter().sum();
    if all == 0.0 {
        return None;
    }
    let gd = |p: f64| {
        let u = generalized_weights(classes, v, p, term.absent);
        generalized_dice(classes, &u, term.smooth_numerator, term.smooth_denominator)
    };
    let counted = || m.iter().zip(classes).filter(|(m, _)| **m > 0.0);
    Some(match (term.form, term.class_average) {
        (Form::GeneralizedDice { power }, _) => gd(power),
        (Form::Penalty { power, k }, _) => penalty(gd(power), k),
        (_, ClassAverage::Mean) => counted().map(|(m, t)| m * class_loss(term, t)).sum::<f64>() / all,
        (_, ClassAverage::Pooled) => {
            class_loss(term, &counted().fold(RegionSums::default(), |sum, (m, t)| sum.plus(*m, *t)))
        }
    })
}
