//! The loops of a cost over rows of voxels: written once, compiled for every cost, precision and CPU level.

use super::row::{BLOCK, block_sum, blocks, blocks_mut};
use super::simd::{Kernel, dispatch};
use crate::{Activation, Charge, Cost, Normalizer, Real, Voxel};

/// What `finish` and the sweeps must know of a cost, besides its loops.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Bill {
    pub(crate) charge: Charge,
    pub(crate) field: bool,
    pub(crate) prices: [f64; 2],
    pub(crate) smoothing: f64,
    pub(crate) normalizer: Normalizer,
}

/// What each outcome pays, as functions of the truth: `here·t` and `elsewhere·(1 − t)`
/// with `t = keep·g + floor`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices<T> {
    pub keep: T,
    pub floor: T,
    pub here: T,
    pub elsewhere: T,
}

impl Bill {
    /// The prices under `activation` with `classes` classes.
    pub(crate) fn prices<T: Real>(&self, activation: Activation, classes: usize) -> Prices<T> {
        let [here, elsewhere] = match self.charge {
            Charge::Likelihood if activation.is_exclusive() => [1.0, 0.0],
            Charge::Likelihood | Charge::Everywhere => [1.0, 1.0],
            Charge::Truth => [1.0, 0.0],
            Charge::Outcomes => self.prices,
        };
        let shared_by = if activation.is_exclusive() { classes as f64 } else { 2.0 };
        Prices {
            keep: T::of(1.0 - self.smoothing),
            floor: T::of(self.smoothing / shared_by),
            here: T::of(here),
            elsewhere: T::of(elsewhere),
        }
    }
}

/// One class of a tile, activated.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Row<'a, T> {
    pub(crate) activation: Activation,
    pub(crate) prices: Prices<T>,
    /// `s`
    pub(crate) probability: &'a [T],
    /// `z` less the largest logit with softmax, as given otherwise.
    pub(crate) logit: &'a [T],
    /// Softmax: `ln Σ e^(z − max)`.
    pub(crate) log_total: &'a [T],
    /// Softmax: `1 − s` of the largest class.
    pub(crate) complement: &'a [T],
    /// Softmax: its logarithm.
    pub(crate) log_complement: &'a [T],
    pub(crate) truth: &'a [T],
    pub(crate) weight: &'a [T],
    /// The field; any row if the cost has none.
    pub(crate) field: &'a [T],
}

/// The derivative of the loss in three numbers per voxel of one class; the loops add to them.
#[doc(hidden)]
pub struct Pull<'a, T> {
    /// `∂L/∂s` of what is polynomial in `s`
    pub(crate) polynomial: &'a mut [T],
    /// `∂L/∂ln s`
    pub(crate) here: &'a mut [T],
    /// `∂L/∂ln(1 − s)`
    pub(crate) elsewhere: &'a mut [T],
}

/// The loops of a cost in one precision.
#[doc(hidden)]
pub trait RowsOf<T> {
    /// Adds the row's cost to `sum`, block by block.
    fn fold(&self, row: &Row<'_, T>, sum: &mut f64);
    /// Adds `slope` times the cost's derivative to `pull`.
    fn map(&self, row: &Row<'_, T>, slope: T, pull: &mut Pull<'_, T>);
}

impl<C: Cost + Sync, T: Real> RowsOf<T> for C {
    fn fold(&self, row: &Row<'_, T>, sum: &mut f64) {
        match row.activation {
            Activation::Softmax => dispatch(Fold::<_, _, Softmax>::new(self, row, sum)),
            Activation::Sigmoid => dispatch(Fold::<_, _, Sigmoid>::new(self, row, sum)),
            _ => dispatch(Fold::<_, _, Given>::new(self, row, sum)),
        }
    }

    fn map(&self, row: &Row<'_, T>, slope: T, pull: &mut Pull<'_, T>) {
        match row.activation {
            Activation::Softmax => dispatch(Map::<_, _, Softmax>::new(self, row, slope, pull)),
            Activation::Sigmoid => dispatch(Map::<_, _, Sigmoid>::new(self, row, slope, pull)),
            _ => dispatch(Map::<_, _, Given>::new(self, row, slope, pull)),
        }
    }
}

/// The two outcomes of a voxel under an activation. What a cost does not use is not computed.
trait Outcomes {
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
}

struct Softmax;
struct Sigmoid;
struct Given;

impl Outcomes for Softmax {
    #[inline(always)]
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        block.voxel(
            i,
            block.probability[i],
            softmax_complement(block.probability[i], block.complement[i]),
            block.logit[i] - block.log_total[i],
        )
    }

    #[inline(always)]
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        let from_s = (-s).ln_1p();
        let log = if s > T::of(0.5) { block.log_complement[i] } else { from_s };
        block.voxel(i, softmax_complement(s, block.complement[i]), s, log)
    }
}

/// `1 − s` to full relative precision: only the largest class exceeds one half.
#[inline(always)]
pub(super) fn softmax_complement<T: Real>(s: T, of_largest: T) -> T {
    let from_s = T::one() - s;
    if s > T::of(0.5) { of_largest } else { from_s }
}

impl Outcomes for Sigmoid {
    #[inline(always)]
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let (s, complement, log) = sigmoid(block.logit[i]);
        block.voxel(i, s, complement, log)
    }

    #[inline(always)]
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let (s, complement, log) = sigmoid(-block.logit[i]);
        block.voxel(i, s, complement, log)
    }
}

