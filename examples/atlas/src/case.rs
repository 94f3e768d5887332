//! A labelled volume and its prediction, as arrays of the library.

use crate::Result;
use crate::input::classes::IGNORED;
use segloss::custom::Real;
use segloss::{Activation, Batch, ClassSums, Dice, Outputs, Term, View, run, scratch_len};

#[derive(Clone)]
pub struct Case<T> {
    /// Slices, rows, columns; one slice is a plane.
    pub extents: [usize; 3],
    pub spacing: [f64; 3],
    pub classes: usize,
    pub activation: Activation,
    /// Logits or probabilities `[C, slices, rows, columns]`
    pub prediction: Vec<T>,
    /// `[slices, rows, columns]`: the class, or [`IGNORED`]; of a single class 0 or 1.
    pub labels: Vec<u8>,
}

impl<T: Real> Case<T> {
    pub fn voxels(&self) -> usize {
        self.extents.iter().product()
    }

    /// The number of spatial axes.
    pub fn dimensions(&self) -> usize {
        if self.extents[0] == 1 { 2 } else { 3 }
    }

    /// `[B, …]`: one sample and its spatial axes.
    pub fn voxel_shape(&self) -> Vec<usize> {
        [&[1], &self.extents[3 - self.dimensions()..]].concat()
    }

    /// `[B, C, …]`
    pub fn shape(&self) -> Vec<usize> {
        [&[1, self.classes], &self.extents[3 - self.dimensions()..]].concat()
    }

    pub fn batch(&self) -> Result<Batch<'_>> {
        let prediction = View::new(&self.prediction, &self.shape())?;
        let labels = View::new(&self.labels, &self.voxel_shape())?;
        let ignore: &[i64] = if self.labels.contains(&IGNORED) { &[IGNORED as i64] } else { &[] };
        let spacing = Some(&self.spacing[3 - self.dimensions()..]);
        Ok(Batch { spacing, ignore, ..Batch::new(prediction, self.activation, labels) })
    }

    /// The label of the voxels of a class.
    pub fn label_of(&self, class: usize) -> u8 {
        if self.classes == 1 { 1 } else { class as u8 }
    }

    pub fn is_of(&self, class: usize, voxel: usize) -> bool {
        self.labels[voxel] == self.label_of(class)
    }

    pub fn is_counted(&self, voxel: usize) -> bool {
        self.labels[voxel] != IGNORED
    }

    /// The number of voxels of each class.
    pub fn counts(&self) -> Vec<usize> {
        let count = |class| self.labels.iter().filter(|&&label| label == self.label_of(class)).count();
        (0..self.classes).map(count).collect()
    }

    /// The predicted probability of a class at a voxel.
    pub fn probability(&self, class: usize, voxel: usize) -> f64 {
        let value = |class: usize| self.prediction[class * self.voxels() + voxel].widen();
        let own = value(class);
        match self.activation {
            Activation::Softmax => {
                1.0 / (0..self.classes).map(|other| (value(other) - own).exp()).sum::<f64>()
            }
            Activation::Sigmoid => 1.0 / (1.0 + (-own).exp()),
            _ => own,
        }
    }

    /// The cross entropy of a voxel: of its class, or the mean over independent classes.
    pub fn cross_entropy(&self, voxel: usize) -> f64 {
        let outcome = |class: usize| {
            let s = self.probability(class, voxel);
            if self.is_of(class, voxel) { -s.ln() } else { -(1.0 - s).ln() }
        };
        if self.activation.is_exclusive() && self.classes > 1 {
            -self.probability(usize::from(self.labels[voxel]), voxel).ln()
        } else {
            (0..self.classes).map(outcome).sum::<f64>() / self.classes as f64
        }
    }

    /// The sums of each class.
    pub fn class_sums(&self) -> Result<Vec<ClassSums>> {
        let dice = Dice::default();
        let terms = [Term::new(1.0, &dice)];
        let batch = self.batch()?;
        let mut class_sums = vec![ClassSums::ZERO; self.classes];
        let outputs = Outputs { class_sums: Some(&mut class_sums), ..Outputs::default() };
        run(&batch, &terms, outputs, &mut vec![0; scratch_len(&batch, &terms)?])?;
        Ok(class_sums)
    }
}

/// Soft Dice of a class: twice the intersection divided by the sum of both sizes.
pub fn soft_dice(class: &ClassSums) -> f64 {
    2.0 * class.intersection / (class.prediction + class.target)
}
