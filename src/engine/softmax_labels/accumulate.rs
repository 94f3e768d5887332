//! The sums of a tile of labels, of all classes.
//!
//! A voxel adds to the `overlap`, the `missed` and the costs of its own class alone, so these are sums of one row by
//! label. Four classes at a time read it once.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::softmax::{scale, upto};
use crate::engine::tile::{Span, Tile};
use crate::loss::probability::softmax_complement;
use crate::loss::sums::ClassSums;
use crate::simd::blocks::{
    BLOCK, LANES, add_blocks, block_lanes, blocks, lanes_of, of, row, row_mut, weighted_lanes,
};
use crate::simd::level::{HAS_VECTORS, Kernel, fours};

/// Makes probabilities of the exponentials of a tile, and adds up what region losses are made of.
pub(super) struct FoldLabelled<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub first_label: i32,
    /// Whether to add up the squares as well.
    pub squares: bool,
    pub sums: &'a mut [ClassSums],
}

impl<T: Real + Plain> Kernel for FoldLabelled<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, first_label, squares, sums } = self;
        let Tile { span: Span { width, used }, is_unweighted, inputs: seen, gradients: made, .. } = tile;
        let (width, used) = (*width, *used);
        let weight = row(seen.weight, 0, width, used);
        let label = row(seen.label, 0, width, used);
        let inverse = upto(seen.inverse, &used);
        let lanes = upto(made.lanes, &used);
        let quarter = lanes.len() / 4;
        for (class, sums) in sums.iter_mut().enumerate() {
            let e = row_mut(seen.probability, class, width, used);
            let lanes = lanes.get_mut(..quarter).unwrap_or(&mut []);
            scale(e, inverse);
            if HAS_VECTORS && *is_unweighted {
                lanes_of(e, lanes);
            } else {
                weighted_lanes(e, weight, lanes);
            }
            add_blocks(lanes, &mut sums.prediction);
        }
        inverse.fill(T::one());

        let found = upto(made.cost, &used);
        weighted(row(seen.target_probability, 0, width, used), weight, found);
        add_by_label(found, label, first_label, lanes, sums, |sums| Some(&mut sums.intersection));
        if squares {
            let complement = row(seen.complement, 0, width, used);
            weighted_missed(row(seen.target_probability, 0, width, used), complement, weight, found);
            add_by_label(found, label, first_label, lanes, sums, |sums| {
                Some(&mut sums.squared_error_positive)
            });
            let lanes = lanes.get_mut(..quarter).unwrap_or(&mut []);
            for (class, sums) in sums.iter_mut().enumerate() {
                let probability = row(seen.probability, class, width, used);
                spilled_elsewhere(probability, weight, label, first_label + class as i32, lanes);
                add_blocks(lanes, &mut sums.squared_error_negative);
            }
        }
    }
}

/// Adds a row to one sum of each voxel's class, block by block.
pub(in crate::engine) struct AddByLabel<'a, T> {
    pub row: &'a [T],
    pub label: &'a [i32],
    pub first_label: i32,
    /// As long as the row.
    pub lanes: &'a mut [T],
    pub sums: &'a mut [ClassSums],
    pub to: Sum,
}

/// Which sum of a class.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Sum {
    Truth,
    /// The cost of a slot.
    Cost(usize),
}

impl<T: Real> Kernel for AddByLabel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { row, label, first_label, lanes, sums, to } = self;
        add_by_label(row, label, first_label, lanes, sums, |sums| match to {
            Sum::Truth => Some(&mut sums.target),
            Sum::Cost(slot) => sums.loss_sum.get_mut(slot),
        });
    }
}

/// Adds a row to one sum of each voxel's class.
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
    let mut next = || rows.next().unwrap_or_default();
    let (x, y, z, w) = (next(), next(), next(), next());
    let (by_four, rest) = sums.split_at_mut_checked(fours(sums.len())).unwrap_or_default();
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

/// The lanes of each block of `x`, where the label is that of a class.
#[inline(always)]
fn labelled_lanes<T: Real>(x: &[T], label: &[i32], class: i32, lanes: &mut [T]) {
    for ((x, l), lanes) in blocks(x).iter().zip(blocks(label)).zip(lanes.as_chunks_mut::<LANES>().0) {
        *lanes = block_lanes(|i| of(x, i).mask(of(l, i) == class));
    }
}

/// The same of four classes, the first of which is `class`.
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
fn weighted_missed<T: Real>(s: &[T], of_largest: &[T], w: &[T], out: &mut [T]) {
    for (((&s, &of_largest), &w), out) in s.iter().zip(of_largest).zip(w).zip(out) {
        let complement = softmax_complement(s, of_largest);
        *out = w * (complement * complement);
    }
}

/// The lanes of `w·s²` where the label is not that of a class.
#[inline(always)]
fn spilled_elsewhere<T: Real>(s: &[T], w: &[T], label: &[i32], class: i32, lanes: &mut [T]) {
    let rows = blocks(s).iter().zip(blocks(w)).zip(blocks(label)).zip(lanes.as_chunks_mut::<LANES>().0);
    for (((s, w), l), lanes) in rows {
        *lanes = block_lanes(|i| (of(w, i) * (of(s, i) * of(s, i))).mask(of(l, i) != class));
    }
}
