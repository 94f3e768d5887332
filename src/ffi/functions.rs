//! The verbs: what C calls.

use super::call::{call, count, report, tallies, tallies_mut};
use super::codes::*;
use super::terms::Terms;
use super::overlap::{Ranges, bytes};
use super::read::{Data, output, slice, slice_mut, write};
use super::structs::segloss_loss;
use super::structs::*;
use crate::Frequency;
use crate::batch::Problem;
use crate::engine::bench::{self, with_workspace};
use crate::engine::finish::FinalizeOutputs;
use crate::engine::joined;
use crate::engine::run::Request;
use crate::engine::simd;
use crate::engine::source::StridedRows;
use crate::frequency;
use crate::verbs;
use crate::view::{Array, Layout, MAX_AXES};
use crate::{Dtype, Error, LossKind, MAX_TERMS, Status, Term, TopKSearch};
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

/// Fills a term with the form's defaults: weight 1, its parameters as in the paper. size is
/// sizeof(segloss_term).
///
/// # Safety
/// form is a getter's; term is writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_term_init(
    form: *const segloss_loss,
    term: *mut segloss_term,
    size: usize,
) -> segloss_status {
    // SAFETY: promised by the caller; a form is static.
    let result = match unsafe { form.as_ref() } {
        Some(of) => {
            let mut filled =
                segloss_term { struct_size: size as u32, weight: 1.0, loss: form, ..super::structs::NO_TERM };
            (of.defaults)(&mut filled);
            // SAFETY: promised by the caller.
            unsafe { write(&filled, term, size) }
        }
        None => Err(Error::new(Status::NullPointer, c"form", c"one of the forms")),
    };
    // SAFETY: there is no fault to write.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// Fills args with zeros, its size and grad_scale = 1. size is sizeof(segloss_args).
///
/// # Safety
/// args is writable for size bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_args_init(args: *mut segloss_args, size: usize) -> segloss_status {
    let filled = segloss_args { struct_size: size as u32, grad_scale: 1.0, ..super::structs::NO_ARGS };
    // SAFETY: promised by the caller.
    unsafe { report(write(&filled, args, size), core::ptr::null_mut()) }
}

/// The loss: value, gradient, and whatever else args asks for.
///
/// # Safety
/// Pointers are NULL or valid as their comments say; outputs and scratch are used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_run(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
) -> segloss_status {
    // SAFETY: promised by the caller.
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
                tallies: tallies_mut(args.class_sums, problem, c"tallies")?,
            };
            let result = if problem.is_empty() {
                request.answer_empty()
            } else {
                let arena = &mut call.arena()?;
                joined::run(problem, terms, request, arena)?
            };
            value.into_iter().flatten().for_each(|value| *value = result);
            Ok(())
        })
    }
}

/// Bytes of scratch, enough for every verb with these terms and shapes; reads no tensor's data.
///
/// # Safety
/// As segloss_run; bytes is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_scratch_size(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
    bytes: *mut usize,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        call(terms, n_terms, args, Data::Ignored, None, |_, problem, terms| {
            let to = slice_mut(bytes, 1, c"bytes")?.ok_or(missing(c"bytes"))?;
            to.fill(bench::scratch_len(problem, terms)?);
            Ok(())
        })
    }
}

/// Adds a part to B*C tallies, which start at zero. A part: any view of some voxels of the same
/// samples and classes, or of some samples (tallies + b*C).
///
/// # Safety
/// As segloss_run; tallies holds B*C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_accumulate(
    terms: *const segloss_term,
    n_terms: usize,
    part: *const segloss_args,
    tallies: *mut segloss_class_sums,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(tallies, problem.sums()), c"tallies");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&more), |call, problem, terms| {
            let tallies = tallies_mut(tallies, problem, c"tallies")?.ok_or(missing(c"tallies"))?;
            if problem.is_empty() {
                return Ok(());
            }
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.accumulate(tallies))
        })
    }
}

/// Starts a search for the voxels that TopK by fraction selects: writes zeros.
///
/// # Safety
/// select is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_begin(select: *mut segloss_top_k_search) -> segloss_status {
    // SAFETY: promised by the caller; the two structs have one layout, asserted in `structs`.
    let to = unsafe { slice_mut(select.cast::<MaybeUninit<TopKSearch>>(), 1, c"select") };
    let begun = to.and_then(|to| to.and_then(<[_]>::first_mut).ok_or(missing(c"select"))).map(|to| {
        to.write(TopKSearch::new());
    });
    // SAFETY: there is no fault to write.
    unsafe { report(begun, core::ptr::null_mut()) }
}

