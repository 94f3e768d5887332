//! The integer constants of the header: plain literals, because cbindgen evaluates no expressions.

use crate::array::dtype::Dtype;
use crate::error::Status;

/// Limit: axes of a tensor.
pub const SEGLOSS_MAX_NDIM: i32 = 16;
/// Limit: terms of a loss.
pub const SEGLOSS_MAX_TERMS: i32 = 4;
/// Voxels of a chunk, whose sums are added in order. Parts that are cut at multiples of it within a sample and
/// accumulated in order give the class sums of one segloss_run over the whole to the bit. Without class_sums
/// segloss_run may sum cross entropy over all classes at once, and 64 samples or more of at most 256 voxels each as
/// one sample: its value then agrees to 1e-7.
pub const SEGLOSS_CHUNK: i32 = 16384;

/// dtype 0x0108: unsigned 8-bit integers. Every dtype is DLPack's type code << 8 | bits.
pub const SEGLOSS_U8: i32 = 0x0108;
/// dtype 0x0110: unsigned 16-bit integers.
pub const SEGLOSS_U16: i32 = 0x0110;
/// dtype 0x0120: unsigned 32-bit integers.
pub const SEGLOSS_U32: i32 = 0x0120;
/// dtype 0x0140: unsigned 64-bit integers. A label above INT64_MAX is never a class and cannot be ignored.
pub const SEGLOSS_U64: i32 = 0x0140;
/// dtype 0x0008: signed 8-bit integers.
pub const SEGLOSS_I8: i32 = 0x0008;
/// dtype 0x0010: signed 16-bit integers.
pub const SEGLOSS_I16: i32 = 0x0010;
/// dtype 0x0020: signed 32-bit integers.
pub const SEGLOSS_I32: i32 = 0x0020;
/// dtype 0x0040: signed 64-bit integers.
pub const SEGLOSS_I64: i32 = 0x0040;
/// dtype 0x0608: booleans of one byte, read as SEGLOSS_U8.
pub const SEGLOSS_BOOL: i32 = 0x0608;
/// dtype 0x0210: IEEE 754 binary16 (half precision).
pub const SEGLOSS_F16: i32 = 0x0210;
/// dtype 0x0410: bfloat16.
pub const SEGLOSS_BF16: i32 = 0x0410;
/// dtype 0x0220: IEEE 754 binary32 (float).
pub const SEGLOSS_F32: i32 = 0x0220;
/// dtype 0x0240: IEEE 754 binary64 (double).
pub const SEGLOSS_F64: i32 = 0x0240;

/// Status: success.
pub const SEGLOSS_OK: i32 = 0;
/// Status: a required pointer is NULL.
pub const SEGLOSS_NULL_POINTER: i32 = 1;
/// Status: struct_size is 0, cuts a field in half, differs between the terms of an array, or the unknown tail of a
/// longer struct is not zero.
pub const SEGLOSS_STRUCT_SIZE: i32 = 2;
/// Status: the dtype is unknown, or is not accepted for this argument.
pub const SEGLOSS_DTYPE: i32 = 3;
/// Status: shapes do not match, or a number of axes or entries is wrong.
pub const SEGLOSS_SHAPE: i32 = 4;
/// Status: an array or the scratch exceeds PTRDIFF_MAX bytes, or there are 2^31 - 1 classes or more.
pub const SEGLOSS_TOO_LARGE: i32 = 5;
/// Status: the strides of an output map two indices to the same element, an output that has to be contiguous is
/// not, or strides leave the address space.
pub const SEGLOSS_STRIDES: i32 = 6;
/// Status: an address is not a multiple of the alignment of its element.
pub const SEGLOSS_MISALIGNED: i32 = 7;
/// Status: the byte range of an output overlaps another argument. Only grad may overlap pred, at the same address
/// with the same dtype and strides, without SEGLOSS_ADD_TO_GRADIENT.
pub const SEGLOSS_OVERLAP: i32 = 8;
/// Status: scratch_size is below the answer of the size query; the error's needed is that answer.
pub const SEGLOSS_SCRATCH: i32 = 9;
/// Status: a number is out of its range, a constant or flag is unknown or belongs to another option, or a field
/// that the loss does not use differs from its default.
pub const SEGLOSS_PARAMETER: i32 = 10;
/// Status: the target of a counted voxel is neither a class nor ignored, or is outside [-0.001, 1.001] in a
/// floating map; the error's index is the first such voxel.
pub const SEGLOSS_LABEL: i32 = 11;
/// Status: the loss is not defined for this input.
pub const SEGLOSS_UNSUPPORTED: i32 = 12;
/// Status: a term needs a field and none is given. segloss_accumulate and segloss_backward compute no fields;
/// segloss_run computes them.
pub const SEGLOSS_MISSING_FIELD: i32 = 13;

