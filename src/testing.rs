//! What the unit tests of the losses share.

use crate::{ClassSums, JointRegionLoss, RegionLoss};
use approx::assert_relative_eq;

/// Equal up to the rounding of a handful of operations.
#[track_caller]
pub fn assert_close(value: f64, expected: f64) {
    assert_relative_eq!(value, expected, max_relative = 1e-14, epsilon = 1e-300);
}

/// Compares every slope of a region form with five-point differences at a plausible tally.
#[track_caller]
pub fn check_slopes(form: &dyn RegionLoss) {
    let slope = form.evaluate(&PLAUSIBLE).1;
    check(&slope, &PLAUSIBLE, &|moved| form.evaluate(moved).0);
}

/// The same for each class of a joint form.
#[track_caller]
pub fn check_joint_slopes(form: &dyn JointRegionLoss) {
    let small = ClassSums { target: 9.0, prediction: 12.5, intersection: 4.0, ..PLAUSIBLE };
    let absent = ClassSums { target: 0.0, prediction: 3.0, intersection: 0.0, ..PLAUSIBLE };
    let (classes, weights) = ([PLAUSIBLE, small, absent, small], [1.0, 2.5, 1.0, 0.0]);
    let mut slopes = [ClassSums::ZERO; 4];
    form.evaluate(&classes, &weights, &mut slopes);
    for (k, slope) in slopes.iter().enumerate() {
        check(slope, &classes[k], &|moved| {
            let mut classes = classes;
            classes[k] = *moved;
            form.evaluate(&classes, &weights, &mut [ClassSums::ZERO; 4])
        });
    }
}

const PLAUSIBLE: ClassSums = ClassSums {
    weight: 100.0,
    target: 31.0,
    prediction: 29.5,
    intersection: 17.25,
    squared_error_positive: 6.5,
    squared_error_negative: 4.75,
    ..ClassSums::ZERO
};

#[track_caller]
fn check(slope: &ClassSums, class: &ClassSums, value: &dyn Fn(&ClassSums) -> f64) {
    type Sum = fn(&mut ClassSums) -> &mut f64;
    let fields: [(&str, Sum); 4] = [
        ("predicted", |t| &mut t.prediction),
        ("overlap", |t| &mut t.intersection),
        ("missed", |t| &mut t.squared_error_positive),
        ("spilled", |t| &mut t.squared_error_negative),
    ];
    for (name, field) in fields {
        let at = |steps: f64| {
            let mut moved = *class;
            *field(&mut moved) += steps * 1e-2;
            value(&moved)
        };
        let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / 0.12;
        let mut analytic = *slope;
        let analytic = *field(&mut analytic);
        assert!((analytic - difference).abs() < 1e-10, "{name}: {analytic} against {difference}");
    }
}
