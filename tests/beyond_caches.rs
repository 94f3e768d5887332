//! A gradient larger than the caches is written past them, and probabilities wait where it will be: neither changes a
//! bit. Added to zeros it is written the ordinary way.

use segloss::{
    Activation, Batch, CrossEntropy, Dice, Focal, Form, Gradient, SensitivitySpecificity, Term, TopK, View,
    ViewMut, differentiate, differentiate_in_place, scratch_len,
};

/// 33 MiB of f32 in two samples, with an end that is no whole block.
const SHAPE: [usize; 3] = [2, 3, 1_441_797];

fn losses() -> Vec<Vec<Box<dyn Form>>> {
    vec![
        vec![Box::new(CrossEntropy::default())],
        vec![Box::new(Dice::default())],
        vec![Box::new(TopK::default())],
        vec![Box::new(Dice::default()), Box::new(Focal::default())],
        vec![Box::new(SensitivitySpecificity::default()), Box::new(CrossEntropy::default())],
    ]
}

#[test]
fn a_gradient_beyond_the_caches_has_the_same_bits() {
    let [b, c, n] = SHAPE;
    let logits: Vec<f32> = (0..b * c * n).map(|i| (i * 37 % 1009) as f32 / 100.0 - 5.0).collect();
    // One in 1009 is ignored.
    let labels: Vec<u8> = (0..b * n).map(|i| if i % 1009 == 5 { 255 } else { (i / 7 % c) as u8 }).collect();
    let target = View::new(&labels, &[b, n]).unwrap();
    // Channels last and first; the start of an array is not where a vector's is.
    for strides in [[c * n, n, 1], [c * n, 1, c]].map(|strides| strides.map(|s| s as isize)) {
        let prediction = View::strided(&logits, 0, &SHAPE, &strides).unwrap();
        let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
        for forms in losses() {
            let terms: Vec<Term> = forms.iter().map(|form| Term::new(0.5, form.as_ref())).collect();
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let mut added = vec![0f32; b * c * n];
            let into = ViewMut::strided(&mut added, 0, &SHAPE, &strides).unwrap();
            let gradient = Gradient { accumulate: true, ..Gradient::new(into) };
            let expected = differentiate(&batch, &terms, gradient, &mut scratch).unwrap();
            for skip in [0, 1] {
                let mut streamed = vec![f32::NAN; b * c * n + skip];
                let into = ViewMut::strided(&mut streamed, skip, &SHAPE, &strides).unwrap();
                let value = differentiate(&batch, &terms, Gradient::new(into), &mut scratch).unwrap();
                assert_eq!(value.to_bits(), expected.to_bits());
                assert!(streamed[skip..] == added[..]);
            }
            let mut over = logits.clone();
            let own = ViewMut::strided(&mut over, 0, &SHAPE, &strides).unwrap();
            let mut own = Batch { ignore: &[255], ..Batch::new(own, Activation::Softmax, target) };
            let value = differentiate_in_place(&mut own, &terms, 1.0, &mut scratch).unwrap();
            assert_eq!(value.to_bits(), expected.to_bits());
            assert!(over == added);
        }
    }
}
