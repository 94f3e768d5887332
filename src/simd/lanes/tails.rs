//! Ends of rows that are shorter than a vector, for every element type in memory: f16, bf16, labels.

/// The lanes of the vector with the most lanes.
const MOST_LANES: usize = 16;

/// Returns the first `count` elements, at most 16, and `padding` in the others: memory of a whole vector.
///
/// # Safety
/// `from` is readable for `count` elements.
#[inline(always)]
pub unsafe fn padded<E: Copy>(from: *const E, count: usize, padding: E) -> [E; MOST_LANES] {
    let mut vector = [padding; MOST_LANES];
    // SAFETY: readable by promise; the minimum is the length of the array.
    unsafe { vector.as_mut_ptr().copy_from_nonoverlapping(from, count.min(MOST_LANES)) };
    vector
}

/// Stores the first `count` elements, at most 16, of the memory of a vector.
///
/// # Safety
/// `to` is writable for `count` elements.
#[inline(always)]
pub unsafe fn store_head<E: Copy>(vector: &[E; MOST_LANES], to: *mut E, count: usize) {
    // SAFETY: writable by promise; the minimum is the length of the array.
    unsafe { to.copy_from_nonoverlapping(vector.as_ptr(), count.min(MOST_LANES)) };
}
