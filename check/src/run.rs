//! Runs a problem through the crate: with contiguous arrays, or as configured.

use crate::arrays::Array;
use crate::config::{Config, Field, Level, Target, Type, Weights};
use crate::convert_losses::{form_of, term_of};
use crate::executors::{Most, executor};
use crate::naive;
use crate::problem::Problem;
use crate::source::Source;
use segloss::parts::{TopKSearch, accumulate, backward, finalize, top_k_count};
use segloss::{
    Activation, Batch, ClassSums, Error, Executor, Gradient, Loss, Outputs, Selection, Sequential, Term,
    TopK, View, differentiate_in_place, run, scratch_len,
};
use std::ops::Range;

/// Storage of the arrays and executor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// C order, the widest types of target and weight, the calling thread, the baseline level.
    Plain { float: Type, gradient: Type },
    /// As configured.
    Configured,
}

/// The results.
pub struct Outcome {
    pub value: f64,
    pub terms: Vec<f64>,
    pub gradient: Vec<f64>,
    pub class_sums: Vec<ClassSums>,
}

/// The contents of the gradient output before a gradient is added.
pub fn before(config: &Config) -> Vec<f64> {
    let count = config.samples * config.classes * config.voxels();
    (0..count).map(|k| (k % 7) as f64 / 4.0 - 0.5).collect()
}

/// The arrays of a run.
struct Arrays {
    prediction: Array,
    target: Array,
    weight: Option<Array>,
    gradient: Array,
    fields: Vec<Option<Array>>,
    present: Vec<u8>,
    /// Finished TopK searches over all parts.
    selects: Vec<Option<TopKSearch>>,
    /// Axis of the rows in arrays with the target's and with the prediction's axes.
    target_rows: usize,
}

impl Arrays {
    fn new(config: &Config, problem: &Problem, way: Way) -> Self {
        let Problem { case, weight, fields, .. } = problem;
        let plain = way != Way::Configured;
        let (float, gradient) = match way {
            Way::Plain { float, gradient } => (float, gradient),
            Way::Configured => (config.float, config.gradient),
        };
        let strides = |k: usize| if plain { 0 } else { config.strides[k] };
        let full: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
        let flat: Vec<usize> = [case.b].iter().chain(&case.shape).copied().collect();
        let one: Vec<usize> = [case.b, 1].iter().chain(&case.shape).copied().collect();
        let widest = |of: Type, wide: Type| if plain { wide } else { of };
        let labels: Vec<f64> = case.labels.iter().flatten().map(|&label| label as f64).collect();
        let (target, target_rows) = match config.target {
            Target::Labels(of) => (Array::new(&labels, &flat, widest(of, Type::I64), strides(1)), 1),
            Target::LabelsWithChannel(of) if !plain => (Array::new(&labels, &one, of, strides(1)), 2),
            Target::LabelsWithChannel(_) => (Array::new(&labels, &flat, Type::I64, 0), 1),
            Target::Masks(of) => (Array::new(&case.truth, &full, widest(of, Type::I64), strides(1)), 2),
            Target::Dense(of) => (Array::new(&case.truth, &full, widest(of, Type::F64), strides(1)), 2),
        };
        let weight = weight.as_ref().map(|weight| match config.weights {
            Weights::Broadcast(of) if !plain => Array::repeated(weight, &flat, of),
            Weights::Quarters(of) | Weights::BlankSample(of) | Weights::Broadcast(of) => {
                Array::new(weight, &flat, widest(of, Type::F64), strides(2))
            }
            Weights::None => unreachable!("no weights"),
        });
        let field = |(field, term): (&Option<Vec<f64>>, &crate::config::TermConfig)| {
            let (shape, of) = match term.field {
                Field::Computed => return None,
                Field::PerClass(of) => (&full, of),
                Field::Shared(of) => (&flat, of),
            };
            Some(Array::new(field.as_ref()?, shape, widest(of, Type::F64), strides(4)))
        };
        let there = if !plain && config.add { before(config) } else { vec![] };
        Self {
            prediction: Array::new(&case.z, &full, float, strides(0)),
            target,
            weight,
            gradient: Array::new(&there, &full, gradient, strides(3)),
            fields: fields.iter().zip(&config.terms).map(field).collect(),
            present: case.class_present.iter().map(|&present| u8::from(present)).collect(),
            selects: vec![None; config.terms.len()],
            target_rows,
        }
    }

