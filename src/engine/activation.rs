//! From what was predicted to probabilities.

use super::row::{row, row_mut};
use super::sigmoid::Sigmoid;
use super::simd::dispatch;
use super::softmax::softmax;
use super::tile::Tile;
use crate::engine::arena::Plain;
use crate::{Activation, Real};

/// Fills the probabilities of a loaded tile, and what the costs need besides.
pub(crate) fn activate<T: Real + Plain>(tile: &mut Tile<'_, T>, activation: Activation, classes: usize) {
    match activation {
        Activation::Softmax => softmax(tile, classes),
        Activation::Sigmoid => {
            for class in 0..classes {
                let logit = row(tile.seen.logit, class, tile.span.width, tile.span.used);
                let probability = row_mut(tile.seen.probability, class, tile.span.width, tile.span.used);
                dispatch(Sigmoid { logit, probability });
            }
        }
        Activation::Probability | Activation::ProbabilityPerClass => {
            for class in 0..classes {
                let given = row(tile.seen.logit, class, tile.span.width, tile.span.used);
                for (to, from) in row_mut(tile.seen.probability, class, tile.span.width, tile.span.used)
                    .iter_mut()
                    .zip(given)
                {
                    *to = *from;
                }
            }
        }
    }
}
