//! The pull-back of softmax over labels.
//!
//! ```text
//! ∂L/∂z_k = s_k·(p_k − Σ_j s_j·p_j) + v·([k is the truth] − s_k)
//! ```
//!
//! `p_k` is the derivative with respect to `s_k`, and `v` that with respect to `ln s` of the truth. Probabilities add up
//! to 1, so `p` may be counted from wherever we like: from that of the class above one half, if there is one. Otherwise
//! its bracket would be a difference of two numbers near `p_k`.
//!
//! ```text
//! origin = p of the class above ½, or 0       t = Σ_j s_j·(p_j − origin)
//! ∂L/∂z_k = s_k·((p_k − origin) − t) + v·([k is the truth] − s_k)
//! ```

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::pass::{BlockRange, GradientOutput};
use crate::engine::precise::Precise;
use crate::engine::softmax_labels::class_slopes::{Labelled, Polynomial};
use crate::engine::softmax_labels::shared_terms::Share;
use crate::engine::tile::{Span, Tile};
use crate::simd::blocks::{copy_row, row, row_mut};
use crate::simd::level::{HAS_VECTORS, Kernel, dispatch};

impl Labelled<'_> {
    /// Writes the gradient of all classes.
    ///
    /// # Safety
    /// As [`Labelled::write`].
    pub unsafe fn write_all<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        step: BlockRange<'_>,
        output: GradientOutput,
    ) {
        if self.is_of_few() {
            // SAFETY: promised by the caller.
            return unsafe { self.write_few(tile, step, output) };
        }
        dispatch(Share { of: self, tile });
        let classes = self.slopes.len();
        if !output.accumulate && output.rows.interleaved(classes, step.sample, step.at).is_some() {
            let Span { width, used } = tile.span;
            for class in 0..classes {
                self.settle(tile, class, None);
                // The logits of the class, or its pull, have done their work.
                let to = row_mut(tile.inputs.logit, class, width, used);
                copy_row(row(tile.gradients.cost, 0, width, used), to);
            }
            let voxels = (step.sample, step.at, tile.len);
            let spare = Some(&mut *tile.inputs.probability).filter(|_| output.streams_in(step));
            // SAFETY: promised by the caller.
            unsafe { output.rows.store_interleaved(classes, voxels, tile.inputs.logit, width, spare) };
            return;
        }
        for class in 0..classes {
            // SAFETY: promised by the caller.
            unsafe { self.write(tile, step, class, output) };
        }
    }

    /// Writes the gradient of a class.
    ///
    /// # Safety
    /// The output is writable, and holds the tile's voxels.
    unsafe fn write<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        step: BlockRange<'_>,
        class: usize,
        output: GradientOutput,
    ) {
        // SAFETY: promised by the caller.
        let direct = unsafe { output.direct::<T>(step, class, tile.len) };
        match direct.filter(|_| !output.streams_in(step)) {
            Some(out) => self.settle(tile, class, Some(out)),
            None => {
                self.settle(tile, class, None);
                let gradient = row(tile.gradients.cost, 0, tile.span.width, tile.len);
                // SAFETY: promised by the caller.
                unsafe { output.write(step, class, gradient) };
            }
        }
    }

    /// The gradient of a class, to `out` or else to `made.cost`.
    fn settle<T: Real + Plain>(&self, tile: &mut Tile<'_, T>, class: usize, out: Option<&mut [T]>) {
        let Span { width, used } = tile.span;
        dispatch(Settle {
            of: self,
            elsewhere: self.predicted(class),
            class: self.first_label + class as i32,
            // A loop of its own is worth its code with vectors only; a weight of 1 changes no bit.
            is_unweighted: HAS_VECTORS && tile.is_unweighted,
            out: out.unwrap_or(row_mut(tile.gradients.cost, 0, width, used)),
            s: row(tile.inputs.probability, class, width, used),
            inverse: row(tile.inputs.inverse, 0, width, used),
            polynomial: row(tile.inputs.logit, class, width, used),
            label: row(tile.inputs.label, 0, width, used),
            weight: row(tile.inputs.weight, 0, width, used),
            shared: Shared {
                truth: row(tile.gradients.positive, 0, width, used),
                charge: row(tile.gradients.negative, 0, width, used),
                origin: row(tile.gradients.largest, 0, width, used),
                total: row(tile.gradients.total, 0, width, used),
            },
        });
    }
}

