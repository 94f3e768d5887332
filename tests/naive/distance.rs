//! Distances from all pairs of voxels.

use super::Case;

/// d: from each voxel to the nearest voxel on the other side of the mask; 0 everywhere if there is none.
pub fn to_other_side(mask: &[bool], shape: &[usize], spacing: &[f64]) -> Vec<f64> {
    (0..mask.len()).map(|i| nearest(shape, spacing, i, |j| mask[j] != mask[i]).unwrap_or(0.0)).collect()
}

/// φ: −d inside, +d outside; with `rim_zero` the inside is −(d − smallest spacing). 0 if there is no boundary.
pub fn signed(mask: &[bool], shape: &[usize], spacing: &[f64], rim_zero: bool) -> Vec<f64> {
    let smallest = spacing.iter().copied().fold(f64::INFINITY, f64::min);
    let rim = if rim_zero { smallest } else { 0.0 };
    let distances = to_other_side(mask, shape, spacing);
    mask.iter()
        .zip(distances)
        .map(|(&inside, d)| match (d == 0.0, inside) {
            (true, _) => 0.0,
            (false, true) => -(d - rim),
            (false, false) => d,
        })
        .collect()
}

/// D of (6), [B, N], by regions: the label values, those of classes that are not annotated being one; d = distance to the nearest voxel of another region, D = 1 − (d − d_min)/d_max over the
/// voxels of a region. A sample with one region only has D = 0.
pub fn reverted(case: &Case) -> Vec<f64> {
    let n = case.n();
    let mut field = vec![0.0; case.b * n];
    for b in 0..case.b {
        let label = regions(case, b);
        if label.iter().all(|&l| l == label[0]) {
            continue;
        }
        let d: Vec<f64> = (0..n)
            .map(|i| nearest(&case.shape, &case.spacing, i, |j| label[j] != label[i]).unwrap_or(0.0))
            .collect();
        for i in 0..n {
            let region = || (0..n).filter(|&j| label[j] == label[i]).map(|j| d[j]);
            let (least, most) = (region().fold(f64::INFINITY, f64::min), region().fold(0.0, f64::max));
            field[b * n + i] = 1.0 - (d[i] - least) / most;
        }
    }
    field
}

/// The region of the classes that are not annotated in a sample, and of no label: their target is not read.
const REST: i64 = i64::MIN + 1;

/// The label of each voxel of a sample; for maps the class with value 1, for one map its value.
fn regions(case: &Case, b: usize) -> Vec<i64> {
    let n = case.n();
    let is_annotated = |c: usize| case.class_present[b * case.c + c];
    match &case.labels {
        Some(labels) => labels[b * n..][..n]
            .iter()
            .zip(&case.ignored[b * n..])
            .map(|(&label, &ignored)| {
                let is_class = |&c: &usize| case.c > 1 && c < case.c && !ignored;
                let class = usize::try_from(label).ok().filter(is_class);
                if class.is_some_and(|c| !is_annotated(c)) { REST } else { label }
            })
            .collect(),
        None if case.c == 1 => case.truth[b * n..][..n].iter().map(|&g| g as i64).collect(),
        None => (0..n)
            .map(|i| {
                let is_one = |&c: &usize| is_annotated(c) && case.truth[case.at(b, c, i)] == 1.0;
                let ones: Vec<usize> = (0..case.c).filter(is_one).collect();
                let has_rest = !(0..case.c).all(is_annotated);
                assert!(
                    ones.len() == 1 || has_rest && ones.is_empty(),
                    "classes overlap: the field is to be given"
                );
                ones.first().map_or(REST, |&c| c as i64)
            })
            .collect(),
    }
}

/// The target's mask of a class in a sample: every other label and every ignored label is outside.
pub fn target_mask(case: &Case, b: usize, c: usize) -> Vec<bool> {
    let n = case.n();
    (0..n)
        .map(|i| match &case.labels {
            Some(labels) => labels[b * n + i] == case.label_of(c) && !case.ignored[b * n + i],
            None => case.truth[case.at(b, c, i)] == 1.0,
        })
        .collect()
}

/// The distance from voxel i to the nearest voxel that satisfies the condition.
fn nearest(shape: &[usize], spacing: &[f64], i: usize, wanted: impl Fn(usize) -> bool) -> Option<f64> {
    let n: usize = shape.iter().product();
    (0..n).filter(|&j| wanted(j)).map(|j| between(shape, spacing, i, j)).reduce(f64::min)
}

/// The Euclidean distance between two voxels given by index in C order.
fn between(shape: &[usize], spacing: &[f64], mut i: usize, mut j: usize) -> f64 {
    let mut square = 0.0;
    for (extent, unit) in shape.iter().zip(spacing).rev() {
        square += ((i % extent) as f64 * unit - (j % extent) as f64 * unit).powi(2);
        i /= extent;
        j /= extent;
    }
    square.sqrt()
}
