//! From tallies to the value of a loss and the slope of every tally: closed forms in f64.

use super::arena::Arena;
use crate::batch::Plan;
use crate::{
    Absent, Charge, ClassAverage, Error, Joint, MAX_TERMS, Normalizer, Parts, Real, Region, Rows,
    SampleAverage, Tally, Term, Weighting,
};

/// Slopes are held within this, so that every product in the sweeps is finite.
const STEEPEST: f64 = 1e30;

/// What `finish` computes besides the value.
pub(crate) struct Results<'a> {
    /// The value of each term before its weight.
    pub terms: [f64; MAX_TERMS],
    /// The value that each class of each sample took part in, per term; NaN where there is none.
    pub classes: Option<&'a mut [f64]>,
    /// The slope of the loss, weights and `grad_scale` included, by sample and class.
    pub slopes: Option<&'a mut [Tally]>,
}

/// A few rows of one entry per class.
pub(crate) struct Desk<'s> {
    /// `v_c`
    base: &'s mut [f64],
    /// `m_c` of the unit at hand.
    weights: &'s mut [f64],
    /// Sums of pooled samples.
    pooled: &'s mut [Tally],
    /// Slopes of the unit at hand.
    slopes: &'s mut [Tally],
}

impl<'s> Desk<'s> {
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
pub(crate) fn finish(
    plan: &Plan<'_>,
    terms: &[Term<'_>],
    tallies: &[Tally],
    grad_scale: f64,
    desk: &mut Desk<'_>,
    results: &mut Results<'_>,
) -> f64 {
    if let Some(slopes) = results.slopes.as_deref_mut() {
        slopes.fill(Tally::ZERO);
    }
    if let Some(values) = results.classes.as_deref_mut() {
        values.fill(f64::NAN);
    }
    let mut total = 0.0;
    for (k, term) in terms.iter().enumerate() {
        weigh_classes(plan, term, tallies, desk.base);
        let per_class = plan.samples * plan.classes;
        let mut work = Work {
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
        let value = match term.form.parts() {
            Parts::Cost(rows) => work.cost(rows, k, desk),
            Parts::Region(form) => work.form(Closed::Region(form, term.class_average), desk),
            Parts::Joint(form) => work.form(Closed::Joint(form), desk),
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
        let held = |x: f64| if x > STEEPEST { STEEPEST } else { x };
        slope.combine(&Tally::ZERO, |x, _| if x < -STEEPEST { -STEEPEST } else { held(x) });
    }
    total
}

/// `v_c`: as given, or as the form weighs its classes.
fn weigh_classes(plan: &Plan<'_>, term: &Term<'_>, tallies: &[Tally], base: &mut [f64]) {
    let weighting = term.form.weighting();
    for (class, v) in base.iter_mut().enumerate() {
        *v = term.class_weight(class, plan.classes);
    }
    if matches!(weighting, Weighting::Frequency | Weighting::Presence) && term.class_weight.is_none() {
        let truth = |class| -> f64 {
            let annotated = (0..plan.samples).filter(|&sample| plan.is_annotated(sample, class));
            annotated
                .filter_map(|sample| tallies.get(sample * plan.classes + class))
                .map(|tally| tally.truth)
                .sum()
        };
        // Maps may fall a little below 0: a class whose truth adds up to that is absent.
        let all: f64 = (0..plan.classes).map(|class| truth(class).max(0.0)).sum();
        for (class, v) in base.iter_mut().enumerate() {
            let of_class = truth(class);
            *v *= if of_class > 0.0 { libm::sqrt(all / of_class) } else { 0.0 };
        }
    }
    if weighting == Weighting::Presence {
        base.iter_mut().for_each(|v| *v = if *v > 0.0 { 1.0 } else { 0.0 });
    }
}

/// A closed form with the way it joins classes.
#[derive(Clone, Copy)]
enum Closed<'a> {
    Region(&'a dyn Region, ClassAverage),
    Joint(&'a dyn Joint),
}

/// One term at work.
struct Work<'a> {
    plan: &'a Plan<'a>,
    term: &'a Term<'a>,
    tallies: &'a [Tally],
    /// What multiplies the term's slopes.
    scale: f64,
    slopes: Option<&'a mut [Tally]>,
    values: Option<&'a mut [f64]>,
}

impl Work<'_> {
    /// The tallies of one sample.
    fn of_sample(&self, sample: usize) -> &[Tally] {
        let classes = self.plan.classes;
        self.tallies.get(sample * classes..(sample + 1) * classes).unwrap_or(&[])
    }

    /// `v_bc`: the weight of a class that is annotated in a sample with a counted voxel.
    fn weight(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let counted = self.of_sample(sample).get(class).is_some_and(|tally| tally.voxels > 0.0);
        let counts = counted && self.plan.is_annotated(sample, class);
        if counts { base.get(class).copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// `m_bc`: the same, 0 for an absent class if those are skipped.
    fn weight_present(&self, base: &[f64], sample: usize, class: usize) -> f64 {
        let absent = self.of_sample(sample).get(class).is_none_or(|tally| tally.truth <= 0.0);
        let skipped = self.term.absent == Absent::Skipped && absent;
        if skipped { 0.0 } else { self.weight(base, sample, class) }
    }

    /// The sum of a cost over what it is divided by.
    fn cost(&mut self, rows: &dyn Rows, slot: usize, desk: &mut Desk<'_>) -> Option<f64> {
        let bill = rows.bill();
        let (samples, classes) = (self.plan.samples, self.plan.classes);
        let class_mean = bill.charge == Charge::Likelihood && !self.plan.activation.is_exclusive();
        let by_class = bill.charge == Charge::Likelihood
            && self.plan.activation.is_exclusive()
            && bill.normalizer == Normalizer::ClassWeight;
        let charged = |tally: &Tally| tally.charged.get(slot).copied().unwrap_or(0.0);

        let (mut sum, mut normalizer, mut any) = (0.0, 0.0, false);
        for sample in 0..samples {
            let shares = if class_mean { self.weight_sum(desk.base, sample) } else { 1.0 };
            for (class, tally) in self.of_sample(sample).iter().enumerate() {
                let weight = self.weight(desk.base, sample, class);
                normalizer += match bill.charge {
                    Charge::Everywhere => weight * tally.voxels,
                    _ if bill.selection.is_some() && class == 0 => charged(tally),
                    _ if bill.selection.is_some() => 0.0,
                    _ if by_class => weight * charged(tally),
                    _ if class == 0 => tally.voxels,
                    _ => 0.0,
                };
                if weight > 0.0 {
                    any = true;
                    sum += weight / shares * tally.cost.get(slot).copied().unwrap_or(0.0);
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
                    if let Some(to) = to.and_then(|tally| tally.cost.get_mut(slot)) {
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
    fn form(&mut self, form: Closed<'_>, desk: &mut Desk<'_>) -> Option<f64> {
        match self.term.sample_average {
            SampleAverage::Mean => self.form_by_sample(form, desk),
            SampleAverage::Pooled => self.form_of_all(form, desk),
        }
    }

    fn form_by_sample(&mut self, form: Closed<'_>, desk: &mut Desk<'_>) -> Option<f64> {
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

    fn form_of_all(&mut self, form: Closed<'_>, desk: &mut Desk<'_>) -> Option<f64> {
        let (samples, classes) = (self.plan.samples, self.plan.classes);
        // Where the classes are pooled too, an absent class is skipped sample by sample.
        let pools_classes = matches!(form, Closed::Region(_, ClassAverage::Pooled));
        let part = |work: &Self, base: &[f64], sample, class| {
            if pools_classes {
                work.weight_present(base, sample, class)
            } else {
                work.weight(base, sample, class)
            }
        };
        for class in 0..classes {
            let mut sums = Tally::ZERO;
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
            let skipped = self.term.absent == Absent::Skipped && sums.truth <= 0.0;
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
    fn put(&mut self, sample: usize, class: usize, value: f64, share: f64, slope: &Tally) {
        let at = sample * self.plan.classes + class;
        if let Some(to) = self.values.as_deref_mut().and_then(|values| values.get_mut(at)) {
            *to = value;
        }
        if let Some(to) = self.slopes.as_deref_mut().and_then(|slopes| slopes.get_mut(at)) {
            to.add_scaled(self.scale * share, slope);
        }
    }
}

impl Closed<'_> {
    /// The value that class `class` took part in, in a unit whose value is `of_unit`; if anybody `asks`.
    fn value_of(&self, tallies: &[Tally], class: usize, of_unit: f64, asks: bool) -> f64 {
        match (self, tallies.get(class)) {
            (Closed::Region(form, ClassAverage::Mean), Some(tally)) if asks => form.score(tally).0,
            _ => of_unit,
        }
    }

    /// The value of one unit, a sample or all of them, with its slopes; `None` if no class is left.
    fn score(&self, tallies: &[Tally], weights: &[f64], slopes: &mut [Tally]) -> Option<f64> {
        slopes.fill(Tally::ZERO);
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return None;
        }
        match self {
            Closed::Joint(form) => Some(form.score(tallies, weights, slopes)),
            Closed::Region(form, ClassAverage::Mean) => {
                let mut sum = 0.0;
                for ((tally, &weight), to) in tallies.iter().zip(weights).zip(slopes) {
                    if weight > 0.0 {
                        let (value, slope) = form.score(tally);
                        sum += weight * value;
                        to.add_scaled(weight / all, &slope);
                    }
                }
                Some(sum / all)
            }
            Closed::Region(form, ClassAverage::Pooled) => {
                let mut pooled = Tally::ZERO;
                for (tally, &weight) in tallies.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
                    pooled.add_scaled(weight, tally);
                }
                let (value, slope) = form.score(&pooled);
                for (to, &weight) in slopes.iter_mut().zip(weights) {
                    to.add_scaled(weight, &slope);
                }
                Some(value)
            }
        }
    }
}
