//! The strip: some neighbouring voxels of a sample, all classes, in rows that stay in the first-level cache.

use crate::array::real::Real;
use crate::engine::arena::{Arena, Plain};
use crate::engine::kernel::class_rows::{RowMemory, Rows};
use crate::engine::kernel::class_slope::ClassSlope;
use crate::engine::kernel::neg_log::NegLogUnits;
use crate::engine::kernel::partial_sums::PartialSums;
use crate::engine::kernel::{GROUP, UNIT};
use crate::engine::pass_plan::{is_target_loss, voxel_losses};
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::VoxelLossInfo;
use crate::problem::Problem;
use crate::simd::lanes::Vectorized;

/// More classes than these have narrow strips: their rows would leave the first-level cache, and rows of many classes
/// are often a power of two apart, which fall into few sets of the cache.
const FEW: usize = 8;
/// The same for passes that call several kernels per class: the calls take longer than loads from the second-level
/// cache.
const FEW_OF_CALLS: usize = 32;

/// Returns the width of a strip in voxels. It changes no bit of any result.
pub(crate) const fn width(classes: usize, most: usize, lanes: usize) -> usize {
    if classes > most || cfg!(not(target_pointer_width = "64")) { GROUP * lanes } else { UNIT * lanes }
}

/// How far ahead logits of few classes are prefetched.
const PREFETCH_BYTES: usize = 2048;

/// The rows that exist once per strip, and that only some terms need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalRows {
    /// The number of terms.
    pub terms: usize,
    /// A derivative per class: the losses are not those of the target class only.
    pub per_class: bool,
    /// Softmax with a loss of both outcomes.
    pub other_classes: bool,
    /// The number of terms that select voxels.
    pub selecting: usize,
    /// Sums of logarithms may be logarithms of products, class by class.
    pub products: bool,
    /// The most classes for which strips are wide.
    pub most: usize,
}

/// Rows of one number per voxel.
pub(crate) struct VoxelRows<'s, T> {
    pub weight: &'s mut [T],
    /// 1.
    pub ones: &'s mut [T],
    /// Softmax with labels: the exponential of the target class, the sum of the others, `z − m` of the target class.
    pub of_target: &'s mut [T],
    pub not_of_target: &'s mut [T],
    pub target_logit: &'s mut [T],
    /// The target of the current class.
    pub target: &'s mut [T],
    /// The field of the current term and class.
    pub field: &'s mut [T],
    /// The probability of an outcome, and its complement and logarithm.
    pub probability: &'s mut [T],
    pub complement: &'s mut [T],
    pub logarithm: &'s mut [T],
    /// The logarithm of the complement.
    pub log_complement: &'s mut [T],
    /// Softmax: `1 / Σ e`, `R`, the largest logit, `ln(1 + R)`.
    pub inverse: &'s mut [T],
    pub others: &'s mut [T],
    pub largest: &'s mut [T],
    pub log_total: &'s mut [T],
    /// `ln(1 − s)` of the largest class.
    pub log_of_others: &'s mut [T],
    /// Value and slope of a voxel loss, and its power.
    pub value: &'s mut [T],
    pub slope: &'s mut [T],
    pub power: &'s mut [T],
    /// `∂L/∂s`, `∂L/∂ln s`, `∂L/∂ln(1 − s)` of all terms.
    pub polynomial: &'s mut [T],
    pub positive: &'s mut [T],
    pub negative: &'s mut [T],
    /// Sums over the classes.
    pub total: &'s mut [T],
    pub rest: &'s mut [T],
    pub of_largest: &'s mut [T],
    /// The losses by which TopK ranks.
    pub ranking: &'s mut [T],
    /// Per term that selects voxels: their weights, 0 for voxels that are not selected.
    pub selected: &'s mut [T],
}

