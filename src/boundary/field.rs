//! Fields: what a boundary loss multiplies its mismatch by.

pub use super::masks::TargetRequirement;
use super::masks::{Region, RestMask, TargetMask};
use crate::batch::Problem;
use crate::distance::{Distance, Kind, Mask, transform};
use crate::{Error, Executor, Real};

/// How a form makes its field, in both precisions. The engine fills fields; forms of this crate
/// say how.
pub trait Field: FieldOf<f32> + FieldOf<f64> + Sync {
    /// Whether one map serves all classes.
    fn is_shared(&self) -> bool {
        false
    }

    /// How many times the field of a mask the field of its complement is, where that is always so.
    fn uses_complement(&self) -> Option<f64> {
        None
    }

    /// What it demands of truth that is given as maps.
    #[doc(hidden)]
    fn requires(&self) -> TargetRequirement {
        TargetRequirement::Masks
    }

    /// Whether the field is the sum of one of the target and one of the prediction.
    fn has_halves(&self) -> bool {
        false
    }

    /// Whether a part of the field comes from the prediction, made anew by every run.
    fn uses_prediction(&self) -> bool {
        false
    }

    /// Whether the prediction's mask is where a class is the largest, and not where it is above one half.
    fn by_argmax(&self) -> bool {
        false
    }
}

/// A field in one precision.
pub trait FieldOf<T> {
    /// Writes what comes from the target: the map of `class`, one value per voxel.
    fn fill(
        &self,
        scene: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        spare: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error>;

    /// Adds what comes from the prediction, whose mask of the class is `mask`.
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

/// One sample, as fields see it.
pub struct SampleGeometry<'a> {
    pub(crate) plan: &'a Problem<'a>,
    pub(crate) sample: usize,
    /// One per spatial axis.
    pub(crate) spacing: &'a [f64],
}

impl SampleGeometry<'_> {
    /// The target's mask of a class.
    pub(crate) fn target(&self, class: usize) -> TargetMask<'_> {
        TargetMask::new(self.plan, self.sample, Region::Class(class))
    }

    /// The target's mask of a label value.
    pub(crate) fn region(&self, label: usize) -> TargetMask<'_> {
        TargetMask::new(self.plan, self.sample, Region::Label(label))
    }

    /// The voxels of no annotated class, if there may be any: whatever the target holds of another class is ignored.
    pub(crate) fn rest(&self) -> Option<RestMask<'_>> {
        let Self { plan, sample, .. } = *self;
        let any = plan.classes > 1 && (0..plan.classes).any(|class| !plan.is_annotated(sample, class));
        any.then_some(RestMask { plan, sample })
    }

    /// Whether class `class` of two or more is annotated; of a single class both regions are known.
    pub(crate) fn is_region(&self, class: usize) -> bool {
        self.plan.classes == 1 || self.plan.is_annotated(self.sample, class)
    }

    /// Distances over the sample; what kind is the form's to say.
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

/// What filling a field takes: a map, the scratch of the transform, and who runs it.
pub struct FieldScratch<'a, T> {
    pub(crate) map: &'a mut [T],
    pub(crate) scratch: &'a mut [u8],
    pub(crate) executor: &'a dyn Executor,
}

impl<T: Real> FieldScratch<'_, T> {
    /// Distances of a mask, in the spare map.
    pub fn distances(&mut self, request: &Distance<'_>, mask: &dyn Mask) -> Result<&[T], Error> {
        transform(request, mask, self.map, self.scratch, self.executor)?;
        Ok(self.map)
    }
}
