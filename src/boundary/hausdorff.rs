//! Hausdorff by distance transform: squared mismatches, weighted by how far they are from where
//! they should be.

use super::field::{Field, FieldOf, FieldScratch, SampleGeometry, TargetRequirement};
use crate::distance::{Distance, Kind, Mask, transform};
use crate::{
    Contribution, DefaultClassWeights, Error, Loss, LossKind, Power, Raise, Real, Status, Voxel, VoxelLoss,
    check,
};

/// Hausdorff loss by distance transform (HD), ≥ 0; 0 is perfect.
///
/// ```text
/// L = (Σ_b Σ_c v_bc Σ_i w·(s − g)²·D) / (Σ_b Σ_c v_bc·W_b)        D = d_G^α + d_S^α
/// ```
///
/// `d_G` and `d_S` are the distances from a voxel to the nearest voxel on the other side of the
/// mask, of the target and of the prediction: at least one voxel everywhere, in units of the
/// spacing. Of the prediction a voxel is inside where `s > ½`; one that does not count is outside.
/// A mask without a boundary has `d = 0`. For the gradient `D` is a constant. In units of the
/// spacing to the power of `α`. Without class weights the background of two or more classes is left
/// out.
///
/// # Errors
/// [`Error`] unless `α` is above 0. Without a given field the target must be labels, masks, or dense
/// maps of 0 and 1. `argmax` has no meaning for a single class. With `logarithmic` a given field must not be below 0
/// where a voxel counts.
///
/// # Source
/// Karimi, Salcudean (2019), <https://arxiv.org/abs/1904.10030>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hausdorff {
    /// The power `α` of the distances.
    pub alpha: f64,
    /// Whose distances weigh.
    pub sides: Sides,
    /// Inside is, of the prediction, where a class is the largest, the lowest among equals.
    pub argmax: bool,
    /// Distances are 0 outside of their mask.
    pub interior: bool,
    /// The value is `ln(1 + L)`.
    pub logarithmic: bool,
}

/// Whose distances a Hausdorff loss uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let error = voxel.error();
        let pull = error * voxel.field;
        (error * pull, pull + pull)
    }

    fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    fn validate(&self) -> Result<(), Error> {
        check(&[(c"alpha", self.alpha)], |alpha| alpha > 0.0, c"finite and > 0")
    }
}

impl Loss for Hausdorff {
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
        scene: &SampleGeometry<'_>,
        class: usize,
        out: &mut [T],
        spare: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        if self.sides == Sides::Prediction {
            out.fill(T::zero());
            return Ok(());
        }
        transform(&self.squares(scene), &scene.target(class), out, spare.scratch, spare.executor)?;
        self.power().choose(InPlace(out));
        Ok(())
    }

    fn add_prediction(
        &self,
        scene: &SampleGeometry<'_>,
        mask: &dyn Mask,
        out: &mut [T],
        spare: &mut FieldScratch<'_, T>,
    ) -> Result<(), Error> {
        let squares = spare.distances(&self.squares(scene), mask)?;
        self.power().choose(Add { squares, out });
        Ok(())
    }
}

impl Hausdorff {
    /// Squared distances: they are exact where distances are rounded, so even powers are made of squares.
    fn squares<'a>(&self, scene: &'a SampleGeometry<'_>) -> Distance<'a> {
        let kind = if self.interior { Kind::Inside } else { Kind::OtherSide };
        Distance { kind, squared: true, ..scene.distances() }
    }

    /// What makes `d^α` of a square.
    fn power<T: Real>(&self) -> Power<T> {
        Power::of(self.alpha / 2.0)
    }
}

/// Raises squares to a power.
struct InPlace<'a, T>(&'a mut [T]);

impl<T: Real> Raise<T> for InPlace<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with(self, power: Power<T>) {
        self.0.iter_mut().for_each(|square| *square = square.pow(power));
    }
}

/// Adds powers of squares.
struct Add<'a, T> {
    squares: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Raise<T> for Add<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with(self, power: Power<T>) {
        for (to, &square) in self.out.iter_mut().zip(self.squares) {
            *to += square.pow(power);
        }
    }
}
