//! What the unit tests of the losses share.

use crate::{Region, Tally};
use approx::assert_relative_eq;

/// Equal up to the rounding of a handful of operations.
#[track_caller]
pub fn assert_close(value: f64, expected: f64) {
    assert_relative_eq!(value, expected, max_relative = 1e-14, epsilon = 1e-300);
}

/// Compares every slope of a region form with five-point differences at a plausible tally.
#[track_caller]
pub fn check_slopes(form: &dyn Region) {
    let class = Tally {
        voxels: 100.0,
        truth: 31.0,
        predicted: 29.5,
        overlap: 17.25,
        missed: 6.5,
        spilled: 4.75,
        ..Tally::ZERO
    };
    let slope = form.score(&class).1;
    type Sum = fn(&mut Tally) -> &mut f64;
    let fields: [(&str, Sum); 4] = [
        ("predicted", |t| &mut t.predicted),
        ("overlap", |t| &mut t.overlap),
        ("missed", |t| &mut t.missed),
        ("spilled", |t| &mut t.spilled),
    ];
    for (name, field) in fields {
        let at = |steps: f64| {
            let mut moved = class;
            *field(&mut moved) += steps * 1e-2;
            form.score(&moved).0
        };
        let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / 0.12;
        let mut analytic = slope;
        let analytic = *field(&mut analytic);
        assert!((analytic - difference).abs() < 1e-10, "{name}: {analytic} against {difference}");
    }
}
