//! Small cases of every loss, of the distance transform and of the C functions, for Miri: `.ci/miri TARGET`.
//!
//! The list of losses, the reference and the formats are those of the laws; the cases are smaller. Numbers are compared
//! too, because no other test runs on big-endian and 32-bit targets.

#[path = "../distance/brute.rs"]
#[allow(dead_code, reason = "the tests of the transform use the rest")]
mod brute;
#[path = "../convert_cases.rs"]
mod convert_cases;
#[path = "../convert_losses.rs"]
mod convert_losses;
mod distances;
mod functions;
#[path = "../list/mod.rs"]
#[allow(dead_code, reason = "the laws use the rest")]
mod list;
mod losses;
#[path = "../distance/masks.rs"]
#[allow(dead_code, reason = "the tests of the transform use the rest")]
mod masks;
#[path = "../naive/mod.rs"]
mod naive;

use segloss::Executor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two threads, tasks assigned in turn; records the largest number of tasks of a call.
#[derive(Default)]
struct Two(AtomicUsize);

impl Two {
    fn most_tasks(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Executor for Two {
    fn workers(&self) -> usize {
        2
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.0.fetch_max(tasks, Ordering::Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..tasks).step_by(2).for_each(task));
            (1..tasks).step_by(2).for_each(task);
        });
    }
}
