//! Assertions shared by the unit tests of the losses.

use crate::loss::region_loss::{JointRegionLoss, RegionLoss};
use crate::loss::sums::ClassSums;
use approx::assert_relative_eq;

/// Asserts equality up to a relative error of 1e-14.
#[track_caller]
pub fn assert_close(value: f64, expected: f64) {
    assert_relative_eq!(value, expected, max_relative = 1e-14, epsilon = 1e-300);
}

/// Compares the slopes of a region loss with five-point finite differences at [`SUMS`].
#[track_caller]
pub fn check_slopes(loss: &dyn RegionLoss) {
    let slope = loss.evaluate(&SUMS).1;
    check(&slope, &SUMS, &|moved| loss.evaluate(moved).0);
}

/// Compares the slopes of each class of a joint region loss with five-point finite differences.
#[track_caller]
pub fn check_joint_slopes(loss: &dyn JointRegionLoss) {
    let small = ClassSums { target: 9.0, prediction: 12.5, intersection: 4.0, ..SUMS };
    let absent = ClassSums { target: 0.0, prediction: 3.0, intersection: 0.0, ..SUMS };
    let (classes, weights) = ([SUMS, small, absent, small], [1.0, 2.5, 1.0, 0.0]);
    let mut slopes = [ClassSums::ZERO; 4];
    loss.evaluate(&classes, &weights, &mut slopes);
    for (k, slope) in slopes.iter().enumerate() {
        check(slope, &classes[k], &|moved| {
            let mut classes = classes;
            classes[k] = *moved;
            loss.evaluate(&classes, &weights, &mut [ClassSums::ZERO; 4])
        });
    }
}

/// Sums of a class as they occur in a batch.
const SUMS: ClassSums = ClassSums {
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
        ("prediction", |sums| &mut sums.prediction),
        ("intersection", |sums| &mut sums.intersection),
        ("squared_error_positive", |sums| &mut sums.squared_error_positive),
        ("squared_error_negative", |sums| &mut sums.squared_error_negative),
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
        assert!((analytic - difference).abs() < 1e-10, "{name}: {analytic}, finite difference {difference}");
    }
}
