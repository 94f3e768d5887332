//! Sums over voxels, in three steps that are the same at every CPU level and for every width of strips.
//!
//! ```text
//! group   4 vectors      (x₀ + x₁) + (x₂ + x₃)                    per lane, in the precision of the voxels
//! unit    16 vectors     the groups in order                      per lane, in the precision of the voxels
//! chunk                  the lanes of a unit, then the units      in f64
//! ```

use crate::checked::expected;
use crate::engine::arena::{Arena, Plain};
use crate::engine::kernel::class_rows::{RowMemory, Rows};
use crate::engine::kernel::{GROUP, STREAMS, store_vector};
use crate::error::Error;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::simd::lanes::{LaneKernel, Lanes, LogProduct, Scalar, Vector, Vectorized, dispatch};

/// A sum of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    kind: SumKind,
    /// The index of the term; 0 for sums of the class.
    slot: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SumKind {
    Prediction,
    Intersection,
    SquaredErrorPositive,
    SquaredErrorNegative,
    Target,
    Weight,
    Loss,
    LossWeight,
    LossProduct,
}

impl Quantity {
    pub const PREDICTION: Self = Self { kind: SumKind::Prediction, slot: 0 };
    pub const INTERSECTION: Self = Self { kind: SumKind::Intersection, slot: 0 };
    pub const SQUARED_ERROR_POSITIVE: Self = Self { kind: SumKind::SquaredErrorPositive, slot: 0 };
    pub const SQUARED_ERROR_NEGATIVE: Self = Self { kind: SumKind::SquaredErrorNegative, slot: 0 };
    /// `Σ w·g` in the validation pass.
    pub const TARGET: Self = Self { kind: SumKind::Target, slot: 0 };
    /// `Σ w` in the validation pass, of class 0.
    pub const WEIGHT: Self = Self { kind: SumKind::Weight, slot: 0 };

    const COUNT: usize = 6 + 3 * MAX_TERMS;

    /// The loss of a term.
    pub fn loss(slot: usize) -> Self {
        Self { kind: SumKind::Loss, slot: slot as u8 }
    }

    /// The weight of the voxels that a term selects, of class 0.
    pub fn loss_weight(slot: usize) -> Self {
        Self { kind: SumKind::LossWeight, slot: slot as u8 }
    }

    /// A product less 1, whose logarithm is a part of the loss of a term: see [`LogProduct`].
    pub fn loss_product(slot: usize) -> Self {
        Self { kind: SumKind::LossProduct, slot: slot as u8 }
    }

    fn index(self) -> usize {
        match self.kind {
            SumKind::Loss => 6 + usize::from(self.slot),
            SumKind::LossWeight => 6 + MAX_TERMS + usize::from(self.slot),
            SumKind::LossProduct => 6 + 2 * MAX_TERMS + usize::from(self.slot),
            kind => kind as usize,
        }
    }

    /// Returns the field of the class sums.
    fn of(self, sums: &mut ClassSums) -> Option<&mut f64> {
        let slot = usize::from(self.slot);
        match self.kind {
            SumKind::Prediction => Some(&mut sums.prediction),
            SumKind::Intersection => Some(&mut sums.intersection),
            SumKind::SquaredErrorPositive => Some(&mut sums.squared_error_positive),
            SumKind::SquaredErrorNegative => Some(&mut sums.squared_error_negative),
            SumKind::Target => Some(&mut sums.target),
            SumKind::Weight => Some(&mut sums.weight),
            SumKind::Loss | SumKind::LossProduct => expected(sums.loss_sum.get_mut(slot)),
            SumKind::LossWeight => expected(sums.loss_weight.get_mut(slot)),
        }
    }
}

/// The sums of the current unit: a vector per class, of one quantity at a time.
///
/// The memory serves all quantities that a strip adds to; each has its place.
pub(crate) struct PartialSums<'s, T> {
    classes: usize,
    lanes: RowMemory<'s, T>,
    /// The place of each quantity in `lanes`, in the order in which they were first used.
    used: [Option<u8>; Quantity::COUNT],
    quantities: [Option<Quantity>; MOST_AT_ONCE],
}

/// The most quantities that one pass adds to: four of region losses, and three of each term.
const MOST_AT_ONCE: usize = 4 + 3 * MAX_TERMS;

impl<'s, T: Vectorized + Plain> PartialSums<'s, T> {
    /// Takes memory for the sums of `quantities` at once.
    pub fn new(arena: &mut Arena<'s>, classes: usize, quantities: usize) -> Result<Self, Error> {
        let lanes = arena.take(classes.saturating_mul(quantities).saturating_mul(T::LANES))?;
        Ok(Self {
            classes,
            lanes: RowMemory::new(lanes),
            used: [None; Quantity::COUNT],
            quantities: [None; MOST_AT_ONCE],
        })
    }

