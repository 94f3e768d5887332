//! Shapes around the sizes of words and tiles, in one to five dimensions, against the reference.

use crate::brute::{FLAGS, KINDS, brute, check, compare, every, fast, signed, slow};
use crate::masks::{Random, masks};
use approx::assert_relative_eq;
use quickcheck::{Arbitrary, Gen, quickcheck};
use segloss::distance::Distance;
use serde_json::Value;

#[test]
fn edges_of_tiles_are_exact() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    // A word of the mask and blocks of 16, 32 and 64 lanes, and one more of less than half; columns around bands of 4
    // rows and coarse rows at a distance of 9.
    for shape in [
        &[1usize] as &[usize],
        &[2],
        &[64],
        &[150],
        &[1000],
        &[5, 1],
        &[40, 2],
        &[9, 31],
        &[33, 32],
        &[17, 33],
        &[13, 16],
        &[12, 17],
        &[21, 25],
        &[70, 63],
        &[9, 64],
        &[8, 65],
        &[66, 79],
        &[19, 83],
        &[7, 96],
        &[7, 97],
        &[129, 127],
        &[7, 129],
        &[10, 150],
        &[1, 1, 70],
        &[9, 1, 70],
        &[6, 11, 70],
        &[20, 21, 65],
        &[3, 17, 130],
        &[3, 4, 5, 6],
        &[4, 3, 2, 67],
        &[2, 3, 2, 3, 40],
        &[3, 1, 2, 1, 66],
    ] {
        let n = shape.len();
        for spacing in [[1.0; 5], [0.7; 5], [3.0, 0.7, 0.7, 0.7, 0.7], [1.0, 0.25, 3.0, 0.7, 1.0]] {
            for (what, voxels) in masks(shape, &mut random) {
                for request in every(shape, &spacing[5 - n..]) {
                    check(&request, &voxels, &slow(&request, &voxels), what);
                }
            }
        }
    }
}

#[test]
fn the_reference_is_exact_in_one_to_five_dimensions() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for shape in [&[130usize] as &[usize], &[17, 40], &[5, 9, 7], &[3, 4, 5, 6], &[2, 3, 2, 3, 4]] {
        for spacing in [[1.0; 5], [1.0, 0.25, 3.0, 0.7, 1.0]] {
            for (what, voxels) in masks(shape, &mut random) {
                for request in every(shape, &spacing[..shape.len()]) {
                    compare(&request, &slow(&request, &voxels), &brute(&request, &voxels), what);
                }
            }
        }
    }
}

#[test]
fn any_shape_is_exact() {
    let mut random = Random(88172645463325252);
    let rounds = std::env::var("SEGLOSS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    for round in 0..rounds {
        let axes = 1 + random.below(3);
        let longest = [4000, 150, 40][axes - 1];
        let shape: Vec<_> = (0..axes).map(|_| 1 + random.below(longest)).collect();
        let choices = [1.0, 0.7, 3.0];
        let spacing: Vec<_> =
            (0..axes).map(|_| if round % 2 == 0 { 1.0 } else { choices[random.below(3)] }).collect();
        for (what, voxels) in masks(&shape, &mut random) {
            let kind = KINDS[random.below(4)];
            let (squared, black_border) = FLAGS[random.below(4)];
            let request = Distance { shape: &shape, spacing: &spacing, kind, squared, black_border };
            check(&request, &voxels, &slow(&request, &voxels), what);
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    shape: Vec<usize>,
    spacing: Vec<f64>,
    mask: Vec<bool>,
    kind: usize,
    flags: usize,
}

impl Arbitrary for Case {
    fn arbitrary(source: &mut Gen) -> Self {
        let axes = *source.choose(&[1, 2, 3, 4, 5]).unwrap();
        let extents: &[usize] = if axes < 3 { &[1, 2, 9, 33, 65] } else { &[1, 2, 3, 5] };
        let shape: Vec<usize> = (0..axes).map(|_| *source.choose(extents).unwrap()).collect();
        let units = [1.0, 1.0, 0.7, 3.0, 0.01, 100.0];
        let spacing = shape.iter().map(|_| *source.choose(&units).unwrap()).collect();
        // The density of inside voxels, from one voxel in 256 to nearly all.
        let density = *source.choose(&[0, 5, 50, 128, 250]).unwrap();
        Self {
            spacing,
            mask: (0..shape.iter().product()).map(|_| u8::arbitrary(source) <= density).collect(),
            shape,
            kind: usize::arbitrary(source) % KINDS.len(),
            flags: usize::arbitrary(source) % FLAGS.len(),
        }
    }
}

quickcheck! {
    fn any_mask_is_exact(case: Case) -> bool {
        let (squared, black_border) = FLAGS[case.flags];
        let (shape, spacing, kind) = (&case.shape, &case.spacing, KINDS[case.kind]);
        let request = Distance { shape, spacing, kind, squared, black_border };
        check(&request, &case.mask, &brute(&request, &case.mask), "any");
        true
    }
}

/// A one-sided transform runs within the bounding box of the inside, which begins at a word of the mask.
#[test]
fn objects_that_begin_anywhere_in_a_word_are_exact() {
    for (begin, end) in
        [(0, 1), (63, 70), (64, 65), (64, 128), (65, 129), (127, 140), (128, 300), (129, 130), (192, 256)]
    {
        for (shape, top) in
            [(&[9usize, 330] as &[usize], 3), (&[5, 7, 330], 14), (&[3, 64, 330], 64), (&[1, 330], 0)]
        {
            let inside = |k: usize| k / 330 >= top && k / 330 < top + 5 && (begin..end).contains(&(k % 330));
            let mask: Vec<bool> = (0..shape.iter().product()).map(inside).collect();
            let spacings: [&[f64]; 2] = [&[1.0; 3], &[3.0, 0.7, 0.7]];
            for spacing in spacings {
                for request in every(shape, &spacing[3 - shape.len()..]) {
                    check(&request, &mask, &slow(&request, &mask), "word offset");
                }
            }
        }
    }
}

#[test]
fn a_mask_without_a_boundary_has_no_distances() {
    for shape in [&[1][..], &[7], &[4, 5], &[3, 2, 70]] {
        let spacing = [0.7; 3];
        for (kind, inside) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
            let mask = vec![inside; shape.iter().product()];
            let request = Distance { kind, ..signed(shape, &spacing[..shape.len()]) };
            assert!(fast::<f64>(&request, &mask).iter().all(|&d| d == 0.0), "{request:?}");
            // With a black border the ends of the image are a boundary of the inside.
            let request = Distance { black_border: true, ..request };
            check(&request, &mask, &brute(&request, &mask), "bordered");
        }
    }
}

/// Compares with the golden values that `golden/distance.py` computes with SciPy.
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
        let request = signed(&shape, &spacing);
        for (ours, theirs) in fast::<f64>(&request, &mask).iter().zip(numbers(&entry["signed"])) {
            assert_relative_eq!(*ours, theirs, max_relative = 1e-14);
        }
    }
}
