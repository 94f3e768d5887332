//! Distances that pass what 8, 12 and 16 bits hold when squared, images beyond the cache, and columns contrived
//! to give every solver its worst.

use crate::brute::{check, compare, fast, fast_on, signed, slow};
use crate::masks::{Random, masks};
use crate::same::Two;
use segloss::distance::{Distance, Kind};

#[test]
fn far_beyond_the_narrow_cell_is_exact() {
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
fn one_voxel_is_as_far_as_it_is() {
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

/// Up to half of what the narrow cell holds, sums need no care: distances on either side of that edge, 181 voxels,
/// in few rows of a tile and in most.
#[test]
fn distances_around_half_a_cell_are_exact() {
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

/// Blocks of a coarse checkerboard, some of them missing: near and far, with every row of its own alignment.
fn blocks(shape: &[usize; 3]) -> Vec<bool> {
    let [depth, height, width] = *shape;
    let place = |i: usize| (i / (height * width), i / width % height, i % width);
    let inside = |(z, y, x): (usize, usize, usize)| {
        (z / 9 + y / 31 + x / 37) % 2 == 0 && (3 * z + 7 * y + x / 50) % 11 < 7 && z > 2
    };
    (0..depth * height * width).map(|i| inside(place(i))).collect()
}

#[test]
fn outputs_beyond_the_cache_are_exact() {
    // More than 24 MiB, whose stores go past the cache; widths that leave every part of a line at the ends.
    for (shape, spacing) in [([40, 400, 421], [1.0; 3]), ([40, 400, 448], [3.0, 0.7, 0.7])] {
        let voxels = blocks(&shape);
        for kind in [Kind::Signed, Kind::Inside] {
            let request = Distance { kind, ..signed(&shape, &spacing) };
            let want = slow(&request, &voxels);
            compare(&request, &fast_on::<f32>(&request, &voxels, &Two).unwrap(), &want, "large");
            compare(&request, &fast::<f64>(&request, &voxels), &want, "large");
        }
    }
}

/// Half of the lanes look to one end of the column, half to the other, so that no run of candidates serves all;
/// and candidates that are all best somewhere.
fn contrived(n: usize) -> Vec<bool> {
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

#[test]
fn contrived_columns_are_linear() {
    let lengths = [4_000, 32_000];
    let columns = lengths.map(contrived);
    // The least of nine, in turn: the machine may be busy with something else.
    let mut per_voxel = [f64::INFINITY; 2];
    for round in 0..9 {
        for ((n, voxels), least) in lengths.into_iter().zip(&columns).zip(&mut per_voxel) {
            let shape = [n, 64];
            let request = signed(&shape, &[1.0, 1000.0]);
            if round == 0 {
                check(&request, voxels, &slow(&request, voxels), "contrived");
            }
            let begin = std::time::Instant::now();
            fast::<f32>(&request, voxels);
            *least = least.min(begin.elapsed().as_secs_f64() / voxels.len() as f64 * 1e9);
        }
    }
    // Eight times the length: quadratic would be eight times the cost of a voxel.
    assert!(per_voxel[1] < 4.0 * per_voxel[0].max(20.0), "{per_voxel:?}");
}
