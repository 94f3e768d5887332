//! The two precisions, where trait objects have to choose one.

use super::arena::Plain;
use super::cost::RowsOf;
use crate::boundary::{Field, field::FieldOf};
use crate::{Real, Rows};

/// f32 or f64: a type that sweeps run in.
pub(crate) trait Precise: Real + Plain {
    /// The loops of a cost in this precision.
    fn rows(rows: &dyn Rows) -> &dyn RowsOf<Self>;
    /// The maker of a field in this precision.
    fn field(field: &dyn Field) -> &dyn FieldOf<Self>;
}

impl Precise for f32 {
    fn rows(rows: &dyn Rows) -> &dyn RowsOf<f32> {
        rows
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f32> {
        field
    }
}

impl Precise for f64 {
    fn rows(rows: &dyn Rows) -> &dyn RowsOf<f64> {
        rows
    }
    fn field(field: &dyn Field) -> &dyn FieldOf<f64> {
        field
    }
}
