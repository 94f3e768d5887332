//! From what was predicted to probabilities.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::sigmoid::Sigmoid;
use crate::engine::softmax::softmax;
use crate::engine::tile::Tile;
use crate::loss::activation::Activation;
use crate::problem::Problem;
use crate::simd::blocks::{row, row_mut};
use crate::simd::level::dispatch;

/// Reads the prediction of an opened tile and fills its probabilities, and what the costs need besides.
///
/// # Safety
/// As [`Tile::open`], which came before with the same voxels.
pub(crate) unsafe fn activate<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    plan: &Problem<'_>,
    sample: usize,
    at: usize,
) {
    if plan.activation == Activation::Softmax {
        // SAFETY: promised by the caller.
        return unsafe { softmax(tile, plan, sample, at) };
    }
    for class in 0..plan.classes {
        // SAFETY: promised by the caller.
        unsafe { tile.load(plan, sample, class, at) };
        let logit = row(tile.inputs.logit, class, tile.span.width, tile.span.used);
        let probability = row_mut(tile.inputs.probability, class, tile.span.width, tile.span.used);
        if plan.activation == Activation::Sigmoid {
            dispatch(Sigmoid { logit, probability });
        } else {
            for (to, from) in probability.iter_mut().zip(logit) {
                *to = *from;
            }
        }
    }
}
