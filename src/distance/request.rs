//! What a caller asks for: a [`Distance`] over a [`Mask`], and everything that can be wrong with it.
//!
//! All checks are here, at the door. Past [`Distance::validate`] nothing fails, panics or allocates.

use crate::array::view::MAX_AXES;
use crate::error::{Error, Status};
use crate::parameter::check_spacing;

/// Which distances are wanted, voxel centre to voxel centre, in units of the spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Outside + the distance to the nearest inside voxel, inside − the distance to the nearest outside voxel.
    Signed,
    /// Inside the distance to the nearest outside voxel, outside 0.
    Inside,
    /// Outside the distance to the nearest inside voxel, inside 0.
    Outside,
    /// Everywhere the distance to the nearest voxel of the other side: at least one voxel.
    OtherSide,
}

/// One transform: a struct of its parameters.
///
/// A mask that has no boundary (empty or full) has the distance 0 everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Distance<'a> {
    /// Voxels along each axis, 1 to [`MAX_AXES`] axes; the last one is contiguous.
    pub shape: &'a [usize],
    /// Distance of neighbours along each axis, finite and positive.
    pub spacing: &'a [f64],
    /// Which distances.
    pub kind: Kind,
    /// Leave out the root; a signed square keeps its sign.
    pub squared: bool,
    /// What lies outside of the image counts as outside of the object.
    pub black_border: bool,
}

impl Distance<'_> {
    /// Checks axes, spacing and size; returns the number of voxels.
    ///
    /// # Errors
    /// [`Error`] with the first of them that is out of range.
    pub fn validate(&self) -> Result<usize, Error> {
        if self.shape.is_empty() || self.shape.len() > MAX_AXES {
            return Err(Error::new(Status::Shape, c"mask", c"1 to 16 axes"));
        }
        check_spacing(self.spacing, self.shape.len())?;
        // A square must be neither 0 nor infinite.
        if let Some(axis) = self.spacing.iter().position(|width| !(1e-100..=1e100).contains(width)) {
            return Err(Error::new(Status::Parameter, c"spacing", c"between 1e-100 and 1e100").at(axis));
        }
        // An extent of 0 makes an image without voxels, whatever the others are.
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

    /// Whether voxels of this side get a distance.
    #[inline]
    pub fn wants(&self, inside: bool) -> bool {
        match self.kind {
            Kind::Signed | Kind::OtherSide => true,
            Kind::Inside => inside,
            Kind::Outside => !inside,
        }
    }
}

/// A mask, as bits. Rows are the runs along the last axis, in the order of memory.
///
/// The same question must have the same answer for the whole of a transform: otherwise
/// distances are arbitrary (but nothing worse happens).
pub trait Mask: Sync {
    /// Fills bit `i` of `words` with "voxel `start + i` of `row` is inside", `i < count`;
    /// the remaining bits of the last word are 0. `start` is a multiple of 64 and
    /// `words` holds `count` bits, rounded up to whole words.
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]);
}
