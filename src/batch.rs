//! A batch: what was predicted, what is true, and which voxels count. Every check of shapes is here.

use crate::engine::labels::Legend;
use crate::engine::source::Source;
use crate::executor::Workers;
use crate::view::{Array, Layout};
use crate::{
    Absent, ClassAverage, Dtype, Error, Executor, Here, Parts, SampleAverage, Status, Term, View, ViewMut,
};
use core::ffi::CStr;

/// What the numbers of a prediction are.
///
/// A NaN of a voxel that counts makes the value NaN, and the gradient of that voxel; ±∞ are legal, as the limits they
/// are. Probabilities outside [0, 1] are legal: sums and mismatches take them as they are, logarithms take at least
/// 2⁻¹²⁶ of `s` and of `1 − s`, powers at least 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Activation {
    /// Logits of classes that exclude each other.
    Softmax = 1,
    /// Logits of classes on their own.
    Sigmoid = 2,
    /// Probabilities of classes that exclude each other; a single class is on its own.
    Probability = 3,
    /// Probabilities of classes on their own.
    ProbabilityPerClass = 4,
}

impl Activation {
    /// Whether the classes exclude each other, so that a likelihood is due on the true one only.
    pub const fn is_exclusive(self) -> bool {
        matches!(self, Activation::Softmax | Activation::Probability)
    }
}

/// A batch of `B` samples, `C` classes and any number of spatial axes.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, P = View<'a>> {
    /// Logits or probabilities `[B, C, …]`, floating-point.
    pub prediction: P,
    /// What they are.
    pub activation: Activation,
    /// Labels `[B, …]` or `[B, 1, …]`, integers; or 0/1 masks `[B, C, …]`, integers; or dense maps
    /// `[B, C, …]`, floating-point. For one class labels are 0/1 masks.
    pub target: View<'a>,
    /// A weight `[B, …]` per voxel, finite and ≥ 0.
    pub voxel_weight: Option<View<'a>>,
    /// `B·C` flags: whether the class is annotated in the sample.
    pub class_present: Option<&'a [u8]>,
    /// Labels that do not count. Label targets only.
    pub ignore: &'a [i64],
    /// The distance of neighbouring voxels along each spatial axis; `None` is 1.
    pub spacing: Option<&'a [f64]>,
    /// Who does the work; unless given, the calling thread.
    pub executor: &'a dyn Executor,
}

impl<'a, P> Batch<'a, P> {
    /// A batch in which every voxel and every class counts.
    pub const fn new(prediction: P, activation: Activation, target: View<'a>) -> Self {
        Self {
            prediction,
            activation,
            target,
            voxel_weight: None,
            class_present: None,
            ignore: &[],
            spacing: None,
            executor: &Here,
        }
    }
}

impl<'a> Batch<'a, ViewMut<'a>> {
    /// The same batch with the prediction as an input; the engine reads it before it writes.
    pub(crate) fn shared(&self) -> Batch<'_> {
        Batch {
            prediction: View::of(self.prediction.array),
            activation: self.activation,
            target: self.target,
            voxel_weight: self.voxel_weight,
            class_present: self.class_present,
            ignore: self.ignore,
            spacing: self.spacing,
            executor: self.executor,
        }
    }
}

/// How the truth is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// One label per voxel.
    Labels,
    /// An integer 0/1 map per class.
    Masks,
    /// A floating-point map per class.
    Dense,
}

/// A batch whose shapes have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub samples: usize,
    pub classes: usize,
    pub voxels: usize,
    pub activation: Activation,
    pub prediction: Source,
    pub truth: Truth,
    pub target: Source,
    /// The target as an array.
    pub target_array: Array,
    pub weight: Option<Source>,
    pub class_present: Option<&'a [u8]>,
    pub ignore: &'a [i64],
    pub spacing: Option<&'a [f64]>,
    pub executor: Workers<'a>,
    /// The prediction as an array: its shape is that of the gradient.
    pub shape: Array,
}

fn refuse<T>(status: Status, argument: &'static CStr, wants: &'static CStr) -> Result<T, Error> {
    Err(Error::new(status, argument, wants))
}

