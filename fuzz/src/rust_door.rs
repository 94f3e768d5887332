//! The Rust functions, called with views, options and slices that are consistent or not: no panic, and a refused call
//! writes nothing.

use check::source::{Numbers, Source};
use segloss::parts::{accumulate, backward, finalize};
use segloss::{
    Activation, Batch, ClassSums, CrossEntropy, Dice, DistancePenalized, Focal, Frequency, GeneralizedDice,
    Gradient, Hausdorff, Loss, Outputs, PowerCrossEntropy, Term, TopK, View, ViewMut, class_weights,
    differentiate_in_place, distance_field, run, scratch_len,
};

/// The maximum number of elements of a view that repeats its slice by strides of 0.
const MOST_ELEMENTS: usize = 1 << 13;

/// One call of one function.
pub fn rust_door(bytes: &[u8]) {
    let source = &mut Source::of_bytes(bytes);
    let shape = draw_shape(source);
    let flat: Vec<usize> = shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, &n)| n).collect();
    let numbers = Numbers::new(source.bits(), 0);
    let slack = source.below(9);
    let count = product(&shape);
    let logits: Vec<f32> =
        (0..count.min(MOST_ELEMENTS) * 2 + slack).map(|k| numbers.unit(k) as f32 * 9.0 - 4.0).collect();
    let labels: Vec<u8> = (0..count.min(MOST_ELEMENTS) + slack).map(|k| numbers.below(k, 3) as u8).collect();
    let dense: Vec<f64> = (0..count.min(MOST_ELEMENTS) + slack).map(|k| numbers.below(k, 2) as f64).collect();
    let Some(prediction) = view(source, &logits, &shape) else { return };
    let (near, one) = (perturbed(source, &flat), perturbed(source, &shape));
    let target = match source.below(3) {
        0 => view(source, &labels, &near),
        1 => view(source, &labels, &one),
        _ => view(source, &dense, &one),
    };
    let Some(target) = target else { return };
    let activation = source.pick(&[
        Activation::Softmax,
        Activation::Sigmoid,
        Activation::Probability,
        Activation::ProbabilityPerClass,
    ]);
    let weight = if source.one_in(3) { view(source, &dense, &near) } else { None };
    let sums = shape.iter().take(2).try_fold(1usize, |n, &extent| n.checked_mul(extent)).unwrap_or(0);
    if sums > 4096 && product(&shape) > 0 {
        return;
    }
    let sums = sums.min(4096);
    let present: Vec<u8> =
        (0..perturbed(source, &[sums])[0].min(5000)).map(|k| numbers.below(k, 3) as u8).collect();
    let ignore = [source.pick(&[255, 1, -1])];
    let spacing: Vec<f64> = (0..perturbed(source, &[shape.len().saturating_sub(2)])[0].min(20))
        .map(|_| source.pick(&[1.0, 0.5, 1e9, 0.0, f64::NAN]))
        .collect();
    let batch = Batch {
        voxel_weight: weight,
        class_present: source.one_in(3).then_some(&present),
        ignore: if source.one_in(3) { &ignore } else { &[] },
        spacing: source.one_in(3).then_some(&spacing),
        ..Batch::new(prediction, activation, target)
    };
    let losses: [Box<dyn Loss>; 8] = [
        Box::new(Dice::default()),
        Box::new(CrossEntropy::default()),
        Box::new(Focal { gamma: source.pick(&[2.0, 0.0, -1.0, f64::NAN]) }),
        Box::new(TopK::default()),
        Box::new(GeneralizedDice::default()),
        Box::new(Hausdorff::default()),
        Box::new(DistancePenalized),
        Box::new(PowerCrossEntropy::default()),
    ];
    let classes = perturbed(source, &[shape.get(1).copied().unwrap_or(0)])[0].min(4096);
    let weights: Vec<f64> = (0..classes).map(|_| source.pick(&[1.0, 0.5, 0.0, 1.0, -1.0])).collect();
    let terms: Vec<Term<'_>> = (0..source.pick(&[1, 2, 4, 0, 5]))
        .map(|_| {
            let loss = losses[source.below(losses.len())].as_ref();
            let field = if source.one_in(4) { view(source, &dense, &one) } else { None };
            Term {
                class_weight: source.one_in(4).then_some(&weights),
                exclude_background: source.one_in(4),
                field_complete: source.one_in(4),
                field,
                ..Term::new(source.pick(&[1.0, -2.0, f64::INFINITY]), loss)
            }
        })
        .collect();
    call(source, &batch, &terms, &shape, sums);
}

