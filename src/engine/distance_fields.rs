//! Computation of the distance fields that the caller does not give, one sample at a time: from the target, and for
//! some losses from the prediction too.

use crate::array::strided_rows::StridedRows;
use crate::array::view::MAX_AXES;
use crate::boundary::field::SampleGeometry;
use crate::boundary::masks::{BitMask, check_maps};
use crate::checked::{slice, slice_mut};
use crate::engine::chunks::ChunkRunner;
use crate::engine::field_inputs::{mask_words, missing_field, spacing_or_unit};
use crate::engine::pass_plan::voxel_losses;
use crate::engine::precise::Precise;
use crate::engine::prediction_mask::{PredictionMasks, write_masks};
use crate::engine::workspace::Workspace;
use crate::error::{Error, Status};
use crate::loss::term::Term;
use crate::problem::{Problem, TargetKind};

impl<T: Precise> Workspace<'_, T> {
    /// Writes the computed field of the only term for every sample.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub unsafe fn write_field(&mut self, output: StridedRows) -> Result<(), Error> {
        if self.computed_fields.iter().flatten().next().is_none() {
            return Err(Error::new(Status::Unsupported, c"term", c"a form with a field"));
        }
        // SAFETY: the caller's promise.
        unsafe { self.check_maps()? };
        for sample in 0..self.problem.samples {
            self.fill_fields(sample, true)?;
            for computed in self.computed_fields.iter().flatten() {
                for (class, row) in computed.rows.chunks_exact(self.problem.voxels.max(1)).enumerate() {
                    // SAFETY: the caller's promise.
                    unsafe { output.store(sample, class, 0, row, false) };
                }
            }
        }
        Ok(())
    }

    /// Returns an error if a term has a computed field: for parts of a batch the caller gives the fields.
    pub(super) fn require_given_fields(&self) -> Result<(), Error> {
        match self.computed_fields.iter().flatten().next() {
            Some(computed) => Err(missing_field(computed.slot)),
            None => Ok(()),
        }
    }

    /// Returns an error if a field cannot be computed from a target of masks or dense maps.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn check_maps(&self) -> Result<(), Error> {
        for computed in self.computed_fields.iter().flatten().filter(|computed| computed.target.is_none()) {
            // SAFETY: the caller's promise.
            unsafe { check_maps(self.problem, computed.field.requires()) }
                .map_err(|error| error.in_term(computed.slot))?;
        }
        Ok(())
    }

    /// Returns an error with the first counted voxel at which the field of a logarithmic loss is negative.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn check_signs(&mut self) -> Result<(), Error> {
        let Self { problem, terms, strip, given_fields, computed_fields, .. } = self;
        for (slot, _) in voxel_losses(terms).filter(|(_, loss)| loss.info().logarithmic) {
            let of_target = computed_fields.get(slot).and_then(Option::as_ref).and_then(|field| field.target);
            let Some(field) = given_fields.get(slot).copied().flatten().or(of_target) else { continue };
            for sample in 0..problem.samples {
                for (start, len) in strip.spans(0, problem.voxels) {
                    // SAFETY: the caller's promise; the spans lie in the sample.
                    unsafe { strip.open(problem, sample, start, len) };
                    let classes = (0..problem.classes)
                        .filter(|&class| is_used(problem, terms.get(slot), sample, class));
                    for class in classes {
                        let row = slice_mut(strip.rows.field, 0..len);
                        // SAFETY: the caller's promise; the spans lie in the sample.
                        unsafe { field.load(sample, class, start, row) };
                        let is_invalid = |(x, w): (&T, &T)| *x < T::zero() && *w > T::zero();
                        if let Some(voxel) = row.iter().zip(&*strip.rows.weight).position(is_invalid) {
                            let voxel = sample * problem.voxels + start + voxel;
                            let expected = c">= 0, where the loss is logarithmic";
                            let error = Error::new(Status::Parameter, c"field", expected);
                            return Err(error.at(voxel).in_term(slot));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Computes the fields of the target for one sample. Without `all`, classes that are excluded or not annotated are
    /// left out, and the target is valid.
    pub(super) fn fill_fields(&mut self, sample: usize, all: bool) -> Result<(), Error> {
        let unit = [1.0; MAX_AXES];
        let problem = self.problem;
        let geometry = SampleGeometry { plan: problem, sample, spacing: spacing_or_unit(problem, &unit) };
        for computed in self.computed_fields.iter_mut().flatten() {
            let term = self.terms.get(computed.slot);
            let is_shared = computed.field.is_shared();
            if !all
                && computed.target.is_none()
                && are_complements(problem, term, sample)
                && let Some(factor) = computed.field.uses_complement()
                && let Some((first, second)) = computed.rows.split_at_mut_checked(problem.voxels)
            {
                computed.of.fill(&geometry, 0, first, &mut self.field_scratch)?;
                second.iter_mut().zip(&*first).for_each(|(to, &field)| *to = field * T::of(factor));
                continue;
            }
            for (class, row) in computed.rows.chunks_exact_mut(problem.voxels.max(1)).enumerate() {
                if !all && !is_shared && !is_used(problem, term, sample, class) {
                    continue;
                }
                match computed.target {
                    // SAFETY: the caller's promise; the row holds a sample.
                    Some(given) => unsafe { given.load(sample, class, 0, row) },
                    None => computed.of.fill(&geometry, class, row, &mut self.field_scratch)?,
                }
            }
        }
        Ok(())
    }

    /// Adds the fields of the prediction for one sample.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn add_predictions(&mut self, sample: usize) -> Result<(), Error> {
        let unit = [1.0; MAX_AXES];
        let Self {
            problem,
            terms,
            computed_fields,
            prediction_masks,
            strip,
            chunk_sums,
            worker_buffers,
            field_scratch,
            optional_rows,
            ..
        } = self;
        let (problem, words) = (*problem, mask_words(problem));
        let geometry = SampleGeometry { plan: problem, sample, spacing: spacing_or_unit(problem, &unit) };
        let width = problem.extents().last().copied().unwrap_or(0);
        let of_prediction =
            computed_fields.iter_mut().flatten().filter(|field| field.field.uses_prediction());
        for computed in of_prediction {
            let term = terms.get(computed.slot);
            let by_argmax = computed.field.by_argmax();
            let masks = PredictionMasks { words: prediction_masks.as_mut_ptr(), words_per_class: words };
            let is_used = |class| is_used(problem, term, sample, class);
            let runner = ChunkRunner {
                problem,
                optional_rows: *optional_rows,
                strip: &mut *strip,
                sums: chunk_sums,
                worker_buffers,
            };
            // SAFETY: the caller's promise; the masks have all words of every class, and each chunk has its own.
            unsafe {
                runner.each(
                    sample..sample + 1,
                    &|strip, _, chunk| write_masks(problem, strip, chunk, by_argmax, is_used, masks),
                    &mut |_, _| Ok(()),
                )?;
            }
            let rows = computed.rows.chunks_exact_mut(problem.voxels.max(1));
            for (class, row) in rows.enumerate().filter(|&(class, _)| is_used(class)) {
                let mask =
                    BitMask { words: slice(prediction_masks, class * words..(class + 1) * words), width };
                computed.of.add_prediction(&geometry, &mask, row, field_scratch)?;
            }
        }
        Ok(())
    }
}

/// Returns whether a term uses a class of a sample: it is annotated and not excluded.
fn is_used(problem: &Problem<'_>, term: Option<&Term<'_>>, sample: usize, class: usize) -> bool {
    problem.is_annotated(sample, class) && !term.is_some_and(|term| term.excludes(class, problem.classes))
}

/// Returns whether a term uses exactly two classes and each voxel of the sample belongs to one of them: validation has
/// found no other label.
fn are_complements(problem: &Problem<'_>, term: Option<&Term<'_>>, sample: usize) -> bool {
    let are_all_labelled =
        problem.target_kind == TargetKind::Labels && problem.ignore.is_empty() && problem.weight.is_none();
    are_all_labelled && problem.classes == 2 && (0..2).all(|class| is_used(problem, term, sample, class))
}

#[cfg(test)]
mod tests {
    use crate::*;
    use std::vec;
    use std::vec::Vec;

    /// Value and gradient, with fields that the run computes and with the same fields given by the caller.
    fn both(loss: &dyn Loss, labels: &[u8], ignore: &[i64]) -> [(f64, Vec<f32>); 2] {
        let shape = [1, 2, 9, 11];
        let z: Vec<f32> = (0..2 * 99).map(|i| ((i * 7919) % 41) as f32 / 9.0 - 2.0).collect();
        let batch = Batch::new(View::new(&z, &shape).unwrap(), Activation::Softmax, {
            View::new(labels, &[1, 9, 11]).unwrap()
        });
        let batch = Batch { ignore, ..batch };
        let term = Term { class_weight: Some(&[1.0, 2.0]), ..Term::new(1.0, loss) };
        let mut scratch = vec![0; scratch_len(&batch, &[term]).unwrap()];
        let mut map = vec![0f32; z.len()];
        distance_field(&batch, &term, ViewMut::new(&mut map, &shape).unwrap(), &mut scratch).unwrap();
        let given = Term { field: Some(View::new(&map, &shape).unwrap()), ..term };
        [term, given].map(|term| {
            let mut gradient = vec![0f32; z.len()];
            let mut scratch = vec![0; scratch_len(&batch, &[term]).unwrap()];
            let output = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            (differentiate(&batch, &[term], output, &mut scratch).unwrap(), gradient)
        })
    }

    #[test]
    fn field_of_a_complement_equals_that_of_its_mask() {
        let plain: Vec<u8> = (0..99).map(|i| u8::from(i * i % 17 < 6)).collect();
        let ignored: Vec<u8> =
            plain.iter().enumerate().map(|(i, &l)| if i % 13 == 0 { 9 } else { l }).collect();
        let (boundary, rim) = (Boundary::default(), Boundary { rim_zero: true });
        let hausdorff = Hausdorff::default();
        let inside = Hausdorff { interior: true, ..hausdorff };
        for loss in [&boundary as &dyn Loss, &rim, &hausdorff, &inside] {
            for (labels, ignore) in [(&plain, &[][..]), (&ignored, &[9]), (&vec![0; 99], &[])] {
                let [computed, given] = both(loss, labels, ignore);
                assert_eq!(computed, given);
            }
        }
    }
}
