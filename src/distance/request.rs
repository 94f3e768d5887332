//! Parameters of a transform ([`Distance`]) and their checks.
//!
//! After [`Distance::validate`] a transform neither fails, panics nor allocates.

use crate::array::view::MAX_AXES;
use crate::error::{Error, Status};
use crate::parameter::check_spacing;

/// Which distances are computed, from voxel centre to voxel centre, in units of the spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Outside: the distance to the nearest inside voxel. Inside: minus the distance to the nearest outside voxel.
    Signed,
    /// Inside: the distance to the nearest outside voxel. Outside: 0.
    Inside,
    /// Outside: the distance to the nearest inside voxel. Inside: 0.
    Outside,
    /// The distance to the nearest voxel of the other side, positive on both sides.
    OtherSide,
}

/// Parameters of one transform.
///
/// A mask without a boundary (empty or full) has the distance 0 everywhere.
///
/// ```
/// use segloss::distance::{Distance, Kind};
///
/// // A volume of 64 slices of 256 × 256 voxels, in millimetres.
/// let request = Distance {
///     shape: &[64, 256, 256],
///     spacing: &[3.0, 0.8, 0.8],
///     kind: Kind::Signed,
///     squared: false,
///     black_border: false,
/// };
/// assert_eq!(request.validate()?, 64 * 256 * 256);
/// assert!(Distance { spacing: &[3.0, 0.8, 0.0], ..request }.validate().is_err());
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Distance<'a> {
    /// Number of voxels along each axis; 1 to [`MAX_AXES`] axes, the last one contiguous.
    pub shape: &'a [usize],
    /// Distance between neighbouring voxels along each axis, from 1e-100 to 1e100.
    pub spacing: &'a [f64],
    /// Which distances are computed.
    pub kind: Kind,
    /// Write squared distances. Negative distances give negative squares.
    pub squared: bool,
    /// Treat the voxels outside of the image as background.
    pub black_border: bool,
}

impl Distance<'_> {
    /// Checks axes, spacing and size; returns the number of voxels.
    ///
    /// # Errors
    /// Returns [`Error`] with the first invalid argument.
    pub fn validate(&self) -> Result<usize, Error> {
        if self.shape.is_empty() || self.shape.len() > MAX_AXES {
            return Err(Error::new(Status::Shape, c"mask", c"1 to 16 axes"));
        }
        check_spacing(self.spacing, self.shape.len())?;
        // A square is neither 0 nor infinite in this range.
        if let Some(axis) = self.spacing.iter().position(|width| !(1e-100..=1e100).contains(width)) {
            return Err(Error::new(Status::Parameter, c"spacing", c"between 1e-100 and 1e100").at(axis));
        }
        // With an extent of 0 the image has no voxels, so the product of the other extents is not checked.
        if self.shape.contains(&0) {
            return Ok(0);
        }
        let mut voxels = 1usize;
        for &extent in self.shape {
            let all = voxels.checked_mul(extent).filter(|&all| all <= isize::MAX as usize / 8);
            voxels = all.ok_or(Error::new(Status::TooLarge, c"mask", c"at most PTRDIFF_MAX bytes"))?;
        }
        Ok(voxels)
    }

    /// Returns whether inside (`true`) or outside (`false`) voxels get a distance; the others get 0.
    #[inline]
    pub fn wants(&self, inside: bool) -> bool {
        match self.kind {
            Kind::Signed | Kind::OtherSide => true,
            Kind::Inside => inside,
            Kind::Outside => !inside,
        }
    }
}
