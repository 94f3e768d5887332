//! The executor of C.

use super::read::read;
use super::structs::segloss_executor;
use crate::{Error, Executor, Sequential};
use core::ffi::c_void;

/// The threads of a caller.
pub(super) struct Pool(segloss_executor);

// SAFETY: the header asks that an executor may be used while tasks run; only the calling thread uses this one.
unsafe impl Sync for Pool {}

impl Pool {
    /// None without a parallel_for: this thread.
    ///
    /// # Safety
    /// `executor` is NULL or as the header says.
    pub unsafe fn read(executor: *const segloss_executor) -> Result<Option<Self>, Error> {
        if executor.is_null() {
            return Ok(None);
        }
        // SAFETY: promised by the caller.
        let (executor, _) = unsafe { read(executor)? };
        Ok(executor.parallel_for.is_some().then_some(Self(executor)))
    }

    /// The pool, if there is one, or this thread.
    pub fn or_here(pool: &Option<Self>) -> &dyn Executor {
        match pool {
            Some(pool) => pool,
            None => &Sequential,
        }
    }
}

/// What a task is made of, behind the thin pointer that C hands on.
struct Work<'a>(&'a (dyn Fn(usize) + Sync));

/// Runs one of the tasks of the [`Work`] at `data`.
///
/// # Safety
/// `data` is what [`Pool`] gave to parallel_for, which has not returned.
unsafe extern "C" fn work(data: *mut c_void, index: usize) {
    // SAFETY: promised by the caller.
    let Work(task) = unsafe { &*data.cast_const().cast::<Work<'_>>() };
    task(index);
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        (self.0.workers as usize).max(1)
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let all = Work(task);
        let data = core::ptr::from_ref(&all).cast_mut().cast();
        if let Some(parallel_for) = self.0.parallel_for {
            // SAFETY: the executor's maker promises that it calls `work` with `data`, and returns after.
            unsafe { parallel_for(self.0.context, tasks, Some(work), data) };
        }
    }
}
