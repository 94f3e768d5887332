//! Boundary loss: probabilities weighted by their distance to the boundary of the truth.

use super::field::{Field, FieldOf, FieldScratch, SampleGeometry};
use crate::distance::{Distance, Kind, transform};
use crate::{Contribution, DefaultClassWeights, Error, Loss, LossKind, Real, Voxel, VoxelLoss};

/// Boundary loss (BD).
///
/// ```text
/// L = (Σ_b Σ_c v_bc Σ_i w·φ_c·s_c) / (Σ_b Σ_c v_bc·W_b)      φ = −d inside, +d outside
/// ```
///
/// `d` is the distance from a voxel to the nearest voxel on the other side of the class's
/// boundary, in units of the spacing; `s` the predicted probability. The value is a distance,
/// negative where the prediction lies inside. A class without a boundary, absent or everywhere,
/// has `φ = 0`: it adds nothing and still counts in the normaliser. Without class weights the
/// background of two or more classes is left out.
///
/// # Errors
/// Without a given field the target must be labels, masks, or dense maps of 0 and 1.
///
/// # Source
/// Kervadec et al. (2019), <https://arxiv.org/abs/1812.07032>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// Kervadec's `φ`: inside `−(d − the smallest spacing)`, so that the inner rim is 0. By
    /// default the plain signed distance of the paper.
    pub rim_zero: bool,
}

impl VoxelLoss for Boundary {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;
    const CONSTANT_SLOPE: bool = true;
    const USES_FIELD: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.probability * voxel.field, voxel.field)
    }
}

impl Loss for Boundary {
    #[inline(never)] // see `Form`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::NoBackground
    }

    #[inline(never)] // see `Form`
    fn field(&self) -> Option<&dyn Field> {
        Some(self)
    }
}

impl Field for Boundary {
    fn uses_complement(&self) -> Option<f64> {
        if self.rim_zero { None } else { Some(-1.0) }
    }
}

impl<T: Real> FieldOf<T> for Boundary {
    fn fill(
        &self,
        scene: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        spare: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        let request = Distance { kind: Kind::Signed, ..scene.distances() };
        transform(&request, &scene.target(class), out, spare.scratch, spare.executor)?;
        if self.rim_zero {
            let rim = T::of(scene.spacing.iter().copied().fold(f64::INFINITY, f64::min));
            for distance in out.iter_mut().filter(|distance| **distance < T::zero()) {
                *distance += rim;
            }
        }
        Ok(())
    }
}
