//! The public functions: value and gradient of a loss in one call, or in the three steps accumulate, finalize and
//! backward.

use crate::array::strided_rows::StridedRows;
use crate::array::view::ViewMut;
use crate::batch::Batch;
use crate::engine::arena::Arena;
use crate::engine::check_terms::check_terms;
use crate::engine::finalize::FinalizeOutputs;
use crate::engine::merged_samples;
use crate::engine::pass::GradientOutput;
use crate::engine::radix_select::TopKSearch;
use crate::engine::run::Request;
use crate::engine::top_k_select::fraction;
use crate::engine::workspace::{self, with_workspace};
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::parameter::check_length;
use crate::problem::{Problem, misfit};
use core::ffi::CStr;

/// The output of a gradient and its scale.
///
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Gradient, Term, View, ViewMut, differentiate, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let cross_entropy = CrossEntropy::default();
/// let terms = [Term::new(1.0, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
///
/// // The gradient times a loss scale of 1024, added to an f64 buffer that holds 1.
/// let mut buffer = [1f64; 6];
/// let output = ViewMut::new(&mut buffer, &[1, 2, 3])?;
/// let gradient = Gradient { scale: 1024.0, add: true, ..Gradient::new(output) };
/// differentiate(&batch, &terms, gradient, &mut scratch)?;
/// // The gradients of the two classes of a voxel sum to 0.
/// assert!((buffer[0] + buffer[3] - 2.0).abs() < 1e-3);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Debug)]
pub struct Gradient<'a> {
    /// The output, in the shape of the prediction; any floating-point type and strides.
    pub output: ViewMut<'a>,
    /// Multiplies the gradient before it is rounded to the element type of the output: autograd's `grad_output` times
    /// the loss scale. Finite.
    pub scale: f64,
    /// Adds the gradient to the content of the output instead of replacing it.
    pub add: bool,
}

impl<'a> Gradient<'a> {
    /// Creates an output with scale 1 that replaces the content of `output`.
    pub const fn new(output: ViewMut<'a>) -> Self {
        Self { output, scale: 1.0, add: false }
    }

    fn output(&self, problem: &Problem<'_>) -> Result<GradientOutput, Error> {
        let argument = c"gradient";
        if !self.output.dtype().is_float() {
            return Err(Error::new(Status::Dtype, argument, c"f16, bf16, f32 or f64"));
        }
        if self.output.shape() != problem.shape.shape() {
            let error = Error::new(Status::Shape, argument, c"the shape of the prediction");
            return Err(misfit(error, self.output.shape(), problem.shape.shape()));
        }
        crate::parameter::check(&[(c"scale", self.scale)], |_| true, c"finite")?;
        Ok(GradientOutput::new(&self.output.array, self.add))
    }
}

/// The optional outputs of [`run`].
///
/// ```
/// use segloss::{Activation, Batch, ClassSums, Dice, Outputs, Term, View, run, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let dice = Dice::default();
/// let terms = [Term::new(1.0, &dice)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
///
/// let (mut class_values, mut class_sums) = ([0.0; 2], [ClassSums::ZERO; 2]);
/// let outputs = Outputs {
///     class_values: Some(&mut class_values),
///     class_sums: Some(&mut class_sums),
///     ..Outputs::default()
/// };
/// let value = run(&batch, &terms, outputs, &mut scratch)?;
/// assert!((value - (class_values[0] + class_values[1]) / 2.0).abs() < 1e-15);
/// // One voxel of class 0, two of class 1.
/// assert_eq!((class_sums[0].target, class_sums[1].target), (1.0, 2.0));
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Outputs<'a> {
    /// The gradient with respect to the prediction.
    pub gradient: Option<Gradient<'a>>,
    /// The value of each term before it is multiplied by its weight: one entry per term.
    pub term_values: Option<&'a mut [f64]>,
    /// The values of region losses before averaging: `terms·B·C` entries, the class index fastest. With pooled
    /// classes or samples an entry is the value of the pool. NaN for a class that takes part in no value, and for
    /// voxel losses.
    pub class_values: Option<&'a mut [f64]>,
    /// The sums of each sample and class: `B·C` entries, the class index fastest.
    pub class_sums: Option<&'a mut [ClassSums]>,
}

