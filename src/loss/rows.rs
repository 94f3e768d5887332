//! The loops of a cost over rows of voxels: written once, compiled for every cost, precision and CPU level.
//!
//! A power is raised by a loop of its own, which all costs share: its ways are many.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::probability::sigmoid;
use crate::loss::probability::softmax_complement;
use crate::loss::selection::Selection;
use crate::loss::voxel::{Base, Contribution, Normalizer, Voxel, VoxelLoss};
use crate::simd::blocks::{BLOCK, blocks, blocks_mut};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::math::{Power, with_power};
use core::marker::PhantomData;

/// What `finish` and the sweeps must know of a cost, besides its loops.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct VoxelLossInfo {
    pub(crate) contribution: Contribution,
    pub(crate) linear: bool,
    pub(crate) log_of_zero: bool,
    pub(crate) field: bool,
    pub(crate) outcome_weights: [f64; 2],
    pub(crate) smoothing: f64,
    pub(crate) normalizer: Normalizer,
    pub(crate) selection: Option<Selection>,
    pub(crate) logarithmic: bool,
}

/// What each outcome pays, as functions of the truth: `here·t` and `elsewhere·(1 − t)`
/// with `t = keep·g + floor`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutcomeWeights<T> {
    pub keep: T,
    pub floor: T,
    pub here: T,
    pub elsewhere: T,
}

/// Slopes of costs are held within this: one that is infinite where a probability is 0 would make a NaN of it.
const MAX_SLOPE: f64 = 1e30;

impl<T: Real> OutcomeWeights<T> {
    /// The prices where every class of every voxel pays: nobody asks for them.
    pub(crate) fn everywhere() -> Self {
        Self { keep: T::one(), floor: T::zero(), here: T::one(), elsewhere: T::one() }
    }
}

impl VoxelLossInfo {
    /// The prices under `activation` with `classes` classes.
    pub(crate) fn outcome_weights<T: Real>(
        &self,
        activation: Activation,
        classes: usize,
    ) -> OutcomeWeights<T> {
        let [here, elsewhere] = match self.contribution {
            Contribution::NegLogLikelihood if activation.is_exclusive() => [1.0, 0.0],
            Contribution::NegLogLikelihood | Contribution::AllClasses => [1.0, 1.0],
            Contribution::TrueClass => [1.0, 0.0],
            Contribution::BothOutcomes => self.outcome_weights,
        };
        let shared_by = if activation.is_exclusive() { classes as f64 } else { 2.0 };
        OutcomeWeights {
            keep: T::of(1.0 - self.smoothing),
            floor: T::of(self.smoothing / shared_by),
            here: T::of(here),
            elsewhere: T::of(elsewhere),
        }
    }
}

/// What the outcomes of a row are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Outcome {
    /// One class, as the activation says.
    Class(Activation),
    /// The outcome of each voxel that is true, from its probability and logarithm: its price is 1.
    Truth,
}

/// One class of a tile, activated.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct VoxelRow<'a, T> {
    pub(crate) rated: Outcome,
    pub(crate) prices: OutcomeWeights<T>,
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
#[derive(Debug)]
#[doc(hidden)]
pub struct GradientRows<'a, T> {
    /// `∂L/∂s` of what is polynomial in `s`
    pub(crate) polynomial: &'a mut [T],
    /// `∂L/∂ln s`
    pub(crate) here: &'a mut [T],
    /// `∂L/∂ln(1 − s)`
    pub(crate) elsewhere: &'a mut [T],
}

