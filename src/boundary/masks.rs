//! Masks of the target and of the prediction of one sample.

use crate::array::view::Array;
use crate::checked::slice_mut;
use crate::distance::Mask;
use crate::distance::class_mask::ClassMask;
use crate::error::{Error, Status};
use crate::problem::{Problem, TargetKind};

/// The mask of a class in the target of a sample. Every other label is outside, ignored labels included.
pub(crate) struct TargetMask<'a> {
    /// `None`: the mask is empty.
    of: Option<ClassMask<'a>>,
}

/// The inside of a mask of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Region {
    /// A class.
    Class(usize),
    /// A label value. A single class has the labels 0 and 1.
    Label(usize),
}

impl<'a> TargetMask<'a> {
    /// Creates the mask of `inside` in the target of a sample.
    pub fn new(problem: &Problem<'a>, sample: usize, inside: Region) -> Self {
        let (class, value) = match (problem.target_kind, inside) {
            (TargetKind::Labels, Region::Class(class)) => (0, problem.label_of(class) as usize),
            (TargetKind::Labels, Region::Label(label)) => (0, label),
            // The background of a single class is where its map is 0.
            (_, Region::Label(label)) if problem.classes == 1 => (0, label),
            (_, Region::Class(class) | Region::Label(class)) => (class, 1),
        };
        let is_ignored = problem.ignore.iter().any(|&ignore| usize::try_from(ignore) == Ok(value));
        let of = |array: &Array| ClassMask::label(array, value);
        Self { of: if is_ignored { None } else { problem.target_of(sample, class).as_ref().map(of) } }
    }
}

/// The mask of the voxels of no annotated class. For labels: the voxels of the other classes, without ignored labels.
/// For masks and dense maps: the voxels where no annotated class is 1.
pub(crate) struct RestMask<'a> {
    pub problem: &'a Problem<'a>,
    pub sample: usize,
}

// SAFETY: the mask only reads the target, which is borrowed and so not written, and flags that are `Sync`.
unsafe impl Sync for RestMask<'_> {}

/// The number of words that are computed at once.
const WORDS: usize = 16;

impl Mask for RestMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let Self { problem, sample } = *self;
        let of_labels = problem.target_kind == TargetKind::Labels;
        for (k, words) in words.chunks_mut(WORDS).enumerate() {
            let first = k * WORDS * 64;
            let count = count.saturating_sub(first).min(WORDS * 64);
            words.fill(0);
            for class in
                (0..problem.classes).filter(|&class| problem.is_annotated(sample, class) != of_labels)
            {
                let mut of_class = [0; WORDS];
                let of_class = slice_mut(&mut of_class, 0..words.len());
                let mask = TargetMask::new(problem, sample, Region::Class(class));
                mask.bits(row, start + first, count, of_class);
                words.iter_mut().zip(of_class).for_each(|(word, bits)| *word |= *bits);
            }
            for (k, word) in words.iter_mut().enumerate().filter(|_| !of_labels) {
                let used = count.saturating_sub(k * 64).min(64);
                let all = if used == 64 { u64::MAX } else { (1 << used) - 1 };
                *word = !*word & all;
            }
        }
    }
}

impl Mask for TargetMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        match &self.of {
            Some(mask) => mask.bits(row, start, count, words),
            None => words.fill(0),
        }
    }
}

/// A mask with one stored bit per voxel of a sample.
pub(crate) struct BitMask<'a> {
    pub words: &'a [u64],
    /// The number of voxels of a row.
    pub width: usize,
}

impl Mask for BitMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let first = row * self.width + start;
        for (k, word) in words.iter_mut().enumerate() {
            let at = first + k * 64;
            let of = |index: usize| self.words.get(index).copied().unwrap_or(0);
            let (low, skip) = (of(at / 64), at % 64);
            let bits = if skip == 0 { low } else { low >> skip | of(at / 64 + 1) << (64 - skip) };
            let used = count.saturating_sub(k * 64).min(64);
            *word = if used == 64 { bits } else { bits & ((1 << used) - 1) };
        }
    }
}

/// The requirement of a distance field on targets that are masks or dense maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetRequirement {
    /// No requirement: the field does not read the target.
    Anything,
    /// Every value is 0 or 1.
    Masks,
    /// Exactly one class is 1 in each voxel; at most one if a class of the sample is not annotated.
    Partition,
}