/// Adds a part to the counts of a round. term is the index of the TopK by fraction in terms; its own select is
/// NULL until the search is done. Checks labels, as fold does; on an error nothing is counted.
///
/// # Safety
/// As segloss_run; select is begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_count(
    terms: *const segloss_term,
    n_terms: usize,
    term: u32,
    part: *const segloss_args,
    select: *mut segloss_top_k_search,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, _: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(select, 1), c"select");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&more), |call, problem, terms| {
            verbs::check_searched(terms, term as usize)?;
            let search = search_mut(select)?;
            if problem.is_empty() {
                return Ok(());
            }
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.count_ranks(term as usize, search))
        })
    }
}

/// Ends a round: when done is not 0, the search is over. Every machine that holds the same counts gets the same.
///
/// # Safety
/// term is a TopK by fraction; select is begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_narrow(
    term: *const segloss_term,
    select: *mut segloss_top_k_search,
) -> segloss_status {
    // SAFETY: promised by the caller; no class weight is read.
    let result = unsafe {
        Terms::read(term, 1).and_then(|terms| {
            terms.with(0, Data::Ignored, &mut |terms| {
                // Its own search would be read while this one is written; they may be the same.
                verbs::check_searched(terms, 0)?;
                let selection = match terms.first().map(|term| term.loss.kind()) {
                    Some(LossKind::Voxel(rows)) => rows.check().map(|()| rows.info().selection)?,
                    _ => None,
                };
                search_mut(select)?.narrow_to(selection)
            })
        })
    };
    // SAFETY: there is no fault to write.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// Adds the counts of other, a search of the same round.
///
/// # Safety
/// Both are begun; select is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_top_k_merge(
    select: *mut segloss_top_k_search,
    other: *const segloss_top_k_search,
) -> segloss_status {
    // SAFETY: promised by the caller. Not by reference to both: they may be one, which would count twice.
    let result = unsafe {
        if core::ptr::eq(select, other) {
            Err(Error::new(Status::Overlap, c"other", c"another search"))
        } else {
            slice(other.cast::<TopKSearch>(), 1, c"other")
                .and_then(|other| other.and_then(<[_]>::first).ok_or(missing(c"other")))
                .and_then(|other| search_mut(select)?.merge(other))
        }
    };
    // SAFETY: there is no fault to write.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// The search behind a pointer of C.
///
/// # Safety
/// As [`slice_mut`].
unsafe fn search_mut<'a>(select: *mut segloss_top_k_search) -> Result<&'a mut TopKSearch, Error> {
    // SAFETY: promised by the caller; the two structs have one layout, asserted in `structs`.
    let search = unsafe { slice_mut(select.cast::<TopKSearch>(), 1, c"select")? };
    search.and_then(<[_]>::first_mut).ok_or(missing(c"select"))
}

/// The value of the tallies, and B*C slopes with grad_scale; reads no voxels. slopes may be NULL.
///
/// # Safety
/// As segloss_run; tallies and slopes hold B*C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_finalize(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
    tallies: *const segloss_class_sums,
    slopes: *mut segloss_class_sums,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.input(bytes(tallies, problem.sums()), c"tallies");
            ranges.output(bytes(slopes, problem.sums()), c"slopes");
            Ok(())
        };
        call(terms, n_terms, args, Data::Ignored, Some(&more), |call, problem, terms| {
            let args = &call.args;
            let all = problem.sums();
            let sums = self::tallies(tallies, problem, c"tallies")?.ok_or(missing(c"tallies"))?;
            let value = slice_mut(args.value, 1, c"value")?;
            let term_values = slice_mut(args.term_values, n_terms, c"term_values")?;
            let mut results = FinalizeOutputs {
                terms: [0.0; MAX_TERMS],
                classes: slice_mut(args.class_values, n_terms.saturating_mul(all), c"class_values")?,
                slopes: tallies_mut(slopes, problem, c"slopes")?,
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

/// Writes the part's gradient. Fold every part before any map in place.
///
/// # Safety
/// As segloss_run; slopes holds B*C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_backward(
    terms: *const segloss_term,
    n_terms: usize,
    part: *const segloss_args,
    slopes: *const segloss_class_sums,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.input(bytes(slopes, problem.sums()), c"slopes");
            Ok(())
        };
        call(terms, n_terms, part, Data::Read, Some(&more), |call, problem, terms| {
            let slopes = self::tallies(slopes, problem, c"slopes")?.ok_or(missing(c"slopes"))?;
            let Some(output) = call.output().filter(|_| !problem.is_empty()) else { return Ok(()) };
            let arena = &mut call.arena()?;
            with_workspace!(problem, terms, arena, workspace => workspace.backward(slopes, output))
        })
    }
}

