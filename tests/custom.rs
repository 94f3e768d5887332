//! Losses that are not the crate's: a region, a joint form and costs of every charge, through the public traits.

use crate::bridge::{Format, Inputs};
use crate::cases::{self, Painted};
use crate::gradients::{assert_derivative, differences_of};
use crate::naive::{Activation, Case, probabilities};
use segloss::{
    Base, Charge, ClassAverage, Cost, Dice, Form, Gradient, Joint, Parts, Real, Region, SampleAverage,
    Status, Tally, Term, View, ViewMut, Voxel, differentiate, scratch_len,
};

/// Log-cosh Dice: ln cosh of Dice, flat where all is right.
struct LogCoshDice(Dice);

impl Region for LogCoshDice {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let (dice, slope) = self.0.score(class);
        let mut steep = Tally::ZERO;
        // (ln cosh)′ = tanh
        steep.add_scaled(dice.tanh(), &slope);
        (dice.cosh().ln(), steep)
    }
}

impl Form for LogCoshDice {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

/// The share of the error that is in the truth, of any power: what only a reader of squares sees.
struct Missed;

impl Region for Missed {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let all = class.missed + class.spilled + 1.0;
        let share = class.missed / all;
        (share, Tally { missed: (1.0 - share) / all, spilled: -share / all, ..Tally::ZERO })
    }

    fn squares(&self) -> bool {
        true
    }
}

impl Form for Missed {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}

/// The root of the mean square of the classes' Dice: the worst one weighs most.
struct RootMeanSquare(Dice);

impl Joint for RootMeanSquare {
    fn score(&self, classes: &[Tally], weights: &[f64], slopes: &mut [Tally]) -> f64 {
        let all: f64 = weights.iter().sum();
        let of = |(class, weight): (&Tally, &f64)| weight / all * self.0.score(class).0.powi(2);
        let root = classes.iter().zip(weights).map(of).sum::<f64>().sqrt();
        for ((class, weight), to) in classes.iter().zip(weights).zip(slopes) {
            let (dice, slope) = self.0.score(class);
            to.add_scaled(weight / all * dice / root, &slope);
        }
        root
    }
}

impl Form for RootMeanSquare {
    fn parts(&self) -> Parts<'_> {
        Parts::Joint(self)
    }
}

/// Poly-1 cross entropy: −log s + ε(1 − s).
struct Poly {
    epsilon: f64,
}

impl Cost for Poly {
    const CHARGE: Charge = Charge::Likelihood;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let epsilon = T::of(self.epsilon);
        // ∂s/∂ln s = s
        (epsilon * voxel.complement - voxel.log_probability, -(T::one() + epsilon * voxel.probability))
    }
}

/// (1 − s)^q due on the true class: a cost that raises, and a price on one outcome.
struct Doubt {
    power: f64,
}

impl Cost for Doubt {
    const CHARGE: Charge = Charge::Truth;
    const BASE: Base = Base::Complement;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { probability, complement, raised, .. } = voxel;
        (raised, -T::of(self.power) * raised / complement.at_least(T::FLOOR) * probability)
    }

    fn exponent(&self) -> f64 {
        self.power
    }
}

/// 1 − s due on the true class, raised to no power but the default.
struct Miss;

impl Cost for Miss {
    const CHARGE: Charge = Charge::Truth;
    const BASE: Base = Base::Complement;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        // ∂(1 − s)/∂ln s = −s
        (voxel.raised, -voxel.probability)
    }
}

/// Both outcomes pay, at prices of their own.
struct Balanced;

impl Cost for Balanced {
    const CHARGE: Charge = Charge::Outcomes;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let surprise = -voxel.log_probability;
        (surprise * surprise, -(surprise + surprise))
    }

    fn prices(&self) -> [f64; 2] {
        [0.75, 2.0]
    }
}

/// The Brier score, (s − g)² of every class.
struct Brier;

impl Cost for Brier {
    const CHARGE: Charge = Charge::Everywhere;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let error = voxel.probability - voxel.truth;
        (error * error, error + error)
    }
}

/// Probabilities by a price that the caller brings: no form knows how to compute it.
struct Priced;

impl Cost for Priced {
    const CHARGE: Charge = Charge::Everywhere;
    const FIELD: bool = true;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.probability * voxel.field, voxel.field)
    }
}

macro_rules! forms_of_costs {
    ($($cost:ty),*) => {
        $(impl Form for $cost {
            fn parts(&self) -> Parts<'_> {
                Parts::Cost(self)
            }
        })*
    };
}
forms_of_costs!(Poly, Doubt, Miss, Balanced, Brier, Priced);

