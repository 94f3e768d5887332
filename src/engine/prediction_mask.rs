//! The prediction as masks: which voxels of a sample it holds to be each class.

use crate::array::real::Real;
use crate::distance::class_mask::bits_equal;
use crate::engine::chunks::Chunk;
use crate::engine::precise::Precise;
use crate::engine::softmax::{load, softmax, upto};
use crate::engine::tile::{Span, Tile};
use crate::loss::activation::Activation;
use crate::problem::Problem;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut, row};
use crate::simd::level::{Kernel, dispatch};

/// Masks of all classes of a sample, a word per block of each. Chunks have their own words.
#[derive(Clone, Copy)]
pub(crate) struct PredictionMasks {
    pub words: *mut u64,
    pub words_per_class: usize,
}

/// Writes a bit per voxel of a chunk, class by class: `s > ½`, or where a class is the largest, the lowest
/// among equals. A voxel that does not count is outside, and so is NaN.
///
/// ```text
/// sigmoid: s > ½ where z > 0        softmax of two: s > ½ where z is above the other        largest s: largest z
/// ```
///
/// so that only softmax of more classes takes an exponential. Masks of classes that `wants` leaves out may hold
/// anything.
///
/// # Safety
/// The arrays of the plan are readable, the masks writable; nobody else uses the chunk's words.
pub(crate) unsafe fn mark<T: Precise>(
    plan: &Problem<'_>,
    tile: &mut Tile<'_, T>,
    Chunk { sample, start, end }: Chunk,
    by_argmax: bool,
    wants: impl Fn(usize) -> bool,
    masks: PredictionMasks,
) {
    let classes = plan.classes;
    let of_two = plan.activation == Activation::Softmax && classes == 2;
    let by_probability = plan.activation == Activation::Softmax && !by_argmax && !of_two;
    for (at, len) in tile.spans(start, end) {
        // SAFETY: promised by the caller; the spans lie in the sample.
        unsafe {
            tile.open(plan, sample, at, len);
            match by_argmax {
                true => load(tile, plan, sample, at),
                false if by_probability => softmax(tile, plan, sample, at),
                false => tile.load_all(plan, sample, at),
            }
        }
        let Span { width, used } = tile.span;
        let Tile { inputs: seen, gradients: made, .. } = tile;
        let from = if by_probability { &*seen.probability } else { &*seen.logit };
        let x = |class| row(from, class, width, used);
        let weight = row(seen.weight, 0, width, used);
        let (bound, taken) = (upto(made.total, &used), upto(made.largest, &used));
        if by_argmax && plan.activation == Activation::Softmax {
            bound.fill(T::zero());
            (0..classes)
                .for_each(|class| dispatch(Count { x: x(class), largest: seen.inverse, count: bound }));
            dispatch(Undefine { count: bound, largest: upto(seen.inverse, &used) });
        }
        let largest = row(seen.inverse, 0, width, used);
        bound.fill(T::of(if plan.activation == Activation::Sigmoid { 0.0 } else { 0.5 }));
        taken.fill(T::zero());
        for class in (0..classes).filter(|&class| by_argmax || wants(class)) {
            let first = masks.words.wrapping_add(class * masks.words_per_class + at / BLOCK);
            // SAFETY: the class has a word for each block of the tile, and they are the chunk's.
            let words = unsafe { core::slice::from_raw_parts_mut(first, used / BLOCK) };
            match by_argmax {
                true => dispatch(First { x: x(class), largest, weight, taken, words }),
                false if of_two => dispatch(Above { x: x(class), bound: x(1 - class), weight, words }),
                false => dispatch(Above { x: x(class), bound, weight, words }),
            }
        }
    }
}

/// Counts the classes that are the largest.
struct Count<'a, T> {
    x: &'a [T],
    largest: &'a [T],
    count: &'a mut [T],
}

impl<T: Real> Kernel for Count<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((&x, &largest), count) in self.x.iter().zip(self.largest).zip(self.count) {
            *count += T::one().mask(x == largest);
        }
    }
}

/// Makes NaN of a largest that is infinite and not alone: softmax is undefined there.
struct Undefine<'a, T> {
    count: &'a [T],
    largest: &'a mut [T],
}

impl<T: Real> Kernel for Undefine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (largest, &count) in self.largest.iter_mut().zip(self.count) {
            *largest += (*largest - *largest).mask(count > T::one());
        }
    }
}

/// Where a class is the largest, and none before it was.
struct First<'a, T> {
    x: &'a [T],
    largest: &'a [T],
    weight: &'a [T],
    /// 1 where a class before was the largest.
    taken: &'a mut [T],
    words: &'a mut [u64],
}

impl<T: Real> Kernel for First<'_, T> {
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

/// Where a row is above another.
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

    /// The masks are those of the logits, where probabilities would both round to one half.
    #[test]
    fn a_logit_is_above_where_its_probability_rounds_to_one_half() {
        let z = [-1.0f32, 1e-9, 1e-9, -1.0, -1.0];
        let of_two = [[0.0; 5], z].concat();
        let labels = [0u8; 5];
        let target = View::new(&labels, &[1, 5]).unwrap();
        // Squared distances to the other side are 1 1 1 1 4.
        let s = 1.0 / (1.0 + 1f64.exp());
        let expected = (s * s * (1.0 + 1.0 + 4.0) + 0.25 * 2.0) / 5.0;
        for (activation, logits, classes, argmax) in [
            (Activation::Sigmoid, &z[..], 1, false),
            (Activation::Softmax, &of_two, 2, false),
            (Activation::Softmax, &of_two, 2, true),
        ] {
            let prediction = View::new(logits, &[1, classes, 5]).unwrap();
            let batch = Batch::new(prediction, activation, target);
            let form = Hausdorff { sides: Sides::Prediction, argmax, ..Hausdorff::default() };
            let terms = [Term::new(1.0, &form)];
            let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
            let value = evaluate(&batch, &terms, &mut scratch).unwrap();
            assert!((value - expected).abs() < 1e-7, "{activation:?} {argmax}: {value}, not {expected}");
        }
    }
}
