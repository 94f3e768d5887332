//! Class weights from the label frequencies of a batch.

use crate::batch::Batch;
use crate::checked::slice_mut;
use crate::engine::arena::Arena;
use crate::engine::workspace::with_workspace;
use crate::error::Error;
use crate::loss::sums::ClassSums;
use crate::parameter::check_length;
use crate::problem::Problem;

/// The class weight as a function of the class frequency `f`: the fraction of the target that belongs to the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Frequency {
    /// `1/f`
    Inverse = 0,
    /// `(1/f)^½`
    InverseSqrt = 1,
    /// `med(f)/f`, with the median over the classes that are present; the mean of the two middle frequencies if their
    /// number is even.
    Median = 2,
}

/// Writes one weight per class, computed from the frequencies of the classes in the target of the batch.
///
/// ```text
/// f_c = F_c / Σ F                F_c = Σ_b Σ_i w·g, over the samples in which class c is annotated
/// ```
///
/// A class with `f_c = 0` gets the largest weight of the other classes; if all are 0, every weight is 1. The weights
/// are not normalised further. The scratch is [`scratch_len`](crate::api::scratch_len) bytes of any loss over the
/// batch.
///
/// # Errors
/// As [`evaluate`](crate::api::evaluate); and [`Status::Shape`](crate::error::Status::Shape) unless `weights` has one
/// entry per class.
///
/// # Examples
/// ```
/// use segloss::{Activation, Batch, CrossEntropy, Frequency, Term, View, class_weights, scratch_len};
///
/// // Four voxels of class 0, two of class 1, one of class 2.
/// let (logits, labels) = ([0f32; 21], [0u8, 0, 0, 0, 1, 1, 2]);
/// let prediction = View::new(&logits, &[1, 3, 7])?;
/// let batch = Batch::new(prediction, Activation::Softmax, View::new(&labels, &[1, 7])?);
/// let cross_entropy = CrossEntropy::default();
/// let mut scratch = vec![0; scratch_len(&batch, &[Term::new(1.0, &cross_entropy)])?];
/// let mut weights = [0.0; 3];
/// class_weights(&batch, Frequency::Median, &mut weights, &mut scratch)?;
/// assert_eq!(weights, [0.5, 1.0, 2.0]);
///
/// let weighted = Term { class_weight: Some(&weights), ..Term::new(1.0, &cross_entropy) };
/// # Ok::<(), segloss::Error>(())
/// ```
pub fn class_weights(
    batch: &Batch<'_>,
    frequency: Frequency,
    weights: &mut [f64],
    scratch: &mut [u8],
) -> Result<(), Error> {
    let problem = Problem::new(batch)?;
    check_length(weights.len(), problem.classes, c"weights", c"one per class")?;
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    unsafe { write(&problem, frequency, weights, &mut Arena::new(scratch)) }
}

/// Writes class weights for a checked batch.
///
/// # Safety
/// The arrays of the problem are readable.
pub(crate) unsafe fn write<'a>(
    problem: &'a Problem<'a>,
    frequency: Frequency,
    weights: &mut [f64],
    arena: &mut Arena<'a>,
) -> Result<(), Error> {
    if problem.is_empty() {
        weights.fill(1.0);
        return Ok(());
    }
    with_workspace!(problem, &[], arena, workspace => {
        // SAFETY: the caller guarantees that the arrays of the problem are readable.
        let class_sums = unsafe { workspace.count_targets()? };
        frequencies(problem, class_sums, weights);
        weights_of_frequencies(frequency, weights, class_sums);
    });
    Ok(())
}

/// Replaces frequencies by weights. `spare` is at least as long as `weights`; its content is overwritten.
fn weights_of_frequencies(frequency: Frequency, weights: &mut [f64], spare: &mut [ClassSums]) {
    let weight = |f: f64| match frequency {
        Frequency::InverseSqrt => libm::sqrt(1.0 / f),
        Frequency::Inverse | Frequency::Median => 1.0 / f,
    };
    let factor = if frequency == Frequency::Median { median(weights, spare) } else { 1.0 };
    weights.iter_mut().for_each(|to| *to = factor * weight(*to));
    let of_present = weights.iter().copied().filter(|weight| weight.is_finite());
    let largest = of_present.reduce(f64::max).unwrap_or(1.0);
    weights.iter_mut().filter(|weight| !weight.is_finite()).for_each(|weight| *weight = largest);
}

/// Writes the frequency of each class.
fn frequencies(problem: &Problem<'_>, class_sums: &[ClassSums], frequencies: &mut [f64]) {
    frequencies.fill(0.0);
    for (sample, of_sample) in class_sums.chunks_exact(problem.classes.max(1)).enumerate() {
        for (class, (f, sums)) in frequencies.iter_mut().zip(of_sample).enumerate() {
            if problem.is_annotated(sample, class) {
                *f += sums.target;
            }
        }
    }
    // Dense targets may be as low as −0.001: a class whose sum is negative is absent.
    frequencies.iter_mut().for_each(|f| *f = f.max(0.0));
    let total: f64 = frequencies.iter().sum();
    if total > 0.0 {
        frequencies.iter_mut().for_each(|f| *f /= total);
    }
}

/// Returns the median of the positive values: the mean of the two middle ones if their number is even, 1 if there is
/// none. They are sorted in the field `target` of `spare`, which is at least as long as `values`.
fn median(values: &[f64], spare: &mut [ClassSums]) -> f64 {
    let mut count = 0;
    for (to, &value) in spare.iter_mut().zip(values.iter().filter(|&&value| value > 0.0)) {
        to.target = value;
        count += 1;
    }
    let sorted = slice_mut(spare, 0..count);
    sort(sorted);
    let at = |rank: usize| sorted.get(rank).map(|sums| sums.target);
    match (at(count.saturating_sub(1) / 2), at(count / 2)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => 1.0,
    }
}

