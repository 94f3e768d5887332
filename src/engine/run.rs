//! The verbs: how census, sweeps and closed forms follow one another.

use crate::engine::chunks::{Chunk, ChunkRunner};
use crate::engine::field_inputs::Computed;
use crate::engine::finalize::{FinalizeOutputs, finalize};
use crate::engine::pass::{ChunkWork, GradientOutput};
use crate::engine::plan::{RequiredSums, can_park, is_labelled, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::tile::Tile;
use crate::engine::validate::{check_chunk, validate_chunk};
use crate::engine::workspace::{Workspace, of_sample};
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::problem::Problem;

/// What a run is asked for besides the value.
pub(crate) struct Request<'a> {
    pub gradient: Option<GradientOutput>,
    pub grad_scale: f64,
    pub term_values: Option<&'a mut [f64]>,
    pub class_values: Option<&'a mut [f64]>,
    pub tallies: Option<&'a mut [ClassSums]>,
}

impl Request<'_> {
    /// What a batch without voxels has: value 0, sums of zero, and no value of a class.
    pub fn answer_empty(self) -> f64 {
        self.term_values.into_iter().for_each(|values| values.fill(0.0));
        self.class_values.into_iter().for_each(|values| values.fill(f64::NAN));
        self.tallies.into_iter().for_each(|tallies| tallies.fill(ClassSums::ZERO));
        0.0
    }
}

