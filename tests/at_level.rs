//! `SEGLOSS_LEVEL=baseline cargo test`, or `avx2`: tests begin at a lower CPU level. Part of every test program.
#![allow(dead_code)] // each test program takes what it needs

use segloss::cpu::{Level, force, level};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Says that something is missing without which a test shows less than it should, past what hides the words of tests
/// that pass. In CI, where nothing may be missing, it fails.
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "not tested: {what}; in CI nothing may be missing");
    // Nobody reads it if it cannot be written.
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}");
}

/// The level is global: whoever forces it keeps out the others that do.
static FORCING: Mutex<()> = Mutex::new(());

/// The levels in one test's hands, until it ends; then the level is what it was.
pub struct Forced {
    before: Level,
    _alone: MutexGuard<'static, ()>,
}

impl Forced {
    pub fn alone() -> Self {
        let alone = FORCING.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: level(), _alone: alone }
    }

    /// Goes to a level, if the CPU has it; otherwise that is [`missing`]. `SEGLOSS_BEST=2` says that the machine is
    /// known to end at AVX2: `.ci/run` says so for a CPU that lists no more, and names what it did not test.
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

/// What a test program runs before its first test.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section holds pointers to functions like this, of which the loader calls each once.
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
fn tests_begin_at_the_level_that_is_asked_for() {
    // Where other tests force levels meanwhile, this one is skipped: see `.ci/levels`.
    if let Some(wanted) = wanted() {
        assert!(level() <= wanted);
    }
}