/// Writes the field that run would compute for the term from the target: [B,C,...]. Given back it
/// yields the same bits, if it has the precision of the run: F64 for an F64 pred, else F32.
///
/// # Safety
/// As segloss_run; field is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_distance_field(
    term: *const segloss_term,
    args: *const segloss_args,
    field: *const segloss_output,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, problem: &Problem<'_>, terms: &[Term<'_>]| {
            ranges.output(field_output(field, problem, terms)?.bytes(), c"field");
            Ok(())
        };
        call(term, 1, args, Data::Read, Some(&more), |call, problem, terms| {
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

/// Whether one map serves all classes.
fn is_shared(terms: &[Term<'_>]) -> bool {
    terms.iter().filter_map(|term| term.loss.field()).any(|field| field.is_shared())
}

/// Where a field is written.
///
/// # Safety
/// `field` is NULL or readable.
unsafe fn field_output(
    field: *const segloss_output,
    problem: &Problem<'_>,
    terms: &[Term<'_>],
) -> Result<Array, Error> {
    // SAFETY: promised by the caller.
    let field = unsafe { slice(field, 1, c"field")? }.and_then(<[_]>::first).ok_or(missing(c"field"))?;
    let like = if is_shared(terms) { flat(&problem.shape)? } else { problem.shape };
    // SAFETY: promised by the caller.
    let into = unsafe { output(field, &like, false, c"field")? }.ok_or(missing(c"field"))?;
    if !matches!(into.dtype, Dtype::F32 | Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"field", c"SEGLOSS_F32 or SEGLOSS_F64"));
    }
    Ok(into)
}

/// `[B, …]` of `[B, C, …]`, in C order.
fn flat(array: &Array) -> Result<Array, Error> {
    let mut extents = [0; MAX_AXES];
    let kept = array.shape().iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, extent)| *extent);
    let count = extents.iter_mut().zip(kept).map(|(to, extent)| *to = extent).count();
    let layout = Layout::new(extents.into_iter().take(count), None, c"field")?;
    Ok(Array { layout, ..*array })
}

/// Writes C class weights from the frequencies of the classes in the target: kind is
/// SEGLOSS_WEIGHT_INVERSE, _INVERSE_SQRT or _MEDIAN. A class without truth takes the largest weight
/// of the others. The scratch of any loss serves.
///
/// # Safety
/// As segloss_run; weights holds C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segloss_class_weights(
    args: *const segloss_args,
    kind: u32,
    weights: *mut f64,
) -> segloss_status {
    // SAFETY: promised by the caller.
    unsafe {
        let more = |ranges: &mut Ranges, problem: &Problem<'_>, _: &[Term<'_>]| {
            ranges.output(bytes(weights, problem.classes), c"weights");
            Ok(())
        };
        count(args, &more, |call, problem| {
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
            frequency::write(problem, frequency, to, &mut call.arena()?)
        })
    }
}

/// A status in words: static, never NULL.
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
        _ => {
            ALL.iter().find(|known| **known as i32 == status).map_or(c"unknown status", |known| known.name())
        }
    };
    name.as_ptr()
}

/// The version of the library, as SEGLOSS_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_version() -> u32 {
    VERSION
}

/// The vector instructions in use: 1 baseline, 2 AVX2, 3 AVX-512.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_cpu_level() -> u32 {
    simd::level() as u32
}

const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> u32 {
    let (mut value, mut rest) = (0, digits.as_bytes());
    while let [digit, tail @ ..] = rest {
        value = value * 10 + (*digit - b'0') as u32;
        rest = tail;
    }
    value
}

pub(super) fn missing(name: &'static CStr) -> Error {
    Error::new(Status::NullPointer, name, c"a pointer")
}
