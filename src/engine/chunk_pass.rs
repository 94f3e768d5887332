//! One pass over one chunk, strip by strip.

use crate::engine::chunks::Chunk;
use crate::engine::kernel::strip::Strip;
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::Implementation;
use crate::engine::precise::Precise;
use crate::loss::sums::{ClassSums, MAX_TERMS};

impl Pass<'_> {
    /// Computes one chunk: accumulates it into `sums`, one entry per class, and writes the gradient of `slopes`, as far
    /// as these are steps of the pass.
    ///
    /// # Safety
    /// The arrays of the problem and the fields are readable and the output writable, with their shapes. No other
    /// thread uses the chunk's part of the output.
    pub unsafe fn chunk<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        sums: &mut [ClassSums],
        Chunk { sample, start, end }: Chunk,
        slopes: &[ClassSums],
    ) {
        let slopes = Some(slopes).filter(|_| self.steps.writes_gradient);
        slopes.into_iter().for_each(|slopes| strip.set_slopes(slopes));
        // Of `Implementation::ByUnit`: whether the voxels of the unit have labels.
        let mut has_labels = false;
        for (start, count) in strip.spans(start, end) {
            let block = BlockRange { sample, start, slopes };
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                if self.implementation == Implementation::ByUnit && strip.begins_unit(start) {
                    has_labels = strip.unit_has_labels(self.problem, sample, start, end);
                }
                strip.open(self.problem, sample, start, count);
                if has_labels && !strip.is_unit() {
                    has_labels = strip.find_labels(self.problem, sample, start);
                }
                match self.implementation {
                    Implementation::Classes => self.class_strip(strip, block),
                    Implementation::ByUnit if !has_labels => self.class_strip(strip, block),
                    _ => self.label_strip(strip, block),
                }
            }
            if strip.ends_unit(start, end) {
                self.end_unit(strip, sums, start + count == end);
            }
        }
        // The weight of selected voxels does not depend on the class and was added to the first.
        let loss_weight = sums.first().map_or([0.0; MAX_TERMS], |first| first.loss_weight);
        sums.iter_mut().for_each(|class| class.loss_weight = loss_weight);
        self.end_chunk();
    }
}
