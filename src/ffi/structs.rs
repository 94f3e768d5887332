//! The structs of the header. None has padding, on LP64, LLP64 and ILP32.

use crate::{Error, Loss};
use core::ffi::{c_char, c_void};

/// 0 is success; the others are SEGLOSS_NULL_POINTER to SEGLOSS_MISSING_FIELD.
pub type segloss_status = i32;

/// A borrowed input; all zero = absent; any dtype beside any other. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_tensor {
    /// NULL if absent or an extent is 0; may be NULL in size queries and in finish.
    pub data: *const c_void,
    /// ndim extents, outermost first.
    pub shape: *const i64,
    /// ndim strides in elements, 0 and negative allowed; NULL = C-contiguous.
    pub strides: *const i64,
    /// At most SEGLOSS_MAX_NDIM.
    pub ndim: u32,
    /// SEGLOSS_U8 to SEGLOSS_F64.
    pub dtype: u32,
}

/// A borrowed output; data NULL = not wanted; shape is implied. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_output {
    /// The first element.
    pub data: *mut c_void,
    /// Strides in elements; NULL: grad as pred, others C-contiguous.
    pub strides: *const i64,
    /// 0: grad as pred, others F32.
    pub dtype: u32,
    /// 0.
    pub reserved: u32,
}

/// One sample and class; w weight, g truth, s probability; every field adds. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_class_sums {
    /// Sum of w.
    pub weight: f64,
    /// Sum of w g.
    pub target: f64,
    /// Sum of w s.
    pub prediction: f64,
    /// Sum of w g s.
    pub intersection: f64,
    /// Sum of w g (s - g)^2.
    pub squared_error_positive: f64,
    /// Sum of w (1 - g) (s - g)^2.
    pub squared_error_negative: f64,
    /// Sum of w min(s, g); 0 where no term reads it, and no loss of this version does.
    pub minimum: f64,
    /// 0.
    pub reserved: [f64; 3],
    /// Of terms[0..3]: cost, without class weights.
    pub loss_sum: [f64; 4],
    /// The weight that cost was charged to.
    pub loss_weight: [f64; 4],
}

/// Written on failure; strings are static ASCII. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_error {
    /// What the function returned.
    pub status: segloss_status,
    /// Index in terms, or UINT32_MAX.
    pub term: u32,
    /// Voxel b*N + i, axis or entry, or -1.
    pub index: i64,
    /// The argument, as "alpha".
    pub argument: *const c_char,
    /// What it has to be, as "finite and >= 0".
    pub expected: *const c_char,
    /// The number that was refused: a parameter, a label, an extent, a length, bytes. 0 if SEGLOSS_ERROR_HAS_GIVEN is not in numbers.
    pub given: f64,
    /// The number that is needed instead: an extent, a length, bytes. 0 if SEGLOSS_ERROR_HAS_NEEDED is not in numbers.
    pub needed: f64,
    /// SEGLOSS_ERROR_HAS_GIVEN, SEGLOSS_ERROR_HAS_NEEDED: which numbers are known. Integers are exact up to 2^53.
    pub numbers: u32,
    /// 0.
    pub reserved: u32,
}

/// One of an executor's tasks.
pub type segloss_task = Option<unsafe extern "C" fn(data: *mut c_void, index: usize)>;

/// Runs task(data, 0..count-1), each once, count <= workers, in any order, on any threads, and
/// returns when all are done, their writes visible. One thread in a row is legal.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_executor {
    /// sizeof(segloss_executor).
    pub struct_size: u32,
    /// Most tasks at a time; scratch grows with it.
    pub workers: u32,
    /// Must not throw. NULL: this thread.
    pub parallel_for: Option<
        unsafe extern "C" fn(context: *mut c_void, count: usize, task: segloss_task, data: *mut c_void),
    >,
    /// Handed to parallel_for.
    pub context: *mut c_void,
}

/// The search for the voxels that TopK by fraction selects from a batch in parts. Never changes.
///
///   segloss_top_k_begin(&select);
///   while (!select.done) {
///     for every part: segloss_top_k_count(terms, n_terms, k, &part, &select);
///     (parts on several machines: add up bins, or segloss_top_k_merge)
///     segloss_top_k_narrow(&terms[k], &select);
///   }
///   terms[k].select = &select; then fold every part, finish, map every part.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_top_k_search {
    /// Not 0 when the cut is found.
    pub done: u64,
    /// 32, or 64 for an F64 prediction; 0 before the first count.
    pub key_bits: u64,
    /// How many bits of the key of the cut are found.
    pub found_bits: u64,
    /// These bits; when done the key of the cut.
    pub prefix: u64,
    /// Places left for the voxels that begin with these bits.
    pub places: u64,
    /// Voxels at the cut, which share these places.
    pub ties: u64,
    /// Counts of the round, the only entries that differ between machines; these add.
    pub bins: [u64; 2048],
}