    /// All bytes of all inputs.
    fn inputs(&self) -> Vec<u8> {
        let all = [&self.prediction, &self.target]
            .into_iter()
            .chain(&self.weight)
            .chain(self.fields.iter().flatten());
        all.flat_map(Array::bytes).copied().collect()
    }
}

/// Some samples and some rows of the first spatial axis of each.
#[derive(Clone, Debug)]
struct Part {
    samples: Range<usize>,
    rows: Range<usize>,
}

impl Part {
    fn whole(config: &Config) -> Self {
        Self { samples: 0..config.samples, rows: 0..config.shape[0] }
    }

    /// Divides the batch into at most the configured number of parts, in any order.
    fn cut(config: &Config) -> Vec<Self> {
        let source = &mut Source::of_seed(config.seed ^ 0x70a7);
        let mut parts = vec![Self::whole(config)];
        for _ in 1..config.parts {
            let part = parts.swap_remove(source.below(parts.len()));
            let Part { samples, rows } = part;
            let split =
                |of: &Range<usize>, source: &mut Source<'_>| of.start + 1 + source.below(of.len() - 1);
            let halves = if rows.len() > 1 && (samples.len() == 1 || source.one_in(2)) {
                let at = split(&rows, source);
                vec![
                    Part { samples: samples.clone(), rows: at..rows.end },
                    Part { samples, rows: rows.start..at },
                ]
            } else if samples.len() > 1 {
                let at = split(&samples, source);
                vec![
                    Part { samples: at..samples.end, rows: rows.clone() },
                    Part { samples: samples.start..at, rows },
                ]
            } else {
                vec![Part { samples, rows }]
            };
            parts.extend(halves);
        }
        parts
    }
}

/// Calls `then` with the batch of a part and the terms.
fn with_part<P, R>(
    config: &Config,
    problem: &Problem,
    arrays: &Arrays,
    executor: &dyn Executor,
    part: &Part,
    prediction: P,
    then: impl FnOnce(Batch<'_, P>, &[Term<'_>]) -> R,
) -> R {
    let Part { samples, rows } = part;
    let Arrays { target, weight, fields, present, selects, target_rows, .. } = arrays;
    let activation = match problem.case.activation {
        naive::Activation::Softmax => Activation::Softmax,
        naive::Activation::Sigmoid => Activation::Sigmoid,
        naive::Activation::Probability => Activation::Probability,
        naive::Activation::ProbabilityPerClass => Activation::ProbabilityPerClass,
    };
    let present = &present[samples.start * config.classes..samples.end * config.classes];
    let batch = Batch {
        voxel_weight: weight.as_ref().map(|weight| weight.part(Some((samples, 1, rows)))),
        class_present: config.class_present.then_some(present),
        ignore: &problem.ignore,
        spacing: config.spaced.then_some(&problem.case.spacing),
        executor,
        ..Batch::new(prediction, activation, target.part(Some((samples, *target_rows, rows))))
    };
    let forms: Vec<Box<dyn Loss>> = problem.specs.iter().map(form_of).collect();
    let term = |k: usize| {
        let axis = if matches!(config.terms[k].field, Field::Shared(_)) { 1 } else { 2 };
        Term {
            class_weight: problem.class_weights[k].as_deref(),
            exclude_background: problem.excludes[k],
            field: fields[k].as_ref().map(|field| field.part(Some((samples, axis, rows)))),
            top_k_search: selects[k].as_ref(),
            ..term_of(&problem.specs[k], forms[k].as_ref())
        }
    };
    let terms: Vec<Term<'_>> = (0..forms.len()).map(term).collect();
    then(batch, &terms)
}

