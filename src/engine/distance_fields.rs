//! The fields that nobody gave: made from the target and the prediction, one sample at a time.

use crate::array::strided_rows::StridedRows;
use crate::array::view::MAX_AXES;
use crate::boundary::field::SampleGeometry;
use crate::boundary::masks::{BitMask, check_maps};
use crate::engine::chunks::ChunkRunner;
use crate::engine::field_inputs::{missing_field, spacing_of, words_of};
use crate::engine::plan::voxel_losses;
use crate::engine::precise::Precise;
use crate::engine::prediction_mask::{PredictionMasks, mark};
use crate::engine::workspace::Workspace;
use crate::error::{Error, Status};
use crate::loss::term::Term;
use crate::problem::{Problem, TargetKind};
use crate::simd::blocks::row_mut;

impl<T: Precise> Workspace<'_, T> {
    /// Writes the field of the only term, which is to be computed, for every sample.
    ///
    /// # Safety
    /// As [`Bench::run`].
    pub unsafe fn write_field(&mut self, output: StridedRows) -> Result<(), Error> {
        if self.computed.iter().flatten().next().is_none() {
            return Err(Error::new(Status::Unsupported, c"term", c"a form with a field"));
        }
        // SAFETY: promised by the caller.
        unsafe { self.check_maps()? };
        for sample in 0..self.plan.samples {
            self.fill_fields(sample, true)?;
            for computed in self.computed.iter().flatten() {
                for (class, row) in computed.rows.chunks_exact(self.plan.voxels.max(1)).enumerate() {
                    // SAFETY: promised by the caller.
                    unsafe { output.store(sample, class, 0, row, false) };
                }
            }
        }
        Ok(())
    }

    /// Refuses a loss whose fields would have to be computed: parts of a batch compute none.
    pub(super) fn refuse_computed_fields(&self) -> Result<(), Error> {
        match self.computed.iter().flatten().next() {
            Some(computed) => Err(missing_field(computed.slot)),
            None => Ok(()),
        }
    }

    /// Refuses maps of which some field cannot be made.
    pub(super) unsafe fn check_maps(&self) -> Result<(), Error> {
        for computed in self.computed.iter().flatten().filter(|computed| computed.target.is_none()) {
            // SAFETY: promised by the caller.
            unsafe { check_maps(self.plan, computed.field.requires()) }
                .map_err(|e| e.in_term(computed.slot))?;
        }
        Ok(())
    }

    /// Refuses a field below 0 where a logarithm is taken of what it weighs: the first such voxel that counts.
    pub(super) unsafe fn check_signs(&mut self) -> Result<(), Error> {
        let Self { plan, terms, tile, given, computed, .. } = self;
        for (slot, _) in voxel_losses(terms).filter(|(_, rows)| rows.info().logarithmic) {
            let of_computed = computed.get(slot).and_then(Option::as_ref).and_then(|field| field.target);
            let Some(field) = given.get(slot).copied().flatten().or(of_computed) else { continue };
            for sample in 0..plan.samples {
                for (at, len) in tile.spans(0, plan.voxels) {
                    // SAFETY: promised by the caller; the spans lie in the sample.
                    unsafe { tile.open(plan, sample, at, len) };
                    for class in
                        (0..plan.classes).filter(|&class| is_wanted(plan, terms.get(slot), sample, class))
                    {
                        let row = row_mut(tile.inputs.field, 0, len, len);
                        // SAFETY: as above.
                        unsafe { field.load(sample, class, at, row) };
                        let is_bad = |(x, w): (&T, &T)| *x < T::zero() && *w > T::zero();
                        if let Some(voxel) = row.iter().zip(&*tile.inputs.weight).position(is_bad) {
                            let voxel = sample * plan.voxels + at + voxel;
                            let error = Error::new(
                                Status::Parameter,
                                c"field",
                                c">= 0, where the loss is logarithmic",
                            );
                            return Err(error.at(voxel).in_term(slot));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Fills what fields of one sample have from the target; left-out and not annotated classes only if `all`. If not,
    /// there has been a census.
    pub(super) fn fill_fields(&mut self, sample: usize, all: bool) -> Result<(), Error> {
        let unit = [1.0; MAX_AXES];
        let scene = SampleGeometry { plan: self.plan, sample, spacing: spacing_of(self.plan, &unit) };
        for computed in self.computed.iter_mut().flatten() {
            let term = self.terms.get(computed.slot);
            let shared = computed.field.is_shared();
            if !all
                && computed.target.is_none()
                && are_two_halves(self.plan, term, sample)
                && let Some(factor) = computed.field.uses_complement()
                && let Some((first, second)) = computed.rows.split_at_mut_checked(self.plan.voxels)
            {
                computed.of.fill(&scene, 0, first, &mut self.spare)?;
                second.iter_mut().zip(&*first).for_each(|(to, &field)| *to = field * T::of(factor));
                continue;
            }
            for (class, row) in computed.rows.chunks_exact_mut(self.plan.voxels.max(1)).enumerate() {
                if !all && !shared && !is_wanted(self.plan, term, sample, class) {
                    continue;
                }
                match computed.target {
                    // SAFETY: promised by the caller; the row holds a sample.
                    Some(given) => unsafe { given.load(sample, class, 0, row) },
                    None => computed.of.fill(&scene, class, row, &mut self.spare)?,
                }
            }
        }
        Ok(())
    }

    /// Adds what fields of one sample have from the prediction.
    pub(super) unsafe fn add_predictions(&mut self, sample: usize) -> Result<(), Error> {
        let unit = [1.0; MAX_AXES];
        let Self { plan, terms, computed, masks, tile, chunk, crew, spare, extras, .. } = self;
        let (plan, words) = (*plan, words_of(plan));
        let scene = SampleGeometry { plan, sample, spacing: spacing_of(plan, &unit) };
        let width = plan.extents().last().copied().unwrap_or(0);
        for computed in computed.iter_mut().flatten().filter(|computed| computed.field.uses_prediction()) {
            let term = terms.get(computed.slot);
            let by_argmax = computed.field.by_argmax();
            let to = PredictionMasks { words: masks.as_mut_ptr(), words_per_class: words };
            let is_wanted = |class| is_wanted(plan, term, sample, class);
            let gang = ChunkRunner { plan, extras: *extras, tile: &mut *tile, sums: chunk, crew };
            // SAFETY: promised by the caller; chunks are whole words of the masks, which are there for every class.
            unsafe {
                gang.each(
                    sample..sample + 1,
                    &|tile, _, chunk| mark(plan, tile, chunk, by_argmax, is_wanted, to),
                    &mut |_, _| Ok(()),
                )?;
            }
            let rows = computed.rows.chunks_exact_mut(plan.voxels.max(1));
            for (class, row) in rows.enumerate().filter(|&(class, _)| is_wanted(class)) {
                let mask = masks.get(class * words..(class + 1) * words).unwrap_or(&[]);
                computed.of.add_prediction(&scene, &BitMask { words: mask, width }, row, spare)?;
            }
        }
        Ok(())
    }
}

/// Whether a term looks at a class of a sample: neither left out nor not annotated.
fn is_wanted(plan: &Problem<'_>, term: Option<&Term<'_>>, sample: usize, class: usize) -> bool {
    plan.is_annotated(sample, class) && !term.is_some_and(|term| term.excludes(class, plan.classes))
}

/// Whether the wanted classes of a sample are two, and each voxel is of one: a census found no other label.
fn are_two_halves(plan: &Problem<'_>, term: Option<&Term<'_>>, sample: usize) -> bool {
    let are_all_labelled =
        plan.target_kind == TargetKind::Labels && plan.ignore.is_empty() && plan.weight.is_none();
    are_all_labelled && plan.classes == 2 && (0..2).all(|class| is_wanted(plan, term, sample, class))
}

#[cfg(test)]
mod tests {
    use crate::*;
    use std::vec;
    use std::vec::Vec;

    /// Value and gradient, with the fields made by the run and with those made one by one.
    fn both(form: &dyn Loss, labels: &[u8], ignore: &[i64]) -> [(f64, Vec<f32>); 2] {
        let shape = [1, 2, 9, 11];
        let z: Vec<f32> = (0..2 * 99).map(|i| ((i * 7919) % 41) as f32 / 9.0 - 2.0).collect();
        let batch = Batch::new(View::new(&z, &shape).unwrap(), Activation::Softmax, {
            View::new(labels, &[1, 9, 11]).unwrap()
        });
        let batch = Batch { ignore, ..batch };
        let term = Term { class_weight: Some(&[1.0, 2.0]), ..Term::new(1.0, form) };
        let mut scratch = vec![0; scratch_len(&batch, &[term]).unwrap()];
        let mut map = vec![0f32; z.len()];
        distance_field(&batch, &term, ViewMut::new(&mut map, &shape).unwrap(), &mut scratch).unwrap();
        let given = Term { field: Some(View::new(&map, &shape).unwrap()), ..term };
        [term, given].map(|term| {
            let mut gradient = vec![0f32; z.len()];
            let mut scratch = vec![0; scratch_len(&batch, &[term]).unwrap()];
            let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            (differentiate(&batch, &[term], into, &mut scratch).unwrap(), gradient)
        })
    }

    #[test]
    fn the_field_of_a_complement_is_what_its_mask_has() {
        let plain: Vec<u8> = (0..99).map(|i| u8::from(i * i % 17 < 6)).collect();
        let ignored: Vec<u8> =
            plain.iter().enumerate().map(|(i, &l)| if i % 13 == 0 { 9 } else { l }).collect();
        let (boundary, rim) = (Boundary::default(), Boundary { rim_zero: true });
        let hausdorff = Hausdorff::default();
        let inside = Hausdorff { interior: true, ..hausdorff };
        for form in [&boundary as &dyn Loss, &rim, &hausdorff, &inside] {
            for (labels, ignore) in [(&plain, &[][..]), (&ignored, &[9]), (&vec![0; 99], &[])] {
                let [computed, given] = both(form, labels, ignore);
                assert_eq!(computed, given);
            }
        }
    }
}
