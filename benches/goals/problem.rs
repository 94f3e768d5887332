//! A case ready to run: its arrays, its loss and its memory floor.

use crate::case::Case;
use crate::floor::{Stores, Traffic, read_all};
use crate::inputs::{Inputs, Number};
use crate::pages::{PageSize, Pages, bytes_mut};
use crate::reference::Reference;
use crate::spinning::Spinning;
use half::{bf16, f16};
use segloss::{Dtype, Executor, Gradient, Sequential, ViewMut, differentiate, scratch_len};
use std::hint::black_box;
use std::sync::Mutex;

/// A case in some element type.
pub trait Problem {
    /// Evaluates value and gradient so many times; returns the value.
    fn run(&mut self, calls: usize) -> f64;
    /// Runs the loops of the memory floor so many times.
    fn floor(&mut self, calls: usize, stores: Stores);
    /// Reads the field once per pass.
    fn read_field(&mut self, calls: usize);
    /// Compares the value, and the gradient at some voxels, with the equations.
    fn check(&mut self) -> Result<(), String>;
}

pub fn problem(case: Case, size: PageSize) -> Box<dyn Problem> {
    match case.dtype {
        Dtype::F16 => Box::new(Typed::<f16>::new(case, size, 1e-3)),
        // A bfloat16 has 8 bits.
        Dtype::Bf16 => Box::new(Typed::<bf16>::new(case, size, 5e-3)),
        Dtype::F64 => Box::new(Typed::<f64>::new(case, size, 1e-6)),
        _ => Box::new(Typed::<f32>::new(case, size, 1e-5)),
    }
}

/// The largest error of a value, relative to it.
const VALUE_TOLERANCE: f64 = 1e-5;

struct Typed<T> {
    case: Case,
    inputs: Inputs<T>,
    gradient: Pages<T>,
    scratch: Pages<u8>,
    executor: Box<dyn Executor>,
    /// The largest error of the gradient, relative to its largest element.
    tolerance: f64,
}

impl<T: Number> Typed<T> {
    fn new(case: Case, size: PageSize, tolerance: f64) -> Self {
        let inputs = Inputs::new(case, size);
        let executor: Box<dyn Executor> =
            if case.threads == 2 { Box::new(Spinning::new()) } else { Box::new(Sequential) };
        let scratch = scratch_len(&inputs.batch(&*executor), &inputs.terms()).unwrap();
        let (gradient, scratch) = (Pages::new(case.elements(), size), Pages::new(scratch, size));
        Self { case, inputs, gradient, scratch, executor, tolerance }
    }

    /// The factor of the gradient: as with the loss scaling of mixed precision, elements are normal numbers of f16.
    fn scale(&self) -> f64 {
        self.case.voxels() as f64
    }
}

impl<T: Number> Problem for Typed<T> {
    fn run(&mut self, calls: usize) -> f64 {
        let (scale, strides) = (self.scale(), self.inputs.strides());
        let (batch, terms) = (self.inputs.batch(&*self.executor), self.inputs.terms());
        let mut value = 0.0;
        for _ in 0..calls {
            let output = ViewMut::strided(&mut self.gradient, 0, &self.case.shape, &strides).unwrap();
            let gradient = Gradient { scale, ..Gradient::new(output) };
            value = black_box(differentiate(&batch, &terms, gradient, &mut self.scratch).unwrap());
        }
        value
    }

    fn floor(&mut self, calls: usize, stores: Stores) {
        let level = self.case.level.min(segloss::cpu::level());
        let mut traffic = Traffic {
            passes: self.case.passes(),
            once: self.inputs.read_once(),
            each_pass: self.inputs.field().into_iter().collect(),
            logits: self.inputs.logits(),
            gradient: bytes_mut(&mut self.gradient),
        };
        if self.case.threads == 1 {
            for _ in 0..calls {
                traffic.run(level, stores);
            }
        } else {
            let halves = traffic.split().map(Mutex::new);
            for _ in 0..calls {
                self.executor.run(2, &|k| halves[k].lock().unwrap().run(level, stores));
            }
        }
        black_box(&mut *self.gradient);
    }

    fn read_field(&mut self, calls: usize) {
        for _ in 0..calls * self.case.passes() {
            read_all(self.inputs.field().unwrap_or_default(), self.case.level.min(segloss::cpu::level()));
        }
    }

    fn check(&mut self) -> Result<(), String> {
        let value = self.run(1);
        let reference = Reference::new(&self.inputs);
        let error = (value - reference.value).abs() / reference.value.abs();
        if error.is_nan() || error > VALUE_TOLERANCE {
            return Err(format!("value {value}, expected {}: off by {error:.1e}", reference.value));
        }
        let [samples, classes, voxels] = self.case.shape;
        let (mut largest, mut error) = (0f64, 0f64);
        // First, last, and at a distance that no tile length divides.
        let chosen = (0..voxels).step_by((voxels / 13) | 1).chain([voxels - 1]);
        for (sample, voxel) in
            (0..samples).flat_map(|sample| chosen.clone().map(move |voxel| (sample, voxel)))
        {
            let Some(expected) = reference.gradient(sample, voxel) else { continue };
            for (class, expected) in (0..classes).zip(expected) {
                let (element, expected) =
                    (self.gradient[self.inputs.at(sample, class, voxel)].to_f64(), expected * self.scale());
                largest = largest.max(expected.abs());
                // NaN, which `max` drops, is an error too.
                error = if element.is_nan() { f64::INFINITY } else { error.max((element - expected).abs()) };
            }
        }
        if error > self.tolerance * largest {
            return Err(format!("gradient off by {error:.1e}, its largest element is {largest:.1e}"));
        }
        Ok(())
    }
}
