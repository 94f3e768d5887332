//! Distance fields as the engine reads them: given by the caller, or computed in scratch.

use crate::array::strided_rows::StridedRows;
use crate::array::view::{MAX_AXES, View};
use crate::boundary::field::{Field, FieldOf};
use crate::error::{Error, Status};
use crate::problem::{Problem, misfit};

/// A field that has to be computed, one sample at a time.
pub(crate) struct Computed<'a, T> {
    pub slot: usize,
    pub field: &'a dyn Field,
    pub of: &'a dyn FieldOf<T>,
    /// What comes from the target, if the caller has it.
    pub target: Option<StridedRows>,
    pub rows: &'a mut [T],
}

/// One spacing per spatial axis.
pub(super) fn spacing_of<'a>(plan: &Problem<'a>, unit: &'a [f64; MAX_AXES]) -> &'a [f64] {
    plan.spacing.unwrap_or(unit.get(..plan.extents().len()).unwrap_or(&[]))
}

/// Words of a mask: whole ones, because tiles write whole blocks.
pub(super) fn words_of(plan: &Problem<'_>) -> usize {
    plan.voxels.div_ceil(64)
}

pub(super) fn missing_field(slot: usize) -> Error {
    Error::new(Status::MissingField, c"field", c"a field: parts of a batch compute none").in_term(slot)
}

/// A field that the caller brings: `[B, C, …]`, or `[B, …]` for all classes.
pub(super) fn given_field(plan: &Problem<'_>, view: &View<'_>) -> Result<StridedRows, Error> {
    let (shape, expected) = (view.shape(), plan.shape.shape());
    let flat = shape.first() == expected.first() && shape.get(1..) == expected.get(2..);
    match () {
        _ if !view.dtype().is_float() => Err(Error::new(Status::Dtype, c"field", c"floating-point")),
        _ if shape == expected => Ok(StridedRows::with_classes(&view.array)),
        _ if flat => Ok(StridedRows::without_classes(&view.array)),
        _ => Err(misfit(Error::new(Status::Shape, c"field", c"[B, C, ...] or [B, ...]"), shape, expected)),
    }
}
