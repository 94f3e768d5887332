//! Distance fields: the factor of a boundary loss at each voxel.

use crate::array::real::Real;
pub use crate::boundary::masks::TargetRequirement;
use crate::boundary::masks::{Region, RestMask, TargetMask};
use crate::distance::transform;
use crate::distance::{Distance, Kind, Mask};
use crate::error::Error;
use crate::executor::Executor;
use crate::problem::Problem;
use core::fmt;

/// The computation of a distance field, in f32 and f64.
///
/// Only losses of this crate implement it: its methods take private types. A custom loss with [`USES_FIELD`] reads a
/// field that [`Term::field`](crate::loss::term::Term::field) gives.
///
/// [`USES_FIELD`]: crate::loss::voxel::VoxelLoss::USES_FIELD
///
/// ```
/// use segloss::boundary::Field;
/// use segloss::{Boundary, DistancePenalized, Hausdorff};
///
/// assert!(DistancePenalized.is_shared() && !Boundary::default().is_shared());
/// assert!(Hausdorff::default().uses_prediction());
/// ```
pub trait Field: FieldOf<f32> + FieldOf<f64> + Sync {
    /// Returns whether the field is one map for all classes, `[B, …]`, instead of `[B, C, …]`. Default: false.
    fn is_shared(&self) -> bool {
        false
    }

    /// Returns `a` if the field of the complement of every mask is `a` times the field of the mask. The engine then
    /// computes one field for two complementary classes. Default: `None`.
    fn uses_complement(&self) -> Option<f64> {
        None
    }

    /// Returns the requirement on targets that are masks or dense maps.
    #[doc(hidden)]
    fn requires(&self) -> TargetRequirement {
        TargetRequirement::Masks
    }

    /// Returns whether the field is the sum of a field of the target and a field of the prediction. Default: false.
    fn has_halves(&self) -> bool {
        false
    }

    /// Returns whether a part of the field is computed from the prediction, in every run. Default: false.
    fn uses_prediction(&self) -> bool {
        false
    }

    /// Returns whether the mask of the prediction is the argmax instead of `s > ½`. Default: false.
    fn by_argmax(&self) -> bool {
        false
    }
}

/// The computation of a distance field in one precision.
pub trait FieldOf<T> {
    /// Writes the field of the target for `class`, one value per voxel.
    fn fill(
        &self,
        geometry: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        scratch: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error>;

    /// Adds the field of the prediction, whose mask of the class is `mask`.
    fn add_prediction(
        &self,
        _: &SampleGeometry<'_>,
        _: &dyn Mask,
        _: &mut [T],
        _: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// One sample of a problem: target, extents and spacing.
pub struct SampleGeometry<'a> {
    pub(crate) plan: &'a Problem<'a>,
    pub(crate) sample: usize,
    /// The spacing of each spatial axis.
    pub(crate) spacing: &'a [f64],
}

impl fmt::Debug for SampleGeometry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, sample, spacing } = self;
        f.debug_struct("SampleGeometry")
            .field("extents", &plan.extents())
            .field("sample", sample)
            .field("spacing", spacing)
            .finish()
    }
}

impl SampleGeometry<'_> {
    /// Returns the mask of a class in the target.
    pub(crate) fn target(&self, class: usize) -> TargetMask<'_> {
        TargetMask::new(self.plan, self.sample, Region::Class(class))
    }

    /// Returns the mask of a label value in the target.
    pub(crate) fn region(&self, label: usize) -> TargetMask<'_> {
        TargetMask::new(self.plan, self.sample, Region::Label(label))
    }

    /// Returns the mask of the voxels of no annotated class, or `None` if all classes are annotated. The stored
    /// target of a class that is not annotated is ignored.
    pub(crate) fn rest(&self) -> Option<RestMask<'_>> {
        let Self { plan, sample, .. } = *self;
        let any = plan.classes > 1 && (0..plan.classes).any(|class| !plan.is_annotated(sample, class));
        any.then_some(RestMask { problem: plan, sample })
    }

    /// Returns whether the region of a label is known: its class is annotated, or there is a single class.
    pub(crate) fn is_region(&self, class: usize) -> bool {
        self.plan.classes == 1 || self.plan.is_annotated(self.sample, class)
    }

    /// Returns a request for distances over the sample. The loss sets their kind.
    pub fn distances(&self) -> Distance<'_> {
        Distance {
            shape: self.plan.extents(),
            spacing: self.spacing,
            kind: Kind::Signed,
            squared: false,
            black_border: false,
        }
    }
}

/// The buffers of a field computation: a spare map, the scratch of the distance transform, and the executor.
#[derive(Debug)]
pub struct FieldScratch<'a, T> {
    pub(crate) map: &'a mut [T],
    pub(crate) scratch: &'a mut [u8],
    pub(crate) executor: &'a dyn Executor,
}

impl<T: Real> FieldScratch<'_, T> {
    /// Computes the distances of a mask in the spare map and returns them.
    pub fn distances(&mut self, request: &Distance<'_>, mask: &dyn Mask) -> Result<&[T], Error> {
        transform(request, mask, self.map, self.scratch, self.executor)?;
        Ok(self.map)
    }
}
