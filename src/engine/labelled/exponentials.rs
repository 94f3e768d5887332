//! Exponentials of all classes, and what the class that a label names has of them. Probabilities follow when somebody
//! wants them.

use super::ahead::Ahead;
use crate::Real;
use crate::batch::Plan;
use crate::engine::arena::Plain;
use crate::engine::row::{BLOCK, blocks, blocks_mut, row, row_mut};
use crate::engine::simd::{Kernel, dispatch};
use crate::engine::softmax::{add_power, load, log_totals, scale, totals, upto};
use crate::engine::sweep::Step;
use crate::engine::tile::{Span, Tile};

/// Reads the logits of an opened tile, and fills its rows of `probability` with exponentials: probabilities are these
/// times `inverse`. What the classes named by the labels have is picked.
///
/// # Safety
/// As [`Tile::open`], which came before with the same voxels.
pub(crate) unsafe fn exponentials<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    plan: &Plan<'_>,
    step: Step<'_>,
    picks: Picks,
) {
    // SAFETY: promised by the caller.
    unsafe { load(tile, plan, step.sample, step.at) };
    dispatch(Exponentials { tile, plan, step, classes: plan.classes, first_label: plan.label_of(0), picks });
}

/// What is wanted of the class that a label names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picks {
    pub probability: bool,
    pub logarithm: bool,
}

struct Exponentials<'a, 's, T> {
    tile: &'a mut Tile<'s, T>,
    plan: &'a Plan<'a>,
    step: Step<'a>,
    classes: usize,
    first_label: i32,
    picks: Picks,
}

impl<T: Real + Plain> Kernel for Exponentials<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, plan, step, classes, first_label, picks } = self;
        let len = tile.len;
        let ahead = |class: usize| {
            // SAFETY: `load` came before, with the same voxels.
            Ahead::of(unsafe { plan.prediction.slice::<T>(step.sample, class, step.at, len) })
        };
        let Tile { span: Span { width, used }, seen, made, .. } = tile;
        let (width, used) = (*width, *used);
        let largest = upto(seen.inverse, &used);
        let (others, ones) = (upto(made.work, &used), upto(made.total, &used));
        let (picked, picked_logit) = (upto(seen.picked, &used), upto(seen.picked_logit, &used));
        let label = seen.label.get(..used).unwrap_or(&[]);
        others.fill(T::zero());
        ones.fill(T::zero());
        if picks.logarithm {
            pick_all(seen.logit, classes, width, label, first_label, picked_logit);
            subtract(picked_logit, largest);
        }
        let mut class = 0;
        while class + 1 < classes {
            let z = (row(seen.logit, class, width, used), row(seen.logit, class + 1, width, used));
            let pair =
                seen.probability.get_mut(class * width..class * width + width + used).unwrap_or(&mut []);
            let (e, next) = pair.split_at_mut_checked(width).unwrap_or_default();
            let ahead = [ahead(class), ahead(class + 1)];
            two_exponentials(z.0, z.1, largest, e, next, others, ones, ahead);
            class += 2;
        }
        if class < classes {
            let z = row(seen.logit, class, width, used);
            exponentials_of(z, largest, row_mut(seen.probability, class, width, used), others, ones);
        }
        if picks.probability {
            pick_all(seen.probability, classes, width, label, first_label, picked);
        }
        totals(others, ones, largest, upto(seen.complement, &used));
        if picks.logarithm {
            log_totals(others, ones, largest, upto(seen.log_total, &used));
        }
        if picks.probability {
            scale(picked, largest);
        }
    }
}

/// Makes probabilities of the exponentials of a tile.
pub(crate) struct Scale<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
    /// Takes the complement from the probabilities, as whoever finds them parked has to.
    pub sums_complement: bool,
}

impl<T: Real + Plain> Kernel for Scale<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { span: Span { width, used }, seen, .. } = self.tile;
        let inverse = upto(seen.inverse, used);
        if self.sums_complement {
            let complement = upto(seen.complement, used);
            complement.fill(T::zero());
            for class in 0..self.classes {
                scale_and_rest(row_mut(seen.probability, class, *width, *used), inverse, complement);
            }
        } else {
            for class in 0..self.classes {
                scale(row_mut(seen.probability, class, *width, *used), inverse);
            }
        }
        inverse.fill(T::one());
    }
}

#[inline(always)]
fn exponentials_of<T: Real>(z: &[T], largest: &[T], e: &mut [T], others: &mut [T], ones: &mut [T]) {
    for ((((&z, &m), e), others), ones) in z.iter().zip(largest).zip(e).zip(others).zip(ones) {
        let power = (z - m).decay();
        *e = power;
        add_power(power, others, ones);
    }
}

/// Block by block, so that the next tile's logits are asked for at the pace of the arithmetic.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // Rows that the compiler must know to be apart.
fn two_exponentials<T: Real>(
    z: &[T],
    next_z: &[T],
    largest: &[T],
    e: &mut [T],
    next_e: &mut [T],
    others: &mut [T],
    ones: &mut [T],
    ahead: [Ahead; 2],
) {
    let from = blocks(z).iter().zip(blocks(next_z)).zip(blocks(largest));
    let to = blocks_mut(e)
        .iter_mut()
        .zip(blocks_mut(next_e))
        .zip(blocks_mut(others).iter_mut().zip(blocks_mut(ones)));
    for (k, (((z, next_z), m), ((e, next_e), (others, ones)))) in from.zip(to).enumerate() {
        ahead[0].ask(k);
        ahead[1].ask(k);
        for i in 0..BLOCK {
            let (power, next_power) = ((z[i] - m[i]).decay(), (next_z[i] - m[i]).decay());
            e[i] = power;
            next_e[i] = next_power;
            let (mut other, mut one) = (others[i], ones[i]);
            add_power(power, &mut other, &mut one);
            add_power(next_power, &mut other, &mut one);
            others[i] = other;
            ones[i] = one;
        }
    }
}

