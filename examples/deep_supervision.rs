//! Deep supervision: outputs at full, half and quarter resolution, one call of the loss per level.
//!
//! ```text
//! L = Σ_k λ_k·L_k            ∂L/∂z_k = λ_k·∂L_k/∂z_k, by `Gradient::scale`
//! ```

use segloss::compound::presets::DiceCrossEntropy;
use segloss::{Activation, Batch, Gradient, View, ViewMut, differentiate, evaluate, scratch_len};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 3;
const EDGE: usize = 24;
/// nnU-Net's weights 1, ½, ¼, divided by their sum.
const WEIGHTS: [f64; 3] = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0];

/// The labels at full resolution: a ball of class 1 with a core of class 2.
fn paint_labels() -> Vec<u8> {
    let distance = |i: usize| {
        let [z, y, x] = [i / (EDGE * EDGE), i / EDGE % EDGE, i % EDGE].map(|at| at as f64);
        ((z - 11.0).powi(2) + (y - 13.0).powi(2) + (x - 10.0).powi(2)).sqrt()
    };
    (0..EDGE.pow(3)).map(|i| u8::from(distance(i) < 9.0) + u8::from(distance(i) < 5.0)).collect()
}

/// Synthetic logits with a prime period.
fn paint_logits(level: usize) -> Vec<f64> {
    let count = CLASSES * (EDGE >> level).pow(3);
    (0..count).map(|i| ((i * i * 31 + i * 7919 + level * 104_729) % 2003) as f64 / 500.0 - 2.0).collect()
}

/// One level: every `2^level`-th voxel of the labels, which are not copied.
fn batch<'a>(labels: &'a [u8], logits: &'a [f64], level: usize) -> Result<Batch<'a>> {
    let (edge, step) = (EDGE >> level, 1isize << level);
    let strides = [0, step * (EDGE * EDGE) as isize, step * EDGE as isize, step];
    let target = View::strided(labels, 0, &[1, edge, edge, edge], &strides)?;
    Ok(Batch::new(View::new(logits, &[1, CLASSES, edge, edge, edge])?, Activation::Softmax, target))
}

fn main() -> Result<()> {
    let loss = DiceCrossEntropy::default();
    let terms = loss.terms();
    let labels = paint_labels();
    let mut logits = [0, 1, 2].map(paint_logits);
    // Scratch for the largest level is sufficient for all levels.
    let mut scratch = vec![0; scratch_len(&batch(&labels, &logits[0], 0)?, &terms)?];

    let (mut total, mut gradients) = (0.0, Vec::new());
    println!("level  edge  weight   value  |∂L/∂z|");
    for (level, (weight, logits)) in WEIGHTS.into_iter().zip(&logits).enumerate() {
        let (edge, batch) = (EDGE >> level, batch(&labels, logits, level)?);
        let mut gradient = vec![0.0; logits.len()];
        let into = ViewMut::new(&mut gradient, &[1, CLASSES, edge, edge, edge])?;
        let into = Gradient { scale: weight, ..Gradient::new(into) };
        let value = differentiate(&batch, &terms, into, &mut scratch)?;
        let norm = gradient.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        println!("{level:>5}  {edge:>4}  {weight:.4}  {value:.4}  {norm:.2e}");
        // The weight scales the gradient only.
        total += weight * value;
        gradients.push(gradient);
    }
    println!("total                {total:.4}");

    let mut sum = |logits: &[Vec<f64>; 3]| -> Result<f64> {
        let mut sum = 0.0;
        for (level, weight) in WEIGHTS.into_iter().enumerate() {
            sum += weight * evaluate(&batch(&labels, &logits[level], level)?, &terms, &mut scratch)?;
        }
        Ok(sum)
    };
    assert_eq!(sum(&logits)?, total);
    let (step, mut error) = (1e-4, 0.0f64);
    for (level, gradient) in gradients.iter().enumerate() {
        let largest = gradient.iter().fold(0.0f64, |max, slope| max.max(slope.abs()));
        for at in (0..gradient.len()).step_by(gradient.len() / 5) {
            let here = logits[level][at];
            let mut moved = |by: f64| {
                logits[level][at] = here + by;
                sum(&logits)
            };
            let difference = (moved(step)? - moved(-step)?) / (2.0 * step);
            logits[level][at] = here;
            error = error.max((gradient[at] - difference).abs() / largest);
        }
    }
    println!("error of the gradient against differences of the total: {error:.0e} of its largest entry");
    assert!(error < 1e-6);
    Ok(())
}
