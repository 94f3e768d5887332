//! Dice + cross entropy and its gradient: the program of the README.

use segloss::{
    Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len,
};

fn main() -> Result<(), segloss::Error> {
    let (logits, labels, mut gradient) = (vec![0f32; 128], vec![0u8; 64], vec![0f32; 128]);
    let shape = [1, 2, 4, 4, 4]; // samples, classes, spatial axes
    let (prediction, target) = (View::new(&logits, &shape)?, View::new(&labels, &[1, 4, 4, 4])?);
    let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let weighted = Term { class_weight: Some(&[0.5, 2.0]), ..Term::new(1.0, &cross_entropy) };
    let loss = [Term::new(1.0, &dice), weighted];
    let mut scratch = vec![0; scratch_len(&batch, &loss)?];
    let output = Gradient::new(ViewMut::new(&mut gradient, &shape)?);
    println!("loss {}", differentiate(&batch, &loss, output, &mut scratch)?);
    Ok(())
}