/// The loops of a cost in one precision. `work` is a row for powers.
#[doc(hidden)]
pub trait DynVoxelLossOf<T> {
    /// Writes the cost of each voxel, without its weight.
    fn evaluate_row(&self, row: &VoxelRow<'_, T>, work: &mut [T], out: &mut [T]);
    /// Adds `slope` times the weighted cost's derivative to `pull`.
    fn slope_row(&self, row: &VoxelRow<'_, T>, slope: T, work: &mut [T], pull: &mut GradientRows<'_, T>);
}

impl<C: VoxelLoss + Sync, T: Real> DynVoxelLossOf<T> for C {
    fn evaluate_row(&self, row: &VoxelRow<'_, T>, work: &mut [T], out: &mut [T]) {
        match row.rated {
            Outcome::Truth => rate::<C, T, Truth>(self, row, work, out),
            Outcome::Class(Activation::Softmax) => rate::<C, T, Softmax>(self, row, work, out),
            Outcome::Class(Activation::Sigmoid) => rate::<C, T, Sigmoid>(self, row, work, out),
            _ => rate::<C, T, Given>(self, row, work, out),
        }
    }

    fn slope_row(&self, row: &VoxelRow<'_, T>, slope: T, work: &mut [T], pull: &mut GradientRows<'_, T>) {
        match row.rated {
            Outcome::Truth => map::<C, T, Truth>(self, row, slope, work, pull),
            Outcome::Class(Activation::Softmax) => map::<C, T, Softmax>(self, row, slope, work, pull),
            Outcome::Class(Activation::Sigmoid) => map::<C, T, Sigmoid>(self, row, slope, work, pull),
            _ => map::<C, T, Given>(self, row, slope, work, pull),
        }
    }
}

fn rate<C: VoxelLoss, T: Real, A: OutcomeOf>(cost: &C, row: &VoxelRow<'_, T>, work: &mut [T], out: &mut [T]) {
    raise::<C, T, A, false>(cost, row, work, cost.exponent());
    dispatch(Evaluate::<C, T, A, false> { cost, row, raised: work, out, activation: PhantomData });
    if A::IS_WEIGHTED && C::CONTRIBUTION != Contribution::AllClasses && row.prices.elsewhere != T::zero() {
        raise::<C, T, A, true>(cost, row, work, cost.exponent());
        dispatch(Evaluate::<C, T, A, true> { cost, row, raised: work, out, activation: PhantomData });
    }
}

fn map<C: VoxelLoss, T: Real, A: OutcomeOf>(
    cost: &C,
    row: &VoxelRow<'_, T>,
    slope: T,
    work: &mut [T],
    pull: &mut GradientRows<'_, T>,
) {
    raise::<C, T, A, false>(cost, row, work, cost.slope_exponent());
    let out =
        if C::CONTRIBUTION == Contribution::AllClasses { &mut *pull.polynomial } else { &mut *pull.here };
    dispatch(Slope::<C, T, A, false> { cost, row, slope, raised: work, out, activation: PhantomData });
    if A::IS_WEIGHTED && C::CONTRIBUTION != Contribution::AllClasses && row.prices.elsewhere != T::zero() {
        raise::<C, T, A, true>(cost, row, work, cost.slope_exponent());
        let out = &mut *pull.elsewhere;
        dispatch(Slope::<C, T, A, true> { cost, row, slope, raised: work, out, activation: PhantomData });
    }
}

/// Fills `work` with the power that the cost wants of an outcome, if any.
fn raise<C: VoxelLoss, T: Real, A: OutcomeOf, const ELSEWHERE: bool>(
    cost: &C,
    row: &VoxelRow<'_, T>,
    work: &mut [T],
    exponent: f64,
) {
    if C::POWER_BASE != Base::None {
        let least = T::of(cost.min_base());
        dispatch(PowerBases::<C, T, A, ELSEWHERE> { row, least, out: work, types: PhantomData });
        dispatch(RaiseRow { row: work, power: Power::of(exponent) });
    }
}

/// The two outcomes of a voxel under an activation. What a cost does not use is not computed.
trait OutcomeOf {
    /// Whether an outcome has a price other than 1.
    const IS_WEIGHTED: bool = true;
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
}

struct Softmax;
struct Truth;
struct Sigmoid;
struct Given;

impl OutcomeOf for Softmax {
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
        // Read before the choice: behind a branch it would keep the loop from being packed on SSE2 and NEON.
        let (from_s, of_largest) = (Real::ln_1p(-s), block.log_complement[i]);
        let log = if s > T::of(0.5) { of_largest } else { from_s };
        block.voxel(i, softmax_complement(s, block.complement[i]), s, log)
    }
}

