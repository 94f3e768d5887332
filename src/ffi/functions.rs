//! The functions that evaluate a loss, whole or in parts.

use crate::array::dtype::Dtype;
use crate::array::strided_rows::StridedRows;
use crate::array::view::{Array, Layout, MAX_AXES};
use crate::class_weights;
use crate::class_weights::Frequency;
use crate::engine::merged_samples;
use crate::engine::run::Request;
use crate::engine::workspace::{self, with_workspace};
use crate::error::{Error, Status};
use crate::ffi::call::{call, call_without_terms, class_sums_mut, report};
use crate::ffi::codes::*;
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::{Data, missing, output, slice, slice_mut, write};
use crate::ffi::structs::segloss_loss;
use crate::ffi::structs::*;
use crate::loss::term::Term;
use crate::problem::Problem;
use crate::simd::level;
use core::ffi::c_char;

/// Fills a term with the defaults of a loss: weight 1 and the parameters that the comment of its getter gives.
///
/// @param loss  the loss, the result of a getter.
/// @param term  receives the term.
/// @param size  sizeof(segloss_term).
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if loss or term is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// loss is NULL or the result of a getter. term is NULL or writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_term_init(
    loss: *const segloss_loss,
    term: *mut segloss_term,
    size: usize,
) -> segloss_status {
    // SAFETY: the caller promises that `loss` is NULL or the result of a getter, which is static.
    let result = match unsafe { loss.as_ref() } {
        Some(kind) => {
            let mut filled =
                segloss_term { struct_size: size as u32, weight: 1.0, loss, ..super::structs::NO_TERM };
            (kind.defaults)(&mut filled);
            // SAFETY: the caller promises `size` writable bytes.
            unsafe { write(&filled, term, size) }
        }
        None => Err(Error::new(Status::NullPointer, c"loss", c"the result of a loss getter")),
    };
    // SAFETY: the error pointer is NULL.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// Fills args with zeros, struct_size and grad_scale = 1.
///
/// @param args  receives the arguments.
/// @param size  sizeof(segloss_args).
/// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if args is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
///
/// # Safety
/// args is NULL or writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_args_init(args: *mut segloss_args, size: usize) -> segloss_status {
    let filled = segloss_args { struct_size: size as u32, grad_scale: 1.0, ..super::structs::NO_ARGS };
    // SAFETY: the caller promises `size` writable bytes; the error pointer is NULL.
    unsafe { report(write(&filled, args, size), core::ptr::null_mut()) }
}

/// Evaluates a loss: its value, its gradient, and every other output that args asks for.
///
/// The result has the same bits with every executor, number of workers and address.
///
/// @param terms    n_terms terms; the loss is the sum of weight times value.
/// @param n_terms  1 to SEGLOSS_MAX_TERMS.
/// @param args     inputs, outputs and scratch.
/// @return SEGLOSS_OK or any other status; on failure only the error of args is written.
///
/// # Safety
/// Every pointer is NULL or valid as its comment says. Nothing else writes the inputs, or uses the outputs
/// and scratch, during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_run(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        call(terms, n_terms, args, Data::Read, Some(&|_, _, _| Ok(())), |call, problem, terms| {
            let args = &call.args;
            let all = problem.sums();
            let value = slice_mut(args.value, 1, c"value")?;
            let request = Request {
                gradient: call.output(),
                grad_scale: args.grad_scale,
                term_values: slice_mut(args.term_values, n_terms, c"term_values")?,
                class_values: slice_mut(args.class_values, n_terms.saturating_mul(all), c"class_values")?,
                class_sums: class_sums_mut(args.class_sums, problem, c"class_sums")?,
            };
            let result = if problem.is_empty() {
                request.answer_empty()
            } else {
                let arena = &mut call.arena()?;
                merged_samples::run(problem, terms, request, arena)?
            };
            value.into_iter().flatten().for_each(|value| *value = result);
            Ok(())
        })
    }
}

