//! Replacements for operations that panic. The library is free of panics in release builds; in builds with debug
//! assertions a violated invariant fails here, in the tests, instead of producing a wrong result.

use core::ops::Range;

/// Returns `option`, which is `Some` unless an index or a length is wrong. Debug builds assert this.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn expected<T>(option: Option<T>) -> Option<T> {
    debug_assert!(option.is_some(), "index or length out of range");
    option
}

/// Returns `slice[range]`. The range lies in the slice, which debug builds assert; otherwise the result is empty.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn slice<T>(slice: &[T], range: Range<usize>) -> &[T] {
    expected(slice.get(range)).unwrap_or(&[])
}

/// The mutable form of [`slice`].
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn slice_mut<T>(slice: &mut [T], range: Range<usize>) -> &mut [T] {
    expected(slice.get_mut(range)).unwrap_or(&mut [])
}

/// Returns `slice[start..]`, with `start` at most the length.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn tail_mut<T>(slice: &mut [T], start: usize) -> &mut [T] {
    expected(slice.get_mut(start..)).unwrap_or(&mut [])
}

/// Returns `slice[..at]` and `slice[at..]`, with `at` at most the length.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn split<T>(slice: &[T], at: usize) -> (&[T], &[T]) {
    expected(slice.split_at_checked(at)).unwrap_or_default()
}

/// The mutable form of [`split`].
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn split_mut<T>(slice: &mut [T], at: usize) -> (&mut [T], &mut [T]) {
    expected(slice.split_at_mut_checked(at)).unwrap_or_default()
}

/// Copies a slice to another of the same length.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    debug_assert_eq!(from.len(), to.len(), "lengths of a copy");
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Returns quotient and remainder of a division by `divisor` ≥ 1; a divisor of 0 gives the quotient 0.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn divide(dividend: usize, divisor: usize) -> (usize, usize) {
    debug_assert!(divisor != 0, "division by zero");
    let quotient = dividend.checked_div(divisor).unwrap_or(0);
    (quotient, dividend - quotient * divisor)
}

// The other build has no assertions.
#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn ranges_inside_are_slices() {
        let mut numbers = [1, 2, 3];
        assert_eq!(slice(&numbers, 1..3), [2, 3]);
        assert_eq!(slice_mut(&mut numbers, 0..1), [1]);
        assert_eq!(tail_mut(&mut numbers, 3), [0; 0]);
        assert_eq!(split(&numbers, 1), (&[1][..], &[2, 3][..]));
        assert_eq!(split_mut(&mut numbers, 3).0, [1, 2, 3]);
        assert_eq!(divide(7, 3), (2, 1));
    }

    #[test]
    #[should_panic = "index or length out of range"]
    fn a_range_outside_fails_in_debug_builds() {
        slice(&[1, 2, 3], 2..4);
    }

    #[test]
    #[should_panic = "index or length out of range"]
    fn a_split_outside_fails_in_debug_builds() {
        split(&[1, 2, 3], 4);
    }

    #[test]
    #[should_panic = "division by zero"]
    fn a_division_by_zero_fails_in_debug_builds() {
        divide(1, 0);
    }
}
