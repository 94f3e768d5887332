//! Configurations of `check` against the naive reference.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::numbers(bytes));
