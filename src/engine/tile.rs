//! The tile: all classes of some whole blocks of voxels, in rows that fit the first-level cache.

use super::arena::Arena;
use super::row::{BLOCK, CHUNK, row_mut};
use super::simd::{Kernel, dispatch};
use super::source::Legend;
use crate::batch::{Plan, Truth};
use crate::engine::arena::Plain;
use crate::{Error, Real};

/// Bytes for the rows that every class has. The size changes no bit of any result.
const BUDGET: usize = if cfg!(target_pointer_width = "64") { 32 * 1024 } else { 8 * 1024 };
/// The widest row; the rows that a voxel has once are of this order too.
const WIDEST: usize = if cfg!(target_pointer_width = "64") { 512 } else { 128 };

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

/// Rows of `width` elements, of which the first `used` matter.
pub(crate) struct Tile<'s, T> {
    pub width: usize,
    /// Whole blocks, the padding of the last one included.
    pub used: usize,
    /// Voxels, without the padding.
    pub len: usize,
    /// Whether some voxel of the tile does not count.
    pub has_blanks: bool,
    pub label: &'s mut [i32],
    pub weight: &'s mut [T],
    pub truth: &'s mut [T],
    pub field: &'s mut [T],
    /// Per class: logits, later what their gradient is made of.
    pub logit: &'s mut [T],
    /// Per class: probabilities.
    pub probability: &'s mut [T],
    /// Per class, where both outcomes of softmax pay: the softmax without the largest class.
    pub rival: &'s mut [T],
    pub log_total: &'s mut [T],
    pub complement: &'s mut [T],
    pub log_complement: &'s mut [T],
    pub polynomial: &'s mut [T],
    pub here: &'s mut [T],
    pub elsewhere: &'s mut [T],
    /// `Σ_c q_c`
    pub total: &'s mut [T],
    /// `u·s` of the class above one half.
    pub largest: &'s mut [T],
}

impl<'s, T: Real + Plain> Tile<'s, T> {
    /// Takes the rows from `arena`.
    pub fn new(arena: &mut Arena<'s>, classes: usize, with_rivals: bool) -> Result<Self, Error> {
        let width = width(classes, size_of::<T>());
        let all = classes.saturating_mul(width);
        Ok(Self {
            width,
            used: 0,
            len: 0,
            has_blanks: false,
            label: arena.take(width)?,
            weight: arena.take(width)?,
            truth: arena.take(width)?,
            field: arena.take(width)?,
            logit: arena.take(all)?,
            probability: arena.take(all)?,
            rival: arena.take(if with_rivals { all } else { 0 })?,
            log_total: arena.take(width)?,
            complement: arena.take(width)?,
            log_complement: arena.take(width)?,
            polynomial: arena.take(width)?,
            here: arena.take(width)?,
            elsewhere: arena.take(width)?,
            total: arena.take(width)?,
            largest: arena.take(width)?,
        })
    }

    /// The tiles of one chunk: start and length.
    pub fn spans(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let width = self.width;
        let starts = core::iter::successors(Some(start), move |at| Some(at + width));
        starts.take_while(move |&at| at < end).map(move |at| (at, width.min(end - at)))
    }

    /// Reads which voxels `start..start + len` count, and their labels.
    ///
    /// # Safety
    /// The arrays of `plan` are readable and hold these voxels.
    pub unsafe fn open(&mut self, plan: &Plan<'_>, sample: usize, start: usize, len: usize) {
        self.len = len;
        self.used = len.next_multiple_of(BLOCK);
        let weight = row_mut(self.weight, 0, self.width, self.used);
        weight.fill(T::one());
        if let Some(source) = &plan.weight {
            // SAFETY: promised by the caller.
            unsafe { source.load(sample, 0, start, weight.get_mut(..len).unwrap_or(&mut [])) };
        }
        weight.get_mut(len..).unwrap_or(&mut []).fill(T::zero());
        if plan.truth == Truth::Labels {
            let label = row_mut(self.label, 0, self.width, self.used);
            label.get_mut(len..).unwrap_or(&mut []).fill(Legend::IGNORED);
            // SAFETY: promised by the caller.
            unsafe {
                plan.target.labels(sample, start, &plan.legend(), label.get_mut(..len).unwrap_or(&mut []))
            };
            if !plan.ignore.is_empty() {
                dispatch(Ignore { label, weight });
            }
        }
        self.has_blanks = self.used > len
            || (plan.weight.is_some() || !plan.ignore.is_empty()) && dispatch(HasBlanks { weight });
    }

    /// Reads the prediction of every class; voxels that do not count read as 0.
    ///
    /// # Safety
    /// As [`Tile::open`], which came before with the same voxels.
    pub unsafe fn load(&mut self, plan: &Plan<'_>, sample: usize, start: usize) {
        for class in 0..plan.classes {
            let row = row_mut(self.logit, class, self.width, self.used);
            // SAFETY: promised by the caller.
            unsafe { plan.prediction.load(sample, class, start, row.get_mut(..self.len).unwrap_or(&mut [])) };
            if self.has_blanks {
                dispatch(Blank { row, weight: self.weight });
            }
        }
    }

    /// Reads the truth of one class.
    ///
    /// # Safety
    /// As [`Tile::load`].
    pub unsafe fn load_truth(&mut self, plan: &Plan<'_>, sample: usize, class: usize, start: usize) {
        let row = row_mut(self.truth, 0, self.width, self.used);
        if plan.truth == Truth::Labels {
            return dispatch(Compare { label: self.label, class: plan.label_of(class), row });
        }
        if !plan.is_annotated(sample, class) {
            // Nobody looked: whatever the map holds means nothing.
            return row.fill(T::zero());
        }
        // SAFETY: promised by the caller.
        unsafe { plan.target.load(sample, class, start, row.get_mut(..self.len).unwrap_or(&mut [])) };
        if self.has_blanks {
            dispatch(Blank { row, weight: self.weight });
        }
    }
}

/// Chunks of a sample: start and end.
pub(crate) fn chunks(voxels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..voxels).step_by(CHUNK).map(move |start| (start, voxels.min(start + CHUNK)))
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
            *weight = weight.masked(label != Legend::IGNORED);
        }
    }
}

struct HasBlanks<'a, T> {
    weight: &'a [T],
}

impl<T: Real> Kernel for HasBlanks<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.weight.iter().fold(false, |any, &w| any | (w == T::zero()))
    }
}

/// Sets a row to 0 where the weight is 0, NaN included.
pub(crate) struct Blank<'a, T> {
    pub row: &'a mut [T],
    pub weight: &'a [T],
}

impl<T: Real> Kernel for Blank<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (x, &weight) in self.row.iter_mut().zip(self.weight) {
            *x = x.masked(weight != T::zero());
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
            *truth = T::one().masked(label == self.class);
        }
    }
}
