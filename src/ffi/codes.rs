//! The integer constants of the header: plain numbers, because the header's generator reads no others.

use crate::{Dtype, Status};

/// Most axes of a tensor.
pub const SEGLOSS_MAX_NDIM: i32 = 16;
/// Most terms of a loss.
pub const SEGLOSS_MAX_TERMS: i32 = 4;
/// Voxels: parts cut at multiples of it and folded in order keep every bit.
pub const SEGLOSS_CHUNK: i32 = 16384;

/// dtype: DLPack code << 8 | bits; unsigned 8-bit integers.
pub const SEGLOSS_U8: i32 = 0x0108;
/// Unsigned 16-bit integers.
pub const SEGLOSS_U16: i32 = 0x0110;
/// Unsigned 32-bit integers.
pub const SEGLOSS_U32: i32 = 0x0120;
/// Unsigned 64-bit integers; as labels, those past INT64_MAX are no class and cannot be ignored.
pub const SEGLOSS_U64: i32 = 0x0140;
/// Signed 8-bit integers.
pub const SEGLOSS_I8: i32 = 0x0008;
/// Signed 16-bit integers.
pub const SEGLOSS_I16: i32 = 0x0010;
/// Signed 32-bit integers.
pub const SEGLOSS_I32: i32 = 0x0020;
/// Signed 64-bit integers.
pub const SEGLOSS_I64: i32 = 0x0040;
/// Booleans of one byte; read as U8.
pub const SEGLOSS_BOOL: i32 = 0x0608;
/// IEEE binary16.
pub const SEGLOSS_F16: i32 = 0x0210;
/// bfloat16.
pub const SEGLOSS_BF16: i32 = 0x0410;
/// IEEE binary32.
pub const SEGLOSS_F32: i32 = 0x0220;
/// IEEE binary64.
pub const SEGLOSS_F64: i32 = 0x0240;

/// Success.
pub const SEGLOSS_OK: i32 = 0;
/// A pointer that is needed is NULL.
pub const SEGLOSS_NULL_POINTER: i32 = 1;
/// struct_size is 0, differs within an array, or the unknown tail of a longer struct is not zero.
pub const SEGLOSS_STRUCT_SIZE: i32 = 2;
/// The element type does not fit the argument.
pub const SEGLOSS_DTYPE: i32 = 3;
/// Shapes that do not belong together, or a wrong number of entries.
pub const SEGLOSS_SHAPE: i32 = 4;
/// A product past PTRDIFF_MAX bytes.
pub const SEGLOSS_TOO_LARGE: i32 = 5;
/// An output that meets itself, or strides past the address space.
pub const SEGLOSS_STRIDES: i32 = 6;
/// An address that is no multiple of the element's alignment.
pub const SEGLOSS_MISALIGNED: i32 = 7;
/// An output's byte range meets another's; only grad may be pred, in the same dtype and strides.
pub const SEGLOSS_OVERLAP: i32 = 8;
/// The scratch is shorter than the query says.
pub const SEGLOSS_SCRATCH: i32 = 9;
/// A number out of its range, an unknown constant or flag.
pub const SEGLOSS_PARAMETER: i32 = 10;
/// The label of a counted voxel is neither a class nor ignored; fault->index names it.
pub const SEGLOSS_LABEL: i32 = 11;
/// This form has no meaning for this input.
pub const SEGLOSS_UNSUPPORTED: i32 = 12;
/// fold and map compute no fields; run does, from labels.
pub const SEGLOSS_MISSING_FIELD: i32 = 13;

/// In numbers of a fault: given is known.
pub const SEGLOSS_ERROR_HAS_GIVEN: i32 = 1;
/// In numbers of a fault: needed is known.
pub const SEGLOSS_ERROR_HAS_NEEDED: i32 = 2;

/// Term flag: value - 1, as nnU-Net's Dice and combo are written.
pub const SEGLOSS_MINUS_ONE: i32 = 1;
/// Term flag of hausdorff: field is all of its weight, no half to compute.
pub const SEGLOSS_FIELD_COMPLETE: i32 = 2;
/// Term flag: class 0 of two or more is left out, beside class weights too; without effect where C = 1.
pub const SEGLOSS_EXCLUDE_BACKGROUND: i32 = 4;

// The constants below that are not 0 say in bits 16 to 22 what they are constants of: three bits for each option, so
// that a constant of another option, alone or or-ed in, is found. 0 is the default of every option.

/// class_average: the weighted mean of the classes' values.
pub const SEGLOSS_CLASS_MEAN: i32 = 0;
/// class_average: the value of the classes' weighted sums.
pub const SEGLOSS_CLASS_POOLED: i32 = 0x0007_0001;
/// sample_average: the mean for region forms; others are means over the whole batch.
pub const SEGLOSS_SAMPLE_DEFAULT: i32 = 0;
/// sample_average: the mean of the samples' values.
pub const SEGLOSS_SAMPLE_MEAN: i32 = 0x000b_0001;
/// sample_average: the value of the samples' sums.
pub const SEGLOSS_SAMPLE_POOLED: i32 = 0x000b_0002;
/// absent: a class with no truth in a sample counts like any other.
pub const SEGLOSS_ABSENT_COUNTED: i32 = 0;
/// absent: a class with no truth in a sample is left out.
pub const SEGLOSS_ABSENT_SKIPPED: i32 = 0x000d_0001;
/// normalizer: the sum of voxel weights.
pub const SEGLOSS_NORMALIZE_BY_VOXELS: i32 = 0;
/// normalizer: the sum of class weights over the truth.
pub const SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT: i32 = 0x000e_0001;

