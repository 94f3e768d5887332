//! Class weights from label frequencies, where classes are annotated, against their formula on every case.

use crate::cases::{self, Painted};
use crate::convert_cases::{Format, Inputs, Layout, Target};
use crate::naive::{Case, class_sums};
use segloss::{Frequency, class_weights, scratch_len};

/// f_c, the fraction of the annotated target that belongs to each class.
fn shares(case: &Case) -> Vec<f64> {
    let sums = class_sums(case);
    let truth = |c: usize| -> f64 {
        let annotated = (0..case.b).map(|b| b * case.c + c).filter(|&k| case.class_present[k]);
        annotated.map(|k| sums[k].truth).sum()
    };
    let all: f64 = (0..case.c).map(truth).sum();
    (0..case.c).map(|c| if all > 0.0 { truth(c) / all } else { 0.0 }).collect()
}

/// The formula; an absent class takes the largest weight of the others; all take 1 if every class is absent.
fn expected(case: &Case, frequency: Frequency) -> Vec<f64> {
    let shares = shares(case);
    let mut present: Vec<f64> = shares.iter().copied().filter(|&f| f > 0.0).collect();
    present.sort_by(f64::total_cmp);
    let median = match present.len() {
        0 => 1.0,
        odd if odd % 2 == 1 => present[odd / 2],
        even => (present[even / 2 - 1] + present[even / 2]) / 2.0,
    };
    let weight = |f: f64| match frequency {
        Frequency::Inverse => 1.0 / f,
        Frequency::InverseSqrt => (1.0 / f).sqrt(),
        Frequency::Median => median / f,
        other => unreachable!("{other:?}"),
    };
    let largest = present.iter().map(|&f| weight(f)).fold(f64::NAN, f64::max);
    let of_absent = if largest.is_nan() { 1.0 } else { largest };
    shares.into_iter().map(|f| if f > 0.0 { weight(f) } else { of_absent }).collect()
}

#[test]
fn class_weights_follow_from_annotated_frequencies() {
    let mut differing = 0;
    for Painted { name, case } in cases::cases() {
        // As the case is annotated, and with every second class of each sample not annotated.
        for period in [usize::MAX, 2, 3] {
            let class_present = case.class_present.iter().enumerate().map(|(k, &p)| p && k % period != 1);
            let case = Case { class_present: class_present.collect(), ..case.clone() };
            let everywhere = Case { class_present: vec![true; case.b * case.c], ..case.clone() };
            let is_mask = case.truth.iter().all(|&g| g == 0.0 || g == 1.0);
            let masks =
                Format { target: Target::MaskU8, layout: Layout::ChannelsLast, ..Format::exact(&case) };
            for format in [Some(Format::exact(&case)), is_mask.then_some(masks)].into_iter().flatten() {
                let inputs = Inputs::new(&case, &[], &format);
                let batch = inputs.batch(inputs.prediction.view());
                let dice = segloss::Dice::default();
                let needed = scratch_len(&batch, &[segloss::Term::new(1.0, &dice)]).unwrap();
                for frequency in [Frequency::Inverse, Frequency::InverseSqrt, Frequency::Median] {
                    let mut ours = vec![f64::NAN; case.c];
                    class_weights(&batch, frequency, &mut ours, &mut vec![0xa5; needed]).unwrap();
                    let theirs = expected(&case, frequency);
                    for (c, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                        let title = format!("{name}, {frequency:?}, class {c}: {ours}, not {theirs}");
                        assert!((ours - theirs).abs() <= 1e-14 * theirs, "{title}");
                    }
                    differing += usize::from(theirs != expected(&everywhere, frequency));
                }
            }
        }
    }
    assert!(differing > 30, "what is annotated makes no difference");
}
