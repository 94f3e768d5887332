//! Radix select: the k-th largest of many numbers, digit by digit.
//!
//! Each round computes a histogram of the next digit over the numbers that begin with the digits found so far.
//! Histograms add and depend on no order, so the numbers may lie in several parts, on several machines. With 2,048
//! digits f32 takes three rounds and f64 six.

use crate::array::real::Real;
use crate::checked::slice_mut;
use crate::error::{Error, Status};
use crate::loss::selection::Selection;
use crate::simd::level::{Kernel, dispatch};
use num_traits::{AsPrimitive, Bounded, cast};

/// The number of digits, and of counts in scratch, of a selection over a whole batch.
pub(crate) const COUNTS: usize = if cfg!(target_pointer_width = "64") { 2048 } else { 128 };
/// The same for a search over parts: equal on every target, because parts may lie on different machines.
pub(crate) const SEARCH_COUNTS: usize = 2048;
/// Numbers per block.
const BLOCK: usize = 64;

/// The state of a selection after some rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Progress {
    /// 1 once the threshold is found.
    done: u64,
    /// The bits of a key, 32 or 64; 0 before the first count.
    key_bits: u64,
    /// The bits of the digits found.
    found_bits: u64,
    /// The digits found, as a number; the key of the threshold once it is found.
    prefix: u64,
    /// How many of the numbers that begin with these digits are selected.
    remaining: u64,
    /// How many numbers equal the threshold.
    ties: u64,
}

impl Progress {
    const START: Self = Self { done: 0, key_bits: 0, found_bits: 0, prefix: 0, remaining: 0, ties: 0 };

    /// Returns the lowest bit and the number of bits of the next digit.
    fn digit(&self, bins: &[u64]) -> (u32, u32) {
        let left = self.key_bits.saturating_sub(self.found_bits).min(64) as u32;
        let bits = bins.len().trailing_zeros().min(left);
        (left - bits, bits)
    }

    /// Adds the next digits of the numbers to the histogram `bins`. Ignores −∞.
    fn count<T: Real>(&mut self, numbers: &[T], bins: &mut [u64]) {
        self.key_bits = size_of::<T::Key>() as u64 * 8;
        let (shift, bits) = self.digit(bins);
        let (blocks, rest) = numbers.as_chunks::<BLOCK>();
        let mut last = [T::of(f64::NEG_INFINITY); BLOCK];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let mut digits = [0; BLOCK];
        for numbers in blocks.iter().chain(core::iter::once(&last)) {
            let prefix = self.prefix;
            if dispatch(Digits { numbers, prefix, shift, bits, digits: &mut digits }) {
                // After the first round few numbers begin with the digits found: a branch is faster than counting the
                // others in a bin of their own.
                for digit in digits {
                    if let Some(bin) = bins.get_mut(digit as usize) {
                        *bin += 1;
                    }
                }
            }
        }
    }

    /// Ends a round: finds the next digit of the threshold and clears the histogram. In the first round the histogram
    /// counts all numbers; `fraction` of them, at least one, are selected.
    fn narrow(&mut self, fraction: f64, bins: &mut [u64]) {
        if self.found_bits == 0 {
            let all = bins.iter().fold(0u64, |all, &count| all.saturating_add(count));
            self.remaining = places(fraction, all);
        }
        self.narrow_to_remaining(bins);
    }

    /// Ends a round in which it is known how many numbers are selected.
    fn narrow_to_remaining(&mut self, bins: &mut [u64]) {
        let (shift, bits) = self.digit(bins);
        let mut next = 0;
        for (digit, &count) in bins.iter().enumerate().rev() {
            if count >= self.remaining {
                (next, self.ties) = (digit as u64, count);
                break;
            }
            self.remaining -= count;
        }
        self.prefix = self.prefix.checked_shl(bits).unwrap_or(0) | next;
        self.found_bits += u64::from(bits);
        bins.fill(0);
        if self.found_bits >= self.key_bits || self.remaining == 0 {
            self.prefix = self.prefix.checked_shl(shift).unwrap_or(0);
            self.done = 1;
        }
    }