impl<'a> Plan<'a> {
    pub fn new(batch: &Batch<'a>) -> Result<Self, Error> {
        let prediction = &batch.prediction.array;
        let &[samples, classes, ref spatial @ ..] = prediction.shape() else {
            return refuse(Status::Shape, c"pred", c"[B, C, ...] with at least one spatial axis");
        };
        if spatial.is_empty() {
            return refuse(Status::Shape, c"pred", c"[B, C, ...] with at least one spatial axis");
        }
        if !prediction.dtype.is_float() {
            return refuse(Status::Dtype, c"pred", c"f16, bf16, f32 or f64");
        }
        let activation = match batch.activation {
            Activation::Softmax if classes == 1 => {
                return refuse(Status::Unsupported, c"activation", c"two classes or more for softmax");
            }
            Activation::Probability if classes == 1 => Activation::ProbabilityPerClass,
            given => given,
        };
        // The engine's class indices are i32, as are labels of any interest.
        if classes >= i32::MAX as usize {
            return refuse(Status::TooLarge, c"pred", c"fewer than 2^31 classes");
        }
        let elements = prediction.layout.elements(prediction.dtype.size(), c"pred")?;
        let voxels = elements.checked_div(samples).and_then(|n| n.checked_div(classes)).unwrap_or(0);

        let (truth, target) = target_of(&batch.target.array, prediction)?;
        if truth != Truth::Labels && !batch.ignore.is_empty() {
            return refuse(Status::Unsupported, c"ignore", c"labels as target");
        }
        let weight = batch.voxel_weight.map(|weight| weight_of(&weight.array, prediction)).transpose()?;
        if batch.class_present.is_some_and(|present| present.len() != samples.saturating_mul(classes)) {
            return refuse(Status::Shape, c"class_present", c"B*C entries");
        }
        if let Some(spacing) = batch.spacing {
            check_spacing(spacing, spatial.len())?;
        }
        Ok(Self {
            samples,
            classes,
            voxels,
            activation,
            prediction: Source::with_classes(prediction),
            truth,
            target,
            target_array: batch.target.array,
            weight,
            class_present: batch.class_present,
            ignore: batch.ignore,
            spacing: batch.spacing,
            executor: Workers::of(batch.executor),
            shape: *prediction,
        })
    }

    /// Whether there is no voxel to read: an extent of the prediction is 0.
    pub fn is_empty(&self) -> bool {
        self.shape.shape().contains(&0)
    }

    /// The number of sums: one per sample and class. Only an empty prediction can have more than memory.
    pub fn sums(&self) -> usize {
        self.samples.saturating_mul(self.classes)
    }

    /// The target of a sample, for maps of a class of it, as an array of the spatial axes.
    pub fn target_of(&self, sample: usize, class: usize) -> Option<Array> {
        let Array { data, dtype, layout } = &self.target_array;
        let leading = layout.shape().len().checked_sub(self.extents().len())?;
        // Labels with one channel have class 0 only.
        let start = layout.strides().iter().zip([sample, class]).take(leading);
        let start =
            start.fold(0isize, |sum, (&stride, index)| sum.wrapping_add(stride.wrapping_mul(index as isize)));
        let data = data.wrapping_offset(start.wrapping_mul(dtype.size() as isize));
        let mut strides = layout.strides().iter().copied().skip(leading);
        let layout = Layout::new(self.extents().iter().copied(), Some(&mut strides), c"target").ok()?;
        Some(Array { data, dtype: *dtype, layout })
    }

    /// How many tasks run at once.
    pub fn workers(&self) -> usize {
        self.executor.workers()
    }

    /// The spatial extents.
    pub fn extents(&self) -> &[usize] {
        self.shape.shape().get(2..).unwrap_or(&[])
    }

    /// How the labels are read.
    pub fn legend(&self) -> Legend<'a> {
        Legend { classes: (self.classes as i32).max(2), ignore: self.ignore }
    }

    /// The label by which class `class` is meant: a single class is label 1.
    pub fn label_of(&self, class: usize) -> i32 {
        if self.classes == 1 { 1 } else { class as i32 }
    }

    /// Whether class `class` is annotated in `sample`.
    pub fn is_annotated(&self, sample: usize, class: usize) -> bool {
        let flag = self.class_present.and_then(|flags| flags.get(sample * self.classes + class));
        flag.is_none_or(|&flag| flag != 0)
    }

    /// Whether voxels are computed in double precision.
    pub fn is_double(&self) -> bool {
        self.prediction.dtype == Dtype::F64
    }

    /// Checks the terms of a loss against the batch.
    pub fn check_terms(&self, terms: &[Term<'_>]) -> Result<(), Error> {
        if terms.is_empty() || terms.len() > crate::MAX_TERMS {
            return refuse(Status::Parameter, c"n_terms", c"1 to 4 terms");
        }
        terms.iter().enumerate().try_for_each(|(k, term)| self.check_term(term).map_err(|e| e.in_term(k)))
    }

    fn check_term(&self, term: &Term<'_>) -> Result<(), Error> {
        match term.form.parts() {
            Parts::Region(form) => form.validate()?,
            Parts::Joint(form) => form.validate()?,
            Parts::Cost(form) => form.check()?,
        }
        term.form.check_classes(self.classes)?;
        check_options(term)?;
        crate::loss::within(&[(c"weight", term.weight)], |_| true, c"finite")?;
        if let Some(weights) = term.class_weight {
            if weights.len() != self.classes {
                return refuse(Status::Shape, c"class_weight", c"one per class");
            }
            if let Some(class) = weights.iter().position(|&v| !(v.is_finite() && v >= 0.0)) {
                return Err(Error::new(Status::Parameter, c"class_weight", c"finite and >= 0").at(class));
            }
            if self.classes > 0 && (0..self.classes).all(|class| term.leaves_out(class, self.classes)) {
                return refuse(
                    Status::Parameter,
                    c"class_weight",
                    c"at least one class above 0 that is not excluded as the background",
                );
            }
        }
        Ok(())
    }
}

