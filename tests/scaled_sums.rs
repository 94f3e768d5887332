//! Scaled class sums: closed forms are ratios, so sums that are 2ᵏ times smaller give the same bits, and slopes 2ᵏ
//! times larger up to 1e30. A denominator below 1e-30 is treated as zero.

use crate::cases::{self, is_served};
use crate::convert_cases::Format;
use crate::convert_losses::form_of;
use crate::list::{is_mean_of_voxels, losses};
use crate::naive::{Case, Form, TermSpec};
use crate::parts::{finish_of, fold_into, searches, with_fields_for_parts};
use segloss::ClassSums;
use segloss::custom::LossKind;
use segloss::parameter::MIN_DENOMINATOR;

const STEEPEST: f64 = 1e30;

fn numbers(sums: &ClassSums) -> [f64; 14] {
    let ClassSums {
        weight: voxels,
        target: truth,
        prediction: predicted,
        intersection: overlap,
        squared_error_positive: missed,
        squared_error_negative: spilled,
        loss_sum: cost,
        loss_weight: charged,
        ..
    } = *sums;
    let [a, b, c, d] = cost;
    let [e, f, g, h] = charged;
    [voxels, truth, predicted, overlap, missed, spilled, a, b, c, d, e, f, g, h]
}

/// Value and slopes of these sums times 2ᵏ, with a term of weight 2ʷ.
fn finish(
    case: &Case,
    term: &TermSpec,
    class_sums: &[ClassSums],
    k: i32,
    weight: i32,
) -> (f64, Vec<[f64; 14]>) {
    let scaled = |sums: &ClassSums| {
        let mut small = ClassSums::ZERO;
        small.add_scaled(2f64.powi(k), sums);
        small
    };
    let class_sums: Vec<ClassSums> = class_sums.iter().map(scaled).collect();
    let mut slopes = vec![ClassSums::ZERO; class_sums.len()];
    let terms = [TermSpec { weight: 2f64.powi(weight), ..term.clone() }];
    let value = finish_of(case, &terms, &Format::exact(case), &class_sums, &mut slopes);
    (value * 2f64.powi(-weight), slopes.iter().map(numbers).collect())
}

#[test]
fn scaled_sums_give_the_same_loss_and_slopes_of_at_most_1e30() {
    let case =
        cases::cases().into_iter().find(|case| case.name == "labels, ignored and weighted").unwrap().case;
    let format = Format::exact(&case);
    for loss in losses() {
        for term in loss.for_classes(case.c) {
            if !is_served(std::slice::from_ref(&term), &case) {
                continue;
            }
            let bare = TermSpec { smooth_numerator: 0.0, smooth_denominator: 0.0, ..term };
            let terms = with_fields_for_parts(&case, &[bare], &format);
            let term = &terms[0];
            let mut class_sums = vec![ClassSums::ZERO; case.b * case.c];
            let searches = searches(&[(case.clone(), terms.clone())], &format);
            fold_into(&case, &terms, &format, &searches, &mut class_sums);
            let (value, slopes) = finish(&case, term, &class_sums, 0, 0);
            assert!(slopes.iter().flatten().any(|&x| x != 0.0), "{}", loss.name);
            let mut held = 0;
            // 2⁻⁹⁰ of a voxel is 8e-28, 2⁻¹³⁰ is 7e-40.
            for (k, weight) in [(-90, 0), (-90, 20), (40, -30), (-90, -20), (-130, 0), (-130, 30)] {
                let title = format!("{}, sums times 2^{k}, weight 2^{weight}", loss.name);
                let (ours, steep) = finish(&case, term, &class_sums, k, weight);
                let is_none = k < -100 && !is_mean_of_voxels(term.form);
                let expected = match (is_none, term.minus_one) {
                    (false, _) => value,
                    (true, false) => 0.0,
                    (true, true) => -1.0,
                };
                assert_eq!(ours.to_bits(), expected.to_bits(), "{title}: {ours:e}, not {expected:e}");
                for (ours, slope) in steep.iter().flatten().zip(slopes.iter().flatten()) {
                    let free = if is_none { 0.0 } else { slope * 2f64.powi(weight - k) };
                    let expected = free.clamp(-STEEPEST, STEEPEST);
                    held += usize::from(expected != free);
                    assert!(*ours == expected, "{title}: a slope of {ours:e}, not {expected:e}");
                }
            }
            assert!(held > 0, "{}: no slope was held", loss.name);
        }
    }
}

/// Sums of a perfect prediction, scaled: slopes are nonzero at a denominator of 1e-30 and zero just below.
#[test]
fn denominators_below_1e_30_have_zero_slopes() {
    let mut regions = 0;
    for loss in losses() {
        for term in loss.for_classes(1).into_iter().filter(|term| !is_mean_of_voxels(term.form)) {
            // A power above 1 has slope 0 at a perfect prediction.
            if matches!(term.form, Form::FocalTversky { gamma, .. } if gamma < 1.0)
                || matches!(term.form, Form::LogDice { gamma } if gamma > 1.0)
            {
                continue;
            }
            regions += 1;
            let form = form_of(&TermSpec { smooth_numerator: 0.0, smooth_denominator: 0.0, ..term.clone() });
            // The denominator of a perfectly predicted class of G voxels: 2·G for Dice and its variants.
            let times = match term.form {
                Form::Dice { .. }
                | Form::GeneralizedDice { .. }
                | Form::Penalty { .. }
                | Form::LogDice { .. } => 2.0,
                _ => 1.0,
            };
            let slopes = |size: f64| -> bool {
                // With as many negative voxels, the second part of (7) has the same denominator.
                let class = ClassSums {
                    weight: 2.0 * size,
                    target: size,
                    prediction: size,
                    intersection: size,
                    ..ClassSums::ZERO
                };
                let slope = match form.kind() {
                    LossKind::Region(form) => form.evaluate(&class).1,
                    LossKind::JointRegion(form) => {
                        let mut slope = [ClassSums::ZERO];
                        form.evaluate(&[class], &[1.0], &mut slope);
                        slope[0]
                    }
                    _ => unreachable!(),
                };
                numbers(&slope).iter().any(|&x| x != 0.0)
            };
            let least = MIN_DENOMINATOR / times;
            assert!(slopes(least), "{}: none at {least:e}", loss.name);
            assert!(!slopes(least.next_down()), "{}: some below {least:e}", loss.name);
        }
    }
    assert!(regions > 30);
}
