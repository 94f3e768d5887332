//! The list of all losses. A new loss is one more line here; every law runs on it.

mod boundary;
mod compound;
mod distribution;
mod region;

use crate::naive::{Form, Normalizer, TermSpec};

/// A loss by name, for any number of classes.
pub struct Loss {
    pub name: &'static str,
    terms: Box<dyn Fn(usize) -> Vec<TermSpec>>,
}

impl Loss {
    /// The terms for a number of classes.
    pub fn for_classes(&self, classes: usize) -> Vec<TermSpec> {
        (self.terms)(classes)
    }
}

/// Every loss with its named alternatives, family by family.
pub fn losses() -> Vec<Loss> {
    let families = [distribution::losses(), region::losses(), boundary::losses(), compound::losses()];
    families.into_iter().flatten().collect()
}

/// Whether a loss is a mean over voxels: a sum of voxel losses divided by a sum of weights.
pub fn is_mean_of_voxels(form: Form) -> bool {
    use Form::*;
    matches!(
        form,
        CrossEntropy { .. }
            | TopK(_)
            | Focal { .. }
            | DistancePenalized
            | Boundary { .. }
            | Hausdorff(_)
            | BalancedCrossEntropy { .. }
            | PowerCrossEntropy { .. }
    )
}

/// The properties that determine the passes of a loss: its voxel losses, and whether its region losses read squared
/// errors. Region losses otherwise differ only after the sums. Tests of large batches run one loss of each kind.
pub fn sweeps_of(terms: &[TermSpec]) -> String {
    let of_term = |term: &TermSpec| match term.form {
        form if is_mean_of_voxels(form) => format!("{form:?} {:?}", term.class_weight),
        Form::Dice { squared: true } | Form::Iou { squared: true } | Form::SensitivitySpecificity { .. } => {
            "squares".into()
        }
        _ => "sums".into(),
    };
    terms.iter().map(of_term).collect::<Vec<_>>().join(" + ")
}

pub const CROSS_ENTROPY: Form = Form::CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::Voxels };
pub const DICE: Form = Form::Dice { squared: false };
pub const TVERSKY: Form = Form::Tversky { alpha: 0.3, beta: 0.7 };
pub const GENERALIZED_DICE: Form = Form::GeneralizedDice { power: 2.0 };
pub const BOUNDARY: Form = Form::Boundary { rim_zero: false };

/// Class weights for any number of classes: a prime period, one weight of 0.
pub fn class_weights(classes: usize) -> Vec<f64> {
    (0..classes).map(|c| [0.5, 2.0, 1.25, 0.0, 1.5][c % 5]).collect()
}

/// A loss with its defaults.
fn one(name: &'static str, form: Form) -> Loss {
    with(name, form, |_| ())
}

/// A loss with changed options.
fn with(name: &'static str, form: Form, change: impl Fn(&mut TermSpec) + 'static) -> Loss {
    let terms = move |_| {
        let mut term = TermSpec::new(form);
        change(&mut term);
        vec![term]
    };
    Loss { name, terms: Box::new(terms) }
}

/// A loss with class weights.
fn weighted(name: &'static str, form: Form) -> Loss {
    let terms =
        move |classes| vec![TermSpec { class_weight: Some(class_weights(classes)), ..TermSpec::new(form) }];
    Loss { name, terms: Box::new(terms) }
}

/// A weighted sum of losses with their defaults.
fn sum(name: &'static str, forms: &[(f64, Form)]) -> Loss {
    let terms: Vec<TermSpec> =
        forms.iter().map(|&(weight, form)| TermSpec { weight, ..TermSpec::new(form) }).collect();
    Loss { name, terms: Box::new(move |_| terms.clone()) }
}

/// A preset.
fn preset(name: &'static str, terms: impl Fn(usize) -> Vec<TermSpec> + 'static) -> Loss {
    Loss { name, terms: Box::new(terms) }
}
