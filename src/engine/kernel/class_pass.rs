//! One pass over a strip, class by class, for any activation, target and loss.

use crate::checked::{copy, expected, slice, slice_mut};
use crate::engine::kernel::class_loop::{
    ClassLoop, ClassOutput, DerivativeRows, FinishSoftmax, NegLogTerm, RegionSlopes, SoftmaxRows,
};
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::exponentials::{AllExponentials, Exponentials, SubtractLargest};
use crate::engine::kernel::is_specialized;
use crate::engine::kernel::other_classes::OtherClasses;
use crate::engine::kernel::outcomes::{
    AtLeastZero, GivenClass, OutcomeSource, SigmoidClass, SoftmaxClass, StoredClass, Totals, WriteOutcomes,
};
use crate::engine::kernel::partial_sums::Quantity;
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::weighting::{AddSlopes, AddValues, OutcomeFactor, WeighValues};
use crate::engine::pass::{BlockRange, Pass, VoxelTerm};
use crate::engine::pass_plan::RequiredSums;
use crate::engine::precise::Precise;
use crate::loss::activation::Activation;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::{OutcomeWeights, VoxelLossInfo};
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

/// Where the loop over a class has its outcomes from.
#[derive(Clone, Copy, Debug)]
enum Source<T> {
    /// The rows of the strip, where voxel losses read them too.
    Rows,
    /// The prediction, and for softmax the rows of exponentials.
    Prediction(Rows<T>),
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
        // The row of derivatives by `ln s` is written to below.
        strip.constant_slope = None;
        // A gradient of `−ln` needs no logarithm.
        let reads_logarithms =
            |info: &VoxelLossInfo| self.steps.accumulates || !info.is_neg_log || info.selection.is_some();
        let infos = self.voxel_terms().map(|term| term.info).filter(reads_logarithms);
        let logarithms = Logarithms::of(infos, self.problem);
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
        let contributing = |term: &&VoxelTerm<'_>| self.contributes(block.sample, class, term.slot);
        // One `−ln` is computed with everything else; other voxel losses read and write rows.
        let is_neg_log = |term: &&VoxelTerm<'_>| {
            term.info.is_neg_log && self.thresholds.get(term.slot).is_none_or(Option::is_none)
        };
        let neg_log = self.voxel_terms().filter(contributing).find(is_neg_log);
        let neg_log_slot = neg_log.map(|term| term.slot);
        let in_rows =
            || self.voxel_terms().filter(contributing).filter(|term| Some(term.slot) != neg_log_slot);
        let mut used = UsedDerivatives::default();
        let has_squares = self.steps.sums == RequiredSums::Squared
            || block
                .slopes_of(class)
                .and_then(region_slopes::<T>)
                .is_some_and(|region| region.squares.is_some());
        // Sigmoid adds up logarithms in another way than rows, whatever else is asked for.
        let is_computed =
            is_specialized::<T>() && !has_squares || self.problem.activation == Activation::Sigmoid;
        let source = match is_computed && in_rows().next().is_none() {
            true => Source::Prediction(prediction),
            false => Source::Rows,
        };
        if matches!(source, Source::Rows) {
            compute_outcomes(strip, self.problem.activation, class, prediction, logarithms);
        }
        for term in in_rows() {
            // SAFETY: the caller's promise.
            unsafe { self.voxel_loss(strip, block, class, term, &mut used) };
        }
        let term = neg_log.map(|&VoxelTerm { slot, info, .. }| {
            let adds = self.steps.accumulates;
            let weights: OutcomeWeights<T> =
                info.outcome_weights(self.problem.activation, self.problem.classes);
            let by_product = self.problem.activation == Activation::Sigmoid
                && matches!(source, Source::Prediction(_))
                && self.problem.weight.is_none()
                && weights.positive == T::one()
                && weights.negative == T::one();
            let mut sum = |quantity| strip.sums.rows(quantity).at(class, 0);
            NegLogTerm {
                weights,
                sum: adds.then(|| sum(Quantity::loss(slot))),
                product: (adds && by_product).then(|| sum(Quantity::loss_product(slot))),
                slope: slope_of(block, class, slot).map(T::of),
            }
        });
        // SAFETY: the caller's promise.
        unsafe { self.class_loop(strip, block, class, source, term, used) };
    }

    /// Runs the loop over a class.
    ///
    /// # Safety
    /// As [`Pass::chunk`].
    unsafe fn class_loop<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        source: Source<T>,
        neg_log: Option<NegLogTerm<T>>,
        used: UsedDerivatives,
    ) {
        let (len, width, target) = (strip.len, strip.width, strip.target());
        let accumulates = self.steps.accumulates && self.steps.sums > RequiredSums::None;
        let mut sum = |quantity| strip.sums.rows(quantity).at(class, 0);
        let sums = accumulates.then(|| [sum(Quantity::PREDICTION), sum(Quantity::INTERSECTION)]);
        let squares = (accumulates && self.steps.sums == RequiredSums::Squared)
            .then(|| [sum(Quantity::SQUARED_ERROR_POSITIVE), sum(Quantity::SQUARED_ERROR_NEGATIVE)]);
        let output = self.gradient();
        let direct =
            output.filter(|output| !output.streams).and_then(|output| strip.direct_rows(&output, block));
        let to = direct.unwrap_or(strip.rows_of_input()).at(class, 0);
        let rows = &mut strip.rows;
        let part = |row, is_used: bool| if is_used { Some(slice(row, 0..len)) } else { None };
        let derivatives = DerivativeRows {
            polynomial: part(&*rows.polynomial, used.polynomial),
            positive: part(&*rows.positive, used.positive),
            negative: part(&*rows.negative, used.negative),
        };
        let is_softmax = self.problem.activation == Activation::Softmax;
        let out = match (output, self.problem.activation) {
            (None, _) => ClassOutput::None,
            (Some(_), Activation::Softmax) => ClassOutput::Softmax(SoftmaxRows {
                q: strip.derivative.slice_mut(class * width..class * width + len),
                total: slice_mut(rows.total, 0..len),
                rest: slice_mut(rows.rest, 0..len),
                of_largest: slice_mut(rows.of_largest, 0..len),
            }),
            (Some(_), Activation::Sigmoid) => ClassOutput::Sigmoid(to),
            (Some(_), _) => ClassOutput::Probability(to),
        };
        let weight = slice(rows.weight, 0..len);
        let of_class = ClassLoop {
            source: (),
            target,
            weight: (!strip.is_unweighted).then_some(weight),
            sums,
            squares,
            neg_log,
            region: block.slopes_of(class).and_then(region_slopes),
            rows: derivatives,
            out,
        };
        match (source, self.problem.activation) {
            (Source::Rows, _) => dispatch(of_class.with_source(StoredClass {
                probability: slice(rows.probability, 0..len),
                complement: slice(rows.complement, 0..len),
                logarithm: slice(rows.logarithm, 0..len),
                log_complement: slice(rows.log_complement, 0..len),
            })),
            (Source::Prediction(logits), Activation::Sigmoid) => {
                dispatch(of_class.with_source(SigmoidClass { logit: logits.at(class, 0) }));
            }
            // Not chosen above, so that the loops below are not compiled.
            (Source::Prediction(_), _) if !is_specialized::<T>() => {}
            (Source::Prediction(logits), Activation::Softmax) => {
                dispatch(of_class.with_source(SoftmaxClass {
                    exponential: strip.exponential.slice(class * width..class * width + len),
                    logit: logits.at(class, 0),
                    largest: slice(rows.largest, 0..len),
                    inverse: slice(rows.inverse, 0..len),
                    others: slice(rows.others, 0..len),
                    log_total: slice(rows.log_total, 0..len),
                    log_of_others: None,
                }))
            }
            (Source::Prediction(probabilities), _) => {
                dispatch(of_class.with_source(GivenClass { probability: probabilities.at(class, 0) }));
            }
        }
        if let (Some(output), None, false) = (output, direct, is_softmax) {
            // SAFETY: the caller's promise. No other class reads the prediction of this one.
            unsafe { strip.store_class(&output, block, class) };
        }
    }

    /// Returns whether a class of a sample contributes to a voxel loss. The field of a class that is excluded or not
    /// annotated is neither computed nor read.
    pub(super) fn contributes(&self, sample: usize, class: usize, slot: usize) -> bool {
        let is_excluded = self.term(slot).is_some_and(|term| term.excludes(class, self.problem.classes));
        !(self.info(slot).is_some_and(|info| info.field)
            && (is_excluded || !self.problem.is_annotated(sample, class)))
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
        &VoxelTerm { slot, loss, info }: &VoxelTerm<'_>,
        used: &mut UsedDerivatives,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.load_field(strip, block, class, slot) };
        let weights = info.outcome_weights::<T>(self.problem.activation, self.problem.classes);
        let selects = self.thresholds.get(slot).is_some_and(Option::is_some);
        let (len, width, target) = (strip.len, strip.width, strip.target());
        let slope = slope_of(block, class, slot);
        let has_two = has_negative(&info, self.problem);
        for is_negative in [false, true] {
            if is_negative && !has_two {
                break;
            }
            evaluate_outcome(strip, self.problem.activation, loss, is_negative);
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
            if self.steps.accumulates {
                let is_weighted = (selects || !strip.is_unweighted).then_some(weight);
                let sum = strip.sums.rows(Quantity::loss(slot)).at(class, 0);
                let value = slice_mut(rows.value, 0..len);
                // The values of both outcomes of a voxel are added first.
                let other = slice_mut(rows.ranking, 0..len);
                match (has_two, is_negative) {
                    (false, _) => {
                        dispatch(AddValues { value, factor, other: None, weight: is_weighted, sum })
                    }
                    (true, false) => {
                        dispatch(WeighValues { value, factor, weight: None });
                        copy(value, other);
                    }
                    (true, true) => {
                        dispatch(AddValues { value, factor, other: Some(other), weight: is_weighted, sum });
                    }
                }
            }
            let Some(slope) = slope else { continue };
            let is_polynomial = info.contribution == Contribution::AllClasses;
            let (out, is_used) = match (is_polynomial, is_negative) {
                (true, _) => (&mut rows.polynomial, &mut used.polynomial),
                (false, false) => (&mut rows.positive, &mut used.positive),
                (false, true) => (&mut rows.negative, &mut used.negative),
            };
            let out = slice_mut(out, 0..len);
            if !core::mem::replace(is_used, true) {
                out.fill(T::zero());
            }
            let (slope_row, scale) = (slice(rows.slope, 0..len), T::of(slope));
            dispatch(AddSlopes { slope: slope_row, factor, is_limited: !is_polynomial, weight, scale, out });
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
}

