//! The functions of the engine: the order of validation, passes and closed forms.

use crate::checked::{expected, slice};
use crate::engine::chunks::{Chunk, ChunkRunner};
use crate::engine::finalize::{FinalizeOutputs, finalize};
use crate::engine::kernel::strip::Strip;
use crate::engine::pass::GradientOutput;
use crate::engine::pass_plan::{CallKind, PassKind, PassPlan, PassSequence, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::validate::{check_chunk, validate_chunk};
use crate::engine::workspace::{Workspace, of_sample};
use crate::error::{Error, Status};
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::voxel::Contribution;
use crate::problem::Problem;

/// The outputs of a run besides the value.
pub(crate) struct Request<'a> {
    pub gradient: Option<GradientOutput>,
    pub grad_scale: f64,
    pub term_values: Option<&'a mut [f64]>,
    pub class_values: Option<&'a mut [f64]>,
    pub class_sums: Option<&'a mut [ClassSums]>,
}

impl Request<'_> {
    /// Writes the outputs of a batch without voxels and returns its value: 0. All sums are zero, and the values of the
    /// classes are NaN.
    pub fn answer_empty(self) -> f64 {
        self.term_values.into_iter().for_each(|values| values.fill(0.0));
        self.class_values.into_iter().for_each(|values| values.fill(f64::NAN));
        self.class_sums.into_iter().for_each(|sums| sums.fill(ClassSums::ZERO));
        0.0
    }
}