/// Refuses options that the form of a term does not use, unless they are at their defaults.
fn check_options(term: &Term<'_>) -> Result<(), Error> {
    let parts = term.form.parts();
    if !matches!(parts, Parts::Region(_)) && term.class_average != ClassAverage::Mean {
        return refuse(
            Status::Parameter,
            c"class_average",
            c"the default, Mean: only region losses of one class use it",
        );
    }
    if let Parts::Cost(rows) = parts {
        if term.sample_average != SampleAverage::Mean {
            let expected = c"the default, Mean: only region losses use it, others are means over the batch";
            return refuse(Status::Parameter, c"sample_average", expected);
        }
        if term.absent != Absent::Counted {
            return refuse(Status::Parameter, c"absent", c"the default, Counted: only region losses use it");
        }
        if term.field.is_some() && !rows.bill().field {
            return refuse(Status::Parameter, c"field", c"none: this loss uses no distances");
        }
    } else if term.field.is_some() {
        return refuse(Status::Parameter, c"field", c"none: region losses use no distances");
    }
    if term.select.is_some()
        && !matches!(parts, Parts::Cost(rows) if rows.bill().selection.is_some_and(|of| of.fraction().is_some()))
    {
        return refuse(Status::Parameter, c"select", c"none: only TopK by fraction selects by a search");
    }
    if term.field_complete {
        if !term.form.field().is_some_and(|field| field.has_halves()) {
            let expected = c"false: only the Hausdorff loss has a field of two halves";
            return refuse(Status::Parameter, c"field_complete", expected);
        }
        if term.field.is_none() {
            return refuse(Status::MissingField, c"field", c"a field, which field_complete says is complete");
        }
    }
    Ok(())
}

/// The truth and its rows. Integers are masks if they have as many axes and channels as the prediction.
fn target_of(target: &Array, prediction: &Array) -> Result<(Truth, Source), Error> {
    const WANTS: &CStr = c"labels [B, ...] or [B, 1, ...], or maps [B, C, ...]";
    let (shape, expected) = (target.shape(), prediction.shape());
    let &[samples, classes, ref spatial @ ..] = expected else {
        return refuse(Status::Shape, c"target", WANTS);
    };
    let flat = shape.split_first().is_some_and(|(b, rest)| *b == samples && rest == spatial);
    let one_channel = matches!(shape, [b, 1, rest @ ..] if *b == samples && rest == spatial);
    let full = shape == expected;
    if target.dtype.is_float() {
        return match () {
            _ if full => Ok((Truth::Dense, Source::with_classes(target))),
            _ if flat && classes == 1 => Ok((Truth::Dense, Source::without_classes(target))),
            _ => refuse(Status::Shape, c"target", c"floating maps [B, C, ...]"),
        };
    }
    match () {
        _ if full && classes > 1 => Ok((Truth::Masks, Source::with_classes(target))),
        _ if flat => Ok((Truth::Labels, Source::without_classes(target))),
        _ if one_channel => Ok((Truth::Labels, Source::with_classes(target))),
        _ => refuse(Status::Shape, c"target", WANTS),
    }
}

fn weight_of(weight: &Array, prediction: &Array) -> Result<Source, Error> {
    let expected = prediction.shape();
    let flat = matches!((weight.shape().split_first(), expected), (Some((b, rest)), [samples, _, spatial @ ..])
        if b == samples && rest == spatial);
    match () {
        _ if !flat => refuse(Status::Shape, c"voxel_weight", c"[B, ...]"),
        _ if !(weight.dtype.is_float() || matches!(weight.dtype, Dtype::U8 | Dtype::Bool)) => {
            refuse(Status::Dtype, c"voxel_weight", c"floating-point, u8 or bool")
        }
        _ => Ok(Source::without_classes(weight)),
    }
}

/// One finite spacing above 0 per spatial axis.
pub(crate) fn check_spacing(spacing: &[f64], axes: usize) -> Result<(), Error> {
    if spacing.len() != axes {
        return refuse(Status::Shape, c"spacing", c"one per spatial axis");
    }
    match spacing.iter().position(|&x| !(x.is_finite() && x > 0.0)) {
        Some(axis) => Err(Error::new(Status::Parameter, c"spacing", c"finite and > 0").at(axis)),
        None => Ok(()),
    }
}