/// Bit of segloss_error.numbers: given is set.
pub const SEGLOSS_ERROR_HAS_GIVEN: i32 = 1;
/// Bit of segloss_error.numbers: needed is set.
pub const SEGLOSS_ERROR_HAS_NEEDED: i32 = 2;

/// Bit of segloss_term.flags: the value is L - 1, as nnU-Net and combo write Dice. The gradient is the same.
pub const SEGLOSS_MINUS_ONE: i32 = 1;
/// Bit of segloss_term.flags, Hausdorff only: field holds both halves of the distance weight, and segloss_run
/// computes neither.
pub const SEGLOSS_FIELD_COMPLETE: i32 = 2;
/// Bit of segloss_term.flags: class 0 gets weight 0, also if class_weight is given. No effect if C = 1.
pub const SEGLOSS_EXCLUDE_BACKGROUND: i32 = 4;

// The constants below that are not 0 encode their option in bits 16 to 22: three bits for each option, so that a
// constant of another option, alone or or-ed in, is refused. 0 is the default of every option.

/// segloss_term.class_average: the weighted mean of the values of the classes (default).
pub const SEGLOSS_CLASS_MEAN: i32 = 0;
/// segloss_term.class_average, 0x00070001: one value of the weighted sums over all classes.
pub const SEGLOSS_CLASS_POOLED: i32 = 0x0007_0001;
/// segloss_term.sample_average: SEGLOSS_SAMPLE_MEAN for region losses; voxel losses are means over the whole batch
/// (default).
pub const SEGLOSS_SAMPLE_DEFAULT: i32 = 0;
/// segloss_term.sample_average, 0x000b0001: the mean of the values of the samples.
pub const SEGLOSS_SAMPLE_MEAN: i32 = 0x000b_0001;
/// segloss_term.sample_average, 0x000b0002: one value of the sums over all samples ("batch Dice").
pub const SEGLOSS_SAMPLE_POOLED: i32 = 0x000b_0002;
/// segloss_term.absent: a class without target voxels in a sample counts like any other (default).
pub const SEGLOSS_ABSENT_COUNTED: i32 = 0;
/// segloss_term.absent, 0x000d0001: a class without target voxels in a sample is left out of the average.
pub const SEGLOSS_ABSENT_SKIPPED: i32 = 0x000d_0001;
/// segloss_term.normalizer: the loss is divided by the sum of the voxel weights (default).
pub const SEGLOSS_NORMALIZE_BY_VOXELS: i32 = 0;
/// segloss_term.normalizer, 0x000e0001: the loss is divided by the sum of voxel weight times the class weight of
/// the target class, as PyTorch's mean with class weights. Sigmoid: as SEGLOSS_NORMALIZE_BY_VOXELS.
pub const SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT: i32 = 0x000e_0001;

