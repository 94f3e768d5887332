//! The getter of the region loss that the caller supplies.

use crate::error::{Error, Status};
use crate::ffi::losses::{no_defaults, uses};
use crate::ffi::structs::{
    LossVisitor, segloss_class_sums, segloss_loss, segloss_region_function, segloss_term,
};
use crate::loss::kind::{Loss, LossKind};
use crate::loss::region_loss::RegionLoss;
use crate::loss::sums::ClassSums;
use core::ffi::c_void;

/// Custom region loss: a function of the sums of a class, averaged like the region losses of the library.
///
/// Parameters:
///   region              the function; required
///   context             its first argument; default NULL
///   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
///   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
///   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
///
/// @return the loss, for segloss_term_init; static, never NULL.
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

/// A C function of the sums of a class.
struct Custom {
    region: segloss_region_function,
    context: *mut c_void,
}

// SAFETY: the comment of segloss_region_function promises that the function runs on the calling thread only.
unsafe impl Sync for Custom {}

impl RegionLoss for Custom {
    fn evaluate(&self, class: &ClassSums) -> (f64, ClassSums) {
        let Some(region) = self.region else { return (0.0, ClassSums::ZERO) };
        let mut slope = ClassSums::ZERO;
        let sums = core::ptr::from_ref(class).cast::<segloss_class_sums>();
        let to = core::ptr::from_mut(&mut slope).cast::<segloss_class_sums>();
        // SAFETY: the caller promises a function of this signature; the two structs have the same layout.
        let value = unsafe { region(self.context, sums, to) };
        // weight and target do not depend on the prediction, and loss_sum belongs to voxel losses.
        let ClassSums { prediction, intersection, squared_error_positive, squared_error_negative, .. } =
            slope;
        (
            value,
            ClassSums {
                prediction,
                intersection,
                squared_error_positive,
                squared_error_negative,
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
