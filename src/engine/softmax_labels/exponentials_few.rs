//! Two to four classes: exponentials and the values of the target class in one pass over the logits, with all classes
//! of a voxel in registers.
//!
//! The exponential of the largest logit is 1 and is not computed: the other classes, in their order, take one place
//! less. Of two equal largest logits the first is the largest, on every target, because the order of the sum depends on
//! it.

use crate::array::real::Real;
use crate::checked::expected;
use crate::engine::softmax_labels::row_prefetch::RowPrefetch;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut};

/// The maximum number of classes whose values fit in sixteen registers.
pub(super) const FEW: usize = 4;

/// Returns whether all classes of a voxel are computed at once.
pub(super) fn are_few(classes: usize) -> bool {
    (2..=FEW).contains(&classes)
}

/// Outputs of [`exponentials_few`] besides the exponentials.
pub(super) struct FewOutputs<'a, T> {
    /// `R`: the sum of all exponentials but that of the largest logit.
    pub rest: &'a mut [T],
    /// The exponential of the target class.
    pub target_probability: &'a mut [T],
    /// With `LOGARITHM`: the logit of the target class minus the largest.
    pub target_logit: &'a mut [T],
}

/// Computes the exponentials of `z` in `e`, rows of `width`.
#[inline(always)]
pub(super) fn exponentials_few<'z, T: Real, const LOGARITHM: bool>(
    z: impl Fn(usize) -> &'z [T],
    classes: usize,
    (label, first_label): (&[i32], i32),
    (e, width): (&mut [T], usize),
    outputs: FewOutputs<'_, T>,
) {
    let mut e = e.chunks_mut(width.max(1));
    let mut e = || blocks_mut(expected(e.next()).unwrap_or_default());
    let outputs = (blocks_mut(outputs.rest).iter_mut())
        .zip(blocks_mut(outputs.target_probability))
        .zip(blocks_mut(outputs.target_logit))
        .zip(blocks(label));
    // Not by `from_fn`, which LLVM may not inline.
    let after = |class: usize| RowPrefetch::after(z(class.min(classes - 1)));
    let next = [after(0), after(1), after(2), after(3)];
    let prefetch = |k: usize| next.iter().take(classes).for_each(|row| row.block(k));
    let z = |class| blocks(z(class)).iter();
    match classes {
        2 => {
            let rows = z(0).zip(z(1)).zip(e().iter_mut().zip(e()));
            for (k, (((z0, z1), (e0, e1)), (((rest, target_probability), logit), label))) in
                rows.zip(outputs).enumerate()
            {
                prefetch(k);
                block_of_two::<T, LOGARITHM>(
                    z0,
                    z1,
                    label,
                    first_label,
                    e0,
                    e1,
                    rest,
                    target_probability,
                    logit,
                );
            }
        }
        3 => {
            let rows = z(0).zip(z(1)).zip(z(2)).zip(e().iter_mut().zip(e()).zip(e()));
            for (k, ((((z0, z1), z2), ((e0, e1), e2)), (((rest, target_probability), logit), label))) in
                rows.zip(outputs).enumerate()
            {
                prefetch(k);
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
                    target_probability,
                    logit,
                );
            }
        }
        _ => {
            let z = z(0).zip(z(1)).zip(z(2).zip(z(3)));
            let e = e().iter_mut().zip(e()).zip(e().iter_mut().zip(e()));
            for (
                k,
                ((((z0, z1), (z2, z3)), ((e0, e1), (e2, e3))), (((rest, target_probability), logit), label)),
            ) in z.zip(e).zip(outputs).enumerate()
            {
                prefetch(k);
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
                    target_probability,
                    logit,
                );
            }
        }
    }
}

/// Computes `R` from exponentials that were computed class by class, in the order of [`exponentials_few`]. Without
/// vector instructions that function would not be faster.
#[inline(always)]
pub(super) fn sum_of_others_few<'z, T: Real>(
    z: impl Fn(usize) -> &'z [T],
    e: impl Fn(usize) -> &'z [T],
    classes: usize,
    largest: &[T],
    rest: &mut [T],
) {
    let at = |row: &[T], i: usize| expected(row.get(i)).copied().unwrap_or(T::zero());
    for (i, (rest, &largest)) in rest.iter_mut().zip(largest).enumerate() {
        let mut skipped = false;
        *rest = T::zero();
        for class in 0..classes {
            if !skipped && at(z(class), i) == largest {
                skipped = true;
            } else {
                *rest += at(e(class), i);
            }
        }
    }
}