/// The memory of a strip.
pub(crate) struct Strip<'s, T> {
    /// The capacity in voxels.
    pub width: usize,
    /// Voxels with padding: a multiple of a group.
    pub len: usize,
    /// Voxels without padding.
    pub count: usize,
    /// Whether some voxel has weight 0, padding included.
    pub has_excluded: bool,
    /// Whether the labels of these may be none of a class.
    pub(super) has_other_labels: bool,
    /// Whether every voxel has weight 1, padding included.
    pub is_unweighted: bool,
    /// Whether the row of weights holds 1 throughout, from a strip before.
    pub(super) has_ones: bool,
    pub label: &'s mut [i32],
    /// Per class: the prediction, unless it is read where it is; later the gradient, unless it is written directly.
    pub input: RowMemory<'s, T>,
    /// Per class: exponentials, later probabilities.
    pub exponential: RowMemory<'s, T>,
    /// Per class: derivatives, until the sums over the classes are known.
    pub derivative: RowMemory<'s, T>,
    /// Per class, for losses of both outcomes of softmax: the softmax over the other classes than the largest.
    pub other_classes: RowMemory<'s, T>,
    pub rows: VoxelRows<'s, T>,
    pub sums: PartialSums<'s, T>,
    /// The running sum of `−ln s` of the target class.
    pub neg_log: NegLogUnits<'s, T>,
    /// The slopes of each class, and whether one of a squared error is not 0.
    pub slopes: &'s mut [ClassSlope<T>],
    pub has_squares: bool,
    /// The number that the row of derivatives by `ln s` holds throughout, from a strip before.
    pub constant_slope: Option<T>,
    /// The target of the current class.
    pub(super) target: *const T,
    /// The field of the current term and class.
    pub(super) field: *const T,
}

impl<'s, T: Real + Plain + Vectorized> Strip<'s, T> {
    /// Takes the rows from `arena`.
    pub fn new(arena: &mut Arena<'s>, classes: usize, optional: OptionalRows) -> Result<Self, Error> {
        let width = width(classes, optional.most, T::LANES);
        // Not fewer for few classes: scratch for the largest number of classes suffices for all.
        let widest = if cfg!(target_pointer_width = "64") { UNIT * T::LANES } else { GROUP * T::LANES };
        let row = |arena: &mut Arena<'s>| arena.take_of(widest, width);
        let all = classes.saturating_mul(width);
        let reserved = all.max(optional.most.min(classes) * widest);
        let rows = |arena: &mut Arena<'s>| arena.take_of(reserved, all);
        let some_rows =
            |arena: &mut Arena<'s>, wanted: bool| if wanted { rows(arena) } else { Ok(Default::default()) };
        Ok(Self {
            width,
            len: 0,
            count: 0,
            has_excluded: false,
            has_other_labels: false,
            is_unweighted: false,
            has_ones: false,
            label: arena.take_of(widest, width)?,
            input: RowMemory::new(rows(arena)?),
            exponential: RowMemory::new(rows(arena)?),
            derivative: RowMemory::new(some_rows(arena, optional.per_class)?),
            other_classes: RowMemory::new(some_rows(arena, optional.other_classes)?),
            rows: VoxelRows {
                weight: row(arena)?,
                ones: {
                    let ones: &mut [T] = row(arena)?;
                    ones.fill(T::one());
                    ones
                },
                of_target: row(arena)?,
                not_of_target: row(arena)?,
                target_logit: row(arena)?,
                target: row(arena)?,
                field: row(arena)?,
                probability: row(arena)?,
                complement: row(arena)?,
                logarithm: row(arena)?,
                log_complement: row(arena)?,
                inverse: row(arena)?,
                others: row(arena)?,
                largest: row(arena)?,
                log_total: row(arena)?,
                log_of_others: row(arena)?,
                value: row(arena)?,
                slope: row(arena)?,
                power: row(arena)?,
                polynomial: row(arena)?,
                positive: row(arena)?,
                negative: row(arena)?,
                total: row(arena)?,
                rest: row(arena)?,
                of_largest: row(arena)?,
                ranking: row(arena)?,
                selected: if optional.selecting > 0 {
                    arena.take_of(MAX_TERMS * widest, MAX_TERMS * width)?
                } else {
                    Default::default()
                },
            },
            sums: PartialSums::new(arena, classes, optional.sums())?,
            neg_log: NegLogUnits::new(arena)?,
            slopes: arena.take(classes)?,
            has_squares: false,
            constant_slope: None,
            target: core::ptr::null(),
            field: core::ptr::null(),
        })
    }