fn call(source: &mut Source<'_>, batch: &Batch<'_>, terms: &[Term<'_>], shape: &[usize], sums: usize) {
    let len = scratch_len(batch, terms).unwrap_or(64);
    if len > 1 << 26 || product(shape) > MOST_ELEMENTS {
        return;
    }
    let mut scratch = vec![0xa5; if source.one_in(10) { len / 2 } else { len }];
    let count = product(shape);
    let mut gradient = vec![-77.0f32; count + source.below(3)];
    let near = perturbed(source, &[sums])[0].min(5000);
    let (mut class_sums, mut slopes) = (vec![ClassSums::ZERO; near], vec![ClassSums::ZERO; near]);
    let mut weights = vec![-77.0; perturbed(source, &[shape.get(1).copied().unwrap_or(0)])[0].min(4096)];
    let scale = source.pick(&[1.0, 65536.0, f64::NAN]);
    let verb = source.below(8);
    let like = perturbed(source, shape);
    let into = |gradient: &mut Vec<f32>, then: &mut dyn FnMut(ViewMut<'_>) -> bool| {
        let len = gradient.len();
        let view = ViewMut::new(&mut gradient[..len.min(product(&like))], &like);
        view.is_ok_and(then)
    };
    match verb {
        0 | 1 => {
            let done = into(&mut gradient, &mut |view| {
                let outputs = Outputs {
                    gradient: Some(Gradient { scale, ..Gradient::new(view) }),
                    class_sums: Some(&mut class_sums),
                    ..Outputs::default()
                };
                run(batch, terms, outputs, &mut scratch).is_ok()
            });
            assert!(
                done || gradient.iter().all(|&x| x == -77.0),
                "a gradient was written by a call that was refused"
            );
            assert!(done || class_sums.iter().all(|sums| *sums == ClassSums::ZERO), "sums were written");
        }
        2 => {
            let done = accumulate(batch, terms, &mut class_sums, &mut scratch).is_ok();
            assert!(done || class_sums.iter().all(|sums| *sums == ClassSums::ZERO), "sums were written");
        }
        3 => {
            let done = finalize(batch, terms, &class_sums, scale, Some(&mut slopes), &mut scratch).is_ok();
            assert!(done || slopes.iter().all(|slope| *slope == ClassSums::ZERO), "slopes were written");
        }
        4 => {
            let done = into(&mut gradient, &mut |view| {
                backward(batch, terms, &slopes, view, false, &mut scratch).is_ok()
            });
            assert!(
                done || gradient.iter().all(|&x| x == -77.0),
                "a gradient was written by a call that was refused"
            );
        }
        5 => {
            if let Some(term) = terms.first() {
                let done =
                    into(&mut gradient, &mut |view| distance_field(batch, term, view, &mut scratch).is_ok());
                assert!(
                    done || gradient.iter().all(|&x| x == -77.0),
                    "a field was written by a call that was refused"
                );
            }
        }
        6 => {
            let done = class_weights(batch, Frequency::Median, &mut weights, &mut scratch).is_ok();
            assert!(
                done || weights.iter().all(|&x| x == -77.0),
                "weights were written by a call that was refused"
            );
        }
        _ => {
            let mut logits = vec![0.5f32; count];
            let Ok(prediction) = ViewMut::new(&mut logits, shape) else { return };
            let mut batch = Batch {
                voxel_weight: batch.voxel_weight,
                class_present: batch.class_present,
                ignore: batch.ignore,
                spacing: batch.spacing,
                ..Batch::new(prediction, batch.activation, batch.target)
            };
            let done = differentiate_in_place(&mut batch, terms, scale, &mut scratch).is_ok();
            assert!(
                done || logits.iter().all(|&x| x == 0.5),
                "a prediction was written by a call that was refused"
            );
        }
    }
}

fn product(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent)).unwrap_or(usize::MAX)
}

fn draw_shape(source: &mut Source<'_>) -> Vec<usize> {
    let mut shape = vec![source.pick(&[1, 2, 3, 0]), source.pick(&[2, 3, 1, 5, 9, 0])];
    for _ in 0..source.pick(&[1, 2, 3, 0, 15]) {
        shape.push(source.pick(&[4, 1, 7, 65, 0, 2]));
    }
    if source.one_in(20) {
        shape[0] = source.pick(&[1 << 40, 1 << 62, usize::MAX]);
        shape[1] = source.pick(&[1 << 30, 0, 2]);
        if let Some(last) = shape.last_mut() {
            *last = 0;
        }
    }
    shape
}

/// The same numbers, mostly.
fn perturbed(source: &mut Source<'_>, shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if source.one_in(10) && !shape.is_empty() {
        let axis = source.below(shape.len());
        shape[axis] = source.pick(&[0, 1, shape[axis].wrapping_add(1), 1 << 40, usize::MAX]);
    }
    shape
}

/// A view in C order or by any strides, if the slice holds it.
fn view<'a, T: segloss::Element>(
    source: &mut Source<'_>,
    data: &'a [T],
    shape: &[usize],
) -> Option<View<'a>> {
    if source.one_in(2) {
        return View::new(data.get(..product(shape))?, shape).ok();
    }
    let (mut strides, mut stride) = (vec![0isize; shape.len()], 1isize);
    for axis in (0..shape.len()).rev() {
        strides[axis] = stride;
        stride = stride.wrapping_mul(shape[axis].max(1) as isize);
    }
    if source.one_in(3) && !strides.is_empty() {
        let axis = source.below(strides.len());
        strides[axis] = source.pick(&[0, -1, 2, isize::MIN, isize::MAX]);
    }
    let first = source.pick(&[0, 1, data.len(), usize::MAX]);
    let view = View::strided(data, first, shape, &strides).ok()?;
    // A view repeated by strides of 0 may be too long to process.
    (product(shape) <= MOST_ELEMENTS).then_some(view)
}
