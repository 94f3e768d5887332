//! The tile: all classes of some whole blocks of voxels, in rows that fit the nearest caches.

use crate::array::labels::LabelMap;
use crate::array::real::Real;
use crate::engine::arena::Arena;
use crate::engine::arena::Plain;
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::sums::MAX_TERMS;
use crate::loss::voxel_rows::{Outcome, OutcomeWeights, VoxelRow};
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::{BLOCK, row, row_mut};
use crate::simd::level::{Kernel, dispatch};

/// Bytes for the rows that every class has. The size changes no bit of any result: rows long enough that their
/// beginnings and ends cost little, and short enough for the second-level cache.
const BUDGET: usize = if cfg!(target_pointer_width = "64") { 128 * 1024 } else { 8 * 1024 };
/// The widest row; the rows that a voxel has once are of this order too.
const WIDEST: usize = if cfg!(target_pointer_width = "64") { 1024 } else { 128 };

/// Voxels of a tile: whole blocks, as many as the budget holds, and at least one.
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

/// Rows that only some losses want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalRows {
    /// Both outcomes of softmax pay.
    pub other_class_softmax: bool,
    /// Only selected voxels pay.
    pub selects: bool,
    /// Some cost is charged: its logarithms are wanted.
    pub costs: bool,
}

/// Elements reserved for one row per class. More classes never want fewer, though their tiles are narrower:
/// scratch for the largest batch serves all.
const fn reserved(classes: usize, size: usize) -> usize {
    let (widest, narrowest) = (classes.saturating_mul(WIDEST), classes.saturating_mul(BLOCK));
    let budget = BUDGET / (2 * size);
    let between = if narrowest > budget { narrowest } else { budget };
    if widest < between { widest } else { between }
}

/// What is known of the voxels of a tile.
pub(crate) struct TileInputs<'s, T> {
    pub label: &'s mut [i32],
    pub weight: &'s mut [T],
    pub truth: &'s mut [T],
    pub field: &'s mut [T],
    /// Per class: logits, later what their gradient is made of.
    pub logit: &'s mut [T],
    /// Per class: probabilities.
    pub probability: &'s mut [T],
    /// Per class, where both outcomes of softmax pay: the softmax without the largest class.
    pub other_class_softmax: &'s mut [T],
    /// Softmax: the largest logit, then the inverse of the sum of exponentials.
    pub inverse: &'s mut [T],
    /// Of labels: the probability of the voxel's class, and its logit less the largest.
    pub target_probability: &'s mut [T],
    pub target_logit: &'s mut [T],
    pub log_total: &'s mut [T],
    pub complement: &'s mut [T],
    pub log_complement: &'s mut [T],
    /// Per term that selects voxels: weights, 0 for those not selected.
    pub selected: &'s mut [T],
}

impl<T: Real> TileInputs<'_, T> {
    /// One class, as its costs see it.
    pub fn row(
        &self,
        activation: Activation,
        class: usize,
        prices: OutcomeWeights<T>,
        span: Span,
    ) -> VoxelRow<'_, T> {
        let Span { width, used } = span;
        VoxelRow {
            outcome: Outcome::Class(activation),
            outcome_weights: prices,
            probability: row(self.probability, class, width, used),
            logit: row(self.logit, class, width, used),
            log_total: row(self.log_total, 0, width, used),
            complement: row(self.complement, 0, width, used),
            log_complement: row(self.log_complement, 0, width, used),
            truth: row(self.truth, 0, width, used),
            weight: row(self.weight, 0, width, used),
            field: row(self.field, 0, width, used),
        }
    }

    /// Of labels: the class of each voxel, as costs on the truth see it. All of the truth is there.
    pub fn truth_row<'t>(&'t self, weight: &'t [T], span: Span) -> VoxelRow<'t, T> {
        let Span { width, used } = span;
        VoxelRow {
            outcome: Outcome::Truth,
            probability: row(self.target_probability, 0, width, used),
            logit: row(self.target_logit, 0, width, used),
            truth: row(self.weight, 0, width, used),
            weight,
            ..self.row(Activation::Softmax, 0, OutcomeWeights::unit(), span)
        }
    }
}