/// The exponentials of the classes of a voxel.
struct VoxelExponentials<T, const N: usize> {
    of: [T; N],
    /// The sum of all but the largest.
    rest: T,
    /// The largest logit.
    largest: T,
}

#[inline(always)]
fn two<T: Real>([z0, z1]: [T; 2]) -> VoxelExponentials<T, 2> {
    let is_first = !(z1 > z0);
    let (largest, other) = (z0.select(is_first, z1), z1.select(is_first, z0));
    let p = (other - largest).exp_nonpositive();
    let one = T::one();
    VoxelExponentials { of: [one.select(is_first, p), p.select(is_first, one)], rest: p, largest }
}

#[inline(always)]
fn three<T: Real>([z0, z1, z2]: [T; 3]) -> VoxelExponentials<T, 3> {
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
    VoxelExponentials { of, rest: p0 + p1, largest }
}

#[inline(always)]
fn four<T: Real>([z0, z1, z2, z3]: [T; 4]) -> VoxelExponentials<T, 4> {
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
    VoxelExponentials { of, rest: p0 + p1 + p2, largest }
}

/// Defines the computation of one block. Each row is an argument: LLVM then knows that rows do not alias.
macro_rules! block_of {
    ($name:ident: $exponentials:ident, $($z:ident $e:ident $class:literal),*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn $name<T: Real, const LOGARITHM: bool>(
            $($z: &[T; BLOCK],)*
            label: &[i32; BLOCK],
            first_label: i32,
            $($e: &mut [T; BLOCK],)*
            rest: &mut [T; BLOCK],
            target_probability: &mut [T; BLOCK],
            target_logit: &mut [T; BLOCK],
        ) {
            for i in 0..BLOCK {
                let class = label[i] - first_label;
                let VoxelExponentials { of, rest: others, largest } = $exponentials([$($z[i]),*]);
                if LOGARITHM {
                    let mut logit = T::zero();
                    $(logit = $z[i].select(class == $class, logit);)*
                    // An infinite logit that is the largest has the difference 0.
                    target_logit[i] = (logit - largest).mask(logit != largest);
                }
                $($e[i] = of[$class];)*
                rest[i] = others;
                let mut of_target = T::zero();
                $(of_target = of[$class].select(class == $class, of_target);)*
                target_probability[i] = of_target;
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

    /// Rows of four classes with some equal logits, and labels, some of which are no class.
    fn voxels() -> (Vec<Vec<f32>>, Vec<i32>) {
        let z = |class: usize, i: usize| ((i * 7 + class * 5) * 7919 % 23) as f32 * 1.7 - 9.3;
        let rows = (0..FEW).map(|class| (0..4 * BLOCK).map(|i| z(class, i)).collect()).collect();
        (rows, (0..4 * BLOCK as i32).map(|i| i * 11 % 6 - 1).collect())
    }

    /// Exponentials, `R`, exponential and logit of the target class.
    fn all(z: &[Vec<f32>], label: &[i32]) -> Vec<u32> {
        let used = label.len();
        let (mut e, mut rest) = (vec![0.0; z.len() * used], vec![0.0; used]);
        let (mut target_probability, mut target_logit) = (vec![0.0; used], vec![0.0; used]);
        let outputs = FewOutputs {
            rest: &mut rest,
            target_probability: &mut target_probability,
            target_logit: &mut target_logit,
        };
        let row = |class: usize| z[class].as_slice();
        exponentials_few::<f32, true>(row, z.len(), (label, 0), (&mut e, used), outputs);
        [e, rest, target_probability, target_logit].concat().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn sum_of_others_has_the_same_bits_with_and_without_vectors() {
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
            sum_of_others_few(
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
    fn exponential_of_the_largest_is_one_and_the_sum_is_of_the_others() {
        let (z, label) = voxels();
        for classes in 2..=FEW {
            let bits = all(&z[..classes], &label);
            let of = |row: usize, i: usize| f64::from(f32::from_bits(bits[row * label.len() + i]));
            for i in 0..label.len() {
                let largest = (0..classes).map(|class| z[class][i]).fold(f32::MIN, f32::max);
                let exponential = |class: usize| f64::from(z[class][i] - largest).exp();
                let sum: f64 = (0..classes).map(exponential).sum();
                assert!((of(classes, i) - (sum - 1.0)).abs() <= 2e-7 * sum, "{classes} classes at {i}");
                for class in 0..classes {
                    assert!((of(class, i) - exponential(class)).abs() <= 1.2e-7 * exponential(class));
                }
            }
        }
    }

    #[test]
    fn nan_reaches_the_sum_of_others() {
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
