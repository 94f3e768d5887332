//! Class weights from how often a class is true.

use crate::batch::{Problem, check_length};
use crate::engine::arena::Arena;
use crate::engine::bench::with_workspace;
use crate::{Batch, ClassSums, Error};

/// How a class weighs, by its share `f` of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Frequency {
    /// `1/f`
    Inverse = 0,
    /// `(1/f)^½`
    InverseSqrt = 1,
    /// `med(f)/f`: the median of the shares of the classes that are present.
    Median = 2,
}

/// Writes one weight per class, from the truth of the counted voxels where the class is annotated. A
/// class without truth takes the largest weight of the others; if no class has any, all take 1.
/// No further normalisation. The scratch is that of any loss over the batch.
///
/// # Errors
/// As [`evaluate`](crate::evaluate); and unless there is one weight per class.
pub fn class_weights(
    batch: &Batch<'_>,
    frequency: Frequency,
    weights: &mut [f64],
    scratch: &mut [u8],
) -> Result<(), Error> {
    let plan = Problem::new(batch)?;
    check_length(weights.len(), plan.classes, c"weights", c"one per class")?;
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    unsafe { write(&plan, frequency, weights, &mut Arena::new(scratch)) }
}

/// [`class_weights`], its batch checked.
///
/// # Safety
/// The arrays of the plan are readable.
pub(crate) unsafe fn write<'a>(
    plan: &'a Problem<'a>,
    frequency: Frequency,
    weights: &mut [f64],
    arena: &mut Arena<'a>,
) -> Result<(), Error> {
    if plan.is_empty() {
        weights.fill(1.0);
        return Ok(());
    }
    // SAFETY: promised by the caller.
    with_workspace!(plan, &[], arena, bench => {
        // SAFETY: promised by the caller.
        let tallies = unsafe { bench.count_targets()? };
        shares(plan, tallies, weights);
        weigh(frequency, weights, tallies);
    });
    Ok(())
}

/// Weights from shares. `spare` is at least as long, and is written over.
fn weigh(frequency: Frequency, weights: &mut [f64], spare: &mut [ClassSums]) {
    let weight = |share: f64| match frequency {
        Frequency::InverseSqrt => libm::sqrt(1.0 / share),
        Frequency::Inverse | Frequency::Median => 1.0 / share,
    };
    let factor = if frequency == Frequency::Median { median(weights, spare) } else { 1.0 };
    weights.iter_mut().for_each(|share| *share = factor * weight(*share));
    let of_present = weights.iter().copied().filter(|weight| weight.is_finite());
    let largest = of_present.reduce(f64::max).unwrap_or(1.0);
    weights.iter_mut().filter(|weight| !weight.is_finite()).for_each(|weight| *weight = largest);
}

/// The share of each class.
fn shares(plan: &Problem<'_>, tallies: &[ClassSums], shares: &mut [f64]) {
    shares.fill(0.0);
    for (sample, of_sample) in tallies.chunks_exact(plan.classes.max(1)).enumerate() {
        for (class, (share, tally)) in shares.iter_mut().zip(of_sample).enumerate() {
            if plan.is_annotated(sample, class) {
                *share += tally.target;
            }
        }
    }
    // Maps may fall a little below 0: a class whose truth adds up to that is absent.
    shares.iter_mut().for_each(|share| *share = share.max(0.0));
    let all: f64 = shares.iter().sum();
    if all > 0.0 {
        shares.iter_mut().for_each(|share| *share /= all);
    }
}

/// The median of the positive values, the mean of the two middle ones if they are even in number. They are sorted in
/// the `truth` of `spare`, which is as long at least.
fn median(values: &[f64], spare: &mut [ClassSums]) -> f64 {
    let mut count = 0;
    for (to, &value) in spare.iter_mut().zip(values.iter().filter(|&&value| value > 0.0)) {
        to.target = value;
        count += 1;
    }
    let sorted = spare.get_mut(..count).unwrap_or_default();
    sort(sorted);
    let at = |rank: usize| sorted.get(rank).map(|tally| tally.target);
    match (at(count.saturating_sub(1) / 2), at(count / 2)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => 1.0,
    }
}

/// Sorts by `truth`, in place, in n log n steps. A heap sort of its own: the sorts of `core` can panic where an order is
/// none, which the proof of no panic does not see to be impossible.
fn sort(heap: &mut [ClassSums]) {
    fn truth(heap: &[ClassSums], at: usize) -> f64 {
        heap.get(at).map_or(f64::NEG_INFINITY, |tally| tally.target)
    }
    fn swap(heap: &mut [ClassSums], a: usize, b: usize) {
        if let Ok([a, b]) = heap.get_disjoint_mut([a, b]) {
            core::mem::swap(&mut a.target, &mut b.target);
        }
    }
    fn sink(heap: &mut [ClassSums], mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let larger = if truth(heap, right) > truth(heap, left) { right } else { left };
            if truth(heap, larger) <= truth(heap, at) {
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
        sink(heap.get_mut(..end).unwrap_or_default(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;
    use crate::{Activation, CrossEntropy, Term, View, scratch_len};
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
    fn a_class_whose_truth_is_below_nothing_takes_the_largest_weight() {
        let (logits, truth) = ([0f32; 6], [1f32, 1.0, 0.0, 1.0, -0.0009, -0.0009]);
        let maps = View::new(&truth, &[1, 3, 2]).unwrap();
        let batch = Batch::new(View::new(&logits, &[1, 3, 2]).unwrap(), Activation::Softmax, maps);
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
    fn four_two_one_and_none_of_seven() {
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
    fn the_median_of_two_is_their_mean() {
        assert_eq!(weights_of(&[0, 1, 1, 1], Frequency::Median), [2.0, 2.0 / 3.0, 2.0, 2.0]);
    }

    /// 20,000 classes took 0.3 s when each was compared with each.
    #[test]
    fn the_median_of_many_is_that_of_the_sorted() {
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
                    values.iter().map(|&truth| ClassSums { target: truth, ..ClassSums::ZERO }).collect();
                sort(&mut all);
                assert!(all.is_sorted_by_key(|tally| tally.target), "{count} {modulus}");
            }
        }
    }

    #[test]
    fn where_nobody_is_all_weigh_one() {
        assert_eq!(weights_of(&[255, 255], Frequency::Inverse), [1.0; 4]);
    }
}
