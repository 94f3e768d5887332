//! The terms of the compound losses; a compound is a weighted sum of terms.

use super::boundary::{Hausdorff, no_background};
use super::probability::FLOOR;
use super::region::{RegionSums, dice, power};
use super::{Case, Form, Normalizer, Selection, TermSpec, class_sums, probabilities, times};

/// (15), first half  L = −(1/W) Σ w Σ_c v(β g log s + (1−β)(1−g) log(1−s)), summed over classes always
pub fn balanced_cross_entropy(case: &Case, v: &[f64], beta: f64) -> f64 {
    let p = probabilities(case);
    let mut sum = 0.0;
    for (b, i, w) in case.counted() {
        for c in (0..case.c).filter(|c| v[b * case.c + c] > 0.0) {
            let k = case.at(b, c, i);
            let g = case.truth[k];
            let log = times(beta * g, p.log_s[k]) + times((1.0 - beta) * (1.0 - g), p.log_1ms[k]);
            sum -= w * v[b * case.c + c] * log;
        }
    }
    sum / case.total_weight()
}

/// (16), first half  (−log Dice)^γ of one class
pub fn log_dice(t: &RegionSums, gamma: f64, en: f64, ed: f64) -> f64 {
    let loss = dice(t, false, en, ed);
    // Accurate near 0 and 1; without intersection and ε the logarithm is clamped at the floor of probabilities.
    let logarithm = if loss > 0.5 {
        let ratio = (2.0 * t.overlap + en) / (t.predicted + t.truth + ed);
        if ratio < FLOOR { FLOOR.ln() } else { ratio.ln() }
    } else {
        (-loss).ln_1p()
    };
    power(-logarithm, gamma)
}

/// (16), second half  L = (1/W) Σ w Σ_c v g (−log s)^γ, on the target class only, with sigmoid too
pub fn power_cross_entropy(case: &Case, v: &[f64], gamma: f64) -> f64 {
    let p = probabilities(case);
    let mut sum = 0.0;
    for (b, i, w) in case.counted() {
        for c in (0..case.c).filter(|c| v[b * case.c + c] > 0.0) {
            let k = case.at(b, c, i);
            sum += times(w * v[b * case.c + c] * case.truth[k], power(-p.log_s[k], gamma));
        }
    }
    sum / case.total_weight()
}

/// v_c = (Σf/f_c)^½ with f_c the target sum of class c where it is annotated, 0 for an absent class.
pub fn from_frequencies(case: &Case) -> Vec<f64> {
    let annotated = case.annotated(&vec![1.0; case.c]);
    let all = class_sums(case);
    let frequency = |c: usize| -> f64 {
        (0..case.b).map(|b| b * case.c + c).filter(|&k| annotated[k] > 0.0).map(|k| all[k].truth).sum()
    };
    let total: f64 = (0..case.c).map(|c| frequency(c).max(0.0)).sum();
    (0..case.c).map(|c| if frequency(c) > 0.0 { (total / frequency(c)).sqrt() } else { 0.0 }).collect()
}

/// The named presets; those that exclude the background depend on the number of classes.
pub mod presets {
    use super::*;

    fn dice() -> TermSpec {
        TermSpec::new(Form::Dice { squared: false })
    }

    fn dice_of_objects(classes: usize) -> TermSpec {
        TermSpec { class_weight: Some(no_background(classes)), ..dice() }
    }

    /// nnU-Net's.
    pub fn dice_cross_entropy(classes: usize) -> Vec<TermSpec> {
        let form = Form::CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::Voxels };
        vec![dice_of_objects(classes), TermSpec::new(form)]
    }

    /// nnU-Net's.
    pub fn dice_top_k(classes: usize) -> Vec<TermSpec> {
        vec![dice_of_objects(classes), TermSpec::new(Form::TopK(Selection::Fraction(0.1)))]
    }

    /// AnatomyNet's.
    pub fn dice_focal(_: usize) -> Vec<TermSpec> {
        vec![dice(), TermSpec::new(Form::Focal { gamma: 2.0 })]
    }

    /// (15)  α·(balanced cross entropy) − (1−α)·Dice
    pub fn combo(_: usize) -> Vec<TermSpec> {
        let cross_entropy = TermSpec::new(Form::BalancedCrossEntropy { beta: 0.5 });
        let dice = TermSpec { smooth_numerator: 1.0, smooth_denominator: 1.0, minus_one: true, ..dice() };
        vec![TermSpec { weight: 0.5, ..cross_entropy }, TermSpec { weight: 0.5, ..dice }]
    }

    /// (16)  w_D · mean_c[(−log Dice_c)^γD] + w_X · (1/W) Σ w Σ_c v g (−log s)^γX
    pub fn exponential_logarithmic(_: usize) -> Vec<TermSpec> {
        let (log_dice, cross_entropy) =
            (Form::LogDice { gamma: 0.3 }, Form::PowerCrossEntropy { gamma: 0.3 });
        vec![
            TermSpec { weight: 0.8, ..TermSpec::new(log_dice) },
            TermSpec { weight: 0.2, ..TermSpec::new(cross_entropy) },
        ]
    }

    /// Kervadec's, at the start of his schedule.
    pub fn generalized_dice_boundary(_: usize) -> Vec<TermSpec> {
        let boundary = TermSpec::new(Form::Boundary { rim_zero: false });
        vec![TermSpec::new(Form::GeneralizedDice { power: 2.0 }), TermSpec { weight: 0.01, ..boundary }]
    }

    pub fn dice_hausdorff(classes: usize) -> Vec<TermSpec> {
        vec![dice_of_objects(classes), TermSpec::new(Form::Hausdorff(Hausdorff::default()))]
    }
}
