//! TopK by fraction in one pass: the bits of the exact way, whatever the sample says.
//!
//! A gradient that is written over the prediction goes the exact way, one in a buffer of its own the way of one pass.

use segloss::{
    Activation, Batch, Gradient, Selection, Term, TopK, View, ViewMut, differentiate, differentiate_in_place,
    scratch_len,
};

/// More voxels than the smallest batch that is sampled, in two samples whose last strip is not whole.
const SHAPE: [usize; 3] = [2, 3, 33_333];
const VOXELS: usize = SHAPE[0] * SHAPE[2];

/// A number from 0 to 1 that looks random.
fn noise(seed: usize) -> f32 {
    let mixed = (seed as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519);
    (mixed >> 8) as f32 / (1 << 24) as f32
}

/// The logits of a batch whose losses rise with `hardness` of the voxel: that of the target class is lower by it.
fn logits(labels: &[u8], hardness: impl Fn(usize) -> f32) -> Vec<f32> {
    let [samples, classes, voxels] = SHAPE;
    let mut logits = vec![0.0; samples * classes * voxels];
    for sample in 0..samples {
        for voxel in 0..voxels {
            let index = sample * voxels + voxel;
            let target = usize::from(labels[index] % 3);
            logits[(sample * classes + target) * voxels + voxel] = -hardness(index);
        }
    }
    logits
}

/// Value and gradient in one pass, and in the exact way.
macro_rules! both {
    ($logits:expr, $labels:expr, $ignore:expr, $fraction:expr) => {{
        let (logits, labels): (&[_], &[u8]) = (&$logits, &$labels);
        let loss = TopK { selection: Selection::Fraction($fraction) };
        let terms = [Term::new(1.0, &loss)];
        let target = View::new(labels, &[SHAPE[0], SHAPE[2]]).unwrap();
        let batch = Batch::new(View::new(logits, &SHAPE).unwrap(), Activation::Softmax, target);
        let batch = Batch { ignore: $ignore, ..batch };
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        let mut gradient = logits.to_vec();
        let output = Gradient::new(ViewMut::new(&mut gradient, &SHAPE).unwrap());
        let value = differentiate(&batch, &terms, output, &mut scratch).unwrap();
        let mut in_place = logits.to_vec();
        let target = View::new(labels, &[SHAPE[0], SHAPE[2]]).unwrap();
        let prediction = ViewMut::new(&mut in_place, &SHAPE).unwrap();
        let mut batch = Batch { ignore: $ignore, ..Batch::new(prediction, Activation::Softmax, target) };
        let exact = differentiate_in_place(&mut batch, &terms, 1.0, &mut scratch).unwrap();
        let selected = gradient[..].iter().filter(|x| **x != 0.0).count();
        assert_eq!(value.to_bits(), exact.to_bits(), "{value} in one pass, {exact} in the exact way");
        let same = gradient.iter().zip(&in_place).all(|(x, y)| x.to_bits() == y.to_bits());
        assert!(same, "the gradients differ");
        selected / 3
    }};
}

fn labels() -> Vec<u8> {
    (0..VOXELS).map(|voxel| (noise(voxel + 7) * 3.0) as u8).collect()
}

#[test]
fn random_losses_at_every_fraction() {
    let labels = labels();
    let logits = logits(&labels, |voxel| 8.0 * noise(voxel) - 4.0);
    for fraction in [1e-4, 0.01, 0.1, 0.5, 0.9, 0.999] {
        let selected = both!(logits, labels, &[], fraction);
        assert_eq!(selected, (fraction * VOXELS as f64) as usize, "{fraction}");
    }
    let doubles: Vec<f64> = logits.iter().map(|&x| f64::from(x) / 3.0).collect();
    assert_eq!(both!(doubles, labels, &[], 0.1), VOXELS / 10);
}

#[test]
fn ignored_voxels_are_not_selected() {
    let labels: Vec<u8> = labels()
        .iter()
        .enumerate()
        .map(|(voxel, &label)| if noise(voxel * 3) < 0.2 { 9 } else { label })
        .collect();
    let mut logits = logits(&labels, |voxel| 8.0 * noise(voxel));
    for (voxel, _) in labels.iter().enumerate().take(SHAPE[2]).filter(|(_, label)| **label == 9) {
        logits[voxel] = f32::NAN;
    }
    let counted = labels.iter().filter(|&&label| label != 9).count();
    assert_eq!(both!(logits, labels, &[9], 0.25), counted / 4);
}

/// Losses of which a sample of every fourth strip says nothing or the wrong thing, and losses with ties at the threshold.
#[test]
fn contrived_losses() {
    let labels = labels();
    let sampled = |voxel: usize| ((voxel % SHAPE[2]) / 256).is_multiple_of(4);
    type Hardness = Box<dyn Fn(usize) -> f32>;
    let cases: [(&str, Hardness); 9] = [
        ("sorted", Box::new(|voxel| voxel as f32 / VOXELS as f32)),
        ("sorted downwards", Box::new(|voxel| -(voxel as f32) / VOXELS as f32)),
        ("constant", Box::new(|_| 1.0)),
        ("two values", Box::new(|voxel| f32::from(u8::from(noise(voxel) < 0.3)))),
        ("few ties", Box::new(|voxel| if voxel % 5000 == 0 { 0.5 } else { noise(voxel) })),
        ("only the sample is hard", Box::new(move |voxel| if sampled(voxel) { 5.0 } else { noise(voxel) })),
        // Few losses lie in the bracket, and the threshold does not.
        (
            "the sample is harder",
            Box::new(move |voxel| noise(voxel) + if sampled(voxel) { 5.0 } else { 0.0 }),
        ),
        (
            "the sample is easier",
            Box::new(move |voxel| noise(voxel) - if sampled(voxel) { 5.0 } else { 0.0 }),
        ),
        ("only the sample is easy", Box::new(move |voxel| if sampled(voxel) { -5.0 } else { noise(voxel) })),
    ];
    for (name, hardness) in cases {
        let logits = logits(&labels, hardness);
        for fraction in [0.1, 0.3, 0.5] {
            println!("{name}, {fraction}");
            let _ = both!(logits, labels, &[], fraction);
        }
    }
}

#[test]
fn infinite_losses_and_nan() {
    let labels = labels();
    let masked = logits(&labels, |voxel| if voxel % 50 == 0 { f32::INFINITY } else { noise(voxel) });
    // All voxels with an infinite loss share the places.
    assert_eq!(both!(masked, labels, &[], 0.01), VOXELS.div_ceil(50));
    let _ = both!(masked, labels, &[], 0.1);
    let mut undefined = logits(&labels, noise);
    undefined[12_345] = f32::NAN;
    let loss = TopK::default();
    let terms = [Term::new(1.0, &loss)];
    let target = View::new(&labels, &[SHAPE[0], SHAPE[2]]).unwrap();
    let batch = Batch::new(View::new(&undefined, &SHAPE).unwrap(), Activation::Softmax, target);
    let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
    let mut gradient = vec![0.5f32; undefined.len()];
    let output = Gradient::new(ViewMut::new(&mut gradient, &SHAPE).unwrap());
    assert!(differentiate(&batch, &terms, output, &mut scratch).unwrap().is_nan());
    assert_eq!(gradient.iter().filter(|x| x.is_nan()).count(), 3, "the classes of one voxel");
}