/// Runs the whole.
pub fn whole(config: &Config, problem: &Problem, way: Way) -> Result<Outcome, String> {
    let mut arrays = Arrays::new(config, problem, way);
    let configured = way == Way::Configured;
    let executor = if configured { executor(config.workers) } else { Box::new(Sequential) };
    force(if configured { config.level } else { another_of_kind(config.level) });
    let in_place = configured && config.in_place;
    let (add, count) = (configured && config.add, config.samples * config.classes);
    let mut terms = vec![f64::NAN; problem.specs.len()];
    let mut class_sums = vec![ClassSums::ZERO; if configured && !config.by_class { 0 } else { count }];
    let inputs = arrays.inputs();
    let part = Part::whole(config);
    let said = |error: Error| format!("{way:?}: refused: {error}");
    if in_place {
        // In place, the gradient's array holds the prediction while it is borrowed.
        let mut logits = std::mem::replace(&mut arrays.prediction, Array::new(&[], &[0], Type::F64, 0));
        let len = with_part(config, problem, &arrays, &Most, &part, logits.view(), |batch, terms| {
            scratch_len(&batch, terms)
        });
        let mut scratch = scratch(len.map_err(said)?);
        let value = with_part(
            config,
            problem,
            &arrays,
            executor.as_ref(),
            &part,
            logits.view_mut(),
            |mut batch, terms| differentiate_in_place(&mut batch, terms, config.scale, &mut scratch),
        );
        let value = value.map_err(said)?;
        if !logits.gaps_are_untouched() {
            return Err("a gap beside the prediction was written".into());
        }
        return Ok(Outcome { value, terms: vec![], gradient: logits.values(), class_sums: vec![] });
    }
    let mut gradient = std::mem::replace(&mut arrays.gradient, Array::new(&[], &[0], Type::F64, 0));
    let value = with_part(
        config,
        problem,
        &arrays,
        executor.as_ref(),
        &part,
        arrays.prediction.view(),
        |batch, crate_terms| {
            let mut scratch = scratch(scratch_len(&Batch { executor: &Most, ..batch }, crate_terms)?);
            let report = Outputs {
                gradient: Some(Gradient { scale: config.scale, add, ..Gradient::new(gradient.view_mut()) }),
                term_values: Some(&mut terms),
                class_sums: (!class_sums.is_empty()).then_some(&mut class_sums[..]),
                ..Outputs::default()
            };
            run(&batch, crate_terms, report, &mut scratch)
        },
    );
    let value = value.map_err(said)?;
    if !gradient.gaps_are_untouched() {
        return Err("a gap beside the gradient was written".into());
    }
    if arrays.inputs() != inputs {
        return Err("an input was written".into());
    }
    Ok(Outcome { value, terms, gradient: gradient.values(), class_sums })
}

