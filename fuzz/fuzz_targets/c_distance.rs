//! The C distance transform from arbitrary structs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::c_distance(bytes));
