//! The plan of a call: which passes over the voxels it makes, and what each of them does. A plan is computed once, from
//! the terms and from what the caller asks for.

use crate::array::strided_rows::StridedRows;
use crate::loss::activation::Activation;
use crate::loss::kind::LossKind;
use crate::loss::selection::Selection;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::loss::voxel_info::VoxelLossInfo;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::{Problem, TargetKind};

/// The sums of a class that are accumulated besides those of the voxel losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequiredSums {
    None,
    /// `prediction` and `intersection`.
    Linear,
    /// Also both squared errors.
    Squared,
}

impl RequiredSums {
    /// Returns the sums that the terms read.
    fn of(terms: &[Term<'_>]) -> Self {
        let of_term = |term: &Term<'_>| match term.loss.kind() {
            LossKind::Region(loss) if loss.uses_squared_error() => Self::Squared,
            LossKind::Region(_) | LossKind::JointRegion(_) => Self::Linear,
            LossKind::Voxel(_) => Self::None,
        };
        terms.iter().map(of_term).max().unwrap_or(Self::None)
    }
}

/// The loops that compute a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implementation {
    /// Softmax and labels: voxel losses are evaluated once per voxel, for its target class, or for all classes without
    /// logarithms.
    Labels,
    /// Softmax and masks or dense maps, with losses as above: the units in which every voxel has one class as `Labels`, the
    /// others as `Classes`.
    ByUnit,
    /// Any activation, target and loss, class by class.
    Classes,
}

impl Implementation {
    /// Returns the implementation for a problem and its terms with these fields. It is the same for all passes over a
    /// batch and over parts of it, so that all of them compute the same bits.
    pub fn of(problem: &Problem<'_>, terms: &[Term<'_>], fields: &[Option<StridedRows>; MAX_TERMS]) -> Self {
        let has_shared_field =
            |slot: usize| fields.get(slot).copied().flatten().is_none_or(|field| field.is_shared());
        let is_possible = |(slot, loss): (usize, &dyn DynVoxelLoss)| {
            let info = loss.info();
            let is_of_target_class = is_target_loss(&info) && info.smoothing == 0.0 && has_shared_field(slot);
            is_of_target_class || is_class_loss(&info) && !info.reads_logarithm
        };
        if problem.activation != Activation::Softmax || !voxel_losses(terms).all(is_possible) {
            return Self::Classes;
        }
        let selects = voxel_losses(terms).any(|(_, loss)| loss.info().selection.is_some());
        match problem.target_kind {
            TargetKind::Labels => Self::Labels,
            _ if selects || problem.class_present.is_some() || problem.classes == 1 => Self::Classes,
            _ => Self::ByUnit,
        }
    }
}

/// A call, as far as its passes depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallKind {
    /// The value; optionally the gradient and the class sums. `can_cache`: the gradient buffer can hold probabilities
    /// until the gradient overwrites them.
    /// `class_values`: whether values of classes are asked for.
    Run { gradient: bool, class_sums: bool, class_values: bool, can_cache: bool },
    /// The class sums of a part of a batch.
    Accumulate,
    /// The gradient of a part of a batch.
    Backward,
}

/// The passes that read the prediction, besides those that select voxels and compute fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassSequence {
    Accumulate,
    Backward,
    /// One pass accumulates and writes the gradient: the slopes depend only on the target and on selected voxels.
    Fused,
    AccumulateThenBackward,
}

/// The passes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PassPlan {
    pub implementation: Implementation,
    pub passes: PassSequence,
    /// What the accumulating pass sums up.
    pub sums: RequiredSums,
    /// Whether the accumulating pass stores probabilities in the gradient buffer, for the pass that overwrites them with
    /// the gradient.
    pub caches: bool,
    /// Whether the caller asks for sums or values of classes: otherwise one sum over all classes may suffice.
    pub by_class: bool,
}

/// One of the passes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassKind {
    /// Computes the losses by which TopK selects voxels.
    TopK,
    /// The same, and the gradient of voxels that may be selected.
    Bracket,
    Accumulate,
    Backward,
    /// Accumulates and writes the gradient.
    Fused,
}

/// What a pass does with cached probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheAccess {
    None,
    Store,
    Load,
}

/// What one pass does with every strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PassSteps {
    pub accumulates: bool,
    pub writes_gradient: bool,
    /// [`RequiredSums::None`] if the pass does not accumulate.
    pub sums: RequiredSums,
    pub cache: CacheAccess,
    pub labels: LabelSteps,
}

/// What one pass of [`Implementation::Labels`] computes from the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelSteps {
    /// Whether some loss is evaluated for the target class only.
    pub has_target_loss: bool,
    /// Whether some term reads the probabilities of all classes.
    pub needs_probabilities: bool,
    /// Whether everything is computed from probabilities, cached or not: the bits are then the same.
    pub from_probabilities: bool,
}

