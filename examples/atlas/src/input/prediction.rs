//! The prediction of a network, from a file.

use super::classes::IGNORED;
use super::raster::{Raster, Source};
use crate::Result;
use segloss::Activation;

/// Probabilities of a voxel sum to 1 within this, also where they were stored in 8 bits.
const SUM: f64 = 0.02;

/// Logits or probabilities and where they come from.
pub struct Prediction {
    pub activation: Activation,
    /// `[C, slices, rows, columns]`
    pub values: Vec<f32>,
    pub origin: Origin,
}

pub enum Origin {
    File(Source),
    /// Computed from the intensities of this scan.
    Simulated(Source),
}

/// How the prediction is read, in words.
pub fn reading(activation: Activation) -> &'static str {
    match activation {
        Activation::Softmax => "logits, softmax",
        Activation::Sigmoid => "logits, sigmoid",
        Activation::Probability => "probabilities",
        _ => "probabilities per class",
    }
}

/// Whether the gradient is that of logits.
pub fn is_logits(activation: Activation) -> bool {
    matches!(activation, Activation::Softmax | Activation::Sigmoid)
}

/// The number of classes of a prediction: (X, Y, Z, C), or (X, Y, Z, 1, C) as ITK writes it.
pub fn channels(raster: &Raster) -> Result<usize> {
    match *raster.beyond.as_slice() {
        _ if raster.number_of_axes() < 4 => {}
        [] => return Ok(1),
        [classes] | [1, classes] if classes <= usize::from(IGNORED) => return Ok(classes),
        [classes] | [1, classes] => {
            return Err(format!("{classes} classes (expected at most {IGNORED})").into());
        }
        _ => {}
    }
    Err(format!("{} (expected 4 axes: the volume, then the classes)", raster.axes()).into())
}

impl Prediction {
    /// `labels`: the class of each voxel, or [`IGNORED`]; ignored voxels may hold anything.
    pub fn new(
        raster: &Raster,
        source: &Source,
        labels: &[u8],
        activation: Option<Activation>,
    ) -> Result<Self> {
        let classes = channels(raster)?;
        let values: Vec<f32> = raster.values().map(|value| value as f32).collect();
        let counted: Vec<usize> = (0..labels.len()).filter(|&voxel| labels[voxel] != IGNORED).collect();
        let at = |class: usize, voxel: usize| values[class * labels.len() + voxel];
        let find = |is_wrong: &dyn Fn(f32) -> bool, expected: &str| -> Result<()> {
            let all = (0..classes).flat_map(|class| counted.iter().map(move |&voxel| (class, voxel)));
            let mut wrong = all.filter(|&(class, voxel)| is_wrong(at(class, voxel)));
            let Some((class, voxel)) = wrong.next() else { return Ok(()) };
            let (value, more) = (at(class, voxel), wrong.count());
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let voxel = raster.voxel(voxel);
            Err(format!("voxel {voxel}, class {class}: {value}{more} (expected {expected})").into())
        };
        find(&|x| !x.is_finite(), "finite numbers")?;
        let activation = match activation {
            Some(Activation::Softmax) if classes == 1 => {
                return Err(
                    "one class (expected two or more for softmax; choose --activation sigmoid)".into()
                );
            }
            Some(activation) => activation,
            None => guess(classes, &counted, at)?,
        };
        if !is_logits(activation) {
            find(&|x| !(0.0..=1.0).contains(&x), "probabilities in [0, 1]")?;
        }
        Ok(Self { activation, values, origin: Origin::File(source.clone()) })
    }
}

/// Numbers outside [0, 1] are logits; numbers in [0, 1] that sum to 1 are probabilities.
fn guess(classes: usize, counted: &[usize], at: impl Fn(usize, usize) -> f32) -> Result<Activation> {
    let outside = |&voxel: &usize| (0..classes).any(|class| !(0.0..=1.0).contains(&at(class, voxel)));
    let sum = |&voxel: &usize| (0..classes).map(|class| f64::from(at(class, voxel))).sum::<f64>();
    if counted.iter().any(outside) {
        return Ok(if classes == 1 { Activation::Sigmoid } else { Activation::Softmax });
    }
    if classes > 1 && counted.iter().all(|voxel| (sum(voxel) - 1.0).abs() <= SUM) {
        return Ok(Activation::Probability);
    }
    Err("numbers in [0, 1] that do not sum to 1: logits or probabilities? (choose --activation)".into())
}
