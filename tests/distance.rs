//! The distance transform against every pair of voxels, and against SciPy.

use crate::brute::{Bits, fast, slow, try_fast};
use approx::assert_relative_eq;
use quickcheck::{Arbitrary, Gen, quickcheck};
use segloss::Status;
use segloss::distance::{Distance, Kind, scratch_len, transform};
use serde_json::Value;

/// f64 differs from the plain sum of squares by the order of a few roundings.
const DOUBLE: f64 = 1e-14;
/// f32 from unequal spacings; from equal ones it is the nearest f32.
const SINGLE: f64 = 1.0 / (1 << 22) as f64;

const KINDS: [Kind; 4] = [Kind::Signed, Kind::Inside, Kind::Outside, Kind::OtherSide];

fn same(request: &Distance<'_>, mask: &[bool]) -> bool {
    let equal = request.spacing.iter().all(|&unit| unit == 1.0);
    let close = |ours: f64, exact: f64, tolerance: f64| (ours - exact).abs() <= tolerance * exact.abs();
    let (double, single) = (fast::<f64>(request, mask), fast::<f32>(request, mask));
    slow(request, mask).iter().zip(double.iter().zip(&single)).all(|(&exact, (&double, &single))| {
        let is_nearest = single == exact as f32;
        close(double, exact, if equal { 0.0 } else { DOUBLE })
            && (is_nearest || !equal && close(single as f64, exact, SINGLE))
    })
}

/// Every kind, squared or not, with a border or without.
#[track_caller]
fn assert_exact(shape: &[usize], spacing: &[f64], mask: &[bool]) {
    for kind in KINDS {
        for (squared, black_border) in [(false, false), (true, false), (false, true), (true, true)] {
            let request = Distance { shape, spacing, kind, squared, black_border };
            assert!(
                same(&request, mask),
                "{request:?} of {mask:?}: {:?}, not {:?}",
                fast::<f64>(&request, mask),
                slow(&request, mask)
            );
        }
    }
}

/// All 2ⁿ masks of a shape.
fn every_mask(voxels: usize) -> impl Iterator<Item = Vec<bool>> {
    (0..1usize << voxels).map(move |bits| (0..voxels).map(|i| bits >> i & 1 != 0).collect())
}

#[test]
fn every_mask_of_three_by_three_is_exact() {
    for spacing in [[1.0, 1.0], [3.0, 0.7], [0.5, 2.0], [0.9, 1.0]] {
        every_mask(9).for_each(|mask| assert_exact(&[3, 3], &spacing, &mask));
    }
}

#[test]
fn every_mask_of_two_by_two_by_two_is_exact() {
    for spacing in [[1.0, 1.0, 1.0], [3.0, 0.7, 0.7], [0.7, 1.0, 5.0]] {
        every_mask(8).for_each(|mask| assert_exact(&[2, 2, 2], &spacing, &mask));
    }
}

#[test]
fn every_mask_of_a_row_is_exact() {
    for voxels in 1..=8 {
        for spacing in [1.0, 0.7] {
            every_mask(voxels).for_each(|mask| assert_exact(&[voxels], &[spacing], &mask));
        }
    }
}

#[test]
fn painted_masks_of_four_and_five_axes_are_exact() {
    for (shape, spacing) in [
        (&[2, 3, 2, 3][..], &[1.0; 4][..]),
        (&[3, 1, 2, 5], &[2.0, 1.0, 0.3, 0.7]),
        (&[2, 1, 3, 2, 2], &[1.0; 5]),
        (&[1, 2, 2, 3, 3], &[0.5, 3.0, 1.0, 0.7, 1.1]),
    ] {
        let voxels: usize = shape.iter().product();
        for seed in 0..20 {
            let mask: Vec<bool> =
                (0..voxels).map(|k| (k * k + seed * k + seed) % 11 < 1 + seed % 10).collect();
            assert_exact(shape, spacing, &mask);
        }
    }
}

/// One voxel less than a word of a mask, a word, one more; and a plane of them, both ways round.
#[test]
fn masks_around_the_edges_of_words_are_exact() {
    for long in [63, 64, 65, 127, 128, 129] {
        for shape in [[3, long], [long, 3]] {
            for period in [2, 7, 101] {
                let mask: Vec<bool> = (0..3 * long).map(|k| k * k % period == 1).collect();
                for spacing in [[1.0, 1.0], [3.0, 0.7]] {
                    let request = Distance {
                        shape: &shape,
                        spacing: &spacing,
                        kind: Kind::Signed,
                        squared: false,
                        black_border: false,
                    };
                    assert!(same(&request, &mask), "{shape:?} {spacing:?} {period}");
                }
            }
        }
    }
}

/// Squares of them pass what 16 and what 32 bits hold.
#[test]
fn distances_have_no_upper_bound() {
    for (long, one) in [(300, 7), (5_000, 4_999), (70_000, 0)] {
        for shape in [vec![long], vec![long, 1], vec![2, long]] {
            let mask: Vec<bool> = (0..shape.iter().product()).map(|k: usize| k % long == one).collect();
            let spacing = vec![1.0; shape.len()];
            let request = Distance {
                shape: &shape,
                spacing: &spacing,
                kind: Kind::Outside,
                squared: false,
                black_border: false,
            };
            for (k, d) in fast::<f32>(&request, &mask).into_iter().enumerate() {
                let along = if shape[0] == long { k } else { k % long };
                assert_eq!(d, along.abs_diff(one) as f32, "{shape:?} at {k}");
            }
        }
    }
}

