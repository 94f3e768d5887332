//! Custom losses through the public traits: region, joint region, and voxel losses of every contribution.

use crate::cases::{self, Painted};
use crate::convert_cases::{Format, Inputs};
use crate::gradients::{assert_derivative, differences_of};
use crate::naive::{Activation, Case, probabilities};
use segloss::custom::{Base, Contribution, JointRegionLoss, LossKind, Real, RegionLoss, Voxel, VoxelLoss};
use segloss::{
    ClassAverage, ClassSums, Dice, Gradient, Loss, SampleAverage, Status, Term, View, ViewMut, differentiate,
    scratch_len,
};

/// Log-cosh Dice: ln cosh of the Dice loss.
struct LogCoshDice(Dice);

impl RegionLoss for LogCoshDice {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let (dice, slope) = self.0.evaluate(class);
        let mut steep = ClassSums::ZERO;
        // (ln cosh)′ = tanh
        steep.add_scaled(dice.tanh(), &slope);
        (dice.cosh().ln(), steep)
    }
}

impl Loss for LogCoshDice {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

/// The fraction of the squared error on positive voxels: reads both squared sums.
struct Missed;

impl RegionLoss for Missed {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let all = class.squared_error_positive + class.squared_error_negative + 1.0;
        let share = class.squared_error_positive / all;
        (
            share,
            ClassSums {
                squared_error_positive: (1.0 - share) / all,
                squared_error_negative: -share / all,
                ..ClassSums::ZERO
            },
        )
    }

    fn uses_squared_error(&self) -> bool {
        true
    }
}

impl Loss for Missed {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}

/// The root mean square of the Dice losses of the classes.
struct RootMeanSquare(Dice);

impl JointRegionLoss for RootMeanSquare {
    fn evaluate(&self, classes: &[ClassSums], weights: &[f64], slopes: &mut [ClassSums]) -> f64 {
        let all: f64 = weights.iter().sum();
        let of = |(class, weight): (&ClassSums, &f64)| weight / all * self.0.evaluate(class).0.powi(2);
        let root = classes.iter().zip(weights).map(of).sum::<f64>().sqrt();
        for ((class, weight), to) in classes.iter().zip(weights).zip(slopes) {
            let (dice, slope) = self.0.evaluate(class);
            to.add_scaled(weight / all * dice / root, &slope);
        }
        root
    }
}

impl Loss for RootMeanSquare {
    fn kind(&self) -> LossKind<'_> {
        LossKind::JointRegion(self)
    }
}

/// Poly-1 cross entropy: −log s + ε(1 − s).
struct Poly {
    epsilon: f64,
}

impl VoxelLoss for Poly {
    const CONTRIBUTION: Contribution = Contribution::NegLogLikelihood;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let epsilon = T::of(self.epsilon);
        // ∂s/∂ln s = s
        (epsilon * voxel.complement - voxel.log_probability, -(T::one() + epsilon * voxel.probability))
    }
}

/// (1 − s)^q of the target class: a voxel loss with a power and a weight on one outcome.
struct Doubt {
    power: f64,
}

impl VoxelLoss for Doubt {
    const CONTRIBUTION: Contribution = Contribution::TrueClass;
    const POWER_BASE: Base = Base::Complement;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let Voxel { probability, complement, power: raised, .. } = voxel;
        (raised, -T::of(self.power) * raised / complement.at_least(T::FLOOR) * probability)
    }

    fn exponent(&self) -> f64 {
        self.power
    }
}

/// The field, which it does not use.
struct Unused;

impl VoxelLoss for Unused {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.field, T::zero())
    }
}

/// 1 − s of the true class, at the default power.
struct Miss;

impl VoxelLoss for Miss {
    const CONTRIBUTION: Contribution = Contribution::TrueClass;
    const POWER_BASE: Base = Base::Complement;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        // ∂(1 − s)/∂ln s = −s
        (voxel.power, -voxel.probability)
    }
}

/// A voxel loss of both outcomes with different weights.
struct Balanced;

impl VoxelLoss for Balanced {
    const CONTRIBUTION: Contribution = Contribution::BothOutcomes;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let surprise = -voxel.log_probability;
        (surprise * surprise, -(surprise + surprise))
    }

    fn outcome_weights(&self) -> [f64; 2] {
        [0.75, 2.0]
    }
}

