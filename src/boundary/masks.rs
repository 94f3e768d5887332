//! Masks of one sample: of its target, and of its prediction.

use crate::batch::{Plan, Truth};
use crate::distance::{ClassMask, Mask};
use crate::view::Array;
use crate::{Error, Status};

/// Where the target of a sample is one class: every other label, ignored ones too, is outside.
pub(crate) struct TargetMask<'a> {
    /// None: nothing is inside.
    of: Option<ClassMask<'a>>,
}

/// What is inside of a target's mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Inside {
    /// A class.
    Class(usize),
    /// A label value: for a single class 0 as well.
    Label(usize),
}

impl<'a> TargetMask<'a> {
    pub fn new(plan: &Plan<'a>, sample: usize, inside: Inside) -> Self {
        let (class, wanted) = match (plan.truth, inside) {
            (Truth::Labels, Inside::Class(class)) => (0, plan.label_of(class) as usize),
            (Truth::Labels, Inside::Label(label)) => (0, label),
            // The map of a single class says by 0 where its other region is.
            (_, Inside::Label(label)) if plan.classes == 1 => (0, label),
            (_, Inside::Class(class) | Inside::Label(class)) => (class, 1),
        };
        let is_ignored = plan.ignore.iter().any(|&ignore| usize::try_from(ignore) == Ok(wanted));
        let of = |array: &Array| ClassMask::label(array, wanted);
        Self { of: if is_ignored { None } else { plan.target_of(sample, class).as_ref().map(of) } }
    }
}

/// Where no annotated class is true: of labels those of the other classes, of maps what they leave. Ignored labels are
/// outside of this, too.
pub(crate) struct RestMask<'a> {
    pub plan: &'a Plan<'a>,
    pub sample: usize,
}

// SAFETY: it reads the target, which is not written while a batch is borrowed, and flags that are Sync.
unsafe impl Sync for RestMask<'_> {}

/// Words that are made at once.
const AT_ONCE: usize = 16;

impl Mask for RestMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let Self { plan, sample } = *self;
        let of_labels = plan.truth == Truth::Labels;
        for (k, words) in words.chunks_mut(AT_ONCE).enumerate() {
            let first = k * AT_ONCE * 64;
            let count = count.saturating_sub(first).min(AT_ONCE * 64);
            words.fill(0);
            for class in (0..plan.classes).filter(|&class| plan.is_annotated(sample, class) != of_labels) {
                let mut of_class = [0; AT_ONCE];
                let of_class = of_class.get_mut(..words.len()).unwrap_or(&mut []);
                let mask = TargetMask::new(plan, sample, Inside::Class(class));
                mask.bits(row, start + first, count, of_class);
                words.iter_mut().zip(of_class).for_each(|(word, bits)| *word |= *bits);
            }
            for (k, word) in words.iter_mut().enumerate().filter(|_| !of_labels) {
                let here = count.saturating_sub(k * 64).min(64);
                let all = if here == 64 { u64::MAX } else { (1 << here) - 1 };
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

/// One bit per voxel of a sample.
pub(crate) struct BitMask<'a> {
    pub words: &'a [u64],
    /// Voxels of a row.
    pub width: usize,
}

impl Mask for BitMask<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let first = row * self.width + start;
        for (k, word) in words.iter_mut().enumerate() {
            let at = first + k * 64;
            let of = |index: usize| self.words.get(index).copied().unwrap_or(0);
            let (low, skip) = (of(at / 64), at % 64);
            let joined = if skip == 0 { low } else { low >> skip | of(at / 64 + 1) << (64 - skip) };
            let here = count.saturating_sub(k * 64).min(64);
            *word = if here == 64 { joined } else { joined & ((1 << here) - 1) };
        }
    }
}

/// What a field demands of truth that is given as maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wants {
    /// Nothing: the target is not read.
    Anything,
    /// 0 or 1 everywhere.
    Masks,
    /// Exactly one class is 1 in each voxel, at most one where some class of the sample is not annotated.
    Partition,
}

/// Refuses maps that are not what a field wants: the first such voxel.
///
/// # Safety
/// The arrays of the plan are readable.
pub(crate) unsafe fn check_maps(plan: &Plan<'_>, wants: Wants) -> Result<(), Error> {
    if plan.truth == Truth::Labels || wants == Wants::Anything {
        return Ok(());
    }
    for sample in 0..plan.samples {
        for first in (0..plan.voxels).step_by(64) {
            let count = (plan.voxels - first).min(64);
            let (mut bad, mut ones) = (0u64, [0u32; 64]);
            for class in (0..plan.classes).filter(|&class| plan.is_annotated(sample, class)) {
                let mut truth = [0f64; 64];
                // SAFETY: promised by the caller; the voxels lie in the sample.
                unsafe { plan.target.load(sample, class, first, truth.get_mut(..count).unwrap_or(&mut [])) };
                for (voxel, (&g, ones)) in truth.iter().zip(ones.iter_mut()).enumerate() {
                    bad |= u64::from(g != 0.0 && g != 1.0) << voxel;
                    *ones += u32::from(g == 1.0);
                }
            }
            let is_partition = wants == Wants::Partition && plan.classes > 1;
            let least = u32::from((0..plan.classes).all(|class| plan.is_annotated(sample, class)));
            for (voxel, &ones) in ones.iter().enumerate().take(count) {
                bad |= u64::from(is_partition && (ones > 1 || ones < least)) << voxel;
            }
            if bad != 0 {
                let voxel = sample * plan.voxels + first + bad.trailing_zeros() as usize;
                let wants = match wants {
                    Wants::Partition => c"one class at 1 in each voxel, or a field given with the term",
                    _ => c"0 or 1 everywhere, or a field given with the term",
                };
                return Err(Error::new(Status::Unsupported, c"target", wants).at(voxel));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Batch, View};
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
        let plan = Plan::new(&batch).unwrap();
        for (class, bits) in [(0, 0b10001), (1, 0b01010)] {
            let mut word = [0];
            TargetMask::new(&plan, 0, Inside::Class(class)).bits(0, 0, 5, &mut word);
            assert_eq!(word[0], bits);
        }
    }

    quickcheck! {
        fn bits_are_found_at_any_offset(bits: Vec<bool>, width: u8, row: u8) -> bool {
            let width = width as usize % 150 + 1;
            let mut words = vec![0u64; bits.len() / 64 + 1];
            bits.iter().enumerate().for_each(|(i, &bit)| words[i / 64] |= u64::from(bit) << (i % 64));
            let row = row as usize % (bits.len() / width + 1);
            let here = width.min(bits.len().saturating_sub(row * width));
            let mut found = vec![0; here.div_ceil(64)];
            BitMask { words: &words, width }.bits(row, 0, here, &mut found);
            (0..here).all(|i| (found[i / 64] >> (i % 64) & 1 == 1) == bits[row * width + i])
        }
    }
}