/// Returns the number of scratch bytes that each function of this crate needs for the loss and the batch. The scratch
/// buffer may have any alignment.
///
/// The number depends on shapes, element types, terms and the number of workers only, and it does not decrease when an
/// extent grows: a buffer for the largest shape serves all.
///
/// # Errors
/// [`Error`] if the batch or a term is invalid.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Dice, Term, View, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let dice = Dice::default();
/// let mut scratch = vec![0u8; scratch_len(&batch, &[Term::new(1.0, &dice)])?];
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn scratch_len(batch: &Batch<'_>, terms: &[Term<'_>]) -> Result<usize, Error> {
    let problem = Problem::new(batch)?;
    check_terms(&problem, terms)?;
    workspace::scratch_len(&problem, terms)
}

/// Returns the value of a loss, `Σ_k λ_k·L_k` over its terms. An empty batch has the value 0.
///
/// # Errors
/// [`Error`] if the batch or a term is invalid, if a counted voxel has an invalid target or weight, if the loss is not
/// defined for the input, or if `scratch` is shorter than [`scratch_len`].
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Term, View, evaluate, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let cross_entropy = CrossEntropy::default();
/// let terms = [Term::new(1.0, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let value = evaluate(&batch, &terms, &mut scratch)?;
/// // The logits of the target class are ahead by 1, 4 and 1.
/// let expected = (2.0 * (-1f64).exp().ln_1p() + (-4f64).exp().ln_1p()) / 3.0;
/// assert!((value - expected).abs() < 1e-6);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn evaluate(batch: &Batch<'_>, terms: &[Term<'_>], scratch: &mut [u8]) -> Result<f64, Error> {
    run(batch, terms, Outputs::default(), scratch)
}

/// Returns the value of a loss and writes its gradient with respect to the prediction.
///
/// # Errors
/// As [`evaluate`]; and [`Error`] unless the gradient has the shape of the prediction, a floating-point type and a
/// finite scale. On error the gradient is unchanged.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Gradient, Term, View, ViewMut, differentiate, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let cross_entropy = CrossEntropy::default();
/// let terms = [Term::new(1.0, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let mut gradient = [0f32; 6];
/// let output = Gradient::new(ViewMut::new(&mut gradient, &[1, 2, 3])?);
/// let value = differentiate(&batch, &terms, output, &mut scratch)?;
/// // (s − g) / 3 for cross entropy after softmax: voxel 1 has s₀ = 1/(1 + e⁻⁴) and g₀ = 1.
/// let expected = (1.0 / (1.0 + (-4f32).exp()) - 1.0) / 3.0;
/// assert!(value > 0.0 && (gradient[1] - expected).abs() < 1e-6);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn differentiate(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    gradient: Gradient<'_>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    run(batch, terms, Outputs { gradient: Some(gradient), ..Outputs::default() }, scratch)
}

/// Returns the value of a loss and overwrites the prediction with `scale` times the gradient.
///
/// # Errors
/// As [`differentiate`]; and [`Status::Strides`] if two indices of the prediction map to the same element. On error the
/// prediction is unchanged.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Dice, Term, View, ViewMut, differentiate_in_place};
///
/// let mut logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// let labels = [1u8, 0, 1];
/// let prediction = ViewMut::new(&mut logits, &[1, 2, 3])?;
/// let mut batch = Batch::new(prediction, Activation::Softmax, View::new(&labels, &[1, 3])?);
/// let dice = Dice::default();
/// let mut scratch = vec![0; segloss::static_scratch_len(1, 2)];
/// differentiate_in_place(&mut batch, &[Term::new(1.0, &dice)], 1.0, &mut scratch)?;
/// // The slice holds the gradient: descent raises the logit of class 0 in voxel 1.
/// assert!(logits[1] < 0.0 && logits[4] > 0.0);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn differentiate_in_place(
    batch: &mut Batch<'_, ViewMut<'_>>,
    terms: &[Term<'_>],
    scale: f64,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let shared = batch.shared();
    let output = ViewMut::of(batch.prediction.array);
    if !output.array.layout.is_injective() {
        return Err(Error::new(Status::Strides, c"prediction", c"different elements for different indices"));
    }
    let gradient = Gradient { scale, ..Gradient::new(output) };
    run(&shared, terms, Outputs { gradient: Some(gradient), ..Outputs::default() }, scratch)
}

