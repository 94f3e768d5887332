//! Boundary and Hausdorff.

use super::{BOUNDARY, Loss, one, weighted};
use crate::naive::{Form, boundary::Hausdorff};

pub fn losses() -> Vec<Loss> {
    let usual = Hausdorff::default();
    let hausdorff = |form| Form::Hausdorff(form);
    vec![
        one("boundary", BOUNDARY),
        one("boundary, rim zero", Form::Boundary { rim_zero: true }),
        weighted("boundary, weighted classes", BOUNDARY),
        one("hausdorff", hausdorff(usual)),
        one("hausdorff, target only", hausdorff(Hausdorff { target_only: true, ..usual })),
        one("hausdorff, prediction only", hausdorff(Hausdorff { prediction_only: true, ..usual })),
        one("hausdorff, argmax", hausdorff(Hausdorff { argmax: true, ..usual })),
        one("hausdorff, interior", hausdorff(Hausdorff { interior: true, ..usual })),
        one("hausdorff, logarithmic", hausdorff(Hausdorff { log: true, ..usual })),
        one("hausdorff, α = 1", hausdorff(Hausdorff { alpha: 1.0, ..usual })),
        one("hausdorff, α = 1.3", hausdorff(Hausdorff { alpha: 1.3, ..usual })),
        weighted(
            "hausdorff, weighted, interior of argmax, logarithmic",
            hausdorff(Hausdorff { argmax: true, interior: true, log: true, ..usual }),
        ),
    ]
}
