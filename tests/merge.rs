//! A batch in parts: tallies add, and the slopes of the whole make the gradient of any part.

use crate::bridge::{Float, Format, Inputs, Layout, Outcome, outcome, with_terms};
use crate::cases::{self, field_of};
use crate::formats::{assert_same, assert_same_numbers};
use crate::list::{BOUNDARY, CROSS_ENTROPY, DICE};
use crate::naive::{Activation, Case, TermSpec};
use crate::parts::{
    finish_of, fold_into, have_parts, map_of, part, slab, with_fields, with_fields_for_parts,
};
use approx::assert_relative_eq;
use segloss::{
    Batch, CrossEntropy, Dice, Gradient, Status, Tally, Term, View, ViewMut, differentiate, finish, fold,
    map, scratch_len,
};

/// Addition of doubles is not associative, and no more than this is lost by another order.
const TOLERANCE: f64 = 1e-12;
/// A block of 64 voxels is summed in the precision of the voxels, four to a lane: a cut inside of a block
/// moves roundings of f32.
const INSIDE_A_BLOCK: f64 = 1e-7;
/// Cuts at its multiples change no bit.
const CHUNK: usize = 16384;

fn numbers(tally: &Tally) -> Vec<f64> {
    let Tally { voxels, truth, predicted, overlap, missed, spilled, minimum, reserved, cost, charged } =
        *tally;
    let sums = [voxels, truth, predicted, overlap, missed, spilled, minimum];
    sums.into_iter().chain(reserved).chain(cost).chain(charged).collect()
}

#[track_caller]
fn assert_close(ours: &[Tally], theirs: &[Tally], tolerance: f64, title: &str) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        for (a, b) in numbers(ours).into_iter().zip(numbers(theirs)) {
            // Costs of both signs cancel: relative to one per voxel.
            let size = b.abs().max(theirs.voxels);
            assert!((a - b).abs() <= tolerance * size, "{title}: {a:e}, not {b:e}");
        }
    }
}

/// f64, and f32 otherwise laid out.
fn formats(case: &Case) -> [Format; 2] {
    let (exact, layout) = (Format::exact(case), Layout::ChannelsLast);
    [exact, Format { prediction: Float::F32, gradient: Float::F32, layout, ..exact }]
}

/// Calls `law` with every loss that can be computed in parts.
fn each_of_parts(mut law: impl FnMut(&str, &Case, &[TermSpec])) {
    cases::each(|title, case, terms| {
        if have_parts(terms) {
            law(title, case, terms);
        }
    });
}

#[test]
fn a_field_given_back_is_the_field_computed() {
    cases::each(|title, case, terms| {
        for format in formats(case) {
            let computed = outcome(case, terms, &format, 1.0).unwrap();
            let given = outcome(case, &with_fields(case, terms, &format), &format, 1.0).unwrap();
            assert_same(&given, &computed, title);
        }
    });
}

#[test]
fn the_whole_is_the_sum_of_its_parts_wherever_it_is_cut() {
    each_of_parts(|title, case, terms| {
        for format in formats(case) {
            let terms = with_fields_for_parts(case, terms, &format);
            let whole = outcome(case, &terms, &format, 1.0).unwrap();
            let rows = case.shape[0];
            for cut in (1..rows).step_by(rows.div_ceil(3)) {
                let parts = [0..cut, cut..rows].map(|rows| part(case, &terms, 0..case.b, rows));
                let mut sums = parts.each_ref().map(|(part, terms)| {
                    let mut tallies = vec![Tally::ZERO; case.b * case.c];
                    fold_into(part, terms, &format, &mut tallies);
                    tallies
                });
                // An all-reduce adds them in any order.
                let (first, rest) = sums.split_at_mut(1);
                rest[0].iter_mut().zip(&first[0]).for_each(|(sum, part)| *sum += part);
                let tolerance = if format.prediction == Float::F64 { TOLERANCE } else { INSIDE_A_BLOCK };
                assert_close(&rest[0], &whole.tallies, tolerance, title);
                let mut slopes = vec![Tally::ZERO; case.b * case.c];
                let value = finish_of(&parts[0].0, &parts[0].1, &format, &rest[0], &mut slopes);
                let size = whole.value.abs().max(1.0);
                assert!((value - whole.value).abs() <= tolerance * size, "{title} cut at {cut}");
            }
        }
    });
}

