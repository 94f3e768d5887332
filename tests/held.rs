//! A loss with its selections held: they are constants for the gradient, and steps of differences move them.
//!
//! ```text
//! TopK       costs at the cut part as soon as one of them moves, so the cross entropy of the voxels
//!            that are in K, each with its share for a weight, takes its place
//! Hausdorff  a voxel that crosses ½, or a class that overtakes another, changes every distance
//!            around it, so the field of the prediction as it stands is given
//! ```
//!
//! What else is chosen by the target alone (the volumes of generalized Dice, weights from
//! frequencies, absent classes, D of the distance penalty) no step moves.

use crate::list::CROSS_ENTROPY;
use crate::naive::boundary::{Hausdorff, prediction_field, target_field};
use crate::naive::distribution::top_k_shares;
use crate::naive::{Case, Form, Selection, TermSpec, class_weight, probabilities};

/// The case and the term of a function that has the gradient of the term, and selects nothing.
pub fn held(case: &Case, term: &TermSpec) -> (Case, TermSpec) {
    match term.form {
        Form::TopK(selection) => cross_entropy_of(case, term, selection),
        Form::Hausdorff(form) if term.field.is_some() && form.field_complete => (case.clone(), term.clone()),
        Form::Hausdorff(form) => (case.clone(), with_complete_field(case, term, form)),
        _ => (case.clone(), term.clone()),
    }
}

/// L = −(Σ_K w Σ_c v g log s) / (Σ_K w), and a voxel's share of K is a part of its weight.
fn cross_entropy_of(case: &Case, term: &TermSpec, selection: Selection) -> (Case, TermSpec) {
    let v = case.annotated(&class_weight(case, term));
    let mut weight = vec![0.0; case.weight.len()];
    for ((b, i, w), share) in case.counted().into_iter().zip(top_k_shares(case, &v, selection)) {
        weight[b * case.n() + i] = w * share;
    }
    (case.clone().weighted(&weight), TermSpec { form: CROSS_ENTROPY, ..term.clone() })
}

/// The term with D = d_G^α + d_S^α, all of it.
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
