//! One pass over a strip, class by class, for any activation, target and loss.

use crate::checked::{expected, slice, slice_mut};
use crate::engine::kernel::chain_rule::{
    CombineProbability, CombineSigmoid, CombineSoftmax, Derivatives, FinishSoftmax, RegionPolynomial,
};
use crate::engine::kernel::exponentials::{AllExponentials, Exponentials, SubtractLargest};
use crate::engine::kernel::other_classes::OtherClasses;
use crate::engine::kernel::outcomes::{
    AtLeastZero, GivenOutcomes, OutcomeTargets, SigmoidOutcomes, SoftmaxOutcomes, Totals,
};
use crate::engine::kernel::partial_sums::{ClassRegionSums, Quantity};
use crate::engine::kernel::rows::Rows;
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::weighting::{AddSlopes, AddValues, NegLogOutcome, OutcomeFactor};
use crate::engine::pass::{BlockRange, Pass};
use crate::engine::pass_plan::{RequiredSums, voxel_losses};
use crate::engine::precise::Precise;
use crate::loss::activation::Activation;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::VoxelLossInfo;
use crate::loss::voxel_rows::{DynVoxelLoss, LossRows, OutcomeRows};
use crate::problem::Problem;
use crate::simd::lanes::dispatch;

/// The logarithms of outcomes that are computed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Logarithms {
    /// `ln s`
    pub positive: bool,
    /// `ln(1 − s)`
    pub negative: bool,
}

/// The derivatives of a class that can differ from 0; their rows are in use.
#[derive(Clone, Copy, Debug, Default)]
struct UsedDerivatives {
    polynomial: bool,
    positive: bool,
    negative: bool,
}

impl Logarithms {
    /// Returns the logarithms that voxel losses with these properties read.
    pub fn of(infos: impl Iterator<Item = VoxelLossInfo>, problem: &Problem<'_>) -> Self {
        infos.fold(Self::default(), |all, info| Self {
            positive: true,
            negative: all.negative || has_negative(&info, problem),
        })
    }
}

/// Returns whether the outcome "the voxel is not of the class" contributes to a loss.
pub(in crate::engine) fn has_negative(info: &VoxelLossInfo, problem: &Problem<'_>) -> bool {
    let weights = info.outcome_weights::<f64>(problem.activation, problem.classes);
    info.contribution != Contribution::AllClasses && weights.negative != 0.0
}

