//! The box that holds the object: outside of it the distances of one side are 0.

use crate::array::view::MAX_AXES;
use crate::distance::Mask;
use crate::distance::canvas::OutputBuffer;
use crate::distance::plan::Plan;
use crate::distance::rows::low_bits;
use crate::simd::level::Kernel;
use core::ops::Range;

/// First and last index along each column axis, and along the rows in the end.
pub type Bounds = [[usize; 2]; MAX_AXES + 1];

/// Of nothing.
pub const EMPTY: Bounds = [[usize::MAX, 0]; MAX_AXES + 1];

/// Finds the bounds of the inside within a range of rows of the image.
pub struct Survey<'a> {
    pub plan: &'a Plan,
    pub mask: &'a dyn Mask,
    pub rows: Range<usize>,
    /// Room for a row of the mask.
    pub words: &'a mut [u64],
}

impl Kernel for Survey<'_> {
    type Output = Bounds;

    #[inline(always)]
    fn run(self) -> Bounds {
        let Self { plan, mask, rows, words } = self;
        let mut bounds = EMPTY;
        let Some(words) = words.get_mut(..plan.width.div_ceil(64)) else { return bounds };
        let flip = if plan.inverted { u64::MAX } else { 0 };
        let mut look = |row: usize, bounds: &mut Bounds| {
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
                include(bounds, plan.count(), first, last);
                let mut rest = row;
                for (axis, along) in plan.columns().iter().enumerate().rev() {
                    let next = rest.checked_div(along.extent).unwrap_or(0);
                    let index = rest - next * along.extent;
                    include(bounds, axis, index, index);
                    rest = next;
                }
            }
            first <= last
        };
        // Once all is known but where the object ends, the end is the place to look.
        let mut rows = rows;
        for row in rows.by_ref() {
            if look(row, &mut bounds) && whole(plan, &bounds) {
                break;
            }
        }
        while let Some(row) = rows.next_back() {
            if look(row, &mut bounds) {
                break;
            }
        }
        bounds
    }
}

fn include(bounds: &mut Bounds, axis: usize, first: usize, last: usize) {
    if let Some([low, high]) = bounds.get_mut(axis) {
        *low = (*low).min(first);
        *high = (*high).max(last);
    }
}

/// Whether nothing can be cropped but at the end of the first axis.
fn whole(plan: &Plan, bounds: &Bounds) -> bool {
    let extents = plan.columns().iter().map(|axis| axis.extent).chain([plan.width]);
    bounds.iter().zip(extents).skip(1).all(|(&[first, last], extent)| first <= 1 && last + 2 >= extent)
}

/// Writes zeros to what `rows` of the image have outside of `part`.
///
/// # Safety
/// `part` is a crop of `whole`, whose voxels are in the canvas, and nobody else touches these rows' zeros.
pub unsafe fn clear(whole: &Plan, part: &Plan, canvas: OutputBuffer, rows: Range<usize>, stream: bool) {
    let mut begin = rows.start * whole.pitch;
    for row in rows.clone() {
        if holds(whole, part, row) {
            let first = row * whole.pitch + part.skip;
            // SAFETY: promised by the caller; the part's voxels of the row are left out.
            unsafe { zero(canvas, begin..first, stream) };
            begin = first + part.width;
        }
    }
    // SAFETY: as above.
    unsafe { zero(canvas, begin..rows.end * whole.pitch, stream) };
}

/// Whether a row of the image has voxels of the part.
fn holds(whole: &Plan, part: &Plan, row: usize) -> bool {
    let (mut row, mut origin) = (row, part.origin);
    whole.columns().iter().zip(part.columns()).all(|(axis, within)| {
        let index = row.checked_div(axis.stride).unwrap_or(0);
        let first = origin.checked_div(axis.stride).unwrap_or(0);
        row -= index * axis.stride;
        origin -= first * axis.stride;
        index >= first && index < first + within.extent
    })
}

/// # Safety
/// The voxels lie in the canvas, and nobody else touches them.
unsafe fn zero(canvas: OutputBuffer, voxels: Range<usize>, stream: bool) {
    let bytes = voxels.len() * canvas.element;
    // SAFETY: promised by the caller; lines are whole, and between the ends.
    unsafe {
        let at = canvas.at(voxels.start);
        #[cfg(target_arch = "x86_64")]
        if stream && bytes >= 512 {
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
        let _ = stream;
        at.write_bytes(0, bytes);
    }
}
