//! The sums of a class over a row, and the pull of their slopes on it.

use crate::array::real::Real;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::simd::blocks::{LANES, add_blocks, block_lanes, blocks, lanes_of, of, weighted_lanes};
use crate::simd::level::{HAS_VECTORS, Kernel};

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
    pub sums: &'a mut ClassSums,
}

impl<T: Real> Kernel for FoldRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { probability, truth, weights, is_unweighted, squares, lanes, sums } = self;
        let weight = if HAS_VECTORS && is_unweighted { None } else { Some(weights) };
        match weight {
            Some(weight) => weighted_lanes(probability, weight, lanes),
            None => lanes_of(probability, lanes),
        }
        add_blocks(lanes, &mut sums.prediction);
        match weight {
            Some(weight) => overlap_lanes(probability, truth, weight, lanes),
            None => weighted_lanes(probability, truth, lanes),
        }
        add_blocks(lanes, &mut sums.intersection);
        if squares {
            missed_lanes(probability, truth, weights, lanes);
            add_blocks(lanes, &mut sums.squared_error_positive);
            spilled_lanes(probability, truth, weights, lanes);
            add_blocks(lanes, &mut sums.squared_error_negative);
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
                *lanes = block_lanes(|i| {
                    let ($s, $g, $w) = (of(s, i), of(g, i), of(w, i));
                    $product
                });
            }
        }
    };
}
lanes_of_three!(overlap_lanes, "`w·(g·s)`", |s, g, w| w * (g * s));
lanes_of_three!(missed_lanes, "`w·g·(s − g)²`", |s, g, w| w * (g * ((s - g) * (s - g))));
lanes_of_three!(spilled_lanes, "`w·(1 − g)·(s − g)²`", |s, g, w| w
    * ((T::one() - g) * ((s - g) * (s - g))));

/// The linear part of the slopes of a class: `p = w·(a + b·g)`, with `a`, `b` those of `predicted` and `overlap`.
pub(crate) struct MapRegion<'a, T> {
    pub truth: &'a [T],
    pub weight: &'a [T],
    pub slopes: &'a ClassSums,
    pub polynomial: &'a mut [T],
}

impl<T: Real> Kernel for MapRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { truth, weight, slopes, polynomial } = self;
        let (a, b) = (T::of(slopes.prediction), T::of(slopes.intersection));
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
    pub fn of(slopes: &ClassSums) -> Option<Self> {
        let ClassSums { squared_error_positive: missed, squared_error_negative: spilled, .. } = *slopes;
        (missed != 0.0 || spilled != 0.0).then_some(Self { missed, spilled })
    }
}

impl VoxelLoss for Mismatch {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let (m, k) = (T::of(2.0 * self.missed), T::of(2.0 * self.spilled));
        let (error, g) = (voxel.error(), voxel.target);
        let missed = error * g;
        let spilled = error * (T::one() - g);
        (error * (missed + spilled), m * missed + k * spilled)
    }
}
