//! Reads and checks the arguments of a call, the same way for every function.

use crate::array::view::Array;
use crate::array::view::View;
use crate::batch::Batch;
use crate::engine::arena::Arena;
use crate::engine::check_terms::check_terms;
use crate::engine::pass::GradientOutput;
use crate::error::{Error, Status};
use crate::executor::Executor;
use crate::ffi::codes::{SEGLOSS_ADD_TO_GRADIENT, SEGLOSS_ERROR_HAS_GIVEN, SEGLOSS_ERROR_HAS_NEEDED};
use crate::ffi::foreign_executor::ForeignExecutor;
use crate::ffi::losses::unknown;
use crate::ffi::overlap::{Ranges, bytes};
use crate::ffi::read::{Data, output, read, slice, slice_mut, tensor};
use crate::ffi::structs::{segloss_args, segloss_class_sums, segloss_error, segloss_status, segloss_term};
use crate::ffi::terms::Terms;
use crate::loss::activation::Activation;
use crate::loss::sums::ClassSums;
use crate::loss::term::Term;
use crate::problem::Problem;
use core::ffi::CStr;

/// The name of the error pointer among the arguments.
pub(super) const ERROR: &CStr = c"error";

/// The arguments of one call, read and checked.
pub(super) struct Call<'a> {
    pub args: segloss_args,
    pub batch: Batch<'a>,
    pub gradient: Option<Array>,
}

/// Adds the byte ranges of a function's arguments besides `args`.
pub(super) type AddRanges<'a> = &'a dyn Fn(&mut Ranges, &Problem<'_>, &[Term<'_>]) -> Result<(), Error>;

