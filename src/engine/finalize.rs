//! From tallies to the value of a loss and the slope of every tally: closed forms in f64.

use crate::array::real::Real;
use crate::engine::arena::Arena;
use crate::error::Error;
use crate::loss::kind::{DefaultClassWeights, LossKind};
use crate::loss::region::{JointRegionLoss, RegionLoss};
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
use crate::loss::voxel::{Contribution, Normalizer};
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;

/// Slopes are held within this, so that every product in the sweeps is finite.
const MAX_SLOPE: f64 = 1e30;

/// What `finish` computes besides the value.
pub(crate) struct FinalizeOutputs<'a> {
    /// The value of each term before its weight.
    pub terms: [f64; MAX_TERMS],
    /// The value that each class of each sample took part in, per term; NaN where there is none.
    pub classes: Option<&'a mut [f64]>,
    /// The slope of the loss, weights and `grad_scale` included, by sample and class.
    pub slopes: Option<&'a mut [ClassSums]>,
}

/// A few rows of one entry per class.
pub(crate) struct FinalizeBuffers<'s> {
    /// `v_c`
    base: &'s mut [f64],
    /// `m_c` of the unit at hand.
    weights: &'s mut [f64],
    /// Sums of pooled samples.
    pooled: &'s mut [ClassSums],
    /// Slopes of the unit at hand.
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