/// Value and gradient in f64.
fn of(case: &Case, inputs: &Inputs, terms: &[Term<'_>]) -> (f64, Vec<f64>) {
    let batch = inputs.batch(inputs.prediction.view());
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let mut gradient = vec![0.0; case.z.len()];
    let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
    let value =
        differentiate(&batch, terms, into, &mut vec![0; scratch_len(&batch, terms).unwrap()]).unwrap();
    (value, gradient)
}

/// The gradient against differences, on every case, joined in every way.
#[track_caller]
fn assert_gradient(name: &str, form: &dyn Form) {
    for Painted { name: title, case } in cases::cases() {
        let inputs = Inputs::new(&case, &[], &Format::exact(&case));
        for (class_average, sample_average) in [
            (ClassAverage::Mean, SampleAverage::Mean),
            (ClassAverage::Pooled, SampleAverage::Mean),
            (ClassAverage::Mean, SampleAverage::Pooled),
        ] {
            let (pools_classes, pools_samples) =
                (class_average == ClassAverage::Pooled, sample_average == SampleAverage::Pooled);
            match form.parts() {
                Parts::Joint(_) if pools_classes => continue,
                Parts::Cost(_) if pools_classes || pools_samples => continue,
                _ => {}
            }
            let terms = [Term { class_average, sample_average, ..Term::new(1.5, form) }];
            let (_, gradient) = of(&case, &inputs, &terms);
            assert_derivative(
                &gradient,
                &differences_of(&case, &inputs, &terms),
                &format!("{name}, {title}"),
            );
        }
    }
}

#[test]
fn a_custom_region_has_a_gradient() {
    assert_gradient("log-cosh dice", &LogCoshDice(Dice::default()));
    assert_gradient("missed", &Missed);
}

#[test]
fn a_custom_joint_form_has_a_gradient() {
    assert_gradient("root mean square", &RootMeanSquare(Dice::default()));
}

#[test]
fn a_custom_cost_has_a_gradient_whoever_pays() {
    assert_gradient("poly-1", &Poly { epsilon: 2.0 });
    assert_gradient("doubt", &Doubt { power: 1.7 });
    assert_gradient("miss", &Miss);
    assert_gradient("balanced", &Balanced);
    assert_gradient("brier", &Brier);
}

fn painted(wanted: &str) -> Case {
    cases::cases().into_iter().find(|painted| painted.name == wanted).unwrap().case
}

#[test]
fn a_custom_cost_has_its_value() {
    let case = painted("labels, ignored and weighted");
    let (inputs, p) = (Inputs::new(&case, &[], &Format::exact(&case)), probabilities(&case));
    let sum = |cost: &dyn Fn(f64, f64) -> f64| -> f64 {
        let voxel = |&(b, i, w): &(usize, usize, f64)| {
            let classes = (0..case.c).map(|c| case.at(b, c, i));
            w * classes.map(|k| cost(p.s[k], case.truth[k])).sum::<f64>()
        };
        case.counted().iter().map(voxel).sum::<f64>() / case.total_weight()
    };
    let close = |form: &dyn Form, expected: f64| {
        let (value, _) = of(&case, &inputs, &[Term::new(1.0, form)]);
        assert!((value - expected).abs() <= 1e-12 * expected, "{value}, not {expected}");
    };
    close(&Poly { epsilon: 2.0 }, sum(&|s, g| g * (2.0 * (1.0 - s) - s.ln())));
    close(&Doubt { power: 1.7 }, sum(&|s, g| g * (1.0 - s).powf(1.7)));
    close(&Miss, sum(&|s, g| g * (1.0 - s)));
    close(&Balanced, sum(&|s, g| 0.75 * g * s.ln().powi(2) + 2.0 * (1.0 - g) * (-s).ln_1p().powi(2)));
    // Paid everywhere, it is a mean over the classes as well.
    close(&Brier, sum(&|s, g| (s - g).powi(2)) / case.c as f64);
}

#[test]
fn a_field_that_no_form_computes_is_asked_for_and_felt() {
    let case = painted("probabilities of one class");
    assert_eq!(case.activation, Activation::Probability);
    let inputs = Inputs::new(&case, &[], &Format::exact(&case));
    let batch = inputs.batch(inputs.prediction.view());
    let missing = scratch_len(&batch, &[Term::new(1.0, &Priced)]).unwrap_err();
    assert_eq!((missing.status, missing.term), (Status::MissingField, Some(0)));
    let prices: Vec<f64> = (0..case.z.len()).map(|k| k as f64 - 20.0).collect();
    let shape = [case.b, 1, case.n()];
    let terms = [Term { field: Some(View::new(&prices, &shape).unwrap()), ..Term::new(1.0, &Priced) }];
    let (value, gradient) = of(&case, &inputs, &terms);
    let n = case.z.len() as f64;
    let expected = prices.iter().zip(&case.z).map(|(price, s)| price * s).sum::<f64>() / n;
    assert!((value - expected).abs() <= 1e-12 * expected.abs());
    assert!(gradient.iter().zip(&prices).all(|(x, price)| (x - price / n).abs() <= 1e-15 * price.abs()));
}
