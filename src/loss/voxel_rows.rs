//! The loops of a voxel loss over rows of voxels: written once, compiled for every loss, precision and CPU level.
//!
//! Powers are computed by a loop of their own, which all losses share: it is compiled once per kind of exponent.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::activation::Activation;
use crate::loss::probability::sigmoid;
use crate::loss::probability::softmax_complement;
use crate::loss::voxel::{Base, Contribution, Voxel, VoxelLoss};
use crate::loss::voxel_info::{OutcomeWeights, VoxelLossInfo};
use crate::simd::blocks::{BLOCK, blocks, blocks_mut};
use crate::simd::level::{Kernel, dispatch};
use crate::simd::math::{Power, with_power};
use core::marker::PhantomData;

/// The limit of slopes: an infinite slope times a weight or probability of 0 would be NaN.
const MAX_SLOPE: f64 = 1e30;

/// The outcomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Outcome {
    /// Both outcomes of one class under the activation.
    Class(Activation),
    /// The true outcome of each voxel, with weight 1, from its probability and logarithm.
    Truth,
}

/// One class of a tile, activated.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct VoxelRow<'a, T> {
    pub(crate) outcome: Outcome,
    pub(crate) outcome_weights: OutcomeWeights<T>,
    /// `s`
    pub(crate) probability: &'a [T],
    /// `z` less the largest logit with softmax, as given otherwise.
    pub(crate) logit: &'a [T],
    /// Softmax: `ln Σ e^(z − max)`.
    pub(crate) log_total: &'a [T],
    /// Softmax: `1 − s` of the largest class.
    pub(crate) complement: &'a [T],
    /// Softmax: the logarithm of `complement`.
    pub(crate) log_complement: &'a [T],
    pub(crate) truth: &'a [T],
    pub(crate) weight: &'a [T],
    /// The distance field; any row if the loss uses none.
    pub(crate) field: &'a [T],
}

/// The derivative of the loss in three numbers per voxel of one class. The loops add to them.
#[derive(Debug)]
#[doc(hidden)]
pub struct GradientRows<'a, T> {
    /// `∂L/∂s` of the part of the loss that is polynomial in `s`
    pub(crate) polynomial: &'a mut [T],
    /// `∂L/∂ln s`
    pub(crate) positive: &'a mut [T],
    /// `∂L/∂ln(1 − s)`
    pub(crate) negative: &'a mut [T],
}

/// The loops of a voxel loss in one precision. `work` is a row for powers.
#[doc(hidden)]
pub trait DynVoxelLossOf<T> {
    /// Writes the loss of each voxel, without its weight.
    fn evaluate_row(&self, row: &VoxelRow<'_, T>, work: &mut [T], out: &mut [T]);
    /// Adds `slope` times the derivative of the weighted loss to `gradient`.
    fn slope_row(&self, row: &VoxelRow<'_, T>, slope: T, work: &mut [T], gradient: &mut GradientRows<'_, T>);
}

impl<L: VoxelLoss + Sync, T: Real> DynVoxelLossOf<T> for L {
    fn evaluate_row(&self, row: &VoxelRow<'_, T>, work: &mut [T], out: &mut [T]) {
        match row.outcome {
            Outcome::Truth => evaluate_outcomes::<L, T, TrueOutcome>(self, row, work, out),
            Outcome::Class(Activation::Softmax) => {
                evaluate_outcomes::<L, T, SoftmaxOutcomes>(self, row, work, out)
            }
            Outcome::Class(Activation::Sigmoid) => {
                evaluate_outcomes::<L, T, SigmoidOutcomes>(self, row, work, out)
            }
            _ => evaluate_outcomes::<L, T, GivenOutcomes>(self, row, work, out),
        }
    }

