//! The sums of all classes over a tile, for softmax and labels.
//!
//! A voxel contributes to `intersection`, `squared_error_positive` and the losses of its target class only, so these
//! are sums of one row by label. Four classes are computed per traversal of the row.

use crate::array::real::Real;
use crate::checked::{expected, slice_mut, split_mut};
use crate::engine::arena::Plain;
use crate::engine::class_tile::{Span, Tile};
use crate::engine::softmax::scale;
use crate::loss::probability::softmax_complement;
use crate::loss::sums::ClassSums;
use crate::simd::blocks::{
    BLOCK, LANES, add_blocks, block_lanes, blocks, lanes_of, of, row, row_mut, weighted_lanes,
};
use crate::simd::level::{HAS_VECTORS, Kernel, fours};

/// Normalizes the exponentials of a tile to probabilities and adds them to the sums that region losses read.
pub(super) struct AccumulateLabels<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub first_label: i32,
    /// Whether to add the squared errors too.
    pub squares: bool,
    pub sums: &'a mut [ClassSums],
}

impl<T: Real + Plain> Kernel for AccumulateLabels<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, first_label, squares, sums } = self;
        let Tile { span: Span { width, used }, is_unweighted, inputs, gradients, .. } = tile;
        let (width, used) = (*width, *used);
        let weight = row(inputs.weight, 0, width, used);
        let label = row(inputs.label, 0, width, used);
        let inverse = slice_mut(inputs.inverse, 0..used);
        let lanes = slice_mut(gradients.lanes, 0..used);
        let quarter = lanes.len() / 4;
        for (class, sums) in sums.iter_mut().enumerate() {
            let e = row_mut(inputs.probability, class, width, used);
            let lanes = slice_mut(lanes, 0..quarter);
            scale(e, inverse);
            if HAS_VECTORS && *is_unweighted {
                lanes_of(e, lanes);
            } else {
                weighted_lanes(e, weight, lanes);
            }
            add_blocks(lanes, &mut sums.prediction);
        }
        inverse.fill(T::one());

        let products = slice_mut(gradients.loss, 0..used);
        weighted(row(inputs.target_probability, 0, width, used), weight, products);
        add_by_label(products, label, first_label, lanes, sums, |sums| Some(&mut sums.intersection));
        if squares {
            let complement = row(inputs.complement, 0, width, used);
            weighted_squared_error(
                row(inputs.target_probability, 0, width, used),
                complement,
                weight,
                products,
            );
            add_by_label(products, label, first_label, lanes, sums, |sums| {
                Some(&mut sums.squared_error_positive)
            });
            let lanes = slice_mut(lanes, 0..quarter);
            for (class, sums) in sums.iter_mut().enumerate() {
                let probability = row(inputs.probability, class, width, used);
                squared_error_negative_lanes(probability, weight, label, first_label + class as i32, lanes);
                add_blocks(lanes, &mut sums.squared_error_negative);
            }
        }
    }
}

/// Adds each element of a row to one sum of the class of its label, block by block.
pub(in crate::engine) struct AddByLabel<'a, T> {
    pub row: &'a [T],
    pub label: &'a [i32],
    pub first_label: i32,
    /// Buffer for partial sums: the length of the row.
    pub lanes: &'a mut [T],
    pub sums: &'a mut [ClassSums],
    pub to: LabelSum,
}

/// The sum of a class that a row is added to.
#[derive(Clone, Copy)]
pub(in crate::engine) enum LabelSum {
    Target,
    /// `loss_sum` of a term.
    Loss(usize),
}

impl<T: Real> Kernel for AddByLabel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, label, first_label, lanes, sums, to } = self;
        add_by_label(row, label, first_label, lanes, sums, |sums| match to {
            LabelSum::Target => Some(&mut sums.target),
            LabelSum::Loss(slot) => sums.loss_sum.get_mut(slot),
        });
    }
}

