//! Class weights from how often a class is true.

use crate::batch::Plan;
use crate::engine::arena::Arena;
use crate::engine::bench::with_bench;
use crate::{Batch, Error, Status, Tally};

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
    let plan = Plan::new(batch)?;
    if weights.len() != plan.classes {
        return Err(Error::new(Status::Shape, c"weights", c"one per class"));
    }
    // SAFETY: views borrow their slices, which hold every element of their layouts.
    unsafe { write(&plan, frequency, weights, &mut Arena::new(scratch)) }
}

/// [`class_weights`], its batch checked.
///
/// # Safety
/// The arrays of the plan are readable.
pub(crate) unsafe fn write<'a>(
    plan: &'a Plan<'a>,
    frequency: Frequency,
    weights: &mut [f64],
    arena: &mut Arena<'a>,
) -> Result<(), Error> {
    // SAFETY: promised by the caller.
    with_bench!(plan, &[], arena, bench => shares(plan, unsafe { bench.count()? }, weights));
    let median = median(weights);
    for weight in weights.iter_mut() {
        *weight = match frequency {
            Frequency::Inverse => 1.0 / *weight,
            Frequency::InverseSqrt => libm::sqrt(1.0 / *weight),
            Frequency::Median => median / *weight,
        };
    }
    let of_present = weights.iter().copied().filter(|weight| weight.is_finite());
    let largest = of_present.reduce(f64::max).unwrap_or(1.0);
    weights.iter_mut().filter(|weight| !weight.is_finite()).for_each(|weight| *weight = largest);
    Ok(())
}

/// The share of each class.
fn shares(plan: &Plan<'_>, tallies: &[Tally], shares: &mut [f64]) {
    shares.fill(0.0);
    for (at, tally) in tallies.iter().enumerate() {
        let (sample, class) = (at.checked_div(plan.classes), at.checked_rem(plan.classes));
        let (Some(sample), Some(class)) = (sample, class) else { continue };
        if let Some(share) = shares.get_mut(class).filter(|_| plan.is_annotated(sample, class)) {
            *share += tally.truth;
        }
    }
    let all: f64 = shares.iter().sum();
    if all > 0.0 {
        shares.iter_mut().for_each(|share| *share /= all);
    }
}

/// The median of the positive values, the mean of the two middle ones if they are even in number.
fn median(values: &[f64]) -> f64 {
    let positive = || values.iter().copied().filter(|&x| x > 0.0);
    let count = positive().count();
    // The value with at most `rank` smaller ones, and more than `rank` not larger.
    let ranked = |rank: usize| {
        positive().find(|&x| {
            let (below, upto) =
                (positive().filter(|&y| y < x).count(), positive().filter(|&y| y <= x).count());
            below <= rank && rank < upto
        })
    };
    match (ranked(count.saturating_sub(1) / 2), ranked(count / 2)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;
    use crate::{Activation, CrossEntropy, Term, View, scratch_len};
    use std::vec;

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

    #[test]
    fn where_nobody_is_all_weigh_one() {
        assert_eq!(weights_of(&[255, 255], Frequency::Inverse), [1.0; 4]);
    }
}
