//! `SEGLOSS_LEVEL=baseline cargo test`, or `avx2`: tests begin at a lower CPU level. Part of every test program.

use segloss::cpu::{Level, force, level};

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
