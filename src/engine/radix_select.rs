//! The k-th largest of many numbers, found digit by digit (radix select).
//!
//! Each round counts, among the numbers that begin with the digits found so far, how many have
//! which next digit. Counts add and depend on no order, so the numbers may lie in parts, on several machines even.
//! 2,048 digits make three rounds for f32, six for f64.

use crate::array::real::Real;
use crate::error::{Error, Status};
use crate::loss::selection::Selection;
use crate::simd::level::{Kernel, dispatch};
use num_traits::{AsPrimitive, Bounded, cast};

/// Counts that a selection over a whole batch keeps in scratch, one for each digit.
pub(crate) const COUNTS: usize = if cfg!(target_pointer_width = "64") { 2048 } else { 128 };
/// Counts of a search over parts: the same on every target, since parts may lie on several.
pub(crate) const SEARCH_COUNTS: usize = 2048;
/// Numbers whose digits are found at once.
const BLOCK: usize = 64;

/// How far a selection has come.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Progress {
    /// 1 once the cut is found.
    done: u64,
    /// Bits of a key, 32 or 64; 0 before the first count.
    key_bits: u64,
    /// Bits of the digits found.
    found_bits: u64,
    /// The digits found, as a number; the whole key of the cut once it is found.
    prefix: u64,
    /// Places left for the numbers that begin with these digits.
    places: u64,
    /// Numbers at the cut.
    ties: u64,
}

impl Progress {
    const START: Self = Self { done: 0, key_bits: 0, found_bits: 0, prefix: 0, places: 0, ties: 0 };

    /// Where the next of `bins` digits lies: its lowest bit, and how many bits it has.
    fn digit(&self, bins: &[u64]) -> (u32, u32) {
        let left = self.key_bits.saturating_sub(self.found_bits).min(64) as u32;
        let bits = bins.len().trailing_zeros().min(left);
        (left - bits, bits)
    }

    /// Adds the next digits of the numbers to `bins`; −∞ is none of them.
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
                // After the first round few numbers have one: a branch is cheaper than a count of all others.
                for digit in digits {
                    if let Some(bin) = bins.get_mut(digit as usize) {
                        *bin += 1;
                    }
                }
            }
        }
    }

    /// Ends a round: finds the next digit of the cut and clears the counts. The first round's counts are all numbers
    /// there are, and `fraction` of them, at least one, have a place.
    fn narrow(&mut self, fraction: f64, bins: &mut [u64]) {
        let (shift, bits) = self.digit(bins);
        if self.found_bits == 0 {
            let all = bins.iter().fold(0u64, |all, &count| all.saturating_add(count));
            // The product is never above the count: the fraction is at most 1.
            self.places = ((fraction * all as f64) as u64).max(u64::from(all > 0));
        }
        let mut next = 0;
        for (digit, &count) in bins.iter().enumerate().rev() {
            if count >= self.places {
                (next, self.ties) = (digit as u64, count);
                break;
            }
            self.places -= count;
        }
        self.prefix = self.prefix.checked_shl(bits).unwrap_or(0) | next;
        self.found_bits += u64::from(bits);
        bins.fill(0);
        if self.found_bits >= self.key_bits || self.places == 0 {
            self.prefix = self.prefix.checked_shl(shift).unwrap_or(0);
            self.done = 1;
        }
    }

    /// The cut that was found.
    fn cut(&self) -> Threshold {
        let share = if self.ties == 0 { 0.0 } else { self.places as f64 / self.ties as f64 };
        Threshold { key: self.prefix, share }
    }
}

/// The cut of these numbers: `fraction` of them, at least one, have a place; −∞ is none of them. `bins` are
/// [`COUNTS`] counts.
pub(crate) fn select<T: Real>(numbers: &[T], fraction: f64, bins: &mut [u64]) -> Threshold {
    bins.fill(0);
    let mut progress = Progress::START;
    while progress.done == 0 {
        progress.count(numbers, bins);
        progress.narrow(fraction, bins);
    }
    progress.cut()
}

/// The search for the voxels that TopK by fraction selects, over a batch in parts.
///
/// One round finds one digit of the loss at the cut: [`top_k_count`](crate::parts::top_k_count) adds every part to the
/// counts, [`TopKSearch::narrow`] ends the round. Three rounds serve f16, bf16 and f32 predictions, six f64. Counts
/// add: searches of the same round on several threads or machines are joined by [`TopKSearch::merge`]. The result
/// depends on no order of the parts and equals that of the whole batch to the bit.
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

    /// Whether the cut is found.
    pub const fn is_done(&self) -> bool {
        self.progress.done != 0
    }

    /// Adds the counts of another search that has ended the same rounds.
    ///
    /// # Errors
    /// [`Status::Parameter`] if the searches are at different rounds; nothing is then added.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let (here, there) = (self.progress, other.progress);
        // A search that has counted nothing yet does not know how wide keys are.
        let key_bits = here.key_bits.max(there.key_bits);
        let is_known = |bits: u64| bits == 0 || bits == key_bits;
        let same_round = Progress { key_bits, ..here } == Progress { key_bits, ..there };
        if !(same_round && is_known(here.key_bits) && is_known(there.key_bits)) {
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

    /// The cut, for numbers of type `T`.
    pub(crate) fn cut<T: Real>(&self) -> Result<Threshold, Error> {
        if !self.is_done() {
            return Err(Error::new(Status::Parameter, c"top_k_search", c"a search that is done"));
        }
        if self.progress.key_bits != size_of::<T::Key>() as u64 * 8 {
            return Err(wrong_precision());
        }
        Ok(self.progress.cut())
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

/// The next digit of each number of a block, `u32::MAX` where it begins otherwise; says whether any has one.
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
        // Numbers that begin with the prefix are a run of keys.
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

/// A key that is written as a u64.
#[inline(always)]
pub(crate) fn key_of<T: Real>(key: u64) -> T::Key {
    cast(key).unwrap_or_else(T::Key::max_value)
}

/// Which numbers are selected: those above `key` whole, those at it by `share`.
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

    /// The same by sorting.
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
        fn digits_find_what_sorting_finds(numbers: Vec<f32>, copies: u8, percent: u8) -> bool {
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
    fn two_places_for_three_equals_are_shared() {
        let cut = run(&[1f32, 5.0, 3.0, 3.0, 3.0, 0.0], 0.5);
        assert_eq!(cut, Threshold { key: 3f32.key().into(), share: 2.0 / 3.0 });
    }

    #[test]
    fn of_nothing_nothing_is_selected() {
        assert_eq!(run::<f32>(&[], 0.5).share, 0.0);
    }
}
