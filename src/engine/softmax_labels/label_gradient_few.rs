//! The gradient by the logits of two to four classes, for softmax and labels, in one pass with all classes of a voxel
//! in registers. The sums and their order are those of
//! [`label_gradient`](crate::engine::softmax_labels::label_gradient).

use crate::array::real::Real;
use crate::checked::expected;
use crate::engine::class_tile::{Span, Tile, TileInputs};
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::pass_plan::ProbabilitySlope;
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::class_slopes::ClassSlopes;
use crate::engine::softmax_labels::exponentials_few::{FEW, are_few};
use crate::loss::probability::softmax_complement;
use crate::simd::blocks::{BLOCK, blocks, blocks_mut, row};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch};

impl ClassSlopes<'_> {
    /// Returns whether [`Self::write_gradient_few`] applies. Without vector instructions it would not be faster. The
    /// bits are the same.
    pub(super) fn has_few_classes(&self) -> bool {
        HAS_VECTORS && are_few(self.slopes.len())
    }

    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// As [`Self::write_gradient`].
    pub(super) unsafe fn write_gradient_few<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        output: GradientOutput,
    ) {
        let (classes, len, Span { width, used }) = (self.slopes.len(), tile.len, tile.span);
        // Rows of `p` are in the rows of logits, where the gradient replaces them.
        let in_place = self.probability_slope != ProbabilitySlope::Rows && !output.streams && used == len;
        let Tile {
            inputs:
                TileInputs { logit, probability, inverse, target_probability, complement, label, weight, .. },
            gradients,
            ..
        } = tile;
        let row_of = |class| if class < classes { row(probability, class, width, used) } else { &[] };
        let s = core::array::from_fn(row_of);
        let from =
            FewInputs { s, inverse, target_probability, complement, label, weight, v: gradients.positive };
        // SAFETY: the caller's promise; no two classes share an element.
        let direct = |class| unsafe { output.direct::<T>(block, class, len) };
        let mut to: [&mut [T]; FEW] = Default::default();
        if in_place && (0..classes).all(|class| direct(class).is_some()) {
            to.iter_mut()
                .take(classes)
                .enumerate()
                .for_each(|(class, to)| *to = expected(direct(class)).unwrap_or_default());
            return dispatch(FewClasses { of: self, from, to });
        }
        // The logits are no longer used.
        to.iter_mut().zip(logit.chunks_exact_mut(width.max(1))).for_each(|(to, row)| *to = row);
        dispatch(FewClasses { of: self, from, to });
        let voxels = (block.sample, block.start, len);
        let is_stored = !output.add && {
            let buffer = Some(&mut **probability).filter(|_| output.streams);
            // SAFETY: the caller's promise.
            unsafe { output.rows.store_interleaved(classes, voxels, logit, width, buffer) }
        };
        for class in (0..classes).filter(|_| !is_stored) {
            // SAFETY: the caller's promise.
            unsafe { output.write(block, class, row(logit, class, width, len)) };
        }
    }
}

/// The rows that the gradient is computed from.
struct FewInputs<'a, T> {
    /// Probabilities, or exponentials if `p` is 0.
    s: [&'a [T]; FEW],
    /// The factor from `s` to probabilities.
    inverse: &'a [T],
    target_probability: &'a [T],
    complement: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    /// The derivative by `ln s` of the target class.
    v: &'a [T],
}

/// Computes the gradient of all classes.
struct FewClasses<'a, 'o, T> {
    of: &'a ClassSlopes<'a>,
    from: FewInputs<'a, T>,
    /// The gradient; with rows of `p`, these before.
    to: [&'o mut [T]; FEW],
}

/// The same for all voxels.
#[derive(Clone, Copy)]
struct Constants<T> {
    first_label: i32,
    /// `p` of each class for voxels of other classes.
    p: [T; FEW],
    /// `p` of each class for its voxels.
    at_target: [T; FEW],
}

/// [`ProbabilitySlope`] as a const parameter of the loops.
const NONE: u8 = ProbabilitySlope::None as u8;
const CONSTANT: u8 = ProbabilitySlope::Constant as u8;
const ROWS: u8 = ProbabilitySlope::Rows as u8;

impl<T: Real> Kernel for FewClasses<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match (self.of.probability_slope, self.of.has_target_loss) {
            (ProbabilitySlope::None, _) => self.gradient::<NONE, true>(),
            (ProbabilitySlope::Constant, true) => self.gradient::<CONSTANT, true>(),
            (ProbabilitySlope::Constant, false) => self.gradient::<CONSTANT, false>(),
            (ProbabilitySlope::Rows, true) => self.gradient::<ROWS, true>(),
            (ProbabilitySlope::Rows, false) => self.gradient::<ROWS, false>(),
        }
    }
}

