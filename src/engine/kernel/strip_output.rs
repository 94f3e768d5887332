//! Where the gradient of a strip, or its cached probabilities, go.

use crate::array::real::Real;
use crate::checked::{copy, expected, slice_mut, tail_mut};
use crate::engine::arena::Plain;
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::strip::Strip;
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::simd::lanes::Vectorized;
use crate::simd::stream::stream;

impl<T: Real + Plain + Vectorized> Strip<'_, T> {
    /// Returns the rows of a gradient buffer at the voxels of the strip, if numbers can be stored there as they are:
    /// they are of type `T` and side by side, nothing is added to their content, and the strip is not padded.
    pub fn direct_rows(&self, output: &GradientOutput, block: BlockRange<'_>) -> Option<Rows<T>> {
        let (first, stride) = output
            .rows
            .direct_rows::<T>(block.sample, block.start)
            .filter(|_| !output.add && self.len == self.count)?;
        Some(Rows::new(first, stride))
    }

    /// Writes the rows of the gradient to the caller's array.
    ///
    /// # Safety
    /// The output is writable and holds the voxels of the strip, which no other thread uses.
    pub unsafe fn store_gradient(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // The exponentials are no longer used and serve as a buffer.
        let buffer = Some(self.exponential.all_mut()).filter(|_| output.streams);
        // SAFETY: the caller's promise.
        let is_done = !output.add
            && unsafe {
                output.rows.store_interleaved(classes, voxels, self.input.all_mut(), self.width, buffer)
            };
        for class in (0..classes).filter(|_| !is_done) {
            // SAFETY: the caller's promise.
            unsafe { self.store_class(output, block, class) };
        }
    }

    /// Writes the row of the gradient of a class to the caller's array.
    ///
    /// # Safety
    /// As [`Strip::store_gradient`].
    pub unsafe fn store_class(&mut self, output: &GradientOutput, block: BlockRange<'_>, class: usize) {
        let row = self.input.slice(class * self.width..class * self.width + self.count);
        // SAFETY: the caller's promise.
        unsafe { output.write(block, class, row) };
    }

    /// Stores the probabilities in the gradient buffer.
    ///
    /// # Safety
    /// As [`Strip::store_gradient`].
    pub unsafe fn store_cache(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // The logits are no longer used and serve as a buffer.
        let buffer = Some(self.input.all_mut()).filter(|_| output.streams);
        // SAFETY: the caller's promise.
        if unsafe {
            output.rows.store_interleaved(classes, voxels, self.exponential.all_mut(), self.width, buffer)
        } {
            return;
        }
        for class in 0..classes {
            // SAFETY: the caller's promise.
            let to = unsafe { output.rows.slice_mut::<T>(block.sample, class, block.start, self.count) };
            let from = self.exponential.slice(class * self.width..class * self.width + self.count);
            // A buffer that holds probabilities is interleaved or has contiguous rows.
            match expected(to) {
                Some(to) if output.streams => stream(from, to),
                Some(to) => copy(from, to),
                None => (),
            }
        }
    }

    /// Loads probabilities from the gradient buffer.
    ///
    /// # Safety
    /// The buffer is readable and holds the voxels of the strip.
    pub unsafe fn load_cache(&mut self, output: &GradientOutput, block: BlockRange<'_>, classes: usize) {
        let voxels = (block.sample, block.start, self.count);
        // SAFETY: the caller's promise.
        let is_done =
            unsafe { output.rows.load_interleaved(classes, voxels, self.exponential.all_mut(), self.width) };
        for class in 0..classes {
            let row = self.exponential.slice_mut(class * self.width..class * self.width + self.len);
            if !is_done {
                let to = slice_mut(row, 0..self.count);
                // SAFETY: the caller's promise.
                unsafe { output.rows.load(block.sample, class, block.start, to) };
            }
            tail_mut(row, self.count).fill(T::zero());
        }
    }
}
