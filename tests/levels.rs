//! Every CPU level computes the same bits.

use crate::at_level::Forced;
use crate::cases;
use crate::convert_cases::{Float, Format, outcome};
use crate::formats::assert_same;
use segloss::cpu::{Level, level};

/// Other tests run at the same time on the forced level; by this law their results do not change.
#[test]
fn every_cpu_level_gives_the_same_bits() {
    let forced = Forced::alone();
    let levels: Vec<Level> =
        [Level::Avx2, Level::Avx512].into_iter().filter(|&level| forced.to(level)).collect();
    cases::each(|title, case, terms| {
        for prediction in [Float::F16, Float::F32, Float::F64] {
            let format = Format { prediction, gradient: prediction, ..Format::exact(case) };
            assert!(forced.to(Level::Baseline));
            let expected = outcome(case, terms, &format, 1.0).unwrap();
            for &level in &levels {
                assert!(forced.to(level));
                let ours = outcome(case, terms, &format, 1.0).unwrap();
                assert_same(&ours, &expected, &format!("{title} {prediction:?} {level:?}"));
                assert_eq!(ours.class_sums, expected.class_sums, "{title} {prediction:?} {level:?}");
            }
        }
    });
}

#[test]
fn a_level_that_is_forced_is_in_force() {
    let forced = Forced::alone();
    for wanted in [Level::Baseline, Level::Avx2, Level::Avx512] {
        assert!(!forced.to(wanted) || level() == wanted, "{wanted:?}");
    }
}

/// Value and gradient of every loss and case, in the order of the list.
fn hash_of_every_loss() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    cases::each(|_, case, terms| {
        for prediction in [Float::F32, Float::F64] {
            let format = Format { prediction, gradient: prediction, ..Format::exact(case) };
            let ours = outcome(case, terms, &format, 1.0).unwrap();
            for number in ours.gradient.iter().chain([&ours.value]) {
                // The bits of a NaN are not promised.
                let bits = if number.is_nan() { 0 } else { number.to_bits() };
                hash = (hash ^ bits).wrapping_mul(0x0100_0000_01b3);
            }
        }
    });
    hash
}

/// The recorded hash. Every machine that runs the tests compares with it; a change of the numbers changes it.
const BITS: u64 = 0x532f_f367_cd3b_108f;

#[test]
fn hash_of_every_loss_equals_the_recorded_one() {
    let forced = Forced::alone();
    for level in [Level::Baseline, Level::Avx2, Level::Avx512].into_iter().filter(|&level| forced.to(level)) {
        let hash = hash_of_every_loss();
        assert_eq!(format!("{hash:#018x}"), format!("{BITS:#018x}"), "{level:?}");
    }
}
