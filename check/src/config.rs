//! A configuration: everything that a comparison needs except its numbers, which follow from the seed.

use crate::list;
use crate::naive::boundary::{Hausdorff, no_background};
use crate::naive::{Absent, Activation, ClassAverage, Form, Normalizer, SampleAverage, Selection, TermSpec};
use crate::source::Source;

/// Element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    Bool,
    F16,
    Bf16,
    F32,
    F64,
}

pub const FLOATS: [Type; 4] = [Type::F64, Type::F32, Type::F16, Type::Bf16];
pub const LABELS: [Type; 8] =
    [Type::I64, Type::U8, Type::I16, Type::I32, Type::I8, Type::U16, Type::U32, Type::U64];
pub const MASKS: [Type; 9] =
    [Type::U8, Type::I64, Type::I16, Type::I32, Type::Bool, Type::I8, Type::U16, Type::U32, Type::U64];

/// Representation of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Labels(Type),
    /// `[B, 1, …]`.
    LabelsWithChannel(Type),
    Masks(Type),
    Dense(Type),
}

/// Contents of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Truth {
    /// One class per voxel, with similar frequencies.
    Labels,
    /// One class per voxel, most voxels of class 0.
    RareLabels,
    /// Class 0 everywhere.
    OneLabel,
    /// 0/1 maps that overlap, with voxels of no class.
    Masks,
    /// Multiples of 1/8 in [0, 1].
    Soft,
}

impl Truth {
    pub fn is_labels(self) -> bool {
        matches!(self, Truth::Labels | Truth::RareLabels | Truth::OneLabel)
    }
}

/// Contents of the prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// Logits within ± this, probabilities between 1/16 and 15/16.
    Within(f64),
    /// As `Within(4)`, with every third voxel equal to its neighbour: ties.
    Ties,
    /// As `Within(4)`, with some classes other than the target at −∞.
    Forbidden,
}

/// Weights of voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights {
    None,
    /// Multiples of 1/4, including zeros.
    Quarters(Type),
    /// One row along the last axis, repeated by stride 0.
    Broadcast(Type),
    /// Zero in the whole first sample.
    BlankSample(Type),
}

/// Class weights of a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClassWeights {
    Default,
    /// `exclude_background`.
    ExcludeBackground,
    /// Multiples of 1/4, including zeros.
    Given,
    /// Both of the above.
    GivenAndExcludeBackground,
}

/// Source of the field of a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field {
    /// Computed, or not needed.
    Computed,
    /// Given for each class, `[B, C, …]`.
    PerClass(Type),
    /// Given for all classes, `[B, …]`.
    Shared(Type),
}

/// A term without its numbers.
#[derive(Clone, Debug)]
pub struct TermConfig {
    pub spec: TermSpec,
    pub class_weight: ClassWeights,
    pub field: Field,
}

/// The executor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Workers {
    Here,
    /// Threads.
    Threads(usize),
    /// One thread, tasks from the last to the first.
    Backwards,
    /// Each task is called twice.
    Twice,
    /// No task is called.
    Lazy,
    /// A different number of workers at each query.
    Changing,
}

/// CPU level, if the CPU has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    Best,
    Baseline,
    Avx2,
}

