//! Outputs of the wrong shape, length or type are refused before anything is written.

use crate::errors::{BOUNDARY, FLAT, LOSS, PAINT, SHAPE, assert_sentence, batch, view};
use segloss::parts::{accumulate, backward, finalize};
use segloss::{
    Batch, ClassSums, Element, Error, Gradient, Outputs, Status, Term, View, ViewMut, differentiate,
    differentiate_in_place, distance_field, evaluate, run,
};

const PAINTED: ClassSums = ClassSums { weight: PAINT, ..ClassSums::ZERO };

#[track_caller]
fn assert_error<T: std::fmt::Debug>(done: Result<T, Error>, status: Status, argument: &str) {
    let error = done.unwrap_err();
    assert_sentence(&error);
    assert_eq!((error.status, error.argument()), (status, argument), "{error}");
}

fn into<'a, T: Element>(data: &'a mut [T], shape: &[usize]) -> ViewMut<'a> {
    ViewMut::new(data, shape).unwrap()
}

fn scratch() -> Vec<u8> {
    vec![0; 1 << 17]
}

/// Calls `differentiate` and `backward` with an output of one repeated value, which must not change.
#[track_caller]
fn refused_gradient<T: Element + PartialEq + std::fmt::Debug>(x: T, shape: &[usize], status: Status) {
    let mut data = vec![x; shape.iter().product()];
    let gradient = Gradient::new(into(&mut data, shape));
    assert_error(differentiate(&batch(), &LOSS, gradient, &mut scratch()), status, "gradient");
    let mapped =
        backward(&batch(), &LOSS, &[ClassSums::ZERO; 6], into(&mut data, shape), false, &mut scratch());
    assert_error(mapped, status, "gradient");
    assert!(data.iter().all(|y| *y == x));
}

#[test]
fn gradient_output_of_another_shape_or_of_integers_is_refused() {
    refused_gradient(PAINT, &[2, 3, 5, 4], Status::Shape);
    refused_gradient(PAINT, &[2, 3, 20], Status::Shape);
    refused_gradient(PAINT, &FLAT, Status::Shape);
    refused_gradient(7u8, &SHAPE, Status::Dtype);
    refused_gradient(7i64, &SHAPE, Status::Dtype);
}

#[test]
fn gradient_scale_that_is_not_finite_is_refused() {
    for scale in [f64::NAN, f64::INFINITY] {
        let mut data = [PAINT; 120];
        let gradient = Gradient { scale, ..Gradient::new(into(&mut data, &SHAPE)) };
        assert_error(differentiate(&batch(), &LOSS, gradient, &mut scratch()), Status::Parameter, "scale");
        assert!(data.iter().all(|&x| x == PAINT));
        let mut slopes = [PAINTED; 6];
        let done = finalize(&batch(), &LOSS, &[ClassSums::ZERO; 6], scale, Some(&mut slopes), &mut scratch());
        assert_error(done, Status::Parameter, "scale");
        assert_eq!(slopes, [PAINTED; 6]);
        let mut logits = [0.5f64; 120];
        let prediction = into(&mut logits, &SHAPE);
        let mut batch = Batch::new(prediction, batch().activation, batch().target);
        let done = differentiate_in_place(&mut batch, &LOSS, scale, &mut scratch());
        assert_error(done, Status::Parameter, "scale");
        assert_eq!(logits, [0.5; 120]);
    }
}

#[test]
fn outputs_of_another_length_are_refused() {
    let mut data = [PAINT; 120];
    for len in [0, 1, 3, 11, 13] {
        let mut numbers = vec![PAINT; len];
        let mut class_sums = vec![PAINTED; len];
        let mut refused = |terms: &mut [f64], classes: &mut [f64], all: &mut [ClassSums], argument| {
            let report = Outputs {
                gradient: Some(Gradient::new(into(&mut data, &SHAPE))),
                term_values: Some(terms),
                class_values: Some(classes),
                class_sums: Some(all),
            };
            assert_error(run(&batch(), &LOSS, report, &mut scratch()), Status::Shape, argument);
        };
        refused(&mut numbers, &mut [PAINT; 12], &mut [PAINTED; 6], "term_values");
        refused(&mut [PAINT; 2], &mut numbers, &mut [PAINTED; 6], "class_values");
        refused(&mut [PAINT; 2], &mut [PAINT; 12], &mut class_sums, "class_sums");
        assert!(numbers.iter().all(|&x| x == PAINT) && class_sums.iter().all(|t| *t == PAINTED));
    }
    assert!(data.iter().all(|&x| x == PAINT));
}

