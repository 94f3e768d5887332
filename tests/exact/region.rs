//! Region losses of exact sums; their slopes are finite differences of the closed form, accurate to 100 bits.

use super::big::{Big, big};
use super::probability::FLOOR;
use crate::naive::{Absent, ClassAverage, Form, SampleAverage, TermSpec};

/// The sums of one class in one sample.
#[derive(Clone)]
pub struct Sums {
    /// Σ w
    pub weight: Big,
    /// G
    pub target: Big,
    pub of: Parts<Big>,
}

/// The sums that depend on the prediction.
#[derive(Clone)]
pub struct Parts<T> {
    /// I = Σ w g s
    pub found: T,
    /// FP = Σ w (1 − g) s
    pub invented: T,
    /// FN = Σ w g (1 − s)
    pub missed: T,
    /// Σ w g (s − g)² and Σ w (1 − g) (s − g)²
    pub square_of_missed: T,
    pub square_of_invented: T,
}

impl<T> Parts<T> {
    pub fn all(&mut self) -> [&mut T; 5] {
        let Self { found, invented, missed, square_of_missed, square_of_invented } = self;
        [found, invented, missed, square_of_missed, square_of_invented]
    }
}

impl Sums {
    pub fn zero() -> Self {
        let zero = || big(0.0);
        let of = Parts {
            found: zero(),
            invented: zero(),
            missed: zero(),
            square_of_missed: zero(),
            square_of_invented: zero(),
        };
        Self { weight: zero(), target: zero(), of }
    }

    /// Adds `factor` times other sums.
    pub fn add(&mut self, factor: &Big, other: &Self) {
        self.weight = &self.weight + factor * &other.weight;
        self.target = &self.target + factor * &other.target;
        let mut other = other.of.clone();
        for (sum, other) in self.of.all().into_iter().zip(other.all()) {
            *sum = &*sum + factor * &*other;
        }
    }
}

/// The value of a term from the sums of every sample and class, and its derivative with respect to each of `Parts`; `v`
/// by sample and class.
pub fn value_and_slopes(term: &TermSpec, classes: usize, v: &[f64], sums: &[Sums]) -> (Big, Vec<Parts<Big>>) {
    let value = |sums: &[Sums]| average(term, classes, v, sums).unwrap_or_else(|| big(0.0));
    let step = big(2f64.powi(-104));
    let mut moved = sums.to_vec();
    let mut slopes: Vec<Parts<Big>> = sums.iter().map(|_| Sums::zero().of).collect();
    for k in (0..sums.len()).filter(|&k| v[k] > 0.0) {
        for (j, slope) in slopes[k].all().into_iter().enumerate() {
            let mut at = |step: &Big| {
                let start = sums[k].of.clone().all()[j].clone();
                *moved[k].of.all()[j] = start + step;
                let value = value(&moved);
                *moved[k].of.all()[j] = sums[k].of.clone().all()[j].clone();
                value
            };
            *slope = (at(&step) - at(&-&step)) * big(2f64.powi(103));
        }
    }
    let loss = average(term, classes, v, sums);
    let loss = loss.map_or_else(|| big(0.0), |loss| if term.minus_one { loss - big(1.0) } else { loss });
    (loss, slopes)
}

/// The mean over the samples with a class left, or the loss of pooled samples; `None` if nothing is left.
fn average(term: &TermSpec, classes: usize, v: &[f64], sums: &[Sums]) -> Option<Big> {
    let samples = sums.chunks(classes).zip(v.chunks(classes));
    let losses: Vec<Big> = match term.sample_average {
        SampleAverage::Mean => samples.filter_map(|(sums, v)| of_classes(term, v, sums)).collect(),
        SampleAverage::Pooled => {
            // For pooled classes, m_bc belongs to each sample.
            let by_sample = term.class_average == ClassAverage::Pooled && !is_joint(term.form);
            let mut all = (vec![0.0; classes], vec![Sums::zero(); classes]);
            for (sums, v) in samples {
                for c in (0..classes).filter(|&c| v[c] > 0.0 && !(by_sample && is_skipped(term, &sums[c]))) {
                    all.0[c] = v[c];
                    all.1[c].add(&big(1.0), &sums[c]);
                }
            }
            of_classes(term, &all.0, &all.1).into_iter().collect()
        }
    };
    let count = big(losses.len() as f64);
    if losses.is_empty() { None } else { Some(losses.into_iter().sum::<Big>() / count) }
}

fn is_joint(form: Form) -> bool {
    matches!(form, Form::GeneralizedDice { .. } | Form::Penalty { .. })
}

fn is_skipped(term: &TermSpec, sums: &Sums) -> bool {
    term.absent == Absent::Skipped && sums.target <= big(0.0)
}

