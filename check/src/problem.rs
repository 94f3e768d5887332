//! The numbers of a configuration: a case and terms of the reference, every number rounded to its element type.

use crate::arrays::rounded;
use crate::config::{
    ClassWeights, Config, Field, Prediction, Target, TermConfig, Truth, Type, Weights, is_boundary,
};
use crate::naive::boundary::no_background;
use crate::naive::compound::from_frequencies;
use crate::naive::{Activation, Case, Form, TermSpec};
use crate::source::Numbers;

/// The inputs of the reference and of the crate.
pub struct Problem {
    pub case: Case,
    /// Terms of the reference, with fields `[B, C, N]`, or `[B, N]` for the distance penalty.
    pub specs: Vec<TermSpec>,
    /// Class weights for the crate.
    pub class_weights: Vec<Option<Vec<f64>>>,
    pub excludes: Vec<bool>,
    /// Fields for the crate, `[B, C, N]` or `[B, N]`.
    pub fields: Vec<Option<Vec<f64>>>,
    pub ignore: Vec<i64>,
    /// Voxel weights for the crate, `[B, N]`; ignored labels are not yet 0.
    pub weight: Option<Vec<f64>>,
}

/// Streams of numbers.
const LOGITS: u64 = 1;
const LABELS: u64 = 2;
const MAPS: u64 = 3;
const WEIGHTS: u64 = 4;
const IGNORED: u64 = 5;
const PRESENT: u64 = 6;
const FORBIDDEN: u64 = 7;
const SPACING: u64 = 8;
const CLASS_WEIGHTS: u64 = 16;
const FIELDS: u64 = 32;

/// The index of a number. It does not depend on the extents, so that a smaller problem has a subset of the numbers.
fn index(b: usize, c: usize, i: usize) -> usize {
    (b * 512 + c) << 20 | i
}

/// The voxel whose numbers voxel `i` takes.
fn twin(config: &Config, i: usize) -> usize {
    if config.prediction == Prediction::Ties && i % 3 == 1 { i - 1 } else { i }
}

/// Labels of an integer type that are no class.
fn spare_labels(of: Type) -> &'static [i64] {
    match of {
        Type::U8 => &[255, 254, 200, 128, 77],
        Type::I8 => &[-1, 127, -128, 77, 100],
        Type::U16 => &[65_535, 255, 32_768, 1000, 77],
        Type::U32 => &[u32::MAX as i64, 255, 1 << 31, 65_536, 77],
        Type::U64 => &[1 << 62, 255, 1 << 32, 1 << 40, 77],
        Type::I16 => &[-1, 32_767, -32_768, 255, 1000],
        Type::I32 => &[-1, i32::MAX as i64, i32::MIN as i64, 255, 65_536],
        _ => &[-1, i64::MAX, i64::MIN, 255, 1 << 40],
    }
}

impl Problem {
    pub fn new(config: &Config) -> Self {
        let (b, c, n) = (config.samples, config.classes, config.voxels());
        let (labels, ignore) = labels(config);
        let is_labels = matches!(config.target, Target::Labels(_) | Target::LabelsWithChannel(_));
        let mut truth = truth(config, &labels);
        let weight = weights(config, !is_labels);
        let out = |k: usize| {
            (is_labels && ignore.contains(&labels[k])) || weight.as_ref().is_some_and(|w| w[k] == 0.0)
        };
        let mut z = prediction(config, &truth);
        let is_poisoned = |k: usize| config.poisoned && out(k);
        let computes_fields =
            config.terms.iter().any(|term| term.field == Field::Computed && is_boundary(term.spec.form));
        for k in (0..b * n).filter(|&k| is_poisoned(k)) {
            for class in 0..c {
                let at = (k / n * c + class) * n + k % n;
                z[at] = f64::NAN;
                if matches!(config.target, Target::Dense(_)) && !computes_fields {
                    truth[at] = f64::NAN;
                }
            }
        }
        let mut case = if is_labels {
            Case::of_labels(c, &config.shape, config.activation, &z, &labels, &ignore)
        } else {
            Case::of_maps(c, &config.shape, config.activation, &z, &truth)
        };
        if let Some(weight) = &weight {
            case = case.weighted(weight);
        }
        if config.class_present {
            let present = Numbers::new(config.seed, PRESENT);
            case.class_present = (0..b * c).map(|k| present.below(index(k / c, k % c, 0), 4) != 0).collect();
        }
        if config.spaced {
            let numbers = Numbers::new(config.seed, SPACING);
            case.spacing =
                (0..config.shape.len()).map(|axis| [1.0, 0.7, 3.0, 2.5][numbers.below(axis, 4)]).collect();
        }
        let mut problem = Self {
            case,
            specs: vec![],
            class_weights: vec![],
            excludes: vec![],
            fields: vec![],
            ignore: if is_labels { ignore } else { vec![] },
            weight,
        };
        for (k, term) in config.terms.iter().enumerate() {
            problem.push(config, k, term, &is_poisoned_map(&problem.case, config.poisoned));
        }
        problem
    }

