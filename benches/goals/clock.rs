//! Two clocks.

use std::sync::LazyLock;
use std::time::Instant;

/// The CPU time of the calling thread in seconds. The time of other processes on the same CPU does not count.
#[cfg(unix)]
pub fn cpu_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the time that the pointer gives.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "the clock of the thread");
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[cfg(not(unix))]
pub fn cpu_time() -> f64 {
    wall_time()
}

/// Seconds since the first call.
pub fn wall_time() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}
