//! Masks from arrays: the voxels of one label, or the nonzero voxels.

use crate::array::dtype::Dtype;
use crate::array::stored::{Stored, with_stored};
use crate::array::view::Array;
use crate::array::view::View;
use crate::distance::Mask;
use crate::distance::bits::low_bits;
use crate::simd::level::{Kernel, dispatch};
use core::marker::PhantomData;

/// The voxels of an array that are equal to a label, or that are not zero.
///
/// The array may have any element type and any strides. Contiguous rows of bytes are the fastest.
///
/// ```
/// use segloss::View;
/// use segloss::distance::{ClassMask, Mask};
///
/// let labels = View::new(&[0u8, 2, 2, 1], &[4])?;
/// let mut words = [0; 1];
/// ClassMask::of_class(&labels, 2).bits(0, 0, 4, &mut words);
/// assert_eq!(words, [0b0110]);
/// ClassMask::of(&labels).bits(0, 0, 4, &mut words);
/// assert_eq!(words, [0b1110]);
/// # Ok::<(), segloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClassMask<'a> {
    array: Array,
    /// Class indices are exact in f64; an integer label that f64 rounds is not rounded to a class index.
    label: f64,
    /// Whether equality with `label` means inside; otherwise inequality does.
    equal: bool,
    lifetime: PhantomData<View<'a>>,
}

// SAFETY: the array is only read while the mask exists.
unsafe impl Sync for ClassMask<'_> {}

impl<'a> ClassMask<'a> {
    /// Creates the mask of the voxels where `view` is not zero.
    pub fn of(view: &View<'a>) -> Self {
        Self::nonzero(&view.array)
    }

    /// Creates the mask of the voxels where `view` is equal to `class`.
    pub fn of_class(view: &View<'a>, class: usize) -> Self {
        Self::label(&view.array, class)
    }

    pub(crate) fn nonzero(array: &Array) -> Self {
        Self { equal: false, ..Self::label(array, 0) }
    }

    /// Returns the offset of voxel `start` of `row` and the step to the next voxel, in elements. Returns `None`
    /// unless the row exists and holds `count` voxels from `start` on.
    fn find(&self, row: usize, start: usize, count: usize) -> Option<(isize, isize)> {
        let mut axes = self.array.layout.axes().rev();
        let (width, step) = axes.next()?;
        let mut inside = start.checked_add(count).is_some_and(|end| end <= width);
        let mut offset = (start as isize).wrapping_mul(step);
        let mut index = row;
        for (extent, stride) in axes {
            let outer = index.checked_div(extent)?;
            offset = offset.wrapping_add(((index - outer * extent) as isize).wrapping_mul(stride));
            index = outer;
        }
        inside &= index == 0;
        inside.then_some((offset, step))
    }

    pub(crate) fn label(array: &Array, label: usize) -> Self {
        Self { array: *array, label: label as f64, equal: true, lifetime: PhantomData }
    }
}

impl Mask for ClassMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let &Self { array, label, equal, .. } = self;
        words.fill(0);
        let Some((offset, step)) = self.find(row, start, count) else { return };
        let flip = if equal { 0 } else { u64::MAX };
        if matches!(array.dtype, Dtype::U8 | Dtype::Bool) && step == 1 {
            // The cast saturates, so a label above 255 must be excluded: it is equal to no byte.
            let (byte, is_byte) = (label as u8, label <= 255.0);
            let from = array.data.wrapping_offset(offset).cast_const();
            if is_byte {
                // SAFETY: `find` has checked that `count` voxels lie in the array.
                unsafe { equal_bytes(from, count, byte, flip, words) };
            }
            return;
        }
        with_stored!(array.dtype, E => {
            let from = array.data.cast::<E>().wrapping_offset(offset).cast_const();
            dispatch(CompareLabel { from, step, count, label, flip, words });
        });
    }
}

/// Sets a bit for each element that is equal to `label`, then inverts the bits by `flip` (0 or all ones).
struct CompareLabel<'a, E> {
    from: *const E,
    step: isize,
    count: usize,
    label: f64,
    flip: u64,
    words: &'a mut [u64],
}

impl<E: Stored> Kernel for CompareLabel<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, step, count, label, flip, words } = self;
        for (k, word) in words.iter_mut().enumerate().take(count.div_ceil(64)) {
            let bits_of_word = (count - 64 * k).min(64);
            let mut bits = 0;
            for bit in 0..bits_of_word {
                // SAFETY: `ClassMask::find` has checked that `count` voxels lie in the array, `step` apart.
                let value = unsafe { *from.offset((64 * k + bit) as isize * step) }.read::<f64>();
                bits |= u64::from(value == label) << bit;
            }
            *word = (bits ^ flip) & low_bits(bits_of_word);
        }
    }
}

/// Does the same for contiguous bytes.
///
/// # Safety
/// `from` is valid for reads of `count` bytes.
unsafe fn equal_bytes(from: *const u8, count: usize, label: u8, flip: u64, words: &mut [u64]) {
    // The bytes are read in place: copies would go through the stack.
    // SAFETY: as promised by the caller; every call below reads 64 bytes within `count`.
    let at = |start: usize| unsafe { bits_equal(&*from.add(start).cast::<[u8; 64]>(), label) ^ flip };
    let (whole, rest) = (count / 64, count % 64);
    for (k, word) in words.iter_mut().enumerate().take(whole) {
        *word = at(64 * k);
    }
    let Some(last) = words.get_mut(whole).filter(|_| rest > 0) else {
        debug_assert!(rest == 0, "words hold fewer than `count` bits");
        return;
    };
    if whole > 0 {
        // Reads the last 64 bytes, which overlap the word before.
        *last = at(count - 64) >> (64 - rest);
        return;
    }
    let mut block = [0; 64];
    for (i, byte) in block.iter_mut().enumerate().take(rest) {
        // SAFETY: as promised by the caller: `i` is less than `count`.
        *byte = unsafe { from.add(i).read() };
    }
    *last = (bits_equal(&block, label) ^ flip) & low_bits(rest);
}

/// Returns a word with bit `i` set where byte `i` is equal to `label`.
#[inline(always)]
pub(crate) fn bits_equal(block: &[u8; 64], label: u8) -> u64 {
    let mut word = 0;
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        // SAFETY: SSE2 is part of x86-64; the four loads of 16 bytes lie in the block.
        #[allow(unused_unsafe)]
        unsafe {
            let label = _mm_set1_epi8(label as i8);
            for part in 0..4 {
                let bytes = _mm_loadu_si128(block.as_ptr().cast::<__m128i>().add(part));
                word |= u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, label)) as u32) << (16 * part);
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    for (part, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        // Sets the high bit of each byte that differs from `label`, without carries between bytes, then gathers the
        // inverted high bits into one byte.
        let other = u64::from_le_bytes(*eight) ^ (u64::from(label) * 0x0101_0101_0101_0101);
        let high = ((other & 0x7f7f_7f7f_7f7f_7f7f) + 0x7f7f_7f7f_7f7f_7f7f) | other;
        let equal = !high >> 7 & 0x0101_0101_0101_0101;
        word |= (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * part);
    }
    word
}
