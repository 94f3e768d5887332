//! ndarray: a mirrored patch of a channels-last network output, without a copy.
//!
//! ```text
//! cargo run --release --features ndarray --example ndarray
//! ```
//!
//! The views keep their strides, so nothing is copied: [`View::try_from`] takes what `ndarray` slices, permutes or
//! mirrors.
//!
//! ```text
//! [B, D, H, W, C]  → permuted to [B, C, D, H, W] → sliced: planes 3 to 19, every second row, x from right to left
//! ```

use ndarray::{Array, Array4, Array5, Axis, s};
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SHAPE: (usize, usize, usize, usize, usize) = (2, 20, 24, 70, 3);

/// Returns the value and writes the gradient to `into`.
fn run(prediction: View<'_>, labels: View<'_>, into: ViewMut<'_>) -> Result<f64> {
    let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
    let loss = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
    let batch = Batch::new(prediction, Activation::Softmax, labels);
    let mut scratch = vec![0; scratch_len(&batch, &loss)?];
    Ok(differentiate(&batch, &loss, Gradient::new(into), &mut scratch)?)
}

fn main() -> Result<()> {
    let (b, d, h, w, _) = SHAPE;
    let mut logits = Array5::<f32>::zeros(SHAPE);
    for (i, z) in logits.iter_mut().enumerate() {
        *z = (i * 7919 % 2003) as f32 / 500.0 - 2.0;
    }
    let labels = Array4::<u8>::from_shape_fn((b, d, h, w), |(b, z, y, x)| {
        u8::from((x + 2 * b) % 31 < 14) + u8::from(x % 31 < 5 && (y + z) % 9 < 6)
    });

    let patch = s![.., .., 3..19, ..;2, ..;-1];
    let seen = logits.view().permuted_axes([0, 4, 1, 2, 3]);
    let seen = seen.slice(patch);
    let truth = labels.slice(s![.., 3..19, ..;2, ..;-1]);

    // The gradient is written to the same patch of an array like the logits; the rest is not changed.
    const UNTOUCHED: f32 = 7.0;
    let mut gradient = Array5::from_elem(SHAPE, UNTOUCHED);
    let mut output = gradient.view_mut().permuted_axes([0, 4, 1, 2, 3]);
    let output = output.slice_mut(patch);
    let value = run(View::try_from(seen)?, View::try_from(truth)?, ViewMut::try_from(output)?)?;
    println!("views:  strides {:?}, loss {value}", seen.strides());

    let (copy, truth_copy) = (seen.as_standard_layout().to_owned(), truth.as_standard_layout().to_owned());
    let mut wanted = Array::zeros(copy.raw_dim());
    let of_copies =
        run(View::try_from(&copy)?, View::try_from(&truth_copy)?, ViewMut::try_from(&mut wanted)?)?;
    println!("copies: strides {:?}, loss {of_copies}", copy.strides());
    assert_eq!(value, of_copies);

    let written = gradient.view().permuted_axes([0, 4, 1, 2, 3]);
    assert_eq!(written.slice(patch), wanted);
    // Softmax is invariant to a constant added to all classes: the gradients of a voxel sum to 0 up to
    // their roundings. They are summed in f64, because sums in f32 would add as much rounding again.
    for slopes in wanted.lanes(Axis(1)) {
        let largest = slopes.fold(0f32, |max, slope| max.max(slope.abs()));
        let sum: f64 = slopes.iter().map(|&slope| f64::from(slope)).sum();
        let rounding = slopes.len() as f64 * f64::from(f32::EPSILON * largest);
        assert!(largest > 0.0 && sum.abs() <= rounding, "{sum} of {largest}");
    }
    let untouched = gradient.iter().filter(|&&slope| slope == UNTOUCHED).count();
    assert_eq!(untouched, gradient.len() - wanted.len());
    println!("the same bits; {untouched} elements outside of the patch untouched");
    Ok(())
}
