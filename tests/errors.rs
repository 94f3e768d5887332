//! Input checks: which inputs are refused, what the error names, and that no output is written.

use segloss::parts::accumulate;
use segloss::region::Squares;
use segloss::{
    Activation, Batch, Boundary, ClassSums, CrossEntropy, Dice, Error, Gradient, MAX_TERMS, Outputs, Status,
    Term, Tversky, View, ViewMut, run, scratch_len,
};

pub const SHAPE: [usize; 4] = [2, 3, 4, 5];
pub const FLAT: [usize; 3] = [2, 4, 5];
const LOGITS: [f32; 120] = [0.25; 120];
const LABELS: [u8; 40] = [1; 40];
const WEIGHTS: [f32; 40] = [0.5; 40];
const MAPS: [f32; 120] = [1.0; 120];

const DICE: Dice = Dice { squares: Squares::Linear, smooth_numerator: 1e-5, smooth_denominator: 1e-5 };
const TVERSKY: Tversky = Tversky { alpha: 0.3, beta: 0.7, smooth_numerator: 1e-5, smooth_denominator: 1e-5 };
const CROSS_ENTROPY: CrossEntropy =
    CrossEntropy { label_smoothing: 0.0, normalizer: segloss::custom::Normalizer::Voxels };
pub const BOUNDARY: Boundary = Boundary { rim_zero: false };
pub const LOSS: [Term<'static>; 2] = [Term::new(1.0, &DICE), Term::new(1.0, &CROSS_ENTROPY)];

pub fn view<'a, T: segloss::Element>(data: &'a [T], shape: &[usize]) -> View<'a> {
    View::new(data, shape).unwrap()
}

pub fn batch() -> Batch<'static> {
    Batch::new(view(&LOGITS, &SHAPE), Activation::Softmax, view(&LABELS, &FLAT))
}

fn labelled(labels: &[u8]) -> Batch<'_> {
    Batch { target: view(labels, &FLAT), ..batch() }
}

/// The value of outputs before a call; no loss has it.
pub const PAINT: f64 = -12345.0;

/// Returns the error of a run; asserts that no output has changed and that the message is complete.
#[track_caller]
fn refused_with(batch: &Batch<'_>, terms: &[Term<'_>], scratch: &mut [u8]) -> Error {
    let painted = ClassSums { weight: PAINT, ..ClassSums::ZERO };
    let shape = batch.prediction.shape().to_vec();
    let all: usize = shape.iter().take(2).product();
    let mut gradient = vec![PAINT; shape.iter().product()];
    let (mut term_values, mut class_values) = (vec![PAINT; terms.len()], vec![PAINT; terms.len() * all]);
    let mut class_sums = vec![painted; all];
    let report = Outputs {
        gradient: Some(Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap())),
        term_values: Some(&mut term_values),
        class_values: Some(&mut class_values),
        class_sums: Some(&mut class_sums),
    };
    let error = run(batch, terms, report, scratch).unwrap_err();
    let numbers = gradient.iter().chain(&term_values).chain(&class_values);
    assert!(numbers.into_iter().all(|&x| x == PAINT) && class_sums.iter().all(|t| *t == painted), "{error}");
    // `accumulate` returns the same error, or that it computes no field.
    let of_fold = accumulate(batch, terms, &mut class_sums, scratch).unwrap_err();
    assert!(of_fold == error || of_fold.status == Status::MissingField, "{of_fold}, not {error}");
    assert!(class_sums.iter().all(|t| *t == painted), "{error}");
    assert_sentence(&error);
    error
}

#[track_caller]
pub fn assert_sentence(error: &Error) {
    let sentence = error.to_string();
    let term = error.term.map_or(String::new(), |term| format!("term {term}: "));
    let place = error.index.map_or(String::new(), |index| format!(" at index {index}"));
    let is_out_of_range = error.status == Status::Parameter;
    let kind = if is_out_of_range { String::new() } else { format!(": {}", error.status.name()) };
    let given = error.given().map_or(String::new(), |x| format!(": {x}"));
    let needed = error.needed().map_or(String::new(), |x| format!("{x}, "));
    assert_eq!(
        sentence,
        format!(
            "{term}invalid {}{place}{kind}{given} (expected {needed}{})",
            error.argument(),
            error.expected()
        )
    );
    assert!(
        sentence.is_ascii() && !error.expected().is_empty() && !error.expected().ends_with('.'),
        "{sentence}"
    );
}

