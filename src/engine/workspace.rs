//! The bench: what a loss needs in scratch, cut and laid out before any voxel is read.

use crate::array::strided_rows::StridedRows;
use crate::array::view::MAX_AXES;
use crate::boundary::field::{FieldScratch, SampleGeometry};
use crate::engine::arena::Arena;
use crate::engine::chunks::WorkerBuffers;
use crate::engine::field_inputs::{Computed, given_field, missing_field, spacing_of, words_of};
use crate::engine::finalize::FinalizeBuffers;
use crate::engine::pass::Pass;
use crate::engine::plan::{RequiredSums, voxel_losses};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{COUNTS, Threshold};
use crate::engine::tile::{OptionalRows, Tile};
use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::problem::Problem;

/// Everything a loss needs in scratch.
pub(crate) struct Workspace<'a, T> {
    pub(super) plan: &'a Problem<'a>,
    pub(super) terms: &'a [Term<'a>],
    pub(super) tallies: &'a mut [ClassSums],
    pub(super) slopes: &'a mut [ClassSums],
    /// Sums of the chunk at hand.
    pub(super) chunk: &'a mut [ClassSums],
    pub(super) desk: FinalizeBuffers<'a>,
    pub(super) tile: Tile<'a, T>,
    pub(super) extras: OptionalRows,
    pub(super) crew: Option<WorkerBuffers<'a>>,
    pub(super) given: [Option<StridedRows>; MAX_TERMS],
    pub(super) computed: [Option<Computed<'a, T>>; MAX_TERMS],
    pub(super) cuts: [Option<Threshold>; MAX_TERMS],
    /// Per term that selects a fraction: the cost by which each voxel of the batch ranks.
    pub(super) ranks: [&'a mut [T]; MAX_TERMS],
    /// Counts of digits, where a term selects a fraction.
    pub(super) counts: &'a mut [u64],
    /// The prediction's masks of one sample, a bit per voxel, class by class.
    pub(super) masks: &'a mut [u64],
    pub(super) spare: FieldScratch<'a, T>,
    /// The sample whose computed fields are in scratch, complete.
    pub(super) filled: Option<usize>,
}

impl<'a, T: Precise> Workspace<'a, T> {
    /// Cuts the scratch; checks the fields that were given.
    pub fn new<'s: 'a>(
        plan: &'a Problem<'a>,
        terms: &'a [Term<'a>],
        arena: &mut Arena<'s>,
    ) -> Result<Self, Error> {
        let all = plan.samples.saturating_mul(plan.classes);
        let extras = OptionalRows::of(plan, terms);
        let mut bench = Self {
            plan,
            terms,
            tallies: arena.take(all)?,
            slopes: arena.take(all)?,
            chunk: arena.take(plan.classes)?,
            desk: FinalizeBuffers::new(arena, plan.classes)?,
            tile: Tile::new(arena, plan.classes, extras)?,
            extras,
            crew: WorkerBuffers::new::<T>(plan, extras, arena)?,
            given: [None; MAX_TERMS],
            computed: [const { None }; MAX_TERMS],
            cuts: [None; MAX_TERMS],
            ranks: core::array::from_fn(|_| Default::default()),
            counts: &mut [],
            masks: &mut [],
            spare: FieldScratch { map: &mut [], scratch: &mut [], executor: &plan.executor },
            filled: None,
        };
        let slots = bench.given.iter_mut().zip(bench.computed.iter_mut());
        for ((slot, term), (given, computed)) in terms.iter().enumerate().zip(slots) {
            let LossKind::Voxel(rows) = term.loss.kind() else { continue };
            if !rows.info().field {
                continue;
            }
            let source = term.field.map(|view| given_field(plan, &view)).transpose();
            let source = source.map_err(|error| error.in_term(slot))?;
            match (source, term.loss.field()) {
                (Some(source), Some(field)) if term.field_complete || !field.uses_prediction() => {
                    *given = Some(source);
                }
                (Some(source), None) => *given = Some(source),
                (target, Some(field)) => {
                    let rows = if field.is_shared() { 1 } else { plan.classes };
                    let rows = arena.take(plan.voxels.saturating_mul(rows))?;
                    *computed = Some(Computed { slot, field, of: T::field(field), target, rows });
                }
                (None, None) => return Err(missing_field(slot)),
            }
        }
        for (slot, rows) in voxel_losses(terms) {
            if let (Some(Selection::Fraction(_)), Some(ranks)) =
                (rows.info().selection, bench.ranks.get_mut(slot))
            {
                *ranks = arena.take(plan.samples.saturating_mul(plan.voxels))?;
                if bench.counts.is_empty() {
                    bench.counts = arena.take(COUNTS)?;
                }
            }
        }
        if bench.computed.iter().any(Option::is_some) {
            let unit = [1.0; MAX_AXES];
            let scene = SampleGeometry { plan, sample: 0, spacing: spacing_of(plan, &unit) };
            bench.spare.scratch =
                arena.take(crate::distance::transform::scratch_len(&scene.distances(), plan.workers())?)?;
            bench.spare.map = arena.take(plan.voxels)?;
        }
        if bench.computed.iter().flatten().any(|computed| computed.field.uses_prediction()) {
            bench.masks = arena.take(words_of(plan).saturating_mul(plan.classes))?;
        }
        Ok(bench)
    }

    /// [`Bench::new`]; scratch that is too short is told what it needs.
    pub fn cut<'s: 'a>(
        plan: &'a Problem<'a>,
        terms: &'a [Term<'a>],
        arena: &mut Arena<'s>,
    ) -> Result<Self, Error> {
        Self::new(plan, terms, arena).map_err(|error| with_needed(error, plan, terms))
    }

    /// The field of each term that has one; computed ones hold a sample.
    pub(super) fn fields(&mut self) -> [Option<StridedRows>; MAX_TERMS] {
        let mut fields = self.given;
        for computed in self.computed.iter_mut().flatten() {
            let rows = if computed.field.is_shared() { 1 } else { self.plan.classes };
            if let Some(field) = fields.get_mut(computed.slot) {
                *field = Some(StridedRows::in_scratch(computed.rows.as_mut_ptr(), self.plan.voxels, rows));
            }
        }
        fields
    }

    /// The loss as it is swept.
    pub(super) fn as_sweep(&mut self, sums: RequiredSums) -> Pass<'a> {
        let mut ranks = [None; MAX_TERMS];
        for (to, ranks) in ranks.iter_mut().zip(&mut self.ranks).filter(|(_, ranks)| !ranks.is_empty()) {
            *to = Some(StridedRows::of_batch(ranks.as_mut_ptr(), self.plan.voxels));
        }
        let (plan, terms, fields, cuts) = (self.plan, self.terms, self.fields(), self.cuts);
        Pass { plan, terms, fields, ranks, cuts, sums }
    }
}

