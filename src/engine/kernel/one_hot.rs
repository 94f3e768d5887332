//! Masks and dense maps in which every voxel has one class: their labels.
//!
//! Most masks and maps are made from labels. Where they are, softmax needs the class of a voxel once instead of the
//! target of every class, so the units of a pass in which every voxel has one class are computed as labels
//! ([`Implementation::ByUnit`](crate::engine::pass_plan::Implementation)). A unit is the same voxels at every width of a
//! strip and on every CPU, and so are the bits.

use crate::array::labels::LabelMap;
use crate::array::real::Real;
use crate::checked::{slice, slice_mut};
use crate::engine::arena::Plain;
use crate::engine::kernel::UNIT;
use crate::engine::kernel::strip::Strip;
use crate::problem::{Problem, TargetKind};
use crate::simd::lanes::Vectorized;
use crate::simd::level::{Kernel, dispatch};
use num_traits::{One, Zero};

impl<T: Real + Plain + Vectorized> Strip<'_, T> {
    /// Returns whether every voxel of the unit that begins at voxel `start`, and of the chunk, that counts has one class.
    ///
    /// # Safety
    /// As [`Strip::open`].
    pub unsafe fn unit_has_labels(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        start: usize,
        end: usize,
    ) -> bool {
        let end = end.min(start + UNIT * T::LANES);
        self.spans(start, end).all(|(start, count)| {
            // SAFETY: the caller's promise.
            unsafe {
                self.open(problem, sample, start, count);
                self.find_labels(problem, sample, start)
            }
        })
    }

    /// Finds the label of each voxel in the targets of the classes. Returns whether every voxel that counts has one: the
    /// target 1 in one class and 0 in the others.
    ///
    /// # Safety
    /// As [`Strip::load_target`].
    pub unsafe fn find_labels(&mut self, problem: &Problem<'_>, sample: usize, start: usize) -> bool {
        slice_mut(self.label, 0..self.len).fill(LabelMap::IGNORED);
        for class in 0..problem.classes {
            let index = problem.label_of(class);
            // SAFETY: the caller's promise.
            let bytes = unsafe { problem.target.byte_row(sample, class, start, self.count) }
                .filter(|_| problem.target_kind == TargetKind::Masks && !self.has_excluded);
            let is_exact = match bytes {
                Some(target) => {
                    dispatch(SetLabel { target, class: index, label: slice_mut(self.label, 0..self.len) })
                }
                None => {
                    // SAFETY: the caller's promise.
                    unsafe { self.load_target(problem, sample, class, start) };
                    let target = self.target();
                    dispatch(SetLabel { target, class: index, label: slice_mut(self.label, 0..self.len) })
                }
            };
            if !is_exact {
                return false;
            }
        }
        dispatch(AreLabelled {
            label: slice(self.label, 0..self.len),
            weight: slice(self.rows.weight, 0..self.len),
        })
    }
}

/// Writes the label of a class to the voxels whose target is 1. Returns whether the other targets are 0, and no voxel had
/// a label.
struct SetLabel<'a, E> {
    target: &'a [E],
    class: i32,
    label: &'a mut [i32],
}

impl<E: Copy + PartialEq + Zero + One> Kernel for SetLabel<'_, E> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut wrong = 0;
        for (label, &target) in self.label.iter_mut().zip(self.target) {
            // All bits or none. Not a choice of what to store: stores would be made one by one.
            let (is, is_part) = (-i32::from(target == E::one()), -i32::from(target != E::zero()));
            wrong |= (is & (*label ^ LabelMap::IGNORED)) | (is_part & !is);
            *label = (*label & !is) | (self.class & is);
        }
        wrong == 0
    }
}

/// Returns whether every voxel has a label or weight 0.
struct AreLabelled<'a, T> {
    label: &'a [i32],
    weight: &'a [T],
}

impl<T: Real> Kernel for AreLabelled<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { label, weight } = self;
        label
            .iter()
            .zip(weight)
            .fold(true, |all, (&label, &weight)| all & ((label != LabelMap::IGNORED) | (weight == T::zero())))
    }
}
