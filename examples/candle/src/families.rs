//! Every loss of the library as a term of `Loss`, by family; its gradient, through candle's autograd, is compared with
//! finite differences of its value.

use crate::loss::Loss;
use candle_core::{Device, Result, Tensor, Var};
use segloss::presets::{Combo, ExponentialLogarithmic, GeneralizedDiceBoundary};
use segloss::{
    Activation, AsymmetricSimilarity, BalancedCrossEntropy, Boundary, CrossEntropy, Dice, DistancePenalized,
    Focal, FocalTversky, GeneralizedDice, Hausdorff, Iou, LogDice, Penalty, PowerCrossEntropy,
    SensitivitySpecificity, Term, TopK, Tversky,
};

/// A term whose loss lives as long as the program: candle keeps an operation for as long as its graph.
pub fn term(weight: f64, loss: impl segloss::Loss + 'static) -> Term<'static> {
    Term::new(weight, Box::leak(Box::new(loss)))
}

fn losses() -> Result<Vec<(&'static str, &'static str, Vec<Term<'static>>)>> {
    let weighted = Term {
        class_weight: Some(&[0.5, 2.0, 1.0]),
        ..term(1.0, CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() })
    };
    let combo = Box::leak(Box::new(Combo::default())).terms().map_err(candle_core::Error::wrap)?;
    Ok(vec![
        ("distribution", "cross entropy", vec![term(1.0, CrossEntropy::default())]),
        ("distribution", "weighted, smoothed cross entropy", vec![weighted]),
        ("distribution", "TopK", vec![term(1.0, TopK::default())]),
        ("distribution", "focal", vec![term(1.0, Focal::default())]),
        ("distribution", "distance-penalised", vec![term(1.0, DistancePenalized)]),
        ("region", "sensitivity-specificity", vec![term(1.0, SensitivitySpecificity::default())]),
        ("region", "Dice", vec![term(1.0, Dice::default())]),
        ("region", "IoU (Jaccard)", vec![term(1.0, Iou::default())]),
        ("region", "Tversky", vec![term(1.0, Tversky::default())]),
        ("region", "generalized Dice", vec![term(1.0, GeneralizedDice::default())]),
        ("region", "focal Tversky", vec![term(1.0, FocalTversky::default())]),
        ("region", "asymmetric similarity", vec![term(1.0, AsymmetricSimilarity::default())]),
        ("region", "penalty", vec![term(1.0, Penalty::default())]),
        ("region", "logarithmic Dice", vec![term(1.0, LogDice::default())]),
        ("boundary", "boundary", vec![term(1.0, Boundary::default())]),
        ("boundary", "Hausdorff", vec![term(1.0, Hausdorff::default())]),
        (
            "compound",
            "Dice + cross entropy",
            vec![term(1.0, Dice::default()), term(1.0, CrossEntropy::default())],
        ),
        ("compound", "combo", combo.to_vec()),
        ("compound", "balanced cross entropy", vec![term(1.0, BalancedCrossEntropy::default())]),
        ("compound", "power cross entropy", vec![term(1.0, PowerCrossEntropy::default())]),
        (
            "compound",
            "exponential logarithmic",
            Box::leak(Box::new(ExponentialLogarithmic::default())).terms().to_vec(),
        ),
        (
            "compound",
            "generalized Dice + boundary",
            Box::leak(Box::new(GeneralizedDiceBoundary::default())).terms().to_vec(),
        ),
        ("compound", "Dice + Hausdorff", vec![term(1.0, Dice::default()), term(0.1, Hausdorff::default())]),
    ])
}

/// The gradient of each loss by autograd against central differences of each logit.
pub fn check() -> Result<()> {
    const STEP: f64 = 1e-6;
    let shape = (2, 3, 5, 4);
    let count = 2 * 3 * 5 * 4;
    let logits: Vec<f64> = (0..count).map(|i| (i * i * 31 + i * 79) as f64 % 211.0 / 50.0 - 2.0).collect();
    let labels: Vec<u8> = (0..count / 3).map(|i| (i * i * 7 % 11 % 3) as u8).collect();
    for (family, name, terms) in losses()? {
        let loss = Loss { terms, activation: Activation::Softmax, labels: labels.clone() };
        let value = |logits: &[f64]| {
            Tensor::from_slice(logits, shape, &Device::Cpu)?.apply_op1(loss.clone())?.to_scalar::<f64>()
        };
        let leaf = Var::from_slice(&logits, shape, &Device::Cpu)?;
        let gradients = (leaf.apply_op1(loss.clone())? * 3.0)?.backward()?;
        let gradient =
            gradients.get(&leaf).ok_or_else(|| candle_core::Error::msg("no gradient"))?.flatten_all()?;
        let (mut largest, mut apart) = (0f64, 0f64);
        for (i, slope) in gradient.to_vec1::<f64>()?.into_iter().enumerate() {
            let mut moved = logits.clone();
            moved[i] = logits[i] + STEP;
            let above = value(&moved)?;
            moved[i] = logits[i] - STEP;
            let expected = 3.0 * (above - value(&moved)?) / (2.0 * STEP);
            (largest, apart) = (largest.max(expected.abs()), apart.max((slope - expected).abs()));
        }
        println!("{family:<13} {name:<33} gradient within {:.0e} of finite differences", apart / largest);
        assert!(apart <= 1e-7 * largest, "{name}: {apart}, the largest entry is {largest}");
    }
    Ok(())
}
