//! Executors change no bit of values, gradients, class sums and parts, nor the first invalid voxel that is reported.

use crate::cases::is_served;
use crate::convert_cases::{Format, Inputs, with_terms};
use crate::naive::{Activation, Case};
use segloss::parts::{accumulate, backward};
use segloss::{
    Batch, ClassSums, CrossEntropy, Dice, Executor, Gradient, Outputs, Term, TopK, View, ViewMut, evaluate,
    run, scratch_len,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two threads, tasks assigned in turn.
pub struct Two;

impl Executor for Two {
    fn workers(&self) -> usize {
        2
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..tasks).step_by(2).for_each(task));
            (1..tasks).step_by(2).for_each(task);
        });
    }
}

/// Runs tasks from the last to the first, or not at all, or twice.
struct Careless(usize);

impl Executor for Careless {
    fn workers(&self) -> usize {
        3
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        match self.0 {
            0 => {}
            1 => (0..tasks).rev().for_each(task),
            _ => (0..2 * tasks).chain(0..tasks).for_each(task),
        }
    }
}

/// Returns `first`, then a different number of workers at each query. Runs tasks from the last to the first.
struct Fickle {
    first: usize,
    asked: AtomicUsize,
}

impl Fickle {
    fn new(first: usize) -> Self {
        Self { first, asked: AtomicUsize::new(0) }
    }
}

impl Executor for Fickle {
    fn workers(&self) -> usize {
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => self.first,
            again => [64, 0, usize::MAX, 1, 7][again % 5],
        }
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).rev().for_each(task);
    }
}

fn executors() -> Vec<Box<dyn Executor>> {
    let careless = (0..3).map(|way| Box::new(Careless(way)) as Box<dyn Executor>);
    let mut all: Vec<Box<dyn Executor>> = careless.collect();
    all.push(Box::new(Two));
    #[cfg(feature = "rayon")]
    all.push(Box::new(segloss::Rayon));
    all
}

/// The bits do not show whether tasks ran in the pool: tasks that it leaves out are run by the caller.
#[test]
#[cfg(feature = "rayon")]
fn rayon_runs_every_task_once() {
    let runs: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
    segloss::Rayon.run(runs.len(), &|task| _ = runs[task].fetch_add(1, Ordering::Relaxed));
    assert!(runs.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

/// Two samples of three chunks, the last with an incomplete block.
const SHAPE: [usize; 2] = [13, 2713];

fn large(activation: Activation) -> Case {
    let (b, c, n) = (2, 3, SHAPE[0] * SHAPE[1]);
    let scale = if matches!(activation, Activation::Softmax | Activation::Sigmoid) { 1.0 } else { 0.0 };
    let z: Vec<f64> = (0..b * c * n).map(|k| (k * 37 % 61) as f64 / 16.0 - 2.0 * scale).collect();
    let z: Vec<f64> = z.iter().map(|z| if scale == 0.0 { z / 5.0 } else { *z }).collect();
    let labels: Vec<i64> =
        (0..b * n).map(|k| if k % 1009 == 5 { 255 } else { (k / 311 % 3) as i64 }).collect();
    let weights: Vec<f64> = (0..b * n).map(|k| [1.0, 0.5, 2.0, 0.0, 1.25][k % 5]).collect();
    Case::of_labels(c, &SHAPE, activation, &z, &labels, &[255]).weighted(&weights)
}

/// Bits of value, gradient and class sums.
fn bits(batch: &Batch<'_>, terms: &[Term<'_>]) -> (u64, Vec<u32>, Vec<ClassSums>) {
    let shape = batch.prediction.shape().to_vec();
    let mut gradient = vec![f32::NAN; shape.iter().product()];
    let mut class_sums = vec![ClassSums::ZERO; shape[0] * shape[1]];
    let mut scratch = vec![0xa5; scratch_len(batch, terms).unwrap()];
    let report = Outputs {
        gradient: Some(Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap())),
        class_sums: Some(&mut class_sums),
        ..Outputs::default()
    };
    let value = run(batch, terms, report, &mut scratch).unwrap();
    (value.to_bits(), gradient.iter().map(|x| x.to_bits()).collect(), class_sums)
}

#[test]
fn executors_give_the_same_bits_for_every_loss() {
    for activation in [Activation::Softmax, Activation::Sigmoid, Activation::Probability] {
        let case = large(activation);
        for loss in crate::list::losses() {
            let specs = loss.for_classes(case.c);
            if !is_served(&specs, &case) {
                continue;
            }
            let inputs = Inputs::new(&case, &specs, &Format::exact(&case));
            let logits: Vec<f32> = case.z.iter().map(|&z| z as f32).collect();
            let shape = [case.b, case.c, SHAPE[0], SHAPE[1]];
            with_terms(&specs, &inputs, |terms| {
                let alone = inputs.batch(View::new(&logits, &shape).unwrap());
                let expected = bits(&alone, terms);
                for executor in executors() {
                    let shared = Batch { executor: executor.as_ref(), ..alone };
                    assert!(bits(&shared, terms) == expected, "{} {activation:?} {executor:?}", loss.name);
                }
            });
        }
    }
}

