//! The tile: all classes of some whole blocks of voxels, in rows that fit the second-level cache.

use crate::array::labels::LabelMap;
use crate::array::real::Real;
use crate::checked::{slice_mut, tail_mut};
use crate::engine::arena::Arena;
use crate::engine::arena::Plain;
use crate::engine::pass_plan::voxel_losses;
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::{OutcomeWeights, VoxelLossInfo};
use crate::loss::voxel_rows::{Outcome, VoxelRow};
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::{BLOCK, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

/// Bytes of the rows that exist per class. Long rows have less overhead; the rows of a tile must fit the second-level
/// cache. The size changes no bit of any result.
const BUDGET: usize = if cfg!(target_pointer_width = "64") { 128 * 1024 } else { 8 * 1024 };
/// The maximum width of a row: rows that exist once per tile must stay small too.
const WIDEST: usize = if cfg!(target_pointer_width = "64") { 1024 } else { 128 };

/// Returns the width of a tile in voxels: as many whole blocks as the budget holds, and at least one.
pub(crate) const fn width(classes: usize, size: usize) -> usize {
    let per_voxel = match classes.checked_mul(2 * size) {
        Some(0) => 1,
        Some(bytes) => bytes,
        None => return BLOCK,
    };
    let fitting = BUDGET / per_voxel / BLOCK * BLOCK;
    match fitting {
        0 => BLOCK,
        _ if fitting > WIDEST => WIDEST,
        _ => fitting,
    }
}

/// The rows that only some losses need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalRows {
    /// Softmax with a loss of both outcomes.
    pub other_class_softmax: bool,
    /// Some loss selects voxels.
    pub selects: bool,
    /// Some term is a voxel loss, which may read logarithms of probabilities.
    pub logarithms: bool,
}

impl OptionalRows {
    /// Returns the rows that the terms use.
    pub fn of(problem: &Problem<'_>, terms: &[Term<'_>]) -> Self {
        let any = |uses: fn(VoxelLossInfo) -> bool| voxel_losses(terms).any(|(_, loss)| uses(loss.info()));
        Self {
            other_class_softmax: problem.activation == Activation::Softmax
                && any(|info| info.contribution == Contribution::BothOutcomes),
            selects: any(|info| info.selection.is_some()),
            logarithms: any(|_| true),
        }
    }
}

/// Returns the elements reserved for one row per class. They do not decrease with the number of classes, though tiles
/// get narrower: scratch for the largest number of classes suffices for all.
const fn reserved(classes: usize, size: usize) -> usize {
    let (widest, narrowest) = (classes.saturating_mul(WIDEST), classes.saturating_mul(BLOCK));
    let budget = BUDGET / (2 * size);
    let between = if narrowest > budget { narrowest } else { budget };
    if widest < between { widest } else { between }
}

/// Target, prediction and what is computed from them once per voxel.
pub(crate) struct TileInputs<'s, T> {
    pub label: &'s mut [i32],
    pub weight: &'s mut [T],
    /// Of the current class.
    pub target: &'s mut [T],
    /// Of the current term and class.
    pub field: &'s mut [T],
    /// Per class: logits, later intermediate results of their gradient.
    pub logit: &'s mut [T],
    /// Per class: probabilities.
    pub probability: &'s mut [T],
    /// Per class, for losses of both outcomes of softmax: the softmax over the other classes than the largest.
    pub other_class_softmax: &'s mut [T],
    /// Softmax: the largest logit, later the inverse of the sum of exponentials.
    pub inverse: &'s mut [T],
    /// With labels: the probability of the target class.
    pub target_probability: &'s mut [T],
    /// With labels: the logit of the target class minus the largest.
    pub target_logit: &'s mut [T],
    /// Softmax: the logarithm of the sum of exponentials.
    pub log_total: &'s mut [T],
    /// Softmax: `1 − s` of the largest class.
    pub complement: &'s mut [T],
    /// Softmax: `ln(1 − s)` of the largest class.
    pub log_complement: &'s mut [T],
    /// Per term that selects voxels: their weights, 0 for voxels that are not selected.
    pub selected: &'s mut [T],
}

