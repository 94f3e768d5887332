//! Distance-penalised cross entropy: cross entropy with larger weights near class boundaries.

use crate::array::real::Real;
use crate::boundary::field::{Field, FieldOf, FieldScratch, SampleGeometry};
use crate::boundary::masks::TargetRequirement;
use crate::distance::{Distance, Kind, Mask};
use crate::error::Error;
use crate::loss::kind::{Loss, LossKind};
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::simd::level::{Kernel, dispatch};

/// Distance-penalised cross entropy (6), ≥ 0; 0 is perfect.
///
/// ```text
/// L = −(1/W) Σ w·(1 + D)·Σ_c v·g·log s          D = 1 − (d − d_min)/d_max
/// ```
///
/// `w` is the weight of a voxel, `v` the weight of a class, `g` the target and `s` the predicted probability of the
/// class. Each label value of a sample is a region; the voxels of no annotated class together are one region, and so
/// are ignored voxels. `d` is the distance from a voxel to the nearest voxel of another region, in units of the
/// spacing; `d_min` and `d_max` are its extremes over the region of the voxel. `D` is 1 at a boundary and decreases
/// with the distance from it. A sample with one region has `D = 0`. The field is one map for all classes, `[B, …]`.
/// With independent classes (sigmoid) the loss of a voxel is the mean of the cross entropy over the classes. The
/// value is in nats per voxel.
///
/// # Errors
/// [`Error`] if no field is given and the target is neither labels nor masks in which exactly one class is 1 in each
/// voxel (at most one if a class of the sample is not annotated).
///
/// # Source
/// Caliva et al. (2019), <https://arxiv.org/abs/1908.03679>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, DistancePenalized, Term, View, evaluate, scratch_len};
///
/// // Every target class has the probability 0.5; the boundary is between the voxels 2 and 3.
/// let (probabilities, labels) = ([0.5f64; 12], [0u8, 0, 0, 1, 1, 1]);
/// let prediction = View::new(&probabilities, &[1, 2, 6])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 6])?);
/// let terms = [Term::new(1.0, &DistancePenalized)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // d = 3, 2, 1, 1, 2, 3, so D = 1/3, 2/3, 1, 1, 2/3, 1/3 with the mean 2/3.
/// assert!((value + (1.0 + 2.0 / 3.0) * 0.5f64.ln()).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DistancePenalized;

impl VoxelLoss for DistancePenalized {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;
    const CONSTANT_SLOPE: bool = true;
    const USES_FIELD: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let weight = T::one() + voxel.field;
        (-voxel.log_probability * weight, -weight)
    }
}

impl Loss for DistancePenalized {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    #[inline(never)] // see `Loss`
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
        geometry: &SampleGeometry<'_>,
        _: usize,
        out: &mut [T],
        scratch: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        out.fill(T::zero());
        // A single class has two regions: object and background.
        for label in (0..geometry.plan.classes.max(2)).filter(|&label| geometry.is_region(label)) {
            fill_region(geometry, &geometry.region(label), out, scratch)?;
        }
        match geometry.rest() {
            Some(rest) => fill_region(geometry, &rest, out, scratch),
            None => Ok(()),
        }
    }
}

/// Writes `D` in the voxels of one region.
fn fill_region<T: Real>(
    geometry: &SampleGeometry<'_>,
    region: &dyn Mask,
    out: &mut [T],
    scratch: &mut FieldScratch<'_, T>,
) -> Result<(), Error> {
    let distance = scratch.distances(&Distance { kind: Kind::Inside, ..geometry.distances() }, region)?;
    let (smallest, largest) = dispatch(Extremes { distance });
    dispatch(PenaltyField { distance, smallest, largest, out });
    Ok(())
}

/// Finds the smallest and the largest distance in a region. Outside of the region the distance is 0.
struct Extremes<'a, T> {
    distance: &'a [T],
}

impl<T: Real> Kernel for Extremes<'_, T> {
    type Output = (T, T);

    #[inline(always)]
    fn run(self) -> (T, T) {
        // One extreme per lane: the compiler may not reorder the comparisons of a single one.
        const LANES: usize = 16;
        let (mut low, mut high) = ([T::INFINITY; LANES], [T::zero(); LANES]);
        let (whole, rest) = self.distance.as_chunks::<LANES>();
        for distances in whole {
            for i in 0..LANES {
                let d = distances[i];
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

/// Writes `1 − (d − d_min)/d_max` in the voxels of a region.
struct PenaltyField<'a, T> {
    distance: &'a [T],
    smallest: T,
    largest: T,
    out: &'a mut [T],
}

impl<T: Real> Kernel for PenaltyField<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { distance, smallest, largest, out } = self;
        for (to, &d) in out.iter_mut().zip(distance) {
            let penalty = T::one() - (d - smallest) / largest;
            let inside = d > T::zero();
            *to = penalty.mask(inside) + to.mask(!inside);
        }
    }
}
