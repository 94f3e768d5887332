//! Bounding box of the inside. Distances of one side only are 0 outside of it, so the passes run within the box.

use crate::array::view::MAX_AXES;
use crate::checked::{divide, expected};
use crate::distance::Mask;
use crate::distance::bits::low_bits;
use crate::distance::output_buffer::OutputBuffer;
use crate::distance::plan::Plan;
use crate::simd::level::Kernel;
use core::ops::Range;

/// First and last index along each column axis, then along the rows.
pub type Bounds = [[usize; 2]; MAX_AXES + 1];

/// Bounds of an empty mask.
pub const EMPTY: Bounds = [[usize::MAX, 0]; MAX_AXES + 1];

/// Computes the bounds of the inside voxels within a range of rows of the image.
pub struct FindBounds<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub rows: Range<usize>,
    /// Buffer for one row of the mask.
    pub words: &'a mut [u64],
}

impl Kernel for FindBounds<'_> {
    type Output = Bounds;

    #[inline(always)]
    fn run(self) -> Bounds {
        let Self { plan, mask, rows, words } = self;
        let mut bounds = EMPTY;
        let Some(words) = expected(words.get_mut(..plan.width.div_ceil(64))) else { return bounds };
        let flip = if plan.inverted { u64::MAX } else { 0 };
        let mut scan_row = |row: usize, bounds: &mut Bounds| {
            mask.bits(row, 0, plan.width, words);
            let (mut first, mut last) = (usize::MAX, 0);
            for (word, start) in words.iter().zip((0..plan.width).step_by(64)) {
                let bits = (word ^ flip) & low_bits((plan.width - start).min(64));
                if bits != 0 {
                    first = first.min(start + bits.trailing_zeros() as usize);
                    last = start + 63 - bits.leading_zeros() as usize;
                }
            }
            if first <= last {
                extend_bounds(bounds, plan.column_axis_count(), first, last);
                let mut rest = row;
                for (axis, along) in plan.column_axes().iter().enumerate().rev() {
                    let (earlier, index) = divide(rest, along.extent);
                    extend_bounds(bounds, axis, index, index);
                    rest = earlier;
                }
            }
            first <= last
        };
        // Once every bound but the end of the first axis is known, the remaining rows are read from the last one
        // backwards.
        let mut rows = rows;
        for row in rows.by_ref() {
            if scan_row(row, &mut bounds) && only_first_axis_open(plan, &bounds) {
                break;
            }
        }
        while let Some(row) = rows.next_back() {
            if scan_row(row, &mut bounds) {
                break;
            }
        }
        bounds
    }
}

fn extend_bounds(bounds: &mut Bounds, axis: usize, first: usize, last: usize) {
    if let Some([low, high]) = expected(bounds.get_mut(axis)) {
        *low = (*low).min(first);
        *high = (*high).max(last);
    }
}

/// Returns whether the bounds leave nothing to crop except at the end of the first axis.
fn only_first_axis_open(plan: &Plan, bounds: &Bounds) -> bool {
    let extents = plan.column_axes().iter().map(|axis| axis.extent).chain([plan.width]);
    bounds.iter().zip(extents).skip(1).all(|(&[first, last], extent)| first <= 1 && last + 2 >= extent)
}

/// Writes zeros to the voxels of `rows` of the image that lie outside of the crop.
///
/// # Safety
/// `cropped` is a crop of `image`, whose voxels lie in the buffer, and no other thread accesses these rows outside of
/// the crop.
pub unsafe fn clear_outside(
    image: &Plan,
    cropped: &Plan,
    buffer: OutputBuffer,
    rows: Range<usize>,
    non_temporal: bool,
) {
    let mut begin = rows.start * image.pitch;
    for row in rows.clone() {
        if intersects(image, cropped, row) {
            let first = row * image.pitch + cropped.skip;
            // SAFETY: as promised by the caller; the range ends before the voxels of the crop.
            unsafe { write_zeros(buffer, begin..first, non_temporal) };
            begin = first + cropped.width;
        }
    }
    // SAFETY: as promised by the caller; the range begins after the voxels of the crop.
    unsafe { write_zeros(buffer, begin..rows.end * image.pitch, non_temporal) };
}

/// Returns whether a row of the image contains voxels of the crop.
fn intersects(image: &Plan, cropped: &Plan, row: usize) -> bool {
    let (mut row, mut origin) = (row, cropped.origin);
    image.column_axes().iter().zip(cropped.column_axes()).all(|(axis, within)| {
        let (index, first);
        (index, row) = divide(row, axis.stride);
        (first, origin) = divide(origin, axis.stride);
        index >= first && index < first + within.extent
    })
}

/// # Safety
/// The voxels lie in the buffer, and no other thread accesses them.
unsafe fn write_zeros(buffer: OutputBuffer, voxels: Range<usize>, non_temporal: bool) {
    let bytes = voxels.len() * buffer.element;
    // SAFETY: as promised by the caller; the streamed cache lines lie between the first and the last byte.
    unsafe {
        let at = buffer.at(voxels.start);
        #[cfg(target_arch = "x86_64")]
        if non_temporal && bytes >= 512 {
            use core::arch::x86_64::{__m128i, _mm_setzero_si128, _mm_stream_si128};
            let head = at.align_offset(64);
            let lines = (bytes - head) / 64;
            at.write_bytes(0, head);
            for i in 0..lines * 4 {
                _mm_stream_si128(at.add(head).cast::<__m128i>().add(i), _mm_setzero_si128());
            }
            at.add(head + lines * 64).write_bytes(0, bytes - head - lines * 64);
            return;
        }
        let _ = non_temporal;
        at.write_bytes(0, bytes);
    }
}
