//! C verbs of a loss from arbitrary structs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::c_verbs(bytes));
