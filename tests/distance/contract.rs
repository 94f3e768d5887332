//! Errors, the size of the scratch, masks from arrays, and executors.

use crate::brute::{Bits, fast, fast_on, signed};
use crate::masks::Random;
use segloss::distance::{
    ClassMask, Distance, Executor, Kind, Mask, Sequential, scratch_len, transform, transform_classes,
};
use segloss::{Element, Status, View};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn an_invalid_request_returns_an_error_and_writes_nothing() {
    let good = signed(&[2, 3], &[1.0, 0.7]);
    let mask = [true, false, true, false, false, true];
    let error_of = |request: &Distance<'_>, len: usize, scratch: usize| {
        let mut out = vec![-77.0f64; len];
        let error =
            transform(request, &Bits(&mask, 3), &mut out, &mut vec![0; scratch], &Sequential).unwrap_err();
        assert!(out.iter().all(|&x| x == -77.0), "{error}");
        (error.status, error.argument(), error.index)
    };
    let needed = scratch_len(&good, 1).unwrap();
    assert_eq!(error_of(&good, 5, needed), (Status::Shape, "out", None));
    assert_eq!(error_of(&good, 6, needed - 1), (Status::Scratch, "scratch", None));
    assert_eq!(
        error_of(&Distance { shape: &[], spacing: &[], ..good }, 6, 99),
        (Status::Shape, "mask", None)
    );
    let many = Distance { shape: &[1; 17], spacing: &[1.0; 17], ..good };
    assert_eq!(error_of(&many, 6, 99), (Status::Shape, "mask", None));
    assert_eq!(error_of(&Distance { spacing: &[1.0], ..good }, 6, 99), (Status::Shape, "spacing", None));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-101, 1e101] {
        let request = Distance { spacing: &[1.0, bad], ..good };
        assert_eq!(error_of(&request, 6, 99), (Status::Parameter, "spacing", Some(1)), "{bad}");
        assert!(scratch_len(&request, 1).is_err());
    }
    let huge = Distance { shape: &[usize::MAX / 2, 3], ..good };
    assert_eq!(scratch_len(&huge, 1).unwrap_err().status, Status::TooLarge);
    // The image fits the address space, but the scratch for its columns does not.
    let long = Distance { shape: &[1 << 58, 2], ..good };
    assert_eq!(scratch_len(&long, 1).unwrap_err().status, Status::TooLarge);
    for shape in
        [&[usize::MAX, 0] as &[usize], &[0, usize::MAX], &[1 << 40, 1 << 40, 0], &[1 << 40, 0, 1 << 30]]
    {
        let empty = Distance { shape, spacing: &[1.0, 0.7, 3.0][..shape.len()], ..good };
        assert_eq!((scratch_len(&empty, 1), fast_on::<f32>(&empty, &[], &Sequential)), (Ok(0), Ok(vec![])));
    }
}

/// Scratch grows with the longest axis, not with the number of voxels: whole-slide images, and volumes with axes as
/// long.
#[test]
fn scratch_of_large_images_is_small() {
    for shape in
        [&[30_000usize, 50_000] as &[usize], &[76_000, 45_000], &[100_000, 80_000], &[50_000, 50_000, 50_000]]
    {
        for spacing in [[1.0; 3], [3.0, 0.7, 0.7], [1e-30, 1.0, 1e30]] {
            let request = signed(shape, &spacing[..shape.len()]);
            let needed = scratch_len(&request, 1).unwrap();
            assert!(
                needed <= 400 * shape.iter().max().unwrap() + (1 << 20),
                "{shape:?} {spacing:?}: {needed}"
            );
        }
    }
}

/// Scratch is partitioned by the first result of `workers()`; later results have no effect.
#[test]
fn the_number_of_workers_is_read_once() {
    struct Changing {
        calls: AtomicUsize,
        results: [usize; 3],
    }
    impl Executor for Changing {
        fn workers(&self) -> usize {
            let calls = self.calls.fetch_add(1, Ordering::Relaxed);
            self.results[calls.min(2)]
        }
        fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
            (0..tasks).rev().for_each(task);
        }
    }
    let shape = [40, 300, 70];
    let labels: Vec<u8> = (0..40 * 300 * 70).map(|k| (k / 7 % 3 * (k / 9000 % 2)) as u8).collect();
    let view = View::new(&labels, &shape).unwrap();
    for spacing in [[1.0; 3], [3.0, 0.7, 0.7], [1e-20, 1.0, 1e20]] {
        let request = signed(&shape, &spacing);
        let mut want = vec![0f32; 3 * labels.len()];
        let mut scratch = vec![0; scratch_len(&request, 1).unwrap()];
        transform_classes(&request, &view, 3, &mut want, &mut scratch, &Sequential).unwrap();
        for results in [[2, 64, 64], [1, 64, 7], [5, 1, 0], [1, 2, usize::MAX]] {
            let needed = scratch_len(&request, results[0]).unwrap();
            let mut scratch = vec![0xa5u8; needed + (1 << 16)];
            let mut out = vec![0f32; want.len()];
            let executor = Changing { calls: AtomicUsize::new(0), results };
            transform_classes(&request, &view, 3, &mut out, &mut scratch[..needed], &executor).unwrap();
            assert!(out == want, "{results:?} {spacing:?}");
            assert!(scratch[needed..].iter().all(|&byte| byte == 0xa5), "beyond scratch");
            assert_eq!(executor.calls.into_inner(), 1);
        }
    }
}

