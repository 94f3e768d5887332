//! Loops over the rows that a strip loads.

use crate::array::labels::LabelMap;
use crate::array::real::Real;
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::{load_at, store_at};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar};
use crate::simd::level::Kernel;

/// Copies the prediction of voxels that count; 0 for others, also for NaN.
pub(super) struct CopyCounted<'a, T> {
    pub(super) classes: usize,
    pub(super) from: Rows<T>,
    pub(super) weight: &'a [T],
    pub(super) to: Rows<T>,
}

impl<T: Scalar> LaneKernel<T> for CopyCounted<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { classes, from, weight, to } = self;
        let zero = s.splat(T::ZERO);
        for class in 0..classes {
            let mut at = 0;
            while at < weight.len() {
                // SAFETY: the rows have the length of the weights, a multiple of a vector.
                unsafe {
                    let excluded = s.eq(load_at(s, weight, at), zero);
                    s.store(to.at(class, at), s.select(excluded, zero, s.load(from.at(class, at))));
                }
                at += T::LANES;
            }
        }
    }
}

/// Sets the weight of ignored voxels to 0.
pub(super) struct ClearIgnored<'a, T> {
    pub(super) label: &'a [i32],
    pub(super) weight: &'a mut [T],
}

impl<T: Real> Kernel for ClearIgnored<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = weight.cleared(label != LabelMap::IGNORED);
        }
    }
}

/// Reads valid byte labels: weight 0 and the label of a class for an ignored one. Returns whether any is ignored.
pub(super) struct OpenBytes<'a, T> {
    pub(super) bytes: &'a [u8],
    pub(super) ignored: u8,
    pub(super) class: u8,
    pub(super) label: &'a mut [i32],
    pub(super) weight: &'a mut [T],
}

impl<T: Scalar> LaneKernel<T> for OpenBytes<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> bool {
        let Self { bytes, ignored, class, label, weight } = self;
        for (to, &byte) in label.iter_mut().zip(bytes) {
            *to = i32::from(if byte == ignored { class } else { byte });
        }
        let (one, mut any) = (s.splat(T::ONE), s.first(0));
        let mut at = 0;
        while at < bytes.len() {
            // SAFETY: as many weights as bytes, a multiple of a vector.
            unsafe {
                let is_ignored = s.label_is(s.labels_u8(bytes.as_ptr().add(at)), i32::from(ignored));
                store_at(s, weight, at, s.keep(!is_ignored, one));
                any = any | is_ignored;
            }
            at += T::LANES;
        }
        s.any(any)
    }
}

/// Returns whether any voxel is ignored.
pub(super) struct HasIgnored<'a> {
    pub(super) label: &'a [i32],
}

impl Kernel for HasIgnored<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.label.iter().fold(false, |any, &label| any | (label == LabelMap::IGNORED))
    }
}

/// Sets the weight of ignored voxels to 0 and of the others to 1.
pub(super) struct WeighLabels<'a, T> {
    pub(super) label: &'a [i32],
    pub(super) weight: &'a mut [T],
}

impl<T: Real> Kernel for WeighLabels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = T::one().mask(label != LabelMap::IGNORED);
        }
    }
}

/// Returns whether any weight is 0.
pub(super) struct HasExcluded<'a, T> {
    pub(super) weight: &'a [T],
}

impl<T: Real> Kernel for HasExcluded<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.weight.iter().fold(false, |any, &w| any | (w == T::zero()))
    }
}

/// Sets a row to 0 where the weight is 0, also for NaN.
pub(crate) struct Exclude<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Exclude<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x = x.cleared(weight != T::zero());
        }
    }
}

/// Gives voxels of weight 0 the label of a class.
pub(super) struct RelabelExcluded<'a, T> {
    pub(super) label: &'a mut [i32],
    pub(super) weight: &'a [T],
    pub(super) class: i32,
}

impl<T: Real> Kernel for RelabelExcluded<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (label, &weight) in self.label.iter_mut().zip(self.weight) {
            // Not a choice of what to store: stores would be made one by one.
            let counts = -i32::from(weight != T::zero());
            *label = self.class + ((*label - self.class) & counts);
        }
    }
}

/// Computes the target of one class from a mask of zeros and ones.
pub(super) struct NumbersOfMask<'a, T> {
    pub(super) bytes: &'a [u8],
    pub(super) row: &'a mut [T],
}

impl<T: Real> Kernel for NumbersOfMask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (number, &byte) in self.row.iter_mut().zip(self.bytes) {
            *number = T::one().mask(byte != 0);
        }
    }
}

/// Computes the target of one class from labels.
pub(super) struct TargetOfLabels<'a, T> {
    pub(super) label: &'a [i32],
    pub(super) class: i32,
    pub(super) row: &'a mut [T],
}

impl<T: Real> Kernel for TargetOfLabels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (target, &label) in self.row.iter_mut().zip(self.label) {
            *target = T::one().mask(label == self.class);
        }
    }
}