    fn push(&mut self, config: &Config, k: usize, term: &TermConfig, is_poisoned: &[bool]) {
        let c = config.classes;
        let excludes = matches!(
            term.class_weight,
            ClassWeights::ExcludeBackground | ClassWeights::GivenAndExcludeBackground
        );
        let given =
            matches!(term.class_weight, ClassWeights::Given | ClassWeights::GivenAndExcludeBackground).then(
                || {
                    let numbers = Numbers::new(config.seed, CLASS_WEIGHTS + k as u64);
                    let mut v: Vec<f64> = (0..c).map(|class| numbers.below(class, 8) as f64 / 4.0).collect();
                    // At least one weight is positive, also without class 0.
                    v[c - 1] = v[c - 1].max(0.5);
                    v
                },
            );
        let by_frequency = matches!(term.spec.form, Form::PowerCrossEntropy { .. } | Form::LogDice { .. });
        let mut v = match &given {
            Some(given) => Some(given.clone()),
            None if excludes && by_frequency => Some(from_frequencies(&self.case)),
            None if excludes => Some(no_background(c)),
            None => None,
        };
        if let (Some(v), true, true) = (&mut v, excludes, c > 1) {
            v[0] = 0.0;
        }
        let (for_crate, for_reference) = field(config, k, term, is_poisoned);
        self.specs.push(TermSpec { class_weight: v, field: for_reference, ..term.spec.clone() });
        self.class_weights.push(given);
        self.excludes.push(excludes);
        self.fields.push(for_crate);
    }
}

/// Whether a voxel is uncounted and holds only NaN.
fn is_poisoned_map(case: &Case, poisoned: bool) -> Vec<bool> {
    case.weight.iter().map(|&w| poisoned && w == 0.0).collect()
}

/// Labels `[B, N]`, and the ignored labels.
fn labels(config: &Config) -> (Vec<i64>, Vec<i64>) {
    let (numbers, dice) = (Numbers::new(config.seed, LABELS), Numbers::new(config.seed, IGNORED));
    let classes = config.classes.max(2);
    let mut ignore: Vec<i64> = match config.target {
        Target::Labels(of) | Target::LabelsWithChannel(of) => {
            spare_labels(of)[..config.ignored.min(5)].to_vec()
        }
        _ => vec![],
    };
    let spare = ignore.clone();
    if config.ignores_class && !ignore.is_empty() {
        ignore.push(classes as i64 - 1);
    }
    let n = config.voxels();
    let of = |k: usize| {
        let at = index(k / n, 0, twin(config, k % n));
        if !spare.is_empty() && dice.below(at, 7) == 0 {
            return spare[dice.below(at + (1 << 50), spare.len())];
        }
        match config.truth {
            Truth::OneLabel => 0,
            Truth::RareLabels if numbers.below(at, 8) != 0 => 0,
            _ => numbers.below(at + (1 << 50), classes) as i64,
        }
    };
    ((0..config.samples * n).map(of).collect(), ignore)
}