#[test]
fn a_mask_without_a_boundary_has_no_distances() {
    for shape in [&[1][..], &[7], &[4, 5], &[3, 2, 70]] {
        let spacing = vec![0.7; shape.len()];
        for kind in KINDS {
            for inside in [false, true] {
                let mask = vec![inside; shape.iter().product()];
                let request =
                    Distance { shape, spacing: &spacing, kind, squared: false, black_border: false };
                assert!(fast::<f64>(&request, &mask).iter().all(|&d| d == 0.0), "{request:?}");
                // A border around the image is a boundary of what is inside.
                assert_exact(shape, &spacing, &mask);
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Random {
    shape: Vec<usize>,
    spacing: Vec<f64>,
    mask: Vec<bool>,
    kind: usize,
    squared: bool,
    black_border: bool,
}

impl Arbitrary for Random {
    fn arbitrary(source: &mut Gen) -> Self {
        let axes = *source.choose(&[1, 2, 3, 4, 5]).unwrap();
        let extents: &[usize] = if axes < 3 { &[1, 2, 9, 33, 65] } else { &[1, 2, 3, 5] };
        let shape: Vec<usize> = (0..axes).map(|_| *source.choose(extents).unwrap()).collect();
        let units = [1.0, 1.0, 0.7, 3.0, 0.01, 100.0];
        let spacing = shape.iter().map(|_| *source.choose(&units).unwrap()).collect();
        // From one voxel in 256 to all but one.
        let density = *source.choose(&[0, 5, 50, 128, 250]).unwrap();
        Self {
            spacing,
            mask: (0..shape.iter().product()).map(|_| u8::arbitrary(source) <= density).collect(),
            shape,
            kind: usize::arbitrary(source) % KINDS.len(),
            squared: bool::arbitrary(source),
            black_border: bool::arbitrary(source),
        }
    }
}

quickcheck! {
    fn any_mask_of_any_shape_is_exact(random: Random) -> bool {
        let Random { shape, spacing, mask, kind, squared, black_border } = &random;
        let (kind, squared, black_border) = (KINDS[*kind], *squared, *black_border);
        same(&Distance { shape, spacing, kind, squared, black_border }, mask)
    }
}

/// `golden/distance.py` wrote them.
#[test]
fn scipy_finds_the_same_distances() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/distance.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let numbers =
        |list: &Value| list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    for entry in golden["entries"].as_array().unwrap() {
        let shape: Vec<usize> = numbers(&entry["shape"]).iter().map(|&x| x as usize).collect();
        let spacing = numbers(&entry["spacing"]);
        let mask: Vec<bool> = entry["mask"].as_str().unwrap().bytes().map(|bit| bit == b'1').collect();
        let request = Distance {
            shape: &shape,
            spacing: &spacing,
            kind: Kind::Signed,
            squared: false,
            black_border: false,
        };
        for (ours, theirs) in fast::<f64>(&request, &mask).iter().zip(numbers(&entry["signed"])) {
            assert_relative_eq!(*ours, theirs, max_relative = 1e-14);
        }
    }
}

#[test]
fn a_bad_request_is_refused_and_nothing_is_written() {
    let good = Distance {
        shape: &[2, 3],
        spacing: &[1.0, 0.7],
        kind: Kind::Signed,
        squared: false,
        black_border: false,
    };
    let mask = [true, false, true, false, false, true];
    let refused = |request: &Distance<'_>, len: usize, scratch: usize| {
        let mut out = vec![-77.0f64; len];
        let error = transform(request, &Bits(&mask, 3), &mut out, &mut vec![0.0; scratch]).unwrap_err();
        assert!(out.iter().all(|&x| x == -77.0), "{error}");
        (error.status, error.argument.to_str().unwrap(), error.index)
    };
    let needed = scratch_len(&good).unwrap();
    assert_eq!(refused(&good, 5, needed), (Status::Shape, "out", None));
    assert_eq!(refused(&good, 6, needed - 1), (Status::Scratch, "scratch", None));
    assert_eq!(refused(&Distance { shape: &[], spacing: &[], ..good }, 6, 99), (Status::Shape, "mask", None));
    let many = Distance { shape: &[1; 17], spacing: &[1.0; 17], ..good };
    assert_eq!(refused(&many, 6, 99), (Status::Shape, "mask", None));
    assert_eq!(refused(&Distance { spacing: &[1.0], ..good }, 6, 99), (Status::Shape, "spacing", None));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-101, 1e101] {
        let request = Distance { spacing: &[1.0, bad], ..good };
        assert_eq!(refused(&request, 6, 99), (Status::Parameter, "spacing", Some(1)), "{bad}");
        assert!(scratch_len(&request).is_err());
    }
    let huge = Distance { shape: &[usize::MAX / 2, 3], ..good };
    assert_eq!(scratch_len(&huge).unwrap_err().status, Status::TooLarge);
    let empty = Distance { shape: &[usize::MAX, 0], ..good };
    assert_eq!((scratch_len(&empty), try_fast::<f32>(&empty, &[])), (Ok(0), Ok(vec![])));
}
