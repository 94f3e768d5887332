//! A region loss that the caller brings.

use super::super::structs::{segloss_region, segloss_tally, segloss_term};
use super::{Borrower, no_defaults, segloss_form, uses};
use crate::{Error, Form, Parts, Region, Status, Tally};
use core::ffi::c_void;

/// A custom region loss. Parameters: region, context, class_average, sample_average, absent.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_custom_region() -> *const segloss_form {
    &const { segloss_form { defaults: no_defaults, uses: uses::REGION | uses::AVERAGES, lend: custom_region } }
}

fn custom_region(term: &segloss_term, borrower: Borrower<'_>) -> Result<(), Error> {
    if term.region.is_none() {
        return Err(Error::new(Status::NullPointer, c"region", c"a function"));
    }
    borrower(&Custom { region: term.region, context: term.context })
}

/// A function of C over the sums of a class.
struct Custom {
    region: segloss_region,
    context: *mut c_void,
}

// SAFETY: the header promises the caller that the function runs on the calling thread only.
unsafe impl Sync for Custom {}

impl Region for Custom {
    fn score(&self, class: &Tally) -> (f64, Tally) {
        let Some(region) = self.region else { return (0.0, Tally::ZERO) };
        let mut slope = Tally::ZERO;
        let sums = core::ptr::from_ref(class).cast::<segloss_tally>();
        let to = core::ptr::from_mut(&mut slope).cast::<segloss_tally>();
        // SAFETY: the caller vouches for the function; the two structs have one layout.
        let value = unsafe { region(self.context, sums, to) };
        // Costs have slots of their own, and voxels and truth are not the prediction's.
        let Tally { predicted, overlap, missed, spilled, .. } = slope;
        (value, Tally { predicted, overlap, missed, spilled, ..Tally::ZERO })
    }

    fn squares(&self) -> bool {
        true
    }
}

impl Form for Custom {
    fn parts(&self) -> Parts<'_> {
        Parts::Region(self)
    }
}