impl<T: Precise> Workspace<'_, T> {
    /// The whole loss. Returns its value; on error nothing but scratch has been written.
    ///
    /// # Safety
    /// The arrays of the plan and the terms are readable and the outputs writable, as their shapes say.
    pub unsafe fn run(&mut self, request: Request<'_>) -> Result<f64, Error> {
        self.tallies.fill(ClassSums::ZERO);
        // Costs have slopes that follow from the census, and from the ranks: one sweep folds and maps.
        let is_known = |term: &Term<'_>| match term.loss.kind() {
            LossKind::Voxel(rows) => {
                !rows.info().logarithmic && !matches!(rows.info().selection, Some(Selection::Threshold(_)))
            }
            _ => false,
        };
        let in_one_sweep = request.gradient.is_some() && self.terms.iter().all(is_known);
        let wants_sums =
            if request.tallies.is_some() { RequiredSums::Squares } else { RequiredSums::of(self.terms) };
        let folds_at_once = in_one_sweep && wants_sums == RequiredSums::None;
        let parking = request.gradient.and_then(|output| self.cache_location(output, in_one_sweep));
        let parking = parking.filter(|_| folds_at_once || !in_one_sweep);
        // SAFETY: promised by the caller.
        unsafe {
            self.validate()?;
            self.select(parking.filter(|_| in_one_sweep))?;
        }
        if in_one_sweep {
            self.find_slopes(request.grad_scale);
        }
        // SAFETY: promised by the caller.
        unsafe {
            let gradient = if in_one_sweep { request.gradient } else { None };
            self.pass(true, gradient, wants_sums, parking, in_one_sweep)?;
        }

        let wants_slopes = request.gradient.is_some() && !in_one_sweep;
        let slopes = if wants_slopes { Some(&mut *self.slopes) } else { None };
        let mut results = FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: request.class_values, slopes };
        let value =
            finalize(self.plan, self.terms, self.tallies, request.grad_scale, &mut self.desk, &mut results);
        for (to, from) in request.term_values.into_iter().flatten().zip(results.terms) {
            *to = from;
        }
        if wants_slopes {
            // SAFETY: promised by the caller.
            unsafe { self.pass(false, request.gradient, RequiredSums::None, parking, true)? };
        }
        for (to, from) in request.tallies.into_iter().flatten().zip(self.tallies.iter()) {
            *to = *from;
        }
        Ok(value)
    }

    /// Adds a part of a batch to `tallies`.
    ///
    /// # Safety
    /// As [`Bench::run`].
    pub unsafe fn accumulate(&mut self, tallies: &mut [ClassSums]) -> Result<(), Error> {
        self.refuse_computed_fields()?;
        self.refuse_unfinished_searches()?;
        for (to, from) in self.tallies.iter_mut().zip(tallies.iter()) {
            *to = *from;
        }
        // SAFETY: promised by the caller.
        unsafe {
            self.validate()?;
            self.select(None)?;
            self.pass(true, None, RequiredSums::Squares, None, false)?;
        }
        for (to, from) in tallies.iter_mut().zip(self.tallies.iter()) {
            *to = *from;
        }
        Ok(())
    }

    /// Writes the gradient of a part of a batch.
    ///
    /// # Safety
    /// As [`Bench::run`].
    pub unsafe fn backward(&mut self, slopes: &[ClassSums], gradient: GradientOutput) -> Result<(), Error> {
        self.refuse_computed_fields()?;
        self.refuse_unfinished_searches()?;
        for (to, from) in self.slopes.iter_mut().zip(slopes) {
            *to = *from;
        }
        // SAFETY: promised by the caller.
        unsafe {
            self.find_cuts(None)?;
            self.pass(false, Some(gradient), RequiredSums::None, None, false)
        }
    }

    /// Counts voxels and truth of every sample and class.
    ///
    /// # Safety
    /// As [`Bench::run`].
    pub unsafe fn count_targets(&mut self) -> Result<&mut [ClassSums], Error> {
        self.tallies.fill(ClassSums::ZERO);
        // SAFETY: promised by the caller.
        unsafe { self.validate()? };
        Ok(self.tallies)
    }

    /// The value and slopes of given tallies; reads no voxel.
    pub fn finalize(
        &mut self,
        tallies: &[ClassSums],
        grad_scale: f64,
        results: &mut FinalizeOutputs<'_>,
    ) -> f64 {
        finalize(self.plan, self.terms, tallies, grad_scale, &mut self.desk, results)
    }

    /// Checks labels and weights, and counts; adds to `self.tallies`.
    pub(super) unsafe fn validate(&mut self) -> Result<(), Error> {
        // SAFETY: promised by the caller.
        unsafe {
            self.check_maps()?;
            self.count_voxels()?;
            self.check_signs()?;
        }
        for (slot, rows) in voxel_losses(self.terms).filter(|(_, rows)| rows.info().selection.is_none()) {
            let on_truth = match rows.info().contribution {
                Contribution::TrueClass => true,
                Contribution::NegLogLikelihood => self.plan.activation.is_exclusive(),
                Contribution::BothOutcomes | Contribution::AllClasses => false,
            };
            for tally in self.tallies.iter_mut() {
                if let Some(charged) = tally.loss_weight.get_mut(slot) {
                    *charged = if on_truth { tally.target } else { tally.weight };
                }
            }
        }
        Ok(())
    }

    /// Adds `voxels` and `truth` of every sample and class to `self.tallies`. On an error these are of no use.
    unsafe fn count_voxels(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let mut bad = None;
        let Self { tile, chunk, crew, tallies, .. } = self;
        let gang = ChunkRunner { plan, extras: self.extras, tile: &mut *tile, sums: chunk, crew };
        let hand_on = &mut |sums: &[ClassSums], chunk: Chunk| {
            let voxels = sums.first().map_or(0.0, |class| class.weight);
            if voxels.is_nan() {
                bad = Some(chunk);
                return Err(Error::new(Status::Label, c"target", c"labels"));
            }
            for (tally, class) in of_sample(tallies, plan, chunk.sample).iter_mut().zip(sums) {
                tally.weight += voxels;
                tally.target += class.target;
            }
            Ok(())
        };
        // SAFETY: promised by the caller; a census writes nothing but sums.
        let counted = unsafe {
            gang.each(0..plan.samples, &|tile, sums, chunk| validate_chunk(plan, tile, sums, chunk), hand_on)
        };
        match bad {
            // SAFETY: as above.
            Some(chunk) => unsafe {
                check_chunk(plan, tile, chunk).map_err(|error| plan.with_number(error)).and(counted)
            },
            None => counted,
        }
    }

    fn find_slopes(&mut self, grad_scale: f64) {
        let mut results =
            FinalizeOutputs { terms: [0.0; MAX_TERMS], classes: None, slopes: Some(&mut *self.slopes) };
        finalize(self.plan, self.terms, self.tallies, grad_scale, &mut self.desk, &mut results);
    }

    /// Where probabilities may wait for the second sweep: where the gradient will be, if its elements can hold them
    /// and nobody else needs them, nor the logits if those are there.
    fn cache_location(&mut self, output: GradientOutput, folds: bool) -> Option<GradientOutput> {
        let needs_prediction = |computed: &Computed<'_, T>| computed.field.uses_prediction();
        let can_park = !output.accumulate
            && output.rows.can_hold::<T>(self.plan.classes)
            && can_park(self.terms, folds)
            && is_labelled(self.plan, self.terms, &self.fields())
            && !self.computed.iter().flatten().any(needs_prediction);
        can_park.then_some(output)
    }

    /// One sweep over every sample.
    unsafe fn pass(
        &mut self,
        fold: bool,
        gradient: Option<GradientOutput>,
        sums: RequiredSums,
        parking: Option<GradientOutput>,
        parked: bool,
    ) -> Result<(), Error> {
        let plan = self.plan;
        if plan.voxels == 0 {
            return Ok(());
        }
        // Computed fields are there of one sample at a time.
        let at_once = if self.computed.iter().any(Option::is_some) { 1 } else { plan.samples };
        let mut sample = 0;
        while sample < plan.samples {
            // Fields follow from what no sweep changes before it has passed. A batch of one sample sweeps it twice
            // with the same.
            if self.filled != Some(sample) {
                self.fill_fields(sample, false)?;
                // SAFETY: promised by the caller.
                unsafe { self.add_predictions(sample)? };
                self.filled = Some(sample);
            }
            let sweep = self.as_sweep(sums);
            let Self { extras, tile, chunk, crew, tallies, slopes, .. } = self;
            let work = |tile: &mut Tile<'_, T>, sums: &mut [ClassSums], chunk: Chunk| {
                let slopes = slopes_of(slopes, plan, chunk.sample);
                let task = ChunkWork {
                    accumulates: fold,
                    map: gradient.map(|output| (slopes, output)),
                    cache: parking,
                    is_cached: parked && parking.is_some(),
                };
                // SAFETY: promised by the caller; fields in scratch hold the sample.
                unsafe { sweep.chunk(tile, sums, chunk, task) };
            };
            let hand_on = &mut |sums: &[ClassSums], chunk: Chunk| {
                for (tally, class) in
                    of_sample(tallies, plan, chunk.sample).iter_mut().zip(sums).filter(|_| fold)
                {
                    *tally += class;
                }
                Ok(())
            };
            let gang = ChunkRunner { plan, extras: *extras, tile, sums: chunk, crew };
            // SAFETY: a chunk's gradient and parked probabilities are its own.
            unsafe { gang.each(sample..sample + at_once, &work, hand_on)? };
            sample += at_once;
        }
        Ok(())
    }
}

/// The slopes of a sample.
fn slopes_of<'t>(slopes: &'t [ClassSums], plan: &Problem<'_>, sample: usize) -> &'t [ClassSums] {
    slopes.get(sample * plan.classes..(sample + 1) * plan.classes).unwrap_or(&[])
}