impl PassPlan {
    pub fn new(implementation: Implementation, terms: &[Term<'_>], call: CallKind) -> Self {
        let (gradient, class_sums, can_cache, by_class) = match call {
            CallKind::Run { gradient, class_sums, class_values, can_cache } => {
                (gradient, class_sums, can_cache, class_sums || class_values)
            }
            CallKind::Accumulate => (false, true, false, true),
            CallKind::Backward => {
                let (passes, sums) = (PassSequence::Backward, RequiredSums::None);
                return Self { implementation, passes, sums, caches: false, by_class: true };
            }
        };
        let passes = match gradient {
            false => PassSequence::Accumulate,
            true if terms.iter().all(has_known_slopes) => PassSequence::Fused,
            true => PassSequence::AccumulateThenBackward,
        };
        let sums = if class_sums { RequiredSums::Squared } else { RequiredSums::of(terms) };
        let can_cache = can_cache && implementation != Implementation::Classes;
        let caches = can_cache
            && passes == PassSequence::AccumulateThenBackward
            && probabilities_suffice(terms, PassKind::Backward);
        Self { implementation, passes, sums, caches, by_class }
    }

    /// Returns the pass that accumulates, if there is one.
    pub fn accumulating_pass(&self) -> PassKind {
        if self.passes == PassSequence::Fused { PassKind::Fused } else { PassKind::Accumulate }
    }

    /// Returns what a pass of the plan does.
    pub fn steps(&self, terms: &[Term<'_>], kind: PassKind) -> PassSteps {
        let accumulates = matches!(kind, PassKind::Accumulate | PassKind::Fused);
        let writes_gradient = matches!(kind, PassKind::Backward | PassKind::Fused | PassKind::Bracket);
        let sums = if accumulates { self.sums } else { RequiredSums::None };
        let cache = match kind {
            PassKind::Accumulate if self.caches => CacheAccess::Store,
            PassKind::Backward if self.caches => CacheAccess::Load,
            _ => CacheAccess::None,
        };
        let has_target_loss = voxel_losses(terms).any(|(_, loss)| is_target_loss(&loss.info()));
        let labels = LabelSteps {
            has_target_loss,
            needs_probabilities: has_probability_slope(terms),
            from_probabilities: probabilities_suffice(terms, kind),
        };
        PassSteps { accumulates, writes_gradient, sums, cache, labels }
    }
}

/// Returns the terms that are voxel losses, with their indices.
pub(crate) fn voxel_losses<'a>(
    terms: &'a [Term<'a>],
) -> impl Iterator<Item = (usize, &'a dyn DynVoxelLoss)> + Clone {
    terms.iter().enumerate().filter_map(|(slot, term)| match term.loss.kind() {
        LossKind::Voxel(loss) => Some((slot, loss)),
        _ => None,
    })
}

/// Returns whether, for softmax and labels, only the target class of a voxel contributes to the loss.
pub(super) fn is_target_loss(info: &VoxelLossInfo) -> bool {
    matches!(info.contribution, Contribution::TrueClass | Contribution::NegLogLikelihood)
}

/// Returns whether every class of a voxel contributes to the loss.
pub(super) fn is_class_loss(info: &VoxelLossInfo) -> bool {
    info.contribution == Contribution::AllClasses
}

/// Returns whether some term has a derivative by `s`, and not only by `ln s` of the target class.
fn has_probability_slope(terms: &[Term<'_>]) -> bool {
    terms
        .iter()
        .any(|term| !matches!(term.loss.kind(), LossKind::Voxel(loss) if is_target_loss(&loss.info())))
}

/// Returns whether the slopes of a term are known before the prediction is accumulated.
fn has_known_slopes(term: &Term<'_>) -> bool {
    match term.loss.kind() {
        LossKind::Voxel(loss) => {
            let info = loss.info();
            !info.logarithmic && !matches!(info.selection, Some(Selection::Threshold(_)))
        }
        _ => false,
    }
}

/// Returns whether a pass can read probabilities instead of logits: it accumulates nothing, and no term needs the
/// logarithm of a probability that underflows, or a selection by logarithms.
fn probabilities_suffice(terms: &[Term<'_>], kind: PassKind) -> bool {
    let needs_logits = |(_, loss): (usize, &dyn DynVoxelLoss)| {
        let info = loss.info();
        let selects_by_threshold = matches!(info.selection, Some(Selection::Threshold(_)));
        is_target_loss(&info) && info.log_of_zero || selects_by_threshold
    };
    kind == PassKind::Backward && has_probability_slope(terms) && !voxel_losses(terms).any(needs_logits)
}

#[cfg(test)]
mod tests;
