//! Value and gradient of a loss in one call, the size of its scratch buffer, and its distance field.

use crate::array::strided_rows::StridedRows;
use crate::array::view::ViewMut;
use crate::batch::Batch;
use crate::engine::arena::Arena;
use crate::engine::check_terms::check_terms;
use crate::engine::merged_samples;
use crate::engine::pass::GradientOutput;
use crate::engine::run::Request;
use crate::engine::workspace::{self, with_workspace};
use crate::error::{Error, Status};
use crate::loss::sums::ClassSums;
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

    pub(crate) fn output(&self, problem: &Problem<'_>) -> Result<GradientOutput, Error> {
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