#[test]
fn class_sums_and_slopes_of_another_length_are_refused() {
    for len in [0, 5, 7] {
        let mut short = vec![PAINTED; len];
        let mut data = [PAINT; 120];
        assert_error(accumulate(&batch(), &LOSS, &mut short, &mut scratch()), Status::Shape, "class_sums");
        assert_error(
            finalize(&batch(), &LOSS, &short, 1.0, None, &mut scratch()),
            Status::Shape,
            "class_sums",
        );
        let done = finalize(&batch(), &LOSS, &[ClassSums::ZERO; 6], 1.0, Some(&mut short), &mut scratch());
        assert_error(done, Status::Shape, "slopes");
        let mapped = backward(&batch(), &LOSS, &short, into(&mut data, &SHAPE), false, &mut scratch());
        assert_error(mapped, Status::Shape, "slopes");
        assert!(short.iter().all(|t| *t == PAINTED) && data.iter().all(|&x| x == PAINT));
    }
}

#[test]
fn distance_field_is_refused_for_another_shape_or_a_loss_without_field() {
    let boundary = Term::new(1.0, &BOUNDARY);
    let mut data = [PAINT; 120];
    let mut refused = |term: &Term<'_>, shape: &[usize], status, argument| {
        let len = shape.iter().product();
        let done = distance_field(&batch(), term, into(&mut data[..len], shape), &mut scratch());
        assert_error(done, status, argument);
    };
    refused(&boundary, &FLAT, Status::Shape, "field");
    refused(&boundary, &[2, 3, 20], Status::Shape, "field");
    refused(&LOSS[0], &SHAPE, Status::Unsupported, "term");
    refused(&LOSS[1], &SHAPE, Status::Unsupported, "term");
    let soft = [0.5f32; 120];
    let maps = Batch { target: view(&soft, &SHAPE), ..batch() };
    let done = distance_field(&maps, &boundary, into(&mut data, &SHAPE), &mut scratch());
    assert_error(done, Status::Unsupported, "target");
    assert!(data.iter().all(|&x| x == PAINT));
    let mut halves = [half::f16::ONE; 120];
    let done = distance_field(&batch(), &boundary, into(&mut halves, &SHAPE), &mut scratch());
    assert_error(done, Status::Dtype, "field");
    assert!(halves.iter().all(|&x| x == half::f16::ONE));
}

#[test]
fn views_beyond_their_slice_or_with_overlapping_outputs_are_refused() {
    let mut data = [0f32; 12];
    assert_error(View::new(&data, &[3, 5]), Status::Shape, "data");
    assert_error(View::strided(&data, 0, &[3, 4], &[4]), Status::Strides, "strides");
    assert_error(View::strided(&data, 1, &[3, 4], &[4, 1]), Status::Strides, "strides");
    assert_error(View::strided(&data, 0, &[3, 4], &[-4, 1]), Status::Strides, "strides");
    assert_error(View::strided(&data, 12, &[1], &[1]), Status::Strides, "strides");
    assert_error(View::strided(&data, 0, &[usize::MAX, 4], &[0, 1]), Status::TooLarge, "shape");
    assert_error(View::new(&data[..1], &[1; 17]), Status::Shape, "shape");
    // Inputs may repeat elements; outputs may not.
    assert!(View::strided(&data, 0, &[3, 4], &[0, 1]).is_ok());
    assert_error(ViewMut::strided(&mut data, 0, &[3, 4], &[0, 1]), Status::Strides, "strides");
    assert_error(ViewMut::strided(&mut data, 0, &[3, 4], &[3, 1]), Status::Strides, "strides");
}

#[test]
fn evaluating_a_mutable_batch_does_not_change_the_prediction() {
    let labels = [9u8; 40];
    let mut logits = [0.5f32; 120];
    let prediction = into(&mut logits, &SHAPE);
    let mut bad = Batch::new(prediction, batch().activation, view(&labels, &FLAT));
    assert_error(differentiate_in_place(&mut bad, &LOSS, 1.0, &mut scratch()), Status::Label, "target");
    assert_eq!(logits, [0.5; 120]);
    assert!(evaluate(&batch(), &LOSS, &mut scratch()).is_ok());
}
