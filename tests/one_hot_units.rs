//! Masks and dense maps in which most voxels have one class: units of labels beside units of maps.

use segloss::custom::Normalizer;
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len,
};

/// Voxels of a unit of f32; of f64 a unit has half as many.
const UNIT: usize = 256;
/// Four units, and one that is not whole.
const VOXELS: usize = 4 * UNIT + 70;
/// The units in which a voxel has two classes.
const SOFT: [usize; 2] = [1, 3];

/// A number from 0 to 1 that looks random.
fn noise(seed: usize) -> f64 {
    let mixed = (seed as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
    f64::from(mixed >> 8) / f64::from(1 << 24)
}

fn label(voxel: usize, classes: usize) -> usize {
    (noise(voxel + 7_000_000) * classes as f64) as usize
}

fn logits(classes: usize) -> Vec<f64> {
    (0..classes * VOXELS).map(|i| f64::from((8.0 * noise(i) - 4.0) as f32)).collect()
}

/// One class per voxel but for one voxel of each soft unit. Voxels without weight may have any target.
fn maps(classes: usize, weights: &[f64]) -> Vec<f64> {
    let mut maps = vec![0.0; classes * VOXELS];
    for voxel in 0..VOXELS {
        let at = |class: usize| class % classes * VOXELS + voxel;
        let label = label(voxel, classes);
        maps[at(label)] = 1.0;
        if SOFT.map(|unit| unit * UNIT + 201).contains(&voxel) {
            (maps[at(label)], maps[at(label + 1)]) = (0.75, 0.25);
        } else if weights[voxel] == 0.0 {
            maps[at(label + 1)] = 0.5;
        }
    }
    maps
}

/// Value and gradient, in f64, of numbers of a type.
macro_rules! run {
    ($T:ty, $classes:expr, $target:expr, $weights:expr, $terms:expr) => {{
        let shape = [1, $classes, VOXELS];
        let logits: Vec<$T> = logits($classes).iter().map(|&x| x as $T).collect();
        let weights: Vec<$T> = $weights.iter().map(|&x: &f64| x as $T).collect();
        let batch = Batch {
            voxel_weight: Some(View::new(&weights, &[1, VOXELS]).unwrap()),
            ..Batch::new(View::new(&logits, &shape).unwrap(), Activation::Softmax, $target)
        };
        let terms = $terms;
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        let mut gradient = vec![0.0 as $T; logits.len()];
        let output = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
        let value = differentiate(&batch, &terms, output, &mut scratch).unwrap();
        (value, gradient.iter().map(|&x| x as f64).collect::<Vec<f64>>())
    }};
}

/// Cross entropy with so little smoothing that no number changes, but with which the target of every class is read.
const BY_CLASS: CrossEntropy = CrossEntropy { label_smoothing: 1e-30, normalizer: Normalizer::Voxels };

fn weights() -> [Vec<f64>; 2] {
    let some = (0..VOXELS).map(|voxel| if voxel % 5 == 3 { 0.0 } else { 0.5 + noise(voxel) });
    [vec![1.0; VOXELS], some.map(|weight| f64::from(weight as f32)).collect()]
}

#[test]
fn units_of_labels_and_of_maps_together() {
    // Strips of 12 classes are narrower than a unit.
    for classes in [2, 3, 12] {
        for weights in weights() {
            let maps = maps(classes, &weights);
            let target = View::new(&maps, &[1, classes, VOXELS]).unwrap();
            let dice = Dice::default();
            let terms = |cross_entropy| [Term::new(1.0, &dice), Term::new(1.0, cross_entropy)];
            let by_unit = CrossEntropy::default();
            let single = (
                run!(f32, classes, target, weights, terms(&by_unit)),
                run!(f32, classes, target, weights, terms(&BY_CLASS)),
            );
            let double = (
                run!(f64, classes, target, weights, terms(&by_unit)),
                run!(f64, classes, target, weights, terms(&BY_CLASS)),
            );
            for ((ours, by_class), rounding) in [(single, 6e-7), (double, 1e-14)] {
                let largest = by_class.1.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                assert!((ours.0 - by_class.0).abs() <= rounding * 3.0, "{} and {}", ours.0, by_class.0);
                for (i, (ours, by_class)) in ours.1.iter().zip(&by_class.1).enumerate() {
                    let off = (ours - by_class).abs();
                    assert!(
                        off <= rounding * largest,
                        "{classes} classes: off by {off:e} of {largest:e} at {i}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_unit_of_one_hot_maps_has_the_bits_of_labels() {
    for classes in [2, 3, 12] {
        for weights in weights() {
            let maps = maps(classes, &weights);
            let of_maps = View::new(&maps, &[1, classes, VOXELS]).unwrap();
            let labels: Vec<u8> = (0..VOXELS).map(|voxel| label(voxel, classes) as u8).collect();
            let of_labels = View::new(&labels, &[1, VOXELS]).unwrap();
            let cross_entropy = CrossEntropy::default();
            let terms = || [Term::new(1.0, &cross_entropy)];
            let (_, ours) = run!(f32, classes, of_maps, weights, terms());
            let (_, expected) = run!(f32, classes, of_labels, weights, terms());
            for (i, (ours, expected)) in ours.iter().zip(&expected).enumerate() {
                let is_soft = SOFT.contains(&(i % VOXELS / UNIT));
                assert!(is_soft || ours.to_bits() == expected.to_bits(), "{classes} classes at {i}");
            }
        }
    }
}

/// Masks of bytes in which one voxel of a unit has two classes, and one of another unit none.
#[test]
fn masks_that_are_not_one_hot_have_the_bits_of_maps() {
    for classes in [2, 3, 12] {
        let mut masks = vec![0u8; classes * VOXELS];
        for voxel in (0..VOXELS).filter(|&voxel| voxel != 2 * UNIT + 9) {
            masks[label(voxel, classes) * VOXELS + voxel] = 1;
        }
        let twice = UNIT + 201;
        masks[(label(twice, classes) + 1) % classes * VOXELS + twice] = 1;
        let maps: Vec<f32> = masks.iter().map(|&mask| mask.into()).collect();
        let (shape, logits) = ([1, classes, VOXELS], logits(classes));
        let logits: Vec<f32> = logits.iter().map(|&x| x as f32).collect();
        let cross_entropy = CrossEntropy::default();
        let terms = [Term::new(1.0, &cross_entropy)];
        let of = |batch: Batch<'_>| {
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let mut gradient = vec![0.0f32; logits.len()];
            let output = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            let value = differentiate(&batch, &terms, output, &mut scratch).unwrap();
            (value.to_bits(), gradient.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let prediction = || View::new(&logits, &shape).unwrap();
        let of_masks = of(Batch::new(prediction(), Activation::Softmax, View::new(&masks, &shape).unwrap()));
        let of_maps = of(Batch::new(prediction(), Activation::Softmax, View::new(&maps, &shape).unwrap()));
        assert_eq!(of_masks.0, of_maps.0, "{classes} classes");
        let differs = of_masks.1.iter().zip(&of_maps.1).position(|(masks, maps)| masks != maps);
        assert_eq!(differs, None, "{classes} classes");
        // The gradient of a voxel without a class is 0.
        let class = |class: usize| f32::from_bits(of_masks.1[class * VOXELS + 2 * UNIT + 9]);
        assert!((0..classes).all(|k| class(k) == 0.0), "{classes} classes");
    }
}
