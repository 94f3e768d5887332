//! The output of the transform, which also holds the squared distances between passes.

/// The output as bytes that several threads write, each thread its own voxels.
#[derive(Clone, Copy)]
pub struct OutputBuffer {
    base: *mut u8,
    /// Bytes per element: 4 or 8.
    pub element: usize,
}

// SAFETY: the struct itself accesses no memory. Each access states why no other thread accesses the same voxel.
unsafe impl Send for OutputBuffer {}
// SAFETY: the struct itself accesses no memory, as above.
unsafe impl Sync for OutputBuffer {}

impl OutputBuffer {
    /// Creates a view of an output.
    pub fn new<T>(out: &mut [T]) -> Self {
        Self { base: out.as_mut_ptr().cast(), element: size_of::<T>() }
    }

    /// Returns the address of `voxel`.
    ///
    /// # Safety
    /// `voxel` is the index of a voxel of the output.
    #[inline(always)]
    pub unsafe fn at(self, voxel: usize) -> *mut u8 {
        // SAFETY: as promised by the caller, the address lies in the output.
        unsafe { self.base.add(voxel * self.element) }
    }
}

/// The location of the rows of a tile in the output.
#[derive(Clone, Copy)]
pub struct TileRows {
    pub buffer: OutputBuffer,
    /// Index of the voxel of the first lane of the first row.
    pub first: usize,
    /// Number of voxels from one row to the next.
    pub pitch: usize,
    /// Number of lanes that are voxels.
    pub width: usize,
}
