//! candle: a linear model trained with `Loss`, whose backward pass calls segloss, and every loss of the library through
//! candle's autograd.
//!
//! The model is trained twice: with this operation, and with Dice + cross entropy written in candle's operations and
//! differentiated by its autograd. Values and gradients must agree at every step.

mod families;
mod loss;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use loss::Loss;
use segloss::{Activation, CrossEntropy, Dice};

/// The same loss in candle's operations.
fn by_candle(logits: &Tensor, one_hot: &Tensor) -> Result<Tensor> {
    const SMOOTH: f64 = 1e-5;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let log_probability = shifted.broadcast_sub(&log_sum)?;
    let probability = log_probability.exp()?;
    let per_class = |x: &Tensor| x.flatten_from(2)?.sum(D::Minus1);
    let overlap = per_class(&(&probability * one_hot)?)?;
    let both = (per_class(&probability)? + per_class(one_hot)?)?;
    let dice = (((overlap * 2.0)? + SMOOTH)? / (both + SMOOTH)?)?.affine(-1.0, 1.0)?.mean_all()?;
    let voxels = (one_hot.elem_count() / one_hot.dim(1)?) as f64;
    dice - (log_probability * one_hot)?.sum_all()?.affine(1.0 / voxels, 0.0)?
}

/// The largest difference relative to the largest entry.
fn difference(a: &Tensor, b: &Tensor) -> Result<f64> {
    let largest = |x: &Tensor| x.abs()?.flatten_all()?.max(0)?.to_dtype(DType::F64)?.to_scalar::<f64>();
    Ok(largest(&(a - b)?)? / largest(b)?)
}

/// Trains a linear model on features `[B, H, W, F]`; returns the largest difference between the two losses.
fn train(dtype: DType) -> Result<f64> {
    const SCALE: f64 = 1024.0;
    let (b, h, w, f, c) = (2, 24, 20, 5, 3);
    let painted = |count: usize, period: usize| -> Vec<f64> {
        (0..count).map(|i| (i * i * 31 + i * 7919) as f64 % period as f64 / period as f64 - 0.5).collect()
    };
    let device = Device::Cpu;
    let features =
        Tensor::from_vec(painted(b * h * w * f, 2003), (b * h * w, f), &device)?.to_dtype(dtype)?;
    let weights = Tensor::from_vec(painted(f * c, 101), (f, c), &device)?.to_dtype(dtype)?;
    // The label is the argmax of three features, which a linear model can learn.
    let truth = features.narrow(1, 0, c)?.argmax(1)?;
    let labels: Vec<u8> = truth.to_dtype(DType::U8)?.to_vec1()?;
    let classes = Tensor::arange(0u32, c as u32, &device)?;
    let one_hot = truth.unsqueeze(1)?.broadcast_eq(&classes)?.to_dtype(dtype)?;
    let channels_first = |x: &Tensor| x.reshape((b, h, w, c))?.permute((0, 3, 1, 2));
    let one_hot = channels_first(&one_hot)?.contiguous()?;

    let terms = vec![families::term(1.0, Dice::default()), families::term(1.0, CrossEntropy::default())];
    let (loss, weights) =
        (Loss { terms, activation: Activation::Softmax, labels }, Var::from_tensor(&weights)?);
    let (mut apart, mut first, mut last) = (0f64, None, f64::INFINITY);
    for _ in 0..30 {
        // A view with the classes innermost, read without a copy.
        let logits = channels_first(&features.matmul(&weights)?)?;
        assert!(!logits.is_contiguous());
        let ours = (logits.apply_op1(loss.clone())? * SCALE)?;
        let theirs = (by_candle(&logits, &one_hot)? * SCALE)?;
        let (of_ours, of_theirs) = (ours.backward()?, theirs.backward()?);
        let slope = |from: &candle_core::backprop::GradStore| {
            from.get(&weights).cloned().ok_or_else(|| candle_core::Error::msg("no gradient of the weights"))
        };
        let gradient = slope(&of_ours)?;
        apart = apart.max(difference(&gradient, &slope(&of_theirs)?)?);
        apart = apart.max(difference(&ours.reshape(1)?, &theirs.reshape(1)?)?);
        last = ours.to_dtype(DType::F64)?.to_scalar::<f64>()? / SCALE;
        first.get_or_insert(last);
        weights.set(&(weights.as_tensor() - (gradient * (2.0 / SCALE))?)?)?;
    }
    let first = first.unwrap_or_default();
    println!("{dtype:?}: loss {first:.4} to {last:.4}; apart from candle's own gradient by {apart:.0e}");
    assert!(last < 0.7 * first, "the loss does not fall");
    Ok(apart)
}

fn main() -> Result<()> {
    // Both differ by roundings: candle sums in the type of the logits, segloss in f64 above four voxels.
    assert!(train(DType::F64)? < 1e-14);
    assert!(train(DType::F32)? < 2e-6);
    families::check()
}
