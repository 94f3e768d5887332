//! Measurements of a loss: value, gradient, time.

use crate::Result;
use segloss::custom::Real;
use segloss::{Activation, Batch, ClassSums, Dice, Gradient, Outputs, Term, View, ViewMut};
use segloss::{differentiate, run, scratch_len};
use std::time::Instant;

/// Durations in seconds of the warm-up and of the timed runs of a loss.
const WARM_UP: f64 = 0.05;
const TIMED: f64 = 0.5;

/// One labelled volume and its logits.
#[derive(Clone)]
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
    pub seconds: f64,
    scratch: Vec<u8>,
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

    /// The softmax of one class at one voxel.
    pub fn probability(&self, class: usize, voxel: usize) -> f64 {
        let logit = |class: usize| self.logits[class * self.voxels() + voxel].widen();
        1.0 / (0..self.classes).map(|other| (logit(other) - logit(class)).exp()).sum::<f64>()
    }

    /// The sums of each class.
    pub fn class_sums(&self) -> Result<Vec<ClassSums>> {
        let dice = Dice::default();
        let terms = [Term::new(1.0, &dice)];
        let batch = self.batch()?;
        let mut class_sums = vec![ClassSums::ZERO; self.classes];
        let report = Outputs { class_sums: Some(&mut class_sums), ..Outputs::default() };
        run(&batch, &terms, report, &mut vec![0; scratch_len(&batch, &terms)?])?;
        Ok(class_sums)
    }

    /// Value, gradient and time of a single run.
    pub fn differentiate(&self, terms: &[Term<'_>]) -> Result<Measured<T>> {
        let mut measured = Measured {
            value: 0.0,
            gradient: vec![T::default(); self.logits.len()],
            scratch: vec![0; scratch_len(&self.batch()?, terms)?],
            seconds: 0.0,
        };
        self.again(terms, &mut measured)?;
        Ok(measured)
    }

    /// Value and gradient of a loss, and the time of the fastest of several runs.
    pub fn measure(&self, terms: &[Term<'_>]) -> Result<Measured<T>> {
        let mut measured = self.differentiate(terms)?;
        let mut warm = measured.seconds;
        while warm < WARM_UP {
            self.again(terms, &mut measured)?;
            warm += measured.seconds;
        }
        // Other load on the machine can only increase a time: the minimum is the best estimate.
        let (mut fastest, mut spent) = (f64::INFINITY, 0.0);
        while spent < TIMED {
            self.again(terms, &mut measured)?;
            fastest = measured.seconds.min(fastest);
            spent += measured.seconds;
        }
        Ok(Measured { seconds: fastest, ..measured })
    }

    fn again(&self, terms: &[Term<'_>], measured: &mut Measured<T>) -> Result<()> {
        let batch = self.batch()?;
        let into = Gradient::new(ViewMut::new(&mut measured.gradient, &self.shape())?);
        let start = Instant::now();
        measured.value = differentiate(&batch, terms, into, &mut measured.scratch)?;
        measured.seconds = start.elapsed().as_secs_f64();
        Ok(())
    }
}

impl<T: Real> Measured<T> {
    /// `‖∂L/∂z‖₂`
    pub fn norm(&self) -> f64 {
        self.gradient.iter().map(|slope| slope.widen().powi(2)).sum::<f64>().sqrt()
    }

    /// The largest absolute component.
    pub fn largest(&self) -> f64 {
        self.gradient.iter().map(|slope| slope.widen().abs()).fold(0.0, f64::max)
    }
}

/// Soft Dice of a class: twice the intersection divided by the sum of both sizes.
pub fn soft_dice(class: &ClassSums) -> f64 {
    2.0 * class.intersection / (class.prediction + class.target)
}