fn of_classes(term: &TermSpec, v: &[f64], sums: &[Sums]) -> Option<Big> {
    let m: Vec<Big> =
        v.iter().zip(sums).map(|(&v, sums)| big(if is_skipped(term, sums) { 0.0 } else { v })).collect();
    let all: Big = m.iter().cloned().sum();
    if all <= big(0.0) {
        return None;
    }
    let left = || m.iter().zip(sums).filter(|(m, _)| !m.is_zero());
    Some(match (term.form, term.class_average) {
        (Form::GeneralizedDice { power }, _) => generalized(term, power, &m, sums),
        (Form::Penalty { power, k }, _) => {
            let loss = generalized(term, power, &m, sums);
            &loss / (big(1.0) + big(k) * (big(1.0) - &loss))
        }
        (_, ClassAverage::Mean) => left().map(|(m, sums)| m * of_class(term, sums)).sum::<Big>() / all,
        (_, ClassAverage::Pooled) => {
            let mut pooled = Sums::zero();
            left().for_each(|(m, sums)| pooled.add(m, sums));
            of_class(term, &pooled)
        }
    })
}

/// 1 − numerator/denominator from their difference; 0 if the denominator is below 1e-30.
fn one_less(difference: Big, denominator: Big) -> Big {
    if denominator < big(1e-30) { big(0.0) } else { difference / denominator }
}

/// (11), with u divided by its largest value
fn generalized(term: &TermSpec, power: f64, m: &[Big], sums: &[Sums]) -> Big {
    let smallest = (m.iter().zip(sums))
        .filter(|(m, sums)| !m.is_zero() && sums.target > big(0.0))
        .map(|(_, sums)| sums.target.clone())
        .reduce(|a, b| if b < a { b } else { a });
    let u = |m: &Big, sums: &Sums| match &smallest {
        Some(smallest) if sums.target > big(0.0) => m * (smallest / &sums.target).pow(power),
        _ => m.clone(),
    };
    let u: Vec<Big> = m.iter().zip(sums).map(|(m, sums)| u(m, sums)).collect();
    let largest = u.iter().cloned().reduce(|a, b| if b > a { b } else { a }).unwrap();
    let over = |of: &dyn Fn(&Sums) -> Big| -> Big {
        u.iter().zip(sums).map(|(u, sums)| u * of(sums)).sum::<Big>() / &largest
    };
    let wrong = over(&|sums| &sums.of.invented + &sums.of.missed);
    let both = over(&|sums| big(2.0) * &sums.of.found) + &wrong;
    let (numerator, denominator) = (big(term.smooth_numerator), big(term.smooth_denominator));
    one_less(wrong + &denominator - numerator, both + denominator)
}

/// The loss of one class, or of pooled classes.
fn of_class(term: &TermSpec, sums: &Sums) -> Big {
    let Sums { weight, target, of: Parts { found, invented, missed, square_of_missed, square_of_invented } } =
        sums;
    let (numerator, denominator) = (big(term.smooth_numerator), big(term.smooth_denominator));
    let excess = &denominator - &numerator;
    let tversky = |alpha: f64, beta: f64| {
        let price = big(alpha) * invented + big(beta) * missed;
        one_less(&price + &excess, found + price + &denominator)
    };
    let dice = || one_less(invented + missed + &excess, big(2.0) * found + invented + missed + &denominator);
    let squares = || square_of_missed + square_of_invented;
    match term.form {
        // (7)
        Form::SensitivitySpecificity { r } => {
            let part = |sum: &Big, all: Big| if all < big(1e-30) { big(0.0) } else { sum / all };
            big(r) * part(square_of_missed, target + &denominator)
                + big(1.0 - r) * part(square_of_invented, weight - target + &denominator)
        }
        // (8), with S₂ + G₂ = E₊ + E₋ + 2·I
        Form::Dice { squared: false } => dice(),
        Form::Dice { squared: true } => {
            one_less(squares() + &excess, big(2.0) * found + squares() + &denominator)
        }
        // (9)
        Form::Iou { squared: false } => tversky(1.0, 1.0),
        Form::Iou { squared: true } => one_less(squares() + &excess, found + squares() + &denominator),
        // (10), (12), (13)
        Form::Tversky { alpha, beta } => tversky(alpha, beta),
        Form::FocalTversky { alpha, beta, gamma } => power(&tversky(alpha, beta), 1.0 / gamma),
        Form::AsymmetricSimilarity { beta } => {
            let square = beta * beta;
            tversky(1.0 / (1.0 + square), square / (1.0 + square))
        }
        // (16)
        // A ratio is clamped to the floor of given probabilities.
        Form::LogDice { gamma } => power(&-(big(1.0) - dice()).at_least(FLOOR).ln(), gamma),
        form => panic!("{form:?} is no region loss of a class"),
    }
}

/// x^p; for p < 1 its chord below τ = 1e-6, for p > 1 at least 0.
pub fn power(x: &Big, p: f64) -> Big {
    const TAU: f64 = 1e-6;
    match () {
        _ if p < 1.0 && *x < big(TAU) => x * big(TAU).pow(p - 1.0),
        _ if p > 1.0 => x.at_least(0.0).pow(p),
        _ => x.pow(p),
    }
}
