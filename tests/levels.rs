//! Every set of vector instructions computes the same bits.

use crate::bridge::{Float, Format, outcome};
use crate::cases;
use crate::formats::assert_same;
use segloss::cpu::{Level, force, level};

/// Other tests run meanwhile, on whatever level is in force: by this law they cannot tell.
#[test]
fn every_cpu_level_gives_the_same_bits() {
    let best = level();
    cases::each(|title, case, terms| {
        for prediction in [Float::F16, Float::F32, Float::F64] {
            let format = Format { prediction, gradient: prediction, ..Format::exact(case) };
            force(Level::Baseline);
            let expected = outcome(case, terms, &format, 1.0).unwrap();
            for wanted in [Level::Avx2, Level::Avx512] {
                let granted = force(wanted);
                let ours = outcome(case, terms, &format, 1.0).unwrap();
                assert_same(&ours, &expected, &format!("{title} {prediction:?} {granted:?}"));
                assert_eq!(ours.tallies, expected.tallies, "{title} {prediction:?} {granted:?}");
            }
        }
    });
    force(best);
}
