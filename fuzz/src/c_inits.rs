//! The functions of C that fill a struct.

use crate::c_terms::draw_loss;
use crate::memory::Buffer;
use check::source::Source;
use segloss::ffi::distance_functions::segloss_distance_args_init;
use segloss::ffi::functions::{segloss_args_init, segloss_term_init};
use segloss::ffi::lists::PRESETS;
use segloss::ffi::structs::*;
use std::ptr::null_mut;

/// What fills a struct, given any size of it; what is written lies within that size.
pub fn c_inits(source: &mut Source<'_>) {
    let full = size_of::<segloss_args>().max(size_of::<segloss_term>());
    let size = match source.below(4) {
        0 => source.below(2 * full),
        1 => size_of::<segloss_args>(),
        2 => size_of::<segloss_distance_args>(),
        _ => size_of::<segloss_term>(),
    };
    let what = source.below(3 + PRESETS.len());
    let terms = if what < 3 { 1 } else { segloss::MAX_TERMS };
    let mut to = Buffer::new(source, size * terms);
    let mut n_terms = Buffer::aligned(source, size_of::<usize>());
    let null = source.one_in(20);
    let pointer = if null { null_mut() } else { to.pointer::<u8>() };
    to.remember();
    n_terms.remember();
    // SAFETY: as many bytes as are said.
    let status = unsafe {
        match what {
            0 => segloss_args_init(pointer.cast(), size),
            1 => segloss_distance_args_init(pointer.cast(), size),
            2 => segloss_term_init(draw_loss(source), pointer.cast(), size),
            _ => PRESETS[what - 3](pointer.cast(), size, n_terms.pointer()),
        }
    };
    assert!((0..=13).contains(&status), "status {status}");
    assert!(!null || status != 0, "NULL was filled");
    assert!(status == 0 || to.is_unchanged() && n_terms.is_unchanged(), "something was written");
    if status == 0 {
        // SAFETY: a size that holds no struct_size is refused.
        let said = unsafe { to.pointer::<u32>().read_unaligned() };
        assert_eq!(said, size as u32, "the size of the struct");
    }
}
