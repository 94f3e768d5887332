//! Rows of neighbouring voxels, one per class.

use crate::checked::expected;
use core::marker::PhantomData;
use core::ops::Range;

/// A row per class, `stride` elements apart, in the caller's array or in the strip.
///
/// Its maker promises that the rows are valid for the accesses of the kernels it is given to.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    first: *mut T,
    stride: isize,
}

impl<T> Clone for Rows<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rows<T> {}

impl<T> Rows<T> {
    /// Rows that begin `stride` elements apart, the first of them at `first`.
    pub fn new(first: *mut T, stride: isize) -> Self {
        Self { first, stride }
    }

    /// Returns the address of a voxel of a class.
    #[inline(always)]
    pub fn at(self, class: usize, voxel: usize) -> *mut T {
        self.first.wrapping_offset((class as isize).wrapping_mul(self.stride)).wrapping_add(voxel)
    }

    /// Returns whether every row begins at a multiple of 64 bytes, as non-temporal stores of vectors need it.
    pub fn are_aligned(self) -> bool {
        let stride = self.stride.unsigned_abs().wrapping_mul(size_of::<T>());
        (self.first.addr() | stride).is_multiple_of(64)
    }
}

/// The memory of rows, read and written through one pointer: slices of a part leave pointers to the others valid.
pub(crate) struct RowMemory<'s, T> {
    first: *mut T,
    len: usize,
    of: PhantomData<&'s mut [T]>,
}

impl<'s, T> RowMemory<'s, T> {
    pub fn new(memory: &'s mut [T]) -> Self {
        Self { first: memory.as_mut_ptr(), len: memory.len(), of: PhantomData }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns rows that begin `stride` elements apart.
    pub fn rows(&mut self, stride: usize) -> Rows<T> {
        Rows::new(self.first, stride as isize)
    }

    /// Returns a part, as [`slice`](crate::checked::slice).
    pub fn slice(&self, range: Range<usize>) -> &[T] {
        let Some((start, len)) = self.part(range) else { return &[] };
        // SAFETY: a part of the memory, which this value borrows.
        unsafe { core::slice::from_raw_parts(self.first.add(start), len) }
    }

    /// Returns a part, as [`slice_mut`](crate::checked::slice_mut).
    pub fn slice_mut(&mut self, range: Range<usize>) -> &mut [T] {
        let Some((start, len)) = self.part(range) else { return &mut [] };
        // SAFETY: as above; kernels that hold rows of this memory do not run while the part is borrowed.
        unsafe { core::slice::from_raw_parts_mut(self.first.add(start), len) }
    }

    /// Returns all of it.
    pub fn all_mut(&mut self) -> &mut [T] {
        self.slice_mut(0..self.len)
    }

    fn part(&self, Range { start, end }: Range<usize>) -> Option<(usize, usize)> {
        expected(end.checked_sub(start).filter(|_| end <= self.len)).map(|len| (start, len))
    }
}
