//! The sums of a class over a row, and the pull of their slopes on it.

use super::row::{BLOCK, LANES, add_blocks, blocks, lanes_of, weighted_lanes};
use super::simd::Kernel;
use crate::{Real, Tally};

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

/// `p = w·(a + b·g + (s − g)·(m·g + k·(1 − g)))`, with `a`, `b` the slopes of `predicted` and
/// `overlap`, and `m`, `k` twice those of `missed` and `spilled`.
pub(crate) struct MapRegion<'a, T> {
    pub probability: &'a [T],
    pub truth: &'a [T],
    pub weight: &'a [T],
    pub slopes: &'a Tally,
    pub polynomial: &'a mut [T],
}

impl<T: Real> Kernel for MapRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { probability, truth, weight, slopes, polynomial } = self;
        let (a, b) = (T::of(slopes.predicted), T::of(slopes.overlap));
        let (m, k) = (T::of(2.0 * slopes.missed), T::of(2.0 * slopes.spilled));
        if m == T::zero() && k == T::zero() {
            linear(truth, weight, a, b, polynomial);
        } else {
            quadratic(probability, truth, weight, [a, b, m, k], polynomial);
        }
    }
}

#[inline(always)]
fn linear<T: Real>(g: &[T], w: &[T], a: T, b: T, p: &mut [T]) {
    for ((p, &g), &w) in p.iter_mut().zip(g).zip(w) {
        *p = w * (a + b * g);
    }
}

#[inline(always)]
fn quadratic<T: Real>(s: &[T], g: &[T], w: &[T], [a, b, m, k]: [T; 4], p: &mut [T]) {
    for (((p, &s), &g), &w) in p.iter_mut().zip(s).zip(g).zip(w) {
        *p = w * (a + b * g + (s - g) * (m * g + k * (T::one() - g)));
    }
}