/// Returns the value of a loss and writes the given outputs.
///
/// # Errors
/// As [`differentiate`]; and [`Status::Shape`] for an output of the wrong length. On error all outputs are unchanged.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Dice, Outputs, Term, View, run, scratch_len};
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
/// let terms = [Term::new(1.0, &dice), Term::new(0.5, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let mut term_values = [0.0; 2];
/// let outputs = Outputs { term_values: Some(&mut term_values), ..Outputs::default() };
/// let value = run(&batch, &terms, outputs, &mut scratch)?;
/// assert!((value - (term_values[0] + 0.5 * term_values[1])).abs() < 1e-15);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn run(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    outputs: Outputs<'_>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let problem = Problem::new(batch)?;
    check_terms(&problem, terms)?;
    let sums = problem.sums();
    let check = |len: Option<usize>, needed: usize, argument: &'static CStr| match len {
        Some(len) => check_length(len, needed, argument, c"one entry per value"),
        None => Ok(()),
    };
    check(outputs.term_values.as_ref().map(|x| x.len()), terms.len(), c"term_values")?;
    let class_values = terms.len().saturating_mul(sums);
    check(outputs.class_values.as_ref().map(|x| x.len()), class_values, c"class_values")?;
    check(outputs.class_sums.as_ref().map(|x| x.len()), sums, c"class_sums")?;
    let request = Request {
        gradient: outputs.gradient.as_ref().map(|gradient| gradient.output(&problem)).transpose()?,
        grad_scale: outputs.gradient.as_ref().map_or(1.0, |gradient| gradient.scale),
        term_values: outputs.term_values,
        class_values: outputs.class_values,
        class_sums: outputs.class_sums,
    };
    if problem.is_empty() {
        return Ok(request.answer_empty());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts; the outputs are exclusive
    // borrows, or the prediction itself, of which the engine reads each block before it writes to it.
    unsafe { merged_samples::run(&problem, terms, request, arena) }
}

