//! The k-th largest of many numbers, found digit by digit.
//!
//! Each round counts, among the numbers that begin with the digits found so far, how many have
//! which next digit. Counts add, so rounds may be shared among any parts of a batch; and they
//! depend on no order. 2,048 digits make three rounds for f32, six for f64.

use crate::Real;

/// Bits of a digit.
const DIGIT: u32 = 11;
/// Digits there are.
const BINS: usize = 1 << DIGIT;

/// A selection under way. Starts at zero.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Select {
    /// Not 0 when the cut is found.
    pub done: u64,
    /// Digits found.
    pub round: u64,
    /// The digits, as a number.
    pub prefix: u64,
    /// Places left for the numbers that begin with these digits.
    pub rank: u64,
    /// Numbers above all of those.
    pub inside: u64,
    /// Numbers at the cut.
    pub ties: u64,
    /// Counts by next digit.
    pub bins: [u64; BINS],
}

impl Select {
    pub const START: Self =
        Self { done: 0, round: 0, prefix: 0, rank: 0, inside: 0, ties: 0, bins: [0; BINS] };

    /// Where the next digit lies: its lowest bit, and how many it has.
    fn digit(&self) -> (u32, u32) {
        let above = (self.round as u32).saturating_mul(DIGIT).min(64);
        let bits = DIGIT.min(64 - above);
        (64 - above - bits, bits)
    }

    /// Counts a number, by its key.
    #[inline]
    pub fn count(&mut self, key: u64) {
        let (shift, bits) = self.digit();
        let begins = key.checked_shr(shift + bits).unwrap_or(0) == self.prefix;
        let digit = (key >> shift) as usize & ((1 << bits) - 1);
        if let (true, Some(bin)) = (begins, self.bins.get_mut(digit)) {
            *bin += 1;
        }
    }

    /// Ends a round: finds the next digit of the cut. The first round's counts are all there are;
    /// `fraction` of them, at least one, have a place. `width` is the number of bits that matter.
    pub fn narrow(&mut self, fraction: f64, width: u32) {
        let (shift, bits) = self.digit();
        if self.round == 0 {
            let all: u64 = self.bins.iter().sum();
            // The product is never above the count: the fraction is at most 1.
            self.rank = ((fraction * all as f64) as u64).max(u64::from(all > 0));
        }
        let mut found = 0;
        for (digit, &count) in self.bins.iter().enumerate().rev() {
            if count >= self.rank {
                (found, self.ties) = (digit as u64, count);
                break;
            }
            self.rank -= count;
            self.inside += count;
        }
        self.prefix = self.prefix << bits | found;
        self.round += 1;
        self.bins = [0; BINS];
        if 64 - shift >= width || self.rank == 0 {
            self.done = 1;
            self.prefix = self.prefix.checked_shl(shift).unwrap_or(0);
        }
    }

    /// The cut of numbers that are all at hand; −∞ is none.
    pub fn run<T: Real>(numbers: &[T], fraction: f64) -> Cut {
        let nothing = T::of(f64::NEG_INFINITY);
        let mut select = Self::START;
        while select.done == 0 {
            for number in numbers.iter().filter(|number| **number != nothing) {
                select.count(number.key());
            }
            select.narrow(fraction, size_of::<T>() as u32 * 8);
        }
        select.cut()
    }

    /// The cut, once it is found.
    pub fn cut(&self) -> Cut {
        let share = if self.ties == 0 { 0.0 } else { self.rank as f64 / self.ties as f64 };
        Cut { key: self.prefix, share }
    }
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

    /// The same by sorting.
    fn sorted<T: Real>(numbers: &[T], fraction: f64) -> Cut {
        let mut keys: Vec<u64> = numbers.iter().map(|x| x.key()).collect();
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
            Select::run(&numbers, fraction) == sorted(&numbers, fraction)
                && Select::run(&doubles, fraction) == sorted(&doubles, fraction)
        }
    }

    #[test]
    fn two_places_for_three_equals_are_shared() {
        let cut = Select::run(&[1f32, 5.0, 3.0, 3.0, 3.0, 0.0], 0.5);
        assert_eq!(cut, Cut { key: 3f32.key(), share: 2.0 / 3.0 });
    }

    #[test]
    fn of_nothing_nothing_is_selected() {
        assert_eq!(Select::run::<f32>(&[], 0.5).share, 0.0);
    }
}
