//! Configurations drawn from a source of numbers.

use crate::config::*;
use crate::list;
use crate::naive::boundary::{Hausdorff, no_background};
use crate::naive::{Absent, Activation, ClassAverage, Form, Normalizer, SampleAverage, Selection, TermSpec};
use crate::source::Source;

/// The number of losses in the list; configurations take them in turn.
pub fn list_len() -> usize {
    list::losses().len()
}

/// The names of the list.
pub fn list_names() -> Vec<&'static str> {
    list::losses().iter().map(|loss| loss.name).collect()
}

impl Config {
    /// A configuration drawn from loss number `turn` of the list, with at most `most` voxels per sample.
    pub fn draw(source: &mut Source<'_>, turn: usize, most: usize) -> Self {
        let losses = list::losses();
        let loss = &losses[turn % losses.len()];
        let classes = source.pick(&[2, 3, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 21]);
        let activation = draw_activation(source, classes);
        let truth = source.pick(&[
            Truth::Labels,
            Truth::RareLabels,
            Truth::Labels,
            Truth::Masks,
            Truth::Soft,
            Truth::OneLabel,
        ]);
        let target = match truth {
            Truth::Soft => Target::Dense(source.pick(&FLOATS)),
            Truth::Masks if classes > 1 && source.one_in(2) => Target::Masks(source.pick(&MASKS)),
            Truth::Masks => Target::Dense(source.pick(&FLOATS)),
            _ => match source.below(5) {
                0 | 1 => Target::Labels(source.pick(&LABELS)),
                2 => Target::LabelsWithChannel(source.pick(&LABELS)),
                3 if classes > 1 => Target::Masks(source.pick(&MASKS)),
                _ => Target::Dense(source.pick(&FLOATS)),
            },
        };
        let mut terms: Vec<TermConfig> =
            loss.for_classes(classes).into_iter().map(|spec| of_list(spec, classes)).collect();
        let has_one = terms.len() == 1;
        while has_one && terms.len() < 4 && source.one_in(3) {
            terms.push(draw_term(source, classes));
        }
        if has_one {
            vary(source, &mut terms[0]);
        }
        for term in &mut terms {
            complete(source, term, truth, target, classes);
        }
        let samples = source.pick(&[1, 2, 3, 1, 5]);
        let shape = draw_shape(source, &terms);
        let shape = if shape.iter().product::<usize>() > most { vec![most] } else { shape };
        let float = source.pick(&FLOATS);
        let in_place = source.one_in(5);
        let mut config = Self {
            loss: loss.name,
            terms,
            samples,
            classes,
            shape,
            activation,
            prediction: match source.below(8) {
                0 => Prediction::Within(0.25),
                1 => Prediction::Within(30.0),
                2 => Prediction::Ties,
                3 => Prediction::Forbidden,
                _ => Prediction::Within(4.0),
            },
            truth,
            target,
            weights: match source.below(6) {
                0 => Weights::Quarters(source.pick(&FLOATS)),
                1 => Weights::Quarters(source.pick(&[Type::U8, Type::Bool])),
                2 => Weights::Broadcast(source.pick(&FLOATS)),
                3 if samples > 1 => Weights::BlankSample(source.pick(&FLOATS)),
                _ => Weights::None,
            },
            ignored: source.pick(&[0, 1, 0, 2, 0, 5]),
            ignores_class: source.one_in(6),
            poisoned: source.one_in(3),
            class_present: source.one_in(3),
            spaced: source.one_in(3),
            float,
            gradient: source.pick(&FLOATS),
            strides: [0; 5].map(|_| if source.one_in(2) { 1 + source.bits() % 65_521 } else { 0 }),
            scale: source.pick(&[1.0, 1.0, 0.5, -3.0, 65536.0, 0.0]),
            add: source.one_in(4),
            in_place,
            by_class: source.one_in(2),
            workers: match source.below(9) {
                0 => Workers::Threads(2),
                1 => Workers::Threads(5),
                2 => Workers::Backwards,
                3 => Workers::Twice,
                4 => Workers::Lazy,
                5 => Workers::Changing,
                _ => Workers::Sequential,
            },
            level: source.pick(&[Level::Best, Level::Best, Level::Avx2, Level::Baseline]),
            parts: source.pick(&[0, 0, 0, 0, 2, 3, 7]),
            seed: source.bits() << 8 | source.bits() & 0xff,
        };
        config.mend();
        config
    }
}