impl Pass<'_> {
    /// Computes a strip whose labels and weights are loaded.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn class_strip<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
    ) {
        let len = strip.len;
        let logarithms = Logarithms::of(voxel_losses(self.terms).map(|(_, loss)| loss.info()), self.problem);
        // SAFETY: the caller's promise.
        let prediction = unsafe { activate(strip, self.problem, [block.sample, block.start], logarithms) };
        // SAFETY: the caller's promise.
        unsafe { self.weigh_selected(strip, block, prediction) };
        let is_softmax = self.problem.activation == Activation::Softmax;
        if is_softmax && self.steps.writes_gradient {
            for row in [&mut strip.rows.total, &mut strip.rows.rest, &mut strip.rows.of_largest] {
                slice_mut(row, 0..len).fill(T::zero());
            }
        }
        for class in 0..self.problem.classes {
            // SAFETY: the caller's promise.
            unsafe { self.class(strip, block, class, prediction, logarithms) };
        }
        if let (true, Some(output)) = (is_softmax, self.gradient()) {
            let direct = strip.direct_rows(&output, block).filter(|_| !output.streams);
            let out = direct.unwrap_or(strip.rows_of_input());
            for class in 0..self.problem.classes {
                finish_softmax(strip, class, out);
            }
            if direct.is_none() {
                // SAFETY: the caller's promise.
                unsafe { strip.store_gradient(&output, block, self.problem.classes) };
            }
        }
    }

    /// Accumulates one class of a strip and combines its derivatives.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn class<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        prediction: Rows<T>,
        logarithms: Logarithms,
    ) {
        // SAFETY: the caller's promise.
        unsafe { strip.load_target(self.problem, block.sample, class, block.start) };
        compute_outcomes(strip, self.problem.activation, class, prediction, logarithms);
        if self.steps.accumulates && self.steps.sums > RequiredSums::None {
            self.add_region(strip, class);
        }
        let mut used = UsedDerivatives::default();
        if let Some(slopes) = block.slopes_of(class) {
            used.polynomial = region_polynomial(strip, slopes);
        }
        for (slot, loss) in voxel_losses(self.terms) {
            if self.contributes(block.sample, class, slot, loss) {
                // SAFETY: the caller's promise.
                unsafe { self.voxel_loss(strip, block, class, slot, loss, &mut used) };
            }
        }
        if let Some(output) = self.gradient() {
            // SAFETY: the caller's promise.
            unsafe { self.combine(strip, block, class, used, output) };
        }
    }

    /// Adds a class to the sums that region losses read.
    fn add_region<T: Precise>(&self, strip: &mut Strip<'_, T>, class: usize) {
        let len = strip.len;
        let mut sums = |quantity| strip.sums.rows(quantity);
        let linear = [sums(Quantity::Prediction), sums(Quantity::Intersection)];
        let squares = (self.steps.sums == RequiredSums::Squared)
            .then(|| [sums(Quantity::SquaredErrorPositive), sums(Quantity::SquaredErrorNegative)]);
        let rows = &strip.rows;
        dispatch(ClassRegionSums {
            class,
            probability: slice(rows.probability, 0..len),
            target: strip.target(),
            weight: slice(rows.weight, 0..len),
            sums: linear,
            squares,
        });
    }

    /// Returns whether a class of a sample contributes to a voxel loss. The field of a class that is excluded or not
    /// annotated is neither computed nor read.
    fn contributes(&self, sample: usize, class: usize, slot: usize, loss: &dyn DynVoxelLoss) -> bool {
        let is_excluded = self.term(slot).is_some_and(|term| term.excludes(class, self.problem.classes));
        !(loss.info().field && (is_excluded || !self.problem.is_annotated(sample, class)))
    }

    /// Accumulates one class of a voxel loss, and adds its derivatives to the rows of the strip.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn voxel_loss<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        slot: usize,
        loss: &dyn DynVoxelLoss,
        used: &mut UsedDerivatives,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.load_field(strip, block, class, slot) };
        let info = loss.info();
        let weights = info.outcome_weights::<T>(self.problem.activation, self.problem.classes);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let (len, width) = (strip.len, strip.width);
        let slope = block.slopes_of(class).and_then(|slopes| expected(slopes.loss_sum.get(slot)));
        let target = strip.target();
        for is_negative in [false, true] {
            if is_negative && !has_negative(&info, self.problem) {
                break;
            }
            if !info.is_neg_log {
                evaluate_outcome(strip, self.problem.activation, loss, is_negative);
            }
            let rows = &mut strip.rows;
            let factor = match info.contribution {
                Contribution::AllClasses => OutcomeFactor::One,
                _ if is_negative => OutcomeFactor::Negative(target, weights),
                _ => OutcomeFactor::Positive(target, weights),
            };
            let weight = if selects {
                slice(rows.selected, slot * width..slot * width + len)
            } else {
                slice(rows.weight, 0..len)
            };
            let is_weighted = selects || !strip.is_unweighted;
            let is_polynomial = info.contribution == Contribution::AllClasses;
            let (out, is_used) = match (is_polynomial, is_negative) {
                (true, _) => (&mut rows.polynomial, &mut used.polynomial),
                (false, false) => (&mut rows.positive, &mut used.positive),
                (false, true) => (&mut rows.negative, &mut used.negative),
            };
            let out = slice_mut(out, 0..len);
            if slope.is_some() && !core::mem::replace(is_used, true) {
                out.fill(T::zero());
            }
            let sum = self.steps.accumulates.then(|| strip.sums.rows(Quantity::Loss(slot)).at(class, 0));
            if info.is_neg_log {
                let logarithm = if is_negative { &*rows.log_complement } else { &*rows.logarithm };
                let slope = slope.map(|slope| (T::of(*slope), out));
                let weight = is_weighted.then_some(weight);
                dispatch(NegLogOutcome { logarithm: slice(logarithm, 0..len), factor, weight, sum, slope });
                continue;
            }
            if let Some(sum) = sum {
                let weight = is_weighted.then_some(weight);
                dispatch(AddValues { value: slice(rows.value, 0..len), factor, weight, sum });
            }
            if let Some(slope) = slope {
                let (slope_row, scale) = (slice(rows.slope, 0..len), T::of(*slope));
                dispatch(AddSlopes {
                    slope: slope_row,
                    factor,
                    is_limited: !is_polynomial,
                    weight,
                    scale,
                    out,
                });
            }
        }
    }

    /// Loads the field of a term, if it has one; 0 for voxels that do not count.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    pub(in crate::engine) unsafe fn load_field<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        slot: usize,
    ) {
        if let Some(source) = self.fields.get(slot).copied().flatten() {
            // SAFETY: the caller's promise.
            unsafe { strip.load_field(&source, [block.sample, class, block.start]) };
        }
    }

    /// Combines the derivatives of a class: for softmax to `q`, otherwise to its gradient, which is written.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn combine<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        used: UsedDerivatives,
        output: crate::engine::pass::GradientOutput,
    ) {
        let (len, width) = (strip.len, strip.width);
        let direct = strip.direct_rows(&output, block).filter(|_| !output.streams);
        let to = direct.unwrap_or(strip.rows_of_input()).at(class, 0);
        let rows = &mut strip.rows;
        let part = |row, is_used: bool| if is_used { Some(slice(row, 0..len)) } else { None };
        let of = Derivatives {
            probability: slice(rows.probability, 0..len),
            complement: slice(rows.complement, 0..len),
            polynomial: part(&*rows.polynomial, used.polynomial),
            positive: part(&*rows.positive, used.positive),
            negative: part(&*rows.negative, used.negative),
        };
        match self.problem.activation {
            Activation::Softmax => {
                return dispatch(CombineSoftmax {
                    of,
                    q: slice_mut(strip.derivative, class * width..class * width + len),
                    total: slice_mut(rows.total, 0..len),
                    rest: slice_mut(rows.rest, 0..len),
                    of_largest: slice_mut(rows.of_largest, 0..len),
                });
            }
            Activation::Sigmoid => dispatch(CombineSigmoid { of, out: to }),
            _ => dispatch(CombineProbability { of, out: to }),
        }
        if direct.is_none() {
            // SAFETY: the caller's promise. No other class reads the prediction of this one.
            unsafe { strip.store_class(&output, block, class) };
        }
    }
}