/// A custom region loss: returns the value of one class (or of the pooled classes) and its slopes;
/// slope enters as zeros and only its prediction sums count. Runs on the calling thread, from run
/// and finish. Must not throw.
pub type segloss_region_function = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        sums: *const segloss_class_sums,
        slope: *mut segloss_class_sums,
    ) -> f64,
>;

/// A weighted term of a loss. An array of terms has stride terms[0].struct_size; all must agree.
/// A parameter or option that the form does not name must be as segloss_term_init wrote it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_term {
    /// sizeof(segloss_term).
    pub struct_size: u32,
    /// SEGLOSS_MINUS_ONE, SEGLOSS_FIELD_COMPLETE, SEGLOSS_EXCLUDE_BACKGROUND.
    pub flags: u32,
    /// Of the form, as SEGLOSS_DICE_SQUARED; 0 is its default.
    pub variant: u32,
    /// Region forms: SEGLOSS_CLASS_MEAN or SEGLOSS_CLASS_POOLED.
    pub class_average: u32,
    /// Region forms: SEGLOSS_SAMPLE_DEFAULT, _MEAN or _POOLED.
    pub sample_average: u32,
    /// Region forms: SEGLOSS_ABSENT_COUNTED or SEGLOSS_ABSENT_SKIPPED.
    pub absent: u32,
    /// Cross entropy: SEGLOSS_NORMALIZE_BY_VOXELS or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT.
    pub normalizer: u32,
    /// 0.
    pub reserved: u32,
    /// Of the term in the sum; 0 is taken at its word.
    pub weight: f64,
    /// Of the form.
    pub alpha: f64,
    /// Of the form.
    pub beta: f64,
    /// Of the form.
    pub gamma: f64,
    /// Of the form.
    pub k: f64,
    /// Smoothing of a ratio's numerator, in voxels.
    pub smooth_numerator: f64,
    /// Smoothing of a ratio's denominator, in voxels.
    pub smooth_denominator: f64,
    /// Cross entropy: in [0, 1].
    pub label_smoothing: f64,
    /// The form: one of the getters'.
    pub loss: *const segloss_loss,
    /// C values, finite and >= 0; NULL = the form's default.
    pub class_weight: *const f64,
    /// Of a custom region loss.
    pub region: segloss_region_function,
    /// Handed to region.
    pub context: *mut c_void,
    /// TopK by fraction: a search that is done. NULL selects from the whole batch, which fold and map do not see.
    pub top_k_search: *const segloss_top_k_search,
    /// Floating; [B,C,...], or [B,...] for all classes. Absent: run computes it from labels.
    pub field: segloss_tensor,
}

/// The arguments of a loss.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_args {
    /// sizeof(segloss_args).
    pub struct_size: u32,
    /// SEGLOSS_ADD_TO_GRADIENT.
    pub flags: u32,
    /// SEGLOSS_SOFTMAX to SEGLOSS_PROBABILITY_PER_CLASS; 0 is an error.
    pub activation: u32,
    /// Entries of ignore.
    pub ignore_len: u32,
    /// 1; enters the slopes, so finish applies it and map does not.
    pub grad_scale: f64,
    /// [B,C,...], floating, at least one spatial axis.
    pub pred: segloss_tensor,
    /// Labels [B,...] or [B,1,...]; 0/1 masks [B,C,...], or floating maps [B,C,...] from 0 to 1 (1e-3
    /// beside is taken). C = 1: labels are 0/1 masks.
    pub target: segloss_tensor,
    /// [B,...] floating or U8, >= 0; stride 0 broadcasts.
    pub voxel_weight: segloss_tensor,
    /// B*C; 0: not annotated in this sample.
    pub class_present: *const u8,
    /// ignore_len labels; label targets only.
    pub ignore: *const i64,
    /// One per spatial axis, > 0; NULL = 1.
    pub spacing: *const f64,
    /// Output: the value. NULL = not wanted; outputs are written only on success.
    pub value: *mut f64,
    /// Output: n_terms values before the weights.
    pub term_values: *mut f64,
    /// Output: n_terms*B*C: region forms before averaging; NaN where a form has none.
    pub class_values: *mut f64,
    /// Output: B*C, by run only.
    pub class_sums: *mut segloss_class_sums,
    /// Output: shape of pred.
    pub grad: segloss_output,
    /// The one output of a failure.
    pub error: *mut segloss_error,
    /// Of any alignment, holding anything: what is read of it before it is written changes no result.
    pub scratch: *mut c_void,
    /// Bytes.
    pub scratch_size: usize,
    /// NULL = this thread.
    pub executor: *const segloss_executor,
}