fn draw_activation(source: &mut Source<'_>, classes: usize) -> Activation {
    use Activation::*;
    match (classes, source.below(7)) {
        (1, 0..=4) => Sigmoid,
        (1, 5) => Probability,
        (_, 0..=2) => Softmax,
        (_, 3 | 4) => Sigmoid,
        (2.., 5) => Probability,
        _ => ProbabilityPerClass,
    }
}

/// 1 to 4 axes; few voxels where the reference computes distances from all pairs.
fn draw_shape(source: &mut Source<'_>, terms: &[TermConfig]) -> Vec<usize> {
    let by_pairs = terms.iter().any(|term| is_boundary(term.spec.form) && term.field == Field::Computed);
    match source.below(12) {
        0 => vec![source.pick(&[1, 2, 3])],
        1 => vec![source.pick(&[63, 64, 65, 127, 128, 129])],
        2 => vec![source.pick(&[2, 3]), source.pick(&[31, 32, 33, 64])],
        3 if !by_pairs => vec![source.pick(&[1000, 1023, 1025, 4099])],
        4 if !by_pairs && source.one_in(8) => vec![source.pick(&[16_383, 16_384, 16_385, 40_001])],
        5 => vec![source.pick(&[2, 3]), source.pick(&[2, 5]), source.pick(&[3, 4]), source.pick(&[1, 2, 7])],
        6 | 7 => vec![1 + source.below(5), 1 + source.below(5), 1 + source.below(7)],
        _ => vec![1 + source.below(13), 1 + source.below(17)],
    }
}

fn of_list(spec: TermSpec, classes: usize) -> TermConfig {
    let class_weight = match &spec.class_weight {
        None => ClassWeights::Default,
        Some(given) if *given == no_background(classes) => ClassWeights::ExcludeBackground,
        Some(_) => ClassWeights::Given,
    };
    TermConfig { spec: TermSpec { class_weight: None, ..spec }, class_weight, field: Field::Computed }
}

/// A loss of the list with other options.
fn draw_term(source: &mut Source<'_>, classes: usize) -> TermConfig {
    let losses = list::losses();
    let specs = losses[source.below(losses.len())].for_classes(classes);
    let spec = specs[source.below(specs.len())].clone();
    let mut term = of_list(spec, classes);
    vary(source, &mut term);
    term
}

