//! Losses in one call over slices, without views and a scratch buffer. Needs the feature `std`.
//!
//! ```
//! use segloss::simple::SimpleLoss;
//! use segloss::{Activation, Dice};
//!
//! // Two samples, four classes, 8 × 8 × 8 voxels.
//! let shape = [2, 4, 8, 8, 8];
//! let logits = vec![0.5f32; 2 * 4 * 512];
//! let labels = vec![1u8; 2 * 512];
//! let (value, gradient) =
//!     Dice::default().value_and_gradient(&logits, &labels, &shape, Activation::Softmax)?;
//! assert_eq!(gradient.len(), logits.len());
//! assert!(value > 0.0);
//! # Ok::<(), segloss::Error>(())
//! ```
//!
//! Each call allocates the gradient and the scratch buffer. Options such as ignored labels, voxel weights, strides and
//! executors need the functions of the crate root, which allocate nothing:
//!
//! ```
//! use segloss::{Activation, Batch, Dice, Gradient, Term, View, ViewMut, differentiate, scratch_len};
//!
//! let (shape, spatial) = ([2, 4, 8, 8, 8], [2, 8, 8, 8]);
//! let (logits, labels) = (vec![0.5f32; 2 * 4 * 512], vec![1u8; 2 * 512]);
//! let mut gradient = vec![0f32; logits.len()];
//!
//! let prediction = View::new(&logits, &shape)?;
//! let target = View::new(&labels, &spatial)?;
//! let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
//! let dice = Dice::default();
//! let terms = [Term::new(1.0, &dice)];
//! let mut scratch = vec![0; scratch_len(&batch, &terms)?]; // once: the buffer serves all later calls
//! let output = Gradient::new(ViewMut::new(&mut gradient, &shape)?);
//! let value = differentiate(&batch, &terms, output, &mut scratch)?;
//! # assert!(value > 0.0);
//! # Ok::<(), segloss::Error>(())
//! ```

use crate::api::{Gradient, Outputs, run, scratch_len};
use crate::array::dtype::Element;
use crate::array::view::{View, ViewMut};
use crate::batch::Batch;
use crate::error::{Error, Status};
use crate::loss::activation::Activation;
use crate::loss::kind::Loss;
use crate::loss::term::Term;
use core::ffi::CStr;
use std::vec;
use std::vec::Vec;

/// Value and gradient of a loss over slices. Implemented for every [`Loss`] and for slices and arrays of [`Term`]s.
///
/// `shape` is `[B, C, …]` with at least one spatial axis. `prediction` has `B·C·N` elements in C order, of f16, bf16,
/// f32 or f64; `N` is the number of voxels of a sample. `target` has `B·N` integer class labels or `B·C·N` values
/// (integer 0/1 masks or floating-point dense targets).
///
/// ```
/// use segloss::simple::SimpleLoss;
/// use segloss::{Activation, CrossEntropy, Dice, Term};
///
/// let logits = [0.5f32, 2.0, -1.0, 1.5, -2.0, 0.0];
/// let labels = [1u8, 0, 1];
/// let (dice, cross_entropy) = (Dice::default(), CrossEntropy::default());
/// let terms = [Term::new(1.0, &dice), Term::new(1.0, &cross_entropy)];
/// let (value, gradient) = terms.value_and_gradient(&logits, &labels, &[1, 2, 3], Activation::Softmax)?;
/// let sum = dice.value(&logits, &labels, &[1, 2, 3], Activation::Softmax)?
///     + cross_entropy.value(&logits, &labels, &[1, 2, 3], Activation::Softmax)?;
/// assert!((value - sum).abs() < 1e-12);
/// assert_eq!(gradient.len(), 6);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait SimpleLoss {
    /// Returns the value of the loss and its gradient with respect to the prediction: `B·C·N` elements in the type of
    /// the prediction.
    ///
    /// # Errors
    /// As [`differentiate`](crate::api::differentiate); and [`Status::Shape`] unless the slices have the lengths that
    /// `shape` requires.
    fn value_and_gradient<P: Element + Default, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<(f64, Vec<P>), Error>;

    /// Returns the value of the loss.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn value<P: Element, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<f64, Error>;
}

impl<L: Loss> SimpleLoss for L {
    fn value_and_gradient<P: Element + Default, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<(f64, Vec<P>), Error> {
        [Term::new(1.0, self)].value_and_gradient(prediction, target, shape, activation)
    }

    fn value<P: Element, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<f64, Error> {
        [Term::new(1.0, self)].value(prediction, target, shape, activation)
    }
}

impl SimpleLoss for [Term<'_>] {
    fn value_and_gradient<P: Element + Default, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<(f64, Vec<P>), Error> {
        let mut gradient = vec![P::default(); prediction.len()];
        let value = run_terms(self, prediction, target, shape, activation, Some(&mut gradient))?;
        Ok((value, gradient))
    }

    fn value<P: Element, T: Element>(
        &self,
        prediction: &[P],
        target: &[T],
        shape: &[usize],
        activation: Activation,
    ) -> Result<f64, Error> {
        run_terms(self, prediction, target, shape, activation, None)
    }
}

