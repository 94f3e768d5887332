//! The structs of the header. None has padding, on LP64, LLP64 and ILP32.

use crate::error::Error;
use crate::loss::kind::Loss;
use core::ffi::{c_char, c_void};

/// SEGLOSS_OK (0) on success, else SEGLOSS_NULL_POINTER to SEGLOSS_MISSING_FIELD. segloss_status_string gives the
/// text.
pub type segloss_status = i32;

/// A borrowed, read-only array. All fields zero means absent. The layout of this struct never changes.
///
/// data, shape and strides have to stay valid until the call returns; nothing is kept after it. Any dtype may be
/// combined with any other. Strides of 0 and negative strides are legal. shape and strides may lie at any address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_tensor {
    /// Address of the element at index 0, aligned to the element. NULL if absent or if an extent is 0; may be NULL
    /// in size queries and in segloss_finalize, which read no elements.
    pub data: *const c_void,
    /// ndim extents >= 0, outermost axis first.
    pub shape: *const i64,
    /// ndim strides in elements, not bytes. NULL: C-contiguous.
    pub strides: *const i64,
    /// Number of axes, at most SEGLOSS_MAX_NDIM.
    pub ndim: u32,
    /// Element type, SEGLOSS_U8 to SEGLOSS_F64.
    pub dtype: u32,
}

/// A borrowed array that a call writes. Its shape follows from the inputs. The layout of this struct never changes.
///
/// data and strides have to stay valid until the call returns. Sorted by size, each stride must exceed the span of
/// the smaller ones, so that no two indices share an element.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_output {
    /// Address of the element at index 0, aligned to the element. NULL: not wanted.
    pub data: *mut c_void,
    /// One stride in elements for each axis of the implied shape. NULL: for grad the strides of pred, for other
    /// outputs C-contiguous.
    pub strides: *const i64,
    /// Element type. 0: for grad the dtype of pred, for other outputs SEGLOSS_F32.
    pub dtype: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// The sums of one class in one sample; as a slope, the derivative of the loss by each sum. The layout of this
/// struct never changes.
///
/// w is the weight of a voxel, g the target and s the predicted probability of the class. Sums run over the counted
/// voxels of the sample. Every field is additive: the sums of a batch in parts are the sums over its parts, so any
/// all-reduce of doubles combines them. An array [B,C] of these structs is C-contiguous.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_class_sums {
    /// Sum of w, in voxels.
    pub weight: f64,
    /// Sum of w g (G).
    pub target: f64,
    /// Sum of w s (S).
    pub prediction: f64,
    /// Sum of w g s (I).
    pub intersection: f64,
    /// Sum of w g (s - g)^2.
    pub squared_error_positive: f64,
    /// Sum of w (1 - g) (s - g)^2.
    pub squared_error_negative: f64,
    /// Sum of w min(s, g). 0: no loss of this version reads it.
    pub minimum: f64,
    /// Must be 0.
    pub reserved: [f64; 3],
    /// For terms[0] to terms[3], if the term is a voxel loss: the sum of w times its voxel loss, without class
    /// weights.
    pub loss_sum: [f64; 4],
    /// The sum of the weights that loss_sum was taken with. With softmax and cross entropy or focal loss without label
    /// smoothing, loss_sum / target is the mean over the voxels of the class.
    pub loss_weight: [f64; 4],
}

/// Why a call failed: which argument, where, and which value was expected. The layout of this struct never changes.
///
/// A failing call writes it through the error pointer of its args, and writes nothing else. A successful call
/// leaves it untouched. Initialise it with {0}. If the args or the error pointer itself is invalid, the call
/// reports the status alone. The strings are static ASCII and are never freed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_error {
    /// The status that the function returned.
    pub status: segloss_status,
    /// Index into terms, or UINT32_MAX if the error belongs to no term.
    pub term: u32,
    /// Voxel b*N + i (N voxels per sample, i in C order), axis or entry of the argument; -1 if none.
    pub index: i64,
    /// Name of the field or parameter, such as "alpha".
    pub argument: *const c_char,
    /// The valid values, such as "finite and >= 0".
    pub expected: *const c_char,
    /// The value that was refused: a parameter, a label, an extent, a length, a number of bytes. 0 unless numbers
    /// has SEGLOSS_ERROR_HAS_GIVEN. Integers are exact up to 2^53.
    pub given: f64,
    /// The value that is needed: an extent, a length, a number of bytes, a default. 0 unless numbers has
    /// SEGLOSS_ERROR_HAS_NEEDED.
    pub needed: f64,
    /// SEGLOSS_ERROR_HAS_GIVEN and SEGLOSS_ERROR_HAS_NEEDED, or-ed: which of the two values are set.
    pub numbers: u32,
    /// 0.
    pub reserved: u32,
}

