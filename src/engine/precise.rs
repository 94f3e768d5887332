//! The two precisions of voxels, as a choice of the methods of trait objects.

use crate::array::real::Real;
use crate::boundary::field::{Field, FieldOf};
use crate::engine::arena::Plain;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::DynVoxelLossOf;
use crate::simd::lanes::Vectorized;

/// A precision of voxels: f32 or f64.
pub(crate) trait Precise: Real + Plain + Vectorized {
    /// Returns the loops of a voxel loss in this precision.
    fn rows(loss: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<Self>;
    /// Returns the computation of a field in this precision.
    fn field(field: &dyn Field) -> &dyn FieldOf<Self>;
}

impl Precise for f32 {
    fn rows(loss: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<f32> {
        loss
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f32> {
        field
    }
}

impl Precise for f64 {
    fn rows(loss: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<f64> {
        loss
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f64> {
        field
    }
}