/// The Brier score, (s − g)² of every class.
struct Brier;

impl VoxelLoss for Brier {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let error = voxel.probability - voxel.target;
        (error * error, error + error)
    }
}

/// Probabilities times a field that only the caller can give.
struct Priced;

impl VoxelLoss for Priced {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;
    const USES_FIELD: bool = true;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        (voxel.probability * voxel.field, voxel.field)
    }
}

macro_rules! forms_of_costs {
    ($($cost:ty),*) => {
        $(impl Loss for $cost {
            fn kind(&self) -> LossKind<'_> {
                LossKind::Voxel(self)
            }
        })*
    };
}
forms_of_costs!(Poly, Doubt, Unused, Miss, Balanced, Brier, Priced);

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

/// Compares the gradient with finite differences, on every case and for every average.
#[track_caller]
fn assert_gradient(name: &str, form: &dyn Loss) {
    for Painted { name: title, case } in cases::cases() {
        let inputs = Inputs::new(&case, &[], &Format::exact(&case));
        for (class_average, sample_average) in [
            (ClassAverage::Mean, SampleAverage::Mean),
            (ClassAverage::Pooled, SampleAverage::Mean),
            (ClassAverage::Mean, SampleAverage::Pooled),
        ] {
            let (pools_classes, pools_samples) =
                (class_average == ClassAverage::Pooled, sample_average == SampleAverage::Pooled);
            match form.kind() {
                LossKind::JointRegion(_) if pools_classes => continue,
                LossKind::Voxel(_) if pools_classes || pools_samples => continue,
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
fn custom_region_loss_has_the_gradient_of_its_value() {
    assert_gradient("log-cosh dice", &LogCoshDice(Dice::default()));
    assert_gradient("missed", &Missed);
}

#[test]
fn custom_joint_region_loss_has_the_gradient_of_its_value() {
    assert_gradient("root mean square", &RootMeanSquare(Dice::default()));
}

#[test]
fn custom_voxel_loss_of_every_contribution_has_the_gradient_of_its_value() {
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
fn custom_voxel_loss_has_its_value() {
    let case = painted("labels, ignored and weighted");
    let (inputs, p) = (Inputs::new(&case, &[], &Format::exact(&case)), probabilities(&case));
    let sum = |cost: &dyn Fn(f64, f64) -> f64| -> f64 {
        let voxel = |&(b, i, w): &(usize, usize, f64)| {
            let classes = (0..case.c).map(|c| case.at(b, c, i));
            w * classes.map(|k| cost(p.s[k], case.truth[k])).sum::<f64>()
        };
        case.counted().iter().map(voxel).sum::<f64>() / case.total_weight()
    };
    let close = |form: &dyn Loss, expected: f64| {
        let (value, _) = of(&case, &inputs, &[Term::new(1.0, form)]);
        assert!((value - expected).abs() <= 1e-12 * expected, "{value}, not {expected}");
    };
    close(&Poly { epsilon: 2.0 }, sum(&|s, g| g * (2.0 * (1.0 - s) - s.ln())));
    close(&Doubt { power: 1.7 }, sum(&|s, g| g * (1.0 - s).powf(1.7)));
    close(&Miss, sum(&|s, g| g * (1.0 - s)));
    close(&Balanced, sum(&|s, g| 0.75 * g * s.ln().powi(2) + 2.0 * (1.0 - g) * (-s).ln_1p().powi(2)));
    // With AllClasses the loss is a mean over the classes as well.
    close(&Brier, sum(&|s, g| (s - g).powi(2)) / case.c as f64);
}

#[test]
fn a_loss_that_uses_no_field_reads_0() {
    for name in ["labels, ignored and weighted", "probabilities of one class"] {
        let case = painted(name);
        let inputs = Inputs::new(&case, &[], &Format::exact(&case));
        assert_eq!(of(&case, &inputs, &[Term::new(1.0, &Unused)]).0, 0.0, "{name}");
    }
}

#[test]
fn field_of_a_custom_loss_must_be_given_and_enters_the_gradient() {
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