/// Loads the prediction of a strip and, for softmax, computes what its classes share.
///
/// # Safety
/// As [`Strip::load_prediction`].
pub(in crate::engine) unsafe fn activate<T: Precise>(
    strip: &mut Strip<'_, T>,
    problem: &Problem<'_>,
    [sample, start]: [usize; 2],
    logarithms: Logarithms,
) -> Rows<T> {
    // SAFETY: the caller's promise.
    let logits = unsafe { strip.load_prediction(problem, sample, start, false) };
    if problem.activation != Activation::Softmax {
        return logits;
    }
    let (classes, len, width) = (problem.classes, strip.len, strip.width);
    let exponentials = strip.rows_of_exponentials();
    let other_classes = Rows::new(strip.other_classes.as_mut_ptr(), width as isize);
    let prefetch = strip.prefetch_distance(logits);
    let of = Exponentials { classes, len, logits, prefetch, exponentials };
    let rows = &mut strip.rows;
    let (largest, others) = (slice_mut(rows.largest, 0..len), slice_mut(rows.others, 0..len));
    if !dispatch(AllExponentials { of, largest, others }) {
        dispatch(SubtractLargest { classes, len, logits, out: exponentials });
        let of = Exponentials { logits: exponentials, prefetch: 0, ..of };
        let (largest, others) = (slice_mut(rows.value, 0..len), slice_mut(rows.others, 0..len));
        dispatch(AllExponentials { of, largest, others });
    }
    let rows = &mut strip.rows;
    dispatch(Totals {
        others: slice(rows.others, 0..len),
        inverse: slice_mut(rows.inverse, 0..len),
        log_total: logarithms.positive.then_some(slice_mut(rows.log_total, 0..len)),
    });
    if logarithms.negative {
        dispatch(OtherClasses {
            classes,
            len,
            logits,
            largest: slice(rows.largest, 0..len),
            log_total: slice(rows.log_total, 0..len),
            softmax: other_classes,
            log_complement: slice_mut(rows.log_of_others, 0..len),
        });
    }
    logits
}

