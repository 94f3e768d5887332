//! The list of all losses. Adding a loss adds a line here, and every law runs on it.

use crate::naive::{Absent, ClassAverage, Form, Normalizer, SampleAverage, TermSpec};

/// A loss by name.
pub struct Loss {
    pub name: &'static str,
    pub terms: Vec<TermSpec>,
}

fn one(name: &'static str, form: Form) -> Loss {
    Loss { name, terms: vec![TermSpec::new(form)] }
}

fn with(name: &'static str, form: Form, change: impl FnOnce(&mut TermSpec)) -> Loss {
    let mut term = TermSpec::new(form);
    change(&mut term);
    Loss { name, terms: vec![term] }
}

fn sum(name: &'static str, forms: &[(f64, Form)]) -> Loss {
    let terms = forms.iter().map(|&(weight, form)| TermSpec { weight, ..TermSpec::new(form) }).collect();
    Loss { name, terms }
}

pub const CROSS_ENTROPY: Form = Form::CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::Voxels };
pub const DICE: Form = Form::Dice { squared: false };
pub const TVERSKY: Form = Form::Tversky { alpha: 0.3, beta: 0.7 };
pub const BOUNDARY: Form = Form::Boundary { rim_zero: false };

pub fn losses() -> Vec<Loss> {
    let by_class = Form::CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::ClassWeight };
    vec![
        one("cross entropy", CROSS_ENTROPY),
        one(
            "cross entropy, smoothed labels",
            Form::CrossEntropy { label_smoothing: 0.1, normalizer: Normalizer::Voxels },
        ),
        with("weighted cross entropy", CROSS_ENTROPY, weigh),
        with("weighted cross entropy, by class weight", by_class, weigh),
        one("dice", DICE),
        one("dice, squared", Form::Dice { squared: true }),
        with("dice, weighted classes", DICE, weigh),
        with("dice, pooled samples", DICE, |term| term.sample_average = SampleAverage::Pooled),
        with("dice, pooled classes", DICE, |term| term.class_average = ClassAverage::Pooled),
        with("dice, all pooled", DICE, |term| {
            term.class_average = ClassAverage::Pooled;
            term.sample_average = SampleAverage::Pooled;
        }),
        with("dice, absent skipped", DICE, |term| term.absent = Absent::Skipped),
        with("dice, unsmoothed", DICE, |term| {
            term.smooth_numerator = 0.0;
            term.smooth_denominator = 0.0;
        }),
        with("dice, minus one", DICE, |term| term.minus_one = true),
        one("tversky", TVERSKY),
        one("boundary", BOUNDARY),
        one("boundary, rim zero", Form::Boundary { rim_zero: true }),
        sum("dice + cross entropy", &[(1.0, DICE), (1.0, CROSS_ENTROPY)]),
        sum("dice + cross entropy + boundary", &[(1.0, DICE), (1.0, CROSS_ENTROPY), (0.01, BOUNDARY)]),
    ]
}

/// Class weights that the laws can cut to any number of classes: a prime period, one class left out.
pub fn class_weights(classes: usize) -> Vec<f64> {
    (0..classes).map(|c| [0.5, 2.0, 1.25, 0.0, 1.5][c % 5]).collect()
}

/// Marks a term whose class weights are to be filled in for the classes of a case.
fn weigh(term: &mut TermSpec) {
    term.class_weight = Some(vec![]);
}

impl Loss {
    /// The terms for a number of classes.
    pub fn for_classes(&self, classes: usize) -> Vec<TermSpec> {
        let mut terms = self.terms.clone();
        for term in terms.iter_mut().filter(|term| term.class_weight.is_some()) {
            term.class_weight = Some(class_weights(classes));
        }
        terms
    }
}