    fn slope_row(&self, row: &VoxelRow<'_, T>, slope: T, work: &mut [T], gradient: &mut GradientRows<'_, T>) {
        match row.outcome {
            Outcome::Truth => slope_outcomes::<L, T, TrueOutcome>(self, row, slope, work, gradient),
            Outcome::Class(Activation::Softmax) => {
                slope_outcomes::<L, T, SoftmaxOutcomes>(self, row, slope, work, gradient)
            }
            Outcome::Class(Activation::Sigmoid) => {
                slope_outcomes::<L, T, SigmoidOutcomes>(self, row, slope, work, gradient)
            }
            _ => slope_outcomes::<L, T, GivenOutcomes>(self, row, slope, work, gradient),
        }
    }
}

fn evaluate_outcomes<L: VoxelLoss, T: Real, A: OutcomeOf>(
    loss: &L,
    row: &VoxelRow<'_, T>,
    work: &mut [T],
    out: &mut [T],
) {
    powers::<L, T, A, false>(loss, row, work, loss.exponent());
    dispatch(Evaluate::<L, T, A, false> { loss, row, power: work, out, activation: PhantomData });
    if A::IS_WEIGHTED
        && L::CONTRIBUTION != Contribution::AllClasses
        && row.outcome_weights.negative != T::zero()
    {
        powers::<L, T, A, true>(loss, row, work, loss.exponent());
        dispatch(Evaluate::<L, T, A, true> { loss, row, power: work, out, activation: PhantomData });
    }
}

fn slope_outcomes<L: VoxelLoss, T: Real, A: OutcomeOf>(
    loss: &L,
    row: &VoxelRow<'_, T>,
    slope: T,
    work: &mut [T],
    gradient: &mut GradientRows<'_, T>,
) {
    powers::<L, T, A, false>(loss, row, work, loss.slope_exponent());
    let out = if L::CONTRIBUTION == Contribution::AllClasses {
        &mut *gradient.polynomial
    } else {
        &mut *gradient.positive
    };
    dispatch(Slope::<L, T, A, false> { loss, row, slope, power: work, out, activation: PhantomData });
    if A::IS_WEIGHTED
        && L::CONTRIBUTION != Contribution::AllClasses
        && row.outcome_weights.negative != T::zero()
    {
        powers::<L, T, A, true>(loss, row, work, loss.slope_exponent());
        let out = &mut *gradient.negative;
        dispatch(Slope::<L, T, A, true> { loss, row, slope, power: work, out, activation: PhantomData });
    }
}

/// Fills `work` with the power of an outcome that the loss reads, if any.
fn powers<L: VoxelLoss, T: Real, A: OutcomeOf, const NEGATIVE: bool>(
    loss: &L,
    row: &VoxelRow<'_, T>,
    work: &mut [T],
    exponent: f64,
) {
    if L::POWER_BASE != Base::None {
        let least = T::of(loss.min_base());
        dispatch(PowerBases::<L, T, A, NEGATIVE> { row, least, out: work, types: PhantomData });
        dispatch(RaiseRow { row: work, power: Power::of(exponent) });
    }
}

/// The two outcomes of a voxel under an activation. The compiler removes what a loss does not use.
trait OutcomeOf {
    /// Whether an outcome has a weight other than 1.
    const IS_WEIGHTED: bool = true;
    fn positive<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
    fn negative<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T>;
}

struct SoftmaxOutcomes;
struct TrueOutcome;
struct SigmoidOutcomes;
struct GivenOutcomes;

impl OutcomeOf for SoftmaxOutcomes {
    #[inline(always)]
    fn positive<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        block.voxel(
            i,
            block.probability[i],
            softmax_complement(block.probability[i], block.complement[i]),
            block.logit[i] - block.log_total[i],
        )
    }

    #[inline(always)]
    fn negative<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        // Read before the choice: behind a branch it would keep the loop from being packed on SSE2 and NEON.
        let (from_s, of_largest) = (Real::ln_1p(-s), block.log_complement[i]);
        let log = if s > T::of(0.5) { of_largest } else { from_s };
        block.voxel(i, softmax_complement(s, block.complement[i]), s, log)
    }
}

/// The rows describe the true outcome as the rows of softmax describe a class.
impl OutcomeOf for TrueOutcome {
    const IS_WEIGHTED: bool = false;

    #[inline(always)]
    fn positive<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        SoftmaxOutcomes::positive(block, i)
    }

    #[inline(always)]
    fn negative<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        SoftmaxOutcomes::positive(block, i)
    }
}

impl OutcomeOf for SigmoidOutcomes {
    #[inline(always)]
    fn positive<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let (s, complement, log) = sigmoid(block.logit[i]);
        block.voxel(i, s, complement, log)
    }

    #[inline(always)]
    fn negative<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let (s, complement, log) = sigmoid(-block.logit[i]);
        block.voxel(i, s, complement, log)
    }
}

impl OutcomeOf for GivenOutcomes {
    #[inline(always)]
    fn positive<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        block.voxel(i, s, (T::one() - s).at_least(T::zero()), Real::ln(s.at_least(T::FLOOR)))
    }

    #[inline(always)]
    fn negative<T: Real>(block: &Block<'_, T>, i: usize) -> Voxel<T> {
        let s = block.probability[i];
        let complement = T::one() - s;
        block.voxel(i, complement, s.at_least(T::zero()), Real::ln(complement.at_least(T::FLOOR)))
    }
}

/// One block of a [`VoxelRow`].
struct Block<'a, T> {
    probability: &'a [T; BLOCK],
    logit: &'a [T; BLOCK],
    log_total: &'a [T; BLOCK],
    complement: &'a [T; BLOCK],
    log_complement: &'a [T; BLOCK],
    truth: &'a [T; BLOCK],
    weight: &'a [T; BLOCK],
    field: &'a [T; BLOCK],
    power: &'a [T; BLOCK],
}