/// Computes the outcomes of a class in the rows of the strip.
pub(in crate::engine) fn compute_outcomes<T: Precise>(
    strip: &mut Strip<'_, T>,
    activation: Activation,
    class: usize,
    prediction: Rows<T>,
    logarithms: Logarithms,
) {
    let (len, width) = (strip.len, strip.width);
    let rows = &mut strip.rows;
    let given = prediction.at(class, 0).cast_const();
    let out = OutcomeTargets {
        probability: slice_mut(rows.probability, 0..len),
        complement: slice_mut(rows.complement, 0..len),
        logarithm: logarithms.positive.then_some(slice_mut(rows.logarithm, 0..len)),
        log_complement: logarithms.negative.then_some(slice_mut(rows.log_complement, 0..len)),
    };
    match activation {
        Activation::Softmax => dispatch(SoftmaxOutcomes {
            exponential: slice(strip.exponential, class * width..class * width + len),
            logit: given,
            largest: slice(rows.largest, 0..len),
            inverse: slice(rows.inverse, 0..len),
            others: slice(rows.others, 0..len),
            log_total: slice(rows.log_total, 0..len),
            log_of_others: slice(rows.log_of_others, 0..len),
            out,
        }),
        Activation::Sigmoid => dispatch(SigmoidOutcomes { logit: given, out }),
        _ => {
            dispatch(GivenOutcomes { given, out });
            // For losses; the rows are not used otherwise.
            dispatch(AtLeastZero {
                row: slice(rows.probability, 0..len),
                out: slice_mut(rows.others, 0..len),
            });
            dispatch(AtLeastZero {
                row: slice(rows.complement, 0..len),
                out: slice_mut(rows.largest, 0..len),
            });
        }
    }
}

/// Computes value and slope of a loss for one outcome of the class whose outcomes are in the rows of the strip.
pub(in crate::engine) fn evaluate_outcome<T: Precise>(
    strip: &mut Strip<'_, T>,
    activation: Activation,
    loss: &dyn DynVoxelLoss,
    is_negative: bool,
) {
    let (len, target) = (strip.len, strip.target());
    let rows = &mut strip.rows;
    let is_given = !matches!(activation, Activation::Softmax | Activation::Sigmoid);
    let (probability, complement) = (slice(rows.probability, 0..len), slice(rows.complement, 0..len));
    // A probability that is given may lie outside [0, 1]; its complement may not.
    let (of_positive, of_negative) = match is_given {
        true => (slice(rows.largest, 0..len), slice(rows.others, 0..len)),
        false => (complement, probability),
    };
    let (probability, complement, log_probability) = match is_negative {
        false => (probability, of_positive, slice(rows.logarithm, 0..len)),
        true => (complement, of_negative, slice(rows.log_complement, 0..len)),
    };
    let outcome =
        OutcomeRows { probability, complement, log_probability, target, field: slice(rows.field, 0..len) };
    T::rows(loss).evaluate_rows(
        &outcome,
        &mut LossRows {
            value: slice_mut(rows.value, 0..len),
            slope: slice_mut(rows.slope, 0..len),
            power: slice_mut(rows.power, 0..len),
        },
    );
}

/// Writes the derivative by `s` of the sums of a class to `rows.polynomial`. Returns whether it can differ from 0.
fn region_polynomial<T: Precise>(strip: &mut Strip<'_, T>, slopes: &ClassSums) -> bool {
    let linear = [slopes.prediction, slopes.intersection];
    let squares = [slopes.squared_error_positive, slopes.squared_error_negative];
    let is_zero = |slopes: &[f64; 2]| slopes.iter().all(|&slope| slope == 0.0);
    if is_zero(&linear) && is_zero(&squares) {
        return false;
    }
    let (len, target) = (strip.len, strip.target());
    let rows = &mut strip.rows;
    dispatch(RegionPolynomial {
        probability: slice(rows.probability, 0..len),
        complement: slice(rows.complement, 0..len),
        target,
        weight: slice(rows.weight, 0..len),
        linear: linear.map(T::of),
        squares: (!is_zero(&squares)).then(|| squares.map(|slope| T::of(2.0 * slope))),
        out: slice_mut(rows.polynomial, 0..len),
    });
    true
}

/// Writes the gradient of a class after all classes are combined.
fn finish_softmax<T: Precise>(strip: &mut Strip<'_, T>, class: usize, out: Rows<T>) {
    let (len, width) = (strip.len, strip.width);
    let row = class * width..class * width + len;
    let rows = &strip.rows;
    let of_others = (!strip.other_classes.is_empty())
        .then(|| [slice(strip.other_classes, row.clone()), slice(rows.of_largest, 0..len)]);
    dispatch(FinishSoftmax {
        exponential: slice(strip.exponential, row.clone()),
        inverse: slice(rows.inverse, 0..len),
        others: slice(rows.others, 0..len),
        q: slice(strip.derivative, row),
        total: slice(rows.total, 0..len),
        rest: slice(rows.rest, 0..len),
        largest: of_others,
        out: out.at(class, 0),
    });
}