#[track_caller]
fn refused(batch: &Batch<'_>, terms: &[Term<'_>]) -> (Status, &'static str, Option<usize>) {
    let error = refused_with(batch, terms, &mut [0; 1 << 17]);
    (error.status, error.argument(), error.index)
}

#[test]
fn unmodified_batch_is_accepted() {
    assert!(run(&batch(), &LOSS, Outputs::default(), &mut [0; 1 << 17]).is_ok());
}

#[test]
fn inconsistent_shapes_are_refused() {
    let prediction = |shape: &[usize]| Batch { prediction: view(&LOGITS, shape), ..batch() };
    assert_eq!(refused(&prediction(&[120]), &LOSS), (Status::Shape, "prediction", None));
    assert_eq!(refused(&prediction(&[2, 60]), &LOSS), (Status::Shape, "prediction", None));
    assert_eq!(refused(&prediction(&[2, 3, 20]), &LOSS), (Status::Shape, "target", Some(1)));
    assert_eq!(refused(&prediction(&[2, 3, 5, 4]), &LOSS), (Status::Shape, "target", Some(1)));
    let target = |target| refused(&Batch { target, ..batch() }, &LOSS);
    assert_eq!(target(view(&LABELS, &[40])), (Status::Shape, "target", None));
    assert_eq!(target(view(&LABELS, &[2, 2, 2, 5])), (Status::Shape, "target", Some(1)));
    assert_eq!(target(view(&WEIGHTS, &FLAT)), (Status::Shape, "target", None), "floating labels");
    let weighted = |weight| refused(&Batch { voxel_weight: Some(weight), ..batch() }, &LOSS);
    assert_eq!(weighted(view(&WEIGHTS, &[2, 1, 4, 5])), (Status::Shape, "voxel_weight", None));
    assert_eq!(weighted(view(&MAPS, &SHAPE)), (Status::Shape, "voxel_weight", None));
    let present = |flags: &[u8]| refused(&Batch { class_present: Some(flags), ..batch() }, &LOSS);
    assert_eq!(present(&[1; 5]), (Status::Shape, "class_present", None));
    assert_eq!(present(&[1; 7]), (Status::Shape, "class_present", None));
}

#[test]
fn target_with_one_channel_is_read_as_labels() {
    let target = view(&LABELS, &[2, 1, 4, 5]);
    let value = |batch: &Batch<'_>| run(batch, &LOSS, Outputs::default(), &mut [0; 1 << 17]).unwrap();
    assert_eq!(value(&Batch { target, ..batch() }), value(&batch()));
}

#[test]
fn unsupported_element_types_are_refused() {
    let integers = [0i32; 120];
    let prediction = Batch { prediction: view(&integers, &SHAPE), ..batch() };
    assert_eq!(refused(&prediction, &LOSS), (Status::Dtype, "prediction", None));
    let weight = Batch { voxel_weight: Some(view(&integers[..40], &FLAT)), ..batch() };
    assert_eq!(refused(&weight, &LOSS), (Status::Dtype, "voxel_weight", None));
    let signed = Batch { voxel_weight: Some(view(&[1i8; 40], &FLAT)), ..batch() };
    assert_eq!(refused(&signed, &LOSS), (Status::Dtype, "voxel_weight", None));
    let field = [Term { field: Some(view(&integers, &SHAPE)), ..Term::new(1.0, &BOUNDARY) }];
    assert_eq!(refused(&batch(), &field), (Status::Dtype, "field", None));
}