/// Reads terms and arguments, checks them, and calls `function`. An error is written to the error pointer of
/// `args`. Without `add_ranges` the function writes no array, and overlap is not checked.
///
/// # Safety
/// Pointers are NULL or valid as the comments of segloss_term and segloss_args say.
pub(super) unsafe fn call(
    terms: *const segloss_term,
    n_terms: usize,
    args: *const segloss_args,
    data: Data,
    add_ranges: Option<AddRanges<'_>>,
    mut function: impl FnMut(&Call<'_>, &Problem<'_>, &[Term<'_>]) -> Result<(), Error>,
) -> segloss_status {
    // SAFETY: the caller promises that `args` is NULL or valid.
    let args = match unsafe { read(args) } {
        Ok((args, _)) => args,
        Err(error) => return error.status as segloss_status,
    };
    let mut result = || {
        // SAFETY: the caller promises valid pointers in terms and args.
        unsafe {
            let terms = Terms::read(terms, n_terms)?;
            let executor = ForeignExecutor::read(args.executor)?;
            let call = Call::new(args, data, ForeignExecutor::or_sequential(&executor))?;
            let problem = Problem::new(&call.batch)?;
            if call.gradient.is_some_and(|gradient| !gradient.dtype.is_float()) {
                return Err(Error::new(Status::Dtype, c"grad", c"SEGLOSS_F16 to SEGLOSS_F64"));
            }
            terms.with_terms(problem.classes, data, &mut |typed| {
                check_terms(&problem, typed)?;
                if let Some(add_ranges) = add_ranges {
                    call.check_overlap(Some(&terms), &problem, typed, add_ranges)?;
                }
                function(&call, &problem, typed)
            })
        }
    };
    // SAFETY: the caller promises that the error pointer is NULL or writable.
    unsafe { report(result(), args.error) }
}

/// [`call`] for a function without terms.
///
/// # Safety
/// As [`call`].
pub(super) unsafe fn call_without_terms(
    args: *const segloss_args,
    add_ranges: AddRanges<'_>,
    function: impl FnOnce(&Call<'_>, &Problem<'_>) -> Result<(), Error>,
) -> segloss_status {
    // SAFETY: the caller promises that `args` is NULL or valid.
    let args = match unsafe { read(args) } {
        Ok((args, _)) => args,
        Err(error) => return error.status as segloss_status,
    };
    // SAFETY: the caller promises valid pointers in args.
    let result = || unsafe {
        let executor = ForeignExecutor::read(args.executor)?;
        let call = Call::new(args, Data::Read, ForeignExecutor::or_sequential(&executor))?;
        let problem = Problem::new(&call.batch)?;
        call.check_overlap(None, &problem, &[], add_ranges)?;
        function(&call, &problem)
    };
    // SAFETY: the caller promises that the error pointer is NULL or writable.
    unsafe { report(result(), args.error) }
}

/// The status of a result. An error is written to `to`.
///
/// # Safety
/// `to` is NULL or writable.
pub(super) unsafe fn report(result: Result<(), Error>, to: *mut segloss_error) -> segloss_status {
    let Err(error) = result else { return super::codes::SEGLOSS_OK };
    let status = error.status as segloss_status;
    // An error struct that overlaps another argument is not written, because that would change the argument.
    let overlaps = error.status == Status::Overlap && error.argument == ERROR;
    if !to.is_null() && !overlaps {
        let written = segloss_error {
            status,
            term: error.term.map_or(u32::MAX, |term| term as u32),
            index: error.index.map_or(-1, |index| index as i64),
            argument: error.c_argument().as_ptr(),
            expected: error.expected.as_ptr(),
            given: error.given().unwrap_or(0.0),
            needed: error.needed().unwrap_or(0.0),
            numbers: error.given().map_or(0, |_| SEGLOSS_ERROR_HAS_GIVEN as u32)
                | error.needed().map_or(0, |_| SEGLOSS_ERROR_HAS_NEEDED as u32),
            reserved: 0,
        };
        // SAFETY: the caller promises that `to` is writable; it need not be aligned.
        unsafe { to.write_unaligned(written) };
    }
    status
}

impl<'a> Call<'a> {
    /// Reads the arguments.
    ///
    /// # Safety
    /// As [`call`].
    unsafe fn new(args: segloss_args, data: Data, executor: &'a dyn Executor) -> Result<Self, Error> {
        if args.flags & !(SEGLOSS_ADD_TO_GRADIENT as u32) != 0 {
            return Err(unknown(c"flags", c"0 or SEGLOSS_ADD_TO_GRADIENT").with_given(args.flags.into()));
        }
        crate::parameter::check(&[(c"grad_scale", args.grad_scale)], |_| true, c"finite")?;
        let activation = match args.activation {
            1 => Activation::Softmax,
            2 => Activation::Sigmoid,
            3 => Activation::Probability,
            4 => Activation::ProbabilityPerClass,
            _ => {
                return Err(unknown(
                    c"activation",
                    c"SEGLOSS_SOFTMAX, _SIGMOID, _PROBABILITY or _PROBABILITY_PER_CLASS",
                ));
            }
        };
        // SAFETY: the caller promises valid pointers in args.
        unsafe {
            let missing = |name| Error::new(Status::NullPointer, name, c"a tensor");
            let prediction = tensor(&args.pred, data, c"pred")?.ok_or(missing(c"pred"))?;
            let target = tensor(&args.target, data, c"target")?.ok_or(missing(c"target"))?;
            let weight = tensor(&args.voxel_weight, data, c"voxel_weight")?;
            let per_class =
                prediction.shape().iter().take(2).fold(1usize, |n, &extent| n.saturating_mul(extent));
            let axes = prediction.shape().len().saturating_sub(2);
            let ignore = slice(args.ignore, args.ignore_len as usize, c"ignore")?;
            if ignore.is_none() && args.ignore_len > 0 {
                return Err(Error::new(Status::NullPointer, c"ignore", c"ignore_len labels"));
            }
            let gradient = output(&args.grad, &prediction, true, c"grad")?;
            Ok(Self {
                args,
                batch: Batch {
                    voxel_weight: weight.map(View::of),
                    class_present: slice(args.class_present, per_class, c"class_present")?,
                    ignore: ignore.unwrap_or(&[]),
                    spacing: slice(args.spacing, axes, c"spacing")?,
                    executor,
                    ..Batch::new(View::of(prediction), activation, View::of(target))
                },
                gradient,
            })
        }
    }

    /// Refuses an output that overlaps another argument. Only `grad` may overlap `pred`, in place.
    fn check_overlap(
        &self,
        terms: Option<&Terms>,
        problem: &Problem<'_>,
        typed: &[Term<'_>],
        add_ranges: AddRanges<'_>,
    ) -> Result<(), Error> {
        let Self { args, batch, gradient } = self;
        let (all, n_terms) = (problem.sums(), typed.len());
        let mut ranges = Ranges::new();
        let prediction = &batch.prediction.array;
        let in_place = gradient.as_ref().is_some_and(|gradient| {
            gradient.data == prediction.data
                && gradient.dtype == prediction.dtype
                && gradient.layout == prediction.layout
                && args.flags & SEGLOSS_ADD_TO_GRADIENT as u32 == 0
        });
        if !in_place {
            ranges.input(prediction.bytes(), c"pred");
        }
        ranges.input(batch.target.array.bytes(), c"target");
        if let Some(weight) = &batch.voxel_weight {
            ranges.input(weight.array.bytes(), c"voxel_weight");
        }
        ranges.input(bytes(args.class_present, all), c"class_present");
        ranges.input(bytes(args.ignore, args.ignore_len as usize), c"ignore");
        ranges.input(bytes(args.spacing, problem.extents().len()), c"spacing");
        terms.iter().for_each(|terms| terms.add_ranges(problem.classes, &mut ranges));
        if let Some(gradient) = gradient {
            ranges.output(gradient.bytes(), c"grad");
        }
        ranges.output(bytes(args.value, 1), c"value");
        ranges.output(bytes(args.term_values, n_terms), c"term_values");
        ranges.output(bytes(args.class_values, n_terms.saturating_mul(all)), c"class_values");
        ranges.output(bytes(args.class_sums, all), c"class_sums");
        ranges.output(bytes(args.scratch.cast::<u8>(), args.scratch_size), c"scratch");
        add_ranges(&mut ranges, problem, typed)?;
        // Added last, because the check names the last argument that overlaps: `report` then does not write it.
        ranges.output(bytes(args.error, 1), ERROR);
        ranges.check()
    }

    /// The scratch of the call.
    ///
    /// # Safety
    /// `scratch` is NULL or writable for `scratch_size` bytes, and nothing else refers to them.
    pub unsafe fn arena(&self) -> Result<Arena<'_>, Error> {
        let &segloss_args { scratch, scratch_size, .. } = &self.args;
        let size = if scratch.is_null() { 0 } else { scratch_size };
        if size > isize::MAX as usize {
            return Err(Error::new(Status::TooLarge, c"scratch", c"at most PTRDIFF_MAX bytes"));
        }
        // SAFETY: the caller promises `scratch_size` writable bytes.
        Ok(unsafe { Arena::over(scratch.cast(), size) })
    }

    /// The gradient output, if it is wanted.
    pub fn output(&self) -> Option<GradientOutput> {
        let add = self.args.flags & SEGLOSS_ADD_TO_GRADIENT as u32 != 0;
        self.gradient.as_ref().map(|array| GradientOutput::new(array, add))
    }
}

/// `B·C` class sums of C.
///
/// # Safety
/// As [`slice`].
pub(super) unsafe fn class_sums<'a>(
    data: *const segloss_class_sums,
    problem: &Problem<'_>,
    name: &'static CStr,
) -> Result<Option<&'a [ClassSums]>, Error> {
    // SAFETY: the caller promises `B·C` structs; the two structs have the same layout, which `structs` asserts.
    unsafe { slice(data.cast::<ClassSums>(), problem.sums(), name) }
}

/// `B·C` class sums of C, to be written.
///
/// # Safety
/// As [`slice_mut`].
pub(super) unsafe fn class_sums_mut<'a>(
    data: *mut segloss_class_sums,
    problem: &Problem<'_>,
    name: &'static CStr,
) -> Result<Option<&'a mut [ClassSums]>, Error> {
    // SAFETY: as in `class_sums`.
    unsafe { slice_mut(data.cast::<ClassSums>(), problem.sums(), name) }
}
