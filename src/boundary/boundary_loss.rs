//! Boundary loss: probabilities weighted by their distance to the boundary of the truth.

use super::field::{Field, FieldOf, Scene};
use crate::distance::{Distance, Kind, scratch_len, transform};
use crate::{Charge, Cost, Error, Form, Parts, Real, Voxel};

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

impl Cost for Boundary {
    const CHARGE: Charge = Charge::Everywhere;
    const FIELD: bool = true;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.probability * voxel.field, voxel.field)
    }
}

impl Form for Boundary {
    fn parts(&self) -> Parts<'_> {
        Parts::Cost(self)
    }

    fn spares_background(&self) -> bool {
        true
    }

    fn field(&self) -> Option<&dyn Field> {
        Some(self)
    }
}

impl Field for Boundary {
    fn scratch(&self, extents: &[usize]) -> Result<usize, Error> {
        let spacing = [1.0; crate::view::MAX_AXES];
        scratch_len(&signed(extents, spacing.get(..extents.len()).unwrap_or(&[])))
    }
}

impl<T: Real> FieldOf<T> for Boundary {
    fn fill(&self, scene: &Scene<'_>, class: usize, out: &mut [T], scratch: &mut [f64]) -> Result<(), Error> {
        transform(&signed(scene.plan.extents(), scene.spacing), &scene.target(class), out, scratch)?;
        if self.rim_zero {
            let rim = T::of(scene.spacing.iter().copied().fold(f64::INFINITY, f64::min));
            for distance in out.iter_mut().filter(|distance| **distance < T::zero()) {
                *distance += rim;
            }
        }
        Ok(())
    }
}

fn signed<'a>(shape: &'a [usize], spacing: &'a [f64]) -> Distance<'a> {
    Distance { shape, spacing, kind: Kind::Signed, squared: false, black_border: false }
}
