//! Executors of every habit that a caller may have.

use crate::config::Workers;
use crate::source::Numbers;
use segloss::{Executor, Sequential};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The maximum number of workers of all executors here: scratch for it is sufficient for all.
const MOST: usize = 7;

/// An executor with the most workers, for the size of scratch only.
pub struct Most;

impl Executor for Most {
    fn workers(&self) -> usize {
        MOST
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

pub fn executor(workers: Workers) -> Box<dyn Executor> {
    match workers {
        Workers::Sequential => Box::new(Sequential),
        Workers::Threads(count) => Box::new(Threads(count)),
        Workers::Backwards => Box::new(Careless(1)),
        Workers::Twice => Box::new(Careless(2)),
        Workers::Lazy => Box::new(Careless(0)),
        Workers::Changing => Box::new(Changing(AtomicUsize::new(0))),
    }
}

/// As many threads as workers, tasks assigned in turn.
struct Threads(usize);

impl Executor for Threads {
    fn workers(&self) -> usize {
        self.0
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            for first in 1..self.0.min(tasks) {
                scope.spawn(move || (first..tasks).step_by(self.0).for_each(task));
            }
            (0..tasks).step_by(self.0).for_each(task);
        });
    }
}

/// Calls each task a configured number of times, from the last to the first.
struct Careless(usize);

impl Executor for Careless {
    fn workers(&self) -> usize {
        3
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..self.0).for_each(|_| (0..tasks).rev().for_each(task));
    }
}

/// Returns a different number of workers at each query.
struct Changing(AtomicUsize);

impl Executor for Changing {
    fn workers(&self) -> usize {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        1 + Numbers::new(5, 5).below(asked, MOST)
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}