/// segloss_term.variant of Dice and IoU: the denominator sums probabilities (default).
pub const SEGLOSS_DICE_LINEAR: i32 = 0;
/// segloss_term.variant of Dice and IoU, 0x00130001: the denominator sums squares, as in V-Net.
pub const SEGLOSS_DICE_SQUARED: i32 = 0x0013_0001;
/// segloss_term.variant of generalized Dice and penalty: class weights proportional to 1/G^2 (default).
pub const SEGLOSS_GDICE_INVERSE_SQUARE: i32 = 0;
/// segloss_term.variant of generalized Dice and penalty, 0x00150001: class weights proportional to 1/G.
pub const SEGLOSS_GDICE_INVERSE: i32 = 0x0015_0001;
/// segloss_term.variant of generalized Dice and penalty, 0x00150002: equal class weights.
pub const SEGLOSS_GDICE_UNIFORM: i32 = 0x0015_0002;
/// segloss_term.variant of TopK: k is the fraction of the counted voxels that are selected (default).
pub const SEGLOSS_TOPK_FRACTION: i32 = 0;
/// segloss_term.variant of TopK, 0x00160001: k is the probability of the target class below which a voxel is
/// selected.
pub const SEGLOSS_TOPK_THRESHOLD: i32 = 0x0016_0001;
/// segloss_term.variant of boundary, 0x00190001: inside, the distance is -(d - smallest spacing), 0 at the inner
/// rim.
pub const SEGLOSS_BOUNDARY_RIM_ZERO: i32 = 0x0019_0001;
/// Bit of segloss_term.variant of Hausdorff, 0x001a0001: only the distances of the target, D = d_G^alpha.
pub const SEGLOSS_HAUSDORFF_TARGET_ONLY: i32 = 0x001a_0001;
/// Bit of segloss_term.variant of Hausdorff, 0x001a0002: only the distances of the prediction, D = d_S^alpha.
pub const SEGLOSS_HAUSDORFF_PREDICTION_ONLY: i32 = 0x001a_0002;
/// Bit of segloss_term.variant of Hausdorff, 0x001a0004: the mask of the prediction is the argmax over the classes
/// (the lowest index on ties) instead of s > 0.5.
pub const SEGLOSS_HAUSDORFF_ARGMAX: i32 = 0x001a_0004;
/// Bit of segloss_term.variant of Hausdorff, 0x001a0008: distances are 0 outside of their mask.
pub const SEGLOSS_HAUSDORFF_INTERIOR: i32 = 0x001a_0008;
/// Bit of segloss_term.variant of Hausdorff, 0x001a0010: the value is log(1 + L).
pub const SEGLOSS_HAUSDORFF_LOG: i32 = 0x001a_0010;

/// segloss_term.variant of a custom voxel loss: a negative log-likelihood (default). Mutually exclusive classes: only
/// the target class contributes, g L(s). Independent classes: both outcomes of each class contribute,
/// g L(s) + (1 - g) L(1 - s), and the loss of a voxel is the mean over the classes, weighted by v.
pub const SEGLOSS_VOXEL_LIKELIHOOD: i32 = 0;
/// segloss_term.variant of a custom voxel loss, 0x00250001: g L(s), for every activation; summed over the classes.
pub const SEGLOSS_VOXEL_TRUE_CLASS: i32 = 0x0025_0001;
/// segloss_term.variant of a custom voxel loss, 0x00250002: g L(s) + (1 - g) L(1 - s) of every class, for every
/// activation; summed over the classes.
pub const SEGLOSS_VOXEL_BOTH_OUTCOMES: i32 = 0x0025_0002;
/// segloss_term.variant of a custom voxel loss, 0x00250003: L of every class of every voxel, a function of s and g; the
/// mean over classes and voxels.
pub const SEGLOSS_VOXEL_ALL_CLASSES: i32 = 0x0025_0003;

/// Bit of segloss_args.flags, 0x0100: grad += gradient instead of grad = gradient. grad may then not be pred.
pub const SEGLOSS_ADD_TO_GRADIENT: i32 = 0x0100;

