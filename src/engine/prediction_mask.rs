//! Masks of the prediction: the voxels of a sample that it assigns to each class.

use crate::array::real::Real;
use crate::checked::slice_mut;
use crate::distance::class_mask::bits_equal;
use crate::engine::chunks::Chunk;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::precise::Precise;
use crate::engine::softmax::{load_with_largest, softmax};
use crate::loss::activation::Activation;
use crate::problem::Problem;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut, row};
use crate::simd::level::{Kernel, dispatch};

/// The masks of all classes of a sample, one word per block and class. No two chunks share a word.
#[derive(Clone, Copy)]
pub(crate) struct PredictionMasks {
    pub words: *mut u64,
    pub words_per_class: usize,
}

/// Writes one bit per voxel of a chunk and class: whether `s > ½`, or whether the class is the first with the largest
/// logit (argmax). The bit is 0 for voxels that do not count and for NaN.
///
/// ```text
/// sigmoid                   s > ½ where z > 0
/// softmax of two classes    s > ½ where z is the larger one
/// argmax                    the largest z
/// ```
///
/// Only softmax of more classes needs exponentials. The masks of classes for which `is_used` is false are unspecified.
///
/// # Safety
/// The arrays of the problem are readable and the masks writable; no other thread uses the words of the chunk.
pub(crate) unsafe fn write_masks<T: Precise>(
    problem: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    Chunk { sample, start, end }: Chunk,
    by_argmax: bool,
    is_used: impl Fn(usize) -> bool,
    masks: PredictionMasks,
) {
    let classes = problem.classes;
    let of_two = problem.activation == Activation::Softmax && classes == 2;
    let by_probability = problem.activation == Activation::Softmax && !by_argmax && !of_two;
    for (start, len) in tile.spans(start, end) {
        // SAFETY: the caller's promise; the spans lie in the sample.
        unsafe {
            tile.load_weights(problem, sample, start, len);
            match by_argmax {
                true => load_with_largest(tile, problem, sample, start),
                false if by_probability => softmax(tile, problem, sample, start),
                false => tile.load_predictions(problem, sample, start),
            }
        }
        let Span { width, used } = tile.span;
        let Tile { inputs, gradients, .. } = tile;
        let from = if by_probability { &*inputs.probability } else { &*inputs.logit };
        let x = |class| row(from, class, width, used);
        let weight = row(inputs.weight, 0, width, used);
        let (bound, taken) = (slice_mut(gradients.total, 0..used), slice_mut(gradients.largest, 0..used));
        if by_argmax && problem.activation == Activation::Softmax {
            bound.fill(T::zero());
            (0..classes).for_each(|class| {
                dispatch(CountMaxima { x: x(class), largest: inputs.inverse, count: bound })
            });
            dispatch(SetUndefined { count: bound, largest: slice_mut(inputs.inverse, 0..used) });
        }
        let largest = row(inputs.inverse, 0, width, used);
        bound.fill(T::of(if problem.activation == Activation::Sigmoid { 0.0 } else { 0.5 }));
        taken.fill(T::zero());
        for class in (0..classes).filter(|&class| by_argmax || is_used(class)) {
            let first = masks.words.wrapping_add(class * masks.words_per_class + start / BLOCK);
            // SAFETY: each class has a word for each block of the tile; they belong to the chunk.
            let words = unsafe { core::slice::from_raw_parts_mut(first, used / BLOCK) };
            match by_argmax {
                true => dispatch(FirstMaximum { x: x(class), largest, weight, taken, words }),
                false if of_two => dispatch(Above { x: x(class), bound: x(1 - class), weight, words }),
                false => dispatch(Above { x: x(class), bound, weight, words }),
            }
        }
    }
}

/// Counts the classes with the largest logit of each voxel.
struct CountMaxima<'a, T> {
    x: &'a [T],
    largest: &'a [T],
    count: &'a mut [T],
}

impl<T: Real> Kernel for CountMaxima<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((&x, &largest), count) in self.x.iter().zip(self.largest).zip(self.count) {
            *count += T::one().mask(x == largest);
        }
    }
}

/// Sets the largest logit to NaN where it is infinite and several classes have it: softmax is undefined there.
struct SetUndefined<'a, T> {
    count: &'a [T],
    largest: &'a mut [T],
}

impl<T: Real> Kernel for SetUndefined<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (largest, &count) in self.largest.iter_mut().zip(self.count) {
            *largest += (*largest - *largest).mask(count > T::one());
        }
    }
}

/// The voxels for which a class is the first with the largest logit.
struct FirstMaximum<'a, T> {
    x: &'a [T],
    largest: &'a [T],
    weight: &'a [T],
    /// 1 where an earlier class had the largest logit.
    taken: &'a mut [T],
    words: &'a mut [u64],
}

impl<T: Real> Kernel for FirstMaximum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, largest, weight, taken, words } = self;
        let rows = blocks(x).iter().zip(blocks(largest)).zip(blocks(weight)).zip(blocks_mut(taken));
        for ((((x, largest), weight), taken), word) in rows.zip(words) {
            let mut inside = [0; BLOCK];
            for i in 0..BLOCK {
                let is_first = (x[i] == largest[i]) & (taken[i] == T::zero());
                taken[i] += T::one().mask(is_first);
                inside[i] = u8::from(is_first & (weight[i] > T::zero()));
            }
            *word = bits_equal(&inside, 1);
        }
    }
}

/// The voxels at which a row exceeds another.
struct Above<'a, T> {
    x: &'a [T],
    bound: &'a [T],
    weight: &'a [T],
    words: &'a mut [u64],
}

impl<T: Real> Kernel for Above<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, bound, weight, words } = self;
        let rows = blocks(x).iter().zip(blocks(bound)).zip(blocks(weight));
        for (((x, bound), weight), word) in rows.zip(words) {
            let mut inside = [0; BLOCK];
            for i in 0..BLOCK {
                inside[i] = u8::from((x[i] > bound[i]) & (weight[i] > T::zero()));
            }
            *word = bits_equal(&inside, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::{evaluate, scratch_len};
    use crate::array::view::View;
    use crate::batch::Batch;
    use crate::boundary::hausdorff::Hausdorff;
    use crate::boundary::hausdorff::Sides;
    use crate::loss::activation::Activation;
    use crate::loss::term::Term;
    use std::vec;

    /// Masks are computed from the logits: probabilities that differ may both round to one half.
    #[test]
    fn logits_decide_where_probabilities_round_to_one_half() {
        let z = [-1.0f32, 1e-9, 1e-9, -1.0, -1.0];
        let of_two = [[0.0; 5], z].concat();
        let labels = [0u8; 5];
        let target = View::new(&labels, &[1, 5]).unwrap();
        // The squared distances to the other side are 1 1 1 1 4.
        let s = 1.0 / (1.0 + 1f64.exp());
        let expected = (s * s * (1.0 + 1.0 + 4.0) + 0.25 * 2.0) / 5.0;
        for (activation, logits, classes, argmax) in [
            (Activation::Sigmoid, &z[..], 1, false),
            (Activation::Softmax, &of_two, 2, false),
            (Activation::Softmax, &of_two, 2, true),
        ] {
            let prediction = View::new(logits, &[1, classes, 5]).unwrap();
            let batch = Batch::new(prediction, activation, target);
            let loss = Hausdorff { sides: Sides::Prediction, argmax, ..Hausdorff::default() };
            let terms = [Term::new(1.0, &loss)];
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let value = evaluate(&batch, &terms, &mut scratch).unwrap();
            assert!((value - expected).abs() < 1e-7, "{activation:?} {argmax}: {value}, not {expected}");
        }
    }
}