/// variant of dice, iou: sums of probabilities.
pub const SEGLOSS_DICE_LINEAR: i32 = 0;
/// variant of dice, iou: sums of squares.
pub const SEGLOSS_DICE_SQUARED: i32 = 0x0013_0001;
/// variant of generalized_dice, penalty: classes weigh 1/G^2.
pub const SEGLOSS_GDICE_INVERSE_SQUARE: i32 = 0;
/// variant of generalized_dice, penalty: classes weigh 1/G.
pub const SEGLOSS_GDICE_INVERSE: i32 = 0x0015_0001;
/// variant of generalized_dice, penalty: classes weigh 1.
pub const SEGLOSS_GDICE_UNIFORM: i32 = 0x0015_0002;
/// variant of top_k: k is the share of voxels that pay.
pub const SEGLOSS_TOPK_FRACTION: i32 = 0;
/// variant of top_k: k is the probability below which a voxel pays.
pub const SEGLOSS_TOPK_THRESHOLD: i32 = 0x0016_0001;
/// variant of boundary: the inner rim at distance 0.
pub const SEGLOSS_BOUNDARY_RIM_ZERO: i32 = 0x0019_0001;
/// variant of hausdorff, or-ed: distances of the target only.
pub const SEGLOSS_HAUSDORFF_TARGET_ONLY: i32 = 0x001a_0001;
/// variant of hausdorff, or-ed: distances of the prediction only.
pub const SEGLOSS_HAUSDORFF_PREDICTION_ONLY: i32 = 0x001a_0002;
/// variant of hausdorff, or-ed: the prediction's mask is where the class is the largest.
pub const SEGLOSS_HAUSDORFF_ARGMAX: i32 = 0x001a_0004;
/// variant of hausdorff, or-ed: distances are 0 outside of their mask.
pub const SEGLOSS_HAUSDORFF_INTERIOR: i32 = 0x001a_0008;
/// variant of hausdorff, or-ed: the value is log(1 + loss).
pub const SEGLOSS_HAUSDORFF_LOG: i32 = 0x001a_0010;

/// args flag: grad += instead of =; not in place.
pub const SEGLOSS_ADD_TO_GRADIENT: i32 = 0x0100;

/// activation: logits of classes that exclude each other. 0 is an error. With any activation a NaN of a voxel that
/// counts makes the value NaN, and its gradient; +-inf are legal, as the limits they are.
pub const SEGLOSS_SOFTMAX: i32 = 1;
/// activation: logits of classes on their own.
pub const SEGLOSS_SIGMOID: i32 = 2;
/// activation: probabilities of classes that exclude each other; with C = 1 as 4. Numbers outside of [0, 1] are legal:
/// sums and mismatches take them as they are, logarithms take at least 2^-126 of s and of 1 - s, powers at least 0.
pub const SEGLOSS_PROBABILITY: i32 = 3;
/// activation: probabilities of classes on their own; outside of [0, 1] as SEGLOSS_PROBABILITY.
pub const SEGLOSS_PROBABILITY_PER_CLASS: i32 = 4;

/// kind: negative inside, positive outside. 0 is an error.
pub const SEGLOSS_SIGNED: i32 = 1;
/// kind: inside the distance to the nearest voxel outside, outside 0.
pub const SEGLOSS_INSIDE: i32 = 2;
/// kind: outside the distance to the nearest voxel inside, inside 0.
pub const SEGLOSS_OUTSIDE: i32 = 3;
/// kind: the distance to the nearest voxel on the other side.
pub const SEGLOSS_OTHER_SIDE: i32 = 4;

/// kind of class weights: 1/f.
pub const SEGLOSS_WEIGHT_INVERSE: i32 = 0;
/// kind of class weights: the root of 1/f.
pub const SEGLOSS_WEIGHT_INVERSE_SQRT: i32 = 0x001c_0001;
/// kind of class weights: median(f)/f.
pub const SEGLOSS_WEIGHT_MEDIAN: i32 = 0x001c_0002;

/// distance flag: squared distances; a signed square keeps its sign.
pub const SEGLOSS_DISTANCE_SQUARED: i32 = 0x0023_0001;
/// distance flag: the outside of the image counts as background.
pub const SEGLOSS_DISTANCE_BLACK_BORDER: i32 = 0x0023_0002;

/// The values of an option, without 0, and the bits that say whose they are.
const OPTIONS: [&[i32]; 11] = [
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
    &[SEGLOSS_WEIGHT_INVERSE_SQRT, SEGLOSS_WEIGHT_MEDIAN],
    &[SEGLOSS_DISTANCE_SQUARED, SEGLOSS_DISTANCE_BLACK_BORDER],
];

/// The flags among `all`, which are those of one option: the low bits of `given`. None if a bit is not theirs, or if it
/// does not say that it is.
pub(super) const fn flags_of(given: u32, all: i32) -> Option<u32> {
    let option = all as u32 & !0xffff;
    let is_known = given & !(all as u32) == 0;
    if is_known && (given == 0 || given & option == option && given != option) {
        Some(given & 0xffff)
    } else {
        None
    }
}

// Three bits each, no two options the same three, and flags of the args none of a term.
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

// They are those of the Rust types.
const _: () = {
    assert!(SEGLOSS_MAX_NDIM as usize == crate::MAX_AXES && SEGLOSS_MAX_TERMS as usize == crate::MAX_TERMS);
    assert!(SEGLOSS_CHUNK as usize == crate::engine::row::CHUNK);
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
    assert!(SEGLOSS_SOFTMAX == crate::Activation::Softmax as i32);
    assert!(SEGLOSS_SIGMOID == crate::Activation::Sigmoid as i32);
    assert!(SEGLOSS_PROBABILITY == crate::Activation::Probability as i32);
    assert!(SEGLOSS_PROBABILITY_PER_CLASS == crate::Activation::ProbabilityPerClass as i32);
};
