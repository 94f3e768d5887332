//! Who runs the tasks of a pass.

use core::sync::atomic::{AtomicU32, Ordering};

/// A pool of workers, or the calling thread.
pub trait Executor: Sync {
    /// How many tasks may run at once, at least 1; scratch grows with it. No more than 64 are made use of.
    fn workers(&self) -> usize;
    /// Calls `task` with 0, 1, …, `tasks` − 1, in any order, on any threads, and returns when all have returned.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// Everything on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

impl Executor for Here {
    fn workers(&self) -> usize {
        1
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

/// The most workers that are made use of: one bit each.
pub const MAX_WORKERS: usize = 64;

/// Runs each of `tasks` ≤ [`MAX_WORKERS`] once, whatever the executor does: a task owns its scratch, so one that is
/// called twice must not run twice, and one that was forgotten is run here.
pub fn run_once(executor: &dyn Executor, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
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
