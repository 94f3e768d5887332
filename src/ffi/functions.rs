//! The functions that evaluate a loss, whole or in parts.

use crate::array::dtype::Dtype;
use crate::array::strided_rows::StridedRows;
use crate::array::view::{Array, Layout, MAX_AXES};
use crate::class_weights;
use crate::class_weights::Frequency;
use crate::engine::finalize::FinalizeOutputs;
use crate::engine::merged_samples;
use crate::engine::radix_select::TopKSearch;
use crate::engine::run::Request;
use crate::engine::workspace::{self, with_workspace};
use crate::error::{Error, Status};
use crate::ffi::call::{call, call_without_terms, class_sums, class_sums_mut, report};
use crate::ffi::codes::*;
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::{Data, output, slice, slice_mut, write};
use crate::ffi::structs::segloss_loss;
use crate::ffi::structs::*;
use crate::ffi::terms::Terms;
use crate::loss::kind::LossKind;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::parts;
use crate::problem::Problem;
use crate::simd::level;
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

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

/// Adds the sums of a part of a batch to class_sums: the first step of a loss over a batch in parts.
///
/// A part is any view of some voxels of the same samples and classes, or of some samples (then pass class_sums +
/// b*C). The caller zeroes class_sums before the first part. Parts cut at multiples of SEGLOSS_CHUNK voxels within
/// a sample and accumulated in order give the bits of one segloss_run, but for the exception at SEGLOSS_CHUNK. Class
/// sums of several machines add, field by field. A part computes no field: a term with distance weights needs its field (see segloss_distance_field). TopK
/// by fraction needs top_k_search.
///
/// @param terms       n_terms terms, the same for every part but for the fields.
/// @param n_terms     1 to SEGLOSS_MAX_TERMS.
/// @param part        pred, target and options of the part. On success no output of it is written.
/// @param class_sums  [B,C] of the part, added to.
/// @return SEGLOSS_OK or any other status; on failure class_sums is untouched. SEGLOSS_MISSING_FIELD: a term needs
/// a field. SEGLOSS_UNSUPPORTED: TopK by fraction has no search.
///
/// # Safety
/// As segloss_run. class_sums is NULL or writable for B*C structs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_accumulate(
    terms: *const segloss_term,
    n_terms: usize,
    part: *const segloss_args,
    class_sums: *mut segloss_class_sums,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(class_sums, problem.sums()), c"class_sums");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&add_ranges), |call, problem, terms| {
            let sums = class_sums_mut(class_sums, problem, c"class_sums")?.ok_or(missing(c"class_sums"))?;
            if problem.is_empty() {
                return Ok(());
            }
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.accumulate(sums))
        })
    }
}

/// Starts a search for the voxels that TopK by fraction selects: sets every field to 0.
///
/// @param search  receives the new search.
/// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER or SEGLOSS_MISALIGNED.
///
/// # Safety
/// search is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_begin(search: *mut segloss_top_k_search) -> segloss_status {
    // SAFETY: the caller promises a writable struct; the two structs have the same layout, which `structs` asserts.
    let to = unsafe { slice_mut(search.cast::<MaybeUninit<TopKSearch>>(), 1, c"search") };
    let result = to.and_then(|to| to.and_then(<[_]>::first_mut).ok_or(missing(c"search"))).map(|to| {
        to.write(TopKSearch::new());
    });
    // SAFETY: the error pointer is NULL.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// Adds a part of a batch to the histogram of the current round. Count every part once a round, in any order.
///
/// @param terms    n_terms terms; terms[term].top_k_search is NULL.
/// @param n_terms  1 to SEGLOSS_MAX_TERMS.
/// @param term     index into terms of the TopK by fraction.
/// @param part     as for segloss_accumulate.
/// @param search   a search that is not done.
/// @return SEGLOSS_OK or any other status; on failure nothing is counted. SEGLOSS_PARAMETER: terms[term] is not a
/// TopK by fraction or has a search, or search is done. SEGLOSS_DTYPE: pred is SEGLOSS_F64 in some parts only.
///
/// # Safety
/// As segloss_run. search is NULL or was written by segloss_top_k_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_count(
    terms: *const segloss_term,
    n_terms: usize,
    term: u32,
    part: *const segloss_args,
    search: *mut segloss_top_k_search,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, _: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(search, 1), c"search");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&add_ranges), |call, problem, terms| {
            parts::check_searched(terms, term as usize)?;
            let search = search_mut(search)?;
            if problem.is_empty() {
                return Ok(());
            }
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.count_top_k(term as usize, search))
        })
    }
}

