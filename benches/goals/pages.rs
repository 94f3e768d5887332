//! Arrays of a chosen page size.

use segloss::Element;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The size of the pages that an array is mapped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// 2 MiB on x86-64: numpy asks for them.
    Large,
    /// 4 KiB: PyTorch's allocator does not ask for others.
    Small,
}

/// An array, at first of zeros, aligned to 64 bytes.
pub struct Pages<T> {
    mapping: *mut u8,
    mapped: usize,
    data: *mut T,
    len: usize,
}

const SMALL: usize = 4096;
const LARGE: usize = 2 << 20;

/// The number of arrays made so far.
static MADE: AtomicUsize = AtomicUsize::new(0);

impl<T: Element> Pages<T> {
    pub fn new(len: usize, size: PageSize) -> Self {
        // Arrays begin 64 bytes into a page, each one page later than the last, as large arrays of malloc do. All of
        // them at multiples of 2 MiB would compete for the same sets of the second-level cache.
        let offset = 64 + MADE.fetch_add(1, Ordering::Relaxed) % 64 * SMALL;
        let bytes = (offset + len * size_of::<T>()).next_multiple_of(LARGE);
        let mapped = bytes + LARGE;
        let mapping = memory::map(mapped);
        let skip = mapping.align_offset(LARGE);
        // SAFETY: `skip` is below LARGE, so `bytes` bytes from there are mapped; the last array ends within them.
        let data = unsafe {
            memory::advise(mapping.add(skip), bytes, size);
            mapping.add(skip + offset).cast()
        };
        Self { mapping, mapped, data, len }
    }
}

impl<T> Deref for Pages<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `new` mapped `len` elements at `data`, aligned to 64 bytes; the zeros of a new mapping are valid
        // elements of every `Element`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl<T> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; the mapping belongs to this array alone.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl<T> Drop for Pages<T> {
    fn drop(&mut self) {
        memory::unmap(self.mapping, self.mapped);
    }
}

/// The bytes of a slice.
pub fn bytes<T: Element>(x: &[T]) -> &[u8] {
    // SAFETY: elements are numbers without padding.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), size_of_val(x)) }
}

/// The bytes of a slice, for writing.
pub fn bytes_mut<T: Element>(x: &mut [T]) -> &mut [u8] {
    // SAFETY: elements are numbers without padding, and numbers of any bits: none of the arrays here is of `bool`.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), size_of_val(x)) }
}

/// Describes the pages that arrays have: large ones are a request that the system may refuse.
pub fn describe(size: PageSize) -> String {
    let probe = 64 << 20;
    let before = memory::large_bytes();
    let mut array = Pages::<u8>::new(probe, size);
    array.fill(1);
    let large = memory::large_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    match (size, large) {
        (_, None) => "of the system's choice".into(),
        (PageSize::Large, Some(large)) if large >= probe / 2 => "large (2 MiB)".into(),
        (PageSize::Large, Some(_)) => "small (4 KiB); the system refused large ones".into(),
        (PageSize::Small, Some(0)) => "small (4 KiB)".into(),
        (PageSize::Small, Some(_)) => "large (2 MiB); the system refused small ones".into(),
    }
}

#[cfg(target_os = "linux")]
mod memory {
    use super::PageSize;
    use std::ptr::null_mut;

    pub fn map(bytes: usize) -> *mut u8 {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the system's choice touches no other memory.
        let mapping = unsafe { libc::mmap(null_mut(), bytes, protection, flags, -1, 0) };
        assert_ne!(mapping, libc::MAP_FAILED, "{bytes} bytes: {}", std::io::Error::last_os_error());
        mapping.cast()
    }

    /// # Safety
    /// `bytes` bytes at `address` are mapped.
    pub unsafe fn advise(address: *mut u8, bytes: usize, size: PageSize) {
        let advice = match size {
            PageSize::Large => libc::MADV_HUGEPAGE,
            PageSize::Small => libc::MADV_NOHUGEPAGE,
        };
        // SAFETY: this advice changes no contents. A kernel without large pages refuses it; `describe` reports that.
        unsafe { libc::madvise(address.cast(), bytes, advice) };
    }

    pub fn unmap(mapping: *mut u8, bytes: usize) {
        // SAFETY: `map` returned this mapping; its only owner drops it.
        unsafe { libc::munmap(mapping.cast(), bytes) };
    }

    /// The bytes of this process in large pages.
    pub fn large_bytes() -> Option<usize> {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
    }
}

#[cfg(not(target_os = "linux"))]
mod memory {
    use super::{LARGE, PageSize};
    use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, LARGE).expect("a size below isize::MAX")
    }

    pub fn map(bytes: usize) -> *mut u8 {
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc_zeroed(layout(bytes)) };
        if memory.is_null() { handle_alloc_error(layout(bytes)) } else { memory }
    }

    /// # Safety
    /// None: the page size is left to the system.
    pub unsafe fn advise(_: *mut u8, _: usize, _: PageSize) {}

    pub fn unmap(mapping: *mut u8, bytes: usize) {
        // SAFETY: `map` allocated this memory with the same layout; its only owner drops it.
        unsafe { dealloc(mapping, layout(bytes)) };
    }

    pub fn large_bytes() -> Option<usize> {
        None
    }
}
