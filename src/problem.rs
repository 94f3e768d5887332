//! The checked inputs of a loss: shapes, element types, strides and options are consistent.

use crate::array::dtype::Dtype;
use crate::array::labels::{FEW_IGNORED, LabelMap, sort};
use crate::array::strided_rows::StridedRows;
use crate::array::view::{Array, Layout, MAX_AXES};
use crate::batch::Batch;
use crate::checked::{expected, slice};
use crate::engine::arena::Arena;
use crate::error::{Error, Status};
use crate::executor::Executor;
use crate::executor::Workers;
use crate::loss::activation::Activation;
use crate::parameter::check_length;
use crate::parameter::check_spacing;
use core::ffi::CStr;

/// The storage of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// One integer label per voxel.
    Labels,
    /// One integer 0/1 mask per class.
    Masks,
    /// One floating-point map per class.
    Dense,
}

/// A batch whose shapes and element types are checked.
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
    /// The prediction as an array. The gradient has its shape.
    pub shape: Array,
}

pub(crate) fn refuse<T>(
    status: Status,
    argument: &'static CStr,
    expected: &'static CStr,
) -> Result<T, Error> {
    Err(Error::new(status, argument, expected))
}

fn too_few_axes<T>(prediction: &Array) -> Result<T, Error> {
    let error = Error::new(Status::Shape, c"prediction", c"axes or more: [B, C, ...] with a spatial axis");
    Err(error.with_lengths(prediction.shape().len(), 3))
}

/// Returns the error with the first axis on which the shapes differ and both extents, or with both numbers of axes if
/// those differ.
pub(crate) fn misfit(error: Error, shape: &[usize], expected: &[usize]) -> Error {
    if shape.len() != expected.len() {
        return error.with_lengths(shape.len(), expected.len());
    }
    match shape.iter().zip(expected).enumerate().find(|(_, (given, needed))| given != needed) {
        Some((axis, (&given, &needed))) => error.at(axis).with_lengths(given, needed),
        None => error,
    }
}

/// [`misfit`] against the expected shape without its class axis.
fn shape_mismatch_without_classes(error: Error, shape: &[usize], expected: &[usize]) -> Error {
    let mut flat = [0; MAX_AXES];
    let kept = expected.iter().enumerate().filter(|(axis, _)| *axis != 1);
    let axes = flat.iter_mut().zip(kept).map(|(to, (_, &extent))| *to = extent).count();
    misfit(error, shape, slice(&flat, 0..axes))
}

/// Whether voxels can be computed in f64. Without, a program is half as large: see `docs/embedded.md`.
const HAS_F64: bool = !cfg!(segloss_no_f64);

impl<'a> Problem<'a> {
    /// Checks shapes, element types and lengths of a batch.
    pub fn new(batch: &Batch<'a>) -> Result<Self, Error> {
        let prediction = &batch.prediction.array;
        let &[samples, classes, ref spatial @ ..] = prediction.shape() else {
            return too_few_axes(prediction);
        };
        if spatial.is_empty() {
            return too_few_axes(prediction);
        }
        if !prediction.dtype.is_float() {
            return refuse(Status::Dtype, c"prediction", c"f16, bf16, f32 or f64");
        }
        if prediction.dtype == Dtype::F64 && !HAS_F64 {
            return refuse(Status::Dtype, c"prediction", c"f16, bf16 or f32: this build has no f64");
        }
        let activation = match batch.activation {
            Activation::Softmax if classes == 1 => {
                return refuse(Status::Unsupported, c"activation", c"two classes or more for softmax");
            }
            Activation::Probability if classes == 1 => Activation::ProbabilityPerClass,
            given => given,
        };
        // Class indices of the engine are i32.
        if classes >= i32::MAX as usize {
            let error = Error::new(Status::TooLarge, c"prediction", c"fewer than 2^31 - 1 classes");
            return Err(error.with_given(classes as f64));
        }
        let elements = prediction.layout.elements(prediction.dtype.size(), c"prediction")?;
        let voxels = elements.checked_div(samples).and_then(|n| n.checked_div(classes)).unwrap_or(0);

        let (target_kind, target) = target_of(&batch.target.array, prediction)?;
        if target_kind != TargetKind::Labels && !batch.ignore.is_empty() {
            return refuse(Status::Unsupported, c"ignore", c"a target of labels, or no ignored labels");
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
            target_kind,
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

    /// Returns whether an extent of the prediction is 0, so that there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.shape.shape().contains(&0)
    }

    /// Returns whether every class of every sample is annotated.
    pub fn has_all_classes(&self) -> bool {
        self.class_present.is_none_or(|flags| flags.iter().all(|&flag| flag != 0))
    }

    /// Returns the number of [`ClassSums`](crate::loss::sums::ClassSums): one per sample and class. It saturates: an
    /// empty prediction may have larger extents than the address space.
    pub fn sums(&self) -> usize {
        self.samples.saturating_mul(self.classes)
    }

    /// Returns the error of an invalid target or voxel weight with the number stored there.
    ///
    /// # Safety
    /// The arrays of the problem are readable.
    pub unsafe fn with_number(&self, error: Error) -> Error {
        let place =
            error.index.and_then(|at| Some((at.checked_div(self.voxels)?, at.checked_rem(self.voxels)?)));
        let Some((sample, voxel)) = place.filter(|(sample, _)| *sample < self.samples) else { return error };
        let number = |source: &StridedRows, class: usize| {
            let mut number = [0f64];
            // SAFETY: the caller guarantees readable arrays; the voxel lies in the sample.
            unsafe { source.load(sample, class, voxel, &mut number) };
            let [number] = number;
            number
        };
        let is_valid = |x: &f64| match self.target_kind {
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
                .find(|x| !is_valid(x)),
            _ => None,
        };
        found.map_or(error, |number| error.with_given(number))
    }

    /// Returns the target of a sample (for masks and dense maps: of a class of it) as an array of the spatial axes.
    pub fn target_of(&self, sample: usize, class: usize) -> Option<Array> {
        let Array { data, dtype, layout } = &self.target_array;
        let leading = layout.shape().len().checked_sub(self.extents().len())?;
        // `[B, 1, …]` labels have an axis of one class.
        let start = layout.strides().iter().zip([sample, class]).take(leading);
        let start =
            start.fold(0isize, |sum, (&stride, index)| sum.wrapping_add(stride.wrapping_mul(index as isize)));
        let data = data.wrapping_offset(start.wrapping_mul(dtype.size() as isize));
        let mut strides = layout.strides().iter().copied().skip(leading);
        let layout = Layout::new(self.extents().iter().copied(), Some(&mut strides), c"target").ok()?;
        Some(Array { data, dtype: *dtype, layout })
    }

    /// Returns the number of workers of the executor.
    pub fn workers(&self) -> usize {
        self.executor.workers()
    }

    /// Returns the voxels of all samples as one sample in which every class is annotated.
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

    /// Returns the problem with its ignored labels sorted in scratch if there are more than [`FEW_IGNORED`]: labels
    /// are then found by a binary search.
    pub fn with_ignored_sorted<'s>(&self, arena: &mut Arena<'s>) -> Result<Problem<'s>, Error>
    where
        'a: 's,
    {
        if self.ignore.len() <= FEW_IGNORED {
            return Ok(*self);
        }
        let sorted = arena.take(self.ignore.len())?;
        if sorted.is_empty() {
            // The arena only measures scratch.
            return Ok(*self);
        }
        sorted.iter_mut().zip(self.ignore).for_each(|(to, from)| *to = *from);
        sort(sorted);
        Ok(Problem { ignore: sorted, ..*self })
    }

