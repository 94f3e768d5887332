//! The losses by their equations, in f64. Gradients are differences of values.

use crate::case::{Case, Name};
use segloss::Activation;
use std::ops::AddAssign;

/// One voxel of a batch, an entry per class.
#[derive(Clone, Debug)]
pub struct Voxel {
    pub logits: Vec<f64>,
    pub target: Vec<f64>,
    pub field: Vec<f64>,
    /// 0 for an ignored voxel.
    pub weight: f64,
}

/// The inputs of a case.
pub trait Voxels {
    fn case(&self) -> &Case;
    fn read(&self, sample: usize, voxel: usize, to: &mut Voxel);
}

/// The class sums of region losses.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    intersection: f64,
    prediction: f64,
    target: f64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.intersection += other.intersection;
        self.prediction += other.prediction;
        self.target += other.target;
    }
}

pub struct Reference<'a> {
    inputs: &'a dyn Voxels,
    pub value: f64,
    /// Derivatives of the region losses by intersection and prediction, `[B, C]`.
    slopes: Vec<[f64; 2]>,
    /// The sum of the weights.
    weight: f64,
    top: Top,
}

/// The selection of TopK.
#[derive(Clone, Copy, Debug, Default)]
struct Top {
    threshold: f64,
    count: f64,
}

/// Smoothing of numerators and denominators.
const EPSILON: f64 = 1e-5;

impl<'a> Reference<'a> {
    pub fn new(inputs: &'a dyn Voxels) -> Self {
        let Case { shape: [samples, classes, voxels], losses, activation, .. } = *inputs.case();
        let mut sums = vec![vec![Sums::default(); classes]; samples];
        let (mut weight, mut voxel_losses, mut costs) = (0.0, 0.0, vec![]);
        let mut voxel = blank(classes);
        let mut s = vec![0.0; classes];
        for (sample, sums) in sums.iter_mut().enumerate() {
            for i in 0..voxels {
                inputs.read(sample, i, &mut voxel);
                if voxel.weight == 0.0 {
                    continue;
                }
                weight += voxel.weight;
                probabilities(activation, &voxel.logits, &mut s);
                for (class, sums) in sums.iter_mut().enumerate() {
                    *sums += of_voxel(&voxel, s[class], class);
                }
                for &name in losses {
                    match name {
                        Name::TopK => costs.push(voxel_loss(name, activation, &voxel, &s)),
                        _ => voxel_losses += voxel.weight * voxel_loss(name, activation, &voxel, &s),
                    }
                }
            }
        }
        let (top, top_value) = top_tenth(costs);
        let value = region_losses(losses, &sums) + voxel_losses / weight + top_value;
        let slopes = slopes(losses, &mut sums);
        Self { inputs, value, slopes, weight, top }
    }

    /// The derivative by the logits of a voxel. `None` where TopK's selection hangs on rounding.
    pub fn gradient(&self, sample: usize, i: usize) -> Option<Vec<f64>> {
        let Case { shape: [_, classes, _], losses, activation, .. } = *self.inputs.case();
        let mut voxel = blank(classes);
        self.inputs.read(sample, i, &mut voxel);
        let mut s = vec![0.0; classes];
        probabilities(activation, &voxel.logits, &mut s);
        let mut selected = false;
        if losses.contains(&Name::TopK) {
            let cost = voxel_loss(Name::TopK, activation, &voxel, &s);
            if (cost - self.top.threshold).abs() < 1e-4 {
                return None;
            }
            selected = cost > self.top.threshold;
        }
        let mut value = |logits: &[f64]| {
            probabilities(activation, logits, &mut s);
            let mut value = 0.0;
            for (class, slopes) in self.slopes[sample * classes..][..classes].iter().enumerate() {
                let sums = of_voxel(&voxel, s[class], class);
                value += slopes[0] * sums.intersection + slopes[1] * sums.prediction;
            }
            for &name in losses {
                let share = match name {
                    Name::TopK if selected => 1.0 / self.top.count,
                    Name::TopK => 0.0,
                    _ => voxel.weight / self.weight,
                };
                value += share * voxel_loss(name, activation, &voxel, &s);
            }
            value
        };
        let mut logits = voxel.logits.clone();
        let slope = |class: usize| {
            let (step, logit) = (1e-4, logits[class]);
            logits[class] = logit + step;
            let above = value(&logits);
            logits[class] = logit - step;
            let below = value(&logits);
            logits[class] = logit;
            (above - below) / (2.0 * step)
        };
        Some((0..classes).map(slope).collect())
    }
}

fn blank(classes: usize) -> Voxel {
    let zeros = vec![0.0; classes];
    Voxel { logits: zeros.clone(), target: zeros.clone(), field: zeros, weight: 0.0 }
}

