//! A batch in parts: class sums add, and the slopes of the whole give the gradient of any part.

use crate::cases::{self, field_of};
use crate::convert_cases::{Float, Format, Inputs, Layout, Outcome, outcome, with_terms};
use crate::formats::{assert_same, assert_same_numbers};
use crate::list::{BOUNDARY, CROSS_ENTROPY, DICE};
use crate::naive::{Activation, Case, Form, Selection, TermSpec};
use crate::parts::{
    Searches, finish_of, fold_into, map_of, part, searches, slab, with_fields, with_fields_for_parts,
};
use crate::precision::reference;
use approx::assert_relative_eq;
use segloss::parts::{TopKSearch, accumulate, backward, finalize, top_k_count};
use segloss::{
    Batch, ClassSums, CrossEntropy, Dice, Gradient, Status, Term, View, ViewMut, differentiate, scratch_len,
};

/// Tolerance of sums of doubles in another order, whose addition is not associative.
const TOLERANCE: f64 = 1e-12;
/// A block of 64 voxels is summed in the precision of the voxels, four per lane: a cut inside a block changes
/// roundings of f32.
const INSIDE_A_BLOCK: f64 = 1e-7;
/// Cuts at multiples of this change no bit.
const CHUNK: usize = 16384;

fn numbers(sums: &ClassSums) -> Vec<f64> {
    let ClassSums {
        weight: voxels,
        target: truth,
        prediction: predicted,
        intersection: overlap,
        squared_error_positive: missed,
        squared_error_negative: spilled,
        minimum,
        reserved,
        loss_sum: cost,
        loss_weight: charged,
    } = *sums;
    let sums = [voxels, truth, predicted, overlap, missed, spilled, minimum];
    sums.into_iter().chain(reserved).chain(cost).chain(charged).collect()
}

#[track_caller]
fn assert_close(ours: &[ClassSums], theirs: &[ClassSums], tolerance: f64, title: &str) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        for (a, b) in numbers(ours).into_iter().zip(numbers(theirs)) {
            // Losses of both signs cancel: relative to one per voxel.
            let size = b.abs().max(theirs.weight);
            assert!((a - b).abs() <= tolerance * size, "{title}: {a:e}, not {b:e}");
        }
    }
}

/// f64, and f32 in another layout.
fn formats(case: &Case) -> [Format; 2] {
    let (exact, layout) = (Format::exact(case), Layout::ChannelsLast);
    [exact, Format { prediction: Float::F32, gradient: Float::F32, layout, ..exact }]
}

#[test]
fn written_field_given_back_yields_the_same_bits() {
    cases::each(|title, case, terms| {
        for format in formats(case) {
            let computed = outcome(case, terms, &format, 1.0).unwrap();
            let given = outcome(case, &with_fields(case, terms, &format), &format, 1.0).unwrap();
            assert_same(&given, &computed, title);
        }
    });
}

#[test]
fn sums_of_parts_equal_the_sums_of_the_whole() {
    cases::each(|title, case, terms| {
        for format in formats(case) {
            let terms = with_fields_for_parts(case, terms, &format);
            let whole = outcome(case, &terms, &format, 1.0).unwrap();
            let rows = case.shape[0];
            for cut in (1..rows).step_by(rows.div_ceil(3)) {
                let parts = [0..cut, cut..rows].map(|rows| part(case, &terms, 0..case.b, rows));
                let searches = searches(&parts, &format);
                let mut sums = parts.each_ref().map(|(part, terms)| {
                    let mut class_sums = vec![ClassSums::ZERO; case.b * case.c];
                    fold_into(part, terms, &format, &searches, &mut class_sums);
                    class_sums
                });
                // An all-reduce adds in any order.
                let (first, rest) = sums.split_at_mut(1);
                rest[0].iter_mut().zip(&first[0]).for_each(|(sum, part)| *sum += part);
                let tolerance = if format.prediction == Float::F64 { TOLERANCE } else { INSIDE_A_BLOCK };
                assert_close(&rest[0], &whole.class_sums, tolerance, title);
                let mut slopes = vec![ClassSums::ZERO; case.b * case.c];
                let value = finish_of(&parts[0].0, &parts[0].1, &format, &rest[0], &mut slopes);
                let (_, size) = reference(case, &terms);
                assert!((value - whole.value).abs() <= tolerance * size, "{title} cut at {cut}");
            }
        }
    });
}

