//! Overlap of outputs with other arguments, by the byte range that each spans.

use crate::error::{Error, Status};
use core::ffi::CStr;
use core::ops::Range;

/// Upper bound of the arguments of a call.
const MAX_RANGES: usize = 40;

/// The byte ranges of a call's arguments.
pub(super) struct Ranges {
    ranges: [(Range<usize>, &'static CStr, bool); MAX_RANGES],
    count: usize,
}

impl Ranges {
    pub fn new() -> Self {
        Self { ranges: [const { (0..0, c"", false) }; MAX_RANGES], count: 0 }
    }

    fn add(&mut self, bytes: Range<usize>, name: &'static CStr, is_output: bool) {
        // No call has more than MAX_RANGES arguments, so none is dropped.
        if let Some(entry) = self.ranges.get_mut(self.count) {
            *entry = (bytes, name, is_output);
            self.count += 1;
        }
    }

    pub fn input(&mut self, bytes: Range<usize>, name: &'static CStr) {
        self.add(bytes, name, false);
    }

    pub fn output(&mut self, bytes: Range<usize>, name: &'static CStr) {
        self.add(bytes, name, true);
    }

    /// Refuses an output that shares a byte with another argument; the error names the last such argument.
    pub fn check(&self) -> Result<(), Error> {
        let all = self.ranges.get(..self.count).unwrap_or(&[]);
        for (k, (bytes, name, is_output)) in all.iter().enumerate().rev() {
            for (other, _, other_is_output) in all.iter().take(k) {
                let overlaps = bytes.start.max(other.start) < bytes.end.min(other.end);
                if overlaps && (*is_output || *other_is_output) {
                    return Err(Error::new(Status::Overlap, name, c"no overlap with another argument"));
                }
            }
        }
        Ok(())
    }
}

/// The byte range of `len` elements; empty if `data` is NULL.
pub(super) fn bytes<T>(data: *const T, len: usize) -> Range<usize> {
    if data.is_null() {
        0..0
    } else {
        data.addr()..data.addr().saturating_add(len.saturating_mul(size_of::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_may_overlap_and_outputs_may_not() {
        let mut ranges = Ranges::new();
        ranges.input(0..10, c"a");
        ranges.input(5..15, c"b");
        ranges.output(15..20, c"c");
        assert!(ranges.check().is_ok());
        ranges.input(19..19, c"empty");
        assert!(ranges.check().is_ok());
        ranges.input(19..21, c"d");
        assert_eq!(ranges.check().unwrap_err().argument, c"d");
    }
}