/// One-hot maps `[B, C, N]` of labels.
fn truth(config: &Config, labels: &[i64]) -> Vec<f64> {
    let numbers = Numbers::new(config.seed, MAPS);
    let (c, n) = (config.classes, config.voxels());
    let of = |k: usize| {
        let (sample, class, voxel) = (k / (c * n), k / n % c, k % n);
        let at = index(sample, class, twin(config, voxel));
        match config.truth {
            Truth::Masks => f64::from(u8::from(numbers.below(at, 3) == 0)),
            Truth::Soft => numbers.below(at, 9) as f64 / 8.0,
            _ => {
                let label = if c == 1 { 1 } else { class as i64 };
                f64::from(u8::from(labels[sample * n + voxel] == label))
            }
        }
    };
    (0..config.samples * c * n).map(of).collect()
}

/// Weights `[B, N]`; for targets without labels, zeros mark ignored voxels.
fn weights(config: &Config, zeros: bool) -> Option<Vec<f64>> {
    let numbers = Numbers::new(config.seed, WEIGHTS);
    let (n, last) = (config.voxels(), *config.shape.last()?);
    let quarters = |of: Type, at: usize| match of {
        Type::U8 => numbers.below(at, 4) as f64,
        Type::Bool => numbers.below(at, 2) as f64,
        _ => numbers.below(at, 8) as f64 / 4.0,
    };
    let of = |k: usize| {
        let at = index(k / n, 0, twin(config, k % n));
        match config.weights {
            Weights::None => 1.0,
            Weights::Quarters(_) if zeros && numbers.below(at + (1 << 50), 32) < config.ignored => 0.0,
            Weights::Quarters(of) => quarters(of, at),
            Weights::BlankSample(_) if k < n => 0.0,
            Weights::BlankSample(of) => quarters(of, at),
            Weights::Broadcast(of) => quarters(of, k % last),
        }
    };
    (config.weights != Weights::None).then(|| (0..config.samples * n).map(of).collect())
}

/// The prediction `[B, C, N]`.
fn prediction(config: &Config, truth: &[f64]) -> Vec<f64> {
    let (numbers, dice) = (Numbers::new(config.seed, LOGITS), Numbers::new(config.seed, FORBIDDEN));
    let (c, n) = (config.classes, config.voxels());
    let is_logit = matches!(config.activation, Activation::Softmax | Activation::Sigmoid);
    let reach = if let Prediction::Within(reach) = config.prediction { reach } else { 4.0 };
    let of = |k: usize| {
        let (sample, class, voxel) = (k / (c * n), k / n % c, k % n);
        let at = index(sample, class, twin(config, voxel));
        // Class 0 is never at −∞, so that one class remains.
        let forbidden = config.prediction == Prediction::Forbidden && class > 0 && truth[k] == 0.0;
        let x = match numbers.unit(at) {
            _ if forbidden && dice.below(at, 3) == 0 => f64::NEG_INFINITY,
            u if is_logit => (2.0 * u - 1.0) * reach,
            u => (1.0 + 14.0 * u) / 16.0,
        };
        rounded(x, config.float)
    };
    (0..config.samples * c * n).map(of).collect()
}

/// The field of a term for the crate, and for the reference.
fn field(
    config: &Config,
    k: usize,
    term: &TermConfig,
    is_poisoned: &[bool],
) -> (Option<Vec<f64>>, Option<Vec<f64>>) {
    let numbers = Numbers::new(config.seed, FIELDS + k as u64);
    let (c, n) = (config.classes, config.voxels());
    let number = |at: usize| match term.spec.form {
        Form::Boundary { .. } => numbers.below(at, 65) as f64 / 4.0 - 8.0,
        Form::DistancePenalized => numbers.below(at, 9) as f64 / 8.0,
        _ => numbers.below(at, 33) as f64 / 4.0,
    };
    let at = |sample: usize, class: usize, voxel: usize| match is_poisoned[sample * n + voxel] {
        true => f64::NAN,
        false => number(index(sample, class, voxel)),
    };
    let per_class = |shared: bool| -> Vec<f64> {
        (0..config.samples * c * n)
            .map(|k| at(k / (c * n), if shared { 0 } else { k / n % c }, k % n))
            .collect()
    };
    match term.field {
        Field::Computed => (None, None),
        Field::PerClass(_) => (Some(per_class(false)), Some(per_class(false))),
        Field::Shared(_) => {
            let flat: Vec<f64> = (0..config.samples * n).map(|k| at(k / n, 0, k % n)).collect();
            (Some(flat), Some(per_class(true)))
        }
    }
}