/// segloss_args.activation: pred holds logits of mutually exclusive classes (C >= 2). 0 is not an activation. With
/// any activation, NaN in a counted voxel makes the value and the gradient of that voxel NaN. Logits of +-inf give
/// the limits.
pub const SEGLOSS_SOFTMAX: i32 = 1;
/// segloss_args.activation: pred holds logits of independent classes; each class is a Bernoulli variable.
pub const SEGLOSS_SIGMOID: i32 = 2;
/// segloss_args.activation: pred holds probabilities of mutually exclusive classes; if C = 1, as
/// SEGLOSS_PROBABILITY_PER_CLASS. Numbers outside [0, 1] are accepted: sums take them as they are, logarithms take
/// max(x, 2^-126) and powers max(x, 0) of x = s and x = 1 - s.
pub const SEGLOSS_PROBABILITY: i32 = 3;
/// segloss_args.activation: pred holds probabilities of independent classes; outside [0, 1] as SEGLOSS_PROBABILITY.
pub const SEGLOSS_PROBABILITY_PER_CLASS: i32 = 4;

/// segloss_distance_args.kind: outside the distance to the nearest inside voxel, inside minus the distance to the
/// nearest outside voxel. 0 is not a kind.
pub const SEGLOSS_SIGNED: i32 = 1;
/// segloss_distance_args.kind: inside the distance to the nearest outside voxel, outside 0.
pub const SEGLOSS_INSIDE: i32 = 2;
/// segloss_distance_args.kind: outside the distance to the nearest inside voxel, inside 0.
pub const SEGLOSS_OUTSIDE: i32 = 3;
/// segloss_distance_args.kind: the distance to the nearest voxel on the other side of the boundary.
pub const SEGLOSS_OTHER_SIDE: i32 = 4;

/// kind of segloss_class_weights: 1/f, f the share of the class in the target.
pub const SEGLOSS_WEIGHT_INVERSE: i32 = 0;
/// kind of segloss_class_weights, 0x001c0001: sqrt(1/f).
pub const SEGLOSS_WEIGHT_INVERSE_SQRT: i32 = 0x001c_0001;
/// kind of segloss_class_weights, 0x001c0002: median(f)/f, the median over the classes with f > 0.
pub const SEGLOSS_WEIGHT_MEDIAN: i32 = 0x001c_0002;

/// Bit of segloss_distance_args.flags, 0x00230001: squared distances; a signed square keeps its sign.
pub const SEGLOSS_DISTANCE_SQUARED: i32 = 0x0023_0001;
/// Bit of segloss_distance_args.flags, 0x00230002: voxels beyond the image count as outside of the object.
pub const SEGLOSS_DISTANCE_BLACK_BORDER: i32 = 0x0023_0002;

/// The values of each option, without 0.
const OPTIONS: [&[i32]; 12] = [
    &[SEGLOSS_CLASS_POOLED],
    &[SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED],
    &[SEGLOSS_ABSENT_SKIPPED],
    &[SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT],
    &[SEGLOSS_DICE_SQUARED],
    &[SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM],
    &[SEGLOSS_TOPK_THRESHOLD],
    &[SEGLOSS_BOUNDARY_RIM_ZERO],
    &[
        SEGLOSS_HAUSDORFF_TARGET_ONLY,
        SEGLOSS_HAUSDORFF_PREDICTION_ONLY,
        SEGLOSS_HAUSDORFF_ARGMAX,
        SEGLOSS_HAUSDORFF_INTERIOR,
        SEGLOSS_HAUSDORFF_LOG,
    ],
    &[SEGLOSS_VOXEL_TRUE_CLASS, SEGLOSS_VOXEL_BOTH_OUTCOMES, SEGLOSS_VOXEL_ALL_CLASSES],
    &[SEGLOSS_WEIGHT_INVERSE_SQRT, SEGLOSS_WEIGHT_MEDIAN],
    &[SEGLOSS_DISTANCE_SQUARED, SEGLOSS_DISTANCE_BLACK_BORDER],
];

/// The low bits of `given` if they are flags among `all`, the flags of one option. None if `given` has a bit that
/// is not in `all`, or lacks a bit that encodes the option.
pub(super) const fn flags_of(given: u32, all: i32) -> Option<u32> {
    let option = all as u32 & !0xffff;
    let is_known = given & !(all as u32) == 0;
    if is_known && (given == 0 || given & option == option && given != option) {
        Some(given & 0xffff)
    } else {
        None
    }
}

