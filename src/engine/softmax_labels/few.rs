//! Two to four classes: exponentials and what labels pick of them in one pass over the logits, with every class of a
//! voxel in a register.
//!
//! The exponential of the largest is 1 and need not be taken: the others move up to fill its place, keep their order,
//! and go back after it. Of two as large the first is left out, on every target: the order of the sum hangs on it.

use crate::array::real::Real;
use crate::engine::softmax_labels::ahead::Ahead;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut};

/// The most classes whose numbers fit in sixteen registers.
pub(super) const FEW: usize = 4;

/// Whether a voxel's classes are worked on at once.
pub(super) fn are_few(classes: usize) -> bool {
    (2..=FEW).contains(&classes)
}

/// Rows that the exponentials of a voxel leave.
pub(super) struct Left<'a, T> {
    /// `R`: the sum of all exponentials but that of the largest.
    pub rest: &'a mut [T],
    /// The exponential of the class that the label names.
    pub picked: &'a mut [T],
    /// Its logit less the largest, if that is wanted.
    pub picked_logit: &'a mut [T],
}

/// Takes the exponentials of `z` to `e`, rows of `width`.
#[inline(always)]
pub(super) fn exponentials_of_few<'z, T: Real, const LOGARITHM: bool>(
    z: impl Fn(usize) -> &'z [T],
    classes: usize,
    (label, first_label): (&[i32], i32),
    (e, width): (&mut [T], usize),
    left: Left<'_, T>,
) {
    let mut e = e.chunks_mut(width.max(1));
    let mut e = || blocks_mut(e.next().unwrap_or_default());
    let left = (blocks_mut(left.rest).iter_mut())
        .zip(blocks_mut(left.picked))
        .zip(blocks_mut(left.picked_logit))
        .zip(blocks(label));
    // Not by `from_fn`, which may stay a call.
    let of = |class: usize| Ahead::of(z(class.min(classes - 1)));
    let ahead = [of(0), of(1), of(2), of(3)];
    let ask = |k: usize| ahead.iter().take(classes).for_each(|row| row.ask(k));
    let z = |class| blocks(z(class)).iter();
    match classes {
        2 => {
            let rows = z(0).zip(z(1)).zip(e().iter_mut().zip(e()));
            for (k, (((z0, z1), (e0, e1)), (((rest, picked), logit), label))) in rows.zip(left).enumerate() {
                ask(k);
                block_of_two::<T, LOGARITHM>(z0, z1, label, first_label, e0, e1, rest, picked, logit);
            }
        }
        3 => {
            let rows = z(0).zip(z(1)).zip(z(2)).zip(e().iter_mut().zip(e()).zip(e()));
            for (k, ((((z0, z1), z2), ((e0, e1), e2)), (((rest, picked), logit), label))) in
                rows.zip(left).enumerate()
            {
                ask(k);
                block_of_three::<T, LOGARITHM>(
                    z0,
                    z1,
                    z2,
                    label,
                    first_label,
                    e0,
                    e1,
                    e2,
                    rest,
                    picked,
                    logit,
                );
            }
        }
        _ => {
            let z = z(0).zip(z(1)).zip(z(2).zip(z(3)));
            let e = e().iter_mut().zip(e()).zip(e().iter_mut().zip(e()));
            for (k, ((((z0, z1), (z2, z3)), ((e0, e1), (e2, e3))), (((rest, picked), logit), label))) in
                z.zip(e).zip(left).enumerate()
            {
                ask(k);
                block_of_four::<T, LOGARITHM>(
                    z0,
                    z1,
                    z2,
                    z3,
                    label,
                    first_label,
                    e0,
                    e1,
                    e2,
                    e3,
                    rest,
                    picked,
                    logit,
                );
            }
        }
    }
}

