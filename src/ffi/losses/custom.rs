//! A region loss that the caller brings.

use super::super::structs::{segloss_class_sums, segloss_region_function, segloss_term};
use super::{LossVisitor, no_defaults, segloss_loss, uses};
use crate::{ClassSums, Error, Loss, LossKind, RegionLoss, Status};
use core::ffi::c_void;

/// A custom region loss. Parameters: region, context, class_average, sample_average, absent.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_custom_region() -> *const segloss_loss {
    &const { segloss_loss { defaults: no_defaults, uses: uses::REGION | uses::AVERAGES, with_loss: custom_region } }
}

fn custom_region(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    if term.region.is_none() {
        return Err(Error::new(Status::NullPointer, c"region", c"a function"));
    }
    visit(&Custom { region: term.region, context: term.context })
}

/// A function of C over the sums of a class.
struct Custom {
    region: segloss_region_function,
    context: *mut c_void,
}

// SAFETY: the header promises the caller that the function runs on the calling thread only.
unsafe impl Sync for Custom {}

impl RegionLoss for Custom {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Some(region) = self.region else { return (0.0, ClassSums::ZERO) };
        let mut slope = ClassSums::ZERO;
        let sums = core::ptr::from_ref(class).cast::<segloss_class_sums>();
        let to = core::ptr::from_mut(&mut slope).cast::<segloss_class_sums>();
        // SAFETY: the caller vouches for the function; the two structs have one layout.
        let value = unsafe { region(self.context, sums, to) };
        // Costs have slots of their own, and voxels and truth are not the prediction's.
        let ClassSums {
            prediction: predicted,
            intersection: overlap,
            squared_error_positive: missed,
            squared_error_negative: spilled,
            ..
        } = slope;
        (
            value,
            ClassSums {
                prediction: predicted,
                intersection: overlap,
                squared_error_positive: missed,
                squared_error_negative: spilled,
                ..ClassSums::ZERO
            },
        )
    }

    fn uses_squared_error(&self) -> bool {
        true
    }
}

impl Loss for Custom {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Region(self)
    }
}