/// The value of the loss; everything else goes to `results`.
pub(crate) fn finalize(
    plan: &Problem<'_>,
    terms: &[Term<'_>],
    tallies: &[ClassSums],
    grad_scale: f64,
    desk: &mut FinalizeBuffers<'_>,
    results: &mut FinalizeOutputs<'_>,
) -> f64 {
    if let Some(slopes) = results.slopes.as_deref_mut() {
        slopes.fill(ClassSums::ZERO);
    }
    if let Some(values) = results.classes.as_deref_mut() {
        values.fill(f64::NAN);
    }
    let mut total = 0.0;
    for (k, term) in terms.iter().enumerate() {
        class_weights(plan, term, tallies, desk.base);
        let per_class = plan.samples * plan.classes;
        let mut work = TermFinalizer {
            plan,
            term,
            tallies,
            scale: term.weight * grad_scale,
            slopes: results.slopes.as_deref_mut(),
            values: results
                .classes
                .as_deref_mut()
                .and_then(|all| all.get_mut(k * per_class..(k + 1) * per_class)),
        };
        let value = match term.loss.kind() {
            LossKind::Voxel(rows) => work.cost(rows, k, desk),
            LossKind::Region(form) => work.form(ClosedForm::Region(form, term.class_average), desk),
            LossKind::JointRegion(form) => work.form(ClosedForm::Joint(form), desk),
        };
        // Where nothing is left to average a loss is 0, a loss less one too.
        let value = value.map_or(0.0, |value| if term.minus_one { value - 1.0 } else { value });
        if let Some(slot) = results.terms.get_mut(k) {
            *slot = value;
        }
        total += value.times(term.weight);
    }
    for slope in results.slopes.iter_mut().flat_map(|slopes| slopes.iter_mut()) {
        // NaN fails both comparisons and stays.
        let held = |x: f64| if x > MAX_SLOPE { MAX_SLOPE } else { x };
        slope.combine(&ClassSums::ZERO, |x, _| if x < -MAX_SLOPE { -MAX_SLOPE } else { held(x) });
    }
    total
}

/// `v_c`: as given, or as the form weighs its classes.
fn class_weights(plan: &Problem<'_>, term: &Term<'_>, tallies: &[ClassSums], base: &mut [f64]) {
    let weighting = term.loss.default_class_weights();
    for (class, v) in base.iter_mut().enumerate() {
        *v = term.class_weight(class, plan.classes);
    }
    if matches!(weighting, DefaultClassWeights::Frequency | DefaultClassWeights::Presence)
        && term.class_weight.is_none()
    {
        let truth = |class| -> f64 {
            let annotated = (0..plan.samples).filter(|&sample| plan.is_annotated(sample, class));
            annotated
                .filter_map(|sample| tallies.get(sample * plan.classes + class))
                .map(|tally| tally.target)
                .sum()
        };
        // Maps may fall a little below 0: a class whose truth adds up to that is absent.
        let all: f64 = (0..plan.classes).map(|class| truth(class).max(0.0)).sum();
        for (class, v) in base.iter_mut().enumerate() {
            let of_class = truth(class);
            *v *= if of_class > 0.0 { libm::sqrt(all / of_class) } else { 0.0 };
        }
    }
    if weighting == DefaultClassWeights::Presence {
        base.iter_mut().for_each(|v| *v = if *v > 0.0 { 1.0 } else { 0.0 });
    }
}

/// A closed form with the way it joins classes.
#[derive(Clone, Copy)]
enum ClosedForm<'a> {
    Region(&'a dyn RegionLoss, ClassAverage),
    Joint(&'a dyn JointRegionLoss),
}

/// One term at work.
struct TermFinalizer<'a> {
    plan: &'a Problem<'a>,
    term: &'a Term<'a>,
    tallies: &'a [ClassSums],
    /// What multiplies the term's slopes.
    scale: f64,
    slopes: Option<&'a mut [ClassSums]>,
    values: Option<&'a mut [f64]>,
}

impl TermFinalizer<'_> {
    /// The tallies of one sample.
    fn of_sample(&self, sample: usize) -> &[ClassSums] {
        let classes = self.plan.classes;
        self.tallies.get(sample * classes..(sample + 1) * classes).unwrap_or(&[])
    }

    /// `v_bc`: the weight of a class that is annotated in a sample with a counted voxel.
    fn weight(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let counted = self.of_sample(sample).get(class).is_some_and(|tally| tally.weight > 0.0);
        let counts = counted && self.plan.is_annotated(sample, class);
        if counts { base.get(class).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// `m_bc`: the same, 0 for an absent class if those are skipped.
    fn weight_present(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let absent = self.of_sample(sample).get(class).is_none_or(|tally| tally.target <= 0.0);
        let skipped = self.term.absent == AbsentClass::Skipped && absent;
        if skipped { 0.0 } else { self.weight(base, sample, class) }
    }

    /// The sum of a cost over what it is divided by.
    fn cost(&mut self, rows: &dyn DynVoxelLoss, slot: usize, desk: &mut FinalizeBuffers<'_>) -> Option<f64> {
        let bill = rows.info();
        let (samples, classes) = (self.plan.samples, self.plan.classes);
        let class_mean =
            bill.contribution == Contribution::NegLogLikelihood && !self.plan.activation.is_exclusive();
        let by_class = bill.contribution == Contribution::NegLogLikelihood
            && self.plan.activation.is_exclusive()
            && bill.normalizer == Normalizer::ClassWeight;
        let charged = |tally: &ClassSums| tally.loss_weight.get(slot).copied().unwrap_or(0.0);

        let (mut sum, mut normalizer, mut any) = (0.0, 0.0, false);
        for sample in 0..samples {
            let shares = if class_mean { self.weight_sum(desk.base, sample) } else { 1.0 };
            for (class, tally) in self.of_sample(sample).iter().enumerate() {
                let weight = self.weight(desk.base, sample, class);
                normalizer += match bill.contribution {
                    Contribution::AllClasses => weight * tally.weight,
                    _ if bill.selection.is_some() && class == 0 => charged(tally),
                    _ if bill.selection.is_some() => 0.0,
                    _ if by_class => weight * charged(tally),
                    _ if class == 0 => tally.weight,
                    _ => 0.0,
                };
                if weight > 0.0 {
                    any = true;
                    sum += weight / shares * tally.loss_sum.get(slot).copied().unwrap_or(0.0);
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
            if bill.logarithmic { (libm::log1p(mean), 1.0 / (1.0 + mean)) } else { (mean, 1.0) };
        if self.slopes.is_some() {
            for sample in 0..samples {
                let shares = if class_mean { self.weight_sum(desk.base, sample) } else { 1.0 };
                for class in 0..classes {
                    let weight = self.weight(desk.base, sample, class);
                    let slope = if weight > 0.0 {
                        self.scale * steepness * (weight / shares) / normalizer
                    } else {
                        0.0
                    };
                    let to = self.slopes.as_deref_mut().and_then(|all| all.get_mut(sample * classes + class));
                    if let Some(to) = to.and_then(|tally| tally.loss_sum.get_mut(slot)) {
                        *to = slope;
                    }
                }
            }
        }
        Some(value)
    }

    /// `Σ_c v_bc`
    fn weight_sum(&self, base: &[f64], sample: usize) -> f64 {
        (0..self.plan.classes).map(|class| self.weight(base, sample, class)).sum()
    }

    /// A closed form, sample by sample or of all samples' sums.
    fn form(&mut self, form: ClosedForm<'_>, desk: &mut FinalizeBuffers<'_>) -> Option<f64> {
        match self.term.sample_average {
            SampleAverage::Mean => self.form_by_sample(form, desk),
            SampleAverage::Pooled => self.form_of_all(form, desk),
        }
    }

    fn form_by_sample(&mut self, form: ClosedForm<'_>, desk: &mut FinalizeBuffers<'_>) -> Option<f64> {
        let (samples, classes) = (self.plan.samples, self.plan.classes);
        let takes_part =
            |sample| (0..classes).any(|class| self.weight_present(desk.base, sample, class) > 0.0);
        let taking_part = (0..samples).filter(|&sample| takes_part(sample)).count();
        let share = 1.0 / taking_part as f64;
        let mut sum = 0.0;
        for sample in 0..samples {
            for class in 0..classes {
                let weight = self.weight_present(desk.base, sample, class);
                if let Some(to) = desk.weights.get_mut(class) {
                    *to = weight;
                }
            }
            let Some(value) = form.score(self.of_sample(sample), desk.weights, desk.slopes) else { continue };
            sum += value;
            for (class, (&weight, slope)) in desk.weights.iter().zip(desk.slopes.iter()).enumerate() {
                if weight > 0.0 {
                    let value = form.value_of(self.of_sample(sample), class, value, self.values.is_some());
                    self.put(sample, class, value, share, slope);
                }
            }
        }
        (taking_part > 0).then_some(sum * share)
    }

    fn form_of_all(&mut self, form: ClosedForm<'_>, desk: &mut FinalizeBuffers<'_>) -> Option<f64> {
        let (samples, classes) = (self.plan.samples, self.plan.classes);
        // Where the classes are pooled too, an absent class is skipped sample by sample.
        let pools_classes = matches!(form, ClosedForm::Region(_, ClassAverage::Pooled));
        let part = |work: &Self, base: &[f64], sample, class| {
            if pools_classes {
                work.weight_present(base, sample, class)
            } else {
                work.weight(base, sample, class)
            }
        };
        for class in 0..classes {
            let mut sums = ClassSums::ZERO;
            let mut weight = 0.0;
            for sample in 0..samples {
                let of_sample = part(self, desk.base, sample, class);
                if of_sample > 0.0
                    && let Some(tally) = self.of_sample(sample).get(class)
                {
                    sums += tally;
                    weight = of_sample;
                }
            }
            let skipped = self.term.absent == AbsentClass::Skipped && sums.target <= 0.0;
            if let (Some(to), Some(to_weight)) = (desk.pooled.get_mut(class), desk.weights.get_mut(class)) {
                *to = sums;
                *to_weight = if skipped { 0.0 } else { weight };
            }
        }
        let value = form.score(desk.pooled, desk.weights, desk.slopes)?;
        for (class, (&weight, slope)) in desk.weights.iter().zip(desk.slopes.iter()).enumerate() {
            for sample in 0..samples {
                if weight > 0.0 && part(self, desk.base, sample, class) > 0.0 {
                    let value = form.value_of(desk.pooled, class, value, self.values.is_some());
                    self.put(sample, class, value, 1.0, slope);
                }
            }
        }
        Some(value)
    }

    /// Notes the value a class took part in, and adds its slope.
    fn put(&mut self, sample: usize, class: usize, value: f64, share: f64, slope: &ClassSums) {
        let at = sample * self.plan.classes + class;
        if let Some(to) = self.values.as_deref_mut().and_then(|values| values.get_mut(at)) {
            *to = value;
        }
        if let Some(to) = self.slopes.as_deref_mut().and_then(|slopes| slopes.get_mut(at)) {
            to.add_scaled(self.scale * share, slope);
        }
    }
}

impl ClosedForm<'_> {
    /// The value that class `class` took part in, in a unit whose value is `of_unit`; if anybody `asks`.
    fn value_of(&self, tallies: &[ClassSums], class: usize, of_unit: f64, asks: bool) -> f64 {
        match (self, tallies.get(class)) {
            (ClosedForm::Region(form, ClassAverage::Mean), Some(tally)) if asks => form.evaluate(tally).0,
            _ => of_unit,
        }
    }

    /// The value of one unit, a sample or all of them, with its slopes; `None` if no class is left.
    fn score(&self, tallies: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> Option<f64> {
        slopes.fill(ClassSums::ZERO);
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return None;
        }
        match self {
            ClosedForm::Joint(form) => Some(form.evaluate(tallies, weights, slopes)),
            ClosedForm::Region(form, ClassAverage::Mean) => {
                let mut sum = 0.0;
                for ((tally, &weight), to) in tallies.iter().zip(weights).zip(slopes) {
                    if weight > 0.0 {
                        let (value, slope) = form.evaluate(tally);
                        sum += weight * value;
                        to.add_scaled(weight / all, &slope);
                    }
                }
                Some(sum / all)
            }
            ClosedForm::Region(form, ClassAverage::Pooled) => {
                let mut pooled = ClassSums::ZERO;
                for (tally, &weight) in tallies.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
                    pooled.add_scaled(weight, tally);
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