impl<T: Real> FewClasses<'_, '_, T> {
    #[inline(always)]
    fn gradient<const SLOPE: u8, const TARGET_LOSS: bool>(self) {
        let Self {
            of,
            from: FewInputs { s, inverse, target_probability, complement, label, weight, v },
            to: [g0, g1, g2, g3],
        } = self;
        let constants = Constants {
            first_label: of.first_label,
            // Not by `from_fn`, which LLVM may not inline.
            p: [of.slope(0), of.slope(1), of.slope(2), of.slope(3)],
            at_target: [
                of.slope_at_target(0),
                of.slope_at_target(1),
                of.slope_at_target(2),
                of.slope_at_target(3),
            ],
        };
        let s = |class: usize| expected(s.get(class)).map_or(&[] as &[[T; BLOCK]], |row| blocks(row)).iter();
        let rows_of_all = blocks(target_probability).iter().zip(blocks(complement)).zip(blocks(label));
        let rows_of_all = rows_of_all.zip(blocks(weight).iter().zip(blocks(v))).zip(blocks(inverse));
        let (g0, g1) = (blocks_mut(g0).iter_mut(), blocks_mut(g1));
        match of.slopes.len() {
            2 => {
                let rows = s(0).zip(s(1)).zip(g0.zip(g1)).zip(rows_of_all);
                for (
                    ((s0, s1), (g0, g1)),
                    ((((target_probability, complement), label), (weight, v)), inverse),
                ) in rows
                {
                    two::<T, SLOPE, TARGET_LOSS>(
                        s0,
                        g0,
                        s1,
                        g1,
                        target_probability,
                        complement,
                        label,
                        weight,
                        v,
                        inverse,
                        constants,
                    );
                }
            }
            3 => {
                let rows = s(0).zip(s(1)).zip(s(2)).zip(g0.zip(g1).zip(blocks_mut(g2))).zip(rows_of_all);
                for (
                    (((s0, s1), s2), ((g0, g1), g2)),
                    ((((target_probability, complement), label), (weight, v)), inverse),
                ) in rows
                {
                    three::<T, SLOPE, TARGET_LOSS>(
                        s0,
                        g0,
                        s1,
                        g1,
                        s2,
                        g2,
                        target_probability,
                        complement,
                        label,
                        weight,
                        v,
                        inverse,
                        constants,
                    );
                }
            }
            _ => {
                let g = g0.zip(g1).zip(blocks_mut(g2).iter_mut().zip(blocks_mut(g3)));
                let rows = s(0).zip(s(1)).zip(s(2).zip(s(3))).zip(g).zip(rows_of_all);
                for (
                    (((s0, s1), (s2, s3)), ((g0, g1), (g2, g3))),
                    ((((target_probability, complement), label), (weight, v)), inverse),
                ) in rows
                {
                    four::<T, SLOPE, TARGET_LOSS>(
                        s0,
                        g0,
                        s1,
                        g1,
                        s2,
                        g2,
                        s3,
                        g3,
                        target_probability,
                        complement,
                        label,
                        weight,
                        v,
                        inverse,
                        constants,
                    );
                }
            }
        }
    }
}

/// Defines the computation of one block. Each row is an argument: LLVM then knows that rows do not alias.
macro_rules! block_of {
    ($name:ident: $($s:ident $g:ident $class:literal),*) => {
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn $name<T: Real, const SLOPE: u8, const TARGET_LOSS: bool>(
            $($s: &[T; BLOCK], $g: &mut [T; BLOCK],)*
            target_probability: &[T; BLOCK],
            complement: &[T; BLOCK],
            label: &[i32; BLOCK],
            weight: &[T; BLOCK],
            v: &[T; BLOCK],
            inverse: &[T; BLOCK],
            Constants { first_label, p, at_target }: Constants<T>,
        ) {
            let half = T::of(0.5);
            for i in 0..BLOCK {
                let class = label[i] - first_label;
                let of_target_loss = if TARGET_LOSS {
                    v[i] * softmax_complement(target_probability[i], complement[i])
                } else {
                    T::zero()
                };
                if SLOPE == NONE {
                    $($g[i] = of_target_loss.select(class == $class, $s[i] * inverse[i] * -v[i]);)*
                    continue;
                }
                let (mut p_of_target, mut origin, mut total) = (T::zero(), T::zero(), T::zero());
                if SLOPE == ROWS {
                    let of_others = if TARGET_LOSS { -v[i] } else { T::zero() };
                    $(origin += $g[i].mask($s[i] > half);)*
                    $(total += $s[i] * ($g[i] - origin);)*
                    $(
                        let slope = $s[i] * (($g[i] - origin) - total);
                        $g[i] = slope + of_target_loss.select(class == $class, $s[i] * of_others);
                    )*
                    continue;
                }
                $(
                    p_of_target += at_target[$class].mask(class == $class);
                    origin += p[$class].mask($s[i] > half);
                )*
                let is_large = target_probability[i] > half;
                let origin = origin.mask(!is_large) + p_of_target.mask(is_large);
                $(total += $s[i] * (p[$class] - origin).mask(class != $class);)*
                let above = p_of_target - origin;
                let total = total + target_probability[i] * above;
                let gradient_of_target = of_target_loss + target_probability[i] * (weight[i] * (above - total));
                $(
                    let slope = weight[i] * ((p[$class] - origin) - total);
                    let slope = if TARGET_LOSS { slope - v[i] } else { slope };
                    $g[i] = gradient_of_target.select(class == $class, $s[i] * slope);
                )*
            }
        }
    };
}
block_of!(two: s0 g0 0, s1 g1 1);
block_of!(three: s0 g0 0, s1 g1 1, s2 g2 2);
block_of!(four: s0 g0 0, s1 g1 1, s2 g2 2, s3 g3 3);
