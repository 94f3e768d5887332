//! A configuration: everything that a comparison needs except its numbers, which follow from the seed.

use crate::list::is_mean_of_voxels;
use crate::naive::{Activation, Form, TermSpec};

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
    Sequential,
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
    /// Values and sums by class are asked for; never in place.
    pub by_class: bool,
    pub workers: Workers,
    pub level: Level,
    /// Number of parts; 0 runs the whole batch.
    pub parts: usize,
    /// The seed of the numbers.
    pub seed: u64,
}

impl Config {
    /// Voxels of a sample.
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Makes options consistent after changes.
    pub fn mend(&mut self) {
        if self.in_place {
            self.by_class = false;
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

pub fn is_boundary(form: Form) -> bool {
    matches!(form, Form::Boundary { .. } | Form::Hausdorff(_) | Form::DistancePenalized)
}

/// Whether averages over classes and samples, absent classes and smoothing are options of the loss.
pub fn is_region(form: Form) -> bool {
    !is_mean_of_voxels(form)
}

/// Whether the formula joins the classes, so that there is no average over them.
pub fn is_joint(form: Form) -> bool {
    matches!(form, Form::GeneralizedDice { .. } | Form::Penalty { .. })
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
        let Self { float, gradient, strides, scale, add, in_place, by_class, workers, level, parts, .. } =
            self;
        writeln!(
            to,
            "  {float:?} -> {gradient:?}, strides {strides:?}, scale {scale}, added {add}, in place {in_place}"
        )?;
        writeln!(to, "  outputs by class {by_class}, workers {workers:?}, level {level:?}, parts {parts}")?;
        write!(to, "  numbers from {seed}")
    }
}