/// One task of an executor: parallel_for calls task(data, index).
pub type segloss_task = Option<unsafe extern "C" fn(data: *mut c_void, index: usize)>;

/// A thread pool of the caller. Without one, every function runs on the calling thread.
///
/// The struct and its context have to stay valid until the call returns. Results have the same bits with every
/// executor and every number of workers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_executor {
    /// sizeof(segloss_executor).
    pub struct_size: u32,
    /// Number of tasks that may run at once; 0 is read as 1, and at most 64 are used. The size of the scratch grows
    /// with it.
    pub workers: u32,
    /// Calls task(data, 0) to task(data, count - 1), each exactly once, in any order, on any threads, and returns
    /// when all calls have returned and their writes are visible to the caller. count <= workers. Must not throw.
    /// Running all tasks on one thread is legal. NULL: the calling thread.
    pub parallel_for: Option<
        unsafe extern "C" fn(context: *mut c_void, count: usize, task: segloss_task, data: *mut c_void),
    >,
    /// First argument of parallel_for.
    pub context: *mut c_void,
}

/// The state of a search for the voxels that TopK by fraction selects from a batch in parts. The layout of this
/// struct never changes. segloss_run needs no search: it selects from the batch of the call.
///
///   segloss_top_k_search search;
///   segloss_top_k_begin(&search);
///   while (!search.done) {
///     for (p = 0; p < n_parts; p++) segloss_top_k_count(terms, n_terms, k, &parts[p], &search);
///     segloss_top_k_narrow(&terms[k], &search);
///   }
///   terms[k].top_k_search = &search;
///
/// Then segloss_accumulate every part, segloss_finalize, segloss_backward every part. Where parts are on several
/// machines, add their bins (or call segloss_top_k_merge) before segloss_top_k_narrow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_top_k_search {
    /// Not 0 once the threshold is found.
    pub done: u64,
    /// Bits of a key: 32, or 64 if pred is SEGLOSS_F64; 0 before the first count.
    pub key_bits: u64,
    /// Leading bits of the threshold's key that are known.
    pub found_bits: u64,
    /// The value of these bits; once done, the key of the threshold.
    pub prefix: u64,
    /// Voxels still to be selected among those whose key begins with prefix.
    pub places: u64,
    /// Once done, voxels whose loss equals the threshold. They share the remaining places.
    pub ties: u64,
    /// Histogram of the current round. The only field that differs between machines; bins add.
    pub bins: [u64; 2048],
}

/// A region loss of the caller: the value of one class, or of the pooled classes.
///
/// @param context  context of the term.
/// @param sums     the sums of the class.
/// @param slope    all zero on entry; receives the derivative of the value by sums->prediction, intersection,
///                 squared_error_positive and squared_error_negative. Other fields are ignored.
/// @return the value.
///
/// It is called on the calling thread of segloss_run or segloss_finalize and must not throw.
pub type segloss_region_function = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        sums: *const segloss_class_sums,
        slope: *mut segloss_class_sums,
    ) -> f64,
>;

