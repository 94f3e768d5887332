//! A synthetic prediction: one Gaussian of intensity per class, smoothed in space.
//!
//! ```text
//! z_c = (1/T) · G ∗ ln( π_c · [ (1 − ρ) · N(x; μ_c, σ_c²) + ρ / R ] )
//! ```
//!
//! `x` is the intensity of a voxel, `R` the range of intensities, `G` a Gaussian kernel. Fraction, mean
//! and variance `π_c`, `μ_c`, `σ_c²` of a class are computed from the target, once for the whole
//! volume; the prediction at a voxel depends on intensities only. The fraction `ρ` of outliers keeps
//! the logits within a few units of each other, as those of a network are.

use super::count;
use crate::Result;

/// The fraction `ρ` of outliers.
const OUTLIERS: f64 = 0.1;
/// The temperature `T`, which divides the logits.
const TEMPERATURE: f64 = 1.5;
/// The standard deviation of `G` in voxels.
const BLUR: f64 = 1.0;
/// The minimum standard deviation of a class relative to the range.
const SHARPEST: f64 = 0.04;

/// The logits `[C, slices, rows, columns]` of a scan with labels; ignored voxels are of no class.
pub fn logits(extents: [usize; 3], image: &[f32], labels: &[u8], classes: usize) -> Result<Vec<f32>> {
    let infinite = image.iter().filter(|x| !x.is_finite()).count();
    if infinite > 0 {
        return Err(format!(
            "not finite: {}, and the prediction is simulated from them",
            count(infinite, "voxel")
        )
        .into());
    }
    let (low, high) = image.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    let range = f64::from(high - low).max(f64::from(f32::MIN_POSITIVE));
    let mut all = Vec::with_capacity(classes * image.len());
    for class in 0..classes {
        let members = image.iter().zip(labels).filter(|(_, label)| usize::from(**label) == class);
        let members = members.map(|(&x, _)| f64::from(x));
        let count = members.clone().count() as f64;
        let mean = members.clone().sum::<f64>() / count.max(1.0);
        let variance = members.map(|x| (x - mean).powi(2)).sum::<f64>() / count.max(1.0);
        let deviation = variance.sqrt().max(SHARPEST * range);

        // One additional voxel per class, so that an absent class is rare and not impossible.
        let share = (count + 1.0) / (image.len() + classes) as f64;
        let peak = (1.0 - OUTLIERS) / (deviation * std::f64::consts::TAU.sqrt());
        let log_likelihood = |x: f32| {
            let distance = (f64::from(x) - mean) / deviation;
            (share * (peak * (-0.5 * distance * distance).exp() + OUTLIERS / range)).ln() / TEMPERATURE
        };
        let mut map: Vec<f32> = image.iter().map(|&x| log_likelihood(x) as f32).collect();
        smooth(&mut map, extents);
        all.append(&mut map);
    }
    Ok(all)
}

/// Convolves with a Gaussian, axis by axis, with edge padding.
fn smooth(map: &mut [f32], [slices, rows, columns]: [usize; 3]) {
    let reach = (3.0 * BLUR).ceil() as isize;
    let mut kernel: Vec<f32> =
        (-reach..=reach).map(|step| (-0.5 * (step as f64 / BLUR).powi(2)).exp() as f32).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    for (extent, stride) in [(columns, 1), (rows, columns), (slices, rows * columns)] {
        let source = map.to_vec();
        for (index, to) in map.iter_mut().enumerate() {
            let place = (index / stride % extent) as isize;
            let line = index - place as usize * stride;
            *to = (kernel.iter().zip(place - reach..))
                .map(|(weight, at)| {
                    weight * source[line + at.clamp(0, extent as isize - 1) as usize * stride]
                })
                .sum();
        }
    }
}