    /// Returns the row of lanes of each class for a quantity; it begins at 0.
    pub fn rows(&mut self, quantity: Quantity) -> Rows<T> {
        let size = self.classes * T::LANES;
        let known = self.used.get(quantity.index()).copied().flatten();
        let place = known.map_or_else(
            || {
                let place = self.quantities.iter().position(Option::is_none).unwrap_or(0);
                self.lanes.slice_mut(place * size..(place + 1) * size).fill(T::ZERO);
                if let Some(to) = expected(self.used.get_mut(quantity.index())) {
                    *to = Some(place as u8);
                }
                if let Some(to) = expected(self.quantities.get_mut(place)) {
                    *to = Some(quantity);
                }
                place
            },
            usize::from,
        );
        Rows::new(self.lanes.rows(T::LANES).at(0, place * size), T::LANES as isize)
    }

    /// Ends a unit: adds its sums to those of the classes, and begins the next.
    pub fn end_unit(&mut self, sums: &mut [ClassSums]) {
        let size = self.classes * T::LANES;
        for (place, quantity) in self.quantities.iter_mut().enumerate() {
            let Some(quantity) = quantity.take() else { break };
            if let Some(used) = expected(self.used.get_mut(quantity.index())) {
                *used = None;
            }
            let lanes = self.lanes.slice(place * size..(place + 1) * size);
            dispatch(AddTotals { lanes, sums, quantity });
        }
    }
}

/// Adds the sum of a vector of each class to its sums; of products, their logarithms.
struct AddTotals<'a, T> {
    lanes: &'a [T],
    sums: &'a mut [ClassSums],
    quantity: Quantity,
}

impl<T: Scalar> LaneKernel<T> for AddTotals<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let is_product = self.quantity.kind == SumKind::LossProduct;
        for (sums, lanes) in self.sums.iter_mut().zip(T::lines(self.lanes).0) {
            let mut lanes = s.from_line(lanes);
            if is_product {
                lanes = LogProduct::of(lanes).take_ln(s);
            }
            let total = s.total(s.add_to_sums(s.zero_sums(), lanes));
            self.quantity.of(sums).into_iter().for_each(|sum| *sum += total);
        }
    }
}

/// Returns the sum of a group.
#[inline(always)]
pub(crate) fn group_sum<T: Scalar, S: Lanes<T>>([a, b, c, d]: [Vector<T, S>; GROUP]) -> Vector<T, S> {
    (a + b) + (c + d)
}

/// Normalizes the exponentials of all classes to probabilities, and adds those to `prediction` and, in the target
/// class, to `intersection`.
pub(crate) struct LabelSums<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub exponentials: Rows<T>,
    pub inverse: &'a [T],
    /// Receives the probabilities.
    pub probabilities: Rows<T>,
    /// Whether the rows are written by non-temporal stores: they are aligned.
    pub streams: bool,
    pub label: &'a [i32],
    pub first_label: i32,
    /// The weights of the voxels, unless all are 1.
    pub weight: Option<&'a [T]>,
    /// The sums of `prediction` and `intersection`. Not computed without.
    pub sums: Option<[Rows<T>; 2]>,
}

impl<T: Scalar> LaneKernel<T> for LabelSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Some(sums) = self.sums else {
            return if STREAMS && self.streams {
                self.normalize::<S, true>(s)
            } else {
                self.normalize::<S, false>(s)
            };
        };
        match (self.weight, STREAMS && self.streams) {
            (None, false) => self.add::<S, false, false>(s, &[], sums),
            (None, true) => self.add::<S, false, true>(s, &[], sums),
            (Some(weight), false) => self.add::<S, true, false>(s, weight, sums),
            (Some(weight), true) => self.add::<S, true, true>(s, weight, sums),
        }
    }
}

impl<T: Scalar> LabelSums<'_, T> {
    #[inline(always)]
    fn add<S: Lanes<T>, const WEIGHTED: bool, const STREAM: bool>(
        self,
        s: S,
        weight: &[T],
        [predictions, intersections]: [Rows<T>; 2],
    ) {
        let zero = s.splat(T::ZERO);
        for class in 0..self.classes {
            // SAFETY: the rows have `len` elements, a multiple of a group; those of sums have a vector.
            unsafe {
                let mut prediction = s.load(predictions.at(class, 0));
                let mut intersection = s.load(intersections.at(class, 0));
                let mut at = 0;
                while at < self.len {
                    let (mut all, mut inside) = ([zero; GROUP], [zero; GROUP]);
                    for u in 0..GROUP {
                        let voxel = at + u * T::LANES;
                        let share = s.load(self.inverse.as_ptr().add(voxel));
                        let probability = s.load(self.exponentials.at(class, voxel)) * share;
                        store_vector::<T, S, STREAM>(s, self.probabilities.at(class, voxel), probability);
                        let label = s.labels_i32(self.label.as_ptr().add(voxel));
                        let is = s.label_is(label, self.first_label + class as i32);
                        all[u] = probability;
                        if WEIGHTED {
                            all[u] = probability * s.load(weight.as_ptr().add(voxel));
                        }
                        inside[u] = s.keep(is, all[u]);
                    }
                    prediction = prediction + group_sum::<T, S>(all);
                    intersection = intersection + group_sum::<T, S>(inside);
                    at += GROUP * T::LANES;
                }
                s.store(predictions.at(class, 0), prediction);
                s.store(intersections.at(class, 0), intersection);
            }
        }
    }

    #[inline(always)]
    fn normalize<S: Lanes<T>, const STREAM: bool>(self, s: S) {
        for class in 0..self.classes {
            let mut at = 0;
            while at < self.len {
                // SAFETY: the rows have `len` elements, a multiple of a vector.
                unsafe {
                    let share = s.load(self.inverse.as_ptr().add(at));
                    let probability = s.load(self.exponentials.at(class, at)) * share;
                    store_vector::<T, S, STREAM>(s, self.probabilities.at(class, at), probability);
                }
                at += T::LANES;
            }
        }
    }
}