/// Some voxels and one class, as a voxel loss of the caller reads them: rows of count numbers. The library writes this
/// struct; later versions may append fields.
///
/// A class has two outcomes at a voxel: positive, the voxel belongs to the class, and negative. With
/// SEGLOSS_VOXEL_ALL_CLASSES the rows describe the positive outcome, else the outcome that contributes: for the
/// negative one, probability is 1 - s and complement is s. With labels and softmax a row may hold the target class
/// of each voxel instead of one class.
///
/// Voxels that are not counted, and padding, are among the voxels: they have probabilities that a prediction can have,
/// and their value and slope count 0 times, so that neither may be NaN.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_voxel_rows {
    /// Element type of all rows: SEGLOSS_F64 if pred is, else SEGLOSS_F32.
    pub dtype: u32,
    /// Number of voxels: a multiple of 16, at most 256.
    pub count: u32,
    /// Probability p of the outcome. In [0, 1], unless pred holds probabilities that are not.
    pub probability: *const c_void,
    /// max(1 - p, 0); of logits to full relative precision.
    pub complement: *const c_void,
    /// log p, of logits to full relative precision, also where p underflows; of probabilities log max(p, 2^-126).
    pub log_probability: *const c_void,
    /// Target g of the class; 1 in rows of target classes. The library multiplies by it: only a loss of
    /// SEGLOSS_VOXEL_ALL_CLASSES has to read it. Like field aligned to its element; the other rows to 64 bytes.
    pub target: *const c_void,
    /// The field of the term. NULL if the term has none.
    pub field: *const c_void,
    /// Output: L of each voxel, without weights.
    pub value: *mut c_void,
    /// Output: the derivative of L by log p; with SEGLOSS_VOXEL_ALL_CLASSES by s, and finite.
    pub slope: *mut c_void,
}

/// A voxel loss of the caller: value and slope of some voxels.
///
/// @param context  voxel_context of the term.
/// @param rows     the voxels. value and slope have to be written for each of them, in every call. They overlap no
///                 other row. rows and its pointers are valid until the function returns.
///
/// It is called on the threads of the executor, several at a time: it must not change what context points to. How many
/// voxels a call has, and how many calls there are, is not specified. The value of a voxel must depend on nothing but
/// its own numbers in rows and on context. It must not throw or leave by longjmp, and must not call the library with
/// the same scratch.
pub type segloss_voxel_function =
    Option<unsafe extern "C" fn(context: *mut c_void, rows: *const segloss_voxel_rows)>;

/// A weighted term of a loss. Initialise it with segloss_term_init, then change single fields.
///
/// The comment of each loss getter names the fields that the loss uses. weight, class_weight, SEGLOSS_MINUS_ONE and
/// SEGLOSS_EXCLUDE_BACKGROUND belong to every loss. A field that the loss does not use must keep the value that
/// segloss_term_init wrote; any other value is SEGLOSS_PARAMETER. In an array of terms, consecutive terms are
/// terms[0].struct_size bytes apart, and all have the same struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_term {
    /// sizeof(segloss_term).
    pub struct_size: u32,
    /// SEGLOSS_MINUS_ONE, SEGLOSS_FIELD_COMPLETE and SEGLOSS_EXCLUDE_BACKGROUND, or-ed. Default 0.
    pub flags: u32,
    /// Variant of the loss: a constant named after the loss, such as SEGLOSS_DICE_SQUARED. Default 0.
    pub variant: u32,
    /// Region losses of one class: SEGLOSS_CLASS_MEAN (default) or SEGLOSS_CLASS_POOLED.
    pub class_average: u32,
    /// Region losses: SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN or SEGLOSS_SAMPLE_POOLED.
    pub sample_average: u32,
    /// Region losses: SEGLOSS_ABSENT_COUNTED (default) or SEGLOSS_ABSENT_SKIPPED.
    pub absent: u32,
    /// Cross entropy: SEGLOSS_NORMALIZE_BY_VOXELS (default) or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT.
    pub normalizer: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Factor of the term in the weighted sum, finite; 0 is legal. Default 1.
    pub weight: f64,
    /// Tversky, focal Tversky: weight of false positives. Sensitivity-specificity: weight of sensitivity.
    /// Hausdorff: exponent of the distances. Unused by other losses.
    pub alpha: f64,
    /// Tversky, focal Tversky: weight of false negatives. Asymmetric similarity: the beta of F_beta. Balanced cross
    /// entropy: weight of the positive outcome. Unused by other losses.
    pub beta: f64,
    /// Focal, focal Tversky, power cross entropy, logarithmic Dice: the exponent gamma. Unused by other losses.
    pub gamma: f64,
    /// TopK: fraction or threshold, in (0, 1]. Penalty: penalty strength >= 0. Unused by other losses.
    pub k: f64,
    /// Losses of a ratio: smoothing of its numerator, finite and >= 0, in voxels. Default 1e-5 where it is used.
    pub smooth_numerator: f64,
    /// Losses of a ratio: smoothing of its denominator, finite and >= 0, in voxels. Default 1e-5 where it is used.
    pub smooth_denominator: f64,
    /// Cross entropy: label smoothing in [0, 1]. Default 0.
    pub label_smoothing: f64,
    /// The loss: the result of a getter, such as segloss_dice(). Static, never freed.
    pub loss: *const segloss_loss,
    /// C class weights, finite and >= 0, at least one above 0; borrowed until the call returns. NULL: the default
    /// of the loss, which is 1 for every class unless the comment of its getter says otherwise.
    pub class_weight: *const f64,
    /// Custom region loss: the function. Unused by other losses.
    pub region: segloss_region_function,
    /// Custom region loss: first argument of region.
    pub context: *mut c_void,
    /// TopK by fraction in parts: a search that is done, borrowed until the call returns. NULL: select from the
    /// batch of the call, which only segloss_run can do.
    pub top_k_search: *const segloss_top_k_search,
    /// Distance-penalised cross entropy, boundary, Hausdorff: the distance weights that the getter describes,
    /// floating-point, [B,C,...], or [B,...] for all classes. Absent: segloss_run computes them from the target. Custom
    /// voxel loss: any numbers, floating-point, [B,C,...] or [B,...]. Absent: the function gets none.
    pub field: segloss_tensor,
    /// Custom voxel loss: the function. Unused by other losses.
    pub voxel: segloss_voxel_function,
    /// Custom voxel loss: first argument of voxel.
    pub voxel_context: *mut c_void,
}