/// Ends a round of a search. Once search->done is not 0, the threshold is found. Equal counts give equal results.
///
/// @param term    the TopK by fraction.
/// @param search  a search in which every part was counted in this round.
/// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_MISALIGNED; SEGLOSS_PARAMETER if term is not a TopK by
/// fraction, no part was counted or the search is done; or the status of an invalid term.
///
/// # Safety
/// term is NULL or valid as its comment says. search is NULL or was written by segloss_top_k_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_narrow(
    term: *const segloss_term,
    search: *mut segloss_top_k_search,
) -> segloss_status {
    // SAFETY: the caller promises a valid term and search; with 0 classes no class weight is read.
    let result = unsafe {
        Terms::read(term, 1).and_then(|terms| {
            terms.with_terms(0, Data::Ignored, &mut |terms| {
                // A term with a search is refused: its search may be the one that is written here.
                parts::check_searched(terms, 0)?;
                let selection = match terms.first().map(|term| term.loss.kind()) {
                    Some(LossKind::Voxel(loss)) => loss.check().map(|()| loss.info().selection)?,
                    _ => None,
                };
                search_mut(search)?.narrow_to(selection)
            })
        })
    };
    // SAFETY: the error pointer is NULL.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// Adds the counts of another search of the same round, for parts that were counted on several machines.
///
/// @param search  the search that is added to.
/// @param other   the search that is added.
/// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_MISALIGNED; SEGLOSS_PARAMETER if the searches are in different
/// rounds; SEGLOSS_OVERLAP if both are the same search.
///
/// # Safety
/// Both are NULL or were written by segloss_top_k_begin; search is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_merge(
    search: *mut segloss_top_k_search,
    other: *const segloss_top_k_search,
) -> segloss_status {
    // SAFETY: the caller promises valid searches. Equal pointers are refused before two references to one struct
    // exist.
    let result = unsafe {
        if core::ptr::eq(search, other) {
            Err(Error::new(Status::Overlap, c"other", c"another search"))
        } else {
            slice(other.cast::<TopKSearch>(), 1, c"other")
                .and_then(|other| other.and_then(<[_]>::first).ok_or(missing(c"other")))
                .and_then(|other| search_mut(search)?.merge(other))
        }
    };
    // SAFETY: the error pointer is NULL.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// The search that a pointer of C points to.
///
/// # Safety
/// As [`slice_mut`].
unsafe fn search_mut<'a>(search: *mut segloss_top_k_search) -> Result<&'a mut TopKSearch, Error> {
    // SAFETY: the caller promises a writable struct; the two structs have the same layout, which `structs` asserts.
    let search = unsafe { slice_mut(search.cast::<TopKSearch>(), 1, c"search")? };
    search.and_then(<[_]>::first_mut).ok_or(missing(c"search"))
}

/// Computes the value of a loss from its class sums, and the slopes for segloss_backward: the second step of a loss
/// over a batch in parts. Reads no voxels.
///
/// @param terms       n_terms terms; data of their fields may be NULL.
/// @param n_terms     1 to SEGLOSS_MAX_TERMS.
/// @param args        shapes and options of the whole batch; data of pred and target may be NULL. Writes value,
///                    term_values and class_values. grad_scale multiplies the slopes.
/// @param class_sums  [B,C], the sums of all parts.
/// @param slopes      receives [B,C]: the derivative of the loss by each sum. NULL: not wanted.
/// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL.
///
/// # Safety
/// As segloss_run. class_sums is NULL or readable, slopes is NULL or writable, for B*C structs each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_finalize(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
    class_sums: *const segloss_class_sums,
    slopes: *mut segloss_class_sums,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.input(bytes(class_sums, problem.sums()), c"class_sums");
            ranges.output(bytes(slopes, problem.sums()), c"slopes");
            Ok(())
        };
        call(terms, n_terms, args, Data::Ignored, Some(&add_ranges), |call, problem, terms| {
            let args = &call.args;
            let all = problem.sums();
            let sums = self::class_sums(class_sums, problem, c"class_sums")?.ok_or(missing(c"class_sums"))?;
            let value = slice_mut(args.value, 1, c"value")?;
            let term_values = slice_mut(args.term_values, n_terms, c"term_values")?;
            let mut results = FinalizeOutputs {
                terms: [0.0; MAX_TERMS],
                classes: slice_mut(args.class_values, n_terms.saturating_mul(all), c"class_values")?,
                slopes: class_sums_mut(slopes, problem, c"slopes")?,
            };
            let result = if problem.sums() == 0 {
                0.0
            } else {
                let arena = &mut call.arena()?;
                with_workspace!(problem, terms, arena, workspace => workspace.finalize(sums, args.grad_scale, &mut results))
            };
            value.into_iter().flatten().for_each(|value| *value = result);
            for (to, from) in term_values.into_iter().flatten().zip(results.terms) {
                *to = from;
            }
            Ok(())
        })
    }
}

/// Writes the gradient of a part of a batch: the third step of a loss over a batch in parts.
///
/// Accumulate every part before the first backward if grad is pred. Labels are not validated again. grad_scale is
/// not applied, because segloss_finalize has put it into the slopes.
///
/// @param terms    n_terms terms, as for segloss_accumulate.
/// @param n_terms  1 to SEGLOSS_MAX_TERMS.
/// @param part     as for segloss_accumulate, with grad.
/// @param slopes   [B,C] of the part, from segloss_finalize.
/// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL.
///
/// # Safety
/// As segloss_run. slopes is NULL or readable for B*C structs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_backward(
    terms: *const segloss_term,
    n_terms: usize,
    part: *const segloss_args,
    slopes: *const segloss_class_sums,
) -> segloss_status {
    // SAFETY: the caller promises that every pointer is NULL or valid.
    unsafe {
        let add_ranges = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.input(bytes(slopes, problem.sums()), c"slopes");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&add_ranges), |call, problem, terms| {
            let slopes = class_sums(slopes, problem, c"slopes")?.ok_or(missing(c"slopes"))?;
            let Some(output) = call.output().filter(|_| !problem.is_empty()) else { return Ok(()) };
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.backward(slopes, output))
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

/// The error of a required pointer that is NULL.
pub(super) fn missing(name: &'static CStr) -> Error {
    Error::new(Status::NullPointer, name, c"a pointer")
}