/// Computes how many bytes of scratch a call needs. Reads no element of a tensor.
///
/// The size serves segloss_run, segloss_accumulate, segloss_top_k_count, segloss_finalize, segloss_backward,
/// segloss_distance_field and segloss_class_weights with these terms, shapes, dtypes and executor. It does not
/// decrease when an extent grows, so a size queried for the largest shape serves all smaller ones, and it is the
/// same on every CPU.
///
/// @param terms    n_terms terms; data of their fields may be NULL.
/// @param n_terms  1 to SEGLOSS_MAX_TERMS.
/// @param args     as for segloss_run; data of pred, target and voxel_weight may be NULL. No output is written.
/// @param bytes    receives the size.
/// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_STRUCT_SIZE, SEGLOSS_DTYPE, SEGLOSS_SHAPE, SEGLOSS_TOO_LARGE,
///         SEGLOSS_STRIDES, SEGLOSS_MISALIGNED, SEGLOSS_PARAMETER, SEGLOSS_UNSUPPORTED or SEGLOSS_MISSING_FIELD.
///
/// # Safety
/// As segloss_run. bytes is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_scratch_size(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
    bytes: *mut usize,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        call(terms, n_terms, args, Data::Ignored, None, |_, problem, terms| {
            let to = slice_mut(bytes, 1, c"bytes")?.ok_or(missing(c"bytes"))?;
            to.fill(workspace::scratch_len(problem, terms)?);
            Ok(())
        })
    }
}

/// Writes the distance weights that segloss_run would compute for a term from the target: the field of boundary,
/// distance-penalised cross entropy or Hausdorff (for Hausdorff d_G^alpha, the part of the target).
///
/// The field given back in segloss_term.field yields the same bits if its dtype is SEGLOSS_F64 for a SEGLOSS_F64
/// pred, else SEGLOSS_F32. Compute it once for a target that is used in many steps.
///
/// @param term   the term; its own field is ignored.
/// @param args   pred (its shape and dtype), target, spacing and scratch.
/// @param field  receives [B,C,...], or [B,...] for distance-penalised cross entropy; SEGLOSS_F32 or SEGLOSS_F64.
/// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL. SEGLOSS_UNSUPPORTED: the loss has no field, or the
/// target is not one from which it can be computed.
///
/// # Safety
/// As segloss_run. field is NULL or readable, and its data is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_field(
    term: *const segloss_term,
    args: *const segloss_args,
    field: *const segloss_output,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, problem: &Problem<'_>, terms: &[Term<'_>]| {
            ranges.output(field_output(field, problem, terms)?.bytes(), c"field");
            Ok(())
        };
        call(term, 1, args, Data::Read, Some(&add_ranges), |call, problem, terms| {
            let into = field_output(field, problem, terms)?;
            let terms = terms.first().map(|term| [Term { field: None, field_complete: false, ..*term }]);
            let terms = terms.ok_or(missing(c"term"))?;
            let rows = if is_shared(&terms) {
                StridedRows::without_classes(&into)
            } else {
                StridedRows::with_classes(&into)
            };
            if problem.is_empty() && terms.iter().all(|term| term.loss.field().is_some()) {
                return Ok(());
            }
            let arena = &mut call.arena()?;
            with_workspace!(problem, &terms, arena, workspace => workspace.write_field(rows))
        })
    }
}

/// Whether the field has one map for all classes.
fn is_shared(terms: &[Term<'_>]) -> bool {
    terms.iter().filter_map(|term| term.loss.field()).any(|field| field.is_shared())
}

/// The output array of segloss_distance_field.
///
/// # Safety
/// `field` is NULL or readable.
unsafe fn field_output(
    field: *const segloss_output,
    problem: &Problem<'_>,
    terms: &[Term<'_>],
) -> Result<Array, Error> {
    // SAFETY: the caller promises that `field` is NULL or readable.
    let field = unsafe { slice(field, 1, c"field")? }.and_then(<[_]>::first).ok_or(missing(c"field"))?;
    let like = if is_shared(terms) { without_classes(&problem.shape)? } else { problem.shape };
    // SAFETY: the caller promises one readable stride for each axis.
    let into = unsafe { output(field, &like, false, c"field")? }.ok_or(missing(c"field"))?;
    if !matches!(into.dtype, Dtype::F32 | Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"field", c"SEGLOSS_F32 or SEGLOSS_F64"));
    }
    Ok(into)
}