/// Picks the probabilities that the labels name, and takes their logarithms.
pub(super) struct PickProbabilities<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub classes: usize,
    pub first_label: i32,
}

impl<T: Real + Plain> Kernel for PickProbabilities<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, classes, first_label } = self;
        let Tile { span: Span { width, used }, seen, .. } = tile;
        let picked = upto(seen.picked, used);
        let label = seen.label.get(..*used).unwrap_or(&[]);
        pick_all(seen.probability, classes, *width, label, first_label, picked);
        logarithms(picked, upto(seen.complement, used), upto(seen.picked_logit, used));
        upto(seen.log_total, used).fill(T::zero());
    }
}

/// `ln s`, by the complement where that has the digits. An underflown `s` has the logarithm of the smallest.
#[inline(always)]
fn logarithms<T: Real>(s: &[T], of_largest: &[T], log: &mut [T]) {
    for ((&s, &of_largest), log) in s.iter().zip(of_largest).zip(log) {
        let of_small = s.at_least(T::FLOOR).ln();
        let of_large = (-of_largest).ln_1p();
        *log = if s > T::of(0.5) { of_large } else { of_small };
    }
}

/// Up to so many classes it is faster to compare every label with each than to go where it says.
const COMPARED: usize = 16;

/// What the rows of the classes that labels name have; 0 where there is none.
///
/// Just one class is a voxel's, so the sum is what was picked. Four classes at a time, for fewer sums to pass
/// through memory.
#[inline(always)]
fn pick_all<T: Real>(
    rows: &[T],
    classes: usize,
    width: usize,
    label: &[i32],
    first_label: i32,
    picked: &mut [T],
) {
    if classes > COMPARED {
        return gather(rows, classes, width, label, first_label, picked);
    }
    picked.fill(T::zero());
    let of = |class| row(rows, class, width, label.len());
    let mut class = 0;
    while class + 3 < classes {
        let rows = [of(class), of(class + 1), of(class + 2), of(class + 3)];
        pick_of_four(rows, label, first_label + class as i32, picked);
        class += 4;
    }
    while class < classes {
        pick(of(class), label, first_label + class as i32, picked);
        class += 1;
    }
}

#[inline(always)]
fn gather<T: Real>(
    rows: &[T],
    classes: usize,
    width: usize,
    label: &[i32],
    first_label: i32,
    picked: &mut [T],
) {
    for (i, (to, &label)) in picked.iter_mut().zip(label).enumerate() {
        let class = usize::try_from(label - first_label).ok().filter(|&class| class < classes);
        *to = class.and_then(|class| rows.get(class * width + i)).copied().unwrap_or(T::zero());
    }
}

#[inline(always)]
fn pick<T: Real>(x: &[T], label: &[i32], class: i32, picked: &mut [T]) {
    for ((&x, &label), picked) in x.iter().zip(label).zip(picked) {
        *picked += x.masked(label == class);
    }
}

#[inline(always)]
fn pick_of_four<T: Real>([x, y, z, w]: [&[T]; 4], label: &[i32], class: i32, picked: &mut [T]) {
    let rows = x.iter().zip(y).zip(z.iter().zip(w));
    for ((((&x, &y), (&z, &w)), &label), picked) in rows.zip(label).zip(picked) {
        let lower = x.masked(label == class) + y.masked(label == class + 1);
        let upper = z.masked(label == class + 2) + w.masked(label == class + 3);
        *picked += lower + upper;
    }
}

#[inline(always)]
fn subtract<T: Real>(from: &mut [T], x: &[T]) {
    for (from, &x) in from.iter_mut().zip(x) {
        *from -= x;
    }
}

#[inline(always)]
fn scale_and_rest<T: Real>(e: &mut [T], inverse: &[T], rest: &mut [T]) {
    for ((e, &inverse), rest) in e.iter_mut().zip(inverse).zip(rest) {
        let s = *e * inverse;
        *e = s;
        *rest += s.masked(!(s > T::of(0.5)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn compared_or_gathered_it_is_the_same() {
        const WIDTH: usize = 7;
        let label = [0, 2, -1, 16, 1, 17, -2];
        let rows: Vec<f32> = (0..18 * WIDTH).map(|i| i as f32 + 1.0).collect();
        for classes in [3, 4, 16, 17, 18] {
            let mut picked = [f32::NAN; WIDTH];
            pick_all(&rows, classes, WIDTH, &label, 0, &mut picked);
            for (i, (&label, &picked)) in label.iter().zip(&picked).enumerate() {
                let is_class = label >= 0 && (label as usize) < classes;
                let expected = if is_class { rows[label as usize * WIDTH + i] } else { 0.0 };
                assert_eq!(picked, expected, "{classes} classes at {i}");
            }
        }
    }
}