/// Adds the voxels of a part of a batch to its sums: the first of the three steps of a loss over a batch in parts.
///
/// A part is a view of some voxels of the same samples and classes, or of some of the samples. `class_sums` has one
/// entry per sample and class of the part, the class index fastest, and starts at [`ClassSums::ZERO`]. Sums of
/// several threads or machines are added field by field, for example by an all-reduce.
///
/// Parts that are cut at multiples of 16,384 voxels of a sample and accumulated in order give the same bits as the
/// whole batch. Other cuts and orders agree to 1e-12 relative; to 1e-7 if voxels are computed in f32 and a cut is not
/// a multiple of 64 voxels. The same bounds hold against [`run`] over 64 samples or more of at most 256 voxels each,
/// which it may sum as one sample.
///
/// # Errors
/// As [`evaluate`]; and [`Status::MissingField`] for a term without the distance field that it uses,
/// [`Status::Unsupported`] for TopK by fraction without a finished search over all parts (see [`TopKSearch`]). On error
/// the sums are unchanged.
///
/// # Examples
/// ```
/// use segloss::{
///     Activation, Batch, ClassSums, Dice, Term, View, ViewMut, accumulate, backward, finalize,
///     static_scratch_len,
/// };
///
/// // One sample of two classes and four voxels, in two parts of two voxels: [1, 2, 4] as two strided views.
/// let (logits, labels) = ([0.5f32, 1.0, -1.0, 0.25, 2.0, -0.5, 0.0, 1.5], [0u8, 1, 1, 0]);
/// let part = |k: usize| -> Result<Batch<'_>, segloss::Error> {
///     let prediction = View::strided(&logits, 2 * k, &[1, 2, 2], &[8, 4, 1])?;
///     Ok(Batch::new(prediction, Activation::Softmax, View::new(&labels[2 * k..2 * k + 2], &[1, 2])?))
/// };
/// let dice = Dice::default();
/// let terms = [Term::new(1.0, &dice)];
/// let mut scratch = vec![0; static_scratch_len(1, 2)];
///
/// let mut class_sums = [ClassSums::ZERO; 2];
/// for k in 0..2 {
///     accumulate(&part(k)?, &terms, &mut class_sums, &mut scratch)?;
/// }
/// let mut slopes = [ClassSums::ZERO; 2];
/// let value = finalize(&part(0)?, &terms, &class_sums, 1.0, Some(&mut slopes), &mut scratch)?;
/// let mut gradient = [0f32; 8];
/// for k in 0..2 {
///     let output = ViewMut::strided(&mut gradient, 2 * k, &[1, 2, 2], &[8, 4, 1])?;
///     backward(&part(k)?, &terms, &slopes, output, false, &mut scratch)?;
/// }
/// assert!(value > 0.0 && gradient.iter().all(|&x| x != 0.0));
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn accumulate(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    class_sums: &mut [ClassSums],
    scratch: &mut [u8],
) -> Result<(), Error> {
    let problem = Problem::new(part)?;
    check_terms(&problem, terms)?;
    check_sums(&problem, class_sums.len(), c"class_sums")?;
    if problem.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    with_workspace!(&problem, terms, arena, workspace => unsafe { workspace.accumulate(class_sums) })
}

/// Adds the voxels of a part of a batch to the counts of `search`, the search for the voxels that TopK by fraction
/// selects from all parts. `term` is the index of the TopK term.
///
/// Each round of the search counts every part once; [`TopKSearch::narrow`] ends the round. `terms` are the terms of the
/// later calls of [`accumulate`]. The function checks labels and weights as [`accumulate`] does. [`TopKSearch`] shows a
/// whole search.
///
/// # Errors
/// As [`accumulate`]; and [`Status::Parameter`] if the term does not select by fraction, already has a search, or the
/// search is done; [`Status::Dtype`] if the parts mix f64 with other types. On error the counts are unchanged.
///
/// # Examples
/// ```
/// use segloss::{
///     Activation, Batch, Selection, Term, TopK, TopKSearch, View, scratch_len, top_k_count,
/// };
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let top_k = TopK { selection: Selection::Fraction(0.5) };
/// let terms = [Term::new(1.0, &top_k)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let (mut search, mut rounds) = (TopKSearch::new(), 0);
/// while !search.is_done() {
///     top_k_count(&batch, &terms, 0, &mut search, &mut scratch)?;
///     search.narrow(&top_k)?;
///     rounds += 1;
/// }
/// assert!(rounds <= 3);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn top_k_count(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    term: usize,
    search: &mut TopKSearch,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let problem = Problem::new(part)?;
    check_terms(&problem, terms)?;
    check_searched(terms, term)?;
    if problem.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    with_workspace!(&problem, terms, arena, workspace => unsafe { workspace.count_top_k(term, search) })
}

