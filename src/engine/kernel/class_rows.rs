//! Rows of neighbouring voxels, one per class.

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