/// Sorts by `target` in place: a heap sort. The sorts of `core` panic if the order is not total, and the link-time
/// proof of no panic cannot exclude that.
fn sort(heap: &mut [ClassSums]) {
    fn key(heap: &[ClassSums], at: usize) -> f64 {
        heap.get(at).map_or(f64::NEG_INFINITY, |sums| sums.target)
    }
    fn swap(heap: &mut [ClassSums], a: usize, b: usize) {
        if let Ok([a, b]) = heap.get_disjoint_mut([a, b]) {
            core::mem::swap(&mut a.target, &mut b.target);
        }
    }
    fn sink(heap: &mut [ClassSums], mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let larger = if key(heap, right) > key(heap, left) { right } else { left };
            if key(heap, larger) <= key(heap, at) {
                return;
            }
            swap(heap, at, larger);
            at = larger;
        }
    }
    for at in (0..heap.len() / 2).rev() {
        sink(heap, at);
    }
    for end in (1..heap.len()).rev() {
        swap(heap, 0, end);
        sink(slice_mut(heap, 0..end), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::scratch_len;
    use crate::array::view::View;
    use crate::distribution::cross_entropy::CrossEntropy;
    use crate::loss::activation::Activation;
    use crate::loss::term::Term;
    use crate::testing::assert_close;
    use std::vec;
    use std::vec::Vec;

    fn weights_of(labels: &[u8], frequency: Frequency) -> [f64; 4] {
        let logits = vec![0f32; 4 * labels.len()];
        let prediction = View::new(&logits, &[1, 4, labels.len()]).unwrap();
        let target = View::new(labels, &[1, labels.len()]).unwrap();
        let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
        let mut scratch = vec![0; scratch_len(&batch, &[Term::new(1.0, &CrossEntropy::default())]).unwrap()];
        let mut weights = [0.0; 4];
        class_weights(&batch, frequency, &mut weights, &mut scratch).unwrap();
        weights
    }

    #[test]
    fn a_class_with_a_negative_target_sum_gets_the_largest_weight() {
        let (logits, dense) = ([0f32; 6], [1f32, 1.0, 0.0, 1.0, -0.0009, -0.0009]);
        let target = View::new(&dense, &[1, 3, 2]).unwrap();
        let batch = Batch::new(View::new(&logits, &[1, 3, 2]).unwrap(), Activation::Softmax, target);
        let mut scratch = vec![0; scratch_len(&batch, &[Term::new(1.0, &CrossEntropy::default())]).unwrap()];
        for (frequency, expected) in [
            (Frequency::Inverse, [1.5, 3.0, 3.0]),
            (Frequency::InverseSqrt, [1.5f64.sqrt(), 3f64.sqrt(), 3f64.sqrt()]),
            (Frequency::Median, [0.75, 1.5, 1.5]),
        ] {
            let mut weights = [0.0; 3];
            class_weights(&batch, frequency, &mut weights, &mut scratch).unwrap();
            weights.into_iter().zip(expected).for_each(|(weight, expected)| assert_close(weight, expected));
        }
    }

    #[test]
    fn frequencies_of_four_two_one_and_zero_sevenths() {
        let labels = [0, 0, 0, 0, 1, 1, 2, 255, 255];
        for (frequency, expected) in [
            (Frequency::Inverse, [1.75, 3.5, 7.0, 7.0]),
            (Frequency::InverseSqrt, [1.75f64.sqrt(), 3.5f64.sqrt(), 7f64.sqrt(), 7f64.sqrt()]),
            (Frequency::Median, [0.5, 1.0, 2.0, 2.0]),
        ] {
            for (weight, expected) in weights_of(&labels, frequency).into_iter().zip(expected) {
                assert_close(weight, expected);
            }
        }
    }

    #[test]
    fn the_median_of_two_frequencies_is_their_mean() {
        assert_eq!(weights_of(&[0, 1, 1, 1], Frequency::Median), [2.0, 2.0 / 3.0, 2.0, 2.0]);
    }

    /// Comparing each class with each took 0.3 s for 20,000 classes: hence the sort.
    #[test]
    fn the_median_of_many_values_equals_that_of_the_sorted_values() {
        for count in [1usize, 2, 3, 4, 5, 31, 32, 1000, 1001] {
            for modulus in [1, 7, 1009] {
                let values: Vec<f64> = (0..count).map(|k| (k * 7919 % modulus) as f64).collect();
                let mut spare = vec![ClassSums::ZERO; count];
                let mut sorted: Vec<f64> = values.iter().copied().filter(|&x| x > 0.0).collect();
                sorted.sort_by(f64::total_cmp);
                let middle = match sorted.len() {
                    0 => 1.0,
                    n => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
                };
                assert_eq!(median(&values, &mut spare), middle, "{count} {modulus}");
                let mut all: Vec<ClassSums> =
                    values.iter().map(|&target| ClassSums { target, ..ClassSums::ZERO }).collect();
                sort(&mut all);
                assert!(all.is_sorted_by_key(|sums| sums.target), "{count} {modulus}");
            }
        }
    }

    #[test]
    fn without_counted_voxels_all_weights_are_one() {
        assert_eq!(weights_of(&[255, 255], Frequency::Inverse), [1.0; 4]);
    }
}
