//! Value and gradient over 200 million voxels of f16 against sums in f64.
//!
//! ```text
//! cargo run --release -p exhaustive --bin huge [millions of voxels]
//! ```
//!
//! Needs 5 bytes per voxel, 1 GB for 200 million: the gradient overwrites the logits.

use half::f16;
use segloss::{Activation, Batch, CrossEntropy, Dice, Term, View, ViewMut, differentiate_in_place};

/// A logit of a class; its periods 61 and 53 are coprime to the period 1,009 of the labels.
fn logit(class: usize, i: usize) -> f16 {
    let period = if class == 0 { 61 } else { 53 };
    f16::from_f64((i % period) as f64 / 8.0 - 3.5)
}

/// One voxel in 1,009 belongs to the object.
fn label(i: usize) -> u8 {
    u8::from(i % 1009 == 5)
}

/// s of class 1.
fn object(i: usize) -> f64 {
    1.0 / (1.0 + (logit(0, i).to_f64() - logit(1, i).to_f64()).exp())
}

/// −log s of the label.
fn surprise(i: usize) -> f64 {
    let (z, g) = ([logit(0, i).to_f64(), logit(1, i).to_f64()], usize::from(label(i)));
    (z[1 - g] - z[g]).exp().ln_1p()
}

/// Dice of both classes, cross entropy, and the gradient with respect to logit 1 of a voxel.
fn reference(n: usize) -> (f64, impl Fn(usize) -> f64) {
    let (mut cost, mut predicted, mut truth, mut overlap) = (0.0, [0.0; 2], [0.0; 2], [0.0; 2]);
    for i in 0..n {
        let (s, g) = (object(i), f64::from(label(i)));
        cost += surprise(i);
        for (class, (s, g)) in [(1.0 - s, 1.0 - g), (s, g)].into_iter().enumerate() {
            predicted[class] += s;
            truth[class] += g;
            overlap[class] += g * s;
        }
    }
    let all = |class: usize| predicted[class] + truth[class] + 1e-5;
    let ratio = |class: usize| (2.0 * overlap[class] + 1e-5) / all(class);
    let value = 1.0 - (ratio(0) + ratio(1)) / 2.0 + cost / n as f64;
    let (over, ratios) = ([all(0), all(1)], [ratio(0), ratio(1)]);
    let gradient = move |i: usize| {
        let (s, g) = (object(i), f64::from(label(i)));
        // ∂Dice_c/∂s_c = (ratio − 2 g)/(S + G), one half of it per class, and s_0 = 1 − s_1.
        let slope = |class: usize, g: f64| (ratios[class] - 2.0 * g) / over[class] / 2.0;
        s * (1.0 - s) * (slope(1, g) - slope(0, 1.0 - g)) + (s - g) / n as f64
    };
    (value, gradient)
}

fn main() {
    let millions: usize = std::env::args().nth(1).map_or(200, |text| text.parse().expect("a number"));
    let n = millions * 1_000_000;
    let mut logits: Vec<f16> = (0..2 * n).map(|k| logit(k / n, k % n)).collect();
    let labels: Vec<u8> = (0..n).map(label).collect();
    let shape = [1, 2, n];
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let loss = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
    let scale = 2f64.powi(n.ilog2() as i32);
    let value = {
        let target = View::new(&labels, &[1, n]).unwrap();
        let prediction = ViewMut::new(&mut logits, &shape).unwrap();
        let mut batch = Batch::new(prediction, Activation::Softmax, target);
        let mut scratch = vec![0; 1 << 20];
        differentiate_in_place(&mut batch, &loss, scale, &mut scratch).unwrap()
    };
    let (expected, gradient) = reference(n);
    let error = (value - expected).abs() / expected;
    let largest = (0..1000).map(|i| (scale * gradient(i)).abs()).fold(0.0, f64::max);
    let off = (0..n).map(|i| (logits[n + i].to_f64() - scale * gradient(i)).abs()).fold(0.0, f64::max);
    println!("{n} voxels: {value:.15}, in f64 {expected:.15}, {error:.1e} apart");
    println!("gradient: at most {:.1e} of {largest:.3} off", off / largest);
    assert!(error <= 1e-7 && off <= 5e-4 * largest);
}
