//! Labels: integers of any width, read as class indices.

use crate::array::dtype::Dtype;
use crate::array::strided_rows::StridedRows;
use crate::checked::{split, split_mut};
use crate::simd::level::{Kernel, dispatch};
use num_traits::{AsPrimitive, PrimInt};

impl StridedRows {
    /// Returns the labels themselves, where they are bytes side by side.
    ///
    /// # Safety
    /// As [`StridedRows::load`]; the labels are not written to during `'a`.
    pub unsafe fn byte_labels<'a>(&self, sample: usize, start: usize, len: usize) -> Option<&'a [u8]> {
        if self.dtype != Dtype::U8 || !self.runs.is_one_run() {
            return None;
        }
        let first = self.at::<u8>(self.base(sample, 0)).wrapping_add(start);
        // SAFETY: promised by the caller.
        Some(unsafe { core::slice::from_raw_parts(first, len) })
    }

    /// Returns the row of a class of a mask, where its elements are bytes side by side.
    ///
    /// # Safety
    /// As [`StridedRows::byte_labels`].
    pub unsafe fn byte_row<'a>(
        &self,
        sample: usize,
        class: usize,
        start: usize,
        len: usize,
    ) -> Option<&'a [u8]> {
        if !matches!(self.dtype, Dtype::U8 | Dtype::I8 | Dtype::Bool) || !self.runs.is_one_run() {
            return None;
        }
        let first = self.at::<u8>(self.base(sample, class)).wrapping_add(start);
        // SAFETY: promised by the caller.
        Some(unsafe { core::slice::from_raw_parts(first, len) })
    }

    /// Reads labels as class indices.
    ///
    /// # Safety
    /// As [`StridedRows::load`].
    pub unsafe fn labels(&self, sample: usize, start: usize, map: &LabelMap<'_>, out: &mut [i32]) {
        let base = self.base(sample, 0);
        let mut rest = out;
        self.runs.for_each(start, rest.len(), |offset, stride, count| {
            let (run, tail) = split_mut(core::mem::take(&mut rest), count);
            rest = tail;
            let at = base.wrapping_add(offset);
            match self.dtype {
                Dtype::I64 => dispatch(Labels { from: self.at::<i64>(at), stride, map, out: run }),
                Dtype::I32 => dispatch(Labels { from: self.at::<i32>(at), stride, map, out: run }),
                Dtype::I16 => dispatch(Labels { from: self.at::<i16>(at), stride, map, out: run }),
                Dtype::I8 => dispatch(Labels { from: self.at::<i8>(at), stride, map, out: run }),
                Dtype::U64 => dispatch(Labels { from: self.at::<u64>(at), stride, map, out: run }),
                Dtype::U32 => dispatch(Labels { from: self.at::<u32>(at), stride, map, out: run }),
                Dtype::U16 => dispatch(Labels { from: self.at::<u16>(at), stride, map, out: run }),
                _ => dispatch(Labels { from: self.at::<u8>(at), stride, map, out: run }),
            }
        });
    }

    fn at<E>(&self, offset: isize) -> *const E {
        self.data.cast::<E>().wrapping_offset(offset).cast_const()
    }
}

/// Which numbers are labels: how a label becomes a class index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelMap<'a> {
    /// Labels `0..classes` are classes. A single class has two: 0 is outside, 1 is the object.
    pub classes: i32,
    /// In ascending order where they are more than [`FEW_IGNORED`].
    pub ignore: &'a [i64],
}

/// Up to so many ignored labels are compared with every label one by one; among more a label is searched for.
pub(crate) const FEW_IGNORED: usize = 8;

/// Sorts in place: by a heap, whose code has no panic, unlike the sorts of `core`.
pub(crate) fn sort(numbers: &mut [i64]) {
    for root in (0..numbers.len() / 2).rev() {
        sift(numbers, root);
    }
    let mut heap = numbers;
    while let Some(last) = heap.len().checked_sub(1) {
        if let [first, .., last] = &mut *heap {
            core::mem::swap(first, last);
        }
        heap = split_mut(heap, last).0;
        sift(heap, 0);
    }
}

