//! The Rust functions, with inconsistent views and options.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::rust_door(bytes));