/// Returns an error unless the term selects a fraction of the voxels and has no search.
pub(crate) fn check_searched(terms: &[Term<'_>], index: usize) -> Result<(), Error> {
    let expected = c"the index of a TopK term by fraction without a search";
    let is_searchable = terms.get(index).is_some_and(|term| {
        term.select.is_none() && matches!(term.loss.kind(), LossKind::Voxel(loss) if fraction(loss).is_some())
    });
    if is_searchable { Ok(()) } else { Err(Error::new(Status::Parameter, c"term", expected).in_term(index)) }
}

/// Returns the value of the loss of accumulated sums and writes its slopes: the second of the three steps.
///
/// `slopes` receives `scale` times the partial derivative of the loss with respect to each sum: one entry per sample
/// and class, as `class_sums`. The function reads the shapes and the options of `batch`, but no voxel; the spatial
/// extents may be those of any part.
///
/// # Errors
/// As [`evaluate`]; and [`Status::Shape`] unless `class_sums` and `slopes` have `B·C` entries, [`Status::Parameter`]
/// unless `scale` is finite. On error the slopes are unchanged.
///
/// # Examples
/// ```
/// use segloss::{
///     Activation, Batch, ClassSums, Dice, Outputs, Term, View, finalize, run, scratch_len,
/// };
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let dice = Dice::default();
/// let terms = [Term::new(1.0, &dice)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let mut class_sums = [ClassSums::ZERO; 2];
/// let outputs = Outputs { class_sums: Some(&mut class_sums), ..Outputs::default() };
/// let value = run(&batch, &terms, outputs, &mut scratch)?;
/// assert_eq!(finalize(&batch, &terms, &class_sums, 1.0, None, &mut scratch)?, value);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn finalize(
    batch: &Batch<'_>,
    terms: &[Term<'_>],
    class_sums: &[ClassSums],
    scale: f64,
    slopes: Option<&mut [ClassSums]>,
    scratch: &mut [u8],
) -> Result<f64, Error> {
    let problem = Problem::new(batch)?;
    check_terms(&problem, terms)?;
    crate::parameter::check(&[(c"scale", scale)], |_| true, c"finite")?;
    check_sums(&problem, class_sums.len(), c"class_sums")?;
    let slopes_len = slopes.as_ref().map_or(class_sums.len(), |slopes| slopes.len());
    check_sums(&problem, slopes_len, c"slopes")?;
    if problem.sums() == 0 {
        return Ok(0.0);
    }
    let mut results = FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: None, slopes };
    let arena = &mut Arena::new(scratch);
    with_workspace!(&problem, terms, arena, workspace => Ok(workspace.finalize(class_sums, scale, &mut results)))
}