    /// Takes the slopes of a chunk.
    pub fn set_slopes(&mut self, slopes: &[ClassSums]) {
        self.has_squares = false;
        for (to, from) in self.slopes.iter_mut().zip(slopes) {
            *to = ClassSlope::of(from);
            self.has_squares |= from.squared_error_negative != 0.0 || from.squared_error_positive != 0.0;
        }
    }

    /// Returns start and length of each strip of a chunk.
    pub fn spans(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let width = self.width;
        let starts = core::iter::successors(Some(start), move |at| Some(at + width));
        starts.take_while(move |&at| at < end).map(move |at| (at, width.min(end - at)))
    }

    /// Returns whether a strip is as wide as a unit.
    pub fn is_unit(&self) -> bool {
        self.width == UNIT * T::LANES
    }

    /// Returns whether a unit begins with the strip at voxel `start`.
    pub fn begins_unit(&self, start: usize) -> bool {
        start.is_multiple_of(UNIT * T::LANES)
    }

    /// Returns whether a unit ends with the strip that begins at voxel `start`.
    pub fn ends_unit(&self, start: usize, end: usize) -> bool {
        start + self.width >= end || (start + self.width).is_multiple_of(UNIT * T::LANES)
    }

    /// Returns the rows of the prediction, or of the gradient.
    pub fn rows_of_input(&mut self) -> Rows<T> {
        self.input.rows(self.width)
    }

    /// Returns the rows of exponentials, or of probabilities.
    pub fn rows_of_exponentials(&mut self) -> Rows<T> {
        self.exponential.rows(self.width)
    }

    /// Returns how many elements ahead the logits are prefetched where they are read from the caller's array: the next
    /// strip if there are many classes, else some strips ahead.
    pub fn prefetch_distance(&mut self, logits: Rows<T>) -> usize {
        let is_input = core::ptr::eq(logits.at(0, 0), self.input.rows(self.width).at(0, 0));
        if is_input {
            0
        } else {
            self.width.max(PREFETCH_BYTES / size_of::<T>() * usize::from(self.width > GROUP * T::LANES))
        }
    }

    /// Returns the target of the class that was loaded last: in the strip or in the caller's array.
    pub fn target<'a>(&self) -> &'a [T] {
        debug_assert!(!self.target.is_null(), "no target is loaded");
        // SAFETY: the row was found or written by `load_target` and has the voxels of the strip; kernels that read it
        // write to other rows, and the next call of `load_target` follows the last use.
        unsafe { core::slice::from_raw_parts(self.target, self.len) }
    }

    /// Returns the field that was loaded last; any numbers if the term has none.
    pub fn field<'a>(&self) -> &'a [T] {
        let row = if self.field.is_null() { self.rows.ones.as_ptr() } else { self.field };
        // SAFETY: as in `target`, of `load_field`; the row of ones has the width of the strip.
        unsafe { core::slice::from_raw_parts(row, self.len) }
    }
}

impl OptionalRows {
    /// Returns the most quantities that a pass adds to: four of region losses, the loss of each term, the weight of each
    /// term that selects voxels, and the product of each term that may have one.
    fn sums(&self) -> usize {
        4 + self.terms + self.selecting + if self.products { self.terms } else { 0 }
    }

    /// Returns the rows that the terms use.
    pub fn of(problem: &Problem<'_>, terms: &[Term<'_>]) -> Self {
        let any = |uses: fn(VoxelLossInfo) -> bool| voxel_losses(terms).any(|(_, loss)| uses(loss.info()));
        let is_softmax = problem.activation == Activation::Softmax;
        let is_of_target = is_softmax
            && voxel_losses(terms)
                .all(|(_, loss)| is_target_loss(&loss.info()) && loss.info().smoothing == 0.0);
        Self {
            terms: terms.len(),
            per_class: is_softmax,
            other_classes: is_softmax && any(|info| info.contribution == Contribution::BothOutcomes),
            selecting: voxel_losses(terms).filter(|(_, loss)| loss.info().selection.is_some()).count(),
            products: problem.activation == Activation::Sigmoid && any(|info| info.is_neg_log),
            most: if is_of_target { FEW } else { FEW_OF_CALLS },
        }
    }
}