impl<T: Real> Block<'_, T> {
    #[inline(always)]
    fn voxel(&self, i: usize, probability: T, complement: T, log_probability: T) -> Voxel<T> {
        let (truth, field, power) = (self.truth[i], self.field[i], self.power[i]);
        Voxel { probability, complement, log_probability, target: truth, field, power }
    }

    #[inline(always)]
    fn outcome<A: OutcomeOf, const NEGATIVE: bool>(&self, i: usize) -> Voxel<T> {
        if NEGATIVE { A::negative(self, i) } else { A::positive(self, i) }
    }

    /// Returns the factor of the loss of the outcome.
    #[inline(always)]
    fn outcome_weight<A: OutcomeOf, const NEGATIVE: bool>(&self, i: usize, weights: &OutcomeWeights<T>) -> T {
        if !A::IS_WEIGHTED {
            return T::one();
        }
        let target = weights.keep * self.truth[i] + weights.floor;
        if NEGATIVE { weights.negative * (T::one() - target) } else { weights.positive * target }
    }
}

impl<'a, T: Real> VoxelRow<'a, T> {
    #[inline(always)]
    fn blocks(&self, power: &'a [T]) -> impl Iterator<Item = Block<'a, T>> + use<'a, T> {
        let likelihood = (blocks(self.probability).iter().zip(blocks(self.logit)))
            .zip(blocks(self.log_total).iter().zip(blocks(self.complement)))
            .zip(blocks(self.log_complement).iter().zip(blocks(power)));
        let rest = blocks(self.truth).iter().zip(blocks(self.weight)).zip(blocks(self.field));
        likelihood.zip(rest).map(
            |(
                (((probability, logit), (log_total, complement)), (log_complement, power)),
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
                    power,
                }
            },
        )
    }
}

/// Writes the bases of the powers of a loss.
struct PowerBases<'a, L, T, A, const NEGATIVE: bool> {
    row: &'a VoxelRow<'a, T>,
    least: T,
    out: &'a mut [T],
    types: PhantomData<(L, A)>,
}

impl<L: VoxelLoss, T: Real, A: OutcomeOf, const NEGATIVE: bool> Kernel for PowerBases<'_, L, T, A, NEGATIVE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Any row serves as the power, which is not used here.
        for (block, out) in self.row.blocks(self.row.weight).zip(blocks_mut(self.out)) {
            for i in 0..BLOCK {
                let voxel = block.outcome::<A, NEGATIVE>(i);
                let base =
                    if L::POWER_BASE == Base::Complement { voxel.complement } else { -voxel.log_probability };
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

/// Writes the weighted loss of an outcome, or adds that of the negative one.
struct Evaluate<'a, L, T, A, const NEGATIVE: bool> {
    loss: &'a L,
    row: &'a VoxelRow<'a, T>,
    power: &'a [T],
    out: &'a mut [T],
    activation: PhantomData<A>,
}

impl<L: VoxelLoss, T: Real, A: OutcomeOf, const NEGATIVE: bool> Kernel for Evaluate<'_, L, T, A, NEGATIVE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { loss, row, power, out, .. } = self;
        for (block, out) in row.blocks(power).zip(blocks_mut(out)) {
            for i in 0..BLOCK {
                let value = loss.evaluate(block.outcome::<A, NEGATIVE>(i)).0;
                let weight = block.outcome_weight::<A, NEGATIVE>(i, &row.outcome_weights);
                out[i] = match L::CONTRIBUTION {
                    Contribution::AllClasses => value,
                    _ if !A::IS_WEIGHTED => value,
                    _ if NEGATIVE => out[i] + value.times(weight),
                    _ => value.times(weight),
                };
            }
        }
    }
}

/// Adds the weighted slope of an outcome.
struct Slope<'a, L, T, A, const NEGATIVE: bool> {
    loss: &'a L,
    row: &'a VoxelRow<'a, T>,
    slope: T,
    power: &'a [T],
    out: &'a mut [T],
    activation: PhantomData<A>,
}

impl<L: VoxelLoss, T: Real, A: OutcomeOf, const NEGATIVE: bool> Kernel for Slope<'_, L, T, A, NEGATIVE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { loss, row, slope, power, out, .. } = self;
        for (block, out) in row.blocks(power).zip(blocks_mut(out)) {
            for i in 0..BLOCK {
                let of_voxel = loss.evaluate(block.outcome::<A, NEGATIVE>(i)).1;
                let weighted = match L::CONTRIBUTION {
                    Contribution::AllClasses => of_voxel,
                    _ => {
                        let limited = of_voxel.at_least(T::of(-MAX_SLOPE)).at_most(T::of(MAX_SLOPE));
                        block.outcome_weight::<A, NEGATIVE>(i, &row.outcome_weights) * limited
                    }
                };
                out[i] += slope * block.weight[i] * weighted;
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
