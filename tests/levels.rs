//! CPU levels of one kind, fused or split, compute the same bits.

use crate::at_level::Forced;
use crate::cases;
use crate::convert_cases::{Float, Format, outcome};
use crate::formats::assert_same;
use segloss::cpu::{Level, level};

/// Other tests run at the same time on the forced level; by this law their results do not change. The baseline is of
/// another kind: no test forces it while others run.
#[test]
fn levels_of_one_kind_give_the_same_bits() {
    let forced = Forced::alone();
    let levels: Vec<Level> =
        [Level::Avx2, Level::Avx512].into_iter().filter(|&level| forced.to(level)).collect();
    let [first, rest @ ..] = &levels[..] else { return };
    cases::each(|title, case, terms| {
        for prediction in [Float::F16, Float::F32, Float::F64] {
            let format = Format { prediction, gradient: prediction, ..Format::exact(case) };
            assert!(forced.to(*first));
            let expected = outcome(case, terms, &format, 1.0).unwrap();
            for &level in rest {
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
    for wanted in [Level::Avx2, Level::Avx512] {
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

/// The recorded hash of levels with fused multiply-adds of f32, and of the others. Every machine that runs the tests
/// compares with it; a change of the numbers changes it.
const FUSED: u64 = 0xd722_623f_b6b7_7310;
const SPLIT: u64 = 0x0c14_91ce_af7e_4909;

#[test]
fn hash_of_every_loss_equals_the_recorded_one() {
    let forced = Forced::alone();
    let check = |expected: u64| {
        let hash = hash_of_every_loss();
        assert_eq!(format!("{hash:#018x}"), format!("{expected:#018x}"), "{:?}", level());
    };
    if level() == Level::Baseline {
        let is_fused = cfg!(all(target_arch = "aarch64", not(feature = "consistent")));
        return check(if is_fused { FUSED } else { SPLIT });
    }
    for level in [Level::Avx2, Level::Avx512] {
        if forced.to(level) {
            check(if cfg!(feature = "consistent") { SPLIT } else { FUSED });
        }
    }
}

/// This test program again, at the baseline.
#[test]
#[cfg(target_arch = "x86_64")]
fn hash_at_the_baseline_equals_the_recorded_one() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "levels::hash_of_every_loss_equals_the_recorded_one"]);
    let output = child.env("SEGLOSS_LEVEL", "baseline").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
