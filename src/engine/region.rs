//! The sums of a class over a row, and the pull of their slopes on it.

use super::arena::Plain;
use super::labelled::labelled_lanes;
use super::row::{BLOCK, LANES, add_blocks, blocks, lanes_of, row, row_mut, weighted_lanes};
use super::simd::Kernel;
use super::softmax::softmax_complement;
use super::tile::{Span, Tile};
use crate::{Charge, Cost, Real, Tally, Voxel};

/// Adds a row to the sums that region losses are made of.
///
/// `w·(g·s) ≤ w·s` after rounding too, and all sums run in the same order:
/// `predicted − overlap` and `truth − overlap` are never negative.
pub(crate) struct FoldRegion<'a, T> {
    pub probability: &'a [T],
    pub truth: &'a [T],
    pub weights: &'a [T],
    /// Whether every voxel weighs 1.
    pub is_unweighted: bool,
    /// Whether to add up the squares as well.
    pub squares: bool,
    /// A quarter of a row.
    pub lanes: &'a mut [T],
    pub sums: &'a mut Tally,
}

impl<T: Real> Kernel for FoldRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { probability, truth, weights, is_unweighted, squares, lanes, sums } = self;
        let weight = if is_unweighted { None } else { Some(weights) };
        match weight {
            Some(weight) => weighted_lanes(probability, weight, lanes),
            None => lanes_of(probability, lanes),
        }
        add_blocks(lanes, &mut sums.predicted);
        match weight {
            Some(weight) => overlap_lanes(probability, truth, weight, lanes),
            None => weighted_lanes(probability, truth, lanes),
        }
        add_blocks(lanes, &mut sums.overlap);
        if squares {
            missed_lanes(probability, truth, weights, lanes);
            add_blocks(lanes, &mut sums.missed);
            spilled_lanes(probability, truth, weights, lanes);
            add_blocks(lanes, &mut sums.spilled);
        }
    }
}

/// Writes the lanes of a product of three rows.
macro_rules! lanes_of_three {
    ($name:ident, $what:literal, |$s:ident, $g:ident, $w:ident| $product:expr) => {
        #[doc = $what]
        #[inline(always)]
        fn $name<T: Real>(s: &[T], g: &[T], w: &[T], lanes: &mut [T]) {
            let rows = blocks(s).iter().zip(blocks(g)).zip(blocks(w)).zip(lanes.as_chunks_mut::<LANES>().0);
            for (((s, g), w), lanes) in rows {
                for i in 0..LANES {
                    let mut sum = T::zero();
                    for part in 0..BLOCK / LANES {
                        let at = part * LANES + i;
                        let ($s, $g, $w) = (s[at], g[at], w[at]);
                        sum += $product;
                    }
                    lanes[i] = sum;
                }
            }
        }
    };
}
lanes_of_three!(overlap_lanes, "`w·(g·s)`", |s, g, w| w * (g * s));
lanes_of_three!(missed_lanes, "`w·g·(s − g)²`", |s, g, w| w * (g * ((s - g) * (s - g))));
lanes_of_three!(spilled_lanes, "`w·(1 − g)·(s − g)²`", |s, g, w| w
    * ((T::one() - g) * ((s - g) * (s - g))));

/// The same sums of all classes of a tile with labels: a voxel adds to the `overlap` and `missed` of its class.
pub(crate) struct FoldLabelled<'a, 's, T> {
    pub tile: &'a mut Tile<'s, T>,
    pub first_label: i32,
    /// Whether to add up the squares as well.
    pub squares: bool,
    pub sums: &'a mut [Tally],
}

impl<T: Real + Plain> Kernel for FoldLabelled<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { tile, first_label, squares, sums } = self;
        let Tile { span: Span { width, used }, is_unweighted, seen, made, .. } = tile;
        let (width, used) = (*width, *used);
        let weight = row(seen.weight, 0, width, used);
        let label = row(seen.label, 0, width, used);
        let lanes = row_mut(made.lanes, 0, width, used / (BLOCK / LANES));
        let found = row_mut(made.cost, 0, width, used);
        let missed = row_mut(made.work, 0, width, used);
        weighted(row(seen.picked, 0, width, used), weight, found);
        if squares {
            weighted_missed(
                row(seen.picked, 0, width, used),
                row(seen.complement, 0, width, used),
                weight,
                missed,
            );
        }
        for (class, sums) in sums.iter_mut().enumerate() {
            let probability = row(seen.probability, class, width, used);
            let class = first_label + class as i32;
            if *is_unweighted {
                lanes_of(probability, lanes);
            } else {
                weighted_lanes(probability, weight, lanes);
            }
            add_blocks(lanes, &mut sums.predicted);
            labelled_lanes(found, label, class, lanes);
            add_blocks(lanes, &mut sums.overlap);
            if squares {
                labelled_lanes(missed, label, class, lanes);
                add_blocks(lanes, &mut sums.missed);
                spilled_elsewhere(probability, weight, label, class, lanes);
                add_blocks(lanes, &mut sums.spilled);
            }
        }
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
        for i in 0..LANES {
            let mut sum = T::zero();
            for part in 0..BLOCK / LANES {
                let at = part * LANES + i;
                sum += (w[at] * (s[at] * s[at])).masked(l[at] != class);
            }
            lanes[i] = sum;
        }
    }
}

/// The linear part of the slopes of a class: `p = w·(a + b·g)`, with `a`, `b` those of `predicted` and `overlap`.
pub(crate) struct MapRegion<'a, T> {
    pub truth: &'a [T],
    pub weight: &'a [T],
    pub slopes: &'a Tally,
    pub polynomial: &'a mut [T],
}

impl<T: Real> Kernel for MapRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { truth, weight, slopes, polynomial } = self;
        let (a, b) = (T::of(slopes.predicted), T::of(slopes.overlap));
        for ((p, &g), &w) in polynomial.iter_mut().zip(truth).zip(weight) {
            *p = w * (a + b * g);
        }
    }
}

/// The rest of them, as a cost that every class of every voxel pays: its slope is `(s − g)·(m·g + k·(1 − g))`,
/// with `m`, `k` twice those of `missed` and `spilled`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mismatch {
    missed: f64,
    spilled: f64,
}

impl Mismatch {
    /// The cost for these slopes, if they want any.
    pub fn of(slopes: &Tally) -> Option<Self> {
        let Tally { missed, spilled, .. } = *slopes;
        (missed != 0.0 || spilled != 0.0).then_some(Self { missed, spilled })
    }
}

impl Cost for Mismatch {
    const CHARGE: Charge = Charge::Everywhere;

    #[inline(always)]
    fn at<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let (m, k) = (T::of(2.0 * self.missed), T::of(2.0 * self.spilled));
        let (error, g) = (voxel.error(), voxel.truth);
        let missed = error * g;
        let spilled = error * (T::one() - g);
        (error * (missed + spilled), m * missed + k * spilled)
    }
}
