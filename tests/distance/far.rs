//! Distances whose squares exceed 8, 12 and 16 bits, outputs beyond the cache, and columns that are adversarial to
//! every solver.

use crate::brute::{KINDS, check, compare, fast, fast_on, signed, slow};
use crate::masks::{Random, masks};
use crate::same::Two;
use segloss::distance::{Distance, Kind};

#[test]
fn distances_beyond_u16_are_exact() {
    let mut random = Random(7);
    for (shape, spacing) in [
        (&[300usize, 300] as &[usize], &[1.0f64; 2] as &[f64]),
        (&[300, 400], &[3.0, 0.7]),
        (&[3, 5000], &[1.0; 2]),
        (&[9000, 3], &[1.0; 2]),
        (&[6000, 40], &[0.5, 3.0]),
        (&[2, 300, 300], &[3.0, 0.7, 0.7]),
        (&[260, 270, 5], &[1.0; 3]),
        (&[100_000], &[1.0]),
        (&[70_000, 2], &[1.0; 2]),
        (&[2, 70_000], &[1.0, 2.0]),
    ] {
        let far = |what: &str| what != "half" && what != "dense";
        for (what, voxels) in masks(shape, &mut random).into_iter().filter(|(what, _)| far(what)) {
            for kind in [Kind::Signed, Kind::Inside] {
                for black_border in [false, true] {
                    let request = Distance { kind, black_border, ..signed(shape, spacing) };
                    check(&request, &voxels, &slow(&request, &voxels), what);
                }
            }
        }
    }
}

#[test]
fn distances_to_one_voxel_are_exact() {
    for (long, one) in [(300, 7), (5_000, 4_999), (70_000, 0)] {
        for shape in [vec![long], vec![long, 1], vec![2, long]] {
            let mask: Vec<bool> = (0..shape.iter().product()).map(|k: usize| k % long == one).collect();
            let spacing = vec![1.0; shape.len()];
            let request = Distance { kind: Kind::Outside, ..signed(&shape, &spacing) };
            for (k, d) in fast::<f32>(&request, &mask).into_iter().enumerate() {
                assert_eq!(d, (k % long).abs_diff(one) as f32, "{shape:?} at {k}");
            }
        }
    }
}

/// Up to half of the maximum of u16 the solvers use sums without saturation: distances on both sides of that limit,
/// 181 voxels, in few and in most rows of a tile.
#[test]
fn distances_around_half_of_u16_are_exact() {
    for hole in (330..=380).step_by(5) {
        for rows in [hole + 40, 2000] {
            let shape = [rows, 70];
            let begin = (rows - hole) / 2;
            let voxels: Vec<bool> = (0..rows * 70)
                .map(|k| (k / 70, k % 70))
                .map(|(y, x)| !(begin..begin + hole).contains(&y) && (3 * y + 5 * x) % 7 < 2)
                .collect();
            let request = signed(&shape, &[1.0; 2]);
            check(&request, &voxels, &slow(&request, &voxels), "hole");
        }
    }
}

/// Blocks of a coarse checkerboard, some of them missing: short and long distances, with different alignments of the
/// rows.
fn blocks(shape: &[usize; 3]) -> Vec<bool> {
    let [depth, height, width] = *shape;
    let coordinates = |i: usize| (i / (height * width), i / width % height, i % width);
    let inside = |(z, y, x): (usize, usize, usize)| {
        (z / 9 + y / 31 + x / 37) % 2 == 0 && (3 * z + 7 * y + x / 50) % 11 < 7 && z > 2
    };
    (0..depth * height * width).map(|i| inside(coordinates(i))).collect()
}

#[test]
fn outputs_beyond_the_cache_are_exact() {
    // More than 24 MiB, or 12 with two axes, which is written with non-temporal stores; the widths give partial cache
    // lines of every length.
    let cases = [([40, 400, 421], [1.0; 3]), ([40, 400, 448], [3.0, 0.7, 0.7]), ([1500, 1, 2101], [1.0; 3])];
    for (extents, spacing) in cases {
        let voxels = blocks(&extents);
        let shape: Vec<usize> = extents.into_iter().filter(|&extent| extent > 1).collect();
        for kind in [Kind::Signed, Kind::Inside] {
            let request = Distance { kind, ..signed(&shape, &spacing[3 - shape.len()..]) };
            let want = slow(&request, &voxels);
            compare(&request, &fast_on::<f32>(&request, &voxels, &Two).unwrap(), &want, "large");
            compare(&request, &fast::<f64>(&request, &voxels), &want, "large");
        }
    }
}

