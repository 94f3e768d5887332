//! Partitions the caller's scratch into slices. The same code measures the required size.

use crate::engine::kernel::class_slope::ClassSlope;
use crate::error::{Error, Status};
use crate::loss::sums::ClassSums;
use core::marker::PhantomData;

/// The alignment of slices: a cache line, and the widest vector.
const ALIGN: usize = 64;

/// Types of which any bytes are a valid value.
///
/// # Safety
/// Every bit pattern is valid, and the alignment is at most [`ALIGN`].
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: integers, floating-point numbers and a struct of such, without padding.
unsafe impl Plain for u8 {}
// SAFETY: the caller's promise.
unsafe impl Plain for i32 {}
// SAFETY: the caller's promise.
unsafe impl Plain for i64 {}
// SAFETY: the caller's promise.
unsafe impl Plain for u64 {}
// SAFETY: the caller's promise.
unsafe impl Plain for f32 {}
// SAFETY: the caller's promise.
unsafe impl Plain for f64 {}
// SAFETY: the caller's promise.
unsafe impl Plain for ClassSums {}
// SAFETY: the caller's promise.
unsafe impl<T: Plain> Plain for ClassSlope<T> {}

/// A region of memory from which slices are taken one after the other.
pub(crate) struct Arena<'s> {
    base: *mut u8,
    len: usize,
    /// The size of the memory, including skipped bytes at the start.
    given: usize,
    used: usize,
    measuring: bool,
    lifetime: PhantomData<&'s mut [u8]>,
}

impl<'s> Arena<'s> {
    /// An arena that only measures: it returns empty slices.
    pub fn measure() -> Self {
        Self {
            base: core::ptr::null_mut(),
            len: 0,
            given: 0,
            used: 0,
            measuring: true,
            lifetime: PhantomData,
        }
    }

    /// An arena over memory of any alignment.
    ///
    /// # Safety
    /// `base` is valid for reads and writes of `len` bytes during `'s`, and not used otherwise.
    pub unsafe fn over(base: *mut u8, len: usize) -> Self {
        let skip = base.addr().wrapping_neg() % ALIGN;
        Self {
            base: base.wrapping_add(skip),
            len: len.saturating_sub(skip),
            given: len,
            used: 0,
            measuring: false,
            lifetime: PhantomData,
        }
    }

    /// An arena over a slice.
    pub fn new(scratch: &'s mut [u8]) -> Self {
        // SAFETY: the slice is borrowed exclusively for 's.
        unsafe { Self::over(scratch.as_mut_ptr(), scratch.len()) }
    }

    /// Returns the bytes required for all slices taken so far, at any alignment.
    pub fn needed(&self) -> usize {
        if self.used == 0 { 0 } else { self.used.saturating_add(ALIGN - 1) }
    }

    /// Takes `reserved` elements and returns the first `count` of them.
    pub fn take_of<T: Plain>(&mut self, reserved: usize, count: usize) -> Result<&'s mut [T], Error> {
        Ok(self.take(reserved)?.get_mut(..count).unwrap_or_default())
    }

    /// Takes the next `count` elements. Their values are unspecified.
    pub fn take<T: Plain>(&mut self, count: usize) -> Result<&'s mut [T], Error> {
        let padded =
            count.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_next_multiple_of(ALIGN));
        let end = padded.and_then(|bytes| self.used.checked_add(bytes));
        let end = end.filter(|&end| end <= isize::MAX as usize);
        let end = end.ok_or(Error::new(Status::TooLarge, c"scratch", c"at most PTRDIFF_MAX bytes"))?;
        let start = core::mem::replace(&mut self.used, end);
        if self.measuring || count == 0 {
            return Ok(&mut []);
        }
        if end > self.len {
            let error = Error::new(Status::Scratch, c"scratch", c"the bytes that the size query says");
            return Err(error.with_given(self.given as f64));
        }
        // SAFETY: the caller of `over` promises the memory; `start..end` lies in it and is taken once, its start is
        // aligned to ALIGN, and any bytes are a valid value of a `Plain` type.
        Ok(unsafe { core::slice::from_raw_parts_mut(self.base.add(start).cast::<T>(), count) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::vec;
    use std::vec::Vec;

    quickcheck! {
        fn measured_size_suffices_at_any_alignment(counts: Vec<u8>, skip: u8) -> bool {
            let mut measured = Arena::measure();
            for &count in &counts {
                measured.take::<f64>(count as usize).unwrap();
            }
            let skip = skip as usize;
            let mut memory = vec![0u8; skip + measured.needed()];
            let mut arena = Arena::new(&mut memory[skip..]);
            counts.iter().all(|&count| arena.take::<f64>(count as usize).unwrap().len() == count as usize)
        }
    }

    #[test]
    fn too_short_scratch_is_an_error() {
        let mut memory = [0u8; 100];
        assert_eq!(Arena::new(&mut memory).take::<f64>(12).unwrap_err().status, Status::Scratch);
        assert_eq!(Arena::measure().take::<f64>(usize::MAX / 4).unwrap_err().status, Status::TooLarge);
    }
}
