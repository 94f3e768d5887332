//! Bit words: bit `i` of a `u64` is set where voxel `i` of a block is inside.

/// A word whose lowest `count` bits are set.
#[inline(always)]
pub fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Writes the ⌈count / 8⌉ low bytes of `bits`, little-endian. `count` is at most 64.
///
/// # Safety
/// `to` is valid for writes of ⌈count / 8⌉ bytes.
#[inline(always)]
pub unsafe fn write_bits(to: *mut u8, bits: u64, count: usize) {
    // SAFETY: each arm writes ⌈count / 8⌉ bytes, as promised by the caller.
    unsafe {
        match count.div_ceil(8) {
            8 => to.cast::<[u8; 8]>().write_unaligned(bits.to_le_bytes()),
            4 => to.cast::<[u8; 4]>().write_unaligned((bits as u32).to_le_bytes()),
            bytes => (0..bytes).for_each(|i| to.add(i).write((bits >> (8 * i)) as u8)),
        }
    }
}

/// Reads `count` ≤ 64 bits that [`write_bits`] has written.
///
/// # Safety
/// `from` is valid for reads of ⌈count / 8⌉ bytes.
#[inline(always)]
pub unsafe fn read_bits(from: *const u8, count: usize) -> u64 {
    // SAFETY: each arm reads ⌈count / 8⌉ bytes, as promised by the caller.
    unsafe {
        match count.div_ceil(8) {
            8 => u64::from_le_bytes(from.cast::<[u8; 8]>().read_unaligned()),
            4 => u64::from(u32::from_le_bytes(from.cast::<[u8; 4]>().read_unaligned())),
            bytes => (0..bytes).fold(0, |word, i| word | u64::from(from.add(i).read()) << (8 * i)),
        }
    }
}