/// Adds each element of a row to one sum of the class of its label.
#[inline(always)]
fn add_by_label<T: Real>(
    row: &[T],
    label: &[i32],
    first_label: i32,
    lanes: &mut [T],
    sums: &mut [ClassSums],
    sum_of: impl Fn(&mut ClassSums) -> Option<&mut f64>,
) {
    let quarter = lanes.len() / 4;
    let mut rows = lanes.chunks_exact_mut(quarter.max(1));
    let mut next = || expected(rows.next()).unwrap_or_default();
    let (x, y, z, w) = (next(), next(), next(), next());
    let (by_four, rest) = split_mut(sums, fours(sums.len()));
    let mut class = first_label;
    for [a, b, c, d] in by_four.as_chunks_mut::<4>().0 {
        lanes_of_four(row, label, class, x, y, z, w);
        for (lanes, sums) in [(&*x, a), (&*y, b), (&*z, c), (&*w, d)] {
            sum_of(sums).into_iter().for_each(|sum| add_blocks(lanes, sum));
        }
        class += 4;
    }
    for sums in rest {
        labelled_lanes(row, label, class, x);
        sum_of(sums).into_iter().for_each(|sum| add_blocks(x, sum));
        class += 1;
    }
}

/// Computes the partial sums of each block of `x` over the voxels of a class.
#[inline(always)]
fn labelled_lanes<T: Real>(x: &[T], label: &[i32], class: i32, lanes: &mut [T]) {
    for ((x, l), lanes) in blocks(x).iter().zip(blocks(label)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i).mask(of(l, i) == class));
    }
}

/// The same for four classes, the first of which is `class`.
#[inline(always)]
fn lanes_of_four<T: Real>(
    row: &[T],
    label: &[i32],
    class: i32,
    x: &mut [T],
    y: &mut [T],
    z: &mut [T],
    w: &mut [T],
) {
    let (x, y) = (x.as_chunks_mut::<LANES>().0, y.as_chunks_mut::<LANES>().0);
    let (z, w) = (z.as_chunks_mut::<LANES>().0, w.as_chunks_mut::<LANES>().0);
    let lanes = x.iter_mut().zip(y).zip(z.iter_mut().zip(w));
    for ((row, l), ((x, y), (z, w))) in blocks(row).iter().zip(blocks(label)).zip(lanes) {
        lanes_of_four_in_block(row, l, class, x, y, z, w);
    }
}

#[inline(always)]
fn lanes_of_four_in_block<T: Real>(
    row: &[T; BLOCK],
    label: &[i32; BLOCK],
    class: i32,
    x: &mut [T; LANES],
    y: &mut [T; LANES],
    z: &mut [T; LANES],
    w: &mut [T; LANES],
) {
    for i in 0..LANES {
        let mut sums = [T::zero(); 4];
        for part in 0..BLOCK / LANES {
            let at = part * LANES + i;
            let class_of = label[at] - class;
            sums[0] += row[at].mask(class_of == 0);
            sums[1] += row[at].mask(class_of == 1);
            sums[2] += row[at].mask(class_of == 2);
            sums[3] += row[at].mask(class_of == 3);
        }
        [x[i], y[i], z[i], w[i]] = sums;
    }
}

/// `w·s`
#[inline(always)]
fn weighted<T: Real>(s: &[T], w: &[T], out: &mut [T]) {
    for ((&s, &w), out) in s.iter().zip(w).zip(out) {
        *out = w * s;
    }
}

/// `w·(1 − s)²`
#[inline(always)]
fn weighted_squared_error<T: Real>(s: &[T], of_largest: &[T], w: &[T], out: &mut [T]) {
    for (((&s, &of_largest), &w), out) in s.iter().zip(of_largest).zip(w).zip(out) {
        let complement = softmax_complement(s, of_largest);
        *out = w * (complement * complement);
    }
}

/// Computes the partial sums of `w·s²` over the voxels of other classes.
#[inline(always)]
fn squared_error_negative_lanes<T: Real>(s: &[T], w: &[T], label: &[i32], class: i32, lanes: &mut [T]) {
    let rows = blocks(s).iter().zip(blocks(w)).zip(blocks(label)).zip(lanes.as_chunks_mut::<LANES>().0);
    for (((s, w), l), lanes) in rows {
        *lanes = block_lanes(|i| (of(w, i) * (of(s, i) * of(s, i))).mask(of(l, i) != class));
    }
}
