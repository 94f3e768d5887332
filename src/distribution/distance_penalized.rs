//! Distance-penalised cross entropy: mistakes near a boundary cost more.

use crate::boundary::field::{Field, FieldOf, FieldScratch, SampleGeometry, TargetRequirement};
use crate::distance::{Distance, Kind, Mask};
use crate::engine::row::LANES;
use crate::engine::simd::{Kernel, dispatch};
use crate::{Contribution, Error, Loss, LossKind, Real, Voxel, VoxelLoss};

/// Distance-penalised cross entropy (6), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w·(1 + D)·Σ_c v·g·log s          D = 1 − (d − d_min)/d_max
/// ```
///
/// The regions of a sample are its label values; what the target holds of classes that are not annotated in a sample is
/// ignored, so that the voxels of no annotated class are one region, in labels as in maps. `d` is the distance of a
/// voxel to the nearest one of another region, an ignored label being another one; its extremes are those of the region. So
/// `D` is 1 at a boundary and small in the depth. A sample of one label has `D = 0`. One map serves
/// all classes. With classes on their own (sigmoid), the cost of a voxel is the class mean of cross
/// entropy. In nats per voxel.
///
/// # Errors
/// Without a given field the target must be labels, or maps in which exactly one class is 1 in each voxel; where a class
/// of the sample is not annotated, at most one of the others.
///
/// # Source
/// Caliva et al. (2019), <https://arxiv.org/abs/1908.03679>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DistancePenalized;

impl VoxelLoss for DistancePenalized {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;
    const CONSTANT_SLOPE: bool = true;
    const USES_FIELD: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let price = T::one() + voxel.field;
        (-voxel.log_probability * price, -price)
    }
}

impl Loss for DistancePenalized {
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    #[inline(never)] // see `Form`
    fn field(&self) -> Option<&dyn Field> {
        Some(self)
    }
}

impl Field for DistancePenalized {
    fn is_shared(&self) -> bool {
        true
    }

    fn requires(&self) -> TargetRequirement {
        TargetRequirement::Partition
    }
}

impl<T: Real> FieldOf<T> for DistancePenalized {
    fn fill(
        &self,
        scene: &SampleGeometry<'_>,
        _: usize,
        out: &mut [T],
        spare: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        out.fill(T::zero());
        // A single class has two regions: the object and what is not.
        for label in (0..scene.plan.classes.max(2)).filter(|&label| scene.is_region(label)) {
            revert(scene, &scene.region(label), out, spare)?;
        }
        match scene.rest() {
            Some(rest) => revert(scene, &rest, out, spare),
            None => Ok(()),
        }
    }
}

/// Writes `D` of one region.
fn revert<T: Real>(
    scene: &SampleGeometry<'_>,
    region: &dyn Mask,
    out: &mut [T],
    spare: &mut FieldScratch<'_, T>,
) -> Result<(), Error> {
    let depth = spare.distances(&Distance { kind: Kind::Inside, ..scene.distances() }, region)?;
    let (shallowest, deepest) = dispatch(Extremes { depth });
    dispatch(Revert { depth, shallowest, deepest, out });
    Ok(())
}

/// The least and the largest depth of a region; outside of it depth is 0.
struct Extremes<'a, T> {
    depth: &'a [T],
}

impl<T: Real> Kernel for Extremes<'_, T> {
    type Output = (T, T);

    #[inline(always)]
    fn run(self) -> (T, T) {
        // Lane by lane, because the order of comparisons is the compiler's to keep.
        let (mut low, mut high) = ([T::INFINITY; LANES], [T::zero(); LANES]);
        let (whole, rest) = self.depth.as_chunks::<LANES>();
        for depths in whole {
            for i in 0..LANES {
                let d = depths[i];
                let above = if d > T::zero() { d } else { T::INFINITY };
                low[i] = if above < low[i] { above } else { low[i] };
                high[i] = if d > high[i] { d } else { high[i] };
            }
        }
        for &d in rest.iter().filter(|d| **d > T::zero()) {
            low[0] = if d < low[0] { d } else { low[0] };
            high[0] = if d > high[0] { d } else { high[0] };
        }
        for i in 1..LANES {
            low[0] = if low[i] < low[0] { low[i] } else { low[0] };
            high[0] = if high[i] > high[0] { high[i] } else { high[0] };
        }
        (low[0], high[0])
    }
}

/// Writes `1 − (d − d_min)/d_max` where a voxel is in the region.
struct Revert<'a, T> {
    depth: &'a [T],
    shallowest: T,
    deepest: T,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Revert<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { depth, shallowest, deepest, out } = self;
        for (to, &d) in out.iter_mut().zip(depth) {
            let reverted = T::one() - (d - shallowest) / deepest;
            let inside = d > T::zero();
            *to = reverted.mask(inside) + to.mask(!inside);
        }
    }
}