/// Moves the number at `root` down until none below it is larger.
fn sift(heap: &mut [i64], mut root: usize) {
    loop {
        let larger = |child: usize, than: usize| heap.get(child) > heap.get(than);
        let (left, right) = (2 * root + 1, 2 * root + 2);
        let child = if larger(right, left) { right } else { left };
        if !larger(child, root) {
            return;
        }
        if let Ok([a, b]) = heap.get_disjoint_mut([root, child]) {
            core::mem::swap(a, b);
        }
        root = child;
    }
}

impl LabelMap<'_> {
    /// An ignored label.
    pub const IGNORED: i32 = -1;
    /// A label that is neither a class nor ignored.
    pub const UNKNOWN: i32 = -2;
}

/// Returns the value of a label, or a negative number for a value that is no class index.
#[inline(always)]
fn index<E: PrimInt + AsPrimitive<i32>>(label: E) -> i32 {
    // Types below 32 bits fit `i32` whole.
    if size_of::<E>() < 4 || label >> 31 == E::zero() { label.as_() } else { LabelMap::UNKNOWN }
}

/// Reads byte labels that are all classes.
pub(crate) struct ClassesOfBytes<'a> {
    pub from: &'a [u8],
    pub out: &'a mut [i32],
}

impl Kernel for ClassesOfBytes<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (to, &label) in self.out.iter_mut().zip(self.from) {
            *to = i32::from(label);
        }
    }
}

/// Counts the bytes with a value.
pub(crate) struct CountBytes<'a> {
    pub bytes: &'a [u8],
    pub value: u8,
}

impl Kernel for CountBytes<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        // Lane i counts bytes i, i + 64, i + 128 ... in a byte of its own, of at most 255 rows at a time: wider counters
        // would have fewer lanes.
        const LANES: usize = 64;
        let (rows, rest) = self.bytes.as_chunks::<LANES>();
        let is_value = |byte: u8| u8::from(byte == self.value);
        let (mut total, mut later) = (0, rows);
        while !later.is_empty() {
            let (now, after) = split(later, later.len().min(usize::from(u8::MAX)));
            later = after;
            let mut counts = [0u8; LANES];
            for row in now {
                // A new array, not counting in place: the compiler then keeps it in registers.
                let mut sums = row.map(is_value);
                sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum = sum.wrapping_add(*count));
                counts = sums;
            }
            total += counts.iter().map(|&count| u32::from(count)).sum::<u32>();
        }
        total + rest.iter().map(|&byte| u32::from(is_value(byte))).sum::<u32>()
    }
}

struct Labels<'a, E> {
    from: *const E,
    stride: isize,
    map: &'a LabelMap<'a>,
    out: &'a mut [i32],
}

