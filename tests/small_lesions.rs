//! Small lesions in large volumes: f32 and f16 must not lose them.

use half::f16;
use segloss::{
    Activation, Batch, ClassSums, CrossEntropy, Dice, Gradient, Outputs, Term, View, ViewMut, differentiate,
    run, scratch_len,
};

/// Eight million voxels, ten of them lesion.
const N: usize = 8_000_000;
const LESION: usize = 10;

fn is_lesion(i: usize) -> bool {
    (777..777 + LESION).contains(&i)
}

/// The probabilities of the lesion sum to 3.25 voxels; every other voxel has one third.
fn said(i: usize) -> f32 {
    if is_lesion(i) { 0.325 } else { 0.3 + (i % 7) as f32 * 0.01 }
}

#[test]
fn dice_of_ten_voxels_among_eight_million_keeps_its_digits() {
    let probability: Vec<f32> = (0..N).map(said).collect();
    let labels: Vec<u8> = (0..N).map(|i| u8::from(is_lesion(i))).collect();
    let shape = [1, 1, 200, 200, 200];
    let batch = Batch::new(
        View::new(&probability, &shape).unwrap(),
        Activation::Probability,
        View::new(&labels, &[1, 200, 200, 200]).unwrap(),
    );
    let dice = Dice::default();
    let loss = [Term::new(1.0, &dice)];
    let mut class_sums = [ClassSums::ZERO];
    let report = Outputs { class_sums: Some(&mut class_sums), ..Outputs::default() };
    let value = run(&batch, &loss, report, &mut vec![0; scratch_len(&batch, &loss).unwrap()]).unwrap();

    let predicted: f64 = probability.iter().map(|&s| f64::from(s)).sum();
    let overlap: f64 = f64::from(0.325f32) * LESION as f64;
    let exact = 1.0 - (2.0 * overlap + 1e-5) / (predicted + LESION as f64 + 1e-5);
    assert!(
        (class_sums[0].intersection - overlap).abs() <= 1e-6 * overlap,
        "{} found",
        class_sums[0].intersection
    );
    assert!((class_sums[0].prediction - predicted).abs() <= 1e-6 * predicted);
    // 1 − loss is the contribution of the lesion.
    assert!(((1.0 - value) - (1.0 - exact)).abs() <= 1e-6 * (1.0 - exact), "{value}, not {exact}");
}

/// smp's intersection, (ΣP + ΣG − Σ|P − G|)/2 in f32. PyTorch computes a sum pairwise and a norm
/// sequentially, so their rounding errors do not cancel.
#[test]
fn difference_of_sums_in_f32_loses_the_intersection() {
    let truth = |i| f32::from(u8::from(is_lesion(i)));
    let in_pairs = (0..N).map(|i| f64::from(said(i) + truth(i))).sum::<f64>() as f32;
    let in_a_row = (0..N).fold(0f32, |sum, i| sum + (said(i) - truth(i)).abs());
    let intersection = (in_pairs - in_a_row) / 2.0;
    assert!((intersection - 3.25).abs() > 1000.0, "{intersection}");
}

/// The gradient of cross entropy at one voxel of eight million is at most 1/N, two bits of an f16.
#[test]
fn scaled_f16_gradient_keeps_every_voxel() {
    const SCALE: f64 = (1u64 << 24) as f64;
    let logits: Vec<f16> = (0..2 * N).map(|k| f16::from_f64((k % 61) as f64 / 16.0 - 1.9)).collect();
    let labels: Vec<u8> = (0..N).map(|i| u8::from(is_lesion(i))).collect();
    let shape = [1, 2, N];
    let prediction = View::new(&logits, &shape).unwrap();
    let batch = Batch::new(prediction, Activation::Softmax, View::new(&labels, &[1, N]).unwrap());
    let cross_entropy = CrossEntropy::default();
    let loss = [Term::new(1.0, &cross_entropy)];
    let mut scratch = vec![0; scratch_len(&batch, &loss).unwrap()];
    let mut gradient = vec![f16::ZERO; 2 * N];
    let into = Gradient { scale: SCALE, ..Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap()) };
    differentiate(&batch, &loss, into, &mut scratch).unwrap();
    for (i, label) in labels.iter().enumerate() {
        let (z, one) = ([logits[i].to_f64(), logits[N + i].to_f64()], usize::from(*label));
        let s = 1.0 / (1.0 + (z[1 - one] - z[one]).exp());
        let pull = SCALE * (1.0 - s) / N as f64;
        let (of_truth, of_other) = (gradient[one * N + i].to_f64(), gradient[(1 - one) * N + i].to_f64());
        // 2^-11 is half the last bit; f32 rounds a few times before.
        assert!((of_truth + pull).abs() <= 4.9e-4 * pull, "{i}: {of_truth:e}, not {:e}", -pull);
        assert!((of_other - pull).abs() <= 4.9e-4 * pull, "{i}: {of_other:e}, not {pull:e}");
    }
    let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
    differentiate(&batch, &loss, into, &mut scratch).unwrap();
    let lost = gradient.iter().filter(|x| **x == f16::ZERO).count();
    assert!(lost > N, "unscaled, {lost} of {} components are left", 2 * N - lost);
}
