//! Workspace: partitions the caller's scratch buffer for one evaluation.

use crate::array::strided_rows::StridedRows;
use crate::array::view::MAX_AXES;
use crate::boundary::field::{FieldScratch, SampleGeometry};
use crate::checked::slice_mut;
use crate::engine::arena::Arena;
use crate::engine::chunks::WorkerBuffers;
use crate::engine::collected::{self, Collected};
use crate::engine::field_inputs::{ComputedField, given_field, mask_words, missing_field, spacing_or_unit};
use crate::engine::finalize::FinalizeBuffers;
use crate::engine::kernel::strip::{OptionalRows, Strip};
use crate::engine::label_work::LabelWork;
use crate::engine::pass::{GradientOutput, Pass, VoxelTerm};
use crate::engine::pass_plan::{CacheAccess, Implementation, PassKind, PassPlan, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{COUNTS, Threshold};
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::problem::Problem;

/// The buffers of one evaluation, all in scratch.
pub(crate) struct Workspace<'a, T> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) terms: &'a [Term<'a>],
    pub(super) implementation: Implementation,
    /// Per sample and class, the class index fastest.
    pub(super) class_sums: &'a mut [ClassSums],
    /// As `class_sums`.
    pub(super) slopes: &'a mut [ClassSums],
    /// The sums of the current chunk of the calling thread, one entry per class.
    pub(super) chunk_sums: &'a mut [ClassSums],
    pub(super) finalize_buffers: FinalizeBuffers<'a>,
    /// The strip of the calling thread.
    pub(super) strip: Strip<'a, T>,
    pub(super) optional_rows: OptionalRows,
    pub(super) worker_buffers: Option<WorkerBuffers<'a>>,
    /// The distance fields that the caller gives, by term.
    pub(super) given_fields: [Option<StridedRows>; MAX_TERMS],
    /// The distance fields that the engine computes, by term.
    pub(super) computed_fields: [Option<ComputedField<'a, T>>; MAX_TERMS],
    /// Which voxels each term selects, if it selects some.
    pub(super) thresholds: [Option<Threshold>; MAX_TERMS],
    /// For each term that selects a fraction: the loss of each voxel of the batch, by which it selects.
    pub(super) ranking_losses: [&'a mut [T]; MAX_TERMS],
    /// The histogram of the radix select, if a term selects a fraction.
    pub(super) digit_counts: &'a mut [u64],
    /// The voxels in the bracket of the only term, if it selects a fraction.
    pub(super) collected: Collected<'a, T>,
    /// The masks of the prediction for one sample: one bit per voxel, class after class.
    pub(super) prediction_masks: &'a mut [u64],
    pub(super) field_scratch: FieldScratch<'a, T>,
    /// The sample whose computed fields are complete in scratch.
    pub(super) filled_sample: Option<usize>,
}

impl<'a, T: Precise> Workspace<'a, T> {
    /// Partitions scratch, and checks the fields that the caller gives.
    fn partition<'s: 'a>(
        problem: &'a Problem<'a>,
        terms: &'a [Term<'a>],
        arena: &mut Arena<'s>,
    ) -> Result<Self, Error> {
        let all = problem.samples.saturating_mul(problem.classes);
        let optional_rows = OptionalRows::of(problem, terms);
        let mut workspace = Self {
            problem,
            terms,
            implementation: Implementation::Classes,
            class_sums: arena.take(all)?,
            slopes: arena.take(all)?,
            chunk_sums: arena.take(problem.classes)?,
            finalize_buffers: FinalizeBuffers::new(arena, problem.classes)?,
            strip: Strip::new(arena, problem.classes, optional_rows)?,
            optional_rows,
            worker_buffers: WorkerBuffers::new::<T>(problem, optional_rows, arena)?,
            given_fields: [None; MAX_TERMS],
            computed_fields: [const { None }; MAX_TERMS],
            thresholds: [None; MAX_TERMS],
            ranking_losses: core::array::from_fn(|_| Default::default()),
            digit_counts: &mut [],
            collected: Collected { losses: &mut [], indices: &mut [] },
            prediction_masks: &mut [],
            field_scratch: FieldScratch { map: &mut [], scratch: &mut [], executor: &problem.executor },
            filled_sample: None,
        };
        let slots = workspace.given_fields.iter_mut().zip(workspace.computed_fields.iter_mut());
        for ((slot, term), (given, computed)) in terms.iter().enumerate().zip(slots) {
            let LossKind::Voxel(loss) = term.loss.kind() else { continue };
            if !loss.info().field {
                continue;
            }
            let view = term.field.map(|view| given_field(problem, &view)).transpose();
            let view = view.map_err(|error| error.in_term(slot))?;
            match (view, term.loss.field()) {
                (Some(view), Some(field)) if term.field_complete || !field.uses_prediction() => {
                    *given = Some(view);
                }
                (Some(view), None) => *given = Some(view),
                (target, Some(field)) => {
                    let rows = if field.is_shared() { 1 } else { problem.classes };
                    let rows = arena.take(problem.voxels.saturating_mul(rows))?;
                    *computed = Some(ComputedField { slot, field, of: T::field(field), target, rows });
                }
                (None, None) => return Err(missing_field(slot)),
            }
        }
        for (slot, loss) in voxel_losses(terms) {
            if let (Some(Selection::Fraction(_)), Some(losses)) =
                (loss.info().selection, workspace.ranking_losses.get_mut(slot))
            {
                *losses = arena.take(problem.samples.saturating_mul(problem.voxels))?;
                if workspace.digit_counts.is_empty() {
                    workspace.digit_counts = arena.take(COUNTS)?;
                }
                if terms.len() == 1 {
                    let most = collected::capacity(problem);
                    workspace.collected = Collected { losses: arena.take(most)?, indices: arena.take(most)? };
                }
            }
        }
        if workspace.computed_fields.iter().any(Option::is_some) {
            let unit = [1.0; MAX_AXES];
            let geometry =
                SampleGeometry { plan: problem, sample: 0, spacing: spacing_or_unit(problem, &unit) };
            let bytes = crate::distance::transform::scratch_len(&geometry.distances(), problem.workers())?;
            workspace.field_scratch.scratch = arena.take(bytes)?;
            workspace.field_scratch.map = arena.take(problem.voxels)?;
        }
        if workspace.computed_fields.iter().flatten().any(|computed| computed.field.uses_prediction()) {
            workspace.prediction_masks = arena.take(mask_words(problem).saturating_mul(problem.classes))?;
        }
        workspace.implementation = Implementation::of(problem, terms, &workspace.fields());
        Ok(workspace)
    }

    /// Partitions scratch. The error of scratch that is too short has the required size.
    pub fn new<'s: 'a>(
        problem: &'a Problem<'a>,
        terms: &'a [Term<'a>],
        arena: &mut Arena<'s>,
    ) -> Result<Self, Error> {
        Self::partition(problem, terms, arena).map_err(|error| with_needed(error, problem, terms))
    }

    /// Returns the field of each term that has one; computed fields hold one sample.
    fn fields(&mut self) -> [Option<StridedRows>; MAX_TERMS] {
        let mut fields = self.given_fields;
        for computed in self.computed_fields.iter_mut().flatten() {
            let rows = if computed.field.is_shared() { 1 } else { self.problem.classes };
            if let Some(field) = fields.get_mut(computed.slot) {
                let data = computed.rows.as_mut_ptr();
                *field = Some(StridedRows::in_scratch(data, self.problem.voxels, rows));
            }
        }
        fields
    }

    /// Returns a pass of a plan; `output` is the gradient buffer, if the call has one.
    pub(super) fn new_pass(
        &mut self,
        plan: &PassPlan,
        kind: PassKind,
        output: Option<GradientOutput>,
    ) -> Pass<'a> {
        let steps = plan.steps(self.terms, kind);
        let mut ranking_losses = [None; MAX_TERMS];
        for (to, losses) in ranking_losses.iter_mut().zip(&mut self.ranking_losses) {
            if !losses.is_empty() {
                *to = Some(StridedRows::of_batch(losses.as_mut_ptr(), self.problem.voxels));
            }
        }
        // Where probabilities are loaded, the cache lines of the gradient are in the caches again.
        let label_work = LabelWork::new(&steps, self.terms, self.problem, plan);
        let streams = |output: GradientOutput| output.streams && steps.cache != CacheAccess::Load;
        let output = output
            .filter(|_| steps.writes_gradient || steps.cache != CacheAccess::None)
            .map(|output| GradientOutput { streams: streams(output), ..output });
        Pass {
            problem: self.problem,
            terms: self.terms,
            voxel_terms: VoxelTerm::of(self.terms),
            implementation: plan.implementation,
            steps,
            label_work,
            fields: self.fields(),
            ranking_losses,
            thresholds: self.thresholds,
            output,
        }
    }
}