/// Returns the slope of the sum of a term for a class, if the pass writes a gradient.
pub(super) fn slope_of(block: BlockRange<'_>, class: usize, slot: usize) -> Option<f64> {
    block.slopes_of(class).and_then(|slopes| expected(slopes.loss_sum.get(slot))).copied()
}

/// Returns the slopes of the sums of a class, unless all are 0.
fn region_slopes<T: Precise>(slopes: &ClassSums) -> Option<RegionSlopes<T>> {
    let linear = [slopes.prediction, slopes.intersection];
    let squares = [slopes.squared_error_positive, slopes.squared_error_negative];
    let is_zero = |slopes: &[f64; 2]| slopes.iter().all(|&slope| slope == 0.0);
    (!is_zero(&linear) || !is_zero(&squares)).then(|| RegionSlopes {
        linear: linear.map(T::of),
        squares: (!is_zero(&squares)).then(|| squares.map(|slope| T::of(2.0 * slope))),
    })
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
    let other_classes = strip.other_classes.rows(width);
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
    let logit = prediction.at(class, 0).cast_const();
    let rows = &mut strip.rows;
    match activation {
        Activation::Softmax => {
            let source = SoftmaxClass {
                exponential: strip.exponential.slice(class * width..class * width + len),
                logit,
                largest: slice(rows.largest, 0..len),
                inverse: slice(rows.inverse, 0..len),
                others: slice(rows.others, 0..len),
                log_total: slice(rows.log_total, 0..len),
                log_of_others: logarithms.negative.then_some(slice(rows.log_of_others, 0..len)),
            };
            dispatch(WriteOutcomes {
                source,
                probability: slice_mut(rows.probability, 0..len),
                complement: slice_mut(rows.complement, 0..len),
                logarithm: slice_mut(rows.logarithm, 0..len),
                log_complement: slice_mut(rows.log_complement, 0..len),
                logarithms: logarithms.positive,
            });
        }
        Activation::Sigmoid => write_outcomes(strip, SigmoidClass { logit }, logarithms),
        _ => {
            write_outcomes(strip, GivenClass { probability: logit }, logarithms);
            let rows = &mut strip.rows;
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

fn write_outcomes<T: Precise, A: OutcomeSource<T>>(
    strip: &mut Strip<'_, T>,
    source: A,
    logarithms: Logarithms,
) {
    let (len, rows) = (strip.len, &mut strip.rows);
    dispatch(WriteOutcomes {
        source,
        probability: slice_mut(rows.probability, 0..len),
        complement: slice_mut(rows.complement, 0..len),
        logarithm: slice_mut(rows.logarithm, 0..len),
        log_complement: slice_mut(rows.log_complement, 0..len),
        logarithms: logarithms.positive,
    });
}

/// Computes value and slope of a loss for one outcome of the class whose outcomes are in the rows of the strip.
pub(in crate::engine) fn evaluate_outcome<T: Precise>(
    strip: &mut Strip<'_, T>,
    activation: Activation,
    loss: &dyn DynVoxelLoss,
    is_negative: bool,
) {
    let (len, target, field) = (strip.len, strip.target(), strip.field());
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
    let outcome = OutcomeRows { probability, complement, log_probability, target, field };
    T::rows(loss).evaluate_rows(
        &outcome,
        &mut LossRows {
            value: slice_mut(rows.value, 0..len),
            slope: slice_mut(rows.slope, 0..len),
            power: slice_mut(rows.power, 0..len),
        },
    );
}

/// Writes the gradient of a class after all classes are combined.
fn finish_softmax<T: Precise>(strip: &mut Strip<'_, T>, class: usize, out: Rows<T>) {
    let (len, width) = (strip.len, strip.width);
    let row = class * width..class * width + len;
    let rows = &strip.rows;
    let of_others = (!strip.other_classes.is_empty())
        .then(|| [strip.other_classes.slice(row.clone()), slice(rows.of_largest, 0..len)]);
    dispatch(FinishSoftmax {
        exponential: strip.exponential.slice(row.clone()),
        inverse: slice(rows.inverse, 0..len),
        others: slice(rows.others, 0..len),
        q: strip.derivative.slice(row),
        total: slice(rows.total, 0..len),
        rest: slice(rows.rest, 0..len),
        largest: of_others,
        out: out.at(class, 0),
    });
}