/// The tallies of a sample.
pub(super) fn of_sample<'t>(
    tallies: &'t mut [ClassSums],
    plan: &Problem<'_>,
    sample: usize,
) -> &'t mut [ClassSums] {
    tallies.get_mut(sample * plan.classes..(sample + 1) * plan.classes).unwrap_or(&mut [])
}

/// Runs `$body` with `$bench` cut from `$arena` in the precision of the plan.
macro_rules! with_workspace {
    ($plan:expr, $terms:expr, $arena:expr, $bench:ident => $body:expr) => {{
        let told = |error| $crate::engine::workspace::with_needed(error, &$plan, $terms);
        let plan = &$plan.with_ignored_sorted($arena).map_err(told)?;
        if plan.is_double() {
            let $bench = &mut $crate::engine::workspace::Workspace::<f64>::cut(plan, $terms, $arena)?;
            $body
        } else {
            let $bench = &mut $crate::engine::workspace::Workspace::<f32>::cut(plan, $terms, $arena)?;
            $body
        }
    }};
}
pub(crate) use with_workspace;

/// The same error; that of scratch which is too short with what it needs.
pub(crate) fn with_needed(error: Error, plan: &Problem<'_>, terms: &[Term<'_>]) -> Error {
    match error.status {
        Status::Scratch => scratch_len(plan, terms).map_or(error, |needed| error.with_needed(needed as f64)),
        _ => error,
    }
}

/// The scratch that any verb needs for this loss, in bytes.
pub(crate) fn scratch_len(plan: &Problem<'_>, terms: &[Term<'_>]) -> Result<usize, Error> {
    let mut arena = Arena::measure();
    let mut measure = || -> Result<(), Error> { with_workspace!(plan, terms, &mut arena, _bench => Ok(())) };
    match measure() {
        Ok(()) if plan.sums() == 0 => Ok(0),
        Ok(()) => Ok(arena.needed()),
        // Only closed forms of sums need scratch where there is no voxel, and no memory holds so many sums.
        Err(error) if error.status == Status::TooLarge && plan.is_empty() => Ok(0),
        Err(error) => Err(error),
    }
}
