//! Distance fields as the engine reads them: given by the caller, or computed in scratch.

use crate::array::strided_rows::StridedRows;
use crate::array::view::{MAX_AXES, View};
use crate::boundary::field::{Field, FieldOf};
use crate::checked::slice;
use crate::error::{Error, Status};
use crate::problem::{Problem, misfit};

/// A field that is computed in scratch, one sample at a time.
pub(crate) struct ComputedField<'a, T> {
    pub slot: usize,
    pub field: &'a dyn Field,
    /// The same in the precision of the computation.
    pub of: &'a dyn FieldOf<T>,
    /// The field of the target, if the caller gives it and only that of the prediction is computed.
    pub target: Option<StridedRows>,
    /// One row per class, or one row for all classes.
    pub rows: &'a mut [T],
}

/// Returns the spacing of each spatial axis, from `unit` if the caller gives none.
pub(super) fn spacing_or_unit<'a>(problem: &Problem<'a>, unit: &'a [f64; MAX_AXES]) -> &'a [f64] {
    problem.spacing.unwrap_or(slice(unit, 0..problem.extents().len()))
}

/// Returns the number of words of a mask of one class and sample.
pub(super) fn mask_words(problem: &Problem<'_>) -> usize {
    problem.voxels.div_ceil(64)
}

pub(super) fn missing_field(slot: usize) -> Error {
    Error::new(Status::MissingField, c"field", c"a field: parts of a batch compute none").in_term(slot)
}

/// Returns the rows of a field that the caller gives: `[B, C, …]`, or `[B, …]` for all classes.
pub(super) fn given_field(problem: &Problem<'_>, view: &View<'_>) -> Result<StridedRows, Error> {
    let (shape, expected) = (view.shape(), problem.shape.shape());
    let flat = shape.first() == expected.first() && shape.get(1..) == expected.get(2..);
    match () {
        _ if !view.dtype().is_float() => Err(Error::new(Status::Dtype, c"field", c"floating-point")),
        _ if shape == expected => Ok(StridedRows::with_classes(&view.array)),
        _ if flat => Ok(StridedRows::without_classes(&view.array)),
        _ => Err(misfit(Error::new(Status::Shape, c"field", c"[B, C, ...] or [B, ...]"), shape, expected)),
    }
}