#[test]
fn gradient_of_a_part_equals_that_part_of_the_gradient() {
    cases::each(|title, case, terms| {
        for format in formats(case) {
            let terms = with_fields_for_parts(case, terms, &format);
            let searches = searches(&[(case.clone(), terms.clone())], &format);
            let (class_sums, slopes, whole) = in_three_steps(case, &terms, &format, &searches, title);
            assert_eq!(class_sums, whole.class_sums, "{title}");
            let rows = case.shape[0];
            for rows in [0..1, 1..rows, rows / 2..rows].into_iter().filter(|rows| !rows.is_empty()) {
                let (part, terms) = part(case, &terms, 0..case.b, rows.clone());
                let expected = slab(&whole.gradient, case, case.c, &(0..case.b), &rows);
                assert_same_numbers(&map_of(&part, &terms, &format, &searches, &slopes), &expected, title);
            }
        }
    });
}

/// `accumulate`, `finalize` and `backward` of the whole give the bits of `run`.
fn in_three_steps(
    case: &Case,
    terms: &[TermSpec],
    format: &Format,
    searches: &Searches,
    title: &str,
) -> (Vec<ClassSums>, Vec<ClassSums>, Outcome) {
    let whole = outcome(case, terms, format, 1.0).unwrap();
    let mut class_sums = vec![ClassSums::ZERO; case.b * case.c];
    let mut slopes = class_sums.clone();
    fold_into(case, terms, format, searches, &mut class_sums);
    let value = finish_of(case, terms, format, &class_sums, &mut slopes);
    assert_eq!(value.to_bits(), whole.value.to_bits(), "{title}");
    assert_same_numbers(&map_of(case, terms, format, searches, &slopes), &whole.gradient, title);
    (class_sums, slopes, whole)
}

#[test]
fn samples_accumulate_into_their_own_sums() {
    cases::each(|title, case, terms| {
        let format = Format::exact(case);
        let terms = with_fields_for_parts(case, terms, &format);
        let whole = outcome(case, &terms, &format, 1.0).unwrap();
        let mut class_sums = vec![ClassSums::ZERO; case.b * case.c];
        let parts: Vec<_> = (0..case.b).map(|b| part(case, &terms, b..b + 1, 0..case.shape[0])).collect();
        let searches = searches(&parts, &format);
        for ((part, terms), class_sums) in parts.iter().zip(class_sums.chunks_exact_mut(case.c)) {
            fold_into(part, terms, &format, &searches, class_sums);
        }
        assert_eq!(class_sums, whole.class_sums, "{title}");
    });
}

#[test]
fn parts_cut_at_chunks_and_accumulated_in_order_give_the_bits_of_the_whole() {
    let n = 3 * CHUNK + 100;
    let z: Vec<f64> = (0..2 * n).map(|k| ((k * k % 1009) as f64 - 504.0) / 128.0).collect();
    let labels: Vec<i64> = (0..n).map(|k| (k * k % 13 % 2) as i64).collect();
    let weight = cases::weights(n);
    let case = Case::of_labels(2, &[n], Activation::Softmax, &z, &labels, &[]).weighted(&weight);
    let field = Some((0..2 * n).map(|k| (k % 101) as f64 / 4.0 - 12.5).collect());
    let boundary = TermSpec { field, ..TermSpec::new(BOUNDARY) };
    let top_k = TermSpec::new(Form::TopK(Selection::Fraction(0.1)));
    let terms = [TermSpec::new(DICE), TermSpec::new(CROSS_ENTROPY), boundary, top_k];
    for format in formats(&case) {
        let all = searches(&[(case.clone(), terms.to_vec())], &format);
        let (whole, _, _) = in_three_steps(&case, &terms, &format, &all, "a long row");
        for cuts in [vec![0, CHUNK, 2 * CHUNK, 3 * CHUNK, n], vec![0, 2 * CHUNK, n]] {
            let parts: Vec<_> =
                cuts.windows(2).map(|rows| part(&case, &terms, 0..1, rows[0]..rows[1])).collect();
            let searches = searches(&parts, &format);
            // The threshold, the places and the voxels that share them.
            assert_eq!(searches, all, "{cuts:?}");
            let mut class_sums = vec![ClassSums::ZERO; 2];
            for (part, terms) in &parts {
                fold_into(part, terms, &format, &searches, &mut class_sums);
            }
            assert_eq!(class_sums, whole, "{cuts:?}");
        }
        // Cuts between other units of 256 voxels, and any order, change only sums of doubles.
        let mut class_sums = vec![ClassSums::ZERO; 2];
        let parts = [256 * 75..n, 256..256 * 75, 0..256].map(|rows| part(&case, &terms, 0..1, rows));
        let searches = searches(&parts, &format);
        assert_eq!(searches, all);
        for (part, terms) in &parts {
            fold_into(part, terms, &format, &searches, &mut class_sums);
        }
        assert_close(&class_sums, &whole, TOLERANCE, "between units");
    }
}

