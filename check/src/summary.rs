//! Counts what a run has tested, and whether every option occurred.

use crate::config::{Config, Target};
use crate::draw::list_names;
use crate::tolerance::{TABLE, Worst};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts of options.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub compared: usize,
    pub undecided: usize,
    pub worst: Worst,
    losses: BTreeMap<&'static str, usize>,
    options: BTreeMap<String, usize>,
}

/// The number of configurations in which every option must occur.
const ENOUGH: usize = 1000;

impl Summary {
    /// Records a compared configuration.
    pub fn note(&mut self, config: &Config) {
        self.compared += 1;
        *self.losses.entry(config.loss).or_default() += 1;
        let name = |option: &dyn std::fmt::Debug| format!("{option:?}");
        let head =
            |option: &dyn std::fmt::Debug| name(option).split('(').next().unwrap_or_default().to_string();
        let target = match config.target {
            Target::LabelsWithChannel(_) => "Labels with a channel".into(),
            other => head(&other),
        };
        for (kind, value) in [
            ("terms", config.terms.len().to_string()),
            ("activation", name(&config.activation)),
            ("prediction", head(&config.prediction)),
            ("truth", name(&config.truth)),
            ("target", target),
            ("weights", head(&config.weights)),
            ("element type", name(&config.float)),
            ("gradient type", name(&config.gradient)),
            ("strides", if config.strides[0] == 0 { "C order" } else { "others" }.into()),
            ("workers", name(&config.workers)),
            ("level", name(&config.level)),
            ("in place", config.in_place.to_string()),
            ("outputs by class", config.by_class.to_string()),
            ("added", config.add.to_string()),
            ("parts", (config.parts > 0).to_string()),
            ("ignored", (config.ignored > 0).to_string()),
            ("class_present", config.class_present.to_string()),
            ("NaN where nothing counts", config.poisoned.to_string()),
            ("classes", config.classes.to_string()),
            ("axes", config.shape.len().to_string()),
        ] {
            *self.options.entry(format!("{kind}: {value}")).or_default() += 1;
        }
    }

    /// Options that did not occur in enough configurations.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> = vec![];
        if self.compared + self.undecided < ENOUGH {
            return missing;
        }
        let losses = list_names().into_iter().filter(|name| !self.losses.contains_key(name));
        missing.extend(losses.map(|name| format!("loss: {name}")));
        let needed = EVERY.iter().filter(|option| !self.options.contains_key(**option));
        missing.extend(needed.map(|option| option.to_string()));
        missing
    }

    /// A table of errors and of the options that occurred.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let listed = list_names().len();
        let _ = writeln!(
            text,
            "{} compared, {} undecided, {} of {listed} losses of the list",
            self.compared,
            self.undecided,
            self.losses.len()
        );
        for (row, worst) in TABLE.iter().zip(self.worst.0) {
            let what = format!("{:?}", row.what);
            let _ = writeln!(
                text,
                "  {what:<19} largest error {worst:8.1e}, allowed {:.0e}: {}",
                row.tolerance, row.reason
            );
        }
        text
    }
}

/// Every option that must occur.
const EVERY: &[&str] = &[
    "terms: 1",
    "terms: 2",
    "terms: 3",
    "terms: 4",
    "activation: Softmax",
    "activation: Sigmoid",
    "activation: Probability",
    "activation: ProbabilityPerClass",
    "prediction: Within",
    "prediction: Ties",
    "prediction: Forbidden",
    "truth: Labels",
    "truth: RareLabels",
    "truth: OneLabel",
    "truth: Masks",
    "truth: Soft",
    "target: Labels",
    "target: Labels with a channel",
    "target: Masks",
    "target: Dense",
    "weights: None",
    "weights: Quarters",
    "weights: Broadcast",
    "weights: BlankSample",
    "element type: F16",
    "element type: Bf16",
    "element type: F32",
    "element type: F64",
    "gradient type: F16",
    "gradient type: Bf16",
    "gradient type: F32",
    "gradient type: F64",
    "strides: C order",
    "strides: others",
    "workers: Sequential",
    "workers: Threads(2)",
    "workers: Threads(5)",
    "workers: Backwards",
    "workers: Twice",
    "workers: Lazy",
    "workers: Changing",
    "level: Best",
    "level: Baseline",
    "level: Avx2",
    "in place: true",
    "in place: false",
    "outputs by class: true",
    "outputs by class: false",
    "added: true",
    "added: false",
    "parts: true",
    "parts: false",
    "ignored: true",
    "ignored: false",
    "class_present: true",
    "class_present: false",
    "NaN where nothing counts: true",
    "NaN where nothing counts: false",
    "classes: 1",
    "classes: 2",
    "classes: 3",
    "classes: 4",
    "classes: 5",
    "classes: 6",
    "classes: 7",
    "classes: 8",
    "classes: 9",
    "classes: 12",
    "classes: 21",
    "axes: 1",
    "axes: 2",
    "axes: 3",
    "axes: 4",
];