/// The array `[B, …]` of an array `[B, C, …]`, C-contiguous.
fn without_classes(array: &Array) -> Result<Array, Error> {
    let mut extents = [0; MAX_AXES];
    let kept = array.shape().iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, extent)| *extent);
    let count = extents.iter_mut().zip(kept).map(|(to, extent)| *to = extent).count();
    let layout = Layout::new(extents.into_iter().take(count), None, c"field")?;
    Ok(Array { layout, ..*array })
}

/// Computes class weights from the class frequencies of the target, for segloss_term.class_weight.
///
/// With f the share of a class among the counted target voxels: 1/f, sqrt(1/f) or median(f)/f. A class with f = 0
/// takes the largest weight of the other classes; if no class has f > 0, every weight is 1.
///
/// @param args     pred (its shape), target, voxel_weight, ignore, class_present and scratch as for segloss_run.
/// @param kind     SEGLOSS_WEIGHT_INVERSE, SEGLOSS_WEIGHT_INVERSE_SQRT or SEGLOSS_WEIGHT_MEDIAN.
/// @param weights  receives C doubles.
/// @return SEGLOSS_OK or any other status but SEGLOSS_MISSING_FIELD.
///
/// # Safety
/// As segloss_run. weights is NULL or writable for C doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_class_weights(
    args: *const segloss_args,
    kind: u32,
    weights: *mut f64,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(weights, problem.classes), c"weights");
            Ok(())
        };
        call_without_terms(args, &add_ranges, |call, problem| {
            let frequency = match kind as i32 {
                SEGLOSS_WEIGHT_INVERSE => Frequency::Inverse,
                SEGLOSS_WEIGHT_INVERSE_SQRT => Frequency::InverseSqrt,
                SEGLOSS_WEIGHT_MEDIAN => Frequency::Median,
                _ => {
                    return Err(super::losses::unknown(
                        c"kind",
                        c"SEGLOSS_WEIGHT_INVERSE, _INVERSE_SQRT or _MEDIAN",
                    ));
                }
            };
            let to = slice_mut(weights, problem.classes, c"weights")?.ok_or(missing(c"weights"))?;
            class_weights::write(problem, frequency, to, &mut call.arena()?)
        })
    }
}

/// The meaning of a status, in a few words.
///
/// @param status  any integer.
/// @return static ASCII, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_status_string(status: i32) -> *const c_char {
    const ALL: [Status; 13] = [
        Status::NullPointer,
        Status::StructSize,
        Status::Dtype,
        Status::Shape,
        Status::TooLarge,
        Status::Strides,
        Status::Misaligned,
        Status::Overlap,
        Status::Scratch,
        Status::Parameter,
        Status::Label,
        Status::Unsupported,
        Status::MissingField,
    ];
    let name = match status {
        0 => c"success",
        _ => ALL
            .iter()
            .find(|known| **known as i32 == status)
            .map_or(c"unknown status", |known| known.c_name()),
    };
    name.as_ptr()
}

/// The version of the linked library; SEGLOSS_VERSION is that of the header.
///
/// @return major << 16 | minor << 8 | patch.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_version() -> u32 {
    VERSION
}

/// The vector instructions that the library uses on this CPU.
///
/// @return 1 baseline of the target, 2 AVX2 with FMA and F16C, 3 AVX-512.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_cpu_level() -> u32 {
    level::level() as u32
}

const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

/// The value of decimal digits.
const fn number(digits: &str) -> u32 {
    let (mut value, mut rest) = (0, digits.as_bytes());
    while let [digit, tail @ ..] = rest {
        value = value * 10 + (*digit - b'0') as u32;
        rest = tail;
    }
    value
}
