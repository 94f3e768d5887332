//! Which outputs lie over which arguments, judged by the bytes each spans.

use crate::{Error, Status};
use core::ffi::CStr;
use core::ops::Range;

/// The most arguments a call has.
const MOST: usize = 40;

/// The byte ranges of a call's arguments.
pub(super) struct Ranges {
    ranges: [(Range<usize>, &'static CStr, bool); MOST],
    count: usize,
}

impl Ranges {
    pub fn new() -> Self {
        Self { ranges: [const { (0..0, c"", false) }; MOST], count: 0 }
    }

    fn add(&mut self, bytes: Range<usize>, name: &'static CStr, is_output: bool) {
        // A call has fewer arguments than places: the last one is never written over.
        if let Some(place) = self.ranges.get_mut(self.count) {
            *place = (bytes, name, is_output);
            self.count += 1;
        }
    }

    pub fn input(&mut self, bytes: Range<usize>, name: &'static CStr) {
        self.add(bytes, name, false);
    }

    pub fn output(&mut self, bytes: Range<usize>, name: &'static CStr) {
        self.add(bytes, name, true);
    }

    /// Refuses an output that shares a byte with another argument; the last argument that does is named.
    pub fn check(&self) -> Result<(), Error> {
        let all = self.ranges.get(..self.count).unwrap_or(&[]);
        for (k, (bytes, name, is_output)) in all.iter().enumerate().rev() {
            for (other, _, other_is_output) in all.iter().take(k) {
                let meet = bytes.start.max(other.start) < bytes.end.min(other.end);
                if meet && (*is_output || *other_is_output) {
                    return Err(Error::new(Status::Overlap, name, c"bytes of its own"));
                }
            }
        }
        Ok(())
    }
}

/// The bytes of `len` elements.
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
    fn inputs_may_meet_and_outputs_may_not() {
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