/// Everything except the numbers.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name in the list of all losses from which the terms were drawn.
    pub loss: &'static str,
    pub terms: Vec<TermConfig>,
    pub samples: usize,
    pub classes: usize,
    pub shape: Vec<usize>,
    pub activation: Activation,
    pub prediction: Prediction,
    pub truth: Truth,
    pub target: Target,
    pub weights: Weights,
    /// The number of ignored labels; for targets as maps, the number of voxels in 32 with weight 0.
    pub ignored: usize,
    /// An ignored label is a class.
    pub ignores_class: bool,
    /// Uncounted values are NaN.
    pub poisoned: bool,
    pub class_present: bool,
    pub spaced: bool,
    pub float: Type,
    pub gradient: Type,
    /// Strides of prediction, target, weight, gradient, fields: 0 is C order.
    pub strides: [u64; 5],
    pub scale: f64,
    pub add: bool,
    pub in_place: bool,
    pub workers: Workers,
    pub level: Level,
    /// Number of parts; 0 runs the whole batch.
    pub parts: usize,
    /// The seed of the numbers.
    pub seed: u64,
}

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
            workers: match source.below(9) {
                0 => Workers::Threads(2),
                1 => Workers::Threads(5),
                2 => Workers::Backwards,
                3 => Workers::Twice,
                4 => Workers::Lazy,
                5 => Workers::Changing,
                _ => Workers::Here,
            },
            level: source.pick(&[Level::Best, Level::Best, Level::Avx2, Level::Baseline]),
            parts: source.pick(&[0, 0, 0, 0, 2, 3, 7]),
            seed: source.bits() << 8 | source.bits() & 0xff,
        };
        config.mend();
        config
    }

    /// Voxels of a sample.
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Makes options consistent after changes.
    pub fn mend(&mut self) {
        if self.in_place {
            self.gradient = self.float;
            self.strides[3] = self.strides[0];
            self.add = false;
        }
        let is_logit = matches!(self.activation, Activation::Softmax | Activation::Sigmoid);
        if !is_logit && self.prediction == Prediction::Forbidden {
            self.prediction = Prediction::Within(4.0);
        }
        let is_labels = matches!(self.target, Target::Labels(_) | Target::LabelsWithChannel(_));
        if !is_labels && self.weights == Weights::None && self.ignored > 0 {
            self.weights = Weights::Quarters(self.float);
        }
        let whole_only = |term: &TermConfig| match term.spec.form {
            Form::Boundary { .. } | Form::DistancePenalized => term.field == Field::Computed,
            Form::Hausdorff(form) => term.field == Field::Computed || !form.field_complete,
            _ => false,
        };
        if self.terms.iter().any(whole_only) {
            self.parts = 0;
        }
        if self.parts > 0 {
            self.in_place = false;
        }
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

fn is_boundary(form: Form) -> bool {
    matches!(form, Form::Boundary { .. } | Form::Hausdorff(_) | Form::DistancePenalized)
}

/// Whether averages over classes and samples, absent classes and smoothing are options of the loss.
pub fn is_region(form: Form) -> bool {
    use Form::*;
    !matches!(
        form,
        CrossEntropy { .. }
            | TopK(_)
            | Focal { .. }
            | DistancePenalized
            | Boundary { .. }
            | Hausdorff(_)
            | BalancedCrossEntropy { .. }
            | PowerCrossEntropy { .. }
    )
}

/// Whether the formula joins the classes, so that there is no average over them.
pub fn is_joint(form: Form) -> bool {
    matches!(form, Form::GeneralizedDice { .. } | Form::Penalty { .. })
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
        Form::DistancePenalized => Form::DistancePenalized,
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

impl std::fmt::Display for Config {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { samples, classes, shape, activation, prediction, truth, target, seed, .. } = self;
        for TermConfig { spec, class_weight, field } in &self.terms {
            writeln!(to, "  term: {spec:?}, class weights {class_weight:?}, field {field:?}")?;
        }
        writeln!(
            to,
            "  [{samples}, {classes}] {shape:?} {activation:?}, prediction {prediction:?}, truth {truth:?}, {target:?}"
        )?;
        let Self { weights, ignored, ignores_class, poisoned, class_present, spaced, .. } = self;
        write!(
            to,
            "  weights {weights:?}, ignored {ignored} (a class: {ignores_class}), NaN where nothing counts: {poisoned}"
        )?;
        writeln!(to, ", class_present {class_present}, spacing {spaced}")?;
        let Self { float, gradient, strides, scale, add, in_place, workers, level, parts, .. } = self;
        writeln!(
            to,
            "  {float:?} -> {gradient:?}, strides {strides:?}, scale {scale}, added {add}, in place {in_place}"
        )?;
        write!(to, "  workers {workers:?}, level {level:?}, parts {parts}, numbers from {seed}")
    }
}