#[test]
fn error_names_the_voxel_of_an_invalid_label_unless_it_is_ignored() {
    for (sample, voxel) in [(0, 0), (0, 19), (1, 7)] {
        let at = sample * 20 + voxel;
        let mut labels = LABELS;
        labels[at] = 3;
        labels[39] = 200;
        assert_eq!(refused(&labelled(&labels), &LOSS), (Status::Label, "target", Some(at)));
        let good = |batch: Batch<'_>| run(&batch, &LOSS, Outputs::default(), &mut [0; 1 << 17]).is_ok();
        assert!(good(Batch { ignore: &[3, 200], ..labelled(&labels) }));
        let mut weights = WEIGHTS;
        (weights[at], weights[39]) = (0.0, 0.0);
        assert!(good(Batch { voxel_weight: Some(view(&weights, &FLAT)), ..labelled(&labels) }));
    }
    // For every type, including labels that truncation to 8 or 32 bits would make valid.
    for bad in [-1i64, 3, 256, 1 << 32, i64::MIN, i64::MAX] {
        let mut labels = [1i64; 40];
        labels[21] = bad;
        let target = Batch { target: view(&labels, &FLAT), ..batch() };
        assert_eq!(refused(&target, &LOSS), (Status::Label, "target", Some(21)), "{bad}");
    }
    // The largest u64 has the bits of -1, which is not the same label.
    let mut labels = [1u64; 40];
    labels[21] = u64::MAX;
    let target = Batch { target: view(&labels, &FLAT), ignore: &[-1], ..batch() };
    assert_eq!(refused(&target, &LOSS), (Status::Label, "target", Some(21)));
    // For one class, labels are 0 and 1.
    let labels = [2u8; 40];
    let one = Batch::new(view(&MAPS[..40], &[2, 1, 4, 5]), Activation::Sigmoid, view(&labels, &FLAT));
    assert_eq!(refused(&one, &LOSS), (Status::Label, "target", Some(0)));
}

#[test]
fn error_names_the_voxel_of_a_mask_value_other_than_0_or_1() {
    let mut masks = [1u8; 120];
    masks[60 + 40 + 9] = 2;
    masks[60 + 20 + 13] = 7;
    let target = Batch { target: view(&masks, &SHAPE), ..batch() };
    assert_eq!(refused(&target, &LOSS), (Status::Label, "target", Some(29)));
    macro_rules! bits_of_one_are_no_one {
        ($($type:ty),*) => {$(
            let mut masks = [1 as $type; 120];
            masks[60 + 40 + 9] = <$type>::MAX;
            masks[60 + 20 + 13] = <$type>::MIN | 1 << (<$type>::BITS - 1);
            let target = Batch { target: view(&masks, &SHAPE), ..batch() };
            assert_eq!(refused(&target, &LOSS), (Status::Label, "target", Some(29)), stringify!($type));
        )*};
    }
    bits_of_one_are_no_one!(u8, u16, u32, u64, i8, i16, i32, i64);
    // The masks of a class that is not annotated are not read.
    let target = Batch { class_present: Some(&[1, 1, 1, 1, 0, 0]), ..target };
    assert!(run(&target, &LOSS, Outputs::default(), &mut [0; 1 << 17]).is_ok());
}

#[test]
fn error_names_the_voxel_of_an_invalid_weight() {
    for bad in [f32::NAN, f32::INFINITY, -1.0, -1e-30] {
        let mut weights = WEIGHTS;
        (weights[33], weights[38]) = (bad, bad);
        let weighted = Batch { voxel_weight: Some(view(&weights, &FLAT)), ..batch() };
        assert_eq!(refused(&weighted, &LOSS), (Status::Parameter, "voxel_weight", Some(33)), "{bad}");
    }
}

#[test]
fn undefined_options_are_refused() {
    let one = Batch::new(view(&MAPS[..40], &[2, 1, 4, 5]), Activation::Softmax, view(&LABELS, &FLAT));
    assert_eq!(refused(&one, &LOSS), (Status::Unsupported, "activation", None));
    let maps = Batch { target: view(&MAPS, &SHAPE), ignore: &[255], ..batch() };
    assert_eq!(refused(&maps, &LOSS), (Status::Unsupported, "ignore", None));
    let spaced = |spacing: &[f64]| refused(&Batch { spacing: Some(spacing), ..batch() }, &LOSS);
    assert_eq!(spaced(&[1.0]), (Status::Shape, "spacing", None));
    assert_eq!(spaced(&[1.0; 3]), (Status::Shape, "spacing", None));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(spaced(&[1.0, bad]), (Status::Parameter, "spacing", Some(1)), "{bad}");
    }
}

#[test]
fn distance_losses_refuse_soft_targets_and_name_the_first_voxel() {
    let mut maps = MAPS;
    maps[60 + 40 + 3] = 0.5;
    maps[60 + 11] = 0.25;
    let soft = Batch { target: view(&maps, &SHAPE), ..batch() };
    let boundary = [Term::new(1.0, &DICE), Term::new(1.0, &BOUNDARY)];
    assert_eq!(refused(&soft, &boundary), (Status::Unsupported, "target", Some(23)));
    let field = Some(view(&MAPS, &SHAPE));
    assert!(run(&soft, &[Term { field, ..boundary[1] }], Outputs::default(), &mut [0; 1 << 17]).is_ok());
}

