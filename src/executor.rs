//! Executors: how the caller's threads run the tasks of the library. The library starts no threads.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Runs tasks on the calling thread or on a thread pool.
///
/// Results have the same bits with every executor and every number of workers.
///
/// ```
/// use segloss::{Activation, Batch, Dice, Executor, Term, View, evaluate, scratch_len};
///
/// /// One new thread per task.
/// struct Threads(usize);
///
/// impl Executor for Threads {
///     fn workers(&self) -> usize {
///         self.0
///     }
///     fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
///         std::thread::scope(|scope| {
///             for index in 0..tasks {
///                 scope.spawn(move || task(index));
///             }
///         });
///     }
/// }
///
/// let (logits, labels) = (vec![0.5f32; 2 * 40_000], vec![1u8; 40_000]);
/// let prediction = View::new(&logits, &[1, 2, 200, 200])?;
/// let target = View::new(&labels, &[1, 200, 200])?;
/// let dice = Dice::default();
/// let terms = [Term::new(1.0, &dice)];
/// let value = |batch: &Batch<'_>| evaluate(batch, &terms, &mut vec![0; scratch_len(batch, &terms)?]);
///
/// let sequential = Batch::new(prediction, Activation::Softmax, target);
/// let parallel = Batch { executor: &Threads(2), ..sequential };
/// assert_eq!(value(&sequential)?, value(&parallel)?);
/// # Ok::<(), segloss::Error>(())
/// ```
pub trait Executor: Sync {
    /// Returns the maximum number of tasks that run at once, at least 1. Scratch grows with it; at most 64 workers
    /// are used.
    fn workers(&self) -> usize;
    /// Calls `task` once with each of 0, 1, …, `tasks` − 1, in any order and on any threads, and returns when all calls
    /// have returned.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

impl fmt::Debug for dyn Executor + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Executor of {} workers", self.workers())
    }
}

/// Runs all tasks on the calling thread, in order: the default executor of a [`Batch`](crate::batch::Batch).
///
/// ```
/// use segloss::{Executor, Sequential};
///
/// let sum = std::sync::atomic::AtomicUsize::new(0);
/// Sequential.run(4, &|index| {
///     sum.fetch_add(index, std::sync::atomic::Ordering::Relaxed);
/// });
/// assert_eq!((sum.into_inner(), Sequential.workers()), (6, 1));
/// ```
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

/// The maximum number of workers used: [`run_once`] keeps one bit per task.
pub(crate) const MAX_WORKERS: usize = 64;

/// An executor with a fixed number of workers. Scratch is partitioned by that number, so it is read once per call: a
/// second `workers()` may return another number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers<'a> {
    executor: &'a dyn Executor,
    count: usize,
}

impl<'a> Workers<'a> {
    /// Reads the number of workers of an executor. Called once per call of a public function.
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

/// Runs each of `tasks` ≤ [`MAX_WORKERS`] exactly once, even with an incorrect executor. A task owns its part of the
/// scratch, so a second call of a task returns at once; a task that the executor did not call runs here.
pub(crate) fn run_once(executor: &dyn Executor, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
    // 32-bit words: some embedded targets have no 64-bit atomics.
    let started = [const { AtomicU32::new(0) }; MAX_WORKERS / 32];
    let once = |index: usize| {
        let (Some(word), bit) = (started.get(index / 32), index % 32) else { return };
        if index < tasks && word.fetch_or(1 << bit, Ordering::Relaxed) >> bit & 1 == 0 {
            task(index);
        }
    };
    if tasks > 1 {
        executor.run(tasks, &once);
    }
    (0..tasks).for_each(once);
}

/// A shared work counter: each worker takes the next index when it has finished its last one (dynamic scheduling).
pub(crate) struct WorkQueue {
    taken: AtomicUsize,
    count: usize,
}

impl WorkQueue {
    /// Creates a counter of the indices `0..count`.
    pub fn new(count: usize) -> Self {
        Self { taken: AtomicUsize::new(0), count }
    }

    /// Returns the next index that no worker has taken, or `None` if all are taken.
    pub fn take(&self) -> Option<usize> {
        Some(self.taken.fetch_add(1, Ordering::Relaxed)).filter(|&next| next < self.count)
    }
}

/// Runs tasks on rayon: in the pool that the call is made from, otherwise in the global pool. Needs the feature
/// `rayon`.
///
/// ```
/// use segloss::{Executor, Rayon};
///
/// assert!(Rayon.workers() >= 1);
/// ```
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