#[test]
fn top_k_over_seven_parts_selects_the_voxels_of_the_whole() {
    cases::each(|title, case, terms| {
        let selects = |term: &TermSpec| matches!(term.form, Form::TopK(Selection::Fraction(_)));
        if !terms.iter().any(selects) || case.shape[0] < 7 {
            return;
        }
        for format in formats(case) {
            let terms = with_fields_for_parts(case, terms, &format);
            let whole = searches(&[(case.clone(), terms.clone())], &format);
            let rows = case.shape[0];
            let parts: Vec<_> =
                (0..7).map(|k| part(case, &terms, 0..case.b, k * rows / 7..(k + 1) * rows / 7)).collect();
            assert_eq!(searches(&parts, &format), whole, "{title}");
        }
    });
}

#[test]
fn top_k_search_refuses_unsuitable_terms_and_parts() {
    let (logits, labels) = ([0.5f32, 1.0, -1.0, 0.25], [0u8, 1]);
    let doubles = logits.map(f64::from);
    let softmax = segloss::Activation::Softmax;
    let labels = || View::new(&labels, &[1, 2]).unwrap();
    let single = Batch::new(View::new(&logits, &[1, 2, 2]).unwrap(), softmax, labels());
    let double = Batch::new(View::new(&doubles, &[1, 2, 2]).unwrap(), softmax, labels());
    let (top_k, dice) = (segloss::TopK::default(), Dice::default());
    let threshold = segloss::TopK { selection: segloss::Selection::Threshold(0.5) };
    let terms = [Term::new(1.0, &top_k), Term::new(1.0, &dice), Term::new(1.0, &threshold)];
    let needed = [&single, &double].map(|batch| scratch_len(batch, &terms).unwrap());
    let mut scratch = vec![0; needed[0].max(needed[1])];
    let mut search = TopKSearch::new();
    let status = |result: Result<(), segloss::Error>| result.unwrap_err().status;

    assert_eq!(status(search.narrow(&top_k)), Status::Parameter, "nothing was counted");
    for term in [1, 2, 3] {
        let counted = top_k_count(&single, &terms, term, &mut search, &mut scratch);
        assert_eq!(status(counted), Status::Parameter, "term {term}");
    }
    assert_eq!(search, TopKSearch::new());
    top_k_count(&single, &terms, 0, &mut search, &mut scratch).unwrap();
    let counted = search.clone();
    assert_eq!(status(top_k_count(&double, &terms, 0, &mut search, &mut scratch)), Status::Dtype);
    assert_eq!(status(search.narrow(&threshold)), Status::Parameter);
    assert_eq!(search, counted);
    search.narrow(&top_k).unwrap();
    assert_eq!(status(search.merge(&counted)), Status::Parameter, "another round");
    let unfinished = [Term { top_k_search: Some(&search), ..terms[0] }];
    let mut sums = [ClassSums::ZERO; 2];
    assert_eq!(status(accumulate(&single, &unfinished, &mut sums, &mut scratch)), Status::Parameter);
    let mut search = search.clone();
    while !search.is_done() {
        top_k_count(&single, &terms, 0, &mut search, &mut scratch).unwrap();
        search.narrow(&top_k).unwrap();
    }
    assert_eq!(status(search.narrow(&top_k)), Status::Parameter, "it is done");
    assert_eq!(status(top_k_count(&single, &terms, 0, &mut search, &mut scratch)), Status::Parameter);
    let searched = |term: Term<'_>| -> Result<(), segloss::Error> {
        let mut sums = [ClassSums::ZERO; 2];
        accumulate(&single, &[Term { top_k_search: Some(&search), ..term }], &mut sums, &mut vec![0; 1 << 20])
    };
    assert_eq!(searched(terms[0]), Ok(()));
    assert_eq!(status(searched(terms[1])), Status::Parameter, "Dice selects nothing");
    assert_eq!(status(searched(terms[2])), Status::Parameter, "a threshold needs no search");
    let given = [Term { top_k_search: Some(&search), ..terms[0] }];
    assert_eq!(status(accumulate(&double, &given, &mut sums, &mut scratch)), Status::Dtype);
    assert_eq!(
        segloss::evaluate(&single, &given, &mut scratch),
        segloss::evaluate(&single, &terms[..1], &mut scratch)
    );
}

