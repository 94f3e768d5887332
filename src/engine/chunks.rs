//! Runs a function on all chunks of a batch, on several threads, and collects the sums of the chunks in order: the
//! number of threads changes no bit of the result.

use crate::checked::expected;
use crate::engine::arena::Arena;
use crate::engine::kernel::strip::{OptionalRows, Strip};
use crate::engine::precise::Precise;
use crate::error::Error;
use crate::executor::{WorkQueue, run_once};
use crate::loss::sums::ClassSums;
use crate::problem::Problem;
use core::ops::Range;

/// Voxels per chunk: its sums are added in order to the class sums.
pub(crate) const CHUNK: usize = 16384;
/// Chunks that are computed before their sums are collected: each has its own sums in scratch.
const CHUNKS_AT_ONCE: usize = 64;

/// Some neighbouring voxels of a sample that are summed separately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub sample: usize,
    pub start: usize,
    pub end: usize,
}

/// The buffers of several workers: a strip per worker, and sums per chunk.
pub(crate) struct WorkerBuffers<'s> {
    /// The size of the strip of a worker in bytes.
    strip_len: usize,
    strips: &'s mut [u8],
    sums: &'s mut [ClassSums],
}

impl<'s> WorkerBuffers<'s> {
    pub fn new<T: Precise>(
        problem: &Problem<'_>,
        optional_rows: OptionalRows,
        arena: &mut Arena<'s>,
    ) -> Result<Option<Self>, Error> {
        let workers = problem.workers();
        if workers < 2 {
            return Ok(None);
        }
        let mut measured = Arena::measure();
        Strip::<T>::new(&mut measured, problem.classes, optional_rows)?;
        let strip_len = measured.needed();
        let strips = arena.take(strip_len.saturating_mul(workers))?;
        Ok(Some(Self {
            strip_len,
            strips,
            sums: arena.take(problem.classes.saturating_mul(CHUNKS_AT_ONCE))?,
        }))
    }
}

/// Computes a chunk with a strip, and adds to its sums, one entry per class.
pub(crate) type ComputeChunk<'w, T> = dyn Fn(&mut Strip<'_, T>, &mut [ClassSums], Chunk) + 'w;

/// Receives the sums of a chunk.
pub(crate) type CollectSums<'h> = dyn FnMut(&[ClassSums], Chunk) -> Result<(), Error> + 'h;

/// Runs a function on the chunks of a problem.
pub(crate) struct ChunkRunner<'g, 's, T> {
    pub problem: &'g Problem<'g>,
    pub optional_rows: OptionalRows,
    /// The strip of the calling thread.
    pub strip: &'g mut Strip<'s, T>,
    /// The sums of the current chunk of the calling thread.
    pub sums: &'g mut [ClassSums],
    pub worker_buffers: &'g mut Option<WorkerBuffers<'s>>,
}

impl<T: Precise> ChunkRunner<'_, '_, T> {
    /// Calls `compute` for every chunk of these samples, in any order and on any worker, with sums that start at zero.
    /// Calls `collect` with the sums of each chunk, in order, until it returns an error.
    ///
    /// # Safety
    /// `compute` may run on several threads at once: besides its strip and sums it writes only what belongs to its
    /// chunk.
    pub unsafe fn each(
        self,
        samples: Range<usize>,
        compute: &ComputeChunk<'_, T>,
        collect: &mut CollectSums<'_>,
    ) -> Result<(), Error> {
        let Self { problem, optional_rows, strip, sums, worker_buffers } = self;
        let per_sample = problem.voxels.div_ceil(CHUNK);
        let chunk = |index: usize| {
            let sample = samples.start + index.checked_div(per_sample).unwrap_or(0);
            let start = (index - (sample - samples.start) * per_sample) * CHUNK;
            Chunk { sample, start, end: problem.voxels.min(start + CHUNK) }
        };
        let all = samples.len() * per_sample;
        let Some(WorkerBuffers { strip_len, strips, sums: batch_sums }) =
            worker_buffers.as_mut().filter(|_| all > 1)
        else {
            for index in 0..all {
                sums.fill(ClassSums::ZERO);
                compute(strip, sums, chunk(index));
                collect(sums, chunk(index))?;
            }
            return Ok(());
        };
        let mut first = 0;
        while first < all {
            let count = CHUNKS_AT_ONCE.min(all - first);
            let tasks = problem.workers().min(count);
            let (strips, sums) = (strips.as_mut_ptr(), batch_sums.as_mut_ptr());
            let queue = WorkQueue::new(count);
            let task = SharedTask(|task: usize| {
                // SAFETY: there is one strip per worker, and `run_once` runs each task once.
                let mut arena = unsafe { Arena::over(strips.wrapping_add(task * *strip_len), *strip_len) };
                // The size was measured.
                let strip = Strip::new(&mut arena, problem.classes, optional_rows);
                let Some(mut strip) = expected(strip.ok()) else { return };
                while let Some(index) = queue.take() {
                    let sums = sums.wrapping_add(index * problem.classes);
                    // SAFETY: the buffer has sums for each chunk, and the queue hands out each chunk once.
                    let sums = unsafe { core::slice::from_raw_parts_mut(sums, problem.classes) };
                    sums.fill(ClassSums::ZERO);
                    compute(&mut strip, sums, chunk(first + index));
                }
            });
            run_once(&problem.executor, tasks, &|index| (task.get())(index));
            for (index, sums) in batch_sums.chunks_exact(problem.classes.max(1)).take(count).enumerate() {
                collect(sums, chunk(first + index))?;
            }
            first += count;
        }
        Ok(())
    }
}

/// A function that several threads may call at once.
struct SharedTask<T>(T);

// SAFETY: the caller of `ChunkRunner::each` promises that tasks write only to their own chunks, strips and sums. They
// read arrays of the caller, and losses, which are `Sync`.
unsafe impl<T> Sync for SharedTask<T> {}

impl<T> SharedTask<T> {
    fn get(&self) -> &T {
        &self.0
    }
}
