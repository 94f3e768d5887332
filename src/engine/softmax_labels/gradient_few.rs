//! The pull-back of two to four classes: all of it in one pass, with every class of a voxel in a register. The sums are
//! those of [`pull`](crate::engine::softmax_labels::gradient), in their order.

use crate::array::real::Real;
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::class_slopes::{Labelled, Polynomial};
use crate::engine::softmax_labels::exponentials_few::{FEW, are_few};
use crate::engine::tile::{Span, Tile, TileInputs};
use crate::loss::probability::softmax_complement;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut, row};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch};

impl Labelled<'_> {
    /// Whether one pass serves. Without vectors it would gain nothing but code; the bits are the same.
    pub fn is_of_few(&self) -> bool {
        HAS_VECTORS && are_few(self.slopes.len())
    }

    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// The output is writable, and holds the tile's voxels.
    pub unsafe fn write_few<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        step: BlockRange<'_>,
        output: GradientOutput,
    ) {
        let (classes, len, Span { width, used }) = (self.slopes.len(), tile.len, tile.span);
        // Rows of `p` are in the logits, where each element gives way to its gradient.
        let in_place = self.polynomial != Polynomial::Rows && !output.streams_in(step) && used == len;
        let Tile {
            inputs:
                TileInputs {
                    logit,
                    probability,
                    inverse,
                    target_probability: picked,
                    complement,
                    label,
                    weight,
                    ..
                },
            gradients: made,
            ..
        } = tile;
        let s = core::array::from_fn(|class| row(probability, class, width, used));
        let from = Known { s, inverse, picked, complement, label, weight, v: made.positive };
        // SAFETY: promised by the caller; no two classes have an element in common.
        let direct = |class| unsafe { output.direct::<T>(step, class, len) };
        let mut to: [&mut [T]; FEW] = Default::default();
        if in_place && (0..classes).all(|class| direct(class).is_some()) {
            to.iter_mut()
                .take(classes)
                .enumerate()
                .for_each(|(class, to)| *to = direct(class).unwrap_or_default());
            return dispatch(FewClasses { of: self, from, to });
        }
        // The logits have done their work.
        to.iter_mut().zip(logit.chunks_exact_mut(width.max(1))).for_each(|(to, row)| *to = row);
        dispatch(FewClasses { of: self, from, to });
        let voxels = (step.sample, step.at, len);
        let is_stored = !output.accumulate && {
            let spare = Some(&mut **probability).filter(|_| output.streams_in(step));
            // SAFETY: promised by the caller.
            unsafe { output.rows.store_interleaved(classes, voxels, logit, width, spare) }
        };
        for class in (0..classes).filter(|_| !is_stored) {
            // SAFETY: promised by the caller.
            unsafe { output.write(step, class, row(logit, class, width, len)) };
        }
    }
}

/// Rows that a gradient is made of.
struct Known<'a, T> {
    /// Probabilities; where nothing pulls on them they may be exponentials.
    s: [&'a [T]; FEW],
    /// What makes probabilities of these.
    inverse: &'a [T],
    picked: &'a [T],
    complement: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    /// The derivative with respect to `ln s` of the truth.
    v: &'a [T],
}

struct FewClasses<'a, 'o, T> {
    of: &'a Labelled<'a>,
    from: Known<'a, T>,
    /// The gradient; before it `p`, if that is in rows.
    to: [&'o mut [T]; FEW],
}

/// What is the same for all voxels.
#[derive(Clone, Copy)]
struct Constants<T> {
    first_label: i32,
    /// `p` of a class that is not the truth, and of one that is.
    p: [T; FEW],
    at_truth: [T; FEW],
}

/// [`Polynomial`], as the constant that loops are compiled for.
const NONE: u8 = Polynomial::None as u8;
const LINEAR: u8 = Polynomial::Linear as u8;
const ROWS: u8 = Polynomial::Rows as u8;

impl<T: Real> Kernel for FewClasses<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match (self.of.polynomial, self.of.charges) {
            (Polynomial::None, _) => self.pull::<NONE, true>(),
            (Polynomial::Linear, true) => self.pull::<LINEAR, true>(),
            (Polynomial::Linear, false) => self.pull::<LINEAR, false>(),
            (Polynomial::Rows, true) => self.pull::<ROWS, true>(),
            (Polynomial::Rows, false) => self.pull::<ROWS, false>(),
        }
    }
}