/// Returns the error of the second term; asserts that it names the term.
#[track_caller]
fn refused_term(term: Term<'_>) -> (Status, &'static str, Option<usize>) {
    let error = refused_with(&batch(), &[LOSS[0], term], &mut [0; 1 << 17]);
    assert_eq!(error.term, Some(1), "{error}");
    (error.status, error.argument(), error.index)
}

#[test]
fn error_names_term_and_parameter_out_of_range() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let parameter = |name| (Status::Parameter, name, None);
        let smooth = Dice { smooth_numerator: bad, ..DICE };
        assert_eq!(refused_term(Term::new(1.0, &smooth)), parameter("smooth_numerator"));
        let smooth = Dice { smooth_denominator: bad, ..DICE };
        assert_eq!(refused_term(Term::new(1.0, &smooth)), parameter("smooth_denominator"));
        assert_eq!(refused_term(Term::new(1.0, &Tversky { alpha: bad, ..TVERSKY })), parameter("alpha"));
        assert_eq!(refused_term(Term::new(1.0, &Tversky { beta: bad, ..TVERSKY })), parameter("beta"));
        let smoothed = CrossEntropy { label_smoothing: bad, ..CROSS_ENTROPY };
        assert_eq!(refused_term(Term::new(1.0, &smoothed)), parameter("label_smoothing"));
    }
    let smoothed = CrossEntropy { label_smoothing: 1.1, ..CROSS_ENTROPY };
    assert_eq!(refused_term(Term::new(1.0, &smoothed)), (Status::Parameter, "label_smoothing", None));
    assert_eq!(refused_term(Term::new(f64::NAN, &DICE)), (Status::Parameter, "weight", None));
}

#[test]
fn invalid_class_weights_and_fields_are_refused() {
    let weighed = |weights: &[f64]| refused_term(Term { class_weight: Some(weights), ..LOSS[0] });
    assert_eq!(weighed(&[1.0, 2.0]), (Status::Shape, "class_weight", None));
    assert_eq!(weighed(&[0.0; 3]), (Status::Parameter, "class_weight", None));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(weighed(&[1.0, bad, -1.0]), (Status::Parameter, "class_weight", Some(1)), "{bad}");
    }
    let field = Some(view(&MAPS, &[2, 3, 20]));
    assert_eq!(refused_term(Term { field, ..Term::new(1.0, &BOUNDARY) }), (Status::Shape, "field", None));
}

#[test]
fn number_of_terms_must_be_one_to_four() {
    assert_eq!(refused(&batch(), &[]), (Status::Parameter, "terms", None));
    assert_eq!(refused(&batch(), &[LOSS[0]; MAX_TERMS + 1]), (Status::Parameter, "terms", None));
    assert!(run(&batch(), &[LOSS[0]; MAX_TERMS], Outputs::default(), &mut [0; 1 << 17]).is_ok());
}

#[test]
fn short_scratch_is_refused() {
    let needed = scratch_len(&batch(), &LOSS).unwrap();
    for len in [0, 1, 64, needed - 64] {
        let error = refused_with(&batch(), &LOSS, &mut vec![0; len]);
        assert_eq!((error.status, error.argument()), (Status::Scratch, "scratch"));
    }
}

/// The refused number and the needed number of an error.
#[track_caller]
fn numbers_of(error: Error) -> (Option<f64>, Option<f64>) {
    assert_sentence(&error);
    (error.given(), error.needed())
}

