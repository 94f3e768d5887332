//! The losses of the header: one getter each, so that the linker drops the losses a program does not use. `generated`
//! is written from the table of losses, `by_hand` holds what the table does not express.

mod by_hand;
pub mod custom_region;
pub mod custom_voxel;
pub mod generated;

use crate::error::{Error, Status};
use crate::ffi::codes::*;
use crate::ffi::structs::{segloss_loss, segloss_tensor, segloss_term};
use core::ffi::CStr;

/// Which fields of a term a loss uses, one bit each. Every loss uses weight, class_weight, SEGLOSS_MINUS_ONE and
/// SEGLOSS_EXCLUDE_BACKGROUND.
pub(super) mod uses {
    pub const VARIANT: u32 = 1 << 0;
    pub const ALPHA: u32 = 1 << 1;
    pub const BETA: u32 = 1 << 2;
    pub const GAMMA: u32 = 1 << 3;
    pub const K: u32 = 1 << 4;
    pub const SMOOTH_NUMERATOR: u32 = 1 << 5;
    pub const SMOOTH_DENOMINATOR: u32 = 1 << 6;
    pub const LABEL_SMOOTHING: u32 = 1 << 7;
    pub const NORMALIZER: u32 = 1 << 8;
    pub const CLASS_AVERAGE: u32 = 1 << 9;
    pub const SAMPLE_AVERAGE: u32 = 1 << 10;
    pub const ABSENT: u32 = 1 << 11;
    pub const REGION: u32 = 1 << 12;
    pub const TOP_K_SEARCH: u32 = 1 << 13;
    pub const FIELD: u32 = 1 << 14;
    pub const FIELD_COMPLETE: u32 = 1 << 15;
    pub const VOXEL: u32 = 1 << 16;
    /// The averages of a region loss.
    pub const AVERAGES: u32 = CLASS_AVERAGE | SAMPLE_AVERAGE | ABSENT;
    /// The fields of a region loss that is a ratio.
    pub const RATIO: u32 = SMOOTH_NUMERATOR | SMOOTH_DENOMINATOR | AVERAGES;
    /// The fields of a ratio whose formula combines the classes.
    pub const JOINT_RATIO: u32 = RATIO & !CLASS_AVERAGE;
}

/// Refuses a term in which a field that the loss does not use differs from what segloss_term_init wrote.
pub(super) fn check_unused(loss: &segloss_loss, term: &segloss_term) -> Result<(), Error> {
    let mut default = super::structs::NO_TERM;
    (loss.defaults)(&mut default);
    // None: the field has its default. Some(numbers): it differs; the numbers are the given and the default value.
    let of = |given: f64, default: f64| (given != default).then_some(Some((given, default)));
    let set = |is_set: bool| is_set.then_some(None);
    let fields = [
        (uses::VARIANT, c"variant", of(term.variant.into(), default.variant.into())),
        (uses::ALPHA, c"alpha", of(term.alpha, default.alpha)),
        (uses::BETA, c"beta", of(term.beta, default.beta)),
        (uses::GAMMA, c"gamma", of(term.gamma, default.gamma)),
        (uses::K, c"k", of(term.k, default.k)),
        (uses::SMOOTH_NUMERATOR, c"smooth_numerator", of(term.smooth_numerator, default.smooth_numerator)),
        (
            uses::SMOOTH_DENOMINATOR,
            c"smooth_denominator",
            of(term.smooth_denominator, default.smooth_denominator),
        ),
        (uses::LABEL_SMOOTHING, c"label_smoothing", of(term.label_smoothing, default.label_smoothing)),
        (uses::NORMALIZER, c"normalizer", of(term.normalizer.into(), default.normalizer.into())),
        (uses::CLASS_AVERAGE, c"class_average", of(term.class_average.into(), default.class_average.into())),
        (
            uses::SAMPLE_AVERAGE,
            c"sample_average",
            of(term.sample_average.into(), default.sample_average.into()),
        ),
        (uses::ABSENT, c"absent", of(term.absent.into(), default.absent.into())),
        (uses::REGION, c"region", set(term.region.is_some())),
        (uses::REGION, c"context", set(!term.context.is_null())),
        (uses::TOP_K_SEARCH, c"top_k_search", set(!term.top_k_search.is_null())),
        (uses::FIELD, c"field", set(!field_is_absent(&term.field))),
        (uses::FIELD_COMPLETE, c"flags", set(term.flags & SEGLOSS_FIELD_COMPLETE as u32 != 0)),
        (uses::VOXEL, c"voxel", set(term.voxel.is_some())),
        (uses::VOXEL, c"voxel_context", set(!term.voxel_context.is_null())),
    ];
    for (bit, name, differs) in fields {
        let Some(numbers) = differs.filter(|_| loss.uses & bit == 0) else { continue };
        let expected = match bit {
            uses::FIELD_COMPLETE => c"no SEGLOSS_FIELD_COMPLETE, a flag of Hausdorff only",
            _ => c"the value that segloss_term_init wrote: this loss does not use the field",
        };
        let error = Error::new(Status::Parameter, name, expected);
        return Err(numbers.map_or(error, |(given, default)| error.with_given(given).with_needed(default)));
    }
    Ok(())
}

pub(super) fn field_is_absent(field: &segloss_tensor) -> bool {
    let &segloss_tensor { data, shape, strides, ndim, dtype } = field;
    data.is_null() && shape.is_null() && strides.is_null() && ndim == 0 && dtype == 0
}

/// The defaults of a loss whose parameters are all 0.
fn no_defaults(_: &mut segloss_term) {}

/// The error of a number that is none of the expected constants.
pub(super) fn unknown(argument: &'static CStr, expected: &'static CStr) -> Error {
    Error::new(Status::Parameter, argument, expected)
}