#[test]
fn scratch_is_at_most_half_a_mebibyte_a_worker() {
    for shape in [&[1024usize, 1024] as &[usize], &[1024; 3], &[512, 512], &[1024; 5], &[1024]] {
        for spacing in [1.0, 3.0] {
            let mut widths = vec![1.0; shape.len()];
            widths[0] = spacing;
            let request = Distance { black_border: true, ..signed(shape, &widths) };
            let [one, two] = [1, 2].map(|workers| scratch_len(&request, workers).unwrap_or(usize::MAX));
            assert!(two - one <= 512 << 10 && one <= (512 << 10) + 64, "{shape:?}: {one}, {two}");
        }
    }
}

/// The scratch of the largest shape is long enough for every smaller one.
#[test]
fn scratch_grows_with_every_extent() {
    let edges = [1, 2, 15, 31, 64, 65, 181, 255, 257, 511, 512, 513, 1025, 31_622, 44_721, 44_723, 100_000];
    for widths in [[1.0, 1.0], [3.0, 0.7], [1.0, 1e-20]] {
        for black_border in [false, true] {
            let needed = |shape: [usize; 2]| {
                scratch_len(&Distance { black_border, ..signed(&shape, &widths) }, 1).unwrap()
            };
            for pair in edges.windows(2) {
                for other in edges {
                    let [less, more] = [0, 1].map(|i| needed([pair[i], other]));
                    assert!(less <= more, "[{pair:?}, {other}] {widths:?}: {less}, {more}");
                    let [less, more] = [0, 1].map(|i| needed([other, pair[i]]));
                    assert!(less <= more, "[{other}, {pair:?}] {widths:?}: {less}, {more}");
                }
            }
        }
    }
}

fn bits(mask: &dyn Mask, row: usize, start: usize, count: usize) -> Vec<bool> {
    let mut words = vec![u64::MAX; count.div_ceil(64) + 1];
    mask.bits(row, start, count, &mut words);
    let bit = |i: usize| words[i / 64] >> (i % 64) & 1 != 0;
    assert!((count..64 * words.len()).all(|i| !bit(i)), "bits beyond the row are 0");
    (0..count).map(bit).collect()
}

/// Reads labels `[2, 3, width]` from a contiguous array and from one with permuted and reversed axes.
#[track_caller]
fn masks_of<T: Element>(width: usize, labels: &[u8], to: impl Fn(u8) -> T) {
    let plain: Vec<T> = labels.iter().map(|&label| to(label)).collect();
    let permuted: Vec<T> = (0..6 * width).map(|i| to(labels[(5 - i % 6) * width + i / 6])).collect();
    let views = [
        View::new(&plain, &[2, 3, width]).unwrap(),
        View::strided(&permuted, 5, &[2, 3, width], &[-3, -1, 6]).unwrap(),
    ];
    for view in views {
        for class in [None, Some(0), Some(3), Some(255), Some(256), Some(259)] {
            let mask = class.map_or(ClassMask::of(&view), |class| ClassMask::of_class(&view, class));
            let is_inside = |label: u8| class.map_or(label != 0, |class| label as usize == class);
            for row in 0..6 {
                for start in (0..width).step_by(64) {
                    let got = bits(&mask, row, start, width - start);
                    let want = &labels[row * width + start..(row + 1) * width];
                    assert!(
                        got.iter().zip(want).all(|(&got, &label)| got == is_inside(label)),
                        "{class:?} {width}"
                    );
                }
            }
            // Without such a row or voxel all bits are 0.
            assert!(!bits(&mask, 6, 0, width).contains(&true));
            assert!(!bits(&mask, 0, 64, width).contains(&true));
        }
    }
}

#[test]
fn masks_are_read_from_any_type_and_strides() {
    let mut random = Random(5);
    for width in [1usize, 7, 63, 64, 65, 200] {
        let labels: Vec<u8> = (0..6 * width).map(|_| [0, 1, 3, 255][random.below(4)]).collect();
        masks_of(width, &labels, |label| label);
        masks_of(width, &labels, i16::from);
        masks_of(width, &labels, i32::from);
        masks_of(width, &labels, i64::from);
        masks_of(width, &labels, f32::from);
    }
}

#[test]
fn all_classes_in_one_call_equal_one_call_per_class() {
    let shape = [9, 11, 13];
    let labels: Vec<i32> = (0..9 * 11 * 13).map(|i| i / 17 * 7 % 5 - 1).collect();
    let view = View::new(&labels, &shape).unwrap();
    let request = Distance { kind: Kind::OtherSide, ..signed(&shape, &[1.0, 2.0, 0.5]) };
    let mut scratch = vec![0; scratch_len(&request, 1).unwrap()];
    let mut maps = vec![0f32; 4 * labels.len()];
    transform_classes(&request, &view, 4, &mut maps, &mut scratch, &Sequential).unwrap();
    for (class, map) in maps.chunks(labels.len()).enumerate() {
        let mask: Vec<bool> = labels.iter().map(|&label| label == class as i32).collect();
        assert_eq!(map, fast::<f32>(&request, &mask), "class {class}");
    }
    let error = transform_classes(&request, &view, 3, &mut maps, &mut scratch, &Sequential).unwrap_err();
    assert_eq!((error.status, error.argument()), (Status::Shape, "out"));
}

/// More workers than tasks, and more than the 64 that are used at most.
#[test]
fn more_workers_than_tasks_are_not_used() {
    struct Many;
    impl Executor for Many {
        fn workers(&self) -> usize {
            1000
        }
        fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
            assert!(tasks <= 1000);
            (0..tasks).rev().for_each(task);
        }
    }
    let mask: Vec<bool> = (0..80 * 100).map(|k| k * k % 101 < 20).collect();
    let request = signed(&[80, 100], &[1.0, 2.0]);
    assert_eq!(fast_on::<f32>(&request, &mask, &Many), Ok(fast::<f32>(&request, &mask)));
}
