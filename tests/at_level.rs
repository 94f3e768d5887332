//! `SEGLOSS_LEVEL=baseline cargo test`, or `avx2`, starts the tests at a lower CPU level. Part of every test program.
#![allow(dead_code)] // each test program uses a part

use segloss::cpu::{Level, force, level};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Reports that something needed for the full test is missing. Writes to the terminal directly, because the output of
/// passing tests is captured. Fails in CI, where nothing may be missing.
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "not tested: {what}; in CI nothing may be missing");
    // A terminal that cannot be written has no reader.
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}");
}

/// The CPU level is global: a lock serializes the tests that force it.
static FORCING: Mutex<()> = Mutex::new(());

/// Exclusive control of the CPU level for one test; restores the previous level on drop.
pub struct Forced {
    before: Level,
    _alone: MutexGuard<'static, ()>,
}

impl Forced {
    pub fn alone() -> Self {
        let alone = FORCING.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: level(), _alone: alone }
    }

    /// Forces a level, if the CPU has it; otherwise reports it as [`missing`]. `SEGLOSS_BEST=2` declares that the
    /// machine has at most AVX2: `.ci/run` sets it for such a CPU and lists AVX-512 as not tested.
    #[must_use]
    pub fn to(&self, wanted: Level) -> bool {
        let is_granted = force(wanted) == wanted;
        let is_expected =
            wanted as u32 <= std::env::var("SEGLOSS_BEST").map_or(3, |best| best.parse().unwrap());
        if !is_granted && is_expected && cfg!(target_arch = "x86_64") {
            missing(&std::format!("this CPU has no {wanted:?}"));
        }
        is_granted
    }
}

impl Drop for Forced {
    fn drop(&mut self) {
        force(self.before);
    }
}

/// Runs before the first test of a test program.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section holds function pointers of this type; the loader calls each once.
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = begin;

extern "C" fn begin() {
    if let Some(wanted) = wanted() {
        force(wanted);
    }
}

fn wanted() -> Option<Level> {
    match std::env::var("SEGLOSS_LEVEL").as_deref() {
        Ok("baseline") => Some(Level::Baseline),
        Ok("avx2") => Some(Level::Avx2),
        Ok(other) => panic!("SEGLOSS_LEVEL={other}: baseline or avx2"),
        Err(_) => None,
    }
}

#[test]
fn tests_start_at_the_requested_level() {
    // `.ci/levels` skips this test where other tests force levels at the same time.
    if let Some(wanted) = wanted() {
        assert!(level() <= wanted);
    }
}