/// If the number of workers were queried twice, scratch could be partitioned for one number and used for another.
#[test]
fn number_of_workers_is_queried_once_per_call() {
    for activation in [Activation::Softmax, Activation::Sigmoid] {
        let case = large(activation);
        let logits: Vec<f32> = case.z.iter().map(|&z| z as f32).collect();
        let shape = [case.b, case.c, SHAPE[0], SHAPE[1]];
        for loss in crate::list::losses() {
            let specs = loss.for_classes(case.c);
            if !is_served(&specs, &case) {
                continue;
            }
            let inputs = Inputs::new(&case, &specs, &Format::exact(&case));
            with_terms(&specs, &inputs, |terms| {
                let alone = inputs.batch(View::new(&logits, &shape).unwrap());
                let mut scratch = vec![0; scratch_len(&alone, terms).unwrap()];
                let expected = evaluate(&alone, terms, &mut scratch).unwrap();
                for first in [0, 2, usize::MAX] {
                    let asked = |executor: &Fickle| executor.asked.load(Ordering::Relaxed);
                    let measured = Fickle::new(first);
                    let len = scratch_len(&Batch { executor: &measured, ..alone }, terms).unwrap();
                    assert_eq!(asked(&measured), 1, "{} {first}", loss.name);
                    // The second half of the buffer is not part of the scratch.
                    let mut memory = vec![0xa5; 2 * len + (1 << 20)];
                    let (scratch, behind) = memory.split_at_mut(len);
                    let fickle = Fickle::new(first);
                    let value = evaluate(&Batch { executor: &fickle, ..alone }, terms, scratch).unwrap();
                    assert_eq!(value.to_bits(), expected.to_bits(), "{} {activation:?} {first}", loss.name);
                    assert_eq!(asked(&fickle), 1, "{} {activation:?} {first}", loss.name);
                    assert!(behind.iter().all(|&byte| byte == 0xa5), "{} {activation:?}", loss.name);
                }
            });
        }
    }
}

#[test]
fn executors_give_the_same_bits_for_parts() {
    let case = large(Activation::Softmax);
    let inputs = Inputs::new(&case, &[], &Format::exact(&case));
    let (dice, ce) = (Dice::default(), CrossEntropy::default());
    let terms = [Term::new(1.0, &dice), Term::new(1.0, &ce)];
    let shape = [case.b, case.c, SHAPE[0], SHAPE[1]];
    let alone = inputs.batch(View::new(&case.z, &shape).unwrap());
    let parts = |batch: &Batch<'_>| {
        let mut scratch = vec![0; scratch_len(batch, &terms).unwrap()];
        let mut class_sums = vec![ClassSums::ZERO; 6];
        accumulate(batch, &terms, &mut class_sums, &mut scratch).unwrap();
        let mut slopes = vec![ClassSums::ZERO; 6];
        segloss::parts::finalize(batch, &terms, &class_sums, 1.0, Some(&mut slopes), &mut scratch).unwrap();
        let mut gradient = vec![0f64; case.z.len()];
        let into = ViewMut::new(&mut gradient, &shape).unwrap();
        backward(batch, &terms, &slopes, into, false, &mut scratch).unwrap();
        (class_sums, gradient)
    };
    let expected = parts(&alone);
    for executor in executors() {
        assert!(parts(&Batch { executor: executor.as_ref(), ..alone }) == expected, "{executor:?}");
    }
}

#[test]
fn first_invalid_voxel_is_named_on_any_executor() {
    let n = 5 * 16384;
    let logits = vec![0f32; 2 * n];
    let top_k = TopK::default();
    for bad in [vec![n - 1], vec![70_000, 20_000], vec![3, 16_384]] {
        let mut labels = vec![1u8; n];
        bad.iter().for_each(|&voxel| labels[voxel] = 7);
        let target = View::new(&labels, &[1, n]).unwrap();
        let batch = Batch::new(View::new(&logits, &[1, 2, n]).unwrap(), segloss::Activation::Softmax, target);
        for executor in executors() {
            let batch = Batch { executor: executor.as_ref(), ..batch };
            let terms = [Term::new(1.0, &top_k)];
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let error = evaluate(&batch, &terms, &mut scratch).unwrap_err();
            assert_eq!(error.index, bad.iter().copied().min(), "{executor:?}");
        }
    }
}

#[test]
fn scratch_grows_with_workers_and_a_shorter_one_is_refused() {
    let (logits, labels) = (vec![0f32; 2 * 40_000], vec![0u8; 40_000]);
    let target = View::new(&labels, &[1, 40_000]).unwrap();
    let alone =
        Batch::new(View::new(&logits, &[1, 2, 40_000]).unwrap(), segloss::Activation::Softmax, target);
    let shared = Batch { executor: &Two, ..alone };
    let dice = Dice::default();
    let terms = [Term::new(1.0, &dice)];
    let (one, two) = (scratch_len(&alone, &terms).unwrap(), scratch_len(&shared, &terms).unwrap());
    assert!(two > 2 * one && two < 5 * one, "{one}, {two}");
    let error = evaluate(&shared, &terms, &mut vec![0; two - 64]).unwrap_err();
    assert_eq!(error.status, segloss::Status::Scratch);
}
