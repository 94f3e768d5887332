//! The inputs of a loss as the caller states them.

use crate::array::view::{View, ViewMut};
use crate::executor::{Executor, Sequential};
use crate::loss::activation::Activation;

/// A batch of `B` samples, `C` classes and at least one spatial axis: the input of every function of the crate.
///
/// A voxel is *counted* if its weight is above 0 and its label is not ignored. Other voxels add nothing to any sum, and
/// their gradient is exactly 0, whatever the prediction holds there.
///
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Term, View, evaluate, scratch_len};
///
/// let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// let labels = [1u8, 0, 255];
/// let prediction = View::new(&logits, &[1, 2, 3])?;
/// let target = View::new(&labels, &[1, 3])?;
/// let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
///
/// let cross_entropy = CrossEntropy::default();
/// let terms = [Term::new(1.0, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // The mean of ln(1 + e^-1) and ln(1 + e^-4); the third voxel is ignored.
/// assert!((value - 0.1657).abs() < 1e-4);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, P = View<'a>> {
    /// Logits or probabilities: `[B, C, …]`, floating-point.
    pub prediction: P,
    /// How the prediction is turned into probabilities.
    pub activation: Activation,
    /// The target. Integers `[B, …]` or `[B, 1, …]`: class labels; for one class 0 and 1. Integers `[B, C, …]`: a 0/1
    /// mask per class. Floating-point `[B, C, …]`: dense (soft) targets in [0, 1], with a tolerance of 0.001.
    pub target: View<'a>,
    /// A weight per voxel: `[B, …]`, finite and ≥ 0; floating-point, `u8` or `bool`. `None`: 1.
    pub voxel_weight: Option<View<'a>>,
    /// `B·C` flags, 0 where the class is not annotated in the sample. Such a class has weight 0 in that sample, and the
    /// stored target of the class is ignored. `None`: all classes are annotated.
    pub class_present: Option<&'a [u8]>,
    /// Labels whose voxels are not counted. Only for targets that are labels.
    pub ignore: &'a [i64],
    /// The distance between neighbouring voxels along each spatial axis, finite and > 0. `None`: 1. Only distance
    /// fields use it.
    pub spacing: Option<&'a [f64]>,
    /// The executor that runs the work. Default: [`Sequential`], the calling thread.
    pub executor: &'a dyn Executor,
}

impl<'a, P> Batch<'a, P> {
    /// Creates a batch in which every voxel is counted with weight 1 and every class is annotated.
    pub const fn new(prediction: P, activation: Activation, target: View<'a>) -> Self {
        Self {
            prediction,
            activation,
            target,
            voxel_weight: None,
            class_present: None,
            ignore: &[],
            spacing: None,
            executor: &Sequential,
        }
    }
}

impl<'a> Batch<'a, ViewMut<'a>> {
    /// Returns the batch with a read-only view of the prediction. The engine reads each block before it writes to it.
    pub(crate) fn shared(&self) -> Batch<'_> {
        Batch {
            prediction: View::of(self.prediction.array),
            activation: self.activation,
            target: self.target,
            voxel_weight: self.voxel_weight,
            class_present: self.class_present,
            ignore: self.ignore,
            spacing: self.spacing,
            executor: self.executor,
        }
    }
}