/// `R` of exponentials that were taken class by class, in the order that [`exponentials_of_few`] adds them up in. Without
/// vectors that pass would gain nothing but code.
#[inline(always)]
pub(super) fn rest_of_few<'z, T: Real>(
    z: impl Fn(usize) -> &'z [T],
    e: impl Fn(usize) -> &'z [T],
    classes: usize,
    largest: &[T],
    rest: &mut [T],
) {
    let at = |row: &[T], i: usize| row.get(i).copied().unwrap_or(T::zero());
    for (i, (rest, &largest)) in rest.iter_mut().zip(largest).enumerate() {
        let mut is_left_out = false;
        *rest = T::zero();
        for class in 0..classes {
            if !is_left_out && at(z(class), i) == largest {
                is_left_out = true;
            } else {
                *rest += at(e(class), i);
            }
        }
    }
}

/// The exponentials of a voxel's classes.
struct Powers<T, const N: usize> {
    of: [T; N],
    /// The sum of all but the largest.
    rest: T,
    /// The largest logit.
    largest: T,
}

#[inline(always)]
fn two<T: Real>([z0, z1]: [T; 2]) -> Powers<T, 2> {
    let is_first = !(z1 > z0);
    let (largest, other) = (z0.select(is_first, z1), z1.select(is_first, z0));
    let p = (other - largest).exp_nonpositive();
    let one = T::one();
    Powers { of: [one.select(is_first, p), p.select(is_first, one)], rest: p, largest }
}

#[inline(always)]
fn three<T: Real>([z0, z1, z2]: [T; 3]) -> Powers<T, 3> {
    let first_of_two = !(z1 > z0);
    let of_two = if first_of_two { z0 } else { z1 };
    let is_last = z2 > of_two;
    let largest = if is_last { z2 } else { of_two };
    let is_first = first_of_two & !is_last;
    let p0 = (z1.select(is_first, z0) - largest).exp_nonpositive();
    let p1 = (z1.select(is_last, z2) - largest).exp_nonpositive();
    let one = T::one();
    let of =
        [one.select(is_first, p0), p0.select(is_first, p1.select(is_last, one)), one.select(is_last, p1)];
    Powers { of, rest: p0 + p1, largest }
}

#[inline(always)]
fn four<T: Real>([z0, z1, z2, z3]: [T; 4]) -> Powers<T, 4> {
    let (second, fourth) = (z1 > z0, z3 > z2);
    let (lower, upper) = (if second { z1 } else { z0 }, if fourth { z3 } else { z2 });
    let is_upper = upper > lower;
    let largest = if is_upper { upper } else { lower };
    let (is_first, is_last) = (!second & !is_upper, fourth & is_upper);
    let p0 = (z1.select(is_first, z0) - largest).exp_nonpositive();
    let p1 = (z1.select(is_upper, z2) - largest).exp_nonpositive();
    let p2 = (z2.select(is_last, z3) - largest).exp_nonpositive();
    let one = T::one();
    let of = [
        one.select(is_first, p0),
        p0.select(is_first, p1.select(is_upper, one)),
        p2.select(is_last, one).select(is_upper, p1),
        one.select(is_last, p2),
    ];
    Powers { of, rest: p0 + p1 + p2, largest }
}