    /// Returns the threshold once it is found.
    fn threshold(&self) -> Threshold {
        let share = if self.ties == 0 { 0.0 } else { self.remaining as f64 / self.ties as f64 };
        Threshold { key: self.prefix, share }
    }
}

/// Returns the threshold above which `fraction` of the numbers lie, at least one. Ignores −∞. `bins` has [`COUNTS`]
/// entries.
pub(crate) fn select<T: Real>(numbers: &[T], fraction: f64, bins: &mut [u64]) -> Threshold {
    let bins = fitting(bins, numbers.len());
    bins.fill(0);
    let mut progress = Progress::START;
    while progress.done == 0 {
        progress.count(numbers, bins);
        progress.narrow(fraction, bins);
    }
    progress.threshold()
}

/// Returns the threshold above which so many of the numbers lie, at least one and at most all. Ignores −∞.
pub(crate) fn select_places<T: Real>(numbers: &[T], places: u64, bins: &mut [u64]) -> Threshold {
    let bins = fitting(bins, numbers.len());
    bins.fill(0);
    let mut progress = Progress { remaining: places, ..Progress::START };
    while progress.done == 0 {
        progress.count(numbers, bins);
        progress.narrow_to_remaining(bins);
    }
    progress.threshold()
}

/// Returns fewer bins for few numbers: more rounds then take less time than the histograms.
fn fitting(bins: &mut [u64], count: usize) -> &mut [u64] {
    let fitting = if count < 1 << 14 { bins.len().min(128) } else { bins.len() };
    slice_mut(bins, 0..fitting)
}

/// Returns how many of `all` numbers a fraction, at most 1, selects.
pub(crate) fn places(fraction: f64, all: u64) -> u64 {
    ((fraction * all as f64) as u64).max(u64::from(all > 0))
}

/// The search for the voxels that TopK by fraction selects, over a batch in parts.
///
/// One round finds one digit of the threshold, the smallest selected loss: [`top_k_count`](crate::parts::top_k_count)
/// adds every part to the counts, [`TopKSearch::narrow`] ends the round. Three rounds serve f16, bf16 and f32
/// predictions, six f64. Counts add: [`TopKSearch::merge`] merges searches of the same round from several threads or
/// machines. The result depends on no order of the parts and equals that of the whole batch to the bit.
///
/// ```
/// use segloss::parts::*;
/// use segloss::*;
///
/// let (logits, labels) = ([0.5f32, 1.0, -1.0, 0.25, 2.0, -0.5, 0.0, 1.5], [0u8, 1, 1, 0]);
/// let part = |k: usize| -> Result<Batch<'_>, Error> {
///     // Voxels 2k and 2k + 1 of one sample of two classes.
///     let prediction = View::strided(&logits, 2 * k, &[1, 2, 2], &[8, 4, 1])?;
///     Ok(Batch::new(prediction, Activation::Softmax, View::new(&labels[2 * k..2 * k + 2], &[1, 2])?))
/// };
/// let top_k = TopK { selection: Selection::Fraction(0.5) };
/// let mut terms = [Term::new(1.0, &top_k)];
/// let mut scratch = vec![0; scratch_len(&part(0)?, &terms)?];
///
/// let mut search = TopKSearch::new();
/// while !search.is_done() {
///     for k in 0..2 {
///         top_k_count(&part(k)?, &terms, 0, &mut search, &mut scratch)?;
///     }
///     search.narrow(&top_k)?;
/// }
/// terms[0].top_k_search = Some(&search);
/// let mut sums = [ClassSums::ZERO; 2];
/// for k in 0..2 {
///     accumulate(&part(k)?, &terms, &mut sums, &mut scratch)?;
/// }
/// let value = finalize(&part(0)?, &terms, &sums, 1.0, None, &mut scratch)?;
///
/// let whole = Batch::new(View::new(&logits, &[1, 2, 4])?, Activation::Softmax, View::new(&labels, &[1, 4])?);
/// assert_eq!(value, evaluate(&whole, &[Term::new(1.0, &top_k)], &mut scratch)?);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[repr(C)]
pub struct TopKSearch {
    progress: Progress,
    bins: [u64; SEARCH_COUNTS],
}

