//! The output, which is also where the passes keep their squares.

/// Where the voxels are, as bytes that many tasks write to, each its own.
#[derive(Clone, Copy)]
pub struct OutputBuffer {
    base: *mut u8,
    /// Bytes of an element: 4 or 8.
    pub element: usize,
}

// SAFETY: a place is no access. Whoever writes says why nobody else does.
unsafe impl Send for OutputBuffer {}
// SAFETY: as above.
unsafe impl Sync for OutputBuffer {}

impl OutputBuffer {
    /// Over an output.
    pub fn new<T>(out: &mut [T]) -> Self {
        Self { base: out.as_mut_ptr().cast(), element: size_of::<T>() }
    }

    /// Where `voxel` is.
    ///
    /// # Safety
    /// It is a voxel of the output.
    #[inline(always)]
    pub unsafe fn at(self, voxel: usize) -> *mut u8 {
        // SAFETY: promised by the caller.
        unsafe { self.base.add(voxel * self.element) }
    }
}