impl<T: Precise> Workspace<'_, T> {
    /// Computes the loss and the requested outputs. Returns the value. On error only scratch has been written.
    ///
    /// # Safety
    /// The arrays of the problem and the terms are readable and the outputs writable, with their shapes.
    pub unsafe fn run(&mut self, request: Request<'_>) -> Result<f64, Error> {
        self.class_sums.fill(ClassSums::ZERO);
        let gradient = request.gradient;
        let plan = PassPlan::new(
            self.implementation,
            self.terms,
            CallKind::Run {
                gradient: gradient.is_some(),
                class_sums: request.class_sums.is_some(),
                class_values: request.class_values.is_some(),
                can_cache: gradient.is_some_and(|output| self.can_cache(output)),
            },
        );
        // SAFETY: the caller's promise.
        unsafe {
            self.validate()?;
            if !self.run_bracketed(&plan, gradient, request.grad_scale)? {
                self.select(&plan)?;
                if plan.passes == PassSequence::Fused {
                    self.compute_slopes(request.grad_scale);
                }
                self.pass(&plan, plan.accumulating_pass(), gradient)?;
            }
        }

        let has_backward = plan.passes == PassSequence::AccumulateThenBackward;
        let slopes = if has_backward { Some(&mut *self.slopes) } else { None };
        let mut outputs = FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: request.class_values, slopes };
        let Self { problem, terms, class_sums, finalize_buffers, .. } = self;
        let value = finalize(problem, terms, class_sums, request.grad_scale, finalize_buffers, &mut outputs);
        for (to, from) in request.term_values.into_iter().flatten().zip(outputs.terms) {
            *to = from;
        }
        if has_backward {
            // SAFETY: the caller's promise.
            unsafe { self.pass(&plan, PassKind::Backward, gradient)? };
        }
        for (to, from) in request.class_sums.into_iter().flatten().zip(self.class_sums.iter()) {
            *to = *from;
        }
        Ok(value)
    }

    /// Adds a part of a batch to `class_sums`.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub unsafe fn accumulate(&mut self, class_sums: &mut [ClassSums]) -> Result<(), Error> {
        self.require_given_fields()?;
        self.require_searches()?;
        for (to, from) in self.class_sums.iter_mut().zip(class_sums.iter()) {
            *to = *from;
        }
        let plan = PassPlan::new(self.implementation, self.terms, CallKind::Accumulate);
        // SAFETY: the caller's promise.
        unsafe {
            self.validate()?;
            self.select(&plan)?;
            self.pass(&plan, PassKind::Accumulate, None)?;
        }
        for (to, from) in class_sums.iter_mut().zip(self.class_sums.iter()) {
            *to = *from;
        }
        Ok(())
    }

    /// Writes the gradient of a part of a batch.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub unsafe fn backward(&mut self, slopes: &[ClassSums], gradient: GradientOutput) -> Result<(), Error> {
        self.require_given_fields()?;
        self.require_searches()?;
        for (to, from) in self.slopes.iter_mut().zip(slopes) {
            *to = *from;
        }
        let plan = PassPlan::new(self.implementation, self.terms, CallKind::Backward);
        // SAFETY: the caller's promise.
        unsafe {
            self.find_thresholds(&plan)?;
            self.pass(&plan, PassKind::Backward, Some(gradient))
        }
    }

    /// Sums up `weight` and `target` of every sample and class.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub unsafe fn count_targets(&mut self) -> Result<&mut [ClassSums], Error> {
        self.class_sums.fill(ClassSums::ZERO);
        // SAFETY: the caller's promise.
        unsafe { self.validate()? };
        Ok(self.class_sums)
    }

    /// Computes value and slopes of given sums. Reads no voxel.
    pub fn finalize(
        &mut self,
        class_sums: &[ClassSums],
        grad_scale: f64,
        outputs: &mut FinalizeOutputs<'_>,
    ) -> f64 {
        finalize(self.problem, self.terms, class_sums, grad_scale, &mut self.finalize_buffers, outputs)
    }

    /// Checks targets, weights and fields, and adds `weight`, `target` and the loss weights that do not depend on a
    /// selection to `self.class_sums`.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn validate(&mut self) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe {
            self.check_maps()?;
            self.sum_targets()?;
            self.check_signs()?;
        }
        for (slot, loss) in voxel_losses(self.terms).filter(|(_, loss)| loss.info().selection.is_none()) {
            let is_of_target = match loss.info().contribution {
                Contribution::TrueClass => true,
                Contribution::NegLogLikelihood => self.problem.activation.is_exclusive(),
                Contribution::BothOutcomes | Contribution::AllClasses => false,
            };
            for sums in self.class_sums.iter_mut() {
                if let Some(loss_weight) = sums.loss_weight.get_mut(slot) {
                    *loss_weight = if is_of_target { sums.target } else { sums.weight };
                }
            }
        }
        Ok(())
    }

    /// Adds `weight` and `target` of every sample and class to `self.class_sums`. On an error they are incomplete.
    unsafe fn sum_targets(&mut self) -> Result<(), Error> {
        let problem = self.problem;
        let mut invalid = None;
        let Self { strip, optional_rows, chunk_sums, worker_buffers, class_sums, .. } = self;
        let runner = ChunkRunner {
            problem,
            optional_rows: *optional_rows,
            strip: &mut *strip,
            sums: chunk_sums,
            worker_buffers,
        };
        let collect = &mut |sums: &[ClassSums], chunk: Chunk| {
            let weight = expected(sums.first()).map_or(0.0, |class| class.weight);
            if weight.is_nan() {
                invalid = Some(chunk);
                return Err(Error::new(Status::Label, c"target", c"labels"));
            }
            for (to, class) in of_sample(class_sums, problem, chunk.sample).iter_mut().zip(sums) {
                to.weight += weight;
                to.target += class.target;
            }
            Ok(())
        };
        let validate = |strip: &mut Strip<'_, T>, sums: &mut [ClassSums], chunk| {
            // SAFETY: the caller's promise.
            unsafe { validate_chunk(problem, strip, sums, chunk) }
        };
        // SAFETY: validation writes only its strip and its sums.
        let result = unsafe { runner.each(0..problem.samples, &validate, collect) };
        match invalid {
            // SAFETY: the caller's promise.
            Some(chunk) => unsafe {
                check_chunk(problem, strip, chunk).map_err(|error| problem.with_number(error)).and(result)
            },
            None => result,
        }
    }

    /// Computes the slopes before any voxel is accumulated: they depend only on the sums of the validation pass.
    pub(super) fn compute_slopes(&mut self, grad_scale: f64) {
        let Self { problem, terms, class_sums, slopes, finalize_buffers, .. } = self;
        let mut outputs = FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: None, slopes: Some(slopes) };
        finalize(problem, terms, class_sums, grad_scale, finalize_buffers, &mut outputs);
    }

    /// Returns whether the gradient buffer can hold probabilities until the gradient overwrites them: it has the
    /// precision of the computation, its content is not needed, and, where it is the prediction itself, no field is
    /// computed from the logits after they are overwritten.
    fn can_cache(&self, output: GradientOutput) -> bool {
        let needs_logits = self.computed_fields.iter().flatten().any(|field| field.field.uses_prediction());
        !output.add && output.rows.can_hold::<T>(self.problem.classes) && !needs_logits
    }

    /// Makes one pass over every sample.
    unsafe fn pass(
        &mut self,
        plan: &PassPlan,
        kind: PassKind,
        gradient: Option<GradientOutput>,
    ) -> Result<(), Error> {
        let problem = self.problem;
        if problem.voxels == 0 {
            return Ok(());
        }
        // Scratch holds the computed fields of one sample.
        let at_once = if self.computed_fields.iter().any(Option::is_some) { 1 } else { problem.samples };
        let mut sample = 0;
        while sample < problem.samples {
            // Fields of a prediction that the gradient overwrites are computed before that. For a batch of one sample
            // the second pass uses the fields of the first.
            if self.filled_sample != Some(sample) {
                self.fill_fields(sample, false)?;
                // SAFETY: the caller's promise.
                unsafe { self.add_predictions(sample)? };
                self.filled_sample = Some(sample);
            }
            let pass = self.new_pass(plan, kind, gradient);
            let accumulates = pass.steps.accumulates;
            let Self { optional_rows, strip, chunk_sums, worker_buffers, class_sums, slopes, .. } = self;
            let compute = |strip: &mut Strip<'_, T>, sums: &mut [ClassSums], chunk: Chunk| {
                // SAFETY: the caller's promise; fields in scratch hold the sample.
                unsafe { pass.chunk(strip, sums, chunk, slopes_of_sample(slopes, problem, chunk.sample)) };
            };
            let collect = &mut |sums: &[ClassSums], chunk: Chunk| {
                let of_sample = of_sample(class_sums, problem, chunk.sample).iter_mut();
                for (to, class) in of_sample.zip(sums).filter(|_| accumulates) {
                    *to += class;
                }
                Ok(())
            };
            let optional_rows = *optional_rows;
            let runner = ChunkRunner { problem, optional_rows, strip, sums: chunk_sums, worker_buffers };
            // SAFETY: each chunk has its own voxels of the gradient and of the cached probabilities.
            unsafe { runner.each(sample..sample + at_once, &compute, collect)? };
            sample += at_once;
        }
        Ok(())
    }
}

/// Returns the slopes of a sample.
fn slopes_of_sample<'s>(slopes: &'s [ClassSums], problem: &Problem<'_>, sample: usize) -> &'s [ClassSums] {
    slice(slopes, sample * problem.classes..(sample + 1) * problem.classes)
}