#[test]
fn the_gradient_of_a_part_is_that_part_of_the_gradient() {
    each_of_parts(|title, case, terms| {
        for format in formats(case) {
            let terms = with_fields_for_parts(case, terms, &format);
            let (tallies, slopes, whole) = in_three_steps(case, &terms, &format, title);
            assert_eq!(tallies, whole.tallies, "{title}");
            let rows = case.shape[0];
            for rows in [0..1, 1..rows, rows / 2..rows].into_iter().filter(|rows| !rows.is_empty()) {
                let (part, terms) = part(case, &terms, 0..case.b, rows.clone());
                let expected = slab(&whole.gradient, case, case.c, &(0..case.b), &rows);
                assert_same_numbers(&map_of(&part, &terms, &format, &slopes), &expected, title);
            }
        }
    });
}

/// fold, finish, map of the whole, which is what `run` does: the same bits.
fn in_three_steps(
    case: &Case,
    terms: &[TermSpec],
    format: &Format,
    title: &str,
) -> (Vec<Tally>, Vec<Tally>, Outcome) {
    let whole = outcome(case, terms, format, 1.0).unwrap();
    let mut tallies = vec![Tally::ZERO; case.b * case.c];
    let mut slopes = tallies.clone();
    fold_into(case, terms, format, &mut tallies);
    let value = finish_of(case, terms, format, &tallies, &mut slopes);
    assert_eq!(value.to_bits(), whole.value.to_bits(), "{title}");
    assert_same_numbers(&map_of(case, terms, format, &slopes), &whole.gradient, title);
    (tallies, slopes, whole)
}

#[test]
fn samples_fold_into_their_own_tallies() {
    each_of_parts(|title, case, terms| {
        let format = Format::exact(case);
        let terms = with_fields_for_parts(case, terms, &format);
        let whole = outcome(case, &terms, &format, 1.0).unwrap();
        let mut tallies = vec![Tally::ZERO; case.b * case.c];
        for (b, tallies) in tallies.chunks_exact_mut(case.c).enumerate() {
            let (part, terms) = part(case, &terms, b..b + 1, 0..case.shape[0]);
            fold_into(&part, &terms, &format, tallies);
        }
        assert_eq!(tallies, whole.tallies, "{title}");
    });
}

#[test]
fn parts_cut_at_chunks_and_folded_in_order_give_the_bits_of_the_whole() {
    let n = 3 * CHUNK + 100;
    let z: Vec<f64> = (0..2 * n).map(|k| ((k * k % 1009) as f64 - 504.0) / 128.0).collect();
    let labels: Vec<i64> = (0..n).map(|k| (k * k % 13 % 2) as i64).collect();
    let weight = cases::weights(n);
    let case = Case::of_labels(2, &[n], Activation::Softmax, &z, &labels, &[]).weighted(&weight);
    let field = Some((0..2 * n).map(|k| (k % 101) as f64 / 4.0 - 12.5).collect());
    let boundary = TermSpec { field, ..TermSpec::new(BOUNDARY) };
    let terms = [TermSpec::new(DICE), TermSpec::new(CROSS_ENTROPY), boundary];
    for format in formats(&case) {
        let (whole, _, _) = in_three_steps(&case, &terms, &format, "a long row");
        for cuts in [vec![0, CHUNK, 2 * CHUNK, 3 * CHUNK, n], vec![0, 2 * CHUNK, n]] {
            let mut tallies = vec![Tally::ZERO; 2];
            for rows in cuts.windows(2) {
                let (part, terms) = part(&case, &terms, 0..1, rows[0]..rows[1]);
                fold_into(&part, &terms, &format, &mut tallies);
            }
            assert_eq!(tallies, whole, "{cuts:?}");
        }
        // Elsewhere between blocks, and in any order, only sums of doubles change.
        let mut tallies = vec![Tally::ZERO; 2];
        for rows in [64 * 301..n, 64..64 * 301, 0..64] {
            let (part, terms) = part(&case, &terms, 0..1, rows);
            fold_into(&part, &terms, &format, &mut tallies);
        }
        assert_close(&tallies, &whole, TOLERANCE, "between blocks");
    }
}