impl<T: Real> TileInputs<'_, T> {
    /// Returns one class as the input of voxel losses.
    pub fn class_row(
        &self,
        activation: Activation,
        class: usize,
        outcome_weights: OutcomeWeights<T>,
        span: Span,
    ) -> VoxelRow<'_, T> {
        let Span { width, used } = span;
        VoxelRow {
            outcome: Outcome::Class(activation),
            outcome_weights,
            probability: row(self.probability, class, width, used),
            logit: row(self.logit, class, width, used),
            log_total: row(self.log_total, 0, width, used),
            complement: row(self.complement, 0, width, used),
            log_complement: row(self.log_complement, 0, width, used),
            truth: row(self.target, 0, width, used),
            weight: row(self.weight, 0, width, used),
            field: row(self.field, 0, width, used),
        }
    }

    /// With labels: returns the target class of each voxel as the input of voxel losses. The target is 1; any row of
    /// finite numbers serves.
    pub fn target_class_row<'t>(&'t self, weight: &'t [T], span: Span) -> VoxelRow<'t, T> {
        let Span { width, used } = span;
        VoxelRow {
            outcome: Outcome::Truth,
            probability: row(self.target_probability, 0, width, used),
            logit: row(self.target_logit, 0, width, used),
            truth: row(self.weight, 0, width, used),
            weight,
            ..self.class_row(Activation::Softmax, 0, OutcomeWeights::unit(), span)
        }
    }
}

/// Losses and derivatives, of one class at a time.
pub(crate) struct TileGradients<'s, T> {
    /// Losses; later other rows of the same term.
    pub loss: &'s mut [T],
    /// Buffer for the powers of voxel losses.
    pub work: &'s mut [T],
    /// Partial sums of blocks.
    pub lanes: &'s mut [T],
    /// `∂L/∂s` of terms that are polynomial in `s`.
    pub polynomial: &'s mut [T],
    /// `∂L/∂ln s`
    pub positive: &'s mut [T],
    /// `∂L/∂ln(1 − s)`
    pub negative: &'s mut [T],
    /// `Σ q` over the classes combined so far.
    pub total: &'s mut [T],
    /// The same without the class with `s > ½`.
    pub rest: &'s mut [T],
    /// `u·s` of the class with `s > ½`.
    pub largest: &'s mut [T],
}

/// The distance between rows, and the elements in use: whole blocks, the last of which may be padded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub width: usize,
    pub used: usize,
}

/// All classes of some neighbouring voxels of a sample.
pub(crate) struct Tile<'s, T> {
    pub span: Span,
    /// The number of voxels without padding.
    pub len: usize,
    /// Whether some voxel has weight 0, padding included.
    pub has_excluded: bool,
    /// Whether every voxel has weight 1, padding included.
    pub is_unweighted: bool,
    /// Whether logarithms of probabilities are computed.
    pub has_logarithms: bool,
    pub inputs: TileInputs<'s, T>,
    pub gradients: TileGradients<'s, T>,
}