/// Other parameters and options.
fn vary(source: &mut Source<'_>, term: &mut TermConfig) {
    if source.one_in(2) {
        return;
    }
    let spec = &mut term.spec;
    spec.weight = source.pick(&[1.0, 0.25, 2.0, 0.0, 17.5]);
    let share = |source: &mut Source<'_>| source.pick(&[0.5, 0.0, 1.0, 0.3, 0.875]);
    let price = |source: &mut Source<'_>| source.pick(&[0.5, 0.3, 1.0, 0.0, 2.5]);
    let exponent = |source: &mut Source<'_>| source.pick(&[2.0, 1.0, 0.5, 0.3, 1.5, 3.0, 4.0]);
    spec.form = match spec.form {
        Form::CrossEntropy { .. } => Form::CrossEntropy {
            label_smoothing: share(source),
            normalizer: source.pick(&[Normalizer::Voxels, Normalizer::ClassWeight]),
        },
        Form::TopK(Selection::Fraction(_)) => {
            Form::TopK(Selection::Fraction(source.pick(&[0.5, 0.1, 0.01, 1.0, 0.37])))
        }
        Form::TopK(Selection::Threshold(_)) => {
            Form::TopK(Selection::Threshold(source.pick(&[0.5, 0.1, 0.9, 1.0, 0.01])))
        }
        Form::Focal { .. } => {
            let gamma = exponent(source);
            Form::Focal { gamma: if source.one_in(8) { 0.0 } else { gamma } }
        }
        Form::SensitivitySpecificity { .. } => Form::SensitivitySpecificity { r: share(source) },
        Form::Dice { .. } => Form::Dice { squared: source.one_in(2) },
        Form::Iou { .. } => Form::Iou { squared: source.one_in(2) },
        Form::Tversky { .. } => Form::Tversky { alpha: price(source), beta: price(source) },
        Form::GeneralizedDice { .. } => Form::GeneralizedDice { power: source.pick(&[2.0, 1.0, 0.0]) },
        Form::FocalTversky { .. } => {
            Form::FocalTversky { alpha: price(source), beta: price(source), gamma: exponent(source) }
        }
        Form::AsymmetricSimilarity { .. } => Form::AsymmetricSimilarity { beta: price(source) },
        Form::Penalty { .. } => Form::Penalty { power: source.pick(&[2.0, 1.0, 0.0]), k: price(source) },
        Form::Boundary { .. } => Form::Boundary { rim_zero: source.one_in(2) },
        Form::Hausdorff(form) => Form::Hausdorff(Hausdorff { alpha: exponent(source), ..form }),
        Form::BalancedCrossEntropy { .. } => Form::BalancedCrossEntropy { beta: share(source) },
        Form::PowerCrossEntropy { .. } => Form::PowerCrossEntropy { gamma: exponent(source) },
        Form::LogDice { .. } => Form::LogDice { gamma: exponent(source) },
        // A loss without parameters.
        form => form,
    };
    if is_region(spec.form) {
        spec.sample_average = source.pick(&[SampleAverage::Mean, SampleAverage::Pooled]);
        spec.absent = source.pick(&[Absent::Counted, Absent::Skipped]);
        if !is_joint(spec.form) {
            spec.class_average = source.pick(&[ClassAverage::Mean, ClassAverage::Pooled]);
        }
        spec.smooth_denominator = source.pick(&[1e-5, 1.0, 0.0, 1e-3]);
        if !matches!(spec.form, Form::SensitivitySpecificity { .. }) {
            spec.smooth_numerator = if source.one_in(4) { 0.0 } else { spec.smooth_denominator };
            spec.minus_one = source.one_in(6);
        }
    }
    term.class_weight = source.pick(&[
        ClassWeights::Default,
        ClassWeights::Given,
        ClassWeights::ExcludeBackground,
        ClassWeights::GivenAndExcludeBackground,
    ]);
}

/// Gives a field where none can be computed, and sometimes where one can; never an undefined combination.
fn complete(source: &mut Source<'_>, term: &mut TermConfig, truth: Truth, target: Target, classes: usize) {
    let is_shared = term.spec.form == Form::DistancePenalized;
    if !is_boundary(term.spec.form) {
        return;
    }
    if let Form::Hausdorff(form) = &mut term.spec.form {
        form.argmax &= classes > 1;
    }
    let computable = match truth {
        Truth::Soft => false,
        Truth::Masks => !is_shared || classes == 1,
        _ => !is_shared || classes == 1 || !matches!(target, Target::Dense(_)),
    };
    if !computable || source.one_in(3) {
        let float = source.pick(&[Type::F32, Type::F64, Type::F16, Type::Bf16]);
        term.field = if source.one_in(3) { Field::Shared(float) } else { Field::PerClass(float) };
        if let Form::Hausdorff(form) = &mut term.spec.form {
            form.field_complete = source.one_in(2);
            // Prediction-only distances have no target half: a given field must be complete.
            form.prediction_only &= form.field_complete;
        }
    }
}
