//! The gradient of a loss at an undecided prediction.
//!
//! A disc in the middle of a plane, two classes, every logit 0: every probability is one half, so the
//! gradient shows the loss alone.

use crate::Result;
use crate::case::Case;
use segloss::{Activation, Term};

/// The radius of the disc relative to the height.
const RADIUS: f64 = 0.36;
/// Colours saturate at this quantile of the absolute gradients.
const FULL: f64 = 0.9;

/// A plane with a disc in it.
#[derive(Clone, Copy)]
pub struct Plane {
    pub rows: usize,
    pub columns: usize,
}

impl Plane {
    pub fn is_inside(self, row: usize, column: usize) -> bool {
        let offset = |index: usize, extent: usize| index as f64 + 0.5 - extent as f64 / 2.0;
        offset(row, self.rows).hypot(offset(column, self.columns)) < RADIUS * self.rows as f64
    }

    /// The gradient with respect to the logit of the disc, relative to full colour.
    pub fn push(self, terms: &[Term<'_>]) -> Result<Vec<f32>> {
        let Self { rows, columns } = self;
        let voxels = rows * columns;
        let labels = (0..voxels).map(|voxel| u8::from(self.is_inside(voxel / columns, voxel % columns)));
        let case = Case::<f32> {
            extents: [1, rows, columns],
            spacing: [1.0; 3],
            classes: 2,
            activation: Activation::Softmax,
            prediction: vec![0.0; 2 * voxels],
            labels: labels.collect(),
        };
        let measured = case.differentiate(terms)?;
        let push = &measured.gradient[voxels..];
        let mut strengths: Vec<f32> = push.iter().map(|slope| slope.abs()).collect();
        strengths.sort_by(f32::total_cmp);
        let full = strengths[(voxels as f64 * FULL) as usize];
        Ok(push.iter().map(|slope| slope / full).collect())
    }
}
