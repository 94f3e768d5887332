//! The front door: a batch and a loss in, a value and a gradient out.

use crate::batch::{Problem, check_length, misfit};
use crate::engine::arena::Arena;
use crate::engine::bench::{self, with_workspace};
use crate::engine::finish::FinalizeOutputs;
use crate::engine::joined;
use crate::engine::ranks::fraction;
use crate::engine::run::Request;
use crate::engine::source::StridedRows;
use crate::engine::sweep::GradientOutput;
use crate::{Batch, ClassSums, Error, LossKind, MAX_TERMS, Status, Term, TopKSearch, ViewMut};
use core::ffi::CStr;

/// Where a gradient goes, and what it is multiplied by.
#[derive(Debug)]
pub struct Gradient<'a> {
    /// Shape of the prediction; any floating-point type and strides.
    pub output: ViewMut<'a>,
    /// Multiplies the gradient before it is rounded to the output's type: autograd's
    /// `grad_output` times the loss scale.
    pub scale: f64,
    /// Adds to what is there instead of replacing it.
    pub add: bool,
}

impl<'a> Gradient<'a> {
    /// The gradient itself, written over what is there.
    pub const fn new(into: ViewMut<'a>) -> Self {
        Self { output: into, scale: 1.0, add: false }
    }

    fn output(&self, plan: &Problem<'_>) -> Result<GradientOutput, Error> {
        let argument = c"grad";
        if !self.output.dtype().is_float() {
            return Err(Error::new(Status::Dtype, argument, c"f16, bf16, f32 or f64"));
        }
        if self.output.shape() != plan.shape.shape() {
            let error = Error::new(Status::Shape, argument, c"the shape of the prediction");
            return Err(misfit(error, self.output.shape(), plan.shape.shape()));
        }
        crate::loss::check(&[(c"grad_scale", self.scale)], |_| true, c"finite")?;
        Ok(GradientOutput::new(&self.output.array, self.add))
    }
}

/// What a run may tell besides the value of the loss; every part may be left out.
#[derive(Debug, Default)]
pub struct Outputs<'a> {
    /// The gradient with respect to the prediction.
    pub gradient: Option<Gradient<'a>>,
    /// The value of each term before its weight.
    pub term_values: Option<&'a mut [f64]>,
    /// `terms·B·C` values of region forms before averaging: the value that the class of the sample
    /// took part in, NaN where there is none.
    pub class_values: Option<&'a mut [f64]>,
    /// `B·C` tallies.
    pub class_sums: Option<&'a mut [ClassSums]>,
}

/// Bytes of scratch that every function here needs for this loss and batch, at any alignment.
/// The answer grows with each extent: what serves the largest batch serves all.
///
/// # Errors
/// [`Error`] if shapes do not belong together or a parameter is out of range.
pub fn scratch_len(batch: &Batch<'_>, terms: &[Term<'_>]) -> Result<usize, Error> {
    let plan = Problem::new(batch)?;
    plan.check_terms(terms)?;
    bench::scratch_len(&plan, terms)
}

/// The value of a loss.
///
/// # Errors
/// [`Error`] if anything is wrong with the batch, the terms or the scratch.
pub fn evaluate(batch: &Batch<'_>, terms: &[Term<'_>], scratch: &mut [u8]) -> Result<f64, Error> {
    run(batch, terms, Outputs::default(), scratch)
}

/// The value of a loss, and its gradient with respect to the prediction.
///
/// # Errors
/// As [`evaluate`]; the gradient is then untouched.
pub fn differentiate(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    gradient: Gradient<'_>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    run(batch, terms, Outputs { gradient: Some(gradient), ..Outputs::default() }, scratch)
}