/// What costs and slopes make of it, one class at a time.
pub(crate) struct TileGradients<'s, T> {
    pub cost: &'s mut [T],
    /// For whatever costs are made of.
    pub work: &'s mut [T],
    /// Partial sums of blocks.
    pub lanes: &'s mut [T],
    pub polynomial: &'s mut [T],
    pub positive: &'s mut [T],
    pub negative: &'s mut [T],
    /// `Σ_c` over the classes done.
    pub total: &'s mut [T],
    /// The same without the class above one half.
    pub rest: &'s mut [T],
    /// `u·s` of the class above one half.
    pub largest: &'s mut [T],
}

/// How far apart rows are, and how much of each matters: whole blocks, whose last may be filled up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub width: usize,
    pub used: usize,
}

/// All classes of some voxels.
pub(crate) struct Tile<'s, T> {
    pub span: Span,
    /// Voxels, without the padding.
    pub len: usize,
    /// Whether some voxel of the tile does not count.
    pub has_excluded: bool,
    /// Whether every voxel of the tile weighs 1.
    pub is_unweighted: bool,
    /// Whether logarithms of probabilities are wanted.
    pub with_logs: bool,
    pub inputs: TileInputs<'s, T>,
    pub gradients: TileGradients<'s, T>,
}

impl<'s, T: Real + Plain> Tile<'s, T> {
    /// Takes the rows from `arena`.
    pub fn new(arena: &mut Arena<'s>, classes: usize, extras: OptionalRows) -> Result<Self, Error> {
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
            with_logs: extras.costs,
            inputs: TileInputs {
                label: arena.take_of(WIDEST, width)?,
                weight: row(arena)?,
                truth: row(arena)?,
                field: row(arena)?,
                logit: rows(arena)?,
                probability: rows(arena)?,
                other_class_softmax: if extras.other_class_softmax { rows(arena)? } else { &mut [] },
                inverse: row(arena)?,
                target_probability: row(arena)?,
                target_logit: row(arena)?,
                log_total: row(arena)?,
                complement: row(arena)?,
                log_complement: row(arena)?,
                selected: if extras.selects {
                    arena.take_of(MAX_TERMS * (WIDEST), MAX_TERMS * width)?
                } else {
                    &mut []
                },
            },
            gradients: TileGradients {
                cost: row(arena)?,
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

    /// The tiles of one chunk: start and length.
    pub fn spans(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let width = self.span.width;
        let starts = core::iter::successors(Some(start), move |at| Some(at + width));
        starts.take_while(move |&at| at < end).map(move |at| (at, width.min(end - at)))
    }

    /// Reads which voxels `start..start + len` count, and their labels.
    ///
    /// # Safety
    /// The arrays of `plan` are readable and hold these voxels.
    pub unsafe fn open(&mut self, plan: &Problem<'_>, sample: usize, start: usize, len: usize) {
        self.len = len;
        self.span.used = len.next_multiple_of(BLOCK);
        if plan.target_kind == TargetKind::Labels {
            // SAFETY: promised by the caller.
            unsafe { self.open_labels(plan, sample, start, len) };
        }
        let Span { width, used } = self.span;
        let (label, weight) =
            (row(self.inputs.label, 0, width, used), row_mut(self.inputs.weight, 0, width, used));
        if let Some(source) = &plan.weight {
            // SAFETY: promised by the caller.
            unsafe { source.load(sample, 0, start, weight.get_mut(..len).unwrap_or(&mut [])) };
            weight.get_mut(len..).unwrap_or(&mut []).fill(T::zero());
            if !plan.ignore.is_empty() {
                dispatch(Ignore { label, weight });
            }
            self.is_unweighted = false;
            self.has_excluded = dispatch(HasExcluded { weight });
        } else {
            let has_ignored = !plan.ignore.is_empty() && dispatch(Unignored { label, weight });
            if !has_ignored {
                weight.fill(T::one());
                weight.get_mut(len..).unwrap_or(&mut []).fill(T::zero());
            }
            self.is_unweighted = !has_ignored && used == len;
            self.has_excluded = !self.is_unweighted;
        }
    }

    /// Reads the labels of voxels `start..start + len`; those that fill the last block are ignored.
    ///
    /// # Safety
    /// As [`Tile::open`].
    pub unsafe fn open_labels(
        &mut self,
        plan: &Problem<'_>,
        sample: usize,
        start: usize,
        len: usize,
    ) -> &[i32] {
        let label = row_mut(self.inputs.label, 0, self.span.width, len.next_multiple_of(BLOCK));
        label.get_mut(len..).unwrap_or(&mut []).fill(LabelMap::IGNORED);
        // SAFETY: promised by the caller.
        unsafe {
            plan.target.labels(sample, start, &plan.label_map(), label.get_mut(..len).unwrap_or(&mut []))
        };
        label
    }

    /// Reads the prediction of all classes, as [`Tile::load`] does.
    ///
    /// # Safety
    /// As [`Tile::load`].
    pub unsafe fn load_all(&mut self, plan: &Problem<'_>, sample: usize, start: usize) {
        let Span { width, used } = self.span;
        let voxels = (sample, start, self.len);
        // SAFETY: promised by the caller.
        if unsafe { plan.prediction.load_interleaved(plan.classes, voxels, self.inputs.logit, width) } {
            for class in (0..plan.classes).filter(|_| self.has_excluded) {
                let row = row_mut(self.inputs.logit, class, width, used);
                dispatch(Exclude { row, weight: self.inputs.weight });
            }
            return;
        }
        for class in 0..plan.classes {
            // SAFETY: promised by the caller.
            unsafe { self.load(plan, sample, class, start) };
        }
    }

    /// Reads the prediction of one class; voxels that do not count read as 0.
    ///
    /// # Safety
    /// As [`Tile::open`], which came before with the same voxels.
    pub unsafe fn load(&mut self, plan: &Problem<'_>, sample: usize, class: usize, start: usize) {
        let row = row_mut(self.inputs.logit, class, self.span.width, self.span.used);
        // SAFETY: promised by the caller.
        let direct = unsafe { plan.prediction.slice::<T>(sample, class, start, self.len) };
        if let Some(from) = direct.filter(|_| self.has_excluded) {
            row.get_mut(self.len..).unwrap_or(&mut []).fill(T::zero());
            return dispatch(Counted { from, weight: self.inputs.weight, row });
        }
        // SAFETY: promised by the caller.
        unsafe { plan.prediction.load(sample, class, start, row.get_mut(..self.len).unwrap_or(&mut [])) };
        if self.has_excluded {
            dispatch(Exclude { row, weight: self.inputs.weight });
        }
    }

    /// Reads the truth of one class.
    ///
    /// # Safety
    /// As [`Tile::load`].
    pub unsafe fn load_truth(&mut self, plan: &Problem<'_>, sample: usize, class: usize, start: usize) {
        let row = row_mut(self.inputs.truth, 0, self.span.width, self.span.used);
        if plan.target_kind == TargetKind::Labels {
            return dispatch(Compare { label: self.inputs.label, class: plan.label_of(class), row });
        }
        if !plan.is_annotated(sample, class) {
            // Nobody looked: whatever the map holds means nothing.
            return row.fill(T::zero());
        }
        // SAFETY: promised by the caller.
        unsafe { plan.target.load(sample, class, start, row.get_mut(..self.len).unwrap_or(&mut [])) };
        if self.has_excluded {
            dispatch(Exclude { row, weight: self.inputs.weight });
        }
    }
}

/// Weighs ignored voxels 0.
struct Ignore<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for Ignore<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (weight, &label) in self.weight.iter_mut().zip(self.label) {
            *weight = weight.cleared(label != LabelMap::IGNORED);
        }
    }
}

/// Weighs ignored voxels 0 and the others 1; says whether any is ignored.
struct Unignored<'a, T> {
    label: &'a [i32],
    weight: &'a mut [T],
}

impl<T: Real> Kernel for Unignored<'_, T> {
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

/// Copies a row where the weight is not 0, NaN included; elsewhere it is 0.
struct Counted<'a, T> {
    from: &'a [T],
    weight: &'a [T],
    row: &'a mut [T],
}

impl<T: Real> Kernel for Counted<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((to, &x), &weight) in self.row.iter_mut().zip(self.from).zip(self.weight) {
            *to = x.mask(weight != T::zero());
        }
    }
}

/// Sets a row to 0 where the weight is 0, NaN included.
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

/// The truth of one class from labels.
struct Compare<'a, T> {
    label: &'a [i32],
    class: i32,
    row: &'a mut [T],
}

impl<T: Real> Kernel for Compare<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (truth, &label) in self.row.iter_mut().zip(self.label) {
            *truth = T::one().mask(label == self.class);
        }
    }
}
