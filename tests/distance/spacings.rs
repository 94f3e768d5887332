//! Spacings of any ratio, and the maximum number of axes.

use crate::brute::{FLAGS, KINDS, brute, check, compare, every, fast, signed, slow};
use crate::masks::{Random, masks};
use segloss::distance::{Distance, Kind};

/// Spacings from 10⁻¹⁶ to 10¹⁷, different along each axis, against all pairs of voxels.
#[test]
fn spacings_of_any_ratio_are_exact() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let rounds = std::env::var("SEGLOSS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40);
    for _ in 0..rounds {
        let axes = 1 + random.below(3);
        let longest = [300, 24, 9][axes - 1];
        let shape: Vec<_> = (0..axes).map(|_| 1 + random.below(longest)).collect();
        let spacing: Vec<f64> = (0..axes)
            .map(|_| (1.0 + random.below(9) as f64) * 10f64.powi(random.below(33) as i32 - 16))
            .collect();
        for (what, mask) in masks(&shape, &mut random) {
            let kind = KINDS[random.below(4)];
            let (squared, black_border) = FLAGS[random.below(4)];
            let request = Distance { shape: &shape, spacing: &spacing, kind, squared, black_border };
            let want = brute(&request, &mask);
            check(&request, &mask, &want, what);
            compare(&request, &slow(&request, &mask), &want, "reference");
        }
    }
}

/// 200 x 40 voxels whose rows are 10⁻¹² apart and whose columns 10¹²: one step along a row is longer than any column.
#[test]
fn a_step_may_be_longer_than_any_column() {
    let shape = [200, 40];
    let mask: Vec<bool> = (0..200 * 40).map(|k| k == 0 || k / 40 > 0 && k % 40 == 39).collect();
    let spacing = [1e-12, 1e12];
    let request = Distance { kind: Kind::Outside, ..signed(&shape, &spacing) };
    let found = fast::<f32>(&request, &mask);
    assert_eq!((found[5 * 40], found[5 * 40 + 16]), (5e-12, 1.6e13));
    check(&request, &mask, &brute(&request, &mask), "step");
}

/// 200 rows with a spacing of 9·10¹⁷: the length, and not the spacing alone, takes squares past the range of f32.
#[test]
fn long_column_of_wide_spacing_is_exact() {
    let (shape, spacing) = ([200, 2], [9e17, 1.0]);
    let mask: Vec<bool> = (0..400).map(|k| k < 2).collect();
    let request = Distance { kind: Kind::Outside, ..signed(&shape, &spacing) };
    check(&request, &mask, &brute(&request, &mask), "wide");
}

/// Where a step along a column adds less than a rounding to the distance to a wall, many candidates are equal.
#[test]
fn steps_below_a_rounding_are_exact() {
    for (wide, unit) in [(60, 1e-3), (150, 1e-4), (300, 3e-5)] {
        let shape = [500, wide];
        let spacing = [unit, 1.0];
        let request = signed(&shape, &spacing);
        for slant in [0, 1, 3, 40] {
            let wall = |y: usize| (y * slant / 500 + (y * 7919 % 31) / 29) % wide;
            let mask: Vec<bool> = (0..500 * wide).map(|k| k % wide <= wall(k / wide)).collect();
            check(&request, &mask, &slow(&request, &mask), "wall");
        }
    }
}

#[test]
fn any_number_of_axes_is_exact() {
    let mut random = Random(99);
    let unequal: Vec<f64> = (0..16).map(|axis| 0.5 + 0.37 * axis as f64).collect();
    let sixteen = [2, 1, 2, 1, 2, 1, 2, 2, 1, 3, 1, 2, 1, 2, 1, 2];
    for shape in [
        &[3usize, 2, 3, 2, 3, 2] as &[usize],
        &[2, 3, 2, 2, 2, 3, 2],
        &[2, 2, 2, 2, 2, 2, 2, 2],
        &[1, 2, 2, 1, 2, 2, 2, 2, 35],
        &sixteen,
    ] {
        for spacing in [&[1.0; 16], &unequal[..]] {
            let spacing = &spacing[..shape.len()];
            for (what, mask) in masks(shape, &mut random) {
                let mut requests: Vec<_> = every(shape, spacing).collect();
                if mask.len() > 500 {
                    requests = vec![requests[random.below(16)]];
                }
                for request in requests {
                    check(&request, &mask, &brute(&request, &mask), what);
                }
            }
        }
    }
    // Sixteen axes of two voxels, against the reference.
    let shape = [2; 16];
    let mask: Vec<bool> = (0..1 << 16).map(|k: usize| k.wrapping_mul(0x9e37_79b9) >> 7 & 63 == 0).collect();
    for spacing in [&[1.0; 16], &unequal[..]] {
        let request = signed(&shape, spacing);
        check(&request, &mask, &slow(&request, &mask), "sixteen");
    }
}