/// Half of the lanes have their nearest candidate at one end of the column, half at the other, so that no short range
/// of candidates serves all lanes; some rows between are the best candidate somewhere.
fn adversarial(n: usize) -> Vec<bool> {
    let width = 64;
    let mut voxels = vec![false; n * width];
    for x in 0..width {
        let y = if x % 2 == 0 { 0 } else { n - 1 };
        voxels[y * width + x] = true;
    }
    for y in (n / 2..n / 2 + n / 8).step_by(3) {
        voxels[y * width + y % 5] = true;
    }
    voxels
}

/// The number of candidates visited is tested in `src/distance/column_solver.rs`.
#[test]
fn adversarial_columns_are_exact() {
    let voxels = adversarial(32_000);
    // f32, and integers in a unit other than 1.
    for spacing in [[1.0, 1000.0], [0.7, 0.7]] {
        let request = signed(&[32_000, 64], &spacing);
        check(&request, &voxels, &slow(&request, &voxels), "adversarial");
    }
}

/// Squares above 2³¹, which neither u32 nor an f32 output holds between passes.
#[test]
fn distances_beyond_46_340_voxels_are_exact() {
    for shape in [
        &[100_000usize] as &[usize],
        &[2, 60_000],
        &[60_000, 2],
        &[50_000, 70],
        &[3, 2, 60_000],
        &[60_000, 3, 2],
        &[2, 60_000, 3],
    ] {
        let voxels: usize = shape.iter().product();
        // One voxel near the end, and a run of short distances far from it.
        let mask: Vec<bool> =
            (0..voxels).map(|k| k + 7 == voxels || (k < 900 && k % 5 == 0 && shape[0] < 50_000)).collect();
        for spacing in [1.0, 0.7] {
            for kind in [Kind::Signed, Kind::Outside] {
                let spacing = [spacing; 3];
                let request = Distance { kind, ..signed(shape, &spacing[..shape.len()]) };
                check(&request, &mask, &slow(&request, &mask), "far");
            }
        }
    }
}

/// Columns of u16 are solved in windows of 1,536 rows, with a halo of 256 rows.
#[test]
fn columns_of_several_windows_are_exact() {
    let mut random = Random(23);
    for extent in [2047, 2048, 2049, 2304, 3071, 3073, 5000] {
        // Rows around the end of the first window are near the boundary; then a hole begins, about as long as the
        // distances of u16.
        let holes = [
            (1400, 1790),
            (1280, 1790),
            (1530, 2050),
            (1536 - 255, 1536 + 255),
            (1536 + 1, 1536 + 257),
            (1000, 2040),
        ];
        for (begin, end) in holes {
            let unequal = [3.0, 0.7, 0.7];
            for (shape, spacing) in [
                (&[extent, 40] as &[usize], &[1.0; 2] as &[f64]),
                (&[extent, 2, 20], &[1.0; 3]),
                (&[2, extent, 20], &unequal),
            ] {
                let voxel = |k: usize| {
                    let (y, x) = if shape[0] == 2 { (k / 20 % extent, k % 20) } else { (k / 40, k % 40) };
                    !(begin..end.min(extent - 1)).contains(&y) && (7 * y + 3 * x + y / 60) % 5 < 2
                };
                let mask: Vec<bool> = (0..extent * 40).map(voxel).collect();
                let request = signed(shape, spacing);
                check(&request, &mask, &slow(&request, &mask), "hole");
            }
        }
        for (what, mask) in masks(&[extent, 33], &mut random) {
            for black_border in [false, true] {
                for kind in [Kind::Signed, Kind::Outside] {
                    let shape = [extent, 33];
                    let request = Distance { kind, black_border, ..signed(&shape, &[1.0; 2]) };
                    compare(&request, &fast::<f32>(&request, &mask), &slow(&request, &mask), what);
                }
            }
        }
    }
}

/// Neighbouring tiles with short distances, with distances above 255, and with short ones again.
#[test]
fn tiles_near_and_far_are_exact() {
    let shape = [700usize, 1500];
    let near = |x: usize| x < 300 || (700..800).contains(&x) || x > 1400;
    let voxel = |k: usize| near(k % 1500) && (k % 1500 / 3 + k / 1500 / 4).is_multiple_of(3);
    let mask: Vec<bool> = (0..700 * 1500).map(voxel).collect();
    for black_border in [false, true] {
        for kind in KINDS {
            let request = Distance { kind, black_border, ..signed(&shape, &[1.0; 2]) };
            let want = slow(&request, &mask);
            check(&request, &mask, &want, "tiles");
            compare(&request, &fast_on::<f32>(&request, &mask, &Two).unwrap(), &want, "two threads");
        }
    }
}
