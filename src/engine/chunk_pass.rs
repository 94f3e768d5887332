//! One pass over one chunk.

use crate::engine::chunks::Chunk;
use crate::engine::pass::{BlockRange, ChunkWork, Pass};
use crate::engine::plan::{is_labelled, is_labelled_sigmoid};
use crate::engine::precise::Precise;
use crate::engine::tile::Tile;
use crate::loss::sums::{ClassSums, MAX_TERMS};
use crate::simd::stream::fence;

impl Pass<'_> {
    /// Sweeps one chunk; adds to `sums`, a tally per class.
    ///
    /// # Safety
    /// The arrays of the plan and the fields are readable, the output writable, as their shapes say.
    pub unsafe fn chunk<T: Precise>(
        &self,
        tile: &mut Tile<'_, T>,
        sums: &mut [ClassSums],
        Chunk { sample, start, end }: Chunk,
        task: ChunkWork<'_>,
    ) {
        let ChunkWork { accumulates: folds, map, cache: parking, is_cached: parked } = task;
        let is_softmax = is_labelled(self.plan, self.terms, &self.fields);
        let is_sigmoid = is_labelled_sigmoid(self.plan, self.terms);
        for (at, len) in tile.spans(start, end) {
            let step = BlockRange { sample, at, folds, map, parking, parked };
            // SAFETY: promised by the caller; the spans lie in the sample.
            unsafe {
                tile.open(self.plan, sample, at, len);
                if is_softmax {
                    self.labelled(tile, sums, step);
                } else if is_sigmoid {
                    self.labelled_sigmoid(tile, sums, step);
                } else {
                    self.general(tile, sums, step);
                }
            }
        }
        // What was charged is of all classes.
        let charged = sums.first().map_or([0.0; MAX_TERMS], |first| first.loss_weight);
        sums.iter_mut().for_each(|class| class.loss_weight = charged);
        if map.map(|(_, output)| output).or(parking).is_some_and(|output| output.streams) {
            fence();
        }
    }
}
