//! What the unit tests of the losses share.

use crate::{Joint, Region, Tally};
use approx::assert_relative_eq;

/// Equal up to the rounding of a handful of operations.
#[track_caller]
pub fn assert_close(value: f64, expected: f64) {
    assert_relative_eq!(value, expected, max_relative = 1e-14, epsilon = 1e-300);
}

/// Compares every slope of a region form with five-point differences at a plausible tally.
#[track_caller]
pub fn check_slopes(form: &dyn Region) {
    let slope = form.score(&PLAUSIBLE).1;
    check(&slope, &PLAUSIBLE, &|moved| form.score(moved).0);
}

/// The same for each class of a joint form.
#[track_caller]
pub fn check_joint_slopes(form: &dyn Joint) {
    let small = Tally { truth: 9.0, predicted: 12.5, overlap: 4.0, ..PLAUSIBLE };
    let absent = Tally { truth: 0.0, predicted: 3.0, overlap: 0.0, ..PLAUSIBLE };
    let (classes, weights) = ([PLAUSIBLE, small, absent, small], [1.0, 2.5, 1.0, 0.0]);
    let mut slopes = [Tally::ZERO; 4];
    form.score(&classes, &weights, &mut slopes);
    for (k, slope) in slopes.iter().enumerate() {
        check(slope, &classes[k], &|moved| {
            let mut classes = classes;
            classes[k] = *moved;
            form.score(&classes, &weights, &mut [Tally::ZERO; 4])
        });
    }
}

const PLAUSIBLE: Tally = Tally {
    voxels: 100.0,
    truth: 31.0,
    predicted: 29.5,
    overlap: 17.25,
    missed: 6.5,
    spilled: 4.75,
    ..Tally::ZERO
};

#[track_caller]
fn check(slope: &Tally, class: &Tally, value: &dyn Fn(&Tally) -> f64) {
    type Sum = fn(&mut Tally) -> &mut f64;
    let fields: [(&str, Sum); 4] = [
        ("predicted", |t| &mut t.predicted),
        ("overlap", |t| &mut t.overlap),
        ("missed", |t| &mut t.missed),
        ("spilled", |t| &mut t.spilled),
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
