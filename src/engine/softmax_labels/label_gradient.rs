//! The gradient by the logits, for softmax and labels.
//!
//! ```text
//! ∂L/∂z_k = s_k·(p_k − Σ_j s_j·p_j) + v·([k is the target class] − s_k)
//! ```
//!
//! `p_k` is the derivative by `s_k`, and `v` that by `ln s` of the target class. Because probabilities sum up to 1, a
//! constant `origin` can be subtracted from all `p_k`. With `p` of the class with `s > ½` as the origin, the bracket of
//! this class is not a difference of two numbers near `p_k`.
//!
//! ```text
//! origin = p of the class with s > ½, or 0       t = Σ_j s_j·(p_j − origin)
//! ∂L/∂z_k = s_k·((p_k − origin) − t) + v·([k is the target class] − s_k)
//! ```

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::pass_plan::ProbabilitySlope;
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::class_slopes::ClassSlopes;
use crate::engine::softmax_labels::shared_terms::SharedTerms;
use crate::simd::blocks::{copy_row, row, row_mut};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch};

impl ClassSlopes<'_> {
    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// The output is writable and holds the voxels of the tile, which no other thread uses.
    pub(super) unsafe fn write_gradient<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        output: GradientOutput,
    ) {
        if self.has_few_classes() {
            // SAFETY: the caller's promise.
            return unsafe { self.write_gradient_few(tile, block, output) };
        }
        dispatch(SharedTerms { of: self, tile });
        let classes = self.slopes.len();
        if !output.add && output.rows.interleaved(classes, block.sample, block.start).is_some() {
            let Span { width, used } = tile.span;
            for class in 0..classes {
                self.class_gradient(tile, class, None);
                // The logits of the class, or its row of `p`, are no longer used.
                let to = row_mut(tile.inputs.logit, class, width, used);
                copy_row(row(tile.gradients.loss, 0, width, used), to);
            }
            let voxels = (block.sample, block.start, tile.len);
            let buffer = Some(&mut *tile.inputs.probability).filter(|_| output.streams);
            // SAFETY: the caller's promise.
            unsafe { output.rows.store_interleaved(classes, voxels, tile.inputs.logit, width, buffer) };
            return;
        }
        for class in 0..classes {
            // SAFETY: the caller's promise.
            unsafe { self.write_class_gradient(tile, block, class, output) };
        }
    }

    /// Writes the gradient of a class.
    ///
    /// # Safety
    /// As [`ClassSlopes::write_gradient`].
    unsafe fn write_class_gradient<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        block: BlockRange<'_>,
        class: usize,
        output: GradientOutput,
    ) {
        // SAFETY: the caller's promise.
        let direct = unsafe { output.direct::<T>(block, class, tile.len) };
        match direct.filter(|_| !output.streams) {
            Some(out) => self.class_gradient(tile, class, Some(out)),
            None => {
                self.class_gradient(tile, class, None);
                let gradient = row(tile.gradients.loss, 0, tile.span.width, tile.len);
                // SAFETY: the caller's promise.
                unsafe { output.write(block, class, gradient) };
            }
        }
    }

    /// Computes the gradient of a class in `out` or, without, in `gradients.loss`.
    fn class_gradient<T: Real + Plain>(&self, tile: &mut Tile<'_, T>, class: usize, out: Option<&mut [T]>) {
        let Span { width, used } = tile.span;
        dispatch(ClassGradient {
            of: self,
            p: self.slope(class),
            class: self.first_label + class as i32,
            // Without vector instructions a separate loop is not worth its code. A weight of 1 changes no bit.
            is_unweighted: HAS_VECTORS && tile.is_unweighted,
            out: out.unwrap_or(row_mut(tile.gradients.loss, 0, width, used)),
            s: row(tile.inputs.probability, class, width, used),
            inverse: row(tile.inputs.inverse, 0, width, used),
            p_row: row(tile.inputs.logit, class, width, used),
            label: row(tile.inputs.label, 0, width, used),
            weight: row(tile.inputs.weight, 0, width, used),
            shared: SharedRows {
                of_target: row(tile.gradients.positive, 0, width, used),
                of_others: row(tile.gradients.negative, 0, width, used),
                origin: row(tile.gradients.largest, 0, width, used),
                total: row(tile.gradients.total, 0, width, used),
            },
        });
    }
}

/// The terms that the gradients of all classes of a voxel share.
#[derive(Clone, Copy)]
struct SharedRows<'a, T> {
    /// The gradient of the target class; with rows of `p`, only its part from `v`.
    of_target: &'a [T],
    /// `−v`
    of_others: &'a [T],
    origin: &'a [T],
    /// `t`
    total: &'a [T],
}