/// The rows hold what is known of the true outcome, as softmax's rows do of a class.
impl OutcomeOf for Truth {
    const IS_WEIGHTED: bool = false;

    #[inline(always)]
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        Softmax::here(block, i)
    }

    #[inline(always)]
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        Softmax::here(block, i)
    }
}

impl OutcomeOf for Sigmoid {
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

impl OutcomeOf for Given {
    #[inline(always)]
    fn here<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        block.voxel(i, s, (T::one() - s).at_least(T::zero()), Real::ln(s.at_least(T::FLOOR)))
    }

    #[inline(always)]
    fn elsewhere<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        let complement = T::one() - s;
        block.voxel(i, complement, s.at_least(T::zero()), Real::ln(complement.at_least(T::FLOOR)))
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
    raised: &'a [T; BLOCK],
}

impl<T: Real> Block<'_, T> {
    #[inline(always)]
    fn voxel(&self, i: usize, probability: T, complement: T, log_probability: T) -> Voxel<T> {
        let (truth, field, raised) = (self.truth[i], self.field[i], self.raised[i]);
        Voxel { probability, complement, log_probability, target: truth, field, power: raised }
    }

    #[inline(always)]
    fn outcome<A: OutcomeOf, const ELSEWHERE: bool>(&self, i: usize) -> Voxel<T> {
        if ELSEWHERE { A::elsewhere(self, i) } else { A::here(self, i) }
    }

    /// What the outcome pays per unit of cost.
    #[inline(always)]
    fn outcome_weight<A: OutcomeOf, const ELSEWHERE: bool>(&self, i: usize, prices: &OutcomeWeights<T>) -> T {
        if !A::IS_WEIGHTED {
            return T::one();
        }
        let truth = prices.keep * self.truth[i] + prices.floor;
        if ELSEWHERE { prices.elsewhere * (T::one() - truth) } else { prices.here * truth }
    }
}

impl<'a, T: Real> VoxelRow<'a, T> {
    #[inline(always)]
    fn blocks(&self, raised: &'a [T]) -> impl Iterator<Item = Block<'a, T>> + use<'a, T> {
        let likelihood = (blocks(self.probability).iter().zip(blocks(self.logit)))
            .zip(blocks(self.log_total).iter().zip(blocks(self.complement)))
            .zip(blocks(self.log_complement).iter().zip(blocks(raised)));
        let rest = blocks(self.truth).iter().zip(blocks(self.weight)).zip(blocks(self.field));
        likelihood.zip(rest).map(
            |(
                (((probability, logit), (log_total, complement)), (log_complement, raised)),
                ((truth, weight), field),
            )| {
                Block {
                    probability,
                    logit,
                    log_total,
                    complement,
                    log_complement,
                    truth,
                    weight,
                    field,
                    raised,
                }
            },
        )
    }
}

/// The bases of a cost's power.
struct PowerBases<'a, C, T, A, const ELSEWHERE: bool> {
    row: &'a VoxelRow<'a, T>,
    least: T,
    out: &'a mut [T],
    types: PhantomData<(C, A)>,
}

impl<C: VoxelLoss, T: Real, A: OutcomeOf, const ELSEWHERE: bool> Kernel
    for PowerBases<'_, C, T, A, ELSEWHERE>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Whatever stands for the power is not used here.
        for (block, out) in self.row.blocks(self.row.weight).zip(blocks_mut(self.out)) {
            for i in 0..BLOCK {
                let voxel = block.outcome::<A, ELSEWHERE>(i);
                let base =
                    if C::POWER_BASE == Base::Complement { voxel.complement } else { -voxel.log_probability };
                out[i] = base.at_least(self.least);
            }
        }
    }
}

