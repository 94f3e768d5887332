//! A mask out of an array: one label of a map, or everything that is not zero.

use crate::array::dtype::Dtype;
use crate::array::stored::{Stored, with_stored};
use crate::array::view::Array;
use crate::array::view::View;
use crate::distance::Mask;
use crate::distance::rows::low_bits;
use crate::simd::level::{Kernel, dispatch};
use core::marker::PhantomData;

/// Where an array holds one label, or anything but zero. Any element type and any strides; contiguous rows of
/// bytes are the fastest.
#[derive(Clone, Copy, Debug)]
pub struct ClassMask<'a> {
    array: Array,
    /// Class numbers are exact in f64, and a label that is not rounds to none of them.
    label: f64,
    /// Inside is the label, and not what differs from it.
    wanted: bool,
    lifetime: PhantomData<View<'a>>,
}

// SAFETY: the array of a mask is only read while the mask exists.
unsafe impl Sync for ClassMask<'_> {}

impl<'a> ClassMask<'a> {
    /// Where `view` is not zero.
    pub fn of(view: &View<'a>) -> Self {
        Self::nonzero(&view.array)
    }

    /// Where `view` is `class`.
    pub fn of_class(view: &View<'a>, class: usize) -> Self {
        Self::label(&view.array, class)
    }

    pub(crate) fn nonzero(array: &Array) -> Self {
        Self { wanted: false, ..Self::label(array, 0) }
    }

    /// Where voxel `start` of `row` is, in elements, and the step to the next; none unless there are `count`.
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
        Self { array: *array, label: label as f64, wanted: true, lifetime: PhantomData }
    }
}

impl Mask for ClassMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let &Self { array, label, wanted, .. } = self;
        words.fill(0);
        let Some((offset, step)) = self.find(row, start, count) else { return };
        let flip = if wanted { 0 } else { u64::MAX };
        if matches!(array.dtype, Dtype::U8 | Dtype::Bool) && step == 1 {
            // The cast saturates; a label beyond a byte must be no byte.
            let (byte, within) = (label as u8, label <= 255.0);
            let from = array.data.wrapping_offset(offset).cast_const();
            if within {
                // SAFETY: `find` says that `count` voxels lie in the array.
                unsafe { equal_bytes(from, count, byte, flip, words) };
            }
            return;
        }
        with_stored!(array.dtype, E => {
            let from = array.data.cast::<E>().wrapping_offset(offset).cast_const();
            dispatch(Equal { from, step, count, label, flip, words });
        });
    }
}

/// A bit for each element that is `label`, turned over by `flip`.
struct Equal<'a, E> {
    from: *const E,
    step: isize,
    count: usize,
    label: f64,
    flip: u64,
    words: &'a mut [u64],
}

impl<E: Stored> Kernel for Equal<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, step, count, label, flip, words } = self;
        for (k, word) in words.iter_mut().enumerate().take(count.div_ceil(64)) {
            let here = (count - 64 * k).min(64);
            let mut bits = 0;
            for bit in 0..here {
                // SAFETY: `ClassMask::find` says that `count` voxels lie in the array, `step` apart.
                let value = unsafe { *from.offset((64 * k + bit) as isize * step) }.read::<f64>();
                bits |= u64::from(value == label) << bit;
            }
            *word = (bits ^ flip) & low_bits(here);
        }
    }
}

/// The same for bytes in a row.
///
/// # Safety
/// `count` bytes are readable.
unsafe fn equal_bytes(from: *const u8, count: usize, label: u8, flip: u64, words: &mut [u64]) {
    // Read where they are: copies would go by the stack.
    // SAFETY: promised by the caller, as far as the 64 bytes are among the `count`.
    let at = |start: usize| unsafe { bits_equal(&*from.add(start).cast::<[u8; 64]>(), label) ^ flip };
    let (whole, rest) = (count / 64, count % 64);
    for (k, word) in words.iter_mut().enumerate().take(whole) {
        *word = at(64 * k);
    }
    let Some(last) = words.get_mut(whole).filter(|_| rest > 0) else { return };
    if whole > 0 {
        // The last 64 bytes, of which some were looked at.
        *last = at(count - 64) >> (64 - rest);
        return;
    }
    let mut block = [0; 64];
    for (i, byte) in block.iter_mut().enumerate().take(rest) {
        // SAFETY: promised by the caller.
        *byte = unsafe { from.add(i).read() };
    }
    *last = (bits_equal(&block, label) ^ flip) & low_bits(rest);
}

/// A bit for each byte that is `label`.
#[inline(always)]
pub(crate) fn bits_equal(block: &[u8; 64], label: u8) -> u64 {
    let mut word = 0;
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        // SAFETY: SSE2 is part of x86-64; four loads of 16 bytes are the block.
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
        // The high bit of a byte that is not `label`, without carries between bytes; then all eight together.
        let other = u64::from_le_bytes(*eight) ^ (u64::from(label) * 0x0101_0101_0101_0101);
        let high = ((other & 0x7f7f_7f7f_7f7f_7f7f) + 0x7f7f_7f7f_7f7f_7f7f) | other;
        let equal = !high >> 7 & 0x0101_0101_0101_0101;
        word |= (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * part);
    }
    word
}
