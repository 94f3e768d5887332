//! Measurements of a loss: values, gradient, time.

use crate::Result;
use crate::case::Case;
use segloss::custom::Real;
use segloss::{Gradient, Outputs, Term, ViewMut, run, scratch_len};
use std::time::Instant;

/// Durations in seconds of the warm-up and of the timed runs of a loss.
const WARM_UP: f64 = 0.02;
const TIMED: f64 = 0.2;

/// A loss on a case.
pub struct Measured<T> {
    pub value: f64,
    /// With respect to the whole prediction, `[C, slices, rows, columns]`.
    pub gradient: Vec<T>,
    scratch: Vec<u8>,
}

/// The parts of a value.
pub struct Parts {
    /// Of each term, before its weight.
    pub terms: Vec<f64>,
    /// Of each class, if the loss is one region loss; otherwise NaN.
    pub classes: Vec<f64>,
}

impl<T: Real> Case<T> {
    /// Value and gradient.
    pub fn differentiate(&self, terms: &[Term<'_>]) -> Result<Measured<T>> {
        let mut measured = Measured {
            value: 0.0,
            gradient: vec![T::default(); self.prediction.len()],
            scratch: vec![0; scratch_len(&self.batch()?, terms)?],
        };
        self.again(terms, &mut measured)?;
        Ok(measured)
    }

    /// The time of value and gradient, distance transforms included, of the fastest of several runs.
    pub fn seconds(&self, terms: &[Term<'_>], measured: &mut Measured<T>) -> Result<f64> {
        let mut warm = 0.0;
        while warm < WARM_UP {
            warm += self.again(terms, measured)?;
        }
        // Other load on the machine can only increase a time: the minimum is the best estimate.
        let (mut fastest, mut spent) = (f64::INFINITY, 0.0);
        while spent < TIMED {
            let seconds = self.again(terms, measured)?;
            fastest = seconds.min(fastest);
            spent += seconds;
        }
        Ok(fastest)
    }

    fn again(&self, terms: &[Term<'_>], measured: &mut Measured<T>) -> Result<f64> {
        let batch = self.batch()?;
        let gradient = Gradient::new(ViewMut::new(&mut measured.gradient, &self.shape())?);
        let start = Instant::now();
        let outputs = Outputs { gradient: Some(gradient), ..Outputs::default() };
        measured.value = run(&batch, terms, outputs, &mut measured.scratch)?;
        Ok(start.elapsed().as_secs_f64())
    }

    pub fn parts(&self, terms: &[Term<'_>], measured: &mut Measured<T>) -> Result<Parts> {
        let (mut values, mut classes) = (vec![0.0; terms.len()], vec![0.0; terms.len() * self.classes]);
        let (term_values, class_values) = (Some(values.as_mut_slice()), Some(classes.as_mut_slice()));
        let outputs = Outputs { term_values, class_values, ..Outputs::default() };
        run(&self.batch()?, terms, outputs, &mut measured.scratch)?;
        // The classes of several terms are averaged in several ways: they do not add up to classes of the sum.
        if terms.len() > 1 {
            classes.fill(f64::NAN);
        }
        classes.truncate(self.classes);
        Ok(Parts { terms: values, classes })
    }
}

impl<T: Real> Measured<T> {
    /// `‖∂L/∂z_c‖₂` of each class.
    pub fn norms(&self, classes: usize) -> Vec<f64> {
        let norm = |slopes: &[T]| slopes.iter().map(|slope| slope.widen().powi(2)).sum::<f64>().sqrt();
        self.gradient.chunks(self.gradient.len() / classes).map(norm).collect()
    }

    /// The largest absolute component.
    pub fn largest(&self) -> f64 {
        self.gradient.iter().map(|slope| slope.widen().abs()).fold(0.0, f64::max)
    }
}
