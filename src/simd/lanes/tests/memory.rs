//! Loads and stores: whole vectors, first lanes, selected lanes, labels.

use super::{Reference, on_every_set, random_bits};
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, padded, store_head};
use crate::simd::stream::fence;
use std::vec::Vec;

/// A row that starts beside a boundary of alignment, and is as long as it says: a sanitizer sees an access beyond it.
fn row<T: Reference>(len: usize) -> Vec<T> {
    T::numbers(len).into_iter().rev().take(len).collect()
}

fn same<T: Reference>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.bits_of() == b.bits_of())
}

#[derive(Clone)]
struct FirstLanes;

impl<T: Reference> LaneKernel<T> for FirstLanes {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        for len in 0..=T::LANES + 2 {
            let from = row::<T>(len);
            let count = len.min(T::LANES);
            let vector = s.load_row(&from);
            let line = s.to_line(vector);
            assert!(same(&line.as_ref()[..count], &from[..count]), "{len}");
            assert!(same(&line.as_ref()[count..], &T::ZEROS.as_ref()[count..]), "{len}");

            let mut to = std::vec![T::ONE; len];
            s.store_row(&mut to, vector);
            assert!(same(&to[..count], &from[..count]), "{len}");
            assert!(to[count..].iter().all(|&x| x == T::ONE), "{len}");

            // SAFETY: both rows have `count` elements.
            unsafe {
                let again = s.load_first(from.as_ptr(), count);
                s.store_first(to.as_mut_ptr(), count, again);
            }
            assert!(same(&to[..count], &from[..count]), "{len}");
        }
    }
}

#[test]
fn rows_of_every_length_are_loaded_and_stored() {
    on_every_set::<f32, _>(FirstLanes);
    on_every_set::<f64, _>(FirstLanes);
}

#[test]
fn ends_of_rows_are_padded_and_stored_for_every_element_type() {
    for count in 0..=16 {
        let row: Vec<u8> = (1..=count as u8).collect();
        // SAFETY: the row has `count` elements.
        let vector = unsafe { padded(row.as_ptr(), count, 255) };
        assert_eq!((&vector[..count], &vector[count..]), (&row[..], &[255; 16][count..]));
        let mut to = [0u8; 18];
        // SAFETY: as above.
        unsafe { store_head(&vector, to[1..].as_mut_ptr(), count) };
        assert_eq!((&to[1..=count], to[0], &to[count + 1..]), (&row[..], 0, &[0; 18][count + 1..]));
    }
}

/// A line of its own, and one behind it that no store may change.
#[repr(align(64))]
struct AlignedLines<L>([L; 2]);

#[derive(Clone)]
struct WholeVectors;

impl<T: Reference> LaneKernel<T> for WholeVectors {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let from = row::<T>(3 * T::LANES);
        for skip in 0..T::LANES {
            // SAFETY: the row has two vectors behind `skip`.
            let vector = unsafe { s.load(from.as_ptr().add(skip)) };
            assert!(same(s.to_line(vector).as_ref(), &from[skip..skip + T::LANES]));

            let mut to = std::vec![T::ONE; 3 * T::LANES];
            // SAFETY: as above.
            unsafe { s.store(to.as_mut_ptr().add(skip), vector) };
            assert!(same(&to[skip..skip + T::LANES], &from[skip..skip + T::LANES]));
            assert!(to[..skip].iter().chain(&to[skip + T::LANES..]).all(|&x| x == T::ONE));

            let mut to = AlignedLines([T::ZEROS; 2]);
            // SAFETY: the line is aligned to 64 bytes.
            unsafe { s.stream(to.0[0].as_mut().as_mut_ptr(), vector) };
            fence();
            assert!(same(to.0[0].as_ref(), &from[skip..skip + T::LANES]));
            assert!(same(to.0[1].as_ref(), T::ZEROS.as_ref()));
        }
    }
}

#[test]
fn whole_vectors_are_loaded_stored_and_streamed() {
    on_every_set::<f32, _>(WholeVectors);
    on_every_set::<f64, _>(WholeVectors);
}

#[derive(Clone)]
struct Compress;

impl<T: Reference> LaneKernel<T> for Compress {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let x = row::<T>(T::LANES);
        let vector = s.load_row(&x);
        let patterns = (0..T::LANES).map(|lane| 1 << lane).chain([0, u64::MAX]).chain(random_bits(300));
        for pattern in patterns {
            let selected = |lane: &usize| pattern >> lane & 1 == 1;
            let mut mask = s.first(0);
            for lane in (0..T::LANES).filter(selected) {
                mask = mask | s.first(lane + 1) & !s.first(lane);
            }
            let mut to = T::ZEROS;
            // SAFETY: a line has the elements of a vector.
            let count = unsafe { s.compress(to.as_mut().as_mut_ptr(), mask, vector) };
            let expected: Vec<T> = (0..T::LANES).filter(selected).map(|lane| x[lane]).collect();
            assert!(same(&to.as_ref()[..count], &expected), "{pattern:b}");
        }
    }
}

#[test]
fn selected_lanes_are_stored_one_after_the_other() {
    on_every_set::<f32, _>(Compress);
    on_every_set::<f64, _>(Compress);
}

#[derive(Clone)]
struct LabelMasks;

impl<T: Scalar> LaneKernel<T> for LabelMasks {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let bytes: Vec<u8> = (0..T::LANES as u32).map(|lane| (lane * 37 % 256) as u8).chain([0; 2]).collect();
        for class in -1..=256 {
            for skip in [0, 1, 2] {
                // The lower bytes of an integer alone do not make a class.
                let words: Vec<i32> =
                    bytes.iter().map(|&byte| (i32::from(byte) - 2 * skip as i32) << 7).collect();
                // SAFETY: both rows have the elements of a vector behind `skip`.
                let (of_bytes, of_words) = unsafe {
                    (s.labels_u8(bytes.as_ptr().add(skip)), s.labels_i32(words.as_ptr().add(skip)))
                };
                for (labels, label) in [
                    (of_bytes, &(|lane: usize| i32::from(bytes[skip + lane])) as &dyn Fn(usize) -> i32),
                    (of_words, &|lane| words[skip + lane]),
                ] {
                    for class in [class, class << 7, class << 24, i32::MIN] {
                        let expected = (0..T::LANES)
                            .fold(0, |bits, lane| bits | u32::from(label(lane) == class) << lane);
                        assert_eq!(s.bits(s.label_is(labels, class)), expected, "class {class}");
                    }
                }
            }
        }
    }
}

#[test]
fn labels_are_compared_with_classes() {
    on_every_set::<f32, _>(LabelMasks);
    on_every_set::<f64, _>(LabelMasks);
}
