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
        let are_masks =
            problem.target_kind == TargetKind::Masks && (2..=MOST_MASKS).contains(&problem.classes);
        if are_masks && !self.has_excluded {
            // SAFETY: the caller's promise.
            let row = |class| unsafe { problem.target.byte_row(sample, class, start, self.count) };
            if let (Some(first), Some(second)) = (row(0), row(1)) {
                let stride = (second.as_ptr() as isize).wrapping_sub(first.as_ptr() as isize);
                let (classes, first_label) = (problem.classes, problem.label_of(0) as u8);
                let label = slice_mut(self.label, 0..self.len);
                return dispatch(LabelsOfMasks {
                    first: first.as_ptr(),
                    stride,
                    classes,
                    first_label,
                    label,
                });
            }
        }
        slice_mut(self.label, 0..self.len).fill(LabelMap::IGNORED);
        for class in 0..problem.classes {
            // SAFETY: the caller's promise.
            unsafe { self.load_target(problem, sample, class, start) };
            let (target, index) = (self.target(), problem.label_of(class));
            if !dispatch(SetLabel { target, class: index, label: slice_mut(self.label, 0..self.len) }) {
                return false;
            }
        }
        dispatch(AreLabelled {
            label: slice(self.label, 0..self.len),
            weight: slice(self.rows.weight, 0..self.len),
        })
    }
}

/// The most masks whose labels, which may begin at 1, fit bytes.
const MOST_MASKS: usize = 255;
/// Voxels that are labelled together: a part of every strip.
const BLOCK: usize = 32;

/// Writes the labels of voxels from masks of 0 and 1, as many as labels, `stride` apart. Returns whether one mask of each
/// voxel is 1.
struct LabelsOfMasks<'a> {
    first: *const u8,
    stride: isize,
    classes: usize,
    first_label: u8,
    label: &'a mut [i32],
}

impl Kernel for LabelsOfMasks<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { first, stride, classes, first_label, label } = self;
        let mut wrong = [0; BLOCK];
        for (block, label) in label.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let (mut count, mut index) = ([0u8; BLOCK], [0u8; BLOCK]);
            for class in 0..classes {
                let row = first.wrapping_offset(class as isize * stride).wrapping_add(block * BLOCK);
                // SAFETY: each row has as many bytes as there are labels, by promise of the caller of `find_labels`.
                let row = unsafe { row.cast::<[u8; BLOCK]>().read_unaligned() };
                let this = first_label.wrapping_add(class as u8);
                for i in 0..BLOCK {
                    count[i] = count[i].wrapping_add(row[i]);
                    index[i] |= this & row[i].wrapping_neg();
                }
            }
            for i in 0..BLOCK {
                wrong[i] |= count[i] ^ 1;
                label[i] = i32::from(index[i]);
            }
        }
        wrong.iter().all(|&wrong| wrong == 0)
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
