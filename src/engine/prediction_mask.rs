//! Masks of the prediction: the voxels of a sample that it assigns to each class.

use crate::checked::slice;
use crate::engine::chunks::Chunk;
use crate::engine::kernel::class_pass::{Logarithms, activate};
use crate::engine::kernel::class_rows::Rows;
use crate::engine::kernel::load_at;
use crate::engine::kernel::strip::Strip;
use crate::engine::precise::Precise;
use crate::loss::activation::Activation;
use crate::problem::Problem;
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, Vectorized, dispatch};

/// The masks of all classes of a sample, one bit per voxel, a word per 64 voxels. No two chunks share a word.
#[derive(Clone, Copy)]
pub(crate) struct PredictionMasks {
    pub words: *mut u64,
    pub words_per_class: usize,
}

impl PredictionMasks {
    /// Writes the bits of some voxels of a class. The first bits of a word clear the others.
    ///
    /// # Safety
    /// The masks are writable and hold the voxels, and no other thread uses their words.
    #[inline(always)]
    unsafe fn write(&self, class: usize, voxel: usize, bits: u32) {
        let word = self.words.wrapping_add(class * self.words_per_class + voxel / 64);
        // SAFETY: the caller's promise.
        unsafe {
            let before = if voxel.is_multiple_of(64) { 0 } else { *word };
            *word = before | u64::from(bits) << (voxel % 64);
        }
    }
}

/// How a voxel is assigned.
#[derive(Clone, Copy)]
enum Rule<'a, T> {
    /// The number of the class is above a bound.
    Above(T),
    /// The number of the class is above that of the other of two.
    AboveOther,
    /// The number of the class times a factor of the voxel is above ½.
    ShareAboveHalf(&'a [T]),
    /// The first class with the largest number. `unique`: an infinite number of several classes is undefined.
    FirstMaximum { unique: bool },
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
    strip: &mut Strip<'_, T>,
    Chunk { sample, start, end }: Chunk,
    by_argmax: bool,
    is_used: impl Fn(usize) -> bool,
    masks: PredictionMasks,
) {
    let classes = problem.classes;
    let is_softmax = problem.activation == Activation::Softmax;
    for (start, count) in strip.spans(start, end) {
        // SAFETY: the caller's promise; the spans lie in the sample.
        let mut rows = unsafe {
            strip.open(problem, sample, start, count);
            if is_softmax && !by_argmax && classes > 2 {
                activate(strip, problem, [sample, start], Logarithms::default());
                strip.rows_of_exponentials()
            } else {
                strip.load_prediction(problem, sample, start, false)
            }
        };
        let len = strip.len;
        let rule = match problem.activation {
            _ if by_argmax => Rule::FirstMaximum { unique: is_softmax },
            Activation::Softmax if classes == 2 => Rule::AboveOther,
            Activation::Softmax => Rule::ShareAboveHalf(slice(strip.rows.inverse, 0..len)),
            Activation::Sigmoid => Rule::Above(T::zero()),
            _ => Rule::Above(T::of(0.5)),
        };
        let weight = slice(strip.rows.weight, 0..len);
        let of = AssignVoxels { classes, start, rows: &mut rows, weight, rule, masks };
        if by_argmax {
            dispatch(of.all());
            continue;
        }
        for class in (0..classes).filter(|&class| is_used(class)) {
            dispatch(of.class(class));
        }
    }
}

/// Assigns the voxels of a strip.
struct AssignVoxels<'a, T> {
    classes: usize,
    start: usize,
    rows: &'a mut Rows<T>,
    weight: &'a [T],
    rule: Rule<'a, T>,
    masks: PredictionMasks,
}

impl<'a, T: Vectorized> AssignVoxels<'a, T> {
    fn all(&self) -> AssignToFirstMaximum<'_, T> {
        let unique = matches!(self.rule, Rule::FirstMaximum { unique: true });
        let Self { classes, start, weight, masks, .. } = *self;
        AssignToFirstMaximum { classes, start, rows: *self.rows, weight, unique, masks }
    }

    fn class(&self, class: usize) -> AssignToClass<'_, T> {
        let Self { start, weight, rule, masks, .. } = *self;
        AssignToClass { class, start, rows: *self.rows, weight, rule, masks }
    }
}

/// Assigns voxels to a class, whatever the other classes are.
struct AssignToClass<'a, T> {
    class: usize,
    start: usize,
    rows: Rows<T>,
    weight: &'a [T],
    rule: Rule<'a, T>,
    masks: PredictionMasks,
}

impl<T: Scalar> LaneKernel<T> for AssignToClass<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { class, start, rows, weight, rule, masks } = self;
        let zero = s.splat(T::ZERO);
        let mut at = 0;
        while at < weight.len() {
            // SAFETY: the rows have the length of the weights, a multiple of a vector; the masks are of the chunk.
            unsafe {
                let number = s.load(rows.at(class, at));
                let is_inside = match rule {
                    Rule::Above(bound) => s.lt(s.splat(bound), number),
                    Rule::ShareAboveHalf(inverse) => s.lt(s.splat(T::HALF), number * load_at(s, inverse, at)),
                    _ => s.lt(s.load(rows.at(1 - class, at)), number),
                };
                let counts = s.lt(zero, load_at(s, weight, at));
                masks.write(class, start + at, s.bits(is_inside & counts));
            }
            at += T::LANES;
        }
    }
}

/// Assigns each voxel to the first class with the largest number.
struct AssignToFirstMaximum<'a, T> {
    classes: usize,
    start: usize,
    rows: Rows<T>,
    weight: &'a [T],
    unique: bool,
    masks: PredictionMasks,
}

impl<T: Scalar> LaneKernel<T> for AssignToFirstMaximum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) {
        let Self { classes, start, rows, weight, unique, masks } = self;
        let (zero, one) = (s.splat(T::ZERO), s.splat(T::ONE));
        let mut at = 0;
        while at < weight.len() {
            // SAFETY: the rows have the length of the weights, a multiple of a vector; the masks are of the chunk.
            unsafe {
                let mut largest = s.load(rows.at(0, at));
                for class in 1..classes {
                    largest = s.max(s.load(rows.at(class, at)), largest);
                }
                let mut count = zero;
                for class in 0..classes {
                    count = count + s.keep(s.eq(s.load(rows.at(class, at)), largest), one);
                }
                if unique {
                    // NaN where an infinite number is that of several classes: no class has it.
                    largest = largest + s.keep(s.lt(one, count), largest - largest);
                }
                let mut free = s.lt(zero, load_at(s, weight, at));
                for class in 0..classes {
                    let is_first = s.eq(s.load(rows.at(class, at)), largest) & free;
                    free = free & !is_first;
                    masks.write(class, start + at, s.bits(is_first));
                }
            }
            at += T::LANES;
        }
    }
}
