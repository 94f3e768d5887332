//! The two precisions, where trait objects have to choose one.

use crate::array::real::Real;
use crate::boundary::field::{Field, FieldOf};
use crate::engine::arena::Plain;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::loss::voxel_rows::DynVoxelLossOf;

/// f32 or f64: a type that sweeps run in.
pub(crate) trait Precise: Real + Plain {
    /// The loops of a cost in this precision.
    fn rows(rows: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<Self>;
    /// The maker of a field in this precision.
    fn field(field: &dyn Field) -> &dyn FieldOf<Self>;
}

impl Precise for f32 {
    fn rows(rows: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<f32> {
        rows
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f32> {
        field
    }
}

impl Precise for f64 {
    fn rows(rows: &dyn DynVoxelLoss) -> &dyn DynVoxelLossOf<f64> {
        rows
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f64> {
        field
    }
}
