//! Who runs the tasks of a sweep or of a pass: threads belong to the caller.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A pool of workers, or the calling thread.
///
/// No executor changes a bit of any result. Scratch grows with the number of workers.
pub trait Executor: Sync {
    /// How many tasks may run at once, at least 1; scratch grows with it. No more than 64 are made use of.
    fn workers(&self) -> usize;
    /// Calls `task` with 0, 1, …, `tasks` − 1, in any order, on any threads, and returns when all have returned.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

impl fmt::Debug for dyn Executor + '_ {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Executor of {} workers", self.workers())
    }
}

/// Everything on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn workers(&self) -> usize {
        1
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

/// The most workers that are made use of: one bit each.
pub(crate) const MAX_WORKERS: usize = 64;

/// An executor with a fixed number of workers. Scratch is cut for that number, so an executor whose answers change
/// between two questions must not be asked twice in one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers<'a> {
    executor: &'a dyn Executor,
    count: usize,
}

impl<'a> Workers<'a> {
    /// Asks the executor for its number of workers, the only time in a call.
    pub fn of(executor: &'a dyn Executor) -> Self {
        Self { executor, count: executor.workers().clamp(1, MAX_WORKERS) }
    }
}

impl Executor for Workers<'_> {
    fn workers(&self) -> usize {
        self.count
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.executor.run(tasks, task);
    }
}

/// Runs each of `tasks` ≤ [`MAX_WORKERS`] once, whatever the executor does: a task owns its scratch, so one that is
/// called twice must not run twice, and one that was forgotten is run here.
pub(crate) fn run_once(executor: &dyn Executor, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
    // Words of 32 bits: small cores have no atomics of 64.
    let begun = [const { AtomicU32::new(0) }; MAX_WORKERS / 32];
    let once = |index: usize| {
        let (Some(word), bit) = (begun.get(index / 32), index % 32) else { return };
        if index < tasks && word.fetch_or(1 << bit, Ordering::Relaxed) >> bit & 1 == 0 {
            task(index);
        }
    };
    if tasks > 1 {
        executor.run(tasks, &once);
    }
    (0..tasks).for_each(once);
}

/// Numbers that workers take one after the other, whoever has time: work is shared out as it turns out, not as it was
/// guessed.
pub(crate) struct WorkQueue {
    taken: AtomicUsize,
    count: usize,
}

impl WorkQueue {
    /// The numbers below `count`.
    pub fn new(count: usize) -> Self {
        Self { taken: AtomicUsize::new(0), count }
    }

    /// The next that nobody has.
    pub fn take(&self) -> Option<usize> {
        Some(self.taken.fetch_add(1, Ordering::Relaxed)).filter(|&next| next < self.count)
    }
}

/// The threads of rayon: of the pool that a call is made from, or else of its global one.
#[cfg(feature = "rayon")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Rayon;

#[cfg(feature = "rayon")]
impl Executor for Rayon {
    fn workers(&self) -> usize {
        rayon::current_num_threads()
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};
        (0..tasks).into_par_iter().for_each(task);
    }
}