/// The arguments of a call that evaluates a loss. Initialise them with segloss_args_init, then set at least
/// activation, pred and target, the outputs, and scratch with scratch_size.
///
/// B is the number of samples, C the number of classes, N the number of voxels of a sample; "..." stands for the
/// spatial axes. A voxel is counted if its weight is above 0 and its label is not ignored. A voxel that is not
/// counted contributes to no sum and gets gradient 0, whatever its inputs hold. Every pointer is borrowed until the
/// call returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_args {
    /// sizeof(segloss_args).
    pub struct_size: u32,
    /// 0 or SEGLOSS_ADD_TO_GRADIENT.
    pub flags: u32,
    /// What pred holds: SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY or SEGLOSS_PROBABILITY_PER_CLASS.
    /// Required.
    pub activation: u32,
    /// Number of entries of ignore.
    pub ignore_len: u32,
    /// Factor of the gradient, finite: the upstream gradient times the loss scale. Applied before the gradient is
    /// rounded to its dtype. segloss_finalize puts it into the slopes, so segloss_backward does not apply it.
    /// Default 1.
    pub grad_scale: f64,
    /// Prediction [B,C,...], SEGLOSS_F16, _BF16, _F32 or _F64, with one spatial axis or more. Required.
    pub pred: segloss_tensor,
    /// Target: integer labels [B,...] or [B,1,...] in [0, C); or integer 0/1 masks [B,C,...]; or floating-point
    /// maps [B,C,...] in [0, 1], where up to 0.001 outside is accepted. C = 1: integer labels are a 0/1 mask. Required.
    pub target: segloss_tensor,
    /// Voxel weights [B,...], floating-point, SEGLOSS_U8 or SEGLOSS_BOOL, finite and >= 0; a stride of 0
    /// broadcasts. Absent: 1.
    pub voxel_weight: segloss_tensor,
    /// B*C flags, C-contiguous: 0 if the class is not annotated in the sample; the target of that class is then not
    /// used. NULL: every class is annotated.
    pub class_present: *const u8,
    /// ignore_len labels whose voxels are not counted, in any order. Only for targets that are labels.
    pub ignore: *const i64,
    /// One distance between neighbouring voxels for each spatial axis, finite and > 0. NULL: 1. Used only where
    /// distances are computed.
    pub spacing: *const f64,
    /// Output: one double, the value of the loss. NULL: not wanted.
    pub value: *mut f64,
    /// Output: n_terms doubles, the value of each term before its weight. NULL: not wanted.
    pub term_values: *mut f64,
    /// Output [n_terms,B,C]: the value of a region loss for each sample and class before averaging; NaN where a
    /// term has none. NULL: not wanted.
    pub class_values: *mut f64,
    /// Output [B,C] of segloss_run: the sums that the value was computed from. NULL: not wanted. Other functions do
    /// not write it.
    pub class_sums: *mut segloss_class_sums,
    /// Output: the gradient with respect to pred, in the shape of pred, any floating dtype. It may be pred itself,
    /// at the same address with the same dtype and strides. data NULL: not wanted.
    pub grad: segloss_output,
    /// The only output of a failing call. NULL: the status alone.
    pub error: *mut segloss_error,
    /// Working memory of scratch_size bytes, at any alignment, with any content. Nothing is kept in it between
    /// calls.
    pub scratch: *mut c_void,
    /// Length of scratch in bytes, at least the answer of segloss_scratch_size.
    pub scratch_size: usize,
    /// Threads to run on. NULL: the calling thread.
    pub executor: *const segloss_executor,
}

