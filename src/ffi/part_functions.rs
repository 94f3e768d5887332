//! The functions of a batch in parts: accumulate, finalize and backward, and the search of TopK by fraction.

use crate::engine::finalize::FinalizeOutputs;
use crate::engine::radix_select::TopKSearch;
use crate::engine::workspace::with_workspace;
use crate::error::{Error, Status};
use crate::ffi::call::{call, class_sums, class_sums_mut, report};
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::{Data, missing, slice, slice_mut};
use crate::ffi::structs::*;
use crate::ffi::terms::Terms;
use crate::loss::kind::LossKind;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::parts;
use crate::problem::Problem;
use core::mem::MaybeUninit;

/// Adds the sums of a part of a batch to class_sums: the first step of a loss over a batch in parts.
///
/// A part is any view of some voxels of the same samples and classes, or of some samples (then pass class_sums +
/// b*C). The caller zeroes class_sums before the first part. Parts cut at multiples of SEGLOSS_CHUNK voxels within
/// a sample and accumulated in order give the class sums of one segloss_run to the bit: see SEGLOSS_CHUNK. Class
/// sums of several machines add, field by field. A part computes no field: a term with distance weights needs its
/// field (see segloss_distance_field). TopK by fraction needs top_k_search.
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
                let scale = args.grad_scale;
                with_workspace!(problem, terms, arena, workspace => workspace.finalize(sums, scale, &mut results))
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
