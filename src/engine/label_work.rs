//! What a pass over softmax with labels computes: derived once per pass from its steps and the terms.

use crate::engine::kernel::UNIT;
use crate::engine::pass_plan::{
    CacheAccess, Implementation, PassPlan, PassSteps, RequiredSums, is_class_loss, is_target_loss,
    voxel_losses,
};
use crate::loss::kind::DefaultClassWeights;
use crate::loss::selection::Selection;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::Term;
use crate::loss::voxel_rows::DynVoxelLoss;
use crate::problem::Problem;
use crate::simd::lanes::elementary::most_factors;

/// Where `−ln s` of the target class is added up, if the sum over all classes suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NegLogSteps {
    None,
    /// In a loop of its own.
    Separate,
    /// In the loop that writes the gradient.
    WithGradient,
}

/// The work of one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelWork {
    /// Whether some loss is evaluated for the target class only.
    pub has_target_loss: bool,
    /// Whether every class of a voxel contributes to some loss.
    pub has_class_loss: bool,
    /// Whether the target rows and the gradient are computed from probabilities, cached or not: the bits are the same.
    pub from_probabilities: bool,
    /// Whether exponentials are normalized to probabilities.
    pub normalizes: bool,
    /// Whether the gradient is computed from probabilities: it does not depend on what else is computed.
    pub region_gradient: bool,
    /// Whether a loss reads the probability of the target class, and its logarithm.
    pub needs_target_rows: bool,
    pub needs_logarithm: bool,
    /// Whether the linear sums of region losses, and that of `−ln s`, are all that a pass computes from the probabilities.
    pub sums_suffice: bool,
    /// Whether a loss has values that are not in the sum of `−ln s`.
    pub has_values: bool,
    pub neg_log: NegLogSteps,
    /// The term whose `−ln s` is added up so.
    pub neg_log_slot: Option<usize>,
    /// Whether it is added up by products: every voxel counts once or not at all, and no product of a unit overflows.
    pub neg_log_by_product: bool,
    /// The only target loss, if its slope is the same number for all voxels.
    pub constant_slope: Option<usize>,
    /// Per term: whether the sum over all classes suffices.
    totals: [bool; MAX_TERMS],
}

impl LabelWork {
    pub fn new(steps: &PassSteps, terms: &[Term<'_>], problem: &Problem<'_>, plan: &PassPlan) -> Self {
        let target_losses = || voxel_losses(terms).filter(|(_, loss)| is_target_loss(&loss.info()));
        let mut totals = [false; MAX_TERMS];
        for (total, term) in totals.iter_mut().zip(terms) {
            *total = !plan.by_class && has_equal_weights(term, problem);
        }
        let is_total = |slot: usize| totals.get(slot).copied().unwrap_or(false);
        let is_summed_by_product = |&(slot, loss): &(usize, &dyn DynVoxelLoss)| {
            let info = loss.info();
            info.is_neg_log && info.selection.is_none() && is_total(slot)
        };
        let neg_log_slot = if steps.accumulates && plan.implementation != Implementation::Classes {
            target_losses().find(is_summed_by_product).map(|(slot, _)| slot)
        } else {
            None
        };
        let is_loaded = steps.cache == CacheAccess::Load;
        let normalizes = !is_loaded && (steps.labels.needs_probabilities || steps.sums > RequiredSums::None);
        let region_gradient = is_loaded || steps.labels.needs_probabilities;
        let has_values = |slot: usize, loss: &dyn DynVoxelLoss| {
            let stored = matches!(loss.info().selection, Some(Selection::Fraction(_)));
            steps.accumulates && neg_log_slot != Some(slot) && !stored
        };
        let is_ranked =
            |loss: &dyn DynVoxelLoss| matches!(loss.info().selection, Some(Selection::Threshold(_)));
        let constant_slope = match (target_losses().next(), target_losses().nth(1)) {
            (Some((slot, loss)), None) if loss.info().is_neg_log && loss.info().selection.is_none() => {
                Some(slot)
            }
            _ => None,
        };
        let needs_target_rows = target_losses().any(|(slot, loss)| {
            has_values(slot, loss) || steps.writes_gradient && !loss.info().is_neg_log || is_ranked(loss)
        });
        Self {
            has_target_loss: steps.labels.has_target_loss,
            has_class_loss: voxel_losses(terms).any(|(_, loss)| is_class_loss(&loss.info())),
            from_probabilities: steps.labels.from_probabilities,
            normalizes,
            region_gradient,
            needs_target_rows,
            sums_suffice: normalizes && steps.sums == RequiredSums::Linear && !needs_target_rows,
            needs_logarithm: target_losses().any(|(slot, loss)| {
                has_values(slot, loss) || steps.writes_gradient && !loss.info().linear || is_ranked(loss)
            }),
            has_values: steps.accumulates && target_losses().any(|(slot, _)| neg_log_slot != Some(slot)),
            neg_log: match neg_log_slot {
                None => NegLogSteps::None,
                Some(_) if steps.writes_gradient && !region_gradient => NegLogSteps::WithGradient,
                Some(_) => NegLogSteps::Separate,
            },
            neg_log_slot,
            neg_log_by_product: problem.weight.is_none() && most_factors(problem.classes as u32) >= UNIT,
            constant_slope,
            totals,
        }
    }

    /// Returns whether the sum of a term over all classes suffices.
    pub fn is_total(&self, slot: usize) -> bool {
        self.totals.get(slot).copied().unwrap_or(false)
    }
}

/// Returns whether all classes of all samples have the same weight, so that the value does not depend on the sums of
/// single classes.
fn has_equal_weights(term: &Term<'_>, problem: &Problem<'_>) -> bool {
    let weight = |class| term.class_weight(class, problem.classes);
    let by_frequency = matches!(
        term.loss.default_class_weights(),
        DefaultClassWeights::Frequency | DefaultClassWeights::Presence
    );
    !by_frequency
        && problem.has_all_classes()
        && weight(0) > 0.0
        && (1..problem.classes).all(|class| weight(class) == weight(0))
}