#[test]
fn parts_compute_no_field_and_know_no_fraction_of_the_whole() {
    cases::each(|title, case, terms| {
        let inputs = Inputs::new(case, terms, &Format::exact(case));
        with_terms(terms, &inputs, |crate_terms| {
            let batch = inputs.batch(inputs.prediction.view());
            let mut tallies = vec![Tally { voxels: 7.0, ..Tally::ZERO }; case.b * case.c];
            let mut scratch = vec![0; scratch_len(&batch, crate_terms).unwrap()];
            let slot = |refused: &dyn Fn(&TermSpec) -> bool| terms.iter().position(refused);
            let without_field =
                slot(&|term| field_of(term.form).is_some()).map(|k| (Status::MissingField, k));
            let fraction =
                slot(&|term| !have_parts(std::slice::from_ref(term))).map(|k| (Status::Unsupported, k));
            match (without_field.or(fraction), fold(&batch, crate_terms, &mut tallies, &mut scratch)) {
                (None, done) => assert_eq!(done, Ok(()), "{title}"),
                (Some((status, slot)), done) => {
                    let error = done.unwrap_err();
                    assert_eq!((error.status, error.term), (status, Some(slot)), "{title}");
                    assert!(tallies.iter().all(|tally| tally.voxels == 7.0), "{title}");
                }
            }
        });
    });
}

#[test]
fn parts_may_be_views_of_the_whole_and_map_over_it() {
    let shape = [2, 2, 5, 7, 3];
    let logits: Vec<f64> = (0..420).map(|k| (k * k % 61) as f64 / 16.0 - 2.0).collect();
    let labels: Vec<u8> = (0..210).map(|k| (k * k % 7 % 2) as u8).collect();
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let loss = [Term::new(1.0, &dice), Term::new(0.5, &cross_entropy)];
    let softmax = segloss::Activation::Softmax;
    let whole =
        Batch::new(View::new(&logits, &shape).unwrap(), softmax, View::new(&labels, &[2, 5, 7, 3]).unwrap());
    let mut scratch = vec![0; scratch_len(&whole, &loss).unwrap()];
    let mut expected = vec![0.0; 420];
    let into = Gradient::new(ViewMut::new(&mut expected, &shape).unwrap());
    let value = differentiate(&whole, &loss, into, &mut scratch).unwrap();

    // Planes 0 to 1 and 2 to 4 of the third axis but one: no copy, the strides of the whole.
    let slabs = [(0, [2, 2, 5, 2, 3]), (2, [2, 2, 5, 5, 3])];
    let strides = [210, 105, 21, 3, 1];
    let part = |&(plane, shape): &(usize, [usize; 5])| {
        let prediction = View::strided(&logits, plane * 3, &shape, &strides).unwrap();
        let flat = [shape[0], shape[2], shape[3], shape[4]];
        Batch::new(prediction, softmax, View::strided(&labels, plane * 3, &flat, &[105, 21, 3, 1]).unwrap())
    };
    let mut tallies = [Tally::ZERO; 4];
    for slab in &slabs {
        fold(&part(slab), &loss, &mut tallies, &mut scratch).unwrap();
    }
    let mut slopes = [Tally::ZERO; 4];
    let merged = finish(&whole, &loss, &tallies, 1.0, Some(&mut slopes), &mut scratch).unwrap();
    assert_relative_eq!(merged, value, max_relative = TOLERANCE);
    let mut gradient = vec![0.0; 420];
    for slab in &slabs {
        let into = ViewMut::strided(&mut gradient, slab.0 * 3, &slab.1, &strides).unwrap();
        map(&part(slab), &loss, &slopes, into, false, &mut scratch).unwrap();
    }
    assert_relative_eq!(gradient[..], expected[..], max_relative = 1e-11);
}