/// [`differentiate`], writing `scale` times the gradient over the prediction.
///
/// # Errors
/// As [`evaluate`]; the prediction is then untouched.
pub fn differentiate_in_place(
    batch: &mut Batch<'_, ViewMut<'_>>,
    terms: &[Term<'_>],
    scale: f64,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let shared = batch.shared();
    let into = ViewMut::of(batch.prediction.array);
    if !into.array.layout.is_injective() {
        return Err(Error::new(Status::Strides, c"prediction", c"each element once"));
    }
    let gradient = Gradient { scale, ..Gradient::new(into) };
    run(&shared, terms, Outputs { gradient: Some(gradient), ..Outputs::default() }, scratch)
}

/// The value of a loss, and whatever `report` asks for.
///
/// # Errors
/// As [`evaluate`]; nothing of the report is then written.
pub fn run(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    report: Outputs<'_>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let plan = Problem::new(batch)?;
    plan.check_terms(terms)?;
    let all = plan.sums();
    let length = |what: Option<usize>, wanted: usize, name: &'static CStr| match what {
        Some(len) => check_length(len, wanted, name, c"one entry for each value"),
        None => Ok(()),
    };
    length(report.term_values.as_ref().map(|x| x.len()), terms.len(), c"term_values")?;
    length(report.class_values.as_ref().map(|x| x.len()), terms.len().saturating_mul(all), c"class_values")?;
    length(report.class_sums.as_ref().map(|x| x.len()), all, c"tallies")?;
    let request = Request {
        gradient: report.gradient.as_ref().map(|gradient| gradient.output(&plan)).transpose()?,
        grad_scale: report.gradient.as_ref().map_or(1.0, |gradient| gradient.scale),
        term_values: report.term_values,
        class_values: report.class_values,
        tallies: report.class_sums,
    };
    if plan.is_empty() {
        return Ok(request.answer_empty());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts; the outputs
    // are exclusive, or the prediction itself, whose tiles are read before they are written.
    unsafe { joined::run(&plan, terms, request, arena) }
}

/// Adds the voxels of a part of a batch to `tallies`, which start at zero: one per sample and class.
///
/// A part is any view of some voxels of the same samples and classes, or of some samples. Parts cut
/// at multiples of 16,384 voxels and folded in order give the bits of the whole.
/// Any other cut or order agrees to 1e-12, but for one inside a block of 64 voxels computed in f32: to 1e-7. So does a
/// batch of 64 samples or more of at most 256 voxels each, over which [`run`] sums a loss of the whole batch at once.
///
/// # Errors
/// As [`evaluate`]; and [`Status::MissingField`] for a term whose field would have to be computed,
/// [`Status::Unsupported`] for TopK by fraction without a search over all parts (see [`TopKSearch`]).
pub fn accumulate(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    tallies: &mut [ClassSums],
    scratch: &mut [u8],
) -> Result<(), Error> {
    let plan = Problem::new(part)?;
    plan.check_terms(terms)?;
    check_tallies(&plan, tallies.len(), c"tallies")?;
    if plan.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    with_workspace!(&plan, terms, arena, bench => unsafe { bench.accumulate(tallies) })
}

/// Adds a part of a batch to the counts of `search`, which finds the voxels that term number `term`, TopK by fraction,
/// selects from all parts. Every part is counted once a round, then [`TopKSearch::narrow`] ends the round.
///
/// The other terms are those with which the parts are folded afterwards. Labels are checked.
///
/// # Errors
/// As [`fold`]; and [`Status::Parameter`] for a term that selects no fraction, or has a search already, or a search
/// that is done; [`Status::Dtype`] for a part of another precision. Nothing is then counted.
pub fn top_k_count(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    term: usize,
    search: &mut TopKSearch,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let plan = Problem::new(part)?;
    plan.check_terms(terms)?;
    check_searched(terms, term)?;
    if plan.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    with_workspace!(&plan, terms, arena, bench => unsafe { bench.count_ranks(term, search) })
}

/// Refuses a search for a term that needs none.
pub(crate) fn check_searched(terms: &[Term<'_>], index: usize) -> Result<(), Error> {
    let wants = c"the index of a TopK by fraction without a search of its own";
    let is_searched = terms.get(index).is_some_and(|term| {
        term.select.is_none() && matches!(term.loss.kind(), LossKind::Voxel(rows) if fraction(rows).is_some())
    });
    if is_searched { Ok(()) } else { Err(Error::new(Status::Parameter, c"term", wants).in_term(index)) }
}

/// The value of the loss whose parts were folded into `tallies`, and the slopes for [`map`], which
/// `scale` multiplies. Reads shapes and options of `batch`, no voxels.
///
/// # Errors
/// As [`evaluate`].
pub fn finalize(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    tallies: &[ClassSums],
    scale: f64,
    slopes: Option<&mut [ClassSums]>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let plan = Problem::new(batch)?;
    plan.check_terms(terms)?;
    crate::loss::check(&[(c"grad_scale", scale)], |_| true, c"finite")?;
    check_tallies(&plan, tallies.len(), c"tallies")?;
    check_tallies(&plan, slopes.as_ref().map_or(tallies.len(), |slopes| slopes.len()), c"slopes")?;
    if plan.sums() == 0 {
        return Ok(0.0);
    }
    let mut results = FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: None, slopes };
    let arena = &mut Arena::new(scratch);
    with_workspace!(&plan, terms, arena, bench => Ok(bench.finalize(tallies, scale, &mut results)))
}

/// Writes the gradient of a part of a batch from the slopes of the whole, or adds it to what `into` holds if
/// `accumulate`. The scale of the gradient is in the slopes: [`finish`] puts it there.
///
/// # Errors
/// As [`fold`]. Labels are not checked again: fold every part first.
pub fn backward(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    slopes: &[ClassSums],
    into: ViewMut<'_>,
    accumulate: bool,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let plan = Problem::new(part)?;
    plan.check_terms(terms)?;
    check_tallies(&plan, slopes.len(), c"slopes")?;
    let output = Gradient { add: accumulate, ..Gradient::new(into) }.output(&plan)?;
    if plan.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: as in `run`.
    with_workspace!(&plan, terms, arena, bench => unsafe { bench.backward(slopes, output) })
}

/// Writes the field that [`run`] would compute for `term` from the target: for Hausdorff the target's
/// half, to which every run adds the prediction's. It is `[B, C, …]` or, for a form with one map for
/// all classes, `[B, …]`. Given back with the term it yields the same bits, if it has the precision
/// of the run: f64 for an f64 prediction, else f32.
///
/// # Errors
/// As [`evaluate`]; and [`Status::Unsupported`] for a form without a field.
pub fn distance_field(
    batch: &Batch<'_>,
    term: &Term<'_>,
    into: ViewMut<'_>,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let plan = Problem::new(batch)?;
    let terms = [Term { field: None, field_complete: false, ..*term }];
    plan.check_terms(&terms)?;
    let shared = term.loss.field().is_some_and(|field| field.is_shared());
    let fits = match plan.shape.shape() {
        [samples, _, spatial @ ..] if shared => into.shape().split_first() == Some((samples, spatial)),
        full => into.shape() == full,
    };
    if !fits {
        return Err(Error::new(
            Status::Shape,
            c"field",
            c"[B, C, ...], or [B, ...] if one map serves all classes",
        ));
    }
    if !matches!(into.dtype(), crate::Dtype::F32 | crate::Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"field", c"f32 or f64"));
    }
    if plan.is_empty() && term.loss.field().is_some() {
        return Ok(());
    }
    let output = if shared {
        StridedRows::without_classes(&into.array)
    } else {
        StridedRows::with_classes(&into.array)
    };
    let arena = &mut Arena::new(scratch);
    // SAFETY: as in `run`.
    with_workspace!(&plan, &terms, arena, bench => unsafe { bench.write_field(output) })
}

fn check_tallies(plan: &Problem<'_>, len: usize, argument: &'static CStr) -> Result<(), Error> {
    check_length(len, plan.sums(), argument, c"B*C entries")
}
