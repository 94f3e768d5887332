//! Probabilities of a tile from its prediction, for any activation.

use crate::array::real::Real;
use crate::engine::arena::Plain;
use crate::engine::class_tile::Tile;
use crate::engine::sigmoid::SigmoidRow;
use crate::engine::softmax::softmax;
use crate::loss::activation::Activation;
use crate::problem::Problem;
use crate::simd::blocks::{copy_row, row, row_mut};
use crate::simd::level::dispatch;

/// Loads the prediction of a tile and computes its probabilities, and for softmax their logarithms and complements.
///
/// # Safety
/// As [`Tile::load_weights`], which has loaded the same voxels.
pub(crate) unsafe fn activate<T: Real + Plain>(
    tile: &mut Tile<'_, T>,
    problem: &Problem<'_>,
    sample: usize,
    start: usize,
) {
    if problem.activation == Activation::Softmax {
        // SAFETY: the caller's promise.
        return unsafe { softmax(tile, problem, sample, start) };
    }
    for class in 0..problem.classes {
        // SAFETY: the caller's promise.
        unsafe { tile.load_prediction(problem, sample, class, start) };
        let logit = row(tile.inputs.logit, class, tile.span.width, tile.span.used);
        let probability = row_mut(tile.inputs.probability, class, tile.span.width, tile.span.used);
        if problem.activation == Activation::Sigmoid {
            dispatch(SigmoidRow { logit, probability });
        } else {
            copy_row(logit, probability);
        }
    }
}
