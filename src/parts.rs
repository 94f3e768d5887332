//! A batch in parts: the three steps of a loss, one call each.
//!
//! A loss depends on the voxels only through its [`ClassSums`], and sums add. So the parts of a batch (tiles of a
//! volume, samples, the voxels of each machine) may be computed one after the other or at the same time:
//!
//! ```text
//! accumulate(part, sums)             every part: adds its voxels to the sums
//!                                    machines: an all-reduce adds their sums, which are f64
//! finalize(sums) → value, slopes     once; reads no voxel
//! backward(part, slopes)             every part: writes its gradient
//! ```
//!
//! ```
//! use segloss::parts::{accumulate, backward, finalize};
//! use segloss::{
//!     Activation, Batch, ClassSums, Dice, Error, Gradient, Term, View, ViewMut, differentiate,
//!     static_scratch_len,
//! };
//!
//! // One sample of two classes and four voxels on two machines of two voxels each.
//! let logits = [[0.5f32, 1.0, 2.0, -0.5], [-1.0, 0.25, 0.0, 1.5]];
//! let labels = [[0u8, 1], [1, 0]];
//! let part = |machine: usize| -> Result<Batch<'_>, Error> {
//!     let prediction = View::new(&logits[machine], &[1, 2, 2])?;
//!     Ok(Batch::new(prediction, Activation::Softmax, View::new(&labels[machine], &[1, 2])?))
//! };
//! let dice = Dice::default();
//! let terms = [Term::new(1.0, &dice)];
//! let mut scratch = vec![0; static_scratch_len(1, 2)];
//!
//! // Each machine has sums of its own, one entry per sample and class; the all-reduce adds them.
//! let mut sums = [[ClassSums::ZERO; 2]; 2];
//! accumulate(&part(0)?, &terms, &mut sums[0], &mut scratch)?;
//! accumulate(&part(1)?, &terms, &mut sums[1], &mut scratch)?;
//! let [mut all, other] = sums;
//! all.iter_mut().zip(&other).for_each(|(sum, other)| *sum += other);
//!
//! let mut slopes = [ClassSums::ZERO; 2];
//! let value = finalize(&part(0)?, &terms, &all, 1.0, Some(&mut slopes), &mut scratch)?;
//! let mut gradient = [[0f32; 4]; 2];
//! for (machine, gradient) in gradient.iter_mut().enumerate() {
//!     let output = ViewMut::new(gradient, &[1, 2, 2])?;
//!     backward(&part(machine)?, &terms, &slopes, output, false, &mut scratch)?;
//! }
//!
//! // The whole batch in one call has the same value.
//! let (whole, labels) = ([0.5f32, 1.0, -1.0, 0.25, 2.0, -0.5, 0.0, 1.5], labels.concat());
//! let batch = Batch::new(View::new(&whole, &[1, 2, 4])?, Activation::Softmax, View::new(&labels, &[1, 4])?);
//! let mut expected = [0f32; 8];
//! let output = Gradient::new(ViewMut::new(&mut expected, &[1, 2, 4])?);
//! assert!((differentiate(&batch, &terms, output, &mut scratch)? - value).abs() < 1e-7);
//! assert!((expected[2] - gradient[1][0]).abs() < 1e-7);
//! # Ok::<(), Error>(())
//! ```
//!
//! Distance fields are not computed in parts: each part takes its own through [`Term::field`]. TopK by fraction first
//! searches all parts for the lowest loss that it selects: [`TopKSearch`] with [`top_k_count`].

use crate::api::Gradient;
use crate::array::view::ViewMut;
use crate::batch::Batch;
use crate::engine::arena::Arena;
use crate::engine::check_terms::check_terms;
use crate::engine::finalize::FinalizeOutputs;
pub use crate::engine::radix_select::TopKSearch;
use crate::engine::top_k_select::fraction;
use crate::engine::workspace::with_workspace;
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::parameter::{check, check_length};
use crate::problem::Problem;
use core::ffi::CStr;

/// Adds the voxels of a part of a batch to its sums: the first of the three steps of a loss over a batch in parts.
///
/// A part is a view of some voxels of the same samples and classes, or of some of the samples. `class_sums` has one
/// entry per sample and class of the part, the class index fastest, and starts at [`ClassSums::ZERO`]. Sums of
/// several threads or machines are added field by field, for example by an all-reduce.
///
/// Parts that are cut at multiples of 16,384 voxels of a sample and accumulated in order give the same bits as the
/// whole batch. Other cuts and orders agree to 1e-12 relative; to 1e-7 if voxels are computed in f32 and a cut is not
/// a multiple of 256 voxels. [`run`](crate::api::run) agrees to the bit if it is asked for class sums. Otherwise it
/// may sum cross entropy over all classes at once, and 64 samples or more of at most 256 voxels each as one sample:
/// its value then agrees to 1e-7.
///
/// # Errors
/// As [`evaluate`](crate::api::evaluate); and [`Status::MissingField`] for a term without the distance field that it
/// uses, [`Status::Unsupported`] for TopK by fraction without a finished search over all parts (see [`TopKSearch`]). On
/// error the sums are unchanged.
///
/// # Examples
/// ```
/// use segloss::parts::{accumulate, backward, finalize};
/// use segloss::{Activation, Batch, ClassSums, Dice, Term, View, ViewMut, static_scratch_len};
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
/// use segloss::parts::{TopKSearch, top_k_count};
/// use segloss::{Activation, Batch, Selection, Term, TopK, View, scratch_len};
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
        term.top_k_search.is_none()
            && matches!(term.loss.kind(), LossKind::Voxel(loss) if fraction(loss).is_some())
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
/// As [`evaluate`](crate::api::evaluate); and [`Status::Shape`] unless `class_sums` and `slopes` have `B·C` entries,
/// [`Status::Parameter`] unless `scale` is finite. On error the slopes are unchanged.
///
/// # Examples
/// ```
/// use segloss::parts::finalize;
/// use segloss::{Activation, Batch, ClassSums, Dice, Outputs, Term, View, run, scratch_len};
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
    check(&[(c"scale", scale)], |_| true, c"finite")?;
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
/// use segloss::parts::{accumulate, backward, finalize};
/// use segloss::{Activation, Batch, ClassSums, CrossEntropy, Term, View, ViewMut, scratch_len};
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

fn check_sums(problem: &Problem<'_>, len: usize, argument: &'static CStr) -> Result<(), Error> {
    check_length(len, problem.sums(), argument, c"B*C entries")
}
