//! Value and slopes of a loss from its class sums: closed forms in f64.

use crate::array::real::Real;
use crate::checked::{expected, slice};
use crate::engine::arena::Arena;
use crate::error::Error;
use crate::loss::kind::{DefaultClassWeights, LossKind};
use crate::loss::region_loss::{JointRegionLoss, RegionLoss};
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
use crate::loss::voxel::{Contribution, Normalizer};
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;

/// The largest magnitude of a slope: every product in the passes is then finite.
const MAX_SLOPE: f64 = 1e30;

/// The outputs of [`finalize`] besides the value.
pub(crate) struct FinalizeOutputs<'a> {
    /// The value of each term before its weight.
    pub terms: [f64; MAX_TERMS],
    /// Per term, sample and class: the value of the class, or the value that it contributed to; NaN if none.
    pub classes: Option<&'a mut [f64]>,
    /// Per sample and class: the slopes of the loss, weights of terms and `grad_scale` included.
    pub slopes: Option<&'a mut [ClassSums]>,
}

/// Buffers with one entry per class.
pub(crate) struct FinalizeBuffers<'s> {
    /// `v_c`
    base: &'s mut [f64],
    /// `m_c` of the current sample, or of all samples.
    weights: &'s mut [f64],
    /// The sums of all samples.
    pooled: &'s mut [ClassSums],
    /// The slopes of the current sample, or of all samples.
    slopes: &'s mut [ClassSums],
}

impl<'s> FinalizeBuffers<'s> {
    pub fn new(arena: &mut Arena<'s>, classes: usize) -> Result<Self, Error> {
        Ok(Self {
            base: arena.take(classes)?,
            weights: arena.take(classes)?,
            pooled: arena.take(classes)?,
            slopes: arena.take(classes)?,
        })
    }
}