#[test]
fn errors_contain_the_refused_and_the_needed_number() {
    let refused = |batch: &Batch<'_>, terms: &[Term<'_>]| refused_with(batch, terms, &mut [0; 1 << 17]);
    let numbers = |batch: &Batch<'_>, terms: &[Term<'_>]| numbers_of(refused(batch, terms));
    // Labels, with their stored value.
    for bad in [-7i64, 3, 1 << 40, i64::MIN] {
        let mut labels = [1i64; 40];
        labels[21] = bad;
        let target = Batch { target: view(&labels, &FLAT), ..batch() };
        assert_eq!(numbers(&target, &LOSS), (Some(bad as f64), None));
    }
    let mut labels = [1u64; 40];
    labels[33] = u64::MAX;
    let target = Batch { target: view(&labels, &FLAT), ..batch() };
    assert_eq!(numbers(&target, &LOSS), (Some(u64::MAX as f64), None));
    // A mask value, from the first annotated class with an invalid value at the voxel.
    let mut masks = [1i16; 120];
    (masks[60 + 9], masks[60 + 40 + 9]) = (5, -2);
    let target = Batch { target: view(&masks, &SHAPE), ..batch() };
    assert_eq!(numbers(&target, &LOSS), (Some(5.0), None));
    let present = Batch { class_present: Some(&[1, 1, 1, 0, 1, 1]), ..target };
    assert_eq!(numbers(&present, &LOSS), (Some(-2.0), None));
    let mut weights = WEIGHTS;
    weights[33] = -0.25;
    let weighted = Batch { voxel_weight: Some(view(&weights, &FLAT)), ..batch() };
    assert_eq!(numbers(&weighted, &LOSS), (Some(-0.25), None));
    // Shapes: the first axis that differs and both extents, or both numbers of axes.
    let shape = |target: &[usize]| {
        let error = refused(&Batch { target: view(&LABELS, target), ..batch() }, &LOSS);
        (error.index, error.given(), error.needed())
    };
    assert_eq!(shape(&[2, 5, 4]), (Some(1), Some(5.0), Some(4.0)));
    assert_eq!(shape(&[40]), (None, Some(1.0), Some(3.0)));
    assert_eq!(shape(&[2, 2, 2, 5]), (Some(1), Some(2.0), Some(3.0)));
    assert_eq!(shape(&[2, 1, 5, 4]), (Some(1), Some(1.0), Some(3.0)));
    // Lengths, parameters, bytes.
    let present = Batch { class_present: Some(&[1; 5]), ..batch() };
    assert_eq!(numbers(&present, &LOSS), (Some(5.0), Some(6.0)));
    let spaced = Batch { spacing: Some(&[1.0, -3.0]), ..batch() };
    assert_eq!(numbers(&spaced, &LOSS), (Some(-3.0), None));
    let tversky = Tversky { alpha: -0.5, ..TVERSKY };
    assert_eq!(numbers(&batch(), &[Term::new(1.0, &tversky)]), (Some(-0.5), None));
    let weighed = Term { class_weight: Some(&[1.0, -2.0, 1.0]), ..LOSS[0] };
    assert_eq!(numbers(&batch(), &[weighed]), (Some(-2.0), None));
    let weighed = Term { class_weight: Some(&[1.0, 2.0]), ..LOSS[0] };
    assert_eq!(numbers(&batch(), &[weighed]), (Some(2.0), Some(3.0)));
    assert_eq!(numbers(&batch(), &[LOSS[0]; 5]), (Some(5.0), None));
    let needed = scratch_len(&batch(), &LOSS).unwrap();
    let short = refused_with(&batch(), &LOSS, &mut [0; 100]);
    assert_eq!(numbers_of(short), (Some(100.0), Some(needed as f64)));
    assert_eq!(numbers_of(View::new(&LABELS, &[41]).unwrap_err()), (Some(40.0), Some(41.0)));
}

#[test]
fn batch_without_voxels_returns_at_once_for_any_number_of_samples() {
    let empty = [[1usize << 62, 0, 0], [1 << 62, 3, 0], [1 << 40, 1 << 30, 0], [0, 3, 1 << 62], [2, 3, 0]];
    for shape in empty.map(|shape| shape.map(|extent| extent.min(usize::MAX >> 2))) {
        let flat = [shape[0], shape[2]];
        let nothing: [f32; 0] = [];
        let batch = Batch::new(view(&nothing, &shape), Activation::Softmax, view::<u8>(&[], &flat));
        let terms = [LOSS[0], LOSS[1], Term::new(1.0, &BOUNDARY)];
        assert!(scratch_len(&batch, &terms).is_ok(), "{shape:?}");
        let mut gradient: [f32; 0] = [];
        let mut term_values = [PAINT; 3];
        let report = Outputs {
            gradient: Some(Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap())),
            term_values: Some(&mut term_values),
            ..Outputs::default()
        };
        assert_eq!(run(&batch, &terms, report, &mut []), Ok(0.0), "{shape:?}");
        assert_eq!(term_values, [0.0; 3], "{shape:?}");
        if shape[0].saturating_mul(shape[1]) == 0 {
            assert_eq!(accumulate(&batch, &LOSS, &mut [], &mut []), Ok(()), "{shape:?}");
            assert_eq!(
                segloss::parts::finalize(&batch, &LOSS, &[], 1.0, None, &mut []),
                Ok(0.0),
                "{shape:?}"
            );
        }
    }
}
