//! All masks of a few voxels, against all pairs of voxels.

use crate::brute::{brute, check, compare, every, slow};

#[track_caller]
fn every_mask(shape: &[usize], spacings: &[&[f64]]) {
    let voxels: usize = shape.iter().product();
    for spacing in spacings {
        for bits in 0..1usize << voxels {
            let mask: Vec<bool> = (0..voxels).map(|i| bits >> i & 1 != 0).collect();
            for request in every(shape, spacing) {
                let want = brute(&request, &mask);
                check(&request, &mask, &want, "fast");
                compare(&request, &slow(&request, &mask), &want, "reference");
            }
        }
    }
}

#[test]
fn every_mask_of_three_by_three_is_exact() {
    every_mask(&[3, 3], &[&[1.0, 1.0], &[3.0, 0.7], &[0.5, 2.0], &[0.9, 1.0], &[1e3, 1e-3]]);
}

#[test]
fn every_mask_of_two_by_two_by_two_is_exact() {
    every_mask(&[2, 2, 2], &[&[1.0; 3], &[3.0, 0.7, 0.7], &[0.7, 1.0, 5.0]]);
}

#[test]
fn every_mask_of_a_row_is_exact() {
    for voxels in 1..=9 {
        every_mask(&[voxels], &[&[1.0], &[0.7]]);
    }
    every_mask(&[1, 5, 1], &[&[1.0; 3], &[0.5, 2.0, 4.0]]);
}

/// Spacings whose squares f32 does not hold, which use the exact type.
#[test]
fn spacings_beyond_single_precision_are_exact() {
    every_mask(&[2, 3], &[&[2e18, 1.0], &[1e18, 3e18]]);
}