#[test]
fn unfinished_search_is_refused_before_anything_is_written() {
    let shape = [1, 2, 4];
    let logits: [f32; 8] = core::array::from_fn(|k| (k * k % 7) as f32 - 2.0);
    let (labels, search) = ([0u8, 1, 1, 0], TopKSearch::new());
    let (top_k, dice) = (segloss::TopK::default(), Dice::default());
    let (alone, beside) = (Term::new(1.0, &top_k), Term::new(1.0, &dice));
    let unfinished = Term { top_k_search: Some(&search), ..alone };
    let softmax = segloss::Activation::Softmax;
    let labels = || View::new(&labels, &[1, 4]).unwrap();
    for terms in [&[unfinished][..], &[beside, unfinished], &[alone, unfinished], &[unfinished, alone]] {
        let batch = Batch::new(View::new(&logits, &shape).unwrap(), softmax, labels());
        let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
        let mut gradient = [7.0f32; 8];
        let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
        let refused = differentiate(&batch, terms, into, &mut scratch).unwrap_err();
        assert_eq!((refused.status, refused.argument()), (Status::Parameter, "top_k_search"));
        assert_eq!(gradient, [7.0; 8]);
        let mut prediction = logits;
        let in_place = ViewMut::new(&mut prediction, &shape).unwrap();
        let mut batch = Batch::new(in_place, softmax, labels());
        segloss::differentiate_in_place(&mut batch, terms, 1.0, &mut scratch).unwrap_err();
        assert_eq!(prediction, logits);
    }
}

#[test]
fn parts_refuse_missing_fields_and_unfinished_top_k_searches() {
    cases::each(|title, case, terms| {
        let inputs = Inputs::new(case, terms, &Format::exact(case));
        with_terms(terms, &inputs, |crate_terms| {
            let batch = inputs.batch(inputs.prediction.view());
            let mut class_sums = vec![ClassSums { weight: 7.0, ..ClassSums::ZERO }; case.b * case.c];
            let mut scratch = vec![0; scratch_len(&batch, crate_terms).unwrap()];
            let slot = |refused: &dyn Fn(&TermSpec) -> bool| terms.iter().position(refused);
            let without_field =
                slot(&|term| field_of(term.form).is_some()).map(|k| (Status::MissingField, k));
            let fraction = slot(&|term| matches!(term.form, Form::TopK(Selection::Fraction(_))))
                .map(|k| (Status::Unsupported, k));
            match (without_field.or(fraction), accumulate(&batch, crate_terms, &mut class_sums, &mut scratch))
            {
                (None, done) => assert_eq!(done, Ok(()), "{title}"),
                (Some((status, slot)), done) => {
                    let error = done.unwrap_err();
                    assert_eq!((error.status, error.term), (status, Some(slot)), "{title}");
                    assert!(class_sums.iter().all(|sums| sums.weight == 7.0), "{title}");
                }
            }
        });
    });
}

#[test]
fn parts_can_be_views_and_backward_can_run_in_place() {
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

    // Rows 0 to 1 and 2 to 6 of the second spatial axis: views with the strides of the whole, no copy.
    let slabs = [(0, [2, 2, 5, 2, 3]), (2, [2, 2, 5, 5, 3])];
    let strides = [210, 105, 21, 3, 1];
    let part = |&(plane, shape): &(usize, [usize; 5])| {
        let prediction = View::strided(&logits, plane * 3, &shape, &strides).unwrap();
        let flat = [shape[0], shape[2], shape[3], shape[4]];
        Batch::new(prediction, softmax, View::strided(&labels, plane * 3, &flat, &[105, 21, 3, 1]).unwrap())
    };
    let mut class_sums = [ClassSums::ZERO; 4];
    for slab in &slabs {
        accumulate(&part(slab), &loss, &mut class_sums, &mut scratch).unwrap();
    }
    let mut slopes = [ClassSums::ZERO; 4];
    let merged = finalize(&whole, &loss, &class_sums, 1.0, Some(&mut slopes), &mut scratch).unwrap();
    assert_relative_eq!(merged, value, max_relative = TOLERANCE);
    let mut gradient = vec![0.0; 420];
    for slab in &slabs {
        let into = ViewMut::strided(&mut gradient, slab.0 * 3, &slab.1, &strides).unwrap();
        backward(&part(slab), &loss, &slopes, into, false, &mut scratch).unwrap();
    }
    assert_relative_eq!(gradient[..], expected[..], max_relative = 1e-11);
}