impl<'s, T: Real + Plain> Tile<'s, T> {
    /// Takes the rows from `arena`.
    pub fn new(arena: &mut Arena<'s>, classes: usize, optional_rows: OptionalRows) -> Result<Self, Error> {
        let width = width(classes, size_of::<T>());
        let all = classes.saturating_mul(width);
        let reserved = reserved(classes, size_of::<T>());
        let row = |arena: &mut Arena<'s>| arena.take_of(WIDEST, width);
        let rows = |arena: &mut Arena<'s>| arena.take_of(reserved, all);
        Ok(Self {
            span: Span { width, used: 0 },
            len: 0,
            has_excluded: false,
            is_unweighted: false,
            has_logarithms: optional_rows.logarithms,
            inputs: TileInputs {
                label: arena.take_of(WIDEST, width)?,
                weight: row(arena)?,
                target: row(arena)?,
                field: row(arena)?,
                logit: rows(arena)?,
                probability: rows(arena)?,
                other_class_softmax: if optional_rows.other_class_softmax { rows(arena)? } else { &mut [] },
                inverse: row(arena)?,
                target_probability: row(arena)?,
                target_logit: row(arena)?,
                log_total: row(arena)?,
                complement: row(arena)?,
                log_complement: row(arena)?,
                selected: if optional_rows.selects {
                    arena.take_of(MAX_TERMS * WIDEST, MAX_TERMS * width)?
                } else {
                    &mut []
                },
            },
            gradients: TileGradients {
                loss: row(arena)?,
                work: row(arena)?,
                lanes: row(arena)?,
                polynomial: row(arena)?,
                positive: row(arena)?,
                negative: row(arena)?,
                total: row(arena)?,
                rest: row(arena)?,
                largest: row(arena)?,
            },
        })
    }

    /// Returns start and length of each tile of a chunk.
    pub fn spans(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let width = self.span.width;
        let starts = core::iter::successors(Some(start), move |at| Some(at + width));
        starts.take_while(move |&at| at < end).map(move |at| (at, width.min(end - at)))
    }

    /// Loads the weights of voxels `start..start + len`, 0 for ignored labels and padding, and their labels.
    ///
    /// # Safety
    /// The arrays of `problem` are readable and hold these voxels.
    pub unsafe fn load_weights(&mut self, problem: &Problem<'_>, sample: usize, start: usize, len: usize) {
        self.len = len;
        self.span.used = len.next_multiple_of(BLOCK);
        if problem.target_kind == TargetKind::Labels {
            // SAFETY: the caller's promise.
            unsafe { self.load_labels(problem, sample, start, len) };
        }
        let Span { width, used } = self.span;
        let (label, weight) =
            (row(self.inputs.label, 0, width, used), row_mut(self.inputs.weight, 0, width, used));
        if let Some(source) = &problem.weight {
            // SAFETY: the caller's promise.
            unsafe { source.load(sample, 0, start, slice_mut(weight, 0..len)) };
            tail_mut(weight, len).fill(T::zero());
            if !problem.ignore.is_empty() {
                dispatch(ClearIgnored { label, weight });
            }
            self.is_unweighted = false;
            self.has_excluded = dispatch(HasExcluded { weight });
        } else {
            let has_ignored = !problem.ignore.is_empty() && dispatch(WeighLabels { label, weight });
            if !has_ignored {
                weight.fill(T::one());
                tail_mut(weight, len).fill(T::zero());
            }
            self.is_unweighted = !has_ignored && used == len;
            self.has_excluded = !self.is_unweighted;
        }
    }

    /// Loads the labels of voxels `start..start + len`; padding is ignored.
    ///
    /// # Safety
    /// As [`Tile::open`].
    pub unsafe fn load_labels(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        start: usize,
        len: usize,
    ) -> &[i32] {
        let label = row_mut(self.inputs.label, 0, self.span.width, len.next_multiple_of(BLOCK));
        tail_mut(label, len).fill(LabelMap::IGNORED);
        // SAFETY: the caller's promise.
        unsafe { problem.target.labels(sample, start, &problem.label_map(), slice_mut(label, 0..len)) };
        label
    }

    /// Loads the prediction of all classes; 0 for voxels that do not count.
    ///
    /// # Safety
    /// As [`Tile::load_prediction`].
    pub unsafe fn load_predictions(&mut self, problem: &Problem<'_>, sample: usize, start: usize) {
        let Span { width, used } = self.span;
        let voxels = (sample, start, self.len);
        // SAFETY: the caller's promise.
        if unsafe { problem.prediction.load_interleaved(problem.classes, voxels, self.inputs.logit, width) } {
            for class in (0..problem.classes).filter(|_| self.has_excluded) {
                let row = row_mut(self.inputs.logit, class, width, used);
                dispatch(Exclude { row, weight: self.inputs.weight });
            }
            return;
        }
        for class in 0..problem.classes {
            // SAFETY: the caller's promise.
            unsafe { self.load_prediction(problem, sample, class, start) };
        }
    }

