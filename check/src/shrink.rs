//! Shrinks a failing configuration to the smallest one found that still fails.

use crate::config::{ClassWeights, Config, Field, Level, Prediction, Target, Type, Weights, Workers};
use crate::judge::{Verdict, judge};
use crate::naive::TermSpec;
use crate::tolerance::Worst;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The verdict; a panic is a failure.
pub fn try_judge(config: &Config, worst: &mut Worst) -> Verdict {
    let judged = catch_unwind(AssertUnwindSafe(|| judge(config, worst)));
    judged.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
        Verdict::Fails(format!("a panic: {text}"))
    })
}

fn fails(config: &Config) -> Option<String> {
    match try_judge(config, &mut Worst::default()) {
        Verdict::Fails(message) => Some(message),
        _ => None,
    }
}

/// Applies simplifications that still fail until none does. Also returns the last failure.
pub fn shrink(mut config: Config, mut message: String) -> (Config, String) {
    loop {
        let simpler = simpler(&config).into_iter().find_map(|mut next| {
            next.mend();
            // Options that adjust each other would cycle.
            let changed = format!("{next:?}") != format!("{config:?}");
            changed.then(|| fails(&next)).flatten().map(|message| (next, message))
        });
        match simpler {
            Some((next, said)) => (config, message) = (next, said),
            None => return (config, message),
        }
    }
}

/// Configurations one step simpler, the largest steps first.
fn simpler(config: &Config) -> Vec<Config> {
    let mut all = vec![];
    let mut add = |is_simpler: bool, change: &dyn Fn(&mut Config)| {
        if is_simpler {
            let mut next = config.clone();
            change(&mut next);
            all.push(next);
        }
    };
    for k in 0..config.terms.len() {
        add(config.terms.len() > 1, &|next| drop(next.terms.remove(k)));
    }
    add(config.samples > 1, &|next| next.samples = 1);
    add(config.samples > 1, &|next| next.samples -= 1);
    for axis in 0..config.shape.len() {
        let extent = config.shape[axis];
        add(config.shape.len() > 1, &|next| next.shape = without(&next.shape, axis));
        add(extent > 1, &|next| next.shape[axis] = 1);
        add(extent > 3, &|next| next.shape[axis] = extent / 2);
        add(extent > 1, &|next| next.shape[axis] = extent - 1);
    }
    for classes in [2, config.classes.saturating_sub(1)] {
        add(classes > 1 && classes < config.classes, &|next| next.classes = classes);
    }
    add(config.parts > 0, &|next| next.parts = 0);
    add(config.parts > 2, &|next| next.parts = 2);
    add(config.in_place, &|next| next.in_place = false);
    add(config.by_class, &|next| next.by_class = false);
    add(config.add, &|next| next.add = false);
    add(config.scale != 1.0, &|next| next.scale = 1.0);
    add(config.workers != Workers::Sequential, &|next| next.workers = Workers::Sequential);
    add(config.level != Level::Best, &|next| next.level = Level::Best);
    add(config.class_present, &|next| next.class_present = false);
    add(config.spaced, &|next| next.spaced = false);
    add(config.poisoned, &|next| next.poisoned = false);
    add(config.weights != Weights::None, &|next| next.weights = Weights::None);
    add(config.ignored > 0, &|next| next.ignored = 0);
    add(config.ignored > 1, &|next| next.ignored = 1);
    add(config.ignores_class, &|next| next.ignores_class = false);
    for k in 0..5 {
        add(config.strides[k] != 0, &|next| next.strides[k] = 0);
    }
    add(config.float != Type::F64, &|next| next.float = Type::F64);
    add(!matches!(config.float, Type::F64 | Type::F32), &|next| next.float = Type::F32);
    add(config.gradient != Type::F64, &|next| next.gradient = Type::F64);
    let plainer = match config.target {
        Target::Labels(_) | Target::LabelsWithChannel(_) => Target::Labels(Type::U8),
        Target::Masks(_) => Target::Masks(Type::U8),
        Target::Dense(_) => Target::Dense(Type::F64),
    };
    add(config.target != plainer, &|next| next.target = plainer);
    let near = Prediction::Within(4.0);
    add(config.prediction != near, &|next| next.prediction = near);
    for k in 0..config.terms.len() {
        let term = &config.terms[k];
        add(term.class_weight != ClassWeights::Default, &|next| {
            next.terms[k].class_weight = ClassWeights::Default;
        });
        add(term.field != Field::Computed && term.field != Field::PerClass(Type::F64), &|next| {
            next.terms[k].field = Field::PerClass(Type::F64);
        });
        let plain = TermSpec::new(term.spec.form);
        add(format!("{plain:?}") != format!("{:?}", term.spec), &|next| next.terms[k].spec = plain.clone());
        add(term.spec.weight != 1.0, &|next| next.terms[k].spec.weight = 1.0);
    }
    all
}

fn without(shape: &[usize], axis: usize) -> Vec<usize> {
    shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, extent)| *extent).collect()
}
