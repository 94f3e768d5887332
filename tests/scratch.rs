//! Scratch: the queried length is sufficient at any alignment, grows with every extent, and is not exceeded.

use crate::cases;
use crate::convert_cases::{Format, Inputs, with_terms};
use crate::list::losses;
use crate::naive::{Activation, Case, TermSpec};
use segloss::{ClassSums, Error, Gradient, Outputs, Status, ViewMut, run, scratch_len};

fn needed(case: &Case, terms: &[TermSpec], format: &Format) -> usize {
    let inputs = Inputs::new(case, terms, format);
    with_terms(terms, &inputs, |terms| scratch_len(&inputs.batch(inputs.prediction.view()), terms).unwrap())
}

fn blank(samples: usize, classes: usize, shape: &[usize]) -> Case {
    let voxels = samples * shape.iter().product::<usize>();
    let z = vec![0.0; voxels * classes];
    Case::of_labels(classes, shape, Activation::Sigmoid, &z, &vec![0; voxels], &[])
}

#[test]
fn scratch_of_the_largest_batch_is_sufficient_for_smaller_ones() {
    for loss in losses() {
        for prediction in [crate::convert_cases::Float::F32, crate::convert_cases::Float::F64] {
            let of = |samples: usize, classes: usize, shape: &[usize]| {
                let (case, terms) = (blank(samples, classes, shape), loss.for_classes(classes));
                let format = Format { prediction, ..Format::exact(&case) };
                if cases::is_served(&terms, &case) { needed(&case, &terms, &format) } else { 0 }
            };
            // Numbers of classes around those at which tiles become narrower.
            let classes: Vec<usize> = (1..=40).chain(60..=70).chain(126..=130).collect();
            for pair in classes.windows(2) {
                let (fewer, more) = (of(1, pair[0], &[3, 3]), of(1, pair[1], &[3, 3]));
                assert!(fewer <= more, "{}: {pair:?} classes, {fewer} and {more} bytes", loss.name);
            }
            for (smaller, larger) in
                [([2, 7, 3], [3, 7, 3]), ([2, 7, 3], [2, 8, 3]), ([2, 7, 3], [2, 7, 300])]
            {
                let of = |[samples, rows, columns]: [usize; 3]| of(samples, 3, &[rows, columns]);
                assert!(of(smaller) <= of(larger), "{}: {smaller:?}, {larger:?}", loss.name);
            }
        }
    }
}

/// A run with all outputs; returns whether the outputs are unchanged.
fn run_with(case: &Case, terms: &[TermSpec], scratch: &mut [u8]) -> (Result<f64, Error>, bool) {
    const PAINT: f64 = -12345.0;
    let inputs = Inputs::new(case, terms, &Format::exact(case));
    let shape: Vec<usize> = [case.b, case.c].iter().chain(&case.shape).copied().collect();
    let all = case.b * case.c;
    let painted = ClassSums { weight: PAINT, ..ClassSums::ZERO };
    let mut gradient = vec![PAINT; case.z.len()];
    let (mut term_values, mut class_values) = (vec![PAINT; terms.len()], vec![PAINT; terms.len() * all]);
    let mut class_sums = vec![painted; all];
    let report = Outputs {
        gradient: Some(Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap())),
        term_values: Some(&mut term_values),
        class_values: Some(&mut class_values),
        class_sums: Some(&mut class_sums),
    };
    let value = with_terms(terms, &inputs, |terms| {
        run(&inputs.batch(inputs.prediction.view()), terms, report, scratch)
    });
    let numbers = gradient.iter().chain(&term_values).chain(&class_values);
    (value, numbers.into_iter().all(|&x| x == PAINT) && class_sums.iter().all(|t| *t == painted))
}

/// The index in a buffer of an address `offset` bytes past a multiple of 64.
fn start(buffer: &[u8], offset: usize) -> usize {
    (64 - buffer.as_ptr().addr() % 64) % 64 + offset
}

#[test]
fn queried_scratch_is_sufficient_at_any_alignment_and_not_exceeded() {
    const GUARD: u8 = 0xc3;
    cases::each(|title, case, terms| {
        let needed = needed(case, terms, &Format::exact(case));
        let mut buffer = vec![GUARD; needed + 256];
        let mut bits = None;
        for offset in 0..64 {
            let first = start(&buffer, offset);
            let (value, _) = run_with(case, terms, &mut buffer[first..first + needed]);
            let value = value.unwrap_or_else(|error| panic!("{title} at {offset}: {error}")).to_bits();
            assert_eq!(*bits.get_or_insert(value), value, "{title}: what was left in the scratch is felt");
            assert!(buffer[first + needed..].iter().all(|&x| x == GUARD), "{title} at {offset}");
        }
    });
}

#[test]
fn scratch_shorter_by_one_byte_is_refused_if_it_is_needed() {
    cases::each(|title, case, terms| {
        let needed = needed(case, terms, &Format::exact(case));
        let mut buffer = vec![0; needed + 256];
        for (offset, suffices) in [(0, true), (2, true), (63, true), (1, false)] {
            let first = start(&buffer, offset);
            let (value, untouched) = run_with(case, terms, &mut buffer[first..first + needed - 1]);
            match value {
                Ok(_) => assert!(suffices, "{title} at {offset}"),
                Err(error) => {
                    assert_eq!((error.status, error.argument()), (Status::Scratch, "scratch"), "{title}");
                    assert!(!suffices && untouched, "{title} at {offset}");
                }
            }
        }
    });
}
