//! Every parameter of every loss, one at a time: both ends of its range, just outside, NaN and the infinities.

use crate::errors::{SHAPE, batch};
use segloss::table::Range::{self, *};
use segloss::*;

/// Numbers within a range.
fn inside(range: Range) -> &'static [f64] {
    match range {
        NonNegative => &[0.0, -0.0, 5e-324, 1.0, 1e30, f64::MAX],
        Positive => &[5e-324, 1.0, 1e30, f64::MAX],
        Unit => &[0.0, -0.0, 5e-324, 0.5, 1.0],
        Share => &[5e-324, 0.5, 1.0],
    }
}

/// Numbers outside of a range.
fn outside(range: Range) -> &'static [f64] {
    /// The next number above 1.
    const ABOVE_ONE: f64 = 1.0 + f64::EPSILON;
    match range {
        NonNegative => &[-5e-324, -1.0, f64::MIN],
        Positive => &[0.0, -0.0, -5e-324, -1.0, f64::MIN],
        Unit => &[-5e-324, -1.0, ABOVE_ONE, 2.0, f64::MAX],
        Share => &[0.0, -0.0, -5e-324, -1.0, ABOVE_ONE, 2.0, f64::MAX],
    }
}

/// A parameter: its loss, its name in errors, its range, and a constructor of the loss.
type Parameter = (&'static str, &'static str, Range, Box<dyn Fn(f64) -> Box<dyn Loss>>);

/// The other parameters of each loss have their defaults.
macro_rules! parameters {
    ($($form:ident { $($field:ident $($inner:ident)?: $name:literal $range:ident),+ $(,)? })*) => {
        vec![$($((
            stringify!($form),
            $name,
            $range,
            Box::new(|x| {
                let mut form = $form::default();
                form.$field$(.$inner)? = x;
                Box::new(form) as Box<dyn Loss>
            }),
        )),+),*]
    };
}

fn parameters() -> Vec<Parameter> {
    // Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.
    let mut all: Vec<Parameter> = parameters! {
        CrossEntropy { label_smoothing: "label_smoothing" Unit }
        Focal { gamma: "gamma" NonNegative }
        SensitivitySpecificity {
            sensitivity: "sensitivity" Unit,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        Dice {
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        Iou {
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        Tversky {
            alpha: "alpha" NonNegative,
            beta: "beta" NonNegative,
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        GeneralizedDice {
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        FocalTversky {
            tversky alpha: "alpha" NonNegative,
            tversky beta: "beta" NonNegative,
            gamma: "gamma" Positive,
            tversky smooth_numerator: "smooth_numerator" NonNegative,
            tversky smooth_denominator: "smooth_denominator" NonNegative,
        }
        AsymmetricSimilarity {
            beta: "beta" NonNegative,
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
        Penalty {
            k: "k" NonNegative,
            generalized_dice smooth_numerator: "smooth_numerator" NonNegative,
            generalized_dice smooth_denominator: "smooth_denominator" NonNegative,
        }
        Hausdorff { alpha: "alpha" Positive }
        BalancedCrossEntropy { beta: "beta" Unit }
        PowerCrossEntropy { gamma: "gamma" NonNegative }
        LogDice {
            gamma: "gamma" NonNegative,
            smooth_numerator: "smooth_numerator" NonNegative,
            smooth_denominator: "smooth_denominator" NonNegative,
        }
    };
    all.push((
        "TopK",
        "selection",
        Share,
        Box::new(|k| Box::new(TopK { selection: Selection::Fraction(k) })),
    ));
    all.push((
        "TopK",
        "selection",
        Share,
        Box::new(|t| Box::new(TopK { selection: Selection::Threshold(t) })),
    ));
    all
}

#[test]
fn parameters_out_of_range_are_refused() {
    let batch = batch();
    for (loss, name, range, with) in parameters() {
        let plain = CrossEntropy::default();
        for &good in inside(range) {
            let form = with(good);
            let terms = [Term::new(1.0, &plain), Term::new(1.0, form.as_ref())];
            assert!(scratch_len(&batch, &terms).is_ok(), "{loss} {name} = {good:e} is refused");
        }
        for &bad in outside(range).iter().chain(&[f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
            let form = with(bad);
            let terms = [Term::new(1.0, &plain), Term::new(1.0, form.as_ref())];
            let error = scratch_len(&batch, &terms).expect_err(&format!("{loss} {name} = {bad:e} passes"));
            let found = (error.status, error.argument(), error.term);
            assert_eq!(found, (Status::Parameter, name, Some(1)), "{loss} {name} = {bad:e}: {error}");
        }
    }
}

#[test]
fn options_of_terms_and_batches_out_of_range_are_refused() {
    let dice = Dice::default();
    let refused = |terms: &[Term<'_>]| scratch_len(&batch(), terms).unwrap_err();
    for weight in [f64::MIN, -1.0, 0.0, f64::MAX] {
        assert!(scratch_len(&batch(), &[Term::new(weight, &dice)]).is_ok(), "weight {weight:e}");
    }
    for weight in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = refused(&[Term::new(1.0, &dice), Term::new(weight, &dice)]);
        let found = (error.status, error.argument(), error.term);
        assert_eq!(found, (Status::Parameter, "weight", Some(1)), "{weight}");
    }
    for class in 0..SHAPE[1] {
        for bad in [-5e-324, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut weights = [1.0; SHAPE[1]];
            weights[class] = bad;
            let error = refused(&[Term { class_weight: Some(&weights), ..Term::new(1.0, &dice) }]);
            let found = (error.status, error.argument(), error.index);
            assert_eq!(found, (Status::Parameter, "class_weight", Some(class)), "{bad}");
        }
    }
    for axis in 0..2 {
        for bad in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut spacing = [1.0; 2];
            spacing[axis] = bad;
            let spaced = segloss::Batch { spacing: Some(&spacing), ..batch() };
            let error = scratch_len(&spaced, &[Term::new(1.0, &dice)]).unwrap_err();
            let found = (error.status, error.argument(), error.index);
            assert_eq!(found, (Status::Parameter, "spacing", Some(axis)), "{bad}");
        }
    }
}
