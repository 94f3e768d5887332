//! The switches of mutants, in the copy of the tree that `tests/mutants/mutants` builds: numbers in SEGLOSS_MUTANTS are on.
//! With SEGLOSS_RECORD at compile time all are off, and those that a process reaches go to the file SEGLOSS_REACHED.
#![allow(missing_docs)]

use core::ffi::{c_char, c_int, c_void};

const COUNT: usize = 1 << 14;
const RECORD: bool = option_env!("SEGLOSS_RECORD").is_some();

// In assembly, so that the compiler takes them for constants: they change before `main`, and loops need not load them.
core::arch::global_asm!(
    ".pushsection .data.segloss_switches, \"aw\"",
    ".globl SEGLOSS_SWITCHES",
    "SEGLOSS_SWITCHES: .zero 16384",
    ".popsection",
);

unsafe extern "C" {
    static SEGLOSS_SWITCHES: [u8; COUNT];
    fn getenv(name: *const c_char) -> *const u8;
    fn open(path: *const u8, flags: c_int, mode: c_int) -> c_int;
    fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
}

#[inline(always)]
pub fn on(id: usize) -> bool {
    let switch = &raw const SEGLOSS_SWITCHES as *const u8;
    // SAFETY: `id` is the number of a mutant, less than COUNT. Switches are bytes that only start() changes, before any
    // thread; where they are recorded, threads store the same 1.
    unsafe {
        if RECORD {
            switch.add(id).cast_mut().write_volatile(1);
            return false;
        }
        *switch.add(id) != 0
    }
}

#[inline(always)]
pub fn off(id: usize) -> bool {
    !on(id)
}

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = end;

extern "C" fn start() {
    // SAFETY: getenv returns NULL or a string that ends in 0; `id % COUNT` lies in the switches; no thread runs yet.
    unsafe {
        let mut text = getenv(c"SEGLOSS_MUTANTS".as_ptr());
        let mut id = 0usize;
        while !text.is_null() {
            match *text {
                digit @ b'0'..=b'9' => id = id * 10 + usize::from(digit - b'0'),
                other => {
                    (&raw const SEGLOSS_SWITCHES as *mut u8).add(id % COUNT).write_volatile(1);
                    id = 0;
                    if other == 0 {
                        return;
                    }
                }
            }
            text = text.add(1);
        }
    }
}

extern "C" fn end() {
    // SAFETY: the path ends in 0, and COUNT bytes are written from an array of as many.
    unsafe {
        let path = getenv(c"SEGLOSS_REACHED".as_ptr());
        if RECORD && !path.is_null() {
            let file = open(path, 0o1101, 0o644); // to write, created, cut to nothing
            write(file, (&raw const SEGLOSS_SWITCHES).cast(), COUNT);
        }
    }
}
