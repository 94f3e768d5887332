//! Losses with constant selections. Selections are constants for the gradient; steps of finite differences would move
//! them.
//!
//! ```text
//! TopK       voxels with equal losses at the threshold would separate, so it is replaced by the cross
//!            entropy of the selected voxels, weighted by their shares
//! Hausdorff  a probability that crosses ½, or another argmax, would change the distances around the
//!            voxel, so the field of the unchanged prediction is given
//! ```
//!
//! All other selections depend on the target only (volumes of generalized Dice, weights from
//! frequencies, absent classes, D of the distance penalty); no step moves them.

use crate::list::CROSS_ENTROPY;
use crate::naive::boundary::{Hausdorff, prediction_field, target_field};
use crate::naive::distribution::top_k_shares;
use crate::naive::{Case, Form, Selection, TermSpec, class_weight, probabilities};

/// A case and a term with the same gradient and without a selection.
pub fn held(case: &Case, term: &TermSpec) -> (Case, TermSpec) {
    match term.form {
        Form::TopK(selection) => cross_entropy_of(case, term, selection),
        Form::Hausdorff(form) if term.field.is_some() && form.field_complete => (case.clone(), term.clone()),
        Form::Hausdorff(form) => (case.clone(), with_complete_field(case, term, form)),
        _ => (case.clone(), term.clone()),
    }
}

/// L = −(Σ_K w Σ_c v g log s) / (Σ_K w); the share of a voxel in K is a factor of its weight.
fn cross_entropy_of(case: &Case, term: &TermSpec, selection: Selection) -> (Case, TermSpec) {
    let v = case.annotated(&class_weight(case, term));
    let mut weight = vec![0.0; case.weight.len()];
    for ((b, i, w), share) in case.counted().into_iter().zip(top_k_shares(case, &v, selection)) {
        weight[b * case.n() + i] = w * share;
    }
    (case.clone().weighted(&weight), TermSpec { form: CROSS_ENTROPY, ..term.clone() })
}

/// The term with the complete field D = d_G^α + d_S^α.
pub fn with_complete_field(case: &Case, term: &TermSpec, form: Hausdorff) -> TermSpec {
    let half = |wanted: bool, field: &dyn Fn() -> Vec<f64>| {
        if wanted { field() } else { vec![0.0; case.z.len()] }
    };
    let of_target = half(!form.prediction_only, &|| target_field(case, form));
    let of_prediction = half(!form.target_only, &|| prediction_field(case, &probabilities(case), form));
    let field = of_target.iter().zip(of_prediction).map(|(target, prediction)| target + prediction);
    let form = Form::Hausdorff(Hausdorff { field_complete: true, ..form });
    TermSpec { form, field: Some(field.collect()), ..term.clone() }
}