/// One block, with each row an argument: so the compiler knows that they are apart.
macro_rules! block_of {
    ($name:ident: $powers:ident, $($z:ident $e:ident $class:literal),*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn $name<T: Real, const LOGARITHM: bool>(
            $($z: &[T; BLOCK],)*
            label: &[i32; BLOCK],
            first_label: i32,
            $($e: &mut [T; BLOCK],)*
            rest: &mut [T; BLOCK],
            picked: &mut [T; BLOCK],
            picked_logit: &mut [T; BLOCK],
        ) {
            for i in 0..BLOCK {
                let class = label[i] - first_label;
                let Powers { of, rest: others, largest } = $powers([$($z[i]),*]);
                if LOGARITHM {
                    let mut logit = T::zero();
                    $(logit = $z[i].select(class == $class, logit);)*
                    // An infinite logit that is the largest is no distance from it.
                    picked_logit[i] = (logit - largest).mask(logit != largest);
                }
                $($e[i] = of[$class];)*
                rest[i] = others;
                let mut named = T::zero();
                $(named = of[$class].select(class == $class, named);)*
                picked[i] = named;
            }
        }
    };
}
block_of!(block_of_two: two, z0 e0 0, z1 e1 1);
block_of!(block_of_three: three, z0 e0 0, z1 e1 1, z2 e2 2);
block_of!(block_of_four: four, z0 e0 0, z1 e1 1, z2 e2 2, z3 e3 3);

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    /// Rows of four classes, some logits as large as others, labels with some outside.
    fn voxels() -> (Vec<Vec<f32>>, Vec<i32>) {
        let z = |class: usize, i: usize| ((i * 7 + class * 5) * 7919 % 23) as f32 * 1.7 - 9.3;
        let rows = (0..FEW).map(|class| (0..4 * BLOCK).map(|i| z(class, i)).collect()).collect();
        (rows, (0..4 * BLOCK as i32).map(|i| i * 11 % 6 - 1).collect())
    }

    /// Exponentials, `R`, what was picked, and its logit.
    fn all(z: &[Vec<f32>], label: &[i32]) -> Vec<u32> {
        let used = label.len();
        let (mut e, mut rest) = (vec![0.0; z.len() * used], vec![0.0; used]);
        let (mut picked, mut picked_logit) = (vec![0.0; used], vec![0.0; used]);
        let left = Left { rest: &mut rest, picked: &mut picked, picked_logit: &mut picked_logit };
        let row = |class: usize| z[class].as_slice();
        exponentials_of_few::<f32, true>(row, z.len(), (label, 0), (&mut e, used), left);
        [e, rest, picked, picked_logit].concat().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn with_vectors_and_without_the_rest_has_the_same_bits() {
        let (z, label) = voxels();
        let used = label.len();
        for classes in 2..=FEW {
            let largest: Vec<f32> =
                (0..used).map(|i| z[..classes].iter().map(|z| z[i]).fold(f32::MIN, f32::max)).collect();
            let e: Vec<Vec<f32>> = z
                .iter()
                .map(|z| (0..used).map(|i| Real::exp_nonpositive(z[i] - largest[i])).collect())
                .collect();
            let mut rest = vec![0.0; used];
            rest_of_few(
                |class| z[class].as_slice(),
                |class| e[class].as_slice(),
                classes,
                &largest,
                &mut rest,
            );
            let e_and_rest: Vec<u32> =
                e[..classes].concat().iter().chain(&rest).map(|x| x.to_bits()).collect();
            assert_eq!(all(&z[..classes], &label)[..(classes + 1) * used], e_and_rest, "{classes}");
        }
    }

    #[test]
    fn the_largest_has_one_and_the_rest_is_what_others_have() {
        let (z, label) = voxels();
        for classes in 2..=FEW {
            let bits = all(&z[..classes], &label);
            let of = |row: usize, i: usize| f64::from(f32::from_bits(bits[row * label.len() + i]));
            for i in 0..label.len() {
                let largest = (0..classes).map(|class| z[class][i]).fold(f32::MIN, f32::max);
                let power = |class: usize| f64::from(z[class][i] - largest).exp();
                let sum: f64 = (0..classes).map(power).sum();
                assert!((of(classes, i) - (sum - 1.0)).abs() <= 2e-7 * sum, "{classes} classes at {i}");
                for class in 0..classes {
                    assert!((of(class, i) - power(class)).abs() <= 1.2e-7 * power(class));
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_is_not_lost() {
        let (mut z, label) = voxels();
        for class in 0..FEW {
            z[class][3 + class] = f32::NAN;
        }
        for classes in 2..=FEW {
            let bits = all(&z[..classes], &label);
            for i in 0..classes {
                assert!(f32::from_bits(bits[classes * label.len() + 3 + i]).is_nan());
            }
        }
    }
}