impl<T: Real> FewClasses<'_, '_, T> {
    #[inline(always)]
    fn pull<const POLYNOMIAL: u8, const CHARGES: bool>(self) {
        let Self {
            of,
            from: Known { s, inverse, picked, complement, label, weight, v },
            to: [g0, g1, g2, g3],
        } = self;
        let constants = Constants {
            first_label: of.first_label,
            // Not by `from_fn`, which may stay a call.
            p: [of.predicted(0), of.predicted(1), of.predicted(2), of.predicted(3)],
            at_truth: [
                of.predicted_at_truth(0),
                of.predicted_at_truth(1),
                of.predicted_at_truth(2),
                of.predicted_at_truth(3),
            ],
        };
        let s = |class: usize| s.get(class).map_or(&[] as &[[T; BLOCK]], |row| blocks(row)).iter();
        let known = blocks(picked).iter().zip(blocks(complement)).zip(blocks(label));
        let known = known.zip(blocks(weight).iter().zip(blocks(v))).zip(blocks(inverse));
        let (g0, g1) = (blocks_mut(g0).iter_mut(), blocks_mut(g1));
        match of.slopes.len() {
            2 => {
                let rows = s(0).zip(s(1)).zip(g0.zip(g1)).zip(known);
                for (((s0, s1), (g0, g1)), ((((picked, complement), label), (weight, v)), inverse)) in rows {
                    two::<T, POLYNOMIAL, CHARGES>(
                        s0, g0, s1, g1, picked, complement, label, weight, v, inverse, constants,
                    );
                }
            }
            3 => {
                let rows = s(0).zip(s(1)).zip(s(2)).zip(g0.zip(g1).zip(blocks_mut(g2))).zip(known);
                for (
                    (((s0, s1), s2), ((g0, g1), g2)),
                    ((((picked, complement), label), (weight, v)), inverse),
                ) in rows
                {
                    three::<T, POLYNOMIAL, CHARGES>(
                        s0, g0, s1, g1, s2, g2, picked, complement, label, weight, v, inverse, constants,
                    );
                }
            }
            _ => {
                let g = g0.zip(g1).zip(blocks_mut(g2).iter_mut().zip(blocks_mut(g3)));
                let rows = s(0).zip(s(1)).zip(s(2).zip(s(3))).zip(g).zip(known);
                for (
                    (((s0, s1), (s2, s3)), ((g0, g1), (g2, g3))),
                    ((((picked, complement), label), (weight, v)), inverse),
                ) in rows
                {
                    four::<T, POLYNOMIAL, CHARGES>(
                        s0, g0, s1, g1, s2, g2, s3, g3, picked, complement, label, weight, v, inverse,
                        constants,
                    );
                }
            }
        }
    }
}

/// One block, with each row an argument: so the compiler knows that they are apart.
macro_rules! block_of {
    ($name:ident: $($s:ident $g:ident $class:literal),*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn $name<T: Real, const POLYNOMIAL: u8, const CHARGES: bool>(
            $($s: &[T; BLOCK], $g: &mut [T; BLOCK],)*
            picked: &[T; BLOCK],
            complement: &[T; BLOCK],
            label: &[i32; BLOCK],
            weight: &[T; BLOCK],
            v: &[T; BLOCK],
            inverse: &[T; BLOCK],
            Constants { first_label, p, at_truth }: Constants<T>,
        ) {
            let half = T::of(0.5);
            for i in 0..BLOCK {
                let class = label[i] - first_label;
                let charged = if CHARGES { v[i] * softmax_complement(picked[i], complement[i]) } else { T::zero() };
                if POLYNOMIAL == NONE {
                    $($g[i] = charged.select(class == $class, $s[i] * inverse[i] * -v[i]);)*
                    continue;
                }
                let (mut of_truth, mut origin, mut total) = (T::zero(), T::zero(), T::zero());
                if POLYNOMIAL == ROWS {
                    let charge = if CHARGES { -v[i] } else { T::zero() };
                    $(origin += $g[i].mask($s[i] > half);)*
                    $(total += $s[i] * ($g[i] - origin);)*
                    $(
                        let pull = $s[i] * (($g[i] - origin) - total);
                        $g[i] = pull + charged.select(class == $class, $s[i] * charge);
                    )*
                    continue;
                }
                $(
                    of_truth += at_truth[$class].mask(class == $class);
                    origin += p[$class].mask($s[i] > half);
                )*
                let is_large = picked[i] > half;
                let origin = origin.mask(!is_large) + of_truth.mask(is_large);
                $(total += $s[i] * (p[$class] - origin).mask(class != $class);)*
                let above = of_truth - origin;
                let total = total + picked[i] * above;
                let truth = charged + picked[i] * (weight[i] * (above - total));
                $(
                    let pull = weight[i] * ((p[$class] - origin) - total);
                    let pull = if CHARGES { pull - v[i] } else { pull };
                    $g[i] = truth.select(class == $class, $s[i] * pull);
                )*
            }
        }
    };
}
block_of!(two: s0 g0 0, s1 g1 1);
block_of!(three: s0 g0 0, s1 g1 1, s2 g2 2);
block_of!(four: s0 g0 0, s1 g1 1, s2 g2 2, s3 g3 3);