/// The arguments of a distance transform. Initialise them with segloss_distance_args_init, then set kind, mask,
/// out, and scratch with scratch_size. Every pointer is borrowed until the call returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct segloss_distance_args {
    /// sizeof(segloss_distance_args).
    pub struct_size: u32,
    /// SEGLOSS_DISTANCE_SQUARED and SEGLOSS_DISTANCE_BLACK_BORDER, or-ed. Default 0.
    pub flags: u32,
    /// SEGLOSS_SIGNED, SEGLOSS_INSIDE, SEGLOSS_OUTSIDE or SEGLOSS_OTHER_SIDE. Required.
    pub kind: u32,
    /// 0 (default): mask is one mask, and nonzero is inside. n: mask is a label map, and out receives n maps, map c
    /// for the mask label == c.
    pub classes: u32,
    /// Integers [...], 1 to SEGLOSS_MAX_NDIM axes; one axis less if classes is not 0. Required.
    pub mask: segloss_tensor,
    /// One distance between neighbouring voxels for each axis, between 1e-100 and 1e100. NULL: 1.
    pub spacing: *const f64,
    /// Output: distances in the unit of spacing, SEGLOSS_F32 (default) or SEGLOSS_F64, C-contiguous, [...] or
    /// [classes,...]. Required by segloss_distance.
    pub out: segloss_output,
    /// The only output of a failing call. NULL: the status alone.
    pub error: *mut segloss_error,
    /// Working memory of scratch_size bytes, at any alignment, with any content.
    pub scratch: *mut c_void,
    /// Length of scratch in bytes, at least the answer of segloss_distance_scratch_size.
    pub scratch_size: usize,
    /// Threads to run on. NULL: the calling thread.
    pub executor: *const segloss_executor,
}

// Padding would break the rule that the missing tail of a shorter struct is zero.
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(size_of::<segloss_tensor>() == 3 * WORD + 8);
    assert!(size_of::<segloss_output>() == 2 * WORD + 8);
    assert!(size_of::<segloss_class_sums>() == size_of::<crate::loss::sums::ClassSums>());
    assert!(align_of::<segloss_class_sums>() == align_of::<crate::loss::sums::ClassSums>());
    assert!(size_of::<segloss_error>() == 40 + 2 * WORD);
    assert!(size_of::<segloss_executor>() == 8 + 2 * WORD);
    assert!(size_of::<segloss_top_k_search>() == 8 * 2054);
    assert!(size_of::<segloss_top_k_search>() == size_of::<crate::engine::radix_select::TopKSearch>());
    assert!(align_of::<segloss_top_k_search>() == align_of::<crate::engine::radix_select::TopKSearch>());
    assert!(size_of::<segloss_voxel_rows>() == 8 + 7 * WORD);
    assert!(size_of::<segloss_term>() == 32 + 64 + 7 * WORD + size_of::<segloss_tensor>());
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

/// A term whose fields are all zero.
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
    voxel: None,
    voxel_context: core::ptr::null_mut(),
};

/// Arguments whose fields are all zero.
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

/// Arguments of a distance transform whose fields are all zero.
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

/// A callback that receives the typed loss, which lives on the stack frame of the function that built it.
pub(super) type LossVisitor<'a> = &'a mut dyn FnMut(&dyn Loss) -> Result<(), Error>;

/// A loss: the result of a getter such as segloss_dice(). Static, immutable, never freed.
pub struct segloss_loss {
    /// Writes the defaults of the fields that the loss uses; the other fields are zero.
    pub(super) defaults: fn(&mut segloss_term),
    /// The fields of a term that the loss uses, as bits of [`uses`](super::losses::uses).
    pub(super) uses: u32,
    /// Builds the typed loss on its stack frame and passes it to the visitor.
    pub(super) with_loss: fn(&segloss_term, LossVisitor<'_>) -> Result<(), Error>,
}