// Each option has three bits, no two options the same three. Flags of args differ from flags of a term.
const _: () = {
    let (mut options, mut seen) = (OPTIONS.as_slice(), 0u128);
    while let [[first, others @ ..], rest @ ..] = options {
        let option = *first >> 16;
        assert!(option.count_ones() == 3 && option < 128 && seen >> option & 1 == 0);
        assert!(*first & 0xffff != 0);
        let mut values = others;
        while let [value, left @ ..] = values {
            assert!(*value >> 16 == option && *value & 0xffff != 0);
            values = left;
        }
        seen |= 1 << option;
        options = rest;
    }
    assert!(options.is_empty());
    assert!(
        SEGLOSS_ADD_TO_GRADIENT & (SEGLOSS_MINUS_ONE | SEGLOSS_FIELD_COMPLETE | SEGLOSS_EXCLUDE_BACKGROUND)
            == 0
    );
};

// The constants equal the discriminants of the Rust types.
const _: () = {
    assert!(
        SEGLOSS_MAX_NDIM as usize == crate::array::view::MAX_AXES
            && SEGLOSS_MAX_TERMS as usize == crate::loss::sums::MAX_TERMS
    );
    assert!(SEGLOSS_CHUNK as usize == crate::engine::chunks::CHUNK);
    assert!(SEGLOSS_U8 == Dtype::U8 as i32);
    assert!(SEGLOSS_U16 == Dtype::U16 as i32);
    assert!(SEGLOSS_U32 == Dtype::U32 as i32);
    assert!(SEGLOSS_U64 == Dtype::U64 as i32);
    assert!(SEGLOSS_I8 == Dtype::I8 as i32);
    assert!(SEGLOSS_I16 == Dtype::I16 as i32);
    assert!(SEGLOSS_I32 == Dtype::I32 as i32);
    assert!(SEGLOSS_I64 == Dtype::I64 as i32);
    assert!(SEGLOSS_BOOL == Dtype::Bool as i32);
    assert!(SEGLOSS_F16 == Dtype::F16 as i32);
    assert!(SEGLOSS_BF16 == Dtype::Bf16 as i32);
    assert!(SEGLOSS_F32 == Dtype::F32 as i32);
    assert!(SEGLOSS_F64 == Dtype::F64 as i32);
    assert!(SEGLOSS_NULL_POINTER == Status::NullPointer as i32);
    assert!(SEGLOSS_STRUCT_SIZE == Status::StructSize as i32);
    assert!(SEGLOSS_DTYPE == Status::Dtype as i32);
    assert!(SEGLOSS_SHAPE == Status::Shape as i32);
    assert!(SEGLOSS_TOO_LARGE == Status::TooLarge as i32);
    assert!(SEGLOSS_STRIDES == Status::Strides as i32);
    assert!(SEGLOSS_MISALIGNED == Status::Misaligned as i32);
    assert!(SEGLOSS_OVERLAP == Status::Overlap as i32);
    assert!(SEGLOSS_SCRATCH == Status::Scratch as i32);
    assert!(SEGLOSS_PARAMETER == Status::Parameter as i32);
    assert!(SEGLOSS_LABEL == Status::Label as i32);
    assert!(SEGLOSS_UNSUPPORTED == Status::Unsupported as i32);
    assert!(SEGLOSS_MISSING_FIELD == Status::MissingField as i32);
    assert!(SEGLOSS_SOFTMAX == crate::loss::activation::Activation::Softmax as i32);
    assert!(SEGLOSS_SIGMOID == crate::loss::activation::Activation::Sigmoid as i32);
    assert!(SEGLOSS_PROBABILITY == crate::loss::activation::Activation::Probability as i32);
    assert!(SEGLOSS_PROBABILITY_PER_CLASS == crate::loss::activation::Activation::ProbabilityPerClass as i32);
};
