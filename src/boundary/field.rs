//! Fields: what a boundary loss multiplies its mismatch by, made from the target.

use crate::batch::{Plan, Truth};
use crate::distance::Mask;
use crate::{Error, Status};

/// How a form makes its field from the target of one sample, in both precisions.
#[expect(private_bounds, reason = "fields are filled by the engine only")]
pub trait Field: FieldOf<f32> + FieldOf<f64> + Sync {
    /// Whether one map serves all classes.
    fn is_shared(&self) -> bool {
        false
    }

    /// How many f64 of scratch filling a map takes.
    #[doc(hidden)]
    fn scratch(&self, extents: &[usize]) -> Result<usize, Error>;
}

/// A field in one precision.
pub(crate) trait FieldOf<T> {
    /// Writes the map of `class`, one value per voxel.
    fn fill(&self, scene: &Scene<'_>, class: usize, out: &mut [T], scratch: &mut [f64]) -> Result<(), Error>;
}

/// The target of one sample, as masks.
pub(crate) struct Scene<'a> {
    pub plan: &'a Plan<'a>,
    pub sample: usize,
    /// One per spatial axis.
    pub spacing: &'a [f64],
}

impl Scene<'_> {
    /// The mask of a class: it is inside; every other label, ignored ones too, is outside.
    pub fn target(&self, class: usize) -> TargetMask<'_> {
        TargetMask { plan: self.plan, sample: self.sample, class }
    }
}

/// Where the target of a sample is one class.
pub(crate) struct TargetMask<'a> {
    plan: &'a Plan<'a>,
    sample: usize,
    class: usize,
}

// SAFETY: the arrays of a plan are only read while masks of it exist.
unsafe impl Sync for TargetMask<'_> {}

impl Mask for TargetMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let width = self.plan.extents().last().copied().unwrap_or(0);
        let first = row * width + start;
        for (k, word) in words.iter_mut().enumerate() {
            let at = k * 64;
            let here = count.saturating_sub(at).min(64);
            *word = match self.plan.truth {
                Truth::Labels => self.labels(first + at, here),
                Truth::Masks | Truth::Dense => self.maps(first + at, here),
            };
        }
    }
}

impl TargetMask<'_> {
    fn labels(&self, first: usize, count: usize) -> u64 {
        let mut labels = [0i32; 64];
        let row = labels.get_mut(..count).unwrap_or(&mut []);
        // SAFETY: the plan vouches for its arrays, and the transform asks for voxels of the image only.
        unsafe { self.plan.target.labels(self.sample, first, &self.plan.legend(), row) };
        let class = self.plan.label_of(self.class);
        row.iter().rev().fold(0, |word, &label| word << 1 | u64::from(label == class))
    }

    fn maps(&self, first: usize, count: usize) -> u64 {
        let mut truth = [0f64; 64];
        let row = truth.get_mut(..count).unwrap_or(&mut []);
        // SAFETY: as above.
        unsafe { self.plan.target.load(self.sample, self.class, first, row) };
        row.iter().rev().fold(0, |word, &g| word << 1 | u64::from(g == 1.0))
    }
}

/// Refuses dense truth that is no mask: the first voxel of an annotated class that is neither 0 nor 1.
///
/// # Safety
/// The arrays of the plan are readable.
pub(crate) unsafe fn check_masks(plan: &Plan<'_>) -> Result<(), Error> {
    if plan.truth != Truth::Dense {
        return Ok(());
    }
    for sample in 0..plan.samples {
        for first in (0..plan.voxels).step_by(64) {
            let mut worst: Option<usize> = None;
            for class in (0..plan.classes).filter(|&class| plan.is_annotated(sample, class)) {
                let mut truth = [0f64; 64];
                let count = (plan.voxels - first).min(64);
                // SAFETY: promised by the caller; the voxels lie in the sample.
                unsafe { plan.target.load(sample, class, first, truth.get_mut(..count).unwrap_or(&mut [])) };
                let bad = truth.iter().position(|&g| g != 0.0 && g != 1.0);
                worst = [worst, bad].into_iter().flatten().min();
            }
            if let Some(voxel) = worst {
                let wants = c"0 or 1 everywhere, or a field given with the term";
                return Err(Error::new(Status::Unsupported, c"target", wants)
                    .at(sample * plan.voxels + first + voxel));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Batch, View};

    #[test]
    fn an_ignored_label_is_outside_of_every_class() {
        let logits = [0f32; 10];
        let labels = [0u8, 1, 255, 1, 0];
        let (shape, flat) = ([1, 2, 5], [1, 5]);
        let prediction = View::new(&logits, &shape).unwrap();
        let batch = Batch {
            ignore: &[255],
            ..Batch::new(prediction, Activation::Softmax, View::new(&labels, &flat).unwrap())
        };
        let plan = Plan::new(&batch).unwrap();
        let scene = Scene { plan: &plan, sample: 0, spacing: &[1.0] };
        let mut word = [0];
        scene.target(1).bits(0, 0, 5, &mut word);
        assert_eq!(word[0], 0b01010);
        scene.target(0).bits(0, 0, 5, &mut word);
        assert_eq!(word[0], 0b10001);
    }
}