/// Returns the class sums of a sample.
pub(super) fn of_sample<'s>(
    class_sums: &'s mut [ClassSums],
    problem: &Problem<'_>,
    sample: usize,
) -> &'s mut [ClassSums] {
    slice_mut(class_sums, sample * problem.classes..(sample + 1) * problem.classes)
}

/// Evaluates `$body` with a workspace `$workspace` in `$arena`, in the precision of the problem.
macro_rules! with_workspace {
    ($problem:expr, $terms:expr, $arena:expr, $workspace:ident => $body:expr) => {{
        let with_needed = |error| $crate::engine::workspace::with_needed(error, &$problem, $terms);
        let problem = &$problem.with_ignored_sorted($arena).map_err(with_needed)?;
        if problem.is_double() {
            let $workspace = &mut $crate::engine::workspace::Workspace::<f64>::new(problem, $terms, $arena)?;
            $body
        } else {
            let $workspace = &mut $crate::engine::workspace::Workspace::<f32>::new(problem, $terms, $arena)?;
            $body
        }
    }};
}
pub(crate) use with_workspace;

/// Adds the required size to the error of scratch that is too short; returns other errors unchanged.
pub(crate) fn with_needed(error: Error, problem: &Problem<'_>, terms: &[Term<'_>]) -> Error {
    match error.status {
        Status::Scratch => {
            scratch_len(problem, terms).map_or(error, |needed| error.with_needed(needed as f64))
        }
        _ => error,
    }
}

/// Returns the scratch in bytes that suffices for every function with these terms.
pub(crate) fn scratch_len(problem: &Problem<'_>, terms: &[Term<'_>]) -> Result<usize, Error> {
    let mut arena = Arena::measure();
    let mut measure =
        || -> Result<(), Error> { with_workspace!(problem, terms, &mut arena, _workspace => Ok(())) };
    match measure() {
        Ok(()) if problem.sums() == 0 => Ok(0),
        Ok(()) => Ok(arena.needed()),
        // Without voxels only finalize needs scratch, and so many sums do not fit into memory.
        Err(error) if error.status == Status::TooLarge && problem.is_empty() => Ok(0),
        Err(error) => Err(error),
    }
}