/// Computes the value and, as far as `outputs` has them, values per class and slopes.
pub(crate) fn finalize(
    problem: &Problem<'_>,
    terms: &[Term<'_>],
    class_sums: &[ClassSums],
    grad_scale: f64,
    buffers: &mut FinalizeBuffers<'_>,
    outputs: &mut FinalizeOutputs<'_>,
) -> f64 {
    if let Some(slopes) = outputs.slopes.as_deref_mut() {
        slopes.fill(ClassSums::ZERO);
    }
    if let Some(values) = outputs.classes.as_deref_mut() {
        values.fill(f64::NAN);
    }
    let mut total = 0.0;
    for (k, term) in terms.iter().enumerate() {
        class_weights(problem, term, class_sums, buffers.base);
        let per_class = problem.samples * problem.classes;
        let mut finalizer = TermFinalizer {
            problem,
            term,
            class_sums,
            scale: term.weight * grad_scale,
            slopes: outputs.slopes.as_deref_mut(),
            values: outputs
                .classes
                .as_deref_mut()
                .and_then(|all| all.get_mut(k * per_class..(k + 1) * per_class)),
        };
        let value = match term.loss.kind() {
            LossKind::Voxel(loss) => finalizer.voxel_loss(loss, k, buffers),
            LossKind::Region(loss) => {
                finalizer.closed_form(ClosedForm::Region(loss, term.class_average), buffers)
            }
            LossKind::JointRegion(loss) => finalizer.closed_form(ClosedForm::Joint(loss), buffers),
        };
        // Without a class to average over, the value is 0, also of a loss minus one.
        let value = value.map_or(0.0, |value| if term.minus_one { value - 1.0 } else { value });
        if let Some(slot) = outputs.terms.get_mut(k) {
            *slot = value;
        }
        total += value.times(term.weight);
    }
    for slope in outputs.slopes.iter_mut().flat_map(|slopes| slopes.iter_mut()) {
        // NaN fails both comparisons and stays.
        let at_most = |x: f64| if x > MAX_SLOPE { MAX_SLOPE } else { x };
        slope.combine(&ClassSums::ZERO, |x, _| if x < -MAX_SLOPE { -MAX_SLOPE } else { at_most(x) });
    }
    total
}

/// Computes `v_c`: the class weights of the term, or the default ones of its loss.
fn class_weights(problem: &Problem<'_>, term: &Term<'_>, class_sums: &[ClassSums], base: &mut [f64]) {
    let defaults = term.loss.default_class_weights();
    for (class, v) in base.iter_mut().enumerate() {
        *v = term.class_weight(class, problem.classes);
    }
    if matches!(defaults, DefaultClassWeights::Frequency | DefaultClassWeights::Presence)
        && term.class_weight.is_none()
    {
        let target = |class| -> f64 {
            let annotated = (0..problem.samples).filter(|&sample| problem.is_annotated(sample, class));
            annotated
                .filter_map(|sample| class_sums.get(sample * problem.classes + class))
                .map(|sums| sums.target)
                .sum()
        };
        // Soft targets may lie slightly below 0: a class whose target sum is negative is absent.
        let all: f64 = (0..problem.classes).map(|class| target(class).max(0.0)).sum();
        for (class, v) in base.iter_mut().enumerate() {
            let of_class = target(class);
            *v *= if of_class > 0.0 { libm::sqrt(all / of_class) } else { 0.0 };
        }
    }
    if defaults == DefaultClassWeights::Presence {
        base.iter_mut().for_each(|v| *v = if *v > 0.0 { 1.0 } else { 0.0 });
    }
}

/// A loss that is a closed form of class sums, and how classes are averaged.
#[derive(Clone, Copy)]
enum ClosedForm<'a> {
    Region(&'a dyn RegionLoss, ClassAverage),
    Joint(&'a dyn JointRegionLoss),
}

/// The finalization of one term.
struct TermFinalizer<'a> {
    problem: &'a Problem<'a>,
    term: &'a Term<'a>,
    class_sums: &'a [ClassSums],
    /// The factor of the slopes of the term.
    scale: f64,
    slopes: Option<&'a mut [ClassSums]>,
    values: Option<&'a mut [f64]>,
}

impl TermFinalizer<'_> {
    /// Returns the class sums of a sample.
    fn of_sample(&self, sample: usize) -> &[ClassSums] {
        let classes = self.problem.classes;
        slice(self.class_sums, sample * classes..(sample + 1) * classes)
    }

    /// Returns `v_bc`: the weight of a class in a sample; 0 if it is not annotated or no voxel counts.
    fn weight(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let counted = expected(self.of_sample(sample).get(class)).is_some_and(|sums| sums.weight > 0.0);
        let counts = counted && self.problem.is_annotated(sample, class);
        if counts { expected(base.get(class)).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// Returns `m_bc`: the same, 0 for an absent class if absent classes are skipped.
    fn weight_present(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let absent = expected(self.of_sample(sample).get(class)).is_none_or(|sums| sums.target <= 0.0);
        let skipped = self.term.absent == AbsentClass::Skipped && absent;
        if skipped { 0.0 } else { self.weight(base, sample, class) }
    }

    /// Finalizes a voxel loss: the weighted mean.
    fn voxel_loss(
        &mut self,
        loss: &dyn DynVoxelLoss,
        slot: usize,
        buffers: &mut FinalizeBuffers<'_>,
    ) -> Option<f64> {
        let info = loss.info();
        let (samples, classes) = (self.problem.samples, self.problem.classes);
        let class_mean =
            info.contribution == Contribution::NegLogLikelihood && !self.problem.activation.is_exclusive();
        let by_class = info.contribution == Contribution::NegLogLikelihood
            && self.problem.activation.is_exclusive()
            && info.normalizer == Normalizer::ClassWeight;
        let loss_weight = |sums: &ClassSums| expected(sums.loss_weight.get(slot)).copied().unwrap_or(0.0);

        let (mut sum, mut normalizer, mut any) = (0.0, 0.0, false);
        for sample in 0..samples {
            let weight_sum = if class_mean { self.weight_sum(buffers.base, sample) } else { 1.0 };
            for (class, sums) in self.of_sample(sample).iter().enumerate() {
                let weight = self.weight(buffers.base, sample, class);
                normalizer += match info.contribution {
                    Contribution::AllClasses => weight * sums.weight,
                    _ if info.selection.is_some() && class == 0 => loss_weight(sums),
                    _ if info.selection.is_some() => 0.0,
                    _ if by_class => weight * loss_weight(sums),
                    _ if class == 0 => sums.weight,
                    _ => 0.0,
                };
                if weight > 0.0 {
                    any = true;
                    sum += weight / weight_sum * expected(sums.loss_sum.get(slot)).copied().unwrap_or(0.0);
                }
            }
        }
        if !any {
            return None;
        }
        if normalizer == 0.0 {
            return Some(0.0);
        }
        let mean = sum / normalizer;
        // d ln(1 + L) = dL / (1 + L)
        let (value, steepness) =
            if info.logarithmic { (libm::log1p(mean), 1.0 / (1.0 + mean)) } else { (mean, 1.0) };
        if self.slopes.is_some() {
            for sample in 0..samples {
                let weight_sum = if class_mean { self.weight_sum(buffers.base, sample) } else { 1.0 };
                for class in 0..classes {
                    let weight = self.weight(buffers.base, sample, class);
                    let slope = if weight > 0.0 {
                        self.scale * steepness * (weight / weight_sum) / normalizer
                    } else {
                        0.0
                    };
                    let to = self.slopes.as_deref_mut().and_then(|all| all.get_mut(sample * classes + class));
                    if let Some(to) = to.and_then(|sums| sums.loss_sum.get_mut(slot)) {
                        *to = slope;
                    }
                }
            }
        }
        Some(value)
    }

    /// Returns `Σ_c v_bc`.
    fn weight_sum(&self, base: &[f64], sample: usize) -> f64 {
        (0..self.problem.classes).map(|class| self.weight(base, sample, class)).sum()
    }

    /// Finalizes a closed form, per sample or of the sums of all samples.
    fn closed_form(&mut self, form: ClosedForm<'_>, buffers: &mut FinalizeBuffers<'_>) -> Option<f64> {
        match self.term.sample_average {
            SampleAverage::Mean => self.mean_over_samples(form, buffers),
            SampleAverage::Pooled => self.pooled_samples(form, buffers),
        }
    }

    fn mean_over_samples(&mut self, form: ClosedForm<'_>, buffers: &mut FinalizeBuffers<'_>) -> Option<f64> {
        let (samples, classes) = (self.problem.samples, self.problem.classes);
        let contributes =
            |sample| (0..classes).any(|class| self.weight_present(buffers.base, sample, class) > 0.0);
        let contributing = (0..samples).filter(|&sample| contributes(sample)).count();
        let factor = 1.0 / contributing as f64;
        let mut sum = 0.0;
        for sample in 0..samples {
            for class in 0..classes {
                let weight = self.weight_present(buffers.base, sample, class);
                if let Some(to) = buffers.weights.get_mut(class) {
                    *to = weight;
                }
            }
            let Some(value) = form.evaluate(self.of_sample(sample), buffers.weights, buffers.slopes) else {
                continue;
            };
            sum += value;
            for (class, (&weight, slope)) in buffers.weights.iter().zip(buffers.slopes.iter()).enumerate() {
                if weight > 0.0 {
                    let value = form.value_of(self.of_sample(sample), class, value, self.values.is_some());
                    self.put(sample, class, value, factor, slope);
                }
            }
        }
        (contributing > 0).then_some(sum * factor)
    }

    fn pooled_samples(&mut self, form: ClosedForm<'_>, buffers: &mut FinalizeBuffers<'_>) -> Option<f64> {
        let (samples, classes) = (self.problem.samples, self.problem.classes);
        // If the classes are pooled too, an absent class is skipped per sample.
        let pools_classes = matches!(form, ClosedForm::Region(_, ClassAverage::Pooled));
        let weight_of = |finalizer: &Self, base: &[f64], sample, class| {
            if pools_classes {
                finalizer.weight_present(base, sample, class)
            } else {
                finalizer.weight(base, sample, class)
            }
        };
        for class in 0..classes {
            let mut sums = ClassSums::ZERO;
            let mut weight = 0.0;
            for sample in 0..samples {
                let of_sample = weight_of(self, buffers.base, sample, class);
                if of_sample > 0.0
                    && let Some(of_class) = self.of_sample(sample).get(class)
                {
                    sums += of_class;
                    weight = of_sample;
                }
            }
            let skipped = self.term.absent == AbsentClass::Skipped && sums.target <= 0.0;
            if let (Some(to), Some(to_weight)) =
                (buffers.pooled.get_mut(class), buffers.weights.get_mut(class))
            {
                *to = sums;
                *to_weight = if skipped { 0.0 } else { weight };
            }
        }
        let value = form.evaluate(buffers.pooled, buffers.weights, buffers.slopes)?;
        for (class, (&weight, slope)) in buffers.weights.iter().zip(buffers.slopes.iter()).enumerate() {
            for sample in 0..samples {
                if weight > 0.0 && weight_of(self, buffers.base, sample, class) > 0.0 {
                    let value = form.value_of(buffers.pooled, class, value, self.values.is_some());
                    self.put(sample, class, value, 1.0, slope);
                }
            }
        }
        Some(value)
    }

    /// Stores the value of a class, and adds `factor` times its slope.
    fn put(&mut self, sample: usize, class: usize, value: f64, factor: f64, slope: &ClassSums) {
        let at = sample * self.problem.classes + class;
        if let Some(to) = self.values.as_deref_mut().and_then(|values| values.get_mut(at)) {
            *to = value;
        }
        if let Some(to) = self.slopes.as_deref_mut().and_then(|slopes| slopes.get_mut(at)) {
            to.add_scaled(self.scale * factor, slope);
        }
    }
}

impl ClosedForm<'_> {
    /// Returns the value of a class, if `needed` and defined; otherwise the value `of_all` of all classes.
    fn value_of(&self, class_sums: &[ClassSums], class: usize, of_all: f64, needed: bool) -> f64 {
        match (self, class_sums.get(class)) {
            (ClosedForm::Region(form, ClassAverage::Mean), Some(sums)) if needed => form.evaluate(sums).0,
            _ => of_all,
        }
    }

    /// Returns the value of a sample, or of the sums of all samples, and writes its slopes. `None` if no class has a
    /// weight.
    fn evaluate(&self, class_sums: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> Option<f64> {
        slopes.fill(ClassSums::ZERO);
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return None;
        }
        match self {
            ClosedForm::Joint(loss) => Some(loss.evaluate(class_sums, weights, slopes)),
            ClosedForm::Region(form, ClassAverage::Mean) => {
                let mut sum = 0.0;
                for ((sums, &weight), to) in class_sums.iter().zip(weights).zip(slopes) {
                    if weight > 0.0 {
                        let (value, slope) = form.evaluate(sums);
                        sum += weight * value;
                        to.add_scaled(weight / all, &slope);
                    }
                }
                Some(sum / all)
            }
            ClosedForm::Region(form, ClassAverage::Pooled) => {
                let mut pooled = ClassSums::ZERO;
                for (sums, &weight) in class_sums.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
                    pooled.add_scaled(weight, sums);
                }
                let (value, slope) = form.evaluate(&pooled);
                for (to, &weight) in slopes.iter_mut().zip(weights) {
                    to.add_scaled(weight, &slope);
                }
                Some(value)
            }
        }
    }
}
