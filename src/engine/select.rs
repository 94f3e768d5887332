//! The k-th largest of many numbers, found digit by digit.
//!
//! Each round counts, among the numbers that begin with the digits found so far, how many have
//! which next digit. Counts depend on no order. 2,048 digits make three rounds for f32, six for f64.

use super::simd::{Kernel, dispatch};
use crate::Real;
use num_traits::{AsPrimitive, Bounded, cast};

/// Bits of a digit.
const DIGIT: u32 = if cfg!(target_pointer_width = "64") { 11 } else { 7 };
/// Digits there are.
const BINS: usize = 1 << DIGIT;
/// Counts that a selection keeps, one for each digit.
pub(crate) const COUNTS: usize = BINS;
/// Numbers whose digits are found at once.
const BLOCK: usize = 64;

/// A selection under way.
#[derive(Debug)]
pub(crate) struct Select<'a> {
    /// Bits of a key.
    width: u32,
    /// Bits of the digits found.
    found: u32,
    /// The digits, as a number.
    prefix: u64,
    /// Places left for the numbers that begin with these digits.
    rank: u64,
    /// Numbers at the cut.
    ties: u64,
    /// [`COUNTS`] counts.
    bins: &'a mut [u64],
}

impl<'a> Select<'a> {
    /// The cut of these numbers: `fraction` of them, at least one, have a place; −∞ is none of them.
    pub fn run<T: Real>(numbers: &[T], fraction: f64, bins: &'a mut [u64]) -> Cut {
        bins.fill(0);
        let mut select =
            Self { width: size_of::<T::Key>() as u32 * 8, found: 0, prefix: 0, rank: 0, ties: 0, bins };
        loop {
            select.count(numbers);
            if select.narrow(fraction) {
                break;
            }
        }
        let share = if select.ties == 0 { 0.0 } else { select.rank as f64 / select.ties as f64 };
        Cut { key: select.prefix, share }
    }

    /// Where the next digit lies: its lowest bit, and how many it has.
    fn digit(&self) -> (u32, u32) {
        let left = self.width.saturating_sub(self.found);
        let bits = DIGIT.min(left);
        (left - bits, bits)
    }

    /// Counts the next digits of the numbers.
    fn count<T: Real>(&mut self, numbers: &[T]) {
        let (shift, bits) = self.digit();
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
                    if let Some(bin) = self.bins.get_mut(digit as usize) {
                        *bin += 1;
                    }
                }
            }
        }
    }

    /// Ends a round: finds the next digit of the cut; says whether it was the last. The first round's counts are all
    /// there are.
    fn narrow(&mut self, fraction: f64) -> bool {
        let (shift, bits) = self.digit();
        let bins = &*self.bins;
        if self.found == 0 {
            let all: u64 = bins.iter().sum();
            // The product is never above the count: the fraction is at most 1.
            self.rank = ((fraction * all as f64) as u64).max(u64::from(all > 0));
        }
        let mut next = 0;
        for (digit, &count) in bins.iter().enumerate().rev() {
            if count >= self.rank {
                (next, self.ties) = (digit as u64, count);
                break;
            }
            self.rank -= count;
        }
        self.prefix = self.prefix << bits | next;
        self.found += bits;
        self.bins.fill(0);
        let done = self.found >= self.width || self.rank == 0;
        if done {
            self.prefix = self.prefix.checked_shl(shift).unwrap_or(0);
        }
        done
    }
}

/// The next digit of each number of a block, `BINS` where it begins otherwise; says whether any has one.
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
            *digit = if counts { next & mask } else { BINS as u32 };
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
pub(crate) struct Cut {
    pub key: u64,
    pub share: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::vec::Vec;

    fn run<T: Real>(numbers: &[T], fraction: f64) -> Cut {
        Select::run(numbers, fraction, &mut [0; COUNTS])
    }

    /// The same by sorting.
    fn sorted<T: Real>(numbers: &[T], fraction: f64) -> Cut {
        let mut keys: Vec<u64> = numbers.iter().map(|x| x.key().into()).collect();
        keys.sort_by(|a, b| b.cmp(a));
        let places = ((fraction * keys.len() as f64) as usize).max(1);
        let key = keys[places - 1];
        let above = keys.iter().filter(|&&k| k > key).count();
        let ties = keys.iter().filter(|&&k| k == key).count();
        Cut { key, share: (places - above) as f64 / ties as f64 }
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
        assert_eq!(cut, Cut { key: 3f32.key().into(), share: 2.0 / 3.0 });
    }

    #[test]
    fn of_nothing_nothing_is_selected() {
        assert_eq!(run::<f32>(&[], 0.5).share, 0.0);
    }
}
