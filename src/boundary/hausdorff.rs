//! Hausdorff loss by distance transform: squared errors weighted by powers of their distance to the boundaries.

use crate::array::real::Real;
use crate::boundary::field::{Field, FieldOf, FieldScratch, SampleGeometry};
use crate::boundary::masks::TargetRequirement;
use crate::distance::transform;
use crate::distance::{Distance, Kind, Mask};
use crate::error::{Error, Status};
use crate::loss::kind::{DefaultClassWeights, Loss, LossKind};
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::parameter::check;
use crate::simd::math::{Power, with_power};

/// Hausdorff loss by distance transform (HD), ≥ 0; 0 is perfect.
///
/// ```text
/// L = (Σ_b Σ_c v_bc Σ_i w·(s − g)²·D) / (Σ_b Σ_c v_bc·W_b)        D = d_G^α + d_S^α
/// ```
///
/// `d_G` and `d_S` are the distances from a voxel to the nearest voxel on the other side of the mask of the target
/// and of the prediction, in units of the spacing. `s` is the predicted probability of the class, `g` its target, `w`
/// the weight of a voxel, `W_b` the sum of the weights of a sample; `v_bc` is the class weight, 0 where the class is
/// not annotated. The mask of the prediction is `s > ½`; a voxel that is not counted is outside of it. A mask without
/// a boundary has `d = 0`. `D` is a constant for the gradient. The value is in units of the spacing to the power of
/// `α`. Default class weights: 0 for class 0 of two or more classes, 1 for the others. Defaults: `α = 2`, both sides.
///
/// # Errors
/// [`Error`] unless `α` is finite and > 0; if no field is given and the target is neither labels, masks nor dense
/// maps of exactly 0 and 1; for `argmax` with a single class; for `logarithmic` with a given field below 0 in a
/// counted voxel.
///
/// # Source
/// Karimi, Salcudean (2019), <https://arxiv.org/abs/1904.10030>.
///
/// # Examples
/// ```
/// use segloss::boundary::Sides;
/// use segloss::{Activation, Batch, Hausdorff, Term, View, evaluate, scratch_len};
///
/// // One class, the object in the voxels 1 and 2: d_G = 1, 1, 1, 1, 2.
/// let (probabilities, labels) = ([0.0f64, 1.0, 1.0, 0.0, 0.5], [0u8, 1, 1, 0, 0]);
/// let prediction = View::new(&probabilities, &[1, 1, 5])?;
/// let batch = Batch::new(prediction, Activation::Probability, View::new(&labels, &[1, 5])?);
/// let target_only = Hausdorff { sides: Sides::Target, ..Hausdorff::default() };
/// let terms = [Term::new(1.0, &target_only)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // An error of 0.5 at the distance 2.
/// assert!((value - 0.25 * 4.0 / 5.0).abs() < 1e-12);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hausdorff {
    /// The exponent `α` > 0 of the distances.
    pub alpha: f64,
    /// The masks whose distances weight the errors.
    pub sides: Sides,
    /// The mask of the prediction is the argmax over the classes (the lowest index on ties) instead of `s > ½`.
    pub argmax: bool,
    /// Distances are 0 outside of the mask.
    pub interior: bool,
    /// The value is `ln(1 + L)`.
    pub logarithmic: bool,
}

/// The masks whose distances a Hausdorff loss uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sides {
    /// `D = d_G^α + d_S^α`
    #[default]
    Both,
    /// `D = d_G^α`
    Target,
    /// `D = d_S^α`
    Prediction,
}

impl Default for Hausdorff {
    /// `α = 2`, both sides, as in the source.
    fn default() -> Self {
        Self { alpha: 2.0, sides: Sides::Both, argmax: false, interior: false, logarithmic: false }
    }
}

impl VoxelLoss for Hausdorff {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;
    const USES_FIELD: bool = true;
    const READS_LOGARITHM: bool = false;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let error = voxel.error();
        let weighted = error * voxel.field;
        (error * weighted, weighted + weighted)
    }

    fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"alpha", self.alpha)], |alpha| alpha > 0.0, c"finite and > 0")
    }
}

impl Loss for Hausdorff {
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

    fn check_classes(&self, classes: usize) -> Result<(), Error> {
        if self.argmax && classes == 1 {
            return Err(Error::new(Status::Unsupported, c"argmax", c"two classes or more"));
        }
        Ok(())
    }
}

impl Field for Hausdorff {
    fn requires(&self) -> TargetRequirement {
        if self.sides == Sides::Prediction { TargetRequirement::Anything } else { TargetRequirement::Masks }
    }

    fn uses_complement(&self) -> Option<f64> {
        if self.interior { None } else { Some(1.0) }
    }

    fn has_halves(&self) -> bool {
        true
    }

    fn uses_prediction(&self) -> bool {
        self.sides != Sides::Target
    }

    fn by_argmax(&self) -> bool {
        self.argmax
    }
}

impl<T: Real> FieldOf<T> for Hausdorff {
    fn fill(
        &self,
        geometry: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        scratch: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        if self.sides == Sides::Prediction {
            out.fill(T::zero());
            return Ok(());
        }
        let request = self.squared_distances(geometry);
        transform(&request, &geometry.target(class), out, scratch.scratch, scratch.executor)?;
        with_power!(self.power(), power => {
            for square in out.iter_mut() {
                *square = power.raise(*square);
            }
        });
        Ok(())
    }

    fn add_prediction(
        &self,
        geometry: &SampleGeometry<'_>,
        mask: &dyn Mask,
        out: &mut [T],
        scratch: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        let squares = scratch.distances(&self.squared_distances(geometry), mask)?;
        with_power!(self.power(), power => {
            for (to, &square) in out.iter_mut().zip(squares) {
                *to += power.raise(square);
            }
        });
        Ok(())
    }
}

impl Hausdorff {
    /// Returns a request for squared distances. Squared distances are exact where distances are rounded, so every
    /// power is computed from them.
    fn squared_distances<'a>(&self, geometry: &'a SampleGeometry<'_>) -> Distance<'a> {
        let kind = if self.interior { Kind::Inside } else { Kind::OtherSide };
        Distance { kind, squared: true, ..geometry.distances() }
    }

    /// Returns the power that maps `d²` to `d^α`.
    fn power<T: Real>(&self) -> Power<T> {
        Power::of(self.alpha / 2.0)
    }
}
