//! An executor of two workers: the calling thread and one that spins between tasks.

use segloss::Executor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// After so many turns, about a tenth of a millisecond, the second thread sleeps. It is awake during the calls that
/// are timed and takes no time from the cases of one thread.
const TURNS: usize = 1 << 12;

#[derive(Debug)]
pub struct Spinning {
    shared: Arc<Shared>,
    /// One job at a time.
    running: Mutex<()>,
    second: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Counts jobs started; changes after `job` and `next` are set.
    started: AtomicUsize,
    /// Counts jobs that the second thread has finished.
    finished: AtomicUsize,
    /// The job; lives until `finished` equals `started`.
    job: AtomicPtr<Job<'static>>,
    next: AtomicUsize,
    stop: AtomicBool,
}

struct Job<'a> {
    tasks: usize,
    task: &'a (dyn Fn(usize) + Sync),
}

impl Shared {
    fn work(&self, job: &Job<'_>) {
        loop {
            match self.next.fetch_add(1, Ordering::Relaxed) {
                index if index < job.tasks => (job.task)(index),
                _ => return,
            }
        }
    }

    /// The second thread.
    fn serve(&self) {
        let mut done = 0;
        loop {
            let mut turns = 0;
            while self.started.load(Ordering::Acquire) == done {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                turns += 1;
                if turns < TURNS { std::hint::spin_loop() } else { thread::park() }
            }
            done += 1;
            // SAFETY: `run` set the pointer before `started`, and keeps the job until `finished` says otherwise.
            let job = unsafe { &*self.job.load(Ordering::Relaxed) };
            if catch_unwind(AssertUnwindSafe(|| self.work(job))).is_err() {
                // The first thread waits for this one and would wait for ever.
                std::process::abort();
            }
            self.finished.store(done, Ordering::Release);
        }
    }
}

impl Spinning {
    pub fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let second = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.serve()
        });
        Self { shared, running: Mutex::new(()), second: Some(second) }
    }
}

impl Executor for Spinning {
    fn workers(&self) -> usize {
        2
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let _alone = self.running.lock().expect("no task has panicked");
        let shared = &self.shared;
        let job = Job { tasks, task };
        shared.next.store(0, Ordering::Relaxed);
        shared.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        let started = shared.started.fetch_add(1, Ordering::Release) + 1;
        if let Some(second) = &self.second {
            second.thread().unpark();
        }
        // The job has to outlive its use by the second thread, also where a task panics in this one.
        let outcome = catch_unwind(AssertUnwindSafe(|| shared.work(&job)));
        while shared.finished.load(Ordering::Acquire) != started {
            std::hint::spin_loop();
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(second) = self.second.take() {
            second.thread().unpark();
            // A panic of the second thread has aborted the process.
            let _ = second.join();
        }
    }
}
