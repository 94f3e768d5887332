//! Many small samples, swept as one.
//!
//! A sample alone is filled up to whole blocks of 64 voxels: samples of one voxel would cost hundreds of times the same
//! voxels in one sample. A loss of sums over the whole batch has no need to know where samples end.

use crate::engine::arena::Arena;
use crate::engine::run::Request;
use crate::engine::workspace::{with_needed, with_workspace};
use crate::error::Error;
use crate::loss::kind::LossKind;
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
use crate::problem::Problem;

/// So many samples are joined, if each has no more than so many voxels. Blocks of sums then reach across samples: the value
/// differs from that of the samples' own sums by roundings.
const MIN_SAMPLES: usize = 64;
const MAX_VOXELS: usize = 256;

/// The whole loss; see [`Bench::run`](crate::engine::workspace::Bench::run).
///
/// # Safety
/// As there.
pub(crate) unsafe fn run<'a>(
    plan: &Problem<'a>,
    terms: &[Term<'_>],
    request: Request<'_>,
    arena: &mut Arena<'a>,
) -> Result<f64, Error> {
    let wants_samples = request.tallies.is_some() || request.class_values.is_some();
    if wants_samples || !is_mergeable(plan, terms) {
        // SAFETY: promised by the caller.
        return with_workspace!(plan, terms, arena, bench => unsafe { bench.run(request) });
    }
    let gradient = request.gradient.map(|output| output.over_samples(plan.samples));
    let (joined, request) = (plan.over_samples(), Request { gradient, ..request });
    // SAFETY: promised by the caller; the voxels are the same.
    let run = || with_workspace!(joined, terms, arena, bench => unsafe { bench.run(request) });
    // What the size query says serves every function, of which others need the sums of each sample.
    run().map_err(|error| with_needed(error, plan, terms))
}

/// Whether the samples are many and small, and the loss needs none of them by itself.
fn is_mergeable(plan: &Problem<'_>, terms: &[Term<'_>]) -> bool {
    let of_the_batch = |term: &Term<'_>| match term.loss.kind() {
        LossKind::Voxel(rows) => !rows.info().field,
        // An absent class is skipped sample by sample where the classes are pooled.
        _ if term.absent == AbsentClass::Skipped && term.class_average == ClassAverage::Pooled => false,
        _ => term.sample_average == SampleAverage::Pooled,
    };
    plan.samples >= MIN_SAMPLES
        && (1..=MAX_VOXELS).contains(&plan.voxels)
        && plan.class_present.is_none_or(|flags| flags.iter().all(|&flag| flag != 0))
        && terms.iter().all(of_the_batch)
}