/// Computes the gradient of a class.
struct ClassGradient<'a, 'o, T> {
    of: &'a ClassSlopes<'a>,
    /// `p` for voxels of other classes, if it is constant.
    p: T,
    class: i32,
    is_unweighted: bool,
    out: &'o mut [T],
    /// Probabilities, or exponentials if `p` is 0.
    s: &'a [T],
    /// The factor from `s` to probabilities.
    inverse: &'a [T],
    /// `p` of each voxel, if it is not constant.
    p_row: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    shared: SharedRows<'a, T>,
}

impl<T: Real> Kernel for ClassGradient<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { of, p, class, is_unweighted, out, s, inverse, p_row, label, weight, shared } = self;
        match (of.probability_slope, is_unweighted, of.has_target_loss) {
            (ProbabilitySlope::None, ..) => gradient_of_target_loss(out, s, inverse, label, class, shared),
            (ProbabilitySlope::Constant, false, true) => {
                gradient_constant::<T, true>(out, s, p, weight, label, class, shared)
            }
            (ProbabilitySlope::Constant, false, false) => {
                gradient_constant::<T, false>(out, s, p, weight, label, class, shared)
            }
            (ProbabilitySlope::Constant, true, true) => {
                gradient_constant_unweighted::<T, true>(out, s, p, label, class, shared)
            }
            (ProbabilitySlope::Constant, true, false) => {
                gradient_constant_unweighted::<T, false>(out, s, p, label, class, shared)
            }
            (ProbabilitySlope::Rows, ..) => gradient_rows(out, s, p_row, label, class, shared),
        }
    }
}

/// Returns `of_target` if the voxel belongs to the class, else `other`.
#[inline(always)]
fn select_target<T: Real>(is_target: bool, of_target: T, other: T) -> T {
    if is_target { of_target } else { other }
}

#[inline(always)]
fn gradient_of_target_loss<T: Real>(
    out: &mut [T],
    e: &[T],
    inverse: &[T],
    label: &[i32],
    class: i32,
    shared: SharedRows<'_, T>,
) {
    let rows = e.iter().zip(inverse).zip(label).zip(shared.of_target).zip(shared.of_others);
    for (out, ((((&e, &inverse), &label), &of_target), &of_others)) in out.iter_mut().zip(rows) {
        *out = select_target(label == class, of_target, e * inverse * of_others);
    }
}

#[inline(always)]
fn gradient_constant_unweighted<T: Real, const TARGET_LOSS: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    label: &[i32],
    class: i32,
    shared: SharedRows<'_, T>,
) {
    let SharedRows { of_target, of_others, origin, total } = shared;
    let rows = s.iter().zip(label).zip(of_target).zip(of_others).zip(origin).zip(total);
    for (out, (((((&s, &label), &of_target), &of_others), &origin), &total)) in out.iter_mut().zip(rows) {
        let slope = (p - origin) - total;
        let slope = if TARGET_LOSS { slope + of_others } else { slope };
        *out = select_target(label == class, of_target, s * slope);
    }
}

#[inline(always)]
fn gradient_constant<T: Real, const TARGET_LOSS: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    weight: &[T],
    label: &[i32],
    class: i32,
    shared: SharedRows<'_, T>,
) {
    let SharedRows { of_target, of_others, origin, total } = shared;
    let rows = s.iter().zip(label).zip(of_target).zip(of_others).zip(origin).zip(total).zip(weight);
    for (out, ((((((&s, &label), &of_target), &of_others), &origin), &total), &w)) in out.iter_mut().zip(rows)
    {
        let slope = w * ((p - origin) - total);
        let slope = if TARGET_LOSS { slope + of_others } else { slope };
        *out = select_target(label == class, of_target, s * slope);
    }
}

#[inline(always)]
fn gradient_rows<T: Real>(
    out: &mut [T],
    s: &[T],
    p: &[T],
    label: &[i32],
    class: i32,
    shared: SharedRows<'_, T>,
) {
    let SharedRows { of_target, of_others, origin, total } = shared;
    let rows = s.iter().zip(label).zip(of_target).zip(of_others).zip(origin).zip(total).zip(p);
    for (out, ((((((&s, &label), &of_target), &of_others), &origin), &total), &p)) in out.iter_mut().zip(rows)
    {
        let slope = s * ((p - origin) - total);
        *out = slope + select_target(label == class, of_target, s * of_others);
    }
}
