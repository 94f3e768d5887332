//! The getter of the voxel loss that the caller supplies.

use crate::error::{Error, Status};
use crate::ffi::codes::*;
use crate::ffi::losses::{field_is_absent, no_defaults, unknown, uses};
use crate::ffi::structs::{LossVisitor, segloss_loss, segloss_term, segloss_voxel_rows};
use crate::loss::kind::{Loss, LossKind};
use crate::loss::voxel::{Contribution, Normalizer};
use crate::loss::voxel_info::VoxelLossInfo;
use crate::loss::voxel_rows::{DynVoxelLoss, DynVoxelLossOf, LossRows, OutcomeRows};
use core::ffi::c_void;
use core::ptr::null;

/// Custom voxel loss: a function L of one voxel and class, averaged like the voxel losses of the library.
///
///   SEGLOSS_VOXEL_LIKELIHOOD     softmax: 1/W sum_i w sum_c v_c g L(s)
///                                sigmoid: 1/W sum_i w times the class mean over v of g L(s) + (1 - g) L(1 - s)
///   SEGLOSS_VOXEL_TRUE_CLASS     1/W sum_i w sum_c v_c g L(s)
///   SEGLOSS_VOXEL_BOTH_OUTCOMES  1/W sum_i w sum_c v_c (g L(s) + (1 - g) L(1 - s))
///   SEGLOSS_VOXEL_ALL_CLASSES    (sum_b sum_c v_c sum_i w L(s, g)) / (sum_b sum_c v_c W_b)
///
/// With a field D, L depends on it too. Only with SEGLOSS_VOXEL_ALL_CLASSES may L depend on g.
///
/// Parameters:
///   voxel               the function; required
///   voxel_context       its first argument; default NULL
///   variant             SEGLOSS_VOXEL_LIKELIHOOD (default), SEGLOSS_VOXEL_TRUE_CLASS, SEGLOSS_VOXEL_BOTH_OUTCOMES,
///                       SEGLOSS_VOXEL_ALL_CLASSES
///   field               D, numbers that the function reads, [B,C,...] or [B,...]; default absent
///
/// @return the loss, for segloss_term_init; static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn segloss_custom_voxel() -> *const segloss_loss {
    &const {
        segloss_loss {
            defaults: no_defaults,
            uses: uses::VOXEL | uses::VARIANT | uses::FIELD,
            with_loss: custom_voxel,
        }
    }
}

fn custom_voxel(term: &segloss_term, visit: LossVisitor<'_>) -> Result<(), Error> {
    let function = term.voxel.ok_or(Error::new(Status::NullPointer, c"voxel", c"a function"))?;
    let contribution = match term.variant as i32 {
        SEGLOSS_VOXEL_LIKELIHOOD => Contribution::NegLogLikelihood,
        SEGLOSS_VOXEL_TRUE_CLASS => Contribution::TrueClass,
        SEGLOSS_VOXEL_BOTH_OUTCOMES => Contribution::BothOutcomes,
        SEGLOSS_VOXEL_ALL_CLASSES => Contribution::AllClasses,
        other => {
            let expected = c"SEGLOSS_VOXEL_LIKELIHOOD, _TRUE_CLASS, _BOTH_OUTCOMES or _ALL_CLASSES";
            return Err(unknown(c"variant", expected).with_given(other.into()));
        }
    };
    let has_field = !field_is_absent(&term.field);
    visit(&CustomVoxel { function, context: term.voxel_context, contribution, has_field })
}

/// A C function of rows of voxels.
struct CustomVoxel {
    function: unsafe extern "C" fn(context: *mut c_void, rows: *const segloss_voxel_rows),
    context: *mut c_void,
    contribution: Contribution,
    has_field: bool,
}

// SAFETY: the comment of segloss_voxel_function says that several threads call the function at a time, and that it does
// not change what the context points to.
unsafe impl Sync for CustomVoxel {}

impl CustomVoxel {
    fn call<T>(&self, dtype: i32, rows: &OutcomeRows<'_, T>, out: &mut LossRows<'_, T>) {
        let field = if self.has_field { rows.field.as_ptr().cast() } else { null() };
        let rows = segloss_voxel_rows {
            dtype: dtype as u32,
            count: rows.probability.len() as u32,
            probability: rows.probability.as_ptr().cast(),
            complement: rows.complement.as_ptr().cast(),
            log_probability: rows.log_probability.as_ptr().cast(),
            target: rows.target.as_ptr().cast(),
            field,
            value: out.value.as_mut_ptr().cast(),
            slope: out.slope.as_mut_ptr().cast(),
        };
        // SAFETY: the caller promises a function of this signature that reads and writes `count` elements of the rows,
        // which have this length.
        unsafe { (self.function)(self.context, &rows) }
    }
}

impl DynVoxelLossOf<f32> for CustomVoxel {
    fn evaluate_rows(&self, rows: &OutcomeRows<'_, f32>, out: &mut LossRows<'_, f32>) {
        self.call(SEGLOSS_F32, rows, out);
    }
}

impl DynVoxelLossOf<f64> for CustomVoxel {
    fn evaluate_rows(&self, rows: &OutcomeRows<'_, f64>, out: &mut LossRows<'_, f64>) {
        self.call(SEGLOSS_F64, rows, out);
    }
}

impl DynVoxelLoss for CustomVoxel {
    fn info(&self) -> VoxelLossInfo {
        VoxelLossInfo {
            contribution: self.contribution,
            // Nothing is known of the function: it gets all rows in every pass, computed from the logits.
            linear: false,
            is_neg_log: false,
            log_of_zero: true,
            reads_logarithm: true,
            field: self.has_field,
            outcome_weights: [1.0, 1.0],
            smoothing: 0.0,
            normalizer: Normalizer::Voxels,
            selection: None,
            logarithmic: false,
        }
    }

    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Loss for CustomVoxel {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}
