//! The sums of a class over a row, and the pull of their slopes on it.

use super::row::{BLOCK, block_sum, blocks, blocks_mut};
use super::simd::Kernel;
use crate::{Real, Tally};

/// Adds a row to the sums that region losses are made of.
///
/// `w·(g·s) ≤ w·s` after rounding too, and all sums run in the same order:
/// `predicted − overlap` and `truth − overlap` are never negative.
pub(crate) struct FoldRegion<'a, T> {
    pub probability: &'a [T],
    pub truth: &'a [T],
    pub weight: &'a [T],
    /// Whether to add up the squares as well.
    pub squares: bool,
    pub sums: &'a mut Tally,
}

impl<T: Real> Kernel for FoldRegion<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { probability, truth, weight, squares, sums } = self;
        let rows = || blocks(probability).iter().zip(blocks(truth)).zip(blocks(weight));
        for ((s, g), w) in rows() {
            let (mut predicted, mut overlap) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
            for i in 0..BLOCK {
                predicted[i] = w[i] * s[i];
                overlap[i] = w[i] * (g[i] * s[i]);
            }
            sums.predicted += block_sum(&predicted);
            sums.overlap += block_sum(&overlap);
        }
        if !squares {
            return;
        }
        for ((s, g), w) in rows() {
            let (mut missed, mut spilled) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
            for i in 0..BLOCK {
                let error = s[i] - g[i];
                missed[i] = w[i] * (g[i] * (error * error));
                spilled[i] = w[i] * ((T::one() - g[i]) * (error * error));
            }
            sums.missed += block_sum(&missed);
            sums.spilled += block_sum(&spilled);
        }
    }
}

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
        let linear = m == T::zero() && k == T::zero();
        let rows = blocks(probability).iter().zip(blocks(truth)).zip(blocks(weight));
        for (p, ((s, g), w)) in blocks_mut(polynomial).iter_mut().zip(rows) {
            if linear {
                for i in 0..BLOCK {
                    p[i] = w[i] * (a + b * g[i]);
                }
            } else {
                for i in 0..BLOCK {
                    let error = s[i] - g[i];
                    p[i] = w[i] * (a + b * g[i] + error * (m * g[i] + k * (T::one() - g[i])));
                }
            }
        }
    }
}
