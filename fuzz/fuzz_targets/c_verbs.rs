//! The C functions of a loss, with arbitrary structs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::c_verbs(bytes));
