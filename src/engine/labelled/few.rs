//! Two to four classes: exponentials and what labels pick of them in one pass over the logits, with every class of a
//! voxel in a register.

use super::ahead::Ahead;
use crate::Real;
use crate::engine::row::{BLOCK, blocks, blocks_mut};
use crate::engine::simd::HAS_VECTORS;
use crate::engine::softmax::{add_power, rest_of};

/// The most classes whose numbers fit in sixteen registers.
pub(super) const FEW: usize = 4;

/// Whether a voxel's classes are worked on at once. Without vectors they are not: it would gain nothing but code.
pub(super) fn are_few(classes: usize) -> bool {
    HAS_VECTORS && (2..=FEW).contains(&classes)
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
                two::<T, LOGARITHM>(z0, z1, label, first_label, e0, e1, rest, picked, logit);
            }
        }
        3 => {
            let rows = z(0).zip(z(1)).zip(z(2)).zip(e().iter_mut().zip(e()).zip(e()));
            for (k, ((((z0, z1), z2), ((e0, e1), e2)), (((rest, picked), logit), label))) in
                rows.zip(left).enumerate()
            {
                ask(k);
                three::<T, LOGARITHM>(z0, z1, z2, label, first_label, e0, e1, e2, rest, picked, logit);
            }
        }
        _ => {
            let z = z(0).zip(z(1)).zip(z(2).zip(z(3)));
            let e = e().iter_mut().zip(e()).zip(e().iter_mut().zip(e()));
            for (k, ((((z0, z1), (z2, z3)), ((e0, e1), (e2, e3))), (((rest, picked), logit), label))) in
                z.zip(e).zip(left).enumerate()
            {
                ask(k);
                four::<T, LOGARITHM>(z0, z1, z2, z3, label, first_label, e0, e1, e2, e3, rest, picked, logit);
            }
        }
    }
}

/// One block, with each row an argument: so the compiler knows that they are apart.
macro_rules! block_of {
    ($name:ident: $z:ident $e:ident $(, $more_z:ident $more_e:ident)*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn $name<T: Real, const LOGARITHM: bool>(
            $z: &[T; BLOCK], $($more_z: &[T; BLOCK],)*
            label: &[i32; BLOCK],
            first_label: i32,
            $e: &mut [T; BLOCK], $($more_e: &mut [T; BLOCK],)*
            rest: &mut [T; BLOCK],
            picked: &mut [T; BLOCK],
            picked_logit: &mut [T; BLOCK],
        ) {
            for i in 0..BLOCK {
                let largest = $z[i];
                $(let largest = if $more_z[i] > largest { $more_z[i] } else { largest };)*
                let class = label[i] - first_label;
                if LOGARITHM {
                    let mut number = 0;
                    let logit = $z[i].masked(class == number);
                    $(number += 1; let logit = if class == number { $more_z[i] } else { logit };)*
                    let _ = number;
                    picked_logit[i] = logit - largest;
                }
                let mut number = 0;
                let power = ($z[i] - largest).decay();
                $e[i] = power;
                let (mut others, mut top) = (T::zero(), power);
                let named = power.masked(class == number);
                $(
                    number += 1;
                    let power = ($more_z[i] - largest).decay();
                    $more_e[i] = power;
                    add_power(power, &mut others, &mut top);
                    let named = if class == number { power } else { named };
                )*
                let _ = number;
                rest[i] = rest_of(others, top);
                picked[i] = named;
            }
        }
    };
}
block_of!(two: z0 e0, z1 e1);
block_of!(three: z0 e0, z1 e1, z2 e2);
block_of!(four: z0 e0, z1 e1, z2 e2, z3 e3);