/// Adds the squared errors of all classes, for labels: `w·(1 − s)²` of the target class, `w·s²` of the others.
pub(crate) struct LabelSquares<'a, T> {
    pub classes: usize,
    pub len: usize,
    pub probabilities: Rows<T>,
    /// `1 − s` of the target class.
    pub complement: &'a [T],
    pub label: &'a [i32],
    pub first_label: i32,
    pub weight: &'a [T],
    pub positive: Rows<T>,
    pub negative: Rows<T>,
}

impl<T: Scalar> LaneKernel<T> for LabelSquares<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let zero = s.splat(T::ZERO);
        for class in 0..self.classes {
            // SAFETY: the rows have `len` elements, a multiple of a group; those of sums have a vector.
            unsafe {
                let mut positive = s.load(self.positive.at(class, 0));
                let mut negative = s.load(self.negative.at(class, 0));
                let mut at = 0;
                while at < self.len {
                    let (mut of_target, mut of_others) = ([zero; GROUP], [zero; GROUP]);
                    for u in 0..GROUP {
                        let voxel = at + u * T::LANES;
                        let label = s.labels_i32(self.label.as_ptr().add(voxel));
                        let is = s.label_is(label, self.first_label + class as i32);
                        let weight = s.load(self.weight.as_ptr().add(voxel));
                        let complement = s.load(self.complement.as_ptr().add(voxel));
                        let probability = s.load(self.probabilities.at(class, voxel));
                        of_target[u] = s.keep(is, weight * (complement * complement));
                        of_others[u] = s.keep(!is, weight * (probability * probability));
                    }
                    positive = positive + group_sum::<T, S>(of_target);
                    negative = negative + group_sum::<T, S>(of_others);
                    at += GROUP * T::LANES;
                }
                s.store(self.positive.at(class, 0), positive);
                s.store(self.negative.at(class, 0), negative);
            }
        }
    }
}

/// Adds each element of a row to the sum of the class of its label.
pub(crate) struct AddByLabel<'a, T> {
    pub classes: usize,
    pub row: &'a [T],
    pub label: &'a [i32],
    pub first_label: i32,
    pub sums: Rows<T>,
}

impl<T: Scalar> LaneKernel<T> for AddByLabel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let zero = s.splat(T::ZERO);
        for class in 0..self.classes {
            // SAFETY: the rows have equal lengths, a multiple of a group; those of sums have a vector.
            unsafe {
                let mut sum = s.load(self.sums.at(class, 0));
                let mut at = 0;
                while at < self.row.len() {
                    let mut inside = [zero; GROUP];
                    for u in 0..GROUP {
                        let voxel = at + u * T::LANES;
                        let label = s.labels_i32(self.label.as_ptr().add(voxel));
                        let is = s.label_is(label, self.first_label + class as i32);
                        inside[u] = s.keep(is, s.load(self.row.as_ptr().add(voxel)));
                    }
                    sum = sum + group_sum::<T, S>(inside);
                    at += GROUP * T::LANES;
                }
                s.store(self.sums.at(class, 0), sum);
            }
        }
    }
}

/// Adds a row to a sum.
pub(crate) struct AddRow<'a, T> {
    pub row: &'a [T],
    /// A vector.
    pub sum: *mut T,
}

impl<T: Scalar> LaneKernel<T> for AddRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let zero = s.splat(T::ZERO);
        // SAFETY: the row has a multiple of a group, the sum a vector.
        unsafe {
            let mut sum = s.load(self.sum);
            let mut at = 0;
            while at < self.row.len() {
                let mut group = [zero; GROUP];
                for u in 0..GROUP {
                    group[u] = s.load(self.row.as_ptr().add(at + u * T::LANES));
                }
                sum = sum + group_sum::<T, S>(group);
                at += GROUP * T::LANES;
            }
            s.store(self.sum, sum);
        }
    }
}
