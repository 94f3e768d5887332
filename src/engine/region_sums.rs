//! The sums of region losses over a row of a class, and the derivatives of the loss through these sums.

use crate::array::real::Real;
use crate::loss::sums::ClassSums;
use crate::loss::voxel::{Contribution, Voxel, VoxelLoss};
use crate::simd::blocks::{LANES, add_blocks, block_lanes, blocks, lanes_of, of, weighted_lanes};
use crate::simd::level::{HAS_VECTORS, Kernel};

/// Adds a row to the sums that region losses read.
///
/// `w·(g·s) ≤ w·s` after rounding too, and all sums run in the same order:
/// `prediction − intersection` and `target − intersection` are never negative.
pub(crate) struct AccumulateRegion<'a, T> {
    pub probability: &'a [T],
    pub target: &'a [T],
    pub weights: &'a [T],
    /// Whether every weight is 1.
    pub is_unweighted: bool,
    /// Whether to add the squared errors too.
    pub squares: bool,
    /// Buffer for the partial sums: a quarter of a row.
    pub lanes: &'a mut [T],
    pub sums: &'a mut ClassSums,
}

impl<T: Real> Kernel for AccumulateRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { probability, target, weights, is_unweighted, squares, lanes, sums } = self;
        let weight = if HAS_VECTORS && is_unweighted { None } else { Some(weights) };
        match weight {
            Some(weight) => weighted_lanes(probability, weight, lanes),
            None => lanes_of(probability, lanes),
        }
        add_blocks(lanes, &mut sums.prediction);
        match weight {
            Some(weight) => intersection_lanes(probability, target, weight, lanes),
            None => weighted_lanes(probability, target, lanes),
        }
        add_blocks(lanes, &mut sums.intersection);
        if squares {
            squared_error_positive_lanes(probability, target, weights, lanes);
            add_blocks(lanes, &mut sums.squared_error_positive);
            squared_error_negative_lanes(probability, target, weights, lanes);
            add_blocks(lanes, &mut sums.squared_error_negative);
        }
    }
}

/// Defines a function that computes the partial sums of each block of a product of three rows.
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
lanes_of_three!(intersection_lanes, "`w·(g·s)`", |s, g, w| w * (g * s));
lanes_of_three!(squared_error_positive_lanes, "`w·g·(s − g)²`", |s, g, w| w * (g * ((s - g) * (s - g))));
lanes_of_three!(squared_error_negative_lanes, "`w·(1 − g)·(s − g)²`", |s, g, w| w
    * ((T::one() - g) * ((s - g) * (s - g))));

/// Computes the derivative by `s` of `prediction` and `intersection`: `p = w·(a + b·g)`, with `a`, `b` their slopes.
pub(crate) struct RegionGradient<'a, T> {
    pub target: &'a [T],
    pub weight: &'a [T],
    pub slopes: &'a ClassSums,
    pub polynomial: &'a mut [T],
}

impl<T: Real> Kernel for RegionGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { target, weight, slopes, polynomial } = self;
        let (a, b) = (T::of(slopes.prediction), T::of(slopes.intersection));
        for ((p, &g), &w) in polynomial.iter_mut().zip(target).zip(weight) {
            *p = w * (a + b * g);
        }
    }
}

/// The slopes of the squared errors, as a voxel loss of all classes: its derivative by `s` is
/// `(s − g)·(m·g + k·(1 − g))`, with `m`, `k` twice the slopes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SquaredErrorSlope {
    positive: f64,
    negative: f64,
}

impl SquaredErrorSlope {
    /// Returns the voxel loss of these slopes, unless both are 0.
    pub fn of(slopes: &ClassSums) -> Option<Self> {
        let ClassSums { squared_error_positive: positive, squared_error_negative: negative, .. } = *slopes;
        (positive != 0.0 || negative != 0.0).then_some(Self { positive, negative })
    }
}

impl VoxelLoss for SquaredErrorSlope {
    const CONTRIBUTION: Contribution = Contribution::AllClasses;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        let (m, k) = (T::of(2.0 * self.positive), T::of(2.0 * self.negative));
        let (error, g) = (voxel.error(), voxel.target);
        let positive = error * g;
        let negative = error * (T::one() - g);
        (error * (positive + negative), m * positive + k * negative)
    }
}