    /// Returns the spatial extents.
    pub fn extents(&self) -> &[usize] {
        expected(self.shape.shape().get(2..)).unwrap_or(&[])
    }

    /// Returns the map from stored labels to classes.
    pub fn label_map(&self) -> LabelMap<'a> {
        LabelMap { classes: (self.classes as i32).max(2), ignore: self.ignore }
    }

    /// Returns the label of a class: the class index, or 1 for a single class.
    pub fn label_of(&self, class: usize) -> i32 {
        if self.classes == 1 { 1 } else { class as i32 }
    }

    /// Returns whether a class is annotated in a sample.
    pub fn is_annotated(&self, sample: usize, class: usize) -> bool {
        let flag = self.class_present.and_then(|flags| flags.get(sample * self.classes + class));
        flag.is_none_or(|&flag| flag != 0)
    }

    /// Returns whether voxels are computed in f64.
    pub fn is_double(&self) -> bool {
        HAS_F64 && self.prediction.dtype == Dtype::F64
    }
}

/// Returns the kind and the rows of the target. Integers are masks if they have the shape of the prediction and
/// `C > 1`.
fn target_of(target: &Array, prediction: &Array) -> Result<(TargetKind, StridedRows), Error> {
    const EXPECTED: &CStr = c"labels [B, ...] or [B, 1, ...], or masks [B, C, ...]";
    let (shape, expected) = (target.shape(), prediction.shape());
    let &[samples, classes, ref spatial @ ..] = expected else {
        return refuse(Status::Shape, c"target", EXPECTED);
    };
    let flat = shape.split_first().is_some_and(|(b, rest)| *b == samples && rest == spatial);
    let one_channel = matches!(shape, [b, 1, rest @ ..] if *b == samples && rest == spatial);
    let full = shape == expected;
    if target.dtype.is_float() {
        return match () {
            _ if full => Ok((TargetKind::Dense, StridedRows::with_classes(target))),
            _ if flat && classes == 1 => Ok((TargetKind::Dense, StridedRows::without_classes(target))),
            _ => Err(misfit(
                Error::new(Status::Shape, c"target", c"dense targets [B, C, ...] for a floating-point type"),
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
            let error = Error::new(Status::Shape, c"target", EXPECTED);
            let has_channels = shape.len() == expected.len();
            Err(if has_channels {
                misfit(error, shape, expected)
            } else {
                shape_mismatch_without_classes(error, shape, expected)
            })
        }
    }
}

fn weight_of(weight: &Array, prediction: &Array) -> Result<StridedRows, Error> {
    let expected = prediction.shape();
    let flat = matches!((weight.shape().split_first(), expected), (Some((b, rest)), [samples, _, spatial @ ..])
        if b == samples && rest == spatial);
    match () {
        _ if !flat => Err(shape_mismatch_without_classes(
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