/// Returns an error with the first voxel whose target does not meet the requirement.
///
/// # Safety
/// The arrays of the problem are readable.
pub(crate) unsafe fn check_maps(problem: &Problem<'_>, requirement: TargetRequirement) -> Result<(), Error> {
    if problem.target_kind == TargetKind::Labels || requirement == TargetRequirement::Anything {
        return Ok(());
    }
    for sample in 0..problem.samples {
        for first in (0..problem.voxels).step_by(64) {
            let count = (problem.voxels - first).min(64);
            let (mut invalid, mut ones) = (0u64, [0u32; 64]);
            for class in (0..problem.classes).filter(|&class| problem.is_annotated(sample, class)) {
                let mut target = [0f64; 64];
                let values = slice_mut(&mut target, 0..count);
                // SAFETY: the caller guarantees readable arrays; the voxels lie in the sample.
                unsafe { problem.target.load(sample, class, first, values) };
                for (voxel, (&g, ones)) in target.iter().zip(ones.iter_mut()).enumerate() {
                    invalid |= u64::from(g != 0.0 && g != 1.0) << voxel;
                    *ones += u32::from(g == 1.0);
                }
            }
            let is_partition = requirement == TargetRequirement::Partition && problem.classes > 1;
            let minimum = u32::from((0..problem.classes).all(|class| problem.is_annotated(sample, class)));
            for (voxel, &ones) in ones.iter().enumerate().take(count) {
                invalid |= u64::from(is_partition && (ones > 1 || ones < minimum)) << voxel;
            }
            if invalid != 0 {
                let voxel = sample * problem.voxels + first + invalid.trailing_zeros() as usize;
                let expected = match requirement {
                    TargetRequirement::Partition => c"exactly one class at 1 in each voxel, or a given field",
                    _ => c"0 or 1 in every voxel, or a given field",
                };
                return Err(Error::new(Status::Unsupported, c"target", expected).at(voxel));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;
    use crate::batch::Batch;
    use crate::loss::activation::Activation;
    use quickcheck::quickcheck;
    use std::vec;
    use std::vec::Vec;

    /// Rows of 100 voxels, all inside: a row ends in a word that holds the next one's voxels as well.
    #[test]
    fn a_row_has_no_bits_behind_its_end() {
        let mask = BitMask { words: &[u64::MAX; 7], width: 100 };
        for row in 0..4 {
            for (start, count, expected) in
                [(0, 100, &[u64::MAX, (1 << 36) - 1]), (64, 36, &[(1 << 36) - 1, 0])]
            {
                let mut words = [0; 2];
                mask.bits(row, start, count, &mut words[..count.div_ceil(64)]);
                assert_eq!(words, *expected, "row {row} from {start}");
            }
        }
    }

    #[test]
    fn an_ignored_label_is_outside_of_every_class() {
        let logits = [0f32; 10];
        let labels = [0u8, 1, 255, 1, 0];
        let prediction = View::new(&logits, &[1, 2, 5]).unwrap();
        let target = View::new(&labels, &[1, 5]).unwrap();
        let batch = Batch { ignore: &[255], ..Batch::new(prediction, Activation::Softmax, target) };
        let problem = Problem::new(&batch).unwrap();
        for (class, bits) in [(0, 0b10001), (1, 0b01010)] {
            let mut word = [0];
            TargetMask::new(&problem, 0, Region::Class(class)).bits(0, 0, 5, &mut word);
            assert_eq!(word[0], bits);
        }
    }

    quickcheck! {
        fn a_bit_mask_is_read_at_any_offset(bits: Vec<bool>, width: u8, row: u8) -> bool {
            let width = width as usize % 150 + 1;
            let mut words = vec![0u64; bits.len() / 64 + 1];
            bits.iter().enumerate().for_each(|(i, &bit)| words[i / 64] |= u64::from(bit) << (i % 64));
            let row = row as usize % (bits.len() / width + 1);
            let count = width.min(bits.len().saturating_sub(row * width));
            let mut found = vec![0; count.div_ceil(64)];
            BitMask { words: &words, width }.bits(row, 0, count, &mut found);
            (0..count).all(|i| (found[i / 64] >> (i % 64) & 1 == 1) == bits[row * width + i])
        }
    }
}
