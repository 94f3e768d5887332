//! Replacements for operations that panic. The transform is free of panics in release builds; in builds with debug
//! assertions a violated invariant fails here, in the tests, instead of producing a wrong distance.

/// Returns `option`, which is `Some` unless an index or a length is wrong. Debug builds assert this.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub fn expected<T>(option: Option<T>) -> Option<T> {
    debug_assert!(option.is_some(), "index or length out of range");
    option
}

/// Returns quotient and remainder of a division by `divisor` ≥ 1; a divisor of 0 gives the quotient 0.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub fn divide(dividend: usize, divisor: usize) -> (usize, usize) {
    debug_assert!(divisor != 0, "division by zero");
    let quotient = dividend.checked_div(divisor).unwrap_or(0);
    (quotient, dividend - quotient * divisor)
}