impl TopKSearch {
    /// A search before its first round; all zero.
    pub const fn new() -> Self {
        Self { progress: Progress::START, bins: [0; SEARCH_COUNTS] }
    }

    /// Returns whether the threshold is found.
    pub const fn is_done(&self) -> bool {
        self.progress.done != 0
    }

    /// Adds the counts of another search that has ended the same rounds.
    ///
    /// # Errors
    /// [`Status::Parameter`] if the searches are at different rounds; nothing is then added.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let (ours, theirs) = (self.progress, other.progress);
        // A search that has counted nothing has no width of keys.
        let key_bits = ours.key_bits.max(theirs.key_bits);
        let is_known = |bits: u64| bits == 0 || bits == key_bits;
        let same_round = Progress { key_bits, ..ours } == Progress { key_bits, ..theirs };
        if !(same_round && is_known(ours.key_bits) && is_known(theirs.key_bits)) {
            return Err(Error::new(Status::Parameter, c"search", c"two searches of the same round"));
        }
        self.progress.key_bits = key_bits;
        for (count, more) in self.bins.iter_mut().zip(&other.bins) {
            *count = count.saturating_add(*more);
        }
        Ok(())
    }

    /// Ends a round for a loss of this selection.
    pub(crate) fn narrow_to(&mut self, selection: Option<Selection>) -> Result<(), Error> {
        let Some(Selection::Fraction(fraction)) = selection else {
            return Err(Error::new(Status::Parameter, c"term", c"TopK by fraction"));
        };
        if self.is_done() || self.progress.key_bits == 0 {
            return Err(Error::new(
                Status::Parameter,
                c"search",
                c"parts counted in this round, and not done",
            ));
        }
        self.progress.narrow(fraction, &mut self.bins);
        Ok(())
    }

    /// Counts the next digits of these numbers.
    pub(crate) fn count<T: Real>(&mut self, numbers: &[T]) -> Result<(), Error> {
        if self.is_done() {
            return Err(Error::new(Status::Parameter, c"search", c"a search that is not done"));
        }
        let key_bits = size_of::<T::Key>() as u64 * 8;
        if self.progress.key_bits != 0 && self.progress.key_bits != key_bits {
            return Err(wrong_precision());
        }
        self.progress.count(numbers, &mut self.bins);
        Ok(())
    }

    /// Returns the threshold for numbers of type `T`.
    pub(crate) fn threshold<T: Real>(&self) -> Result<Threshold, Error> {
        if !self.is_done() {
            return Err(Error::new(Status::Parameter, c"top_k_search", c"a search that is done"));
        }
        if self.progress.key_bits != size_of::<T::Key>() as u64 * 8 {
            return Err(wrong_precision());
        }
        Ok(self.progress.threshold())
    }
}

impl Default for TopKSearch {
    fn default() -> Self {
        Self::new()
    }
}

fn wrong_precision() -> Error {
    Error::new(Status::Dtype, c"search", c"predictions that are all f64, or all f16, bf16 or f32")
}

/// Computes the next digit of each number of a block, `u32::MAX` for numbers that begin with other digits. Returns
/// whether any begins with the digits found.
struct Digits<'a, T> {
    numbers: &'a [T; BLOCK],
    prefix: u64,
    shift: u32,
    bits: u32,
    digits: &'a mut [u32; BLOCK],
}

impl<T: Real> Kernel for Digits<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { numbers, prefix, shift, bits, digits } = self;
        // Numbers that begin with the prefix have contiguous keys.
        let first = prefix.checked_shl(shift + bits).unwrap_or(0);
        let last = first | u64::MAX.checked_shr(64 - shift - bits).unwrap_or(0);
        let (first, last) = (key_of::<T>(first), key_of::<T>(last));
        let (shift, mask) = (shift as usize, (1u32 << bits) - 1);
        let none = T::of(f64::NEG_INFINITY);
        let mut any = false;
        for (&number, digit) in numbers.iter().zip(digits) {
            let key = number.key();
            let counts = (key >= first) & (key <= last) & (number != none);
            let next: u32 = (key >> shift).as_();
            *digit = if counts { next & mask } else { u32::MAX };
            any |= counts;
        }
        any
    }
}