/// Writes the gradient of a part of a batch from the slopes of the whole batch: the last of the three steps.
///
/// `output` has the shape of the part's prediction. With `add` the gradient is added to the content of `output`. The
/// scale of the gradient is that of [`finalize`]. [`accumulate`] shows the three steps.
///
/// # Errors
/// As [`accumulate`]; and [`Error`] unless `output` has the shape of the prediction and a floating-point type. Labels
/// and weights are not checked again: accumulate every part first, and finish that before a gradient overwrites a
/// prediction.
///
/// # Examples
/// ```
/// use segloss::{
///     Activation, Batch, ClassSums, CrossEntropy, Term, View, ViewMut, accumulate, backward, finalize,
///     scratch_len,
/// };
///
/// # let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// # let labels = [1u8, 0, 1];
/// # let (prediction, target) = (View::new(&logits, &[1, 2, 3])?, View::new(&labels, &[1, 3])?);
/// let batch = Batch::new(prediction, Activation::Softmax, target);
/// let cross_entropy = CrossEntropy::default();
/// let terms = [Term::new(1.0, &cross_entropy)];
/// let mut scratch = vec![0; scratch_len(&batch, &terms)?];
/// let (mut class_sums, mut slopes) = ([ClassSums::ZERO; 2], [ClassSums::ZERO; 2]);
/// accumulate(&batch, &terms, &mut class_sums, &mut scratch)?;
/// finalize(&batch, &terms, &class_sums, 1.0, Some(&mut slopes), &mut scratch)?;
/// let mut gradient = [0f32; 6];
/// backward(&batch, &terms, &slopes, ViewMut::new(&mut gradient, &[1, 2, 3])?, false, &mut scratch)?;
/// assert!(gradient[1] < 0.0, "voxel 1 has label 0");
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn backward(
    part: &Batch<'_>,
    terms: &[Term<'_>],
    slopes: &[ClassSums],
    output: ViewMut<'_>,
    add: bool,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let problem = Problem::new(part)?;
    check_terms(&problem, terms)?;
    check_sums(&problem, slopes.len(), c"slopes")?;
    let output = Gradient { add, ..Gradient::new(output) }.output(&problem)?;
    if problem.is_empty() {
        return Ok(());
    }
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts; the output is an exclusive borrow.
    with_workspace!(&problem, terms, arena, workspace => unsafe { workspace.backward(slopes, output) })
}

/// Writes the distance field that [`run`] computes for `term` from the target.
///
/// `output` has the shape `[B, C, …]`; `[B, …]` for a loss with one map for all classes ([`DistancePenalized`]). Its
/// type is f32 or f64. For [`Hausdorff`] the field is the part of the target, `d_G^α`; each run adds the part of the
/// prediction. A run with the field in [`Term::field`] gives the same bits as a run without it, if the field has the
/// type that voxels are computed in: f64 for an f64 prediction, f32 otherwise.
///
/// # Errors
/// As [`evaluate`]; and [`Status::Unsupported`] for a loss without a field, [`Status::Shape`] and [`Status::Dtype`] for
/// another shape or type of `output`.
///
/// [`DistancePenalized`]: crate::distribution::distance_penalized::DistancePenalized
/// [`Hausdorff`]: crate::boundary::hausdorff::Hausdorff
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, Boundary, Term, View, ViewMut, distance_field, scratch_len};
///
/// let (logits, labels) = ([0f32; 10], [0u8, 1, 1, 0, 0]);
/// let prediction = View::new(&logits, &[1, 2, 5])?;
/// let batch = Batch::new(prediction, Activation::Softmax, View::new(&labels, &[1, 5])?);
/// let boundary = Boundary::default();
/// let term = Term::new(1.0, &boundary);
/// let mut scratch = vec![0; scratch_len(&batch, &[term])?];
/// let mut field = [0f32; 10];
/// distance_field(&batch, &term, ViewMut::new(&mut field, &[1, 2, 5])?, &mut scratch)?;
/// // The signed distance of class 1: negative inside, positive outside.
/// assert_eq!(field[5..], [1.0, -1.0, -1.0, 1.0, 2.0]);
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn distance_field(
    batch: &Batch<'_>,
    term: &Term<'_>,
    output: ViewMut<'_>,
    scratch: &mut [u8],
) -> Result<(), Error> {
    let problem = Problem::new(batch)?;
    let terms = [Term { field: None, field_complete: false, ..*term }];
    check_terms(&problem, &terms)?;
    let shared = term.loss.field().is_some_and(|field| field.is_shared());
    let has_shape = match problem.shape.shape() {
        [samples, _, spatial @ ..] if shared => output.shape().split_first() == Some((samples, spatial)),
        full => output.shape() == full,
    };
    if !has_shape {
        return Err(Error::new(
            Status::Shape,
            c"field",
            c"[B, C, ...], or [B, ...] for a loss with one map for all classes",
        ));
    }
    if !matches!(output.dtype(), crate::array::dtype::Dtype::F32 | crate::array::dtype::Dtype::F64) {
        return Err(Error::new(Status::Dtype, c"field", c"f32 or f64"));
    }
    if problem.is_empty() && term.loss.field().is_some() {
        return Ok(());
    }
    let rows = if shared {
        StridedRows::without_classes(&output.array)
    } else {
        StridedRows::with_classes(&output.array)
    };
    let arena = &mut Arena::new(scratch);
    // SAFETY: views borrow their slices, which hold every element of their layouts; the output is an exclusive borrow.
    with_workspace!(&problem, &terms, arena, workspace => unsafe { workspace.write_field(rows) })
}

fn check_sums(problem: &Problem<'_>, len: usize, argument: &'static CStr) -> Result<(), Error> {
    check_length(len, problem.sums(), argument, c"B*C entries")
}
