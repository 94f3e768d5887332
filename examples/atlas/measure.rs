//! What is measured of a loss: value, gradient, time.

use crate::Result;
use segloss::{Activation, Batch, Dice, Gradient, Real, Report, Tally, Term, View, ViewMut};
use segloss::{differentiate, run, scratch_len};
use std::time::Instant;

/// Seconds that the runs of a loss take: to warm up, and to be timed.
const WARM_UP: f64 = 0.1;
const TIMED: f64 = 0.3;
/// Timed runs, at least and at most.
const RUNS: [usize; 2] = [3, 25];

/// One labelled volume and its logits.
pub struct Case<T> {
    /// Slices, rows, columns.
    pub extents: [usize; 3],
    pub spacing: [f64; 3],
    pub classes: usize,
    /// `[C, slices, rows, columns]`
    pub logits: Vec<T>,
    /// `[slices, rows, columns]`
    pub labels: Vec<u8>,
}

/// A loss on a case.
pub struct Measured<T> {
    pub value: f64,
    /// With respect to every logit.
    pub gradient: Vec<T>,
    /// For value and gradient, distance transforms included.
    pub nanoseconds_per_voxel: f64,
}

impl<T: Real> Case<T> {
    pub fn voxels(&self) -> usize {
        self.extents.iter().product()
    }

    /// `[B, C, slices, rows, columns]`
    pub fn shape(&self) -> [usize; 5] {
        let [slices, rows, columns] = self.extents;
        [1, self.classes, slices, rows, columns]
    }

    pub fn batch(&self) -> Result<Batch<'_>> {
        let [samples, _, spatial @ ..] = self.shape();
        let [slices, rows, columns] = spatial;
        let logits = View::new(&self.logits, &self.shape())?;
        let labels = View::new(&self.labels, &[samples, slices, rows, columns])?;
        Ok(Batch { spacing: Some(&self.spacing), ..Batch::new(logits, Activation::Softmax, labels) })
    }

    /// The sums of each class.
    pub fn tallies(&self) -> Result<Vec<Tally>> {
        let dice = Dice::default();
        let terms = [Term::new(1.0, &dice)];
        let batch = self.batch()?;
        let mut tallies = vec![Tally::ZERO; self.classes];
        let report = Report { tallies: Some(&mut tallies), ..Report::default() };
        run(&batch, &terms, report, &mut vec![0; scratch_len(&batch, &terms)?])?;
        Ok(tallies)
    }

    /// Value and gradient of a loss, and the time they take.
    pub fn measure(&self, terms: &[Term<'_>]) -> Result<Measured<T>> {
        let batch = self.batch()?;
        let mut gradient = vec![T::default(); self.logits.len()];
        let mut scratch = vec![0; scratch_len(&batch, terms)?];
        let mut once = || -> Result<(f64, f64)> {
            let into = Gradient::new(ViewMut::new(&mut gradient, &self.shape())?);
            let start = Instant::now();
            let value = differentiate(&batch, terms, into, &mut scratch)?;
            Ok((value, start.elapsed().as_secs_f64()))
        };
        let (value, mut warm) = once()?;
        while warm < WARM_UP {
            warm += once()?.1;
        }
        let mut times = Vec::new();
        while times.len() < RUNS[0] || times.len() < RUNS[1] && times.iter().sum::<f64>() < TIMED {
            times.push(once()?.1);
        }
        times.sort_by(f64::total_cmp);
        let nanoseconds_per_voxel = times[times.len() / 2] * 1e9 / self.voxels() as f64;
        Ok(Measured { value, gradient, nanoseconds_per_voxel })
    }
}

impl<T: Real> Measured<T> {
    /// `‖∂L/∂z‖₂`
    pub fn norm(&self) -> f64 {
        self.gradient.iter().map(|slope| slope.widen().powi(2)).sum::<f64>().sqrt()
    }

    /// The largest component, without its sign.
    pub fn largest(&self) -> f64 {
        self.gradient.iter().map(|slope| slope.widen().abs()).fold(0.0, f64::max)
    }
}

/// Soft Dice of a class: twice the overlap, over the sizes of both.
pub fn soft_dice(class: &Tally) -> f64 {
    2.0 * class.overlap / (class.predicted + class.truth)
}