/// Accumulates the parts, finalizes, and runs backward on each part.
pub fn in_parts(config: &Config, problem: &Problem) -> Result<Outcome, String> {
    let mut arrays = Arrays::new(config, problem, Way::Configured);
    let executor = executor(config.workers);
    force(config.level);
    let count = config.samples * config.classes;
    let mut class_sums = vec![ClassSums::ZERO; count];
    let mut slopes = vec![ClassSums::ZERO; count];
    let parts = Part::cut(config);
    let said = |error: Error| format!("parts: refused: {error}");
    let mut gradient = std::mem::replace(&mut arrays.gradient, Array::new(&[], &[0], Type::F64, 0));
    let of = |part: &Part| part.samples.start * config.classes..part.samples.end * config.classes;
    for k in 0..problem.specs.len() {
        if let naive::Form::TopK(naive::Selection::Fraction(fraction)) = problem.specs[k].form {
            let search = search(config, problem, &arrays, executor.as_ref(), &parts, k, fraction)?;
            arrays.selects[k] = Some(search);
        }
    }
    for part in &parts {
        let prediction = arrays.prediction.part(Some((&part.samples, 2, &part.rows)));
        let done =
            with_part(config, problem, &arrays, executor.as_ref(), part, prediction, |batch, terms| {
                let mut scratch = scratch(scratch_len(&Batch { executor: &Most, ..batch }, terms)?);
                accumulate(&batch, terms, &mut class_sums[of(part)], &mut scratch)
            });
        done.map_err(said)?;
    }
    let whole = Part::whole(config);
    let value = with_part(
        config,
        problem,
        &arrays,
        executor.as_ref(),
        &whole,
        arrays.prediction.view(),
        |batch, terms| {
            let mut scratch = scratch(scratch_len(&Batch { executor: &Most, ..batch }, terms)?);
            finalize(&batch, terms, &class_sums, config.scale, Some(&mut slopes), &mut scratch)
        },
    );
    let value = value.map_err(said)?;
    for part in &parts {
        let prediction: View<'_> = arrays.prediction.part(Some((&part.samples, 2, &part.rows)));
        let into = gradient.part_mut(Some((&part.samples, 2, &part.rows)));
        let done =
            with_part(config, problem, &arrays, executor.as_ref(), part, prediction, |batch, terms| {
                let mut scratch = scratch(scratch_len(&Batch { executor: &Most, ..batch }, terms)?);
                backward(&batch, terms, &slopes[of(part)], into, config.add, &mut scratch)
            });
        done.map_err(said)?;
    }
    if !gradient.gaps_are_untouched() {
        return Err("parts: a gap beside the gradient was written".into());
    }
    Ok(Outcome { value, terms: vec![], gradient: gradient.values(), class_sums })
}

/// The TopK search of term `k` over all parts, counted one after the other, or separately and merged.
fn search(
    config: &Config,
    problem: &Problem,
    arrays: &Arrays,
    executor: &dyn Executor,
    parts: &[Part],
    k: usize,
    fraction: f64,
) -> Result<TopKSearch, String> {
    let said = |error: Error| format!("search: refused: {error}");
    let mut search = TopKSearch::new();
    while !search.is_done() {
        let begin = search.clone();
        for (index, part) in parts.iter().enumerate() {
            let merges = config.seed % 2 == 1 && index > 0;
            let mut alone = begin.clone();
            let prediction = arrays.prediction.part(Some((&part.samples, 2, &part.rows)));
            let counted = with_part(config, problem, arrays, executor, part, prediction, |batch, terms| {
                let mut scratch = scratch(scratch_len(&Batch { executor: &Most, ..batch }, terms)?);
                top_k_count(&batch, terms, k, if merges { &mut alone } else { &mut search }, &mut scratch)?;
                if merges { search.merge(&alone) } else { Ok(()) }
            });
            counted.map_err(said)?;
        }
        search.narrow(&TopK { selection: Selection::Fraction(fraction) }).map_err(said)?;
    }
    Ok(search)
}

/// Scratch filled with garbage.
fn scratch(len: usize) -> Vec<u8> {
    vec![0xa5; len]
}

/// Another level with the same bits: the baseline has no fused multiply-add.
fn another_of_kind(level: Level) -> Level {
    match level {
        Level::Best => Level::Avx2,
        Level::Avx2 => Level::Best,
        Level::Baseline => Level::Baseline,
    }
}

fn force(level: Level) {
    use segloss::cpu::Level as Cpu;
    segloss::cpu::force(match level {
        Level::Best => Cpu::Avx512,
        Level::Avx2 => Cpu::Avx2,
        Level::Baseline => Cpu::Baseline,
    });
}