/// Converts a key from u64.
#[inline(always)]
pub(crate) fn key_of<T: Real>(key: u64) -> T::Key {
    cast(key).unwrap_or_else(T::Key::max_value)
}

/// Returns the number with a key; NaN for the last key.
pub(crate) fn number_of<T: Real>(key: u64) -> T {
    const SIGN: u32 = 1 << 31;
    const SIGN_64: u64 = 1 << 63;
    if size_of::<T::Key>() == size_of::<u32>() {
        let key = key as u32;
        let bits = if key & SIGN == 0 { !key } else { key ^ SIGN };
        return T::of(f64::from(f32::from_bits(bits)));
    }
    T::of(f64::from_bits(if key & SIGN_64 == 0 { !key } else { key ^ SIGN_64 }))
}

/// Which numbers are selected: those with a key above `key`, and a share of those with this key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub key: u64,
    pub share: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::vec::Vec;

    fn run<T: Real>(numbers: &[T], fraction: f64) -> Threshold {
        select(numbers, fraction, &mut [0; COUNTS])
    }

    /// The same threshold by sorting.
    fn sorted<T: Real>(numbers: &[T], fraction: f64) -> Threshold {
        let mut keys: Vec<u64> = numbers.iter().map(|x| x.key().into()).collect();
        keys.sort_by(|a, b| b.cmp(a));
        let places = ((fraction * keys.len() as f64) as usize).max(1);
        let key = keys[places - 1];
        let above = keys.iter().filter(|&&k| k > key).count();
        let ties = keys.iter().filter(|&&k| k == key).count();
        Threshold { key, share: (places - above) as f64 / ties as f64 }
    }

    quickcheck! {
        fn radix_select_agrees_with_sorting(numbers: Vec<f32>, copies: u8, percent: u8) -> bool {
            let mut numbers = numbers;
            // Ties, NaN and both zeros among them.
            numbers.extend(numbers.clone().iter().take(copies as usize));
            numbers.retain(|x| *x != f32::NEG_INFINITY);
            numbers.push(-0.0);
            let fraction = f64::from(percent % 100 + 1) / 100.0;
            let doubles: Vec<f64> = numbers.iter().map(|&x| f64::from(x) / 3.0).collect();
            run(&numbers, fraction) == sorted(&numbers, fraction)
                && run(&doubles, fraction) == sorted(&doubles, fraction)
        }
    }

    #[test]
    fn ties_at_the_threshold_share_the_remaining_selection() {
        let threshold = run(&[1f32, 5.0, 3.0, 3.0, 3.0, 0.0], 0.5);
        assert_eq!(threshold, Threshold { key: 3f32.key().into(), share: 2.0 / 3.0 });
    }

    #[test]
    fn a_key_gives_its_number_back() {
        for x in [f64::NEG_INFINITY, -2.5, -0.0, 0.0, 1e-30, 1.0, 87.5, f64::INFINITY] {
            assert_eq!(number_of::<f64>(x.key()), x);
            assert_eq!(number_of::<f32>((x as f32).key().into()), x as f32);
        }
        assert!(
            number_of::<f64>(f64::NAN.key()).is_nan() && number_of::<f32>(f32::NAN.key().into()).is_nan()
        );
    }

    #[test]
    fn a_number_of_places_selects_as_the_fraction_does() {
        let numbers = [1f32, 5.0, 3.0, 3.0, 3.0, 0.0, f32::NEG_INFINITY];
        for places in 1..=6 {
            let expected = run(&numbers, (places as f64 + 0.5) / 6.0);
            assert_eq!(select_places(&numbers, places, &mut [0; COUNTS]), expected, "{places}");
        }
    }

    #[test]
    fn no_number_is_selected_from_an_empty_batch() {
        assert_eq!(run::<f32>(&[], 0.5).share, 0.0);
    }
}
