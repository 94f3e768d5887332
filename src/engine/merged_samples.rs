//! Many small samples, computed as one.
//!
//! Each sample is padded to whole blocks of 64 voxels: samples of one voxel would take hundreds of times the time of
//! the same voxels in one sample. A loss of sums over the whole batch does not depend on the ends of samples.

use crate::engine::arena::Arena;
use crate::engine::run::Request;
use crate::engine::workspace::{with_needed, with_workspace};
use crate::error::Error;
use crate::loss::kind::LossKind;
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
use crate::problem::Problem;

/// Samples are merged from this number on, if each has at most [`MAX_VOXELS`] voxels. Blocks then contain voxels of
/// several samples: the value differs by rounding errors from that of separate samples.
const MIN_SAMPLES: usize = 64;
const MAX_VOXELS: usize = 256;

/// Computes the loss and the requested outputs, as [`Workspace::run`](crate::engine::workspace::Workspace::run).
///
/// # Safety
/// As there.
pub(crate) unsafe fn run<'a>(
    problem: &Problem<'a>,
    terms: &[Term<'_>],
    request: Request<'_>,
    arena: &mut Arena<'a>,
) -> Result<f64, Error> {
    let needs_samples = request.class_sums.is_some() || request.class_values.is_some();
    if needs_samples || !is_mergeable(problem, terms) {
        // SAFETY: the caller's promise.
        return with_workspace!(problem, terms, arena, workspace => unsafe { workspace.run(request) });
    }
    let gradient = request.gradient.map(|output| output.over_samples(problem.samples));
    let (merged, request) = (problem.over_samples(), Request { gradient, ..request });
    // SAFETY: the caller's promise; the voxels are the same.
    let run = || with_workspace!(merged, terms, arena, workspace => unsafe { workspace.run(request) });
    // The size query counts the sums of each sample, which other functions need.
    run().map_err(|error| with_needed(error, problem, terms))
}

/// Returns whether the samples are many and small, and no term depends on single samples.
fn is_mergeable(problem: &Problem<'_>, terms: &[Term<'_>]) -> bool {
    let is_of_batch = |term: &Term<'_>| match term.loss.kind() {
        LossKind::Voxel(loss) => !loss.info().field,
        // An absent class is skipped sample by sample where the classes are pooled.
        _ if term.absent == AbsentClass::Skipped && term.class_average == ClassAverage::Pooled => false,
        _ => term.sample_average == SampleAverage::Pooled,
    };
    problem.samples >= MIN_SAMPLES
        && (1..=MAX_VOXELS).contains(&problem.voxels)
        && problem.has_all_classes()
        && terms.iter().all(is_of_batch)
}
