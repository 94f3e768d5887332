//! Chunks of a batch on several threads: tasks take them in waves, and what they found is added up in order, so that no
//! number of threads changes a bit.

use crate::array::real::Real;
use crate::engine::arena::{Arena, Plain};
use crate::engine::tile::{OptionalRows, Tile};
use crate::error::Error;
use crate::executor::{WorkQueue, run_once};
use crate::loss::sums::ClassSums;
use crate::problem::Problem;
use crate::simd::blocks::CHUNK;
use core::ops::Range;

/// Chunks of a wave: each has its sums in scratch until they are added up.
const CHUNKS_AT_ONCE: usize = 64;

/// Some neighbouring voxels of a sample, whose sums are added up by themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub sample: usize,
    pub start: usize,
    pub end: usize,
}

/// What a wave is worked with, if several tasks may run at once: a tile for each, and sums for each chunk.
pub(crate) struct WorkerBuffers<'s> {
    /// Bytes of a worker's tile.
    slot: usize,
    slots: &'s mut [u8],
    sums: &'s mut [ClassSums],
}

impl<'s> WorkerBuffers<'s> {
    pub fn new<T: Real + Plain>(
        plan: &Problem<'_>,
        extras: OptionalRows,
        arena: &mut Arena<'s>,
    ) -> Result<Option<Self>, Error> {
        let workers = plan.workers();
        if workers < 2 {
            return Ok(None);
        }
        let mut measured = Arena::measure();
        Tile::<T>::new(&mut measured, plan.classes, extras)?;
        let slot = measured.needed();
        let slots = arena.take(slot.saturating_mul(workers))?;
        Ok(Some(Self { slot, slots, sums: arena.take(plan.classes.saturating_mul(CHUNKS_AT_ONCE))? }))
    }
}

/// What is done for a chunk.
pub(crate) type Work<'w, T> = dyn Fn(&mut Tile<'_, T>, &mut [ClassSums], Chunk) + 'w;

/// What is done with its sums.
pub(crate) type Collect<'h> = dyn FnMut(&[ClassSums], Chunk) -> Result<(), Error> + 'h;

/// Who works on the chunks of a batch.
pub(crate) struct ChunkRunner<'g, 's, T> {
    pub plan: &'g Problem<'g>,
    pub extras: OptionalRows,
    /// Those of the calling thread.
    pub tile: &'g mut Tile<'s, T>,
    pub sums: &'g mut [ClassSums],
    pub crew: &'g mut Option<WorkerBuffers<'s>>,
}

impl<T: Real + Plain> ChunkRunner<'_, '_, T> {
    /// Does `work` for every chunk of these samples, in any order and on any threads, with sums that start at zero;
    /// then hands on the sums, in order, until that refuses some.
    ///
    /// # Safety
    /// `work` writes nothing that belongs to another chunk, but its tile and sums.
    pub unsafe fn each(
        self,
        samples: Range<usize>,
        work: &Work<'_, T>,
        hand_on: &mut Collect<'_>,
    ) -> Result<(), Error> {
        let Self { plan, extras, tile, sums, crew } = self;
        let per_sample = plan.voxels.div_ceil(CHUNK);
        let chunk = |index: usize| {
            let sample = samples.start + index.checked_div(per_sample).unwrap_or(0);
            let start = (index - (sample - samples.start) * per_sample) * CHUNK;
            Chunk { sample, start, end: plan.voxels.min(start + CHUNK) }
        };
        let all = samples.len() * per_sample;
        let Some(WorkerBuffers { slot, slots, sums: wave }) = crew.as_mut().filter(|_| all > 1) else {
            for index in 0..all {
                sums.fill(ClassSums::ZERO);
                work(tile, sums, chunk(index));
                hand_on(sums, chunk(index))?;
            }
            return Ok(());
        };
        let mut first = 0;
        while first < all {
            let count = CHUNKS_AT_ONCE.min(all - first);
            let tasks = plan.workers().min(count);
            let (slots, sums) = (slots.as_mut_ptr(), wave.as_mut_ptr());
            let deal = WorkQueue::new(count);
            let task = SharedTask(|task: usize| {
                // SAFETY: a slot for each worker, and each task has its own, once; see `run_once`.
                let mut arena = unsafe { Arena::over(slots.wrapping_add(task * *slot), *slot) };
                // There is room: it was measured.
                let Ok(mut tile) = Tile::new(&mut arena, plan.classes, extras) else { return };
                while let Some(index) = deal.take() {
                    let sums = sums.wrapping_add(index * plan.classes);
                    // SAFETY: the wave has sums for each chunk, and each is dealt out once.
                    let sums = unsafe { core::slice::from_raw_parts_mut(sums, plan.classes) };
                    sums.fill(ClassSums::ZERO);
                    work(&mut tile, sums, chunk(first + index));
                }
            });
            run_once(&plan.executor, tasks, &|index| (task.get())(index));
            for (index, sums) in wave.chunks_exact(plan.classes.max(1)).take(count).enumerate() {
                hand_on(sums, chunk(first + index))?;
            }
            first += count;
        }
        Ok(())
    }
}

/// A task that several threads may run at once.
struct SharedTask<T>(T);

// SAFETY: of `Gang::each`: tasks read what they share, arrays of the caller and forms, which are Sync; each writes to a
// slot, to sums and to voxels of its own.
unsafe impl<T> Sync for SharedTask<T> {}

impl<T> SharedTask<T> {
    fn get(&self) -> &T {
        &self.0
    }
}
