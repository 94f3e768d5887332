//! Boundary loss: the mean of the probabilities weighted by the signed distance to the boundary of the target.

use crate::array::real::Real;
use crate::boundary::field::{Field, FieldOf, FieldScratch, SampleGeometry};
use crate::distance::transform;
use crate::distance::{Distance, Kind};
use crate::error::Error;
use crate::loss::kind::{DefaultClassWeights, Loss, LossKind};
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};

/// Boundary loss (BD).
///
/// ```text
/// L = (Σ_b Σ_c v_bc Σ_i w·φ_c·s_c) / (Σ_b Σ_c v_bc·W_b)      φ = −d inside, +d outside
/// ```
///
/// `d` is the distance from a voxel to the nearest voxel on the other side of the boundary of class `c` in the
/// target, in units of the spacing. `s` is the predicted probability, `w` the weight of a voxel, `W_b` the sum of the
/// weights of a sample; `v_bc` is the class weight, 0 where the class is not annotated. The value is in units of the
/// spacing; it has no fixed range and is negative for a prediction inside the target. A class without a boundary (no
/// voxel, or all voxels) has `φ = 0` and still counts in the divisor. Default class weights: 0 for class 0 of two or
/// more classes, 1 for the others.
///
/// # Errors
/// [`Error`] if no field is given and the target is neither labels, masks nor dense maps of exactly 0 and 1.
///
/// # Source
/// Kervadec et al. (2019), <https://arxiv.org/abs/1812.07032>.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Boundary, Term, View, evaluate, scratch_len};
///
/// // One class, the object in the voxels 1 and 2: φ = 1, −1, −1, 1, 2.
/// let (probabilities, labels) = ([0.0f64, 1.0, 1.0, 0.5, 0.0], [0u8, 1, 1, 0, 0]);
/// let prediction = View::new(&probabilities, &[1, 1, 5])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 5])?);
/// let boundary = Boundary::default();
/// let terms = [Term::new(1.0, &boundary)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// assert!((value - (-1.0 - 1.0 + 0.5) / 5.0).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// Uses `φ = −(d − smallest spacing)` inside, so that `φ` is 0 in the inner voxels of the boundary: in unit
    /// spacing the authors' code. Default: false, the signed distance of the paper.
    pub rim_zero: bool,
}

impl VoxelLoss for Boundary {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;
    const CONSTANT_SLOPE: bool = true;
    const USES_FIELD: bool = true;
    const READS_LOGARITHM: bool = false;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.probability * voxel.field, voxel.field)
    }
}

impl Loss for Boundary {
    #[inline(never)] // see `Loss`
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }

    fn default_class_weights(&self) -> DefaultClassWeights {
        DefaultClassWeights::NoBackground
    }

    #[inline(never)] // see `Loss`
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
        geometry: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        scratch: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        let request = Distance { kind: Kind::Signed, ..geometry.distances() };
        transform(&request, &geometry.target(class), out, scratch.scratch, scratch.executor)?;
        if self.rim_zero {
            let smallest = T::of(geometry.spacing.iter().copied().fold(f64::INFINITY, f64::min));
            for distance in out.iter_mut().filter(|distance| **distance < T::zero()) {
                *distance += smallest;
            }
        }
        Ok(())
    }
}