    /// Loads the prediction of one class; 0 for voxels that do not count.
    ///
    /// # Safety
    /// As [`Tile::load_weights`], which has loaded the same voxels.
    pub unsafe fn load_prediction(
        &mut self,
        problem: &Problem<'_>,
        sample: usize,
        class: usize,
        start: usize,
    ) {
        let row = row_mut(self.inputs.logit, class, self.span.width, self.span.used);
        // SAFETY: the caller's promise.
        let direct = unsafe { problem.prediction.slice::<T>(sample, class, start, self.len) };
        if let Some(from) = direct.filter(|_| self.has_excluded) {
            tail_mut(row, self.len).fill(T::zero());
            return dispatch(CopyCounted { from, weight: self.inputs.weight, row });
        }
        // SAFETY: the caller's promise.
        unsafe { problem.prediction.load(sample, class, start, slice_mut(row, 0..self.len)) };
        if self.has_excluded {
            dispatch(Exclude { row, weight: self.inputs.weight });
        }
    }

    /// Loads the target of one class; 0 for voxels that do not count and for classes that are not annotated.
    ///
    /// # Safety
    /// As [`Tile::load_prediction`].
    pub unsafe fn load_target(&mut self, problem: &Problem<'_>, sample: usize, class: usize, start: usize) {
        let row = row_mut(self.inputs.target, 0, self.span.width, self.span.used);
        if problem.target_kind == TargetKind::Labels {
            return dispatch(TargetOfLabels {
                label: self.inputs.label,
                class: problem.label_of(class),
                row,
            });
        }
        if !problem.is_annotated(sample, class) {
            // Class not annotated in this sample: the stored target is ignored.
            return row.fill(T::zero());
        }
        // SAFETY: the caller's promise.
        unsafe { problem.target.load(sample, class, start, slice_mut(row, 0..self.len)) };
        if self.has_excluded {
            dispatch(Exclude { row, weight: self.inputs.weight });
        }
    }
}

/// Sets the weight of ignored voxels to 0.
struct ClearIgnored<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for ClearIgnored<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = weight.cleared(label != LabelMap::IGNORED);
        }
    }
}

/// Sets the weight of ignored voxels to 0 and of the others to 1. Returns whether any is ignored.
struct WeighLabels<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for WeighLabels<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut any = false;
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            let is_ignored = label == LabelMap::IGNORED;
            *weight = T::one().mask(!is_ignored);
            any |= is_ignored;
        }
        any
    }
}

/// Returns whether any weight is 0.
struct HasExcluded<'a, T> {
    weight: &'a [T],
}

impl<T: Real> Kernel for HasExcluded<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.weight.iter().fold(false, |any, &w| any | (w == T::zero()))
    }
}

/// Copies a row where the weight is not 0; elsewhere the copy is 0, also for NaN.
struct CopyCounted<'a, T> {
    from: &'a [T],
    weight: &'a [T],
    row: &'a mut [T],
}

impl<T: Real> Kernel for CopyCounted<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((to, &x), &weight) in self.row.iter_mut().zip(self.from).zip(self.weight) {
            *to = x.mask(weight != T::zero());
        }
    }
}

/// Sets a row to 0 where the weight is 0, also for NaN.
pub(crate) struct Exclude<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Exclude<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x = x.cleared(weight != T::zero());
        }
    }
}

/// Computes the target of one class from labels.
struct TargetOfLabels<'a, T> {
    label: &'a [i32],
    class: i32,
    row: &'a mut [T],
}

impl<T: Real> Kernel for TargetOfLabels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (target, &label) in self.row.iter_mut().zip(self.label) {
            *target = T::one().mask(label == self.class);
        }
    }
}