fn run_terms<P: Element, T: Element>(
    terms: &[Term<'_>],
    prediction: &[P],
    target: &[T],
    shape: &[usize],
    activation: Activation,
    gradient: Option<&mut [P]>,
) -> Result<f64, Error> {
    let batch = Batch::new(
        View::new(prediction, shape).map_err(|error| named(error, c"prediction"))?,
        activation,
        target_view(target, shape).map_err(|error| named(error, c"target"))?,
    );
    let mut scratch = vec![0; scratch_len(&batch, terms)?];
    let gradient = gradient.map(|data| ViewMut::new(data, shape)).transpose()?.map(Gradient::new);
    run(&batch, terms, Outputs { gradient, ..Outputs::default() }, &mut scratch)
}

/// Returns a view of labels `[B, …]` if the length is that of labels, of masks or dense targets `[B, C, …]` otherwise.
fn target_view<'a, T: Element>(target: &'a [T], shape: &[usize]) -> Result<View<'a>, Error> {
    let labels: Vec<usize> =
        shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, n)| *n).collect();
    match View::new(target, &labels) {
        Err(error) if error.status == Status::Shape => View::new(target, shape),
        view => view,
    }
}

/// Returns the error of a slice with the name of the argument.
fn named(mut error: Error, argument: &'static CStr) -> Error {
    if error.argument == c"data" {
        error.argument = argument;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::differentiate;
    use crate::boundary::boundary_loss::Boundary;
    use crate::distribution::cross_entropy::CrossEntropy;
    use crate::half::f16;
    use crate::region::dice::Dice;
    use approx::assert_relative_eq;

    const SHAPE: [usize; 3] = [1, 2, 3];
    const LOGITS: [f32; 6] = [0.5, 2.0, -1.0, 1.5, -2.0, 0.0];
    const LABELS: [u8; 3] = [1, 0, 1];

    #[test]
    fn the_result_has_the_bits_of_differentiate() {
        let dice = Dice::default();
        let terms = [Term::new(1.0, &dice)];
        let (prediction, target) =
            (View::new(&LOGITS, &SHAPE).unwrap(), View::new(&LABELS, &[1, 3]).unwrap());
        let batch = Batch::new(prediction, Activation::Softmax, target);
        let (mut expected, mut scratch) = ([0f32; 6], vec![0; scratch_len(&batch, &terms).unwrap()]);
        let output = Gradient::new(ViewMut::new(&mut expected, &SHAPE).unwrap());
        let value = differentiate(&batch, &terms, output, &mut scratch).unwrap();
        let result = dice.value_and_gradient(&LOGITS, &LABELS, &SHAPE, Activation::Softmax).unwrap();
        assert_eq!(result, (value, expected.to_vec()));
        assert_eq!(dice.value(&LOGITS, &LABELS, &SHAPE, Activation::Softmax).unwrap(), value);
    }

    #[test]
    fn labels_masks_and_dense_targets_have_the_same_value() {
        let loss = CrossEntropy::default();
        let value = loss.value(&LOGITS, &LABELS, &SHAPE, Activation::Softmax).unwrap();
        let masks = [0u8, 1, 0, 1, 0, 1];
        let of_masks = loss.value(&LOGITS, &masks, &SHAPE, Activation::Softmax).unwrap();
        let of_dense = loss.value(&LOGITS, &masks.map(f64::from), &SHAPE, Activation::Softmax).unwrap();
        assert_relative_eq!(of_masks, value, max_relative = 1e-6);
        assert_relative_eq!(of_dense, value, max_relative = 1e-6);
        let of_one_class = loss.value(&LOGITS[..3], &LABELS, &[1, 1, 3], Activation::Sigmoid).unwrap();
        let dense = LABELS.map(f32::from);
        let of_dense = loss.value(&LOGITS[..3], &dense, &[1, 1, 3], Activation::Sigmoid).unwrap();
        assert_relative_eq!(of_dense, of_one_class, max_relative = 1e-6);
    }

    #[test]
    fn the_gradient_has_the_type_of_the_prediction() {
        let logits = LOGITS.map(f16::from_f32);
        let (_, gradient): (f64, Vec<f16>) =
            Dice::default().value_and_gradient(&logits, &LABELS, &SHAPE, Activation::Softmax).unwrap();
        assert!(gradient.iter().all(|x| x.to_f32() != 0.0));
    }

    #[test]
    fn wrong_lengths_types_and_shapes_are_refused() {
        let refused = |prediction: &[f32], target: &[u8], shape: &[usize]| {
            let done = Boundary::default().value(prediction, target, shape, Activation::Softmax);
            let error = done.unwrap_err();
            (error.status, error.argument)
        };
        assert_eq!(refused(&LOGITS[..5], &LABELS, &SHAPE), (Status::Shape, c"prediction"));
        assert_eq!(refused(&LOGITS, &LABELS[..2], &SHAPE), (Status::Shape, c"target"));
        assert_eq!(refused(&LOGITS, &LABELS, &[2, 3]), (Status::Shape, c"target"));
        let integers = Dice::default().value_and_gradient(&[1i32; 6], &LABELS, &SHAPE, Activation::Softmax);
        assert_eq!(integers.unwrap_err().status, Status::Dtype);
    }
}
