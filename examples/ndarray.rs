//! ndarray: a mirrored patch of a channels-last network output, without a copy.
//!
//! ```text
//! [B, D, H, W, C]  → permuted to [B, C, D, H, W] → sliced: planes 3 to 19, every second row, x from right to left
//! ```

use ndarray::{Array, Array4, Array5, ArrayView, Axis, Dimension, s};
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SHAPE: (usize, usize, usize, usize, usize) = (2, 20, 24, 70, 3);

/// The position of a view in the memory of its array.
struct Place {
    first: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Place {
    /// `whole` is in C order, so its first element is the first of its memory; a mirrored view starts
    /// at its last element.
    fn of<T, D: Dimension, E: Dimension>(view: &ArrayView<'_, T, D>, whole: &Array<T, E>) -> Self {
        let first = (view.as_ptr().addr() - whole.as_ptr().addr()) / size_of::<T>();
        Self { first, shape: view.shape().to_vec(), strides: view.strides().to_vec() }
    }
}

/// The memory of an array in C order.
fn memory<T, D: Dimension>(whole: &Array<T, D>) -> &[T] {
    whole.as_slice().expect("an array in C order")
}

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

    let seen = logits.view().permuted_axes([0, 4, 1, 2, 3]);
    let seen = seen.slice(s![.., .., 3..19, ..;2, ..;-1]);
    let truth = labels.slice(s![.., 3..19, ..;2, ..;-1]);
    let (at, at_labels) = (Place::of(&seen, &logits), Place::of(&truth, &labels));

    // The gradient is written to the same patch of an array like the logits; the rest is not changed.
    const UNTOUCHED: f32 = 7.0;
    let mut gradient = Array5::from_elem(SHAPE, UNTOUCHED);
    let room = gradient.as_slice_mut().expect("an array in C order");
    let value = run(
        View::strided(memory(&logits), at.first, &at.shape, &at.strides)?,
        View::strided(memory(&labels), at_labels.first, &at_labels.shape, &at_labels.strides)?,
        ViewMut::strided(room, at.first, &at.shape, &at.strides)?,
    )?;
    println!("views:  strides {:?}, loss {value}", at.strides);

    let (copy, truth_copy) = (seen.as_standard_layout().to_owned(), truth.as_standard_layout().to_owned());
    let mut wanted = Array::zeros(copy.raw_dim());
    let room = wanted.as_slice_mut().expect("an array in C order");
    let of_copies = run(
        View::new(memory(&copy), copy.shape())?,
        View::new(memory(&truth_copy), truth_copy.shape())?,
        ViewMut::new(room, copy.shape())?,
    )?;
    println!("copies: strides {:?}, loss {of_copies}", copy.strides());
    assert_eq!(value, of_copies);

    let written = gradient.view().permuted_axes([0, 4, 1, 2, 3]);
    assert_eq!(written.slice(s![.., .., 3..19, ..;2, ..;-1]), wanted);
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