/// Raises a row to a power.
struct RaiseRow<'a, T> {
    row: &'a mut [T],
    power: Power<T>,
}

impl<T: Real> Kernel for RaiseRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        with_power!(self.power, power => {
            for x in self.row.iter_mut() {
                *x = power.raise(*x);
            }
        });
    }
}

struct Evaluate<'a, C, T, A, const ELSEWHERE: bool> {
    cost: &'a C,
    row: &'a VoxelRow<'a, T>,
    raised: &'a [T],
    out: &'a mut [T],
    activation: PhantomData<A>,
}

impl<C: VoxelLoss, T: Real, A: OutcomeOf, const ELSEWHERE: bool> Kernel for Evaluate<'_, C, T, A, ELSEWHERE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cost, row, raised, out, .. } = self;
        for (block, out) in row.blocks(raised).zip(blocks_mut(out)) {
            for i in 0..BLOCK {
                let here = cost.evaluate(block.outcome::<A, ELSEWHERE>(i)).0;
                let price = block.outcome_weight::<A, ELSEWHERE>(i, &row.prices);
                out[i] = match C::CONTRIBUTION {
                    Contribution::AllClasses => here,
                    _ if !A::IS_WEIGHTED => here,
                    _ if ELSEWHERE => out[i] + here.times(price),
                    _ => here.times(price),
                };
            }
        }
    }
}

struct Slope<'a, C, T, A, const ELSEWHERE: bool> {
    cost: &'a C,
    row: &'a VoxelRow<'a, T>,
    slope: T,
    raised: &'a [T],
    out: &'a mut [T],
    activation: PhantomData<A>,
}

impl<C: VoxelLoss, T: Real, A: OutcomeOf, const ELSEWHERE: bool> Kernel for Slope<'_, C, T, A, ELSEWHERE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cost, row, slope, raised, out, .. } = self;
        for (block, out) in row.blocks(raised).zip(blocks_mut(out)) {
            for i in 0..BLOCK {
                let steepness = cost.evaluate(block.outcome::<A, ELSEWHERE>(i)).1;
                let pull = match C::CONTRIBUTION {
                    Contribution::AllClasses => steepness,
                    _ => {
                        let held = steepness.at_least(T::of(-MAX_SLOPE)).at_most(T::of(MAX_SLOPE));
                        block.outcome_weight::<A, ELSEWHERE>(i, &row.prices) * held
                    }
                };
                out[i] += slope * block.weight[i] * pull;
            }
        }
    }
}

/// An object-safe [`VoxelLoss`]: its loops over rows of voxels in f32 and in f64. Every `VoxelLoss` that is `Sync`
/// implements it.
///
/// ```
/// use segloss::custom::{DynVoxelLoss, LossKind};
/// use segloss::{CrossEntropy, Focal};
///
/// let (focal, cross_entropy) = (Focal::default(), CrossEntropy::default());
/// let losses: [&dyn DynVoxelLoss; 2] = [&focal, &cross_entropy];
/// assert_eq!(losses.map(|loss| format!("{:?}", LossKind::Voxel(loss))), ["Voxel", "Voxel"]);
/// ```
pub trait DynVoxelLoss: DynVoxelLossOf<f32> + DynVoxelLossOf<f64> {
    #[doc(hidden)]
    fn info(&self) -> VoxelLossInfo;
    #[doc(hidden)]
    fn check(&self) -> Result<(), Error>;
}

impl<L: VoxelLoss + Sync> DynVoxelLoss for L {
    fn info(&self) -> VoxelLossInfo {
        VoxelLossInfo {
            contribution: L::CONTRIBUTION,
            linear: L::CONSTANT_SLOPE,
            log_of_zero: L::SLOPE_NEEDS_LOG_OF_ZERO,
            field: L::USES_FIELD,
            outcome_weights: self.outcome_weights(),
            smoothing: self.label_smoothing(),
            normalizer: self.normalizer(),
            selection: self.selection(),
            logarithmic: self.is_logarithmic(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.validate()
    }
}