fn probabilities(activation: Activation, logits: &[f64], s: &mut [f64]) {
    for (s, z) in s.iter_mut().zip(logits) {
        *s = if activation == Activation::Sigmoid { 1.0 / (1.0 + (-z).exp()) } else { z.exp() };
    }
    if activation == Activation::Softmax {
        let sum: f64 = s.iter().sum();
        s.iter_mut().for_each(|s| *s /= sum);
    }
}

fn of_voxel(voxel: &Voxel, s: f64, class: usize) -> Sums {
    let (w, g) = (voxel.weight, voxel.target[class]);
    Sums { intersection: w * s * g, prediction: w * s, target: w * g }
}

/// The loss of a voxel, without its weight; 0 for region losses.
fn voxel_loss(name: Name, activation: Activation, voxel: &Voxel, s: &[f64]) -> f64 {
    let power = |x: f64| if name == Name::Focal { x * x } else { 1.0 };
    let outcomes = || s.iter().zip(&voxel.target);
    match name {
        Name::CrossEntropy | Name::Focal | Name::TopK if activation == Activation::Sigmoid => {
            let cost =
                |(&s, &g): (&f64, &f64)| -g * power(1.0 - s) * s.ln() - (1.0 - g) * power(s) * (1.0 - s).ln();
            outcomes().map(cost).sum::<f64>() / s.len() as f64
        }
        Name::CrossEntropy | Name::Focal | Name::TopK => {
            outcomes().filter(|(_, g)| **g > 0.0).map(|(&s, &g)| -g * power(1.0 - s) * s.ln()).sum()
        }
        Name::Boundary => {
            // The background does not count.
            let counted = usize::from(s.len() > 1)..s.len();
            let count = counted.len() as f64;
            counted.map(|class| voxel.field[class] * s[class]).sum::<f64>() / count
        }
        Name::Dice | Name::Tversky | Name::GeneralizedDice => 0.0,
    }
}

/// The mean over samples, and for Dice and Tversky over classes, of the region losses.
fn region_losses(losses: &[Name], sums: &[Vec<Sums>]) -> f64 {
    let of_sample = |sums: &Vec<Sums>| losses.iter().map(|&name| region_loss(name, sums)).sum::<f64>();
    sums.iter().map(of_sample).sum::<f64>() / sums.len() as f64
}

fn region_loss(name: Name, sums: &[Sums]) -> f64 {
    let mean = |loss: &dyn Fn(&Sums) -> f64| sums.iter().map(loss).sum::<f64>() / sums.len() as f64;
    match name {
        Name::Dice => mean(&|x| 1.0 - (2.0 * x.intersection + EPSILON) / (x.prediction + x.target + EPSILON)),
        Name::Tversky => mean(&|x| {
            let (positives, negatives) = (x.prediction - x.intersection, x.target - x.intersection);
            1.0 - (x.intersection + EPSILON) / (x.intersection + 0.3 * positives + 0.7 * negatives + EPSILON)
        }),
        Name::GeneralizedDice => {
            let smallest = sums.iter().fold(f64::MAX, |least, x| least.min(x.target));
            let weighted = |part: &dyn Fn(&Sums) -> f64| {
                sums.iter().map(|x| (smallest / x.target).powi(2) * part(x)).sum::<f64>() + EPSILON
            };
            1.0 - weighted(&|x| 2.0 * x.intersection) / weighted(&|x| x.prediction + x.target)
        }
        _ => 0.0,
    }
}

/// The derivatives of the region losses by intersection and prediction of each class of each sample.
fn slopes(losses: &[Name], sums: &mut [Vec<Sums>]) -> Vec<[f64; 2]> {
    let samples = sums.len() as f64;
    let value = |sums: &[Sums]| losses.iter().map(|&name| region_loss(name, sums)).sum::<f64>() / samples;
    let mut slopes = vec![];
    for sums in sums {
        for class in 0..sums.len() {
            let step = 1e-4 * (sums[class].target + 1.0);
            let mut slope = |part: fn(&mut Sums) -> &mut f64| {
                let before = sums[class];
                *part(&mut sums[class]) += step;
                let above = value(sums);
                sums[class] = before;
                *part(&mut sums[class]) -= step;
                let below = value(sums);
                sums[class] = before;
                (above - below) / (2.0 * step)
            };
            slopes.push([slope(|x| &mut x.intersection), slope(|x| &mut x.prediction)]);
        }
    }
    slopes
}

/// The selection of the tenth of the voxels with the highest loss, and their mean loss.
fn top_tenth(mut costs: Vec<f64>) -> (Top, f64) {
    let count = costs.len() / 10;
    if count == 0 {
        return (Top::default(), 0.0);
    }
    let (above, threshold, _) = costs.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    let threshold = *threshold;
    let count = count as f64;
    (Top { threshold, count }, (above.iter().sum::<f64>() + threshold) / count)
}