/// `s`, `1 − s` and `ln s` of a logit; with `t = e^−|z|` no end loses precision.
#[inline(always)]
pub(super) fn sigmoid<T: Real>(z: T) -> (T, T, T) {
    let positive = z > T::zero();
    let minus_abs = if positive { -z } else { z };
    let t = minus_abs.exp();
    let large = T::one() / (T::one() + t);
    let small = t * large;
    let below_zero = if positive { T::zero() } else { z };
    let (s, complement) = if positive { (large, small) } else { (small, large) };
    (s, complement, below_zero - t.ln_1p())
}

impl Outcomes for Given {
    #[inline(always)]
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        block.voxel(i, s, (T::one() - s).at_least(T::zero()), s.at_least(T::FLOOR).ln())
    }

    #[inline(always)]
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        let complement = T::one() - s;
        block.voxel(i, complement, s.at_least(T::zero()), complement.at_least(T::FLOOR).ln())
    }
}

/// A [`Row`], one block of it.
struct Block<'a, T> {
    probability: &'a [T; BLOCK],
    logit: &'a [T; BLOCK],
    log_total: &'a [T; BLOCK],
    complement: &'a [T; BLOCK],
    log_complement: &'a [T; BLOCK],
    truth: &'a [T; BLOCK],
    weight: &'a [T; BLOCK],
    field: &'a [T; BLOCK],
}

impl<T: Real> Block<'_, T> {
    #[inline(always)]
    fn voxel(&self, i: usize, probability: T, complement: T, log_probability: T) -> Voxel<T> {
        Voxel { probability, complement, log_probability, truth: self.truth[i], field: self.field[i] }
    }
}

impl<'a, T: Real> Row<'a, T> {
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = Block<'a, T>> + use<'a, T> {
        let likelihood = (blocks(self.probability).iter().zip(blocks(self.logit)))
            .zip(blocks(self.log_total).iter().zip(blocks(self.complement)))
            .zip(blocks(self.log_complement));
        let rest = blocks(self.truth).iter().zip(blocks(self.weight)).zip(blocks(self.field));
        likelihood.zip(rest).map(
            |(
                (((probability, logit), (log_total, complement)), log_complement),
                ((truth, weight), field),
            )| {
                Block { probability, logit, log_total, complement, log_complement, truth, weight, field }
            },
        )
    }
}

struct Fold<'a, C, T, A> {
    cost: &'a C,
    row: &'a Row<'a, T>,
    sum: &'a mut f64,
    activation: core::marker::PhantomData<A>,
}

impl<'a, C, T, A> Fold<'a, C, T, A> {
    fn new(cost: &'a C, row: &'a Row<'a, T>, sum: &'a mut f64) -> Self {
        Self { cost, row, sum, activation: core::marker::PhantomData }
    }
}

impl<C: Cost, T: Real, A: Outcomes> Kernel for Fold<'_, C, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Prices { keep, floor, here, elsewhere } = self.row.prices;
        // A row of costs first, then their sum: a loop that does both would not vectorise.
        for block in self.row.blocks() {
            let mut costs = [T::zero(); BLOCK];
            if C::CHARGE == Charge::Everywhere {
                for i in 0..BLOCK {
                    costs[i] = block.weight[i] * self.cost.at(A::here(&block, i)).0;
                }
            } else {
                for i in 0..BLOCK {
                    let truth = keep * block.truth[i] + floor;
                    costs[i] = here * truth * self.cost.at(A::here(&block, i)).0;
                }
                if elsewhere != T::zero() {
                    for i in 0..BLOCK {
                        let spared = T::one() - (keep * block.truth[i] + floor);
                        costs[i] += elsewhere * spared * self.cost.at(A::elsewhere(&block, i)).0;
                    }
                }
                for i in 0..BLOCK {
                    costs[i] *= block.weight[i];
                }
            }
            *self.sum += block_sum(&costs);
        }
    }
}

struct Map<'a, 'p, C, T, A> {
    cost: &'a C,
    row: &'a Row<'a, T>,
    slope: T,
    pull: &'a mut Pull<'p, T>,
    activation: core::marker::PhantomData<A>,
}

impl<'a, 'p, C, T, A> Map<'a, 'p, C, T, A> {
    fn new(cost: &'a C, row: &'a Row<'a, T>, slope: T, pull: &'a mut Pull<'p, T>) -> Self {
        Self { cost, row, slope, pull, activation: core::marker::PhantomData }
    }
}

impl<C: Cost, T: Real, A: Outcomes> Kernel for Map<'_, '_, C, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Prices { keep, floor, here, elsewhere } = self.row.prices;
        let (cost, slope) = (self.cost, self.slope);
        if C::CHARGE == Charge::Everywhere {
            for (block, out) in self.row.blocks().zip(blocks_mut(self.pull.polynomial)) {
                for i in 0..BLOCK {
                    out[i] += slope * block.weight[i] * cost.at(A::here(&block, i)).1;
                }
            }
            return;
        }
        for (block, out) in self.row.blocks().zip(blocks_mut(self.pull.here)) {
            for i in 0..BLOCK {
                let truth = keep * block.truth[i] + floor;
                out[i] += slope * block.weight[i] * (here * truth * cost.at(A::here(&block, i)).1);
            }
        }
        if elsewhere == T::zero() {
            return;
        }
        for (block, out) in self.row.blocks().zip(blocks_mut(self.pull.elsewhere)) {
            for i in 0..BLOCK {
                let spared = T::one() - (keep * block.truth[i] + floor);
                out[i] += slope * block.weight[i] * (elsewhere * spared * cost.at(A::elsewhere(&block, i)).1);
            }
        }
    }
}