/// The arguments of a distance transform.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_distance_args {
    /// sizeof(segloss_distance_args).
    pub struct_size: u32,
    /// SEGLOSS_DISTANCE_SQUARED, SEGLOSS_DISTANCE_BLACK_BORDER.
    pub flags: u32,
    /// SEGLOSS_SIGNED to SEGLOSS_OTHER_SIDE; 0 is an error.
    pub kind: u32,
    /// 0: mask, nonzero is inside; n: label map, n maps out.
    pub classes: u32,
    /// Integers, [...].
    pub mask: segloss_tensor,
    /// One per axis; NULL = 1.
    pub spacing: *const f64,
    /// F32 or F64, [...] or [n,...], C-contiguous.
    pub out: segloss_output,
    /// The one output of a failure.
    pub error: *mut segloss_error,
    /// Of any alignment.
    pub scratch: *mut c_void,
    /// Bytes.
    pub scratch_size: usize,
    /// NULL = this thread.
    pub executor: *const segloss_executor,
}

// Padding would break the promise that a shorter struct is one whose tail is zero.
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(size_of::<segloss_tensor>() == 3 * WORD + 8);
    assert!(size_of::<segloss_output>() == 2 * WORD + 8);
    assert!(size_of::<segloss_class_sums>() == size_of::<crate::ClassSums>());
    assert!(align_of::<segloss_class_sums>() == align_of::<crate::ClassSums>());
    assert!(size_of::<segloss_error>() == 40 + 2 * WORD);
    assert!(size_of::<segloss_executor>() == 8 + 2 * WORD);
    assert!(size_of::<segloss_top_k_search>() == 8 * 2054);
    assert!(size_of::<segloss_top_k_search>() == size_of::<crate::TopKSearch>());
    assert!(align_of::<segloss_top_k_search>() == align_of::<crate::TopKSearch>());
    assert!(size_of::<segloss_term>() == 32 + 64 + 5 * WORD + size_of::<segloss_tensor>());
    assert!(
        size_of::<segloss_args>()
            == 24 + 3 * size_of::<segloss_tensor>() + 7 * WORD + size_of::<segloss_output>() + 4 * WORD
    );
    assert!(
        size_of::<segloss_distance_args>()
            == 16 + size_of::<segloss_tensor>() + WORD + size_of::<segloss_output>() + 4 * WORD
    );
};

const NO_TENSOR: segloss_tensor = segloss_tensor {
    data: core::ptr::null(),
    shape: core::ptr::null(),
    strides: core::ptr::null(),
    ndim: 0,
    dtype: 0,
};

const NO_OUTPUT: segloss_output =
    segloss_output { data: core::ptr::null_mut(), strides: core::ptr::null(), dtype: 0, reserved: 0 };

/// A term of zeros.
pub(super) const NO_TERM: segloss_term = segloss_term {
    struct_size: 0,
    flags: 0,
    variant: 0,
    class_average: 0,
    sample_average: 0,
    absent: 0,
    normalizer: 0,
    reserved: 0,
    weight: 0.0,
    alpha: 0.0,
    beta: 0.0,
    gamma: 0.0,
    k: 0.0,
    smooth_numerator: 0.0,
    smooth_denominator: 0.0,
    label_smoothing: 0.0,
    loss: core::ptr::null(),
    class_weight: core::ptr::null(),
    region: None,
    context: core::ptr::null_mut(),
    top_k_search: core::ptr::null(),
    field: NO_TENSOR,
};

/// Arguments of zeros.
pub(super) const NO_ARGS: segloss_args = segloss_args {
    struct_size: 0,
    flags: 0,
    activation: 0,
    ignore_len: 0,
    grad_scale: 0.0,
    pred: NO_TENSOR,
    target: NO_TENSOR,
    voxel_weight: NO_TENSOR,
    class_present: core::ptr::null(),
    ignore: core::ptr::null(),
    spacing: core::ptr::null(),
    value: core::ptr::null_mut(),
    term_values: core::ptr::null_mut(),
    class_values: core::ptr::null_mut(),
    class_sums: core::ptr::null_mut(),
    grad: NO_OUTPUT,
    error: core::ptr::null_mut(),
    scratch: core::ptr::null_mut(),
    scratch_size: 0,
    executor: core::ptr::null(),
};

/// Arguments of a distance transform of zeros.
pub(super) const NO_DISTANCE_ARGS: segloss_distance_args = segloss_distance_args {
    struct_size: 0,
    flags: 0,
    kind: 0,
    classes: 0,
    mask: NO_TENSOR,
    spacing: core::ptr::null(),
    out: NO_OUTPUT,
    error: core::ptr::null_mut(),
    scratch: core::ptr::null_mut(),
    scratch_size: 0,
    executor: core::ptr::null(),
};

/// What is done with a loss once it stands on its form's own stack frame.
pub(super) type LossVisitor<'a> = &'a mut dyn FnMut(&dyn Loss) -> Result<(), Error>;

/// A loss by name: static, immutable, never freed.
pub struct segloss_loss {
    /// Fills the parameters the form names; the rest is zero.
    pub(super) defaults: fn(&mut segloss_term),
    /// The fields of a term that the form reads, as [`uses`](super::forms::uses) numbers them.
    pub(super) uses: u32,
    /// Builds the typed loss and lends it.
    pub(super) make: fn(&segloss_term, LossVisitor<'_>) -> Result<(), Error>,
}
