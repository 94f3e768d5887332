//! A batch: what was predicted, what is true, and which voxels count. Every check of shapes is here.

use crate::engine::arena::Arena;
use crate::engine::labels::{FEW_IGNORED, LabelMap, sort};
use crate::engine::source::StridedRows;
use crate::executor::Workers;
use crate::view::{Array, Layout, MAX_AXES};
use crate::{
    AbsentClass, ClassAverage, Dtype, Error, Executor, LossKind, SampleAverage, Sequential, Status, Term,
    View, ViewMut,
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
    /// `[B, C, …]`, floating-point, from 0 to 1 or 0.001 beside. For one class labels are 0/1 masks.
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
            executor: &Sequential,
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
pub(crate) enum TargetKind {
    /// One label per voxel.
    Labels,
    /// An integer 0/1 map per class.
    Masks,
    /// A floating-point map per class.
    Dense,
}

/// A batch whose shapes have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub samples: usize,
    pub classes: usize,
    pub voxels: usize,
    pub activation: Activation,
    pub prediction: StridedRows,
    pub target_kind: TargetKind,
    pub target: StridedRows,
    /// The target as an array.
    pub target_array: Array,
    pub weight: Option<StridedRows>,
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

fn too_few_axes<T>(prediction: &Array) -> Result<T, Error> {
    let error = Error::new(Status::Shape, c"pred", c"axes or more: [B, C, ...] with a spatial axis");
    Err(error.with_lengths(prediction.shape().len(), 3))
}

/// Refuses another number of entries than is needed.
pub(crate) fn check_length(
    given: usize,
    needed: usize,
    argument: &'static CStr,
    wants: &'static CStr,
) -> Result<(), Error> {
    if given == needed {
        return Ok(());
    }
    Err(Error::new(Status::Shape, argument, wants).with_lengths(given, needed))
}

/// The error with the first axis on which a shape is not the one expected and both extents, or else with both numbers
/// of axes.
pub(crate) fn misfit(error: Error, shape: &[usize], expected: &[usize]) -> Error {
    if shape.len() != expected.len() {
        return error.with_lengths(shape.len(), expected.len());
    }
    match shape.iter().zip(expected).enumerate().find(|(_, (given, needed))| given != needed) {
        Some((axis, (&given, &needed))) => error.at(axis).with_lengths(given, needed),
        None => error,
    }
}

/// [`misfit`] of the expected shape without its channels.
fn misfit_flat(error: Error, shape: &[usize], expected: &[usize]) -> Error {
    let mut flat = [0; MAX_AXES];
    let kept = expected.iter().enumerate().filter(|(axis, _)| *axis != 1);
    let axes = flat.iter_mut().zip(kept).map(|(to, (_, &extent))| *to = extent).count();
    misfit(error, shape, flat.get(..axes).unwrap_or(&[]))
}

impl<'a> Problem<'a> {
    pub fn new(batch: &Batch<'a>) -> Result<Self, Error> {
        let prediction = &batch.prediction.array;
        let &[samples, classes, ref spatial @ ..] = prediction.shape() else {
            return too_few_axes(prediction);
        };
        if spatial.is_empty() {
            return too_few_axes(prediction);
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
            let error = Error::new(Status::TooLarge, c"pred", c"fewer than 2^31 - 1 classes");
            return Err(error.with_given(classes as f64));
        }
        let elements = prediction.layout.elements(prediction.dtype.size(), c"pred")?;
        let voxels = elements.checked_div(samples).and_then(|n| n.checked_div(classes)).unwrap_or(0);

        let (truth, target) = target_of(&batch.target.array, prediction)?;
        if truth != TargetKind::Labels && !batch.ignore.is_empty() {
            return refuse(Status::Unsupported, c"ignore", c"labels as target");
        }
        let weight = batch.voxel_weight.map(|weight| weight_of(&weight.array, prediction)).transpose()?;
        if let Some(present) = batch.class_present {
            check_length(present.len(), samples.saturating_mul(classes), c"class_present", c"B*C entries")?;
        }
        if let Some(spacing) = batch.spacing {
            check_spacing(spacing, spatial.len())?;
        }
        Ok(Self {
            samples,
            classes,
            voxels,
            activation,
            prediction: StridedRows::with_classes(prediction),
            target_kind: truth,
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

    /// The error of a voxel of the target or of its weights, with the number that is there.
    ///
    /// # Safety
    /// The arrays of the plan are readable.
    pub unsafe fn with_number(&self, error: Error) -> Error {
        let place =
            error.index.and_then(|at| Some((at.checked_div(self.voxels)?, at.checked_rem(self.voxels)?)));
        let Some((sample, voxel)) = place.filter(|(sample, _)| *sample < self.samples) else { return error };
        let number = |source: &StridedRows, class: usize| {
            let mut number = [0f64];
            // SAFETY: promised by the caller; the voxel lies in the sample.
            unsafe { source.load(sample, class, voxel, &mut number) };
            let [number] = number;
            number
        };
        let is_good = |x: &f64| match self.target_kind {
            TargetKind::Labels => false,
            TargetKind::Masks => *x == 0.0 || *x == 1.0,
            TargetKind::Dense => (-1e-3..=1.001).contains(x),
        };
        let maps = if self.target_kind == TargetKind::Labels { 1 } else { self.classes };
        let found = match (error.argument.to_bytes(), &self.weight) {
            (b"voxel_weight", Some(weight)) => Some(number(weight, 0)),
            (b"target", _) => (0..maps)
                .filter(|&class| maps == 1 || self.is_annotated(sample, class))
                .map(|class| number(&self.target, class))
                .find(|x| !is_good(x)),
            _ => None,
        };
        found.map_or(error, |number| error.with_given(number))
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

    /// The same voxels as one sample in which every class is annotated.
    pub fn over_samples(&self) -> Self {
        let of = |source: &StridedRows| source.over_samples(self.samples);
        Problem {
            samples: 1,
            voxels: self.samples.saturating_mul(self.voxels),
            prediction: of(&self.prediction),
            target: of(&self.target),
            weight: self.weight.as_ref().map(of),
            class_present: None,
            ..*self
        }
    }

    /// The same batch; more than a few ignored labels are sorted in scratch, where each label is searched for.
    pub fn with_ignored_sorted<'s>(&self, arena: &mut Arena<'s>) -> Result<Problem<'s>, Error>
    where
        'a: 's,
    {
        if self.ignore.len() <= FEW_IGNORED {
            return Ok(*self);
        }
        let sorted = arena.take(self.ignore.len())?;
        if sorted.is_empty() {
            // Scratch is only measured.
            return Ok(*self);
        }
        sorted.iter_mut().zip(self.ignore).for_each(|(to, from)| *to = *from);
        sort(sorted);
        Ok(Problem { ignore: sorted, ..*self })
    }

    /// The spatial extents.
    pub fn extents(&self) -> &[usize] {
        self.shape.shape().get(2..).unwrap_or(&[])
    }

    /// How the labels are read.
    pub fn label_map(&self) -> LabelMap<'a> {
        LabelMap { classes: (self.classes as i32).max(2), ignore: self.ignore }
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
            let error = Error::new(Status::Parameter, c"n_terms", c"1 to 4 terms");
            return Err(error.with_given(terms.len() as f64));
        }
        terms.iter().enumerate().try_for_each(|(k, term)| self.check_term(term).map_err(|e| e.in_term(k)))
    }

    fn check_term(&self, term: &Term<'_>) -> Result<(), Error> {
        match term.loss.kind() {
            LossKind::Region(form) => form.validate()?,
            LossKind::JointRegion(form) => form.validate()?,
            LossKind::Voxel(form) => form.check()?,
        }
        term.loss.check_classes(self.classes)?;
        check_options(term)?;
        crate::loss::check(&[(c"weight", term.weight)], |_| true, c"finite")?;
        if let Some(weights) = term.class_weight {
            check_length(weights.len(), self.classes, c"class_weight", c"one per class")?;
            if let Some((class, &v)) =
                weights.iter().enumerate().find(|(_, v)| !(v.is_finite() && **v >= 0.0))
            {
                let error = Error::new(Status::Parameter, c"class_weight", c"finite and >= 0").at(class);
                return Err(error.with_given(v));
            }
            if self.classes > 0 && (0..self.classes).all(|class| term.excludes(class, self.classes)) {
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
    let parts = term.loss.kind();
    if !matches!(parts, LossKind::Region(_)) && term.class_average != ClassAverage::Mean {
        return refuse(
            Status::Parameter,
            c"class_average",
            c"the default, Mean: only region losses of one class use it",
        );
    }
    if let LossKind::Voxel(rows) = parts {
        if term.sample_average != SampleAverage::Mean {
            let expected = c"the default, Mean: only region losses use it, others are means over the batch";
            return refuse(Status::Parameter, c"sample_average", expected);
        }
        if term.absent != AbsentClass::Counted {
            return refuse(Status::Parameter, c"absent", c"the default, Counted: only region losses use it");
        }
        if term.field.is_some() && !rows.info().field {
            return refuse(Status::Parameter, c"field", c"none: this loss uses no distances");
        }
    } else if term.field.is_some() {
        return refuse(Status::Parameter, c"field", c"none: region losses use no distances");
    }
    if term.select.is_some()
        && !matches!(parts, LossKind::Voxel(rows) if rows.info().selection.is_some_and(|of| of.fraction().is_some()))
    {
        return refuse(Status::Parameter, c"select", c"none: only TopK by fraction selects by a search");
    }
    if term.field_complete {
        if !term.loss.field().is_some_and(|field| field.has_halves()) {
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
fn target_of(target: &Array, prediction: &Array) -> Result<(TargetKind, StridedRows), Error> {
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
            _ if full => Ok((TargetKind::Dense, StridedRows::with_classes(target))),
            _ if flat && classes == 1 => Ok((TargetKind::Dense, StridedRows::without_classes(target))),
            _ => Err(misfit(
                Error::new(Status::Shape, c"target", c"floating maps [B, C, ...]"),
                shape,
                expected,
            )),
        };
    }
    match () {
        _ if full && classes > 1 => Ok((TargetKind::Masks, StridedRows::with_classes(target))),
        _ if flat => Ok((TargetKind::Labels, StridedRows::without_classes(target))),
        _ if one_channel => Ok((TargetKind::Labels, StridedRows::with_classes(target))),
        _ => {
            let error = Error::new(Status::Shape, c"target", WANTS);
            let has_channels = shape.len() == expected.len();
            Err(if has_channels {
                misfit(error, shape, expected)
            } else {
                misfit_flat(error, shape, expected)
            })
        }
    }
}

fn weight_of(weight: &Array, prediction: &Array) -> Result<StridedRows, Error> {
    let expected = prediction.shape();
    let flat = matches!((weight.shape().split_first(), expected), (Some((b, rest)), [samples, _, spatial @ ..])
        if b == samples && rest == spatial);
    match () {
        _ if !flat => Err(misfit_flat(
            Error::new(Status::Shape, c"voxel_weight", c"[B, ...]"),
            weight.shape(),
            expected,
        )),
        _ if !(weight.dtype.is_float() || matches!(weight.dtype, Dtype::U8 | Dtype::Bool)) => {
            refuse(Status::Dtype, c"voxel_weight", c"floating-point, u8 or bool")
        }
        _ => Ok(StridedRows::without_classes(weight)),
    }
}

/// One finite spacing above 0 per spatial axis.
pub(crate) fn check_spacing(spacing: &[f64], axes: usize) -> Result<(), Error> {
    check_length(spacing.len(), axes, c"spacing", c"one per spatial axis")?;
    match spacing.iter().enumerate().find(|(_, x)| !(x.is_finite() && **x > 0.0)) {
        Some((axis, &x)) => {
            Err(Error::new(Status::Parameter, c"spacing", c"finite and > 0").at(axis).with_given(x))
        }
        None => Ok(()),
    }
}
