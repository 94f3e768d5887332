//! A preset is the sum of its terms: the crate's is the one that the list spells out.

use crate::bridge::{Format, Inputs, exact};
use crate::cases::{self, Painted, is_served};
use crate::formats::assert_same_numbers;
use crate::list::losses;
use crate::naive::{Case, TermSpec};
use segloss::{Gradient, Term, ViewMut, differentiate, presets, scratch_len};

/// Value and gradient of terms of the crate.
fn of(case: &Case, terms: &[Term<'_>]) -> (f64, Vec<f64>) {
    let inputs = Inputs::new(case, &[], &Format::exact(case));
    let batch = inputs.batch(inputs.prediction.view());
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = vec![0.0; case.z.len()];
    let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
    let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
    (differentiate(&batch, terms, into, &mut scratch).unwrap(), gradient)
}

#[track_caller]
fn assert_preset(name: &str, terms: &[Term<'_>]) {
    let loss = losses().into_iter().find(|loss| loss.name == name).unwrap();
    for Painted { name, case } in cases::cases() {
        let spelt: Vec<TermSpec> = loss.for_classes(case.c);
        if !is_served(&spelt, &case) {
            continue;
        }
        let ((value, gradient), expected) = (of(&case, terms), exact(&case, &spelt));
        assert_eq!(value.to_bits(), expected.value.to_bits(), "{name}");
        assert_same_numbers(&gradient, &expected.gradient, name);
    }
}

#[test]
fn a_preset_is_the_sum_of_its_terms() {
    assert_preset("dice + cross entropy", &presets::DiceCrossEntropy::default().terms());
    assert_preset("dice + top k", &presets::DiceTopK::default().terms());
    assert_preset("dice + focal", &presets::DiceFocal::default().terms());
    assert_preset("generalized dice + boundary", &presets::GeneralizedDiceBoundary::default().terms());
    assert_preset("dice + hausdorff", &presets::DiceHausdorff::default().terms());
    assert_preset("combo", &presets::Combo::default().terms());
    assert_preset("exponential logarithmic", &presets::ExponentialLogarithmic::default().terms());
}
