//! What a loss needs of the passes.

use crate::array::strided_rows::StridedRows;
use crate::loss::activation::Activation;
use crate::loss::kind::LossKind;
use crate::loss::rows::DynVoxelLoss;
use crate::loss::selection::Selection;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::loss::term::Term;
use crate::loss::voxel::Contribution;
use crate::problem::{Problem, TargetKind};

/// Which sums of a class are added up besides costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequiredSums {
    None,
    Linear,
    Squares,
}

impl RequiredSums {
    /// What the terms of a loss need.
    pub fn of(terms: &[Term<'_>]) -> Self {
        let of = |term: &Term<'_>| match term.loss.kind() {
            LossKind::Region(form) if form.uses_squared_error() => RequiredSums::Squares,
            LossKind::Region(_) | LossKind::JointRegion(_) => RequiredSums::Linear,
            LossKind::Voxel(_) => RequiredSums::None,
        };
        terms.iter().map(of).max().unwrap_or(RequiredSums::None)
    }
}

/// The terms that are costs, with their slots.
pub(crate) fn voxel_losses<'a>(
    terms: &'a [Term<'a>],
) -> impl Iterator<Item = (usize, &'a dyn DynVoxelLoss)> + Clone {
    terms.iter().enumerate().filter_map(|(slot, term)| match term.loss.kind() {
        LossKind::Voxel(rows) => Some((slot, rows)),
        _ => None,
    })
}

/// Whether a loss can be swept this way. Only what stays the same in all sweeps and parts of a batch decides.
pub(super) fn is_labelled(
    plan: &Problem<'_>,
    terms: &[Term<'_>],
    fields: &[Option<StridedRows>; MAX_TERMS],
) -> bool {
    let is_rated_once = |(slot, rows): (usize, &dyn DynVoxelLoss)| {
        let bill = rows.info();
        let serves_all = fields.get(slot).copied().flatten().is_none_or(|field| field.is_shared());
        match bill.contribution {
            Contribution::AllClasses => true,
            Contribution::BothOutcomes => false,
            Contribution::TrueClass | Contribution::NegLogLikelihood => bill.smoothing == 0.0 && serves_all,
        }
    };
    plan.activation == Activation::Softmax
        && plan.target_kind == TargetKind::Labels
        && voxel_losses(terms).all(is_rated_once)
}

/// Whether a cost of labels pays on the true class only.
pub(super) fn on_truth(rows: &dyn DynVoxelLoss) -> bool {
    matches!(rows.info().contribution, Contribution::TrueClass | Contribution::NegLogLikelihood)
}

/// Whether anything pulls on `s` itself, and not only on `ln s` of the truth.
pub(super) fn has_polynomial(terms: &[Term<'_>]) -> bool {
    terms.iter().any(|term| !matches!(term.loss.kind(), LossKind::Voxel(rows) if on_truth(rows)))
}

/// Whether a cost is ranked over the batch before it is swept.
pub(super) fn is_ranked(rows: &dyn DynVoxelLoss) -> bool {
    matches!(rows.info().selection, Some(Selection::Fraction(_)))
}

/// Whether probabilities may wait, where the gradient will be, for the sweep that maps: it needs nothing but them
/// of the prediction, which have no logarithm where they underflow. If it `folds` too, it is the ranking that parks,
/// and costs on the truth are known by rank.
pub(super) fn can_park(terms: &[Term<'_>], folds: bool) -> bool {
    let needs_logits = |(_, rows): (usize, &dyn DynVoxelLoss)| {
        on_truth(rows) && (folds && !is_ranked(rows) || rows.info().log_of_zero)
    };
    let ranked = voxel_losses(terms).filter(|(_, rows)| is_ranked(*rows)).count();
    wants_probabilities(terms)
        && (!folds || ranked == 1)
        && !voxel_losses(terms).any(needs_logits)
        && !has_threshold(terms)
}

/// Whether voxels are selected by their logarithms, in each sweep anew.
pub(super) fn has_threshold(terms: &[Term<'_>]) -> bool {
    voxel_losses(terms).any(|(_, rows)| matches!(rows.info().selection, Some(Selection::Threshold(_))))
}

/// Whether probabilities are wanted, and not only the exponentials they are made of.
pub(super) fn wants_probabilities(terms: &[Term<'_>]) -> bool {
    has_polynomial(terms) || voxel_losses(terms).any(|(_, rows)| is_ranked(rows))
}

/// Whether the pull on `s` is made row by row: it is more than a constant of class and label.
pub(super) fn pulls_in_rows(terms: &[Term<'_>], slopes: Option<&[ClassSums]>) -> bool {
    // A form that may use squares need not.
    let is_bent =
        |class: &ClassSums| class.squared_error_positive != 0.0 || class.squared_error_negative != 0.0;
    let has_bent = slopes.is_none_or(|slopes| slopes.iter().any(is_bent));
    terms.iter().any(|term| match term.loss.kind() {
        LossKind::Voxel(rows) => !on_truth(rows),
        LossKind::Region(form) => form.uses_squared_error() && has_bent,
        LossKind::JointRegion(_) => false,
    })
}

/// Whether a loss can be swept this way.
pub(crate) fn is_labelled_sigmoid(plan: &Problem<'_>, terms: &[Term<'_>]) -> bool {
    let is_rated_once = |(_, rows): (usize, &dyn DynVoxelLoss)| {
        let bill = rows.info();
        bill.contribution == Contribution::AllClasses || bill.smoothing == 0.0 && bill.selection.is_none()
    };
    plan.activation == Activation::Sigmoid
        && plan.target_kind == TargetKind::Labels
        && voxel_losses(terms).all(is_rated_once)
}
