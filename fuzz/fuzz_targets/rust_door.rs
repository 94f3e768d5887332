//! The Rust functions from views and options that do not belong together.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segloss_fuzz::rust_door(bytes));
