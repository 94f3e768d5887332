//! The executor that a C caller passes.

use crate::error::Error;
use crate::executor::{Executor, Sequential};
use crate::ffi::read::read;
use crate::ffi::structs::segloss_executor;
use core::ffi::c_void;

/// An [`Executor`] over the caller's thread pool.
pub(super) struct ForeignExecutor(segloss_executor);

// SAFETY: only the calling thread calls parallel_for; tasks receive no reference to this struct.
unsafe impl Sync for ForeignExecutor {}

impl ForeignExecutor {
    /// Copies the struct; `None` if there is none or it has no parallel_for.
    ///
    /// # Safety
    /// `executor` is NULL or points to a segloss_executor as its comment says.
    pub unsafe fn read(executor: *const segloss_executor) -> Result<Option<Self>, Error> {
        if executor.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller promises that `executor` points to a segloss_executor.
        let (executor, _) = unsafe { read(executor)? };
        Ok(executor.parallel_for.is_some().then_some(Self(executor)))
    }

    /// The caller's executor, or the calling thread if there is none.
    pub fn or_sequential(executor: &Option<Self>) -> &dyn Executor {
        match executor {
            Some(executor) => executor,
            None => &Sequential,
        }
    }
}

/// A task behind the thin pointer `data`, because a `&dyn Fn` is two words.
struct Work<'a>(&'a (dyn Fn(usize) + Sync));

/// Runs one of the tasks of the [`Work`] at `data`.
///
/// # Safety
/// `data` is the pointer that [`ForeignExecutor`] passed to parallel_for, which has not returned.
unsafe extern "C" fn work(data: *mut c_void, index: usize) {
    // SAFETY: the caller promises the pointer that `run` passed to parallel_for, and `run` has not returned.
    let Work(task) = unsafe { &*data.cast_const().cast::<Work<'_>>() };
    task(index);
}

impl Executor for ForeignExecutor {
    fn workers(&self) -> usize {
        (self.0.workers as usize).max(1)
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let work_of_call = Work(task);
        let data = core::ptr::from_ref(&work_of_call).cast_mut().cast();
        if let Some(parallel_for) = self.0.parallel_for {
            // SAFETY: the caller promises that parallel_for calls `work` with `data` and returns when all calls
            // have returned; `data` is valid until then.
            unsafe { parallel_for(self.0.context, tasks, Some(work), data) };
        }
    }
}
