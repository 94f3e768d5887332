//! The loops of a voxel loss over rows of voxels: value and slope together, compiled for every loss, precision and CPU
//! level.
//!
//! The engine supplies the outcome of each voxel and multiplies value and slope by weights: a loss has one loop for all
//! activations, targets and outcomes.

use crate::array::real::Real;
use crate::error::Error;
use crate::loss::voxel::{Base, Contribution, Voxel, VoxelLoss};
use crate::loss::voxel_info::VoxelLossInfo;
use crate::simd::level::{Kernel, dispatch};
use crate::simd::math::{Power, with_power};

/// One outcome of some voxels: rows of one length. [`Voxel`] describes the numbers.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct OutcomeRows<'a, T> {
    pub(crate) probability: &'a [T],
    pub(crate) complement: &'a [T],
    pub(crate) log_probability: &'a [T],
    pub(crate) target: &'a [T],
    /// Any row if the loss uses no field.
    pub(crate) field: &'a [T],
}

/// What a voxel loss computes, without weights, and a buffer for powers.
#[derive(Debug)]
#[doc(hidden)]
pub struct LossRows<'a, T> {
    pub(crate) value: &'a mut [T],
    pub(crate) slope: &'a mut [T],
    pub(crate) power: &'a mut [T],
}

/// The loops of a voxel loss in one precision.
#[doc(hidden)]
pub trait DynVoxelLossOf<T> {
    /// Computes value and slope of each voxel.
    fn evaluate_rows(&self, rows: &OutcomeRows<'_, T>, out: &mut LossRows<'_, T>);
}

impl<L: VoxelLoss + Sync, T: Real> DynVoxelLossOf<T> for L {
    fn evaluate_rows(&self, rows: &OutcomeRows<'_, T>, out: &mut LossRows<'_, T>) {
        let LossRows { value, slope, power } = out;
        let has_power = L::POWER_BASE != Base::None;
        if has_power {
            raise(self, rows, self.exponent(), power);
        }
        dispatch(Evaluate { loss: self, rows, power, value, slope });
        if has_power && self.slope_exponent() != self.exponent() {
            raise(self, rows, self.slope_exponent(), power);
            dispatch(EvaluateSlope { loss: self, rows, power, slope });
        }
    }
}

/// Computes the power that a loss reads.
fn raise<L: VoxelLoss, T: Real>(loss: &L, rows: &OutcomeRows<'_, T>, exponent: f64, power: &mut [T]) {
    let (of_complement, least) = (L::POWER_BASE == Base::Complement, T::of(loss.min_base()));
    let row = if of_complement { rows.complement } else { rows.log_probability };
    dispatch(PowerOfRow { row, of_complement, least, power: Power::of(exponent), out: power });
}

/// Computes a power of the complement, or of `−ln(probability)`.
struct PowerOfRow<'a, T> {
    row: &'a [T],
    of_complement: bool,
    /// The smallest base.
    least: T,
    power: Power<T>,
    out: &'a mut [T],
}

impl<T: Real> Kernel for PowerOfRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let sign = if self.of_complement { T::one() } else { -T::one() };
        with_power!(self.power, power => {
            for (out, &x) in self.out.iter_mut().zip(self.row) {
                *out = power.raise((sign * x).at_least(self.least));
            }
        });
    }
}

/// Computes value and slope of each voxel.
struct Evaluate<'a, L, T> {
    loss: &'a L,
    rows: &'a OutcomeRows<'a, T>,
    power: &'a [T],
    value: &'a mut [T],
    slope: &'a mut [T],
}

impl<L: VoxelLoss, T: Real> Kernel for Evaluate<'_, L, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let OutcomeRows { probability, complement, log_probability, target, field } = *self.rows;
        let likelihood = [probability, complement, log_probability];
        evaluate(self.loss, likelihood, [target, field, self.power], self.value, self.slope);
    }
}

/// Computes the slope of each voxel.
struct EvaluateSlope<'a, L, T> {
    loss: &'a L,
    rows: &'a OutcomeRows<'a, T>,
    power: &'a [T],
    slope: &'a mut [T],
}

impl<L: VoxelLoss, T: Real> Kernel for EvaluateSlope<'_, L, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let OutcomeRows { probability, complement, log_probability, target, field } = *self.rows;
        let likelihood = [probability, complement, log_probability];
        evaluate_slope(self.loss, likelihood, [target, field, self.power], self.slope);
    }
}

// The rows are arguments of functions: LLVM then knows that they do not alias.

#[inline(always)]
fn evaluate<L: VoxelLoss, T: Real>(
    loss: &L,
    likelihood: [&[T]; 3],
    rest: [&[T]; 3],
    value: &mut [T],
    slope: &mut [T],
) {
    for ((value, slope), voxel) in value.iter_mut().zip(slope).zip(voxels::<L, T>(likelihood, rest)) {
        (*value, *slope) = loss.evaluate(voxel);
    }
}

#[inline(always)]
fn evaluate_slope<L: VoxelLoss, T: Real>(loss: &L, likelihood: [&[T]; 3], rest: [&[T]; 3], slope: &mut [T]) {
    for (slope, voxel) in slope.iter_mut().zip(voxels::<L, T>(likelihood, rest)) {
        *slope = loss.evaluate(voxel).1;
    }
}

#[inline(always)]
fn voxels<'a, L: VoxelLoss, T: Real>(
    [probability, complement, log_probability]: [&'a [T]; 3],
    [target, field, power]: [&'a [T]; 3],
) -> impl Iterator<Item = Voxel<T>> + use<'a, L, T> {
    let likelihood = probability.iter().zip(complement).zip(log_probability);
    let rest = target.iter().zip(field).zip(power);
    likelihood.zip(rest).map(
        |(((&probability, &complement), &log_probability), ((&target, &field), &power))| Voxel {
            probability,
            complement,
            log_probability,
            target,
            field: if L::USES_FIELD { field } else { T::zero() },
            power,
        },
    )
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

/// Returns whether a loss is `−ln(probability)`: its slope is constant, so one voxel shows it.
fn is_neg_log<L: VoxelLoss>(loss: &L) -> bool {
    let voxel = Voxel {
        probability: 1.0,
        complement: 0.0,
        log_probability: 0.0,
        target: 1.0,
        field: 1.0,
        power: 1.0,
    };
    let is_likelihood = matches!(L::CONTRIBUTION, Contribution::NegLogLikelihood | Contribution::TrueClass);
    let has_constant_slope = L::CONSTANT_SLOPE && !L::USES_FIELD && L::POWER_BASE == Base::None;
    is_likelihood && has_constant_slope && loss.evaluate::<f64>(voxel) == (0.0, -1.0)
}

impl<L: VoxelLoss + Sync> DynVoxelLoss for L {
    fn info(&self) -> VoxelLossInfo {
        VoxelLossInfo {
            contribution: L::CONTRIBUTION,
            linear: L::CONSTANT_SLOPE,
            is_neg_log: is_neg_log(self),
            log_of_zero: L::SLOPE_NEEDS_LOG_OF_ZERO,
            reads_logarithm: L::READS_LOGARITHM,
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