impl<E: PrimInt + AsPrimitive<i32>> Kernel for Labels<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, stride, map, out } = self;
        // SAFETY: the caller of `StridedRows::labels` promises that the run lies in a readable array.
        let label = |i: usize| unsafe { *from.offset(i as isize * stride) };
        let classes = map.classes;
        // The first ignored label, often the only one, where labels are read: to write over others takes a masked store
        // each (see `Real::cleared`).
        let many = if map.ignore.len() > FEW_IGNORED { map.ignore } else { &[] };
        let few = if many.is_empty() { map.ignore } else { &[] };
        let (first, others) = few.split_first().map_or((None, few), |(first, others)| {
            // A number that this type cannot hold names no voxel.
            (E::from(*first), others)
        });
        let index = |label: E| {
            let index = index(label);
            let known = if index >= 0 && index < classes { index } else { LabelMap::UNKNOWN };
            if first == Some(label) { LabelMap::IGNORED } else { known }
        };
        if stride == 1 {
            for (i, to) in out.iter_mut().enumerate() {
                // SAFETY: as above.
                *to = index(unsafe { *from.add(i) });
            }
        } else {
            for (i, to) in out.iter_mut().enumerate() {
                *to = index(label(i));
            }
        }
        for ignore in others {
            let Some(ignore) = E::from(*ignore) else { continue };
            for (i, to) in out.iter_mut().enumerate() {
                // All bits of an ignored label are set.
                *to |= i32::from(label(i) == ignore).wrapping_neg();
            }
        }
        if let (Some(least), Some(largest)) = (many.first(), many.last()) {
            for (i, to) in out.iter_mut().enumerate() {
                let Some(label) = label(i).to_i64() else { continue };
                if *least <= label && label <= *largest && many.binary_search(&label).is_ok() {
                    *to = LabelMap::IGNORED;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;
    use quickcheck::quickcheck;
    use std::{vec, vec::Vec};

    #[test]
    fn a_label_is_a_class_or_ignored_or_unknown() {
        let labels = [0i64, 2, 3, -1, i64::MIN, 1 << 32, 255];
        let view = View::new(&labels, &[1, 7]).unwrap();
        let map = LabelMap { classes: 3, ignore: &[255, 2, i64::MIN] };
        let mut row = [0; 7];
        // SAFETY: all 7 voxels.
        unsafe { StridedRows::without_classes(&view.array).labels(0, 0, &map, &mut row) };
        assert_eq!(row, [0, -1, -2, -2, -1, -2, -1]);
    }

    /// Each value of every width, and none by its low bits or by another sign.
    #[test]
    fn labels_of_every_integer_type_are_their_values() {
        macro_rules! check {
            ($($type:ty),*) => {$(
                let labels = [<$type>::MIN, 0, 1, 2, 126, <$type>::MAX];
                let view = View::new(&labels, &[1, 6]).unwrap();
                let map = LabelMap { classes: 126, ignore: &[-1, -128, 2, 255] };
                let mut row = [0; 6];
                // SAFETY: all 6 voxels.
                unsafe { StridedRows::without_classes(&view.array).labels(0, 0, &map, &mut row) };
                let of = |label: $type| match i64::try_from(label) {
                    Ok(known) if map.ignore.contains(&known) => LabelMap::IGNORED,
                    Ok(class) if (0..126).contains(&class) => class as i32,
                    _ => LabelMap::UNKNOWN,
                };
                assert_eq!(row, labels.map(of), "{}", stringify!($type));
            )*};
        }
        check!(u8, u16, u32, u64, i8, i16, i32, i64);
    }

    #[test]
    fn every_byte_is_counted() {
        // Around a row of lanes, and around as many rows as a counter of one byte holds.
        for len in [0, 1, 63, 64, 65, 255 * 64 - 1, 255 * 64, 255 * 64 + 1, 256 * 64, 600 * 64 + 7] {
            let same = vec![9u8; len];
            let mixed: Vec<u8> = (0..len).map(|i| (i % 7) as u8).collect();
            let count = |bytes: &[u8], value| dispatch(CountBytes { bytes, value }) as usize;
            assert_eq!([count(&same, 9), count(&same, 8)], [len, 0]);
            assert_eq!(count(&mixed, 3), (len + 3) / 7, "{len}");
        }
    }

    quickcheck! {
        fn a_heap_sorts(numbers: Vec<i64>) -> bool {
            let (mut ours, mut expected) = (numbers.clone(), numbers);
            sort(&mut ours);
            expected.sort();
            ours == expected
        }

        fn few_ignored_labels_and_many_name_the_same_voxels(labels: Vec<i16>, ignore: Vec<i16>) -> bool {
            let label = |x: i16| x % 32;
            let labels: Vec<i16> = labels.into_iter().chain([3]).map(label).collect();
            let mut ignore: Vec<i64> = ignore.into_iter().map(|x| label(x).into()).collect();
            ignore.sort();
            let view = View::new(&labels, &[1, labels.len()]).unwrap();
            let mut row = vec![0; labels.len()];
            let map = LabelMap { classes: 5, ignore: &ignore };
            // SAFETY: all voxels.
            unsafe { StridedRows::without_classes(&view.array).labels(0, 0, &map, &mut row) };
            labels.iter().zip(row).all(|(&label, index)| {
                let known = if (0..5).contains(&label) { label.into() } else { LabelMap::UNKNOWN };
                index == if ignore.contains(&label.into()) { LabelMap::IGNORED } else { known }
            })
        }
    }
}
