//! Memory between inaccessible pages.

use std::ptr::null_mut;

const PAGE: usize = 4096;

/// Bytes in a separate mapping with an inaccessible page on both sides.
pub struct Guarded {
    mapping: *mut u8,
    mapped: usize,
    first: *mut u8,
    len: usize,
}

impl Guarded {
    /// `len` bytes that end at the end of a page.
    pub fn before_a_page(len: usize) -> Self {
        Self::new(len, true)
    }

    /// `len` bytes that start at the start of a page.
    pub fn behind_a_page(len: usize) -> Self {
        Self::new(len, false)
    }

    fn new(len: usize, at_end: bool) -> Self {
        let inner = len.div_ceil(PAGE) * PAGE;
        let mapped = inner + 2 * PAGE;
        // SAFETY: a new mapping, of which only the inner pages are made accessible.
        let mapping = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapping = libc::mmap(null_mut(), mapped, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(mapping, libc::MAP_FAILED, "mmap of {mapped} bytes");
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let inside = mapping.cast::<u8>().add(PAGE).cast();
            assert!(inner == 0 || libc::mprotect(inside, inner, access) == 0, "mprotect of {inner} bytes");
            mapping.cast::<u8>()
        };
        let first = mapping.wrapping_add(PAGE + if at_end { inner - len } else { 0 });
        Self { mapping, mapped, first, len }
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `len` accessible bytes of this mapping.
        unsafe { core::slice::from_raw_parts(self.first, self.len) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, exclusive as `self` is.
        unsafe { core::slice::from_raw_parts_mut(self.first, self.len) }
    }

    /// The first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.first
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, to which no reference remains.
        unsafe { libc::munmap(self.mapping.cast(), self.mapped) };
    }
}