/// What the gradients of all classes of a voxel are made of.
#[derive(Clone, Copy)]
struct Shared<'a, T> {
    /// The gradient of the true class; with pulls in rows only what is charged of it.
    truth: &'a [T],
    /// What the others are charged for their probability: `−v`.
    charge: &'a [T],
    origin: &'a [T],
    /// `t`
    total: &'a [T],
}

struct Settle<'a, 'o, T> {
    of: &'a Labelled<'a>,
    /// `p` where the class is not the truth, if it is a constant.
    elsewhere: T,
    class: i32,
    is_unweighted: bool,
    out: &'o mut [T],
    /// Probabilities; where nothing pulls on them they may be exponentials.
    s: &'a [T],
    /// What makes probabilities of these.
    inverse: &'a [T],
    polynomial: &'a [T],
    label: &'a [i32],
    weight: &'a [T],
    shared: Shared<'a, T>,
}

impl<T: Real> Kernel for Settle<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { of, elsewhere, class, is_unweighted, out, s, inverse, polynomial, label, weight, shared } =
            self;
        match (of.polynomial, is_unweighted, of.charges) {
            (Polynomial::None, ..) => settle_charges(out, s, inverse, label, class, shared),
            (Polynomial::Linear, false, true) => {
                settle_linear::<T, true>(out, s, elsewhere, weight, label, class, shared)
            }
            (Polynomial::Linear, false, false) => {
                settle_linear::<T, false>(out, s, elsewhere, weight, label, class, shared)
            }
            (Polynomial::Linear, true, true) => {
                settle_unweighted::<T, true>(out, s, elsewhere, label, class, shared)
            }
            (Polynomial::Linear, true, false) => {
                settle_unweighted::<T, false>(out, s, elsewhere, label, class, shared)
            }
            (Polynomial::Rows, ..) => settle_rows(out, s, polynomial, label, class, shared),
        }
    }
}

/// `here` where the label is that of the class.
#[inline(always)]
fn at_truth<T: Real>(is_truth: bool, here: T, elsewhere: T) -> T {
    if is_truth { here } else { elsewhere }
}

#[inline(always)]
fn settle_charges<T: Real>(
    out: &mut [T],
    e: &[T],
    inverse: &[T],
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let known = e.iter().zip(inverse).zip(label).zip(shared.truth).zip(shared.charge);
    for (out, ((((&e, &inverse), &label), &truth), &charge)) in out.iter_mut().zip(known) {
        *out = at_truth(label == class, truth, e * inverse * charge);
    }
}

#[inline(always)]
fn settle_unweighted<T: Real, const CHARGES: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total);
    for (out, (((((&s, &label), &truth), &charge), &origin), &total)) in out.iter_mut().zip(known) {
        let pull = (p - origin) - total;
        let pull = if CHARGES { pull + charge } else { pull };
        *out = at_truth(label == class, truth, s * pull);
    }
}

#[inline(always)]
fn settle_linear<T: Real, const CHARGES: bool>(
    out: &mut [T],
    s: &[T],
    p: T,
    weight: &[T],
    label: &[i32],
    class: i32,
    shared: Shared<'_, T>,
) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total).zip(weight);
    for (out, ((((((&s, &label), &truth), &charge), &origin), &total), &w)) in out.iter_mut().zip(known) {
        let pull = w * ((p - origin) - total);
        let pull = if CHARGES { pull + charge } else { pull };
        *out = at_truth(label == class, truth, s * pull);
    }
}

#[inline(always)]
fn settle_rows<T: Real>(out: &mut [T], s: &[T], p: &[T], label: &[i32], class: i32, shared: Shared<'_, T>) {
    let Shared { truth, charge, origin, total } = shared;
    let known = s.iter().zip(label).zip(truth).zip(charge).zip(origin).zip(total).zip(p);
    for (out, ((((((&s, &label), &truth), &charge), &origin), &total), &p)) in out.iter_mut().zip(known) {
        let pull = s * ((p - origin) - total);
        *out = pull + at_truth(label == class, truth, s * charge);
    }
}
