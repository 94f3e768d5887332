/* segloss: losses for semantic segmentation and their exact gradients, computed in host memory.
 *
 * A loss is a weighted sum of one to four terms. A term is a loss, such as Dice, with its parameters. One call computes
 * the value and, if asked, the gradient with respect to the prediction:
 *
 *   #include <stdint.h>
 *   #include <stdio.h>
 *   #include <stdlib.h>
 *   #include "segloss.h"
 *
 *   int main(void) {
 *     static float logits[2 * 16], gradient[2 * 16];
 *     static uint8_t labels[16];
 *     const int64_t shape[] = {1, 2, 4, 4};
 *     const int64_t label_shape[] = {1, 4, 4};
 *     segloss_term terms[2];
 *     segloss_args args;
 *     segloss_error error = {0};
 *     segloss_status status;
 *     double value = 0;
 *     size_t bytes = 0;
 *     int i;
 *
 *     for (i = 0; i < 16; i++) labels[i] = (uint8_t)(i % 4 < 2);
 *     for (i = 0; i < 16; i++) logits[16 + i] = (float)(i % 3) - 1.0f;
 *
 *     segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]);
 *     segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]);
 *
 *     segloss_args_init(&args, sizeof args);
 *     args.activation = SEGLOSS_SOFTMAX;
 *     args.pred.data = logits;
 *     args.pred.shape = shape;
 *     args.pred.ndim = 4;
 *     args.pred.dtype = SEGLOSS_F32;
 *     args.target.data = labels;
 *     args.target.shape = label_shape;
 *     args.target.ndim = 3;
 *     args.target.dtype = SEGLOSS_U8;
 *     args.value = &value;
 *     args.grad.data = gradient;
 *     args.error = &error;
 *
 *     status = segloss_scratch_size(terms, 2, &args, &bytes);
 *     if (status == SEGLOSS_OK) {
 *       args.scratch = malloc(bytes);
 *       args.scratch_size = bytes;
 *       status = segloss_run(terms, 2, &args);
 *       free(args.scratch);
 *     }
 *     if (status != SEGLOSS_OK) {
 *       fprintf(stderr, "%s: %s", error.argument ? error.argument : "args", segloss_status_string(status));
 *       fprintf(stderr, " (expected %s)\n", error.expected ? error.expected : "a valid struct");
 *       return 1;
 *     }
 *     printf("value %f, first gradient %f\n", value, gradient[0]);
 *     return 0;
 *   }
 *
 * Link with -lsegloss. docs/c_api.md has programs for a batch in parts, an executor, distances and errors.
 *
 * Rules for every function:
 * - It returns SEGLOSS_OK (0) or a status. On failure it writes no output but the segloss_error of its args, if any;
 *   its scratch may have changed.
 * - It allocates no memory, does no I/O, starts no thread, does not panic, and keeps no state between calls. It may run
 *   on several threads at once if outputs and scratch are distinct.
 * - It borrows every pointer until it returns, except for strings and losses that it returns, which are static.
 * - A struct with struct_size starts with its sizeof; its init function sets it. The missing fields of a shorter struct
 *   (an older header) are 0. The unknown fields of a longer one must be 0. No struct has padding on LP64, LLP64 and
 *   ILP32.
 * - Indices are in C order. Sizes and strides of arrays are in elements, of scratch in bytes.
 * - Outputs may not overlap other arguments, except that grad may be pred.
 *
 * Notation of the equations (numbers in parentheses: Ma et al., "Segmentation Loss Odyssey", arXiv:2005.13449):
 *   b, c, i    sample 0 to B-1, class 0 to C-1, voxel 0 to N-1 of a sample
 *   s, g       predicted probability and target of a voxel and class
 *   w          voxel weight, 0 for an ignored label; W = sum_b sum_i w, W_b = sum_i w of sample b
 *   v_c        class weight, 0 for a class that is excluded or not annotated in the sample
 *   I, S, G    sum w g s, sum w s, sum w g over the voxels of a sample and class
 *   log        natural logarithm
 * Probabilities follow from pred by args.activation. The equation of a region loss is the value of one sample and
 * class. The loss is the mean over the classes weighted by v_c, then the mean over the samples; class_average and
 * sample_average pool the sums instead. Voxel losses are means over the whole batch. A ratio with a denominator
 * below 1e-30 counts as 1 with gradient 0. A factor of 0 times an infinite loss is 0. If no voxel is counted, value
 * and gradient are 0.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef SEGLOSS_H
#define SEGLOSS_H

#include <stddef.h>
#include <stdint.h>

/* Version of this header: major << 16 | minor << 8 | patch. segloss_version gives that of the library. */
#define SEGLOSS_VERSION 0x000100u

/* Bytes of scratch that suffice for every loss without a field but TopK, on the calling thread. A constant
 * expression, for a static buffer. */
#define SEGLOSS_SCRATCH_BYTES(samples, classes) \
  ((size_t)(SIZE_MAX > 0xffffffffu ? 147456u : 9728u) + (size_t)2112u * (classes) + (size_t)288u * (samples) * (classes))

#ifndef SEGLOSS_API
#if defined(_WIN32) && defined(SEGLOSS_DLL)
#define SEGLOSS_API __declspec(dllimport)
#else
#define SEGLOSS_API
#endif
#endif

// Limit: axes of a tensor.
#define SEGLOSS_MAX_NDIM 16

// Limit: terms of a loss.
#define SEGLOSS_MAX_TERMS 4

// Voxels of a chunk, whose sums are added in order. Parts that are cut at multiples of it within a sample and
// accumulated in order give the class sums of one segloss_run over the whole to the bit. Without class_sums
// segloss_run may sum cross entropy over all classes at once, and 64 samples or more of at most 256 voxels each as
// one sample: its value then agrees to 1e-7.
#define SEGLOSS_CHUNK 16384

// dtype 0x0108: unsigned 8-bit integers. Every dtype is DLPack's type code << 8 | bits.
#define SEGLOSS_U8 264

// dtype 0x0110: unsigned 16-bit integers.
#define SEGLOSS_U16 272

// dtype 0x0120: unsigned 32-bit integers.
#define SEGLOSS_U32 288

// dtype 0x0140: unsigned 64-bit integers. A label above INT64_MAX is never a class and cannot be ignored.
#define SEGLOSS_U64 320

// dtype 0x0008: signed 8-bit integers.
#define SEGLOSS_I8 8

// dtype 0x0010: signed 16-bit integers.
#define SEGLOSS_I16 16

// dtype 0x0020: signed 32-bit integers.
#define SEGLOSS_I32 32

// dtype 0x0040: signed 64-bit integers.
#define SEGLOSS_I64 64

// dtype 0x0608: booleans of one byte, read as SEGLOSS_U8.
#define SEGLOSS_BOOL 1544

// dtype 0x0210: IEEE 754 binary16 (half precision).
#define SEGLOSS_F16 528

// dtype 0x0410: bfloat16.
#define SEGLOSS_BF16 1040

// dtype 0x0220: IEEE 754 binary32 (float).
#define SEGLOSS_F32 544

// dtype 0x0240: IEEE 754 binary64 (double).
#define SEGLOSS_F64 576

// Status: success.
#define SEGLOSS_OK 0

// Status: a required pointer is NULL.
#define SEGLOSS_NULL_POINTER 1

// Status: struct_size is 0, cuts a field in half, differs between the terms of an array, or the unknown tail of a
// longer struct is not zero.
#define SEGLOSS_STRUCT_SIZE 2

// Status: the dtype is unknown, or is not accepted for this argument.
#define SEGLOSS_DTYPE 3

// Status: shapes do not match, or a number of axes or entries is wrong.
#define SEGLOSS_SHAPE 4

// Status: an array or the scratch exceeds PTRDIFF_MAX bytes, or there are 2^31 - 1 classes or more.
#define SEGLOSS_TOO_LARGE 5

// Status: the strides of an output map two indices to the same element, an output that has to be contiguous is
// not, or strides leave the address space.
#define SEGLOSS_STRIDES 6

// Status: an address is not a multiple of the alignment of its element.
#define SEGLOSS_MISALIGNED 7

// Status: the byte range of an output overlaps another argument. Only grad may overlap pred, at the same address
// with the same dtype and strides, without SEGLOSS_ADD_TO_GRADIENT.
#define SEGLOSS_OVERLAP 8

// Status: scratch_size is below the answer of the size query; the error's needed is that answer.
#define SEGLOSS_SCRATCH 9

// Status: a number is out of its range, a constant or flag is unknown or belongs to another option, or a field
// that the loss does not use differs from its default.
#define SEGLOSS_PARAMETER 10

// Status: the target of a counted voxel is neither a class nor ignored, or is outside [-0.001, 1.001] in a
// floating map; the error's index is the first such voxel.
#define SEGLOSS_LABEL 11

// Status: the loss is not defined for this input.
#define SEGLOSS_UNSUPPORTED 12

// Status: a term needs a field and none is given. segloss_accumulate and segloss_backward compute no fields;
// segloss_run computes them.
#define SEGLOSS_MISSING_FIELD 13

// Bit of segloss_error.numbers: given is set.
#define SEGLOSS_ERROR_HAS_GIVEN 1

// Bit of segloss_error.numbers: needed is set.
#define SEGLOSS_ERROR_HAS_NEEDED 2

// Bit of segloss_term.flags: the value is L - 1, as nnU-Net and combo write Dice. The gradient is the same.
#define SEGLOSS_MINUS_ONE 1

// Bit of segloss_term.flags, Hausdorff only: field holds both halves of the distance weight, and segloss_run
// computes neither.
#define SEGLOSS_FIELD_COMPLETE 2

// Bit of segloss_term.flags: class 0 gets weight 0, also if class_weight is given. No effect if C = 1.
#define SEGLOSS_EXCLUDE_BACKGROUND 4

// segloss_term.class_average: the weighted mean of the values of the classes (default).
#define SEGLOSS_CLASS_MEAN 0

// segloss_term.class_average, 0x00070001: one value of the weighted sums over all classes.
#define SEGLOSS_CLASS_POOLED 458753

// segloss_term.sample_average: SEGLOSS_SAMPLE_MEAN for region losses; voxel losses are means over the whole batch
// (default).
#define SEGLOSS_SAMPLE_DEFAULT 0

// segloss_term.sample_average, 0x000b0001: the mean of the values of the samples.
#define SEGLOSS_SAMPLE_MEAN 720897

// segloss_term.sample_average, 0x000b0002: one value of the sums over all samples ("batch Dice").
#define SEGLOSS_SAMPLE_POOLED 720898

// segloss_term.absent: a class without target voxels in a sample counts like any other (default).
#define SEGLOSS_ABSENT_COUNTED 0

// segloss_term.absent, 0x000d0001: a class without target voxels in a sample is left out of the average.
#define SEGLOSS_ABSENT_SKIPPED 851969

// segloss_term.normalizer: the loss is divided by the sum of the voxel weights (default).
#define SEGLOSS_NORMALIZE_BY_VOXELS 0

// segloss_term.normalizer, 0x000e0001: the loss is divided by the sum of voxel weight times the class weight of
// the target class, as PyTorch's mean with class weights. Sigmoid: as SEGLOSS_NORMALIZE_BY_VOXELS.
#define SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT 917505

// segloss_term.variant of Dice and IoU: the denominator sums probabilities (default).
#define SEGLOSS_DICE_LINEAR 0

// segloss_term.variant of Dice and IoU, 0x00130001: the denominator sums squares, as in V-Net.
#define SEGLOSS_DICE_SQUARED 1245185

// segloss_term.variant of generalized Dice and penalty: class weights proportional to 1/G^2 (default).
#define SEGLOSS_GDICE_INVERSE_SQUARE 0

// segloss_term.variant of generalized Dice and penalty, 0x00150001: class weights proportional to 1/G.
#define SEGLOSS_GDICE_INVERSE 1376257

// segloss_term.variant of generalized Dice and penalty, 0x00150002: equal class weights.
#define SEGLOSS_GDICE_UNIFORM 1376258

// segloss_term.variant of TopK: k is the fraction of the counted voxels that are selected (default).
#define SEGLOSS_TOPK_FRACTION 0

// segloss_term.variant of TopK, 0x00160001: k is the probability of the target class below which a voxel is
// selected.
#define SEGLOSS_TOPK_THRESHOLD 1441793

// segloss_term.variant of boundary, 0x00190001: inside, the distance is -(d - smallest spacing), 0 at the inner
// rim.
#define SEGLOSS_BOUNDARY_RIM_ZERO 1638401

// Bit of segloss_term.variant of Hausdorff, 0x001a0001: only the distances of the target, D = d_G^alpha.
#define SEGLOSS_HAUSDORFF_TARGET_ONLY 1703937

// Bit of segloss_term.variant of Hausdorff, 0x001a0002: only the distances of the prediction, D = d_S^alpha.
#define SEGLOSS_HAUSDORFF_PREDICTION_ONLY 1703938

// Bit of segloss_term.variant of Hausdorff, 0x001a0004: the mask of the prediction is the argmax over the classes
// (the lowest index on ties) instead of s > 0.5.
#define SEGLOSS_HAUSDORFF_ARGMAX 1703940

// Bit of segloss_term.variant of Hausdorff, 0x001a0008: distances are 0 outside of their mask.
#define SEGLOSS_HAUSDORFF_INTERIOR 1703944

// Bit of segloss_term.variant of Hausdorff, 0x001a0010: the value is log(1 + L).
#define SEGLOSS_HAUSDORFF_LOG 1703952

// segloss_term.variant of a custom voxel loss: a negative log-likelihood (default). Mutually exclusive classes: only
// the target class contributes, g L(s). Independent classes: both outcomes of each class contribute,
// g L(s) + (1 - g) L(1 - s), and the loss of a voxel is the mean over the classes, weighted by v.
#define SEGLOSS_VOXEL_LIKELIHOOD 0

// segloss_term.variant of a custom voxel loss, 0x00250001: g L(s), for every activation; summed over the classes.
#define SEGLOSS_VOXEL_TRUE_CLASS 2424833

// segloss_term.variant of a custom voxel loss, 0x00250002: g L(s) + (1 - g) L(1 - s) of every class, for every
// activation; summed over the classes.
#define SEGLOSS_VOXEL_BOTH_OUTCOMES 2424834

// segloss_term.variant of a custom voxel loss, 0x00250003: L of every class of every voxel, a function of s and g; the
// mean over classes and voxels.
#define SEGLOSS_VOXEL_ALL_CLASSES 2424835

// Bit of segloss_args.flags, 0x0100: grad += gradient instead of grad = gradient. grad may then not be pred.
#define SEGLOSS_ADD_TO_GRADIENT 256

// segloss_args.activation: pred holds logits of mutually exclusive classes (C >= 2). 0 is not an activation. With
// any activation, NaN in a counted voxel makes the value and the gradient of that voxel NaN. Logits of +-inf give
// the limits.
#define SEGLOSS_SOFTMAX 1

// segloss_args.activation: pred holds logits of independent classes; each class is a Bernoulli variable.
#define SEGLOSS_SIGMOID 2

// segloss_args.activation: pred holds probabilities of mutually exclusive classes; if C = 1, as
// SEGLOSS_PROBABILITY_PER_CLASS. Numbers outside [0, 1] are accepted: sums take them as they are, logarithms take
// max(x, 2^-126) and powers max(x, 0) of x = s and x = 1 - s.
#define SEGLOSS_PROBABILITY 3

// segloss_args.activation: pred holds probabilities of independent classes; outside [0, 1] as SEGLOSS_PROBABILITY.
#define SEGLOSS_PROBABILITY_PER_CLASS 4

// segloss_distance_args.kind: outside the distance to the nearest inside voxel, inside minus the distance to the
// nearest outside voxel. 0 is not a kind.
#define SEGLOSS_SIGNED 1

// segloss_distance_args.kind: inside the distance to the nearest outside voxel, outside 0.
#define SEGLOSS_INSIDE 2

// segloss_distance_args.kind: outside the distance to the nearest inside voxel, inside 0.
#define SEGLOSS_OUTSIDE 3

// segloss_distance_args.kind: the distance to the nearest voxel on the other side of the boundary.
#define SEGLOSS_OTHER_SIDE 4

// kind of segloss_class_weights: 1/f, f the share of the class in the target.
#define SEGLOSS_WEIGHT_INVERSE 0

// kind of segloss_class_weights, 0x001c0001: sqrt(1/f).
#define SEGLOSS_WEIGHT_INVERSE_SQRT 1835009

// kind of segloss_class_weights, 0x001c0002: median(f)/f, the median over the classes with f > 0.
#define SEGLOSS_WEIGHT_MEDIAN 1835010

// Bit of segloss_distance_args.flags, 0x00230001: squared distances; a signed square keeps its sign.
#define SEGLOSS_DISTANCE_SQUARED 2293761

// Bit of segloss_distance_args.flags, 0x00230002: voxels beyond the image count as outside of the object.
#define SEGLOSS_DISTANCE_BLACK_BORDER 2293762

// A loss: the result of a getter such as segloss_dice(). Static, immutable, never freed.
typedef struct segloss_loss segloss_loss;

// SEGLOSS_OK (0) on success, else SEGLOSS_NULL_POINTER to SEGLOSS_MISSING_FIELD. segloss_status_string gives the
// text.
typedef int32_t segloss_status;

// The sums of one class in one sample; as a slope, the derivative of the loss by each sum. The layout of this
// struct never changes.
//
// w is the weight of a voxel, g the target and s the predicted probability of the class. Sums run over the counted
// voxels of the sample. Every field is additive: the sums of a batch in parts are the sums over its parts, so any
// all-reduce of doubles combines them. An array [B,C] of these structs is C-contiguous.
typedef struct segloss_class_sums {
  // Sum of w, in voxels.
  double weight;
  // Sum of w g (G).
  double target;
  // Sum of w s (S).
  double prediction;
  // Sum of w g s (I).
  double intersection;
  // Sum of w g (s - g)^2.
  double squared_error_positive;
  // Sum of w (1 - g) (s - g)^2.
  double squared_error_negative;
  // Sum of w min(s, g). 0: no loss of this version reads it.
  double minimum;
  // Must be 0.
  double reserved[3];
  // For terms[0] to terms[3], if the term is a voxel loss: the sum of w times its voxel loss, without class
  // weights.
  double loss_sum[4];
  // The sum of the weights that loss_sum was taken with. With softmax and cross entropy or focal loss without label
  // smoothing, loss_sum / target is the mean over the voxels of the class.
  double loss_weight[4];
} segloss_class_sums;

// A region loss of the caller: the value of one class, or of the pooled classes.
//
// @param context  context of the term.
// @param sums     the sums of the class.
// @param slope    all zero on entry; receives the derivative of the value by sums->prediction, intersection,
//                 squared_error_positive and squared_error_negative. Other fields are ignored.
// @return the value.
//
// It is called on the calling thread of segloss_run or segloss_finalize and must not throw.
typedef double (*segloss_region_function)(void *context,
                                          const struct segloss_class_sums *sums,
                                          struct segloss_class_sums *slope);

// The state of a search for the voxels that TopK by fraction selects from a batch in parts. The layout of this
// struct never changes. segloss_run needs no search: it selects from the batch of the call.
//
//   segloss_top_k_search search;
//   segloss_top_k_begin(&search);
//   while (!search.done) {
//     for (p = 0; p < n_parts; p++) segloss_top_k_count(terms, n_terms, k, &parts[p], &search);
//     segloss_top_k_narrow(&terms[k], &search);
//   }
//   terms[k].top_k_search = &search;
//
// Then segloss_accumulate every part, segloss_finalize, segloss_backward every part. Where parts are on several
// machines, add their bins (or call segloss_top_k_merge) before segloss_top_k_narrow.
typedef struct segloss_top_k_search {
  // Not 0 once the threshold is found.
  uint64_t done;
  // Bits of a key: 32, or 64 if pred is SEGLOSS_F64; 0 before the first count.
  uint64_t key_bits;
  // Leading bits of the threshold's key that are known.
  uint64_t found_bits;
  // The value of these bits; once done, the key of the threshold.
  uint64_t prefix;
  // Voxels still to be selected among those whose key begins with prefix.
  uint64_t places;
  // Once done, voxels whose loss equals the threshold. They share the remaining places.
  uint64_t ties;
  // Histogram of the current round. The only field that differs between machines; bins add.
  uint64_t bins[2048];
} segloss_top_k_search;

// A borrowed, read-only array. All fields zero means absent. The layout of this struct never changes.
//
// data, shape and strides have to stay valid until the call returns; nothing is kept after it. Any dtype may be
// combined with any other. Strides of 0 and negative strides are legal. shape and strides may lie at any address.
typedef struct segloss_tensor {
  // Address of the element at index 0, aligned to the element. NULL if absent or if an extent is 0; may be NULL
  // in size queries and in segloss_finalize, which read no elements.
  const void *data;
  // ndim extents >= 0, outermost axis first.
  const int64_t *shape;
  // ndim strides in elements, not bytes. NULL: C-contiguous.
  const int64_t *strides;
  // Number of axes, at most SEGLOSS_MAX_NDIM.
  uint32_t ndim;
  // Element type, SEGLOSS_U8 to SEGLOSS_F64.
  uint32_t dtype;
} segloss_tensor;

// Some voxels and one class, as a voxel loss of the caller reads them: rows of count numbers. The library writes this
// struct; later versions may append fields.
//
// A class has two outcomes at a voxel: positive, the voxel belongs to the class, and negative. With
// SEGLOSS_VOXEL_ALL_CLASSES the rows describe the positive outcome, else the outcome that contributes: for the
// negative one, probability is 1 - s and complement is s. With labels and softmax a row may hold the target class
// of each voxel instead of one class.
//
// Voxels that are not counted, and padding, are among the voxels: they have probabilities that a prediction can have,
// and their value and slope count 0 times, so that neither may be NaN.
typedef struct segloss_voxel_rows {
  // Element type of all rows: SEGLOSS_F64 if pred is, else SEGLOSS_F32.
  uint32_t dtype;
  // Number of voxels: a multiple of 16, at most 256.
  uint32_t count;
  // Probability p of the outcome. In [0, 1], unless pred holds probabilities that are not.
  const void *probability;
  // max(1 - p, 0); of logits to full relative precision.
  const void *complement;
  // log p, of logits to full relative precision, also where p underflows; of probabilities log max(p, 2^-126).
  const void *log_probability;
  // Target g of the class; 1 in rows of target classes. The library multiplies by it: only a loss of
  // SEGLOSS_VOXEL_ALL_CLASSES has to read it. Like field aligned to its element; the other rows to 64 bytes.
  const void *target;
  // The field of the term. NULL if the term has none.
  const void *field;
  // Output: L of each voxel, without weights.
  void *value;
  // Output: the derivative of L by log p; with SEGLOSS_VOXEL_ALL_CLASSES by s, and finite.
  void *slope;
} segloss_voxel_rows;

// A voxel loss of the caller: value and slope of some voxels.
//
// @param context  voxel_context of the term.
// @param rows     the voxels. value and slope have to be written for each of them, in every call. They overlap no
//                 other row. rows and its pointers are valid until the function returns.
//
// It is called on the threads of the executor, several at a time: it must not change what context points to. How many
// voxels a call has, and how many calls there are, is not specified. The value of a voxel must depend on nothing but
// its own numbers in rows and on context. It must not throw or leave by longjmp, and must not call the library with
// the same scratch.
typedef void (*segloss_voxel_function)(void *context, const struct segloss_voxel_rows *rows);

// A weighted term of a loss. Initialise it with segloss_term_init, then change single fields.
//
// The comment of each loss getter names the fields that the loss uses. weight, class_weight, SEGLOSS_MINUS_ONE and
// SEGLOSS_EXCLUDE_BACKGROUND belong to every loss. A field that the loss does not use must keep the value that
// segloss_term_init wrote; any other value is SEGLOSS_PARAMETER. In an array of terms, consecutive terms are
// terms[0].struct_size bytes apart, and all have the same struct_size.
typedef struct segloss_term {
  // sizeof(segloss_term).
  uint32_t struct_size;
  // SEGLOSS_MINUS_ONE, SEGLOSS_FIELD_COMPLETE and SEGLOSS_EXCLUDE_BACKGROUND, or-ed. Default 0.
  uint32_t flags;
  // Variant of the loss: a constant named after the loss, such as SEGLOSS_DICE_SQUARED. Default 0.
  uint32_t variant;
  // Region losses of one class: SEGLOSS_CLASS_MEAN (default) or SEGLOSS_CLASS_POOLED.
  uint32_t class_average;
  // Region losses: SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN or SEGLOSS_SAMPLE_POOLED.
  uint32_t sample_average;
  // Region losses: SEGLOSS_ABSENT_COUNTED (default) or SEGLOSS_ABSENT_SKIPPED.
  uint32_t absent;
  // Cross entropy: SEGLOSS_NORMALIZE_BY_VOXELS (default) or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT.
  uint32_t normalizer;
  // Must be 0.
  uint32_t reserved;
  // Factor of the term in the weighted sum, finite; 0 is legal. Default 1.
  double weight;
  // Tversky, focal Tversky: weight of false positives. Sensitivity-specificity: weight of sensitivity.
  // Hausdorff: exponent of the distances. Unused by other losses.
  double alpha;
  // Tversky, focal Tversky: weight of false negatives. Asymmetric similarity: the beta of F_beta. Balanced cross
  // entropy: weight of the positive outcome. Unused by other losses.
  double beta;
  // Focal, focal Tversky, power cross entropy, logarithmic Dice: the exponent gamma. Unused by other losses.
  double gamma;
  // TopK: fraction or threshold, in (0, 1]. Penalty: penalty strength >= 0. Unused by other losses.
  double k;
  // Losses of a ratio: smoothing of its numerator, finite and >= 0, in voxels. Default 1e-5 where it is used.
  double smooth_numerator;
  // Losses of a ratio: smoothing of its denominator, finite and >= 0, in voxels. Default 1e-5 where it is used.
  double smooth_denominator;
  // Cross entropy: label smoothing in [0, 1]. Default 0.
  double label_smoothing;
  // The loss: the result of a getter, such as segloss_dice(). Static, never freed.
  const struct segloss_loss *loss;
  // C class weights, finite and >= 0, at least one above 0; borrowed until the call returns. NULL: the default
  // of the loss, which is 1 for every class unless the comment of its getter says otherwise.
  const double *class_weight;
  // Custom region loss: the function. Unused by other losses.
  segloss_region_function region;
  // Custom region loss: first argument of region.
  void *context;
  // TopK by fraction in parts: a search that is done, borrowed until the call returns. NULL: select from the
  // batch of the call, which only segloss_run can do.
  const struct segloss_top_k_search *top_k_search;
  // Distance-penalised cross entropy, boundary, Hausdorff: the distance weights that the getter describes,
  // floating-point, [B,C,...], or [B,...] for all classes. Absent: segloss_run computes them from the target. Custom
  // voxel loss: any numbers, floating-point, [B,C,...] or [B,...]. Absent: the function gets none.
  struct segloss_tensor field;
  // Custom voxel loss: the function. Unused by other losses.
  segloss_voxel_function voxel;
  // Custom voxel loss: first argument of voxel.
  void *voxel_context;
} segloss_term;

// A borrowed array that a call writes. Its shape follows from the inputs. The layout of this struct never changes.
//
// data and strides have to stay valid until the call returns. Sorted by size, each stride must exceed the span of
// the smaller ones, so that no two indices share an element.
typedef struct segloss_output {
  // Address of the element at index 0, aligned to the element. NULL: not wanted.
  void *data;
  // One stride in elements for each axis of the implied shape. NULL: for grad the strides of pred, for other
  // outputs C-contiguous.
  const int64_t *strides;
  // Element type. 0: for grad the dtype of pred, for other outputs SEGLOSS_F32.
  uint32_t dtype;
  // Must be 0.
  uint32_t reserved;
} segloss_output;

// Why a call failed: which argument, where, and which value was expected. The layout of this struct never changes.
//
// A failing call writes it through the error pointer of its args, and writes nothing else. A successful call
// leaves it untouched. Initialise it with {0}. If the args or the error pointer itself is invalid, the call
// reports the status alone. The strings are static ASCII and are never freed.
typedef struct segloss_error {
  // The status that the function returned.
  segloss_status status;
  // Index into terms, or UINT32_MAX if the error belongs to no term.
  uint32_t term;
  // Voxel b*N + i (N voxels per sample, i in C order), axis or entry of the argument; -1 if none.
  int64_t index;
  // Name of the field or parameter, such as "alpha".
  const char *argument;
  // The valid values, such as "finite and >= 0".
  const char *expected;
  // The value that was refused: a parameter, a label, an extent, a length, a number of bytes. 0 unless numbers
  // has SEGLOSS_ERROR_HAS_GIVEN. Integers are exact up to 2^53.
  double given;
  // The value that is needed: an extent, a length, a number of bytes, a default. 0 unless numbers has
  // SEGLOSS_ERROR_HAS_NEEDED.
  double needed;
  // SEGLOSS_ERROR_HAS_GIVEN and SEGLOSS_ERROR_HAS_NEEDED, or-ed: which of the two values are set.
  uint32_t numbers;
  // 0.
  uint32_t reserved;
} segloss_error;

// One task of an executor: parallel_for calls task(data, index).
typedef void (*segloss_task)(void *data, size_t index);

// A thread pool of the caller. Without one, every function runs on the calling thread.
//
// The struct and its context have to stay valid until the call returns. Results have the same bits with every
// executor and every number of workers.
typedef struct segloss_executor {
  // sizeof(segloss_executor).
  uint32_t struct_size;
  // Number of tasks that may run at once; 0 is read as 1, and at most 64 are used. The size of the scratch grows
  // with it.
  uint32_t workers;
  // Calls task(data, 0) to task(data, count - 1), each exactly once, in any order, on any threads, and returns
  // when all calls have returned and their writes are visible to the caller. count <= workers. Must not throw.
  // Running all tasks on one thread is legal. NULL: the calling thread.
  void (*parallel_for)(void *context, size_t count, segloss_task task, void *data);
  // First argument of parallel_for.
  void *context;
} segloss_executor;

// The arguments of a call that evaluates a loss. Initialise them with segloss_args_init, then set at least
// activation, pred and target, the outputs, and scratch with scratch_size.
//
// B is the number of samples, C the number of classes, N the number of voxels of a sample; "..." stands for the
// spatial axes. A voxel is counted if its weight is above 0 and its label is not ignored. A voxel that is not
// counted contributes to no sum and gets gradient 0, whatever its inputs hold. Every pointer is borrowed until the
// call returns.
typedef struct segloss_args {
  // sizeof(segloss_args).
  uint32_t struct_size;
  // 0 or SEGLOSS_ADD_TO_GRADIENT.
  uint32_t flags;
  // What pred holds: SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY or SEGLOSS_PROBABILITY_PER_CLASS.
  // Required.
  uint32_t activation;
  // Number of entries of ignore.
  uint32_t ignore_len;
  // Factor of the gradient, finite: the upstream gradient times the loss scale. Applied before the gradient is
  // rounded to its dtype. segloss_finalize puts it into the slopes, so segloss_backward does not apply it.
  // Default 1.
  double grad_scale;
  // Prediction [B,C,...], SEGLOSS_F16, _BF16, _F32 or _F64, with one spatial axis or more. Required.
  struct segloss_tensor pred;
  // Target: integer labels [B,...] or [B,1,...] in [0, C); or integer 0/1 masks [B,C,...]; or floating-point
  // maps [B,C,...] in [0, 1], where up to 0.001 outside is accepted. C = 1: integer labels are a 0/1 mask. Required.
  struct segloss_tensor target;
  // Voxel weights [B,...], floating-point, SEGLOSS_U8 or SEGLOSS_BOOL, finite and >= 0; a stride of 0
  // broadcasts. Absent: 1.
  struct segloss_tensor voxel_weight;
  // B*C flags, C-contiguous: 0 if the class is not annotated in the sample; the target of that class is then not
  // used. NULL: every class is annotated.
  const uint8_t *class_present;
  // ignore_len labels whose voxels are not counted, in any order. Only for targets that are labels.
  const int64_t *ignore;
  // One distance between neighbouring voxels for each spatial axis, finite and > 0. NULL: 1. Used only where
  // distances are computed.
  const double *spacing;
  // Output: one double, the value of the loss. NULL: not wanted.
  double *value;
  // Output: n_terms doubles, the value of each term before its weight. NULL: not wanted.
  double *term_values;
  // Output [n_terms,B,C]: the value of a region loss for each sample and class before averaging; NaN where a
  // term has none. NULL: not wanted.
  double *class_values;
  // Output [B,C] of segloss_run: the sums that the value was computed from. NULL: not wanted. Other functions do
  // not write it.
  struct segloss_class_sums *class_sums;
  // Output: the gradient with respect to pred, in the shape of pred, any floating dtype. It may be pred itself,
  // at the same address with the same dtype and strides. data NULL: not wanted.
  struct segloss_output grad;
  // The only output of a failing call. NULL: the status alone.
  struct segloss_error *error;
  // Working memory of scratch_size bytes, at any alignment, with any content. Nothing is kept in it between
  // calls.
  void *scratch;
  // Length of scratch in bytes, at least the answer of segloss_scratch_size.
  size_t scratch_size;
  // Threads to run on. NULL: the calling thread.
  const struct segloss_executor *executor;
} segloss_args;

// The arguments of a distance transform. Initialise them with segloss_distance_args_init, then set kind, mask,
// out, and scratch with scratch_size. Every pointer is borrowed until the call returns.
typedef struct segloss_distance_args {
  // sizeof(segloss_distance_args).
  uint32_t struct_size;
  // SEGLOSS_DISTANCE_SQUARED and SEGLOSS_DISTANCE_BLACK_BORDER, or-ed. Default 0.
  uint32_t flags;
  // SEGLOSS_SIGNED, SEGLOSS_INSIDE, SEGLOSS_OUTSIDE or SEGLOSS_OTHER_SIDE. Required.
  uint32_t kind;
  // 0 (default): mask is one mask, and nonzero is inside. n: mask is a label map, and out receives n maps, map c
  // for the mask label == c.
  uint32_t classes;
  // Integers [...], 1 to SEGLOSS_MAX_NDIM axes; one axis less if classes is not 0. Required.
  struct segloss_tensor mask;
  // One distance between neighbouring voxels for each axis, between 1e-100 and 1e100. NULL: 1.
  const double *spacing;
  // Output: distances in the unit of spacing, SEGLOSS_F32 (default) or SEGLOSS_F64, C-contiguous, [...] or
  // [classes,...]. Required by segloss_distance.
  struct segloss_output out;
  // The only output of a failing call. NULL: the status alone.
  struct segloss_error *error;
  // Working memory of scratch_size bytes, at any alignment, with any content.
  void *scratch;
  // Length of scratch in bytes, at least the answer of segloss_distance_scratch_size.
  size_t scratch_size;
  // Threads to run on. NULL: the calling thread.
  const struct segloss_executor *executor;
} segloss_distance_args;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Cross entropy (2) and, with class weights, weighted cross entropy (3); in nats, >= 0.
//
//   softmax   L = -1/n sum_i w sum_c v_c g' log s
//   sigmoid   L = -1/W sum_i w sum_c v_c (g' log s + (1 - g') log(1 - s)) / sum_c v_c
//   g' = (1 - lambda) g + lambda/C (softmax), (1 - lambda) g + lambda/2 (sigmoid)
//   n  = W, or sum_i w sum_c v_c g with SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT
//
// Parameters:
//   label_smoothing  lambda, in [0, 1]; default 0
//   normalizer       SEGLOSS_NORMALIZE_BY_VOXELS (default), SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_cross_entropy(void);

// TopK cross entropy (4): cross entropy of the voxels K with the highest loss; in nats, >= 0.
//
//   L = -(sum_K w sum_c v_c g log s) / (sum_K w); 0 if K is empty
//   sigmoid: as segloss_cross_entropy
//
// SEGLOSS_TOPK_FRACTION: K holds the floor(k * counted voxels) voxels of the batch, at least one, with the highest
// loss, class weights included. Voxels that tie at the threshold share the remaining places equally.
// SEGLOSS_TOPK_THRESHOLD: K holds the voxels whose loss without class weights is above -log k; for softmax and
// labels, where the target class has s < k. K is constant for the gradient.
//
// Parameters:
//   k             fraction of the counted voxels or probability threshold, in (0, 1]; default 0.1
//   variant       SEGLOSS_TOPK_FRACTION (default), SEGLOSS_TOPK_THRESHOLD
//   top_k_search  by fraction in parts: a search that is done; default NULL
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_top_k(void);

// Focal loss (5): cross entropy down-weighted for well-classified voxels; in nats, >= 0.
//
//   softmax   L = -1/W sum_i w sum_c v_c (1 - s)^gamma g log s
//   sigmoid   the class mean over v of -(1 - s)^gamma g log s - s^gamma (1 - g) log(1 - s)
//
// gamma = 0 is weighted cross entropy. class_weight weighs classes; the alpha of a sigmoid focal loss, which
// weighs positive against negative outcomes, is not offered.
//
// Parameters:
//   gamma  finite and >= 0; default 2
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_focal(void);

// Distance-penalised cross entropy (6): cross entropy weighted up near the boundaries of the target; in nats,
// >= 0.
//
//   L = -1/W sum_i w (1 + D) sum_c v_c g log s,   D = 1 - (d - d_min)/d_max
//   sigmoid: as segloss_cross_entropy
//
// d is the distance to the nearest voxel with another label, in the unit of spacing; d_min and d_max are taken
// over the voxels of the same label in the sample. A sample with a single label has D = 0.
//
// Parameters:
//   field  D, [B,...] for all classes or [B,C,...]; default absent: computed from labels, or from maps in which
//          exactly one class is 1 in each voxel
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_distance_penalized(void);

// Sensitivity-specificity loss (7); in [0, 1].
//
//   L = r E1 / (G + eps_d) + (1 - r) E0 / (sum w (1 - g) + eps_d)
//   E1 = sum w g (s - g)^2,   E0 = sum w (1 - g) (s - g)^2
//
// A part whose denominator is below 1e-30 is 0.
//
// Parameters:
//   alpha               r, weight of sensitivity, in [0, 1]; default 0.05
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_sensitivity_specificity(void);

// Dice loss (8); in [0, 1] if eps_n <= eps_d.
//
//   L = 1 - (2 I + eps_n) / (D + eps_d)
//   D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
//
// Parameters:
//   variant             SEGLOSS_DICE_LINEAR (default), SEGLOSS_DICE_SQUARED
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_dice(void);

// IoU (Jaccard) loss (9); in [0, 1] if eps_n <= eps_d.
//
//   L = 1 - (I + eps_n) / (D - I + eps_d)
//   D = S + G (SEGLOSS_DICE_LINEAR), or sum w s^2 + sum w g^2 (SEGLOSS_DICE_SQUARED)
//
// Parameters:
//   variant             SEGLOSS_DICE_LINEAR (default), SEGLOSS_DICE_SQUARED
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_iou(void);

// Tversky loss (10); in [0, 1] if eps_n <= eps_d.
//
//   L = 1 - (I + eps_n) / (I + alpha FP + beta FN + eps_d),   FP = S - I,   FN = G - I
//
// Parameters:
//   alpha               weight of false positives, finite and >= 0; default 0.3
//   beta                weight of false negatives, finite and >= 0; default 0.7
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_tversky(void);

// Generalized Dice loss (11): one Dice over all classes, weighted by their size; in [0, 1] if eps_n <= eps_d.
//
//   L = 1 - (2 sum_c u_c I_c + eps_n) / (sum_c u_c (S_c + G_c) + eps_d)
//   u_c = v_c (G_min / G_c)^p, divided by the largest u_c
//
// p is 2 for SEGLOSS_GDICE_INVERSE_SQUARE, 1 for SEGLOSS_GDICE_INVERSE and 0 for SEGLOSS_GDICE_UNIFORM. G_min is
// the smallest positive G of the counted classes. A counted class with G = 0 takes 1 in place of the power.
// Because the formula combines the classes, class_average does not apply.
//
// Parameters:
//   variant             SEGLOSS_GDICE_INVERSE_SQUARE (default), SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_generalized_dice(void);

// Focal Tversky loss (12): Tversky to the power of 1/gamma; in [0, 1] if eps_n <= eps_d.
//
//   L = T^(1/gamma),   T = Tversky loss (10)
//
// If gamma > 1, T^(1/gamma) is linear below T = 1e-6, so that the gradient stays finite. gamma = 1 is Tversky, bit
// for bit.
//
// Parameters:
//   alpha               weight of false positives, finite and >= 0; default 0.3
//   beta                weight of false negatives, finite and >= 0; default 0.7
//   gamma               finite and > 0; default 4/3
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_focal_tversky(void);

// Asymmetric similarity loss (13): 1 minus the F_beta score; in [0, 1] if eps_n <= eps_d.
//
//   L = Tversky loss with alpha = 1/(1 + beta^2) and beta^2/(1 + beta^2) for beta
//
// Parameters:
//   beta                finite and >= 0, above 1 favours recall; default 1.5
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_asymmetric_similarity(void);

// Penalty loss (14), also called pGD; in [0, 1] if eps_n <= eps_d.
//
//   L = GD / (1 + k (1 - GD)),   GD = generalized Dice loss (11)
//
// k = 0 is generalized Dice, bit for bit.
//
// Parameters:
//   k                   penalty strength, finite and >= 0, 0 is generalized Dice; default 2.5
//   variant             SEGLOSS_GDICE_INVERSE_SQUARE (default), SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_penalty(void);

// Boundary loss: the mean of predicted probability times signed distance; in the unit of spacing, negative where
// the prediction lies inside the target.
//
//   L = (sum_b sum_c v_c sum_i w phi_c s_c) / (sum_b sum_c v_c W_b)
//
// phi_c is the signed distance to the boundary of class c of the target: outside + the distance to the nearest
// voxel of the class, inside - the distance to the nearest voxel outside. SEGLOSS_BOUNDARY_RIM_ZERO: inside -(d -
// smallest spacing). A class with no voxel, or with every voxel, has phi = 0. Default class weights: 0 for class 0
// if C >= 2, else 1.
//
// Parameters:
//   variant  0 (default), SEGLOSS_BOUNDARY_RIM_ZERO
//   field    phi, [B,C,...] or [B,...]; default absent: computed from labels, 0/1 masks or maps of 0 and 1
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_boundary(void);

// Hausdorff loss by distance transform; >= 0, in the unit of spacing to the power of alpha.
//
//   L = (sum_b sum_c v_c sum_i w (s - g)^2 D_c) / (sum_b sum_c v_c W_b),   D = d_G^alpha + d_S^alpha
//
// d_G and d_S are the distances from a voxel to the nearest voxel on the other side of the mask of the target and
// of the prediction. The mask of the prediction is s > 0.5; a voxel that is not counted is outside. A mask without
// a boundary has d = 0. D is constant for the gradient. Default class weights: 0 for class 0 if C >= 2, else 1.
//
// Parameters:
//   alpha    exponent of the distances, finite and > 0; default 2
//   variant  0 (default), or SEGLOSS_HAUSDORFF_ARGMAX (C >= 2), SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG
//            and one of SEGLOSS_HAUSDORFF_TARGET_ONLY and SEGLOSS_HAUSDORFF_PREDICTION_ONLY, or-ed
//   flags    SEGLOSS_FIELD_COMPLETE: field is D instead of d_G^alpha
//   field    d_G^alpha, [B,C,...] or [B,...], >= 0 with SEGLOSS_HAUSDORFF_LOG; default absent: computed from
//            labels, 0/1 masks or maps of 0 and 1
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_hausdorff(void);

// Balanced cross entropy, the cross entropy part of combo loss (15); in nats, >= 0.
//
//   L = -1/W sum_i w sum_c v_c (beta g log s + (1 - beta) (1 - g) log(1 - s))
//
// Summed over the classes with every activation.
//
// Parameters:
//   beta  weight of the positive outcome, in [0, 1]; default 0.5
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_balanced_cross_entropy(void);

// Power cross entropy, the cross entropy part of exponential logarithmic loss (16); >= 0.
//
//   L = 1/W sum_i w sum_c v_c g (-log s)^gamma
//
// Only the target class contributes, with sigmoid too. Default class weights: sqrt(sum_k G_k / G_c), with G summed
// over the batch, and 0 for a class with G_c = 0. If gamma < 1, the power is linear below -log s = 1e-6, so that
// the gradient stays finite.
//
// Parameters:
//   gamma  exponent, finite and >= 0; default 0.3
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_power_cross_entropy(void);

// Logarithmic Dice, the Dice part of exponential logarithmic loss (16); >= 0.
//
//   L = (-log Dice)^gamma,   Dice = (2 I + eps_n) / (S + G + eps_d)
//
// Of class_weight only zero or not zero matters. Default class weights: 0 for a class with G = 0 over the batch,
// else 1. Dice is clamped to at least 2^-126. If gamma < 1, the power is linear below -log Dice = 1e-6, so that
// the gradient stays finite.
//
// Parameters:
//   gamma               exponent, finite and >= 0; default 0.3
//   smooth_numerator    eps_n, finite and >= 0, in voxels; default 1e-5
//   smooth_denominator  eps_d, finite and >= 0, in voxels; default 1e-5
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_log_dice(void);

// Custom region loss: a function of the sums of a class, averaged like the region losses of the library.
//
// Parameters:
//   region              the function; required
//   context             its first argument; default NULL
//   class_average       SEGLOSS_CLASS_MEAN (default), SEGLOSS_CLASS_POOLED
//   sample_average      SEGLOSS_SAMPLE_DEFAULT (default), SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED
//   absent              SEGLOSS_ABSENT_COUNTED (default), SEGLOSS_ABSENT_SKIPPED
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API const struct segloss_loss *segloss_custom_region(void);

// Custom voxel loss: a function L of one voxel and class, averaged like the voxel losses of the library.
//
//   SEGLOSS_VOXEL_LIKELIHOOD     softmax: 1/W sum_i w sum_c v_c g L(s)
//                                sigmoid: 1/W sum_i w times the class mean over v of g L(s) + (1 - g) L(1 - s)
//   SEGLOSS_VOXEL_TRUE_CLASS     1/W sum_i w sum_c v_c g L(s)
//   SEGLOSS_VOXEL_BOTH_OUTCOMES  1/W sum_i w sum_c v_c (g L(s) + (1 - g) L(1 - s))
//   SEGLOSS_VOXEL_ALL_CLASSES    (sum_b sum_c v_c sum_i w L(s, g)) / (sum_b sum_c v_c W_b)
//
// With a field D, L depends on it too. Only with SEGLOSS_VOXEL_ALL_CLASSES may L depend on g.
//
// Parameters:
//   voxel               the function; required
//   voxel_context       its first argument; default NULL
//   variant             SEGLOSS_VOXEL_LIKELIHOOD (default), SEGLOSS_VOXEL_TRUE_CLASS, SEGLOSS_VOXEL_BOTH_OUTCOMES,
//                       SEGLOSS_VOXEL_ALL_CLASSES
//   field               D, numbers that the function reads, [B,C,...] or [B,...]; default absent
//
// @return the loss, for segloss_term_init; static, never NULL.
SEGLOSS_API
const struct segloss_loss *segloss_custom_voxel(void);

// Fills terms with Dice without background + cross entropy, weights 1 and 1: the loss of nnU-Net plus 1. Its Dice term
// is -D; SEGLOSS_MINUS_ONE in the flags of the first term gives its value. The gradient is the same.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_dice_cross_entropy(struct segloss_term *terms,
                                                 size_t size,
                                                 size_t *n_terms);

// Fills terms with combo loss (15): 0.5 balanced cross entropy + 0.5 (Dice loss - 1), Dice with smoothing 1.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_combo(struct segloss_term *terms,
                                    size_t size,
                                    size_t *n_terms);

// Fills terms with exponential logarithmic loss (16): 0.8 logarithmic Dice + 0.2 power cross entropy.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_exponential_logarithmic(struct segloss_term *terms,
                                                      size_t size,
                                                      size_t *n_terms);

// Fills terms with Dice without background + TopK with k = 0.1, weights 1 and 1: a loss of nnU-Net plus 1, as
// segloss_preset_dice_cross_entropy.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_dice_top_k(struct segloss_term *terms,
                                         size_t size,
                                         size_t *n_terms);

// Fills terms with Dice + focal loss, the loss of AnatomyNet: weights 1 and 1.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_dice_focal(struct segloss_term *terms,
                                         size_t size,
                                         size_t *n_terms);

// Fills terms with generalized Dice + 0.01 boundary (Kervadec et al.). The caller raises the weight of the
// boundary term during training.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_generalized_dice_boundary(struct segloss_term *terms,
                                                        size_t size,
                                                        size_t *n_terms);

// Fills terms with Dice without background + Hausdorff by distance transform: weights 1 and 1.
//
// @param terms    receives the terms; room for SEGLOSS_MAX_TERMS terms.
// @param size     sizeof(segloss_term).
// @param n_terms  receives the number of terms.
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if terms or n_terms is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: terms is NULL or writable for SEGLOSS_MAX_TERMS times size bytes. n_terms is NULL or writable.
SEGLOSS_API
segloss_status segloss_preset_dice_hausdorff(struct segloss_term *terms,
                                             size_t size,
                                             size_t *n_terms);

// Fills a term with the defaults of a loss: weight 1 and the parameters that the comment of its getter gives.
//
// @param loss  the loss, the result of a getter.
// @param term  receives the term.
// @param size  sizeof(segloss_term).
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if loss or term is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: loss is NULL or the result of a getter. term is NULL or writable for size bytes.
SEGLOSS_API
segloss_status segloss_term_init(const struct segloss_loss *loss,
                                 struct segloss_term *term,
                                 size_t size);

// Fills args with zeros, struct_size and grad_scale = 1.
//
// @param args  receives the arguments.
// @param size  sizeof(segloss_args).
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if args is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: args is NULL or writable for size bytes.
SEGLOSS_API segloss_status segloss_args_init(struct segloss_args *args, size_t size);

// Evaluates a loss: its value, its gradient, and every other output that args asks for.
//
// The result has the same bits with every executor, number of workers and address.
//
// @param terms    n_terms terms; the loss is the sum of weight times value.
// @param n_terms  1 to SEGLOSS_MAX_TERMS.
// @param args     inputs, outputs and scratch.
// @return SEGLOSS_OK or any other status; on failure only the error of args is written.
//
// Precondition: Every pointer is NULL or valid as its comment says. Nothing else writes the inputs, or uses the outputs
// and scratch, during the call.
SEGLOSS_API
segloss_status segloss_run(const struct segloss_term *terms,
                           size_t n_terms,
                           const struct segloss_args *args);

// Computes how many bytes of scratch a call needs. Reads no element of a tensor.
//
// The size serves segloss_run, segloss_accumulate, segloss_top_k_count, segloss_finalize, segloss_backward,
// segloss_distance_field and segloss_class_weights with these terms, shapes, dtypes and executor. It does not
// decrease when an extent grows, so a size queried for the largest shape serves all smaller ones, and it is the
// same on every CPU.
//
// @param terms    n_terms terms; data of their fields may be NULL.
// @param n_terms  1 to SEGLOSS_MAX_TERMS.
// @param args     as for segloss_run; data of pred, target and voxel_weight may be NULL. No output is written.
// @param bytes    receives the size.
// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_STRUCT_SIZE, SEGLOSS_DTYPE, SEGLOSS_SHAPE, SEGLOSS_TOO_LARGE,
//         SEGLOSS_STRIDES, SEGLOSS_MISALIGNED, SEGLOSS_PARAMETER, SEGLOSS_UNSUPPORTED or SEGLOSS_MISSING_FIELD.
//
// Precondition: As segloss_run. bytes is NULL or writable.
SEGLOSS_API
segloss_status segloss_scratch_size(const struct segloss_term *terms,
                                    size_t n_terms,
                                    const struct segloss_args *args,
                                    size_t *bytes);

// Writes the distance weights that segloss_run would compute for a term from the target: the field of boundary,
// distance-penalised cross entropy or Hausdorff (for Hausdorff d_G^alpha, the part of the target).
//
// The field given back in segloss_term.field yields the same bits if its dtype is SEGLOSS_F64 for a SEGLOSS_F64
// pred, else SEGLOSS_F32. Compute it once for a target that is used in many steps.
//
// @param term   the term; its own field is ignored.
// @param args   pred (its shape and dtype), target, spacing and scratch.
// @param field  receives [B,C,...], or [B,...] for distance-penalised cross entropy; SEGLOSS_F32 or SEGLOSS_F64.
// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL. SEGLOSS_UNSUPPORTED: the loss has no field, or the
// target is not one from which it can be computed.
//
// Precondition: As segloss_run. field is NULL or readable, and its data is writable.
SEGLOSS_API
segloss_status segloss_distance_field(const struct segloss_term *term,
                                      const struct segloss_args *args,
                                      const struct segloss_output *field);

// Computes class weights from the class frequencies of the target, for segloss_term.class_weight.
//
// With f the share of a class among the counted target voxels: 1/f, sqrt(1/f) or median(f)/f. A class with f = 0
// takes the largest weight of the other classes; if no class has f > 0, every weight is 1.
//
// @param args     pred (its shape), target, voxel_weight, ignore, class_present and scratch as for segloss_run.
// @param kind     SEGLOSS_WEIGHT_INVERSE, SEGLOSS_WEIGHT_INVERSE_SQRT or SEGLOSS_WEIGHT_MEDIAN.
// @param weights  receives C doubles.
// @return SEGLOSS_OK or any other status but SEGLOSS_MISSING_FIELD.
//
// Precondition: As segloss_run. weights is NULL or writable for C doubles.
SEGLOSS_API
segloss_status segloss_class_weights(const struct segloss_args *args,
                                     uint32_t kind,
                                     double *weights);

// The meaning of a status, in a few words.
//
// @param status  any integer.
// @return static ASCII, never NULL.
SEGLOSS_API const char *segloss_status_string(int32_t status);

// The version of the linked library; SEGLOSS_VERSION is that of the header.
//
// @return major << 16 | minor << 8 | patch.
SEGLOSS_API uint32_t segloss_version(void);

// The vector instructions that the library uses on this CPU.
//
// @return 1 baseline of the target, 2 AVX2 with FMA and F16C, 3 AVX-512.
SEGLOSS_API uint32_t segloss_cpu_level(void);

// Adds the sums of a part of a batch to class_sums: the first step of a loss over a batch in parts.
//
// A part is any view of some voxels of the same samples and classes, or of some samples (then pass class_sums +
// b*C). The caller zeroes class_sums before the first part. Parts cut at multiples of SEGLOSS_CHUNK voxels within
// a sample and accumulated in order give the class sums of one segloss_run to the bit: see SEGLOSS_CHUNK. Class
// sums of several machines add, field by field. A part computes no field: a term with distance weights needs its
// field (see segloss_distance_field). TopK by fraction needs top_k_search.
//
// @param terms       n_terms terms, the same for every part but for the fields.
// @param n_terms     1 to SEGLOSS_MAX_TERMS.
// @param part        pred, target and options of the part. On success no output of it is written.
// @param class_sums  [B,C] of the part, added to.
// @return SEGLOSS_OK or any other status; on failure class_sums is untouched. SEGLOSS_MISSING_FIELD: a term needs
// a field. SEGLOSS_UNSUPPORTED: TopK by fraction has no search.
//
// Precondition: As segloss_run. class_sums is NULL or writable for B*C structs.
SEGLOSS_API
segloss_status segloss_accumulate(const struct segloss_term *terms,
                                  size_t n_terms,
                                  const struct segloss_args *part,
                                  struct segloss_class_sums *class_sums);

// Starts a search for the voxels that TopK by fraction selects: sets every field to 0.
//
// @param search  receives the new search.
// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER or SEGLOSS_MISALIGNED.
//
// Precondition: search is NULL or writable.
SEGLOSS_API segloss_status segloss_top_k_begin(struct segloss_top_k_search *search);

// Adds a part of a batch to the histogram of the current round. Count every part once a round, in any order.
//
// @param terms    n_terms terms; terms[term].top_k_search is NULL.
// @param n_terms  1 to SEGLOSS_MAX_TERMS.
// @param term     index into terms of the TopK by fraction.
// @param part     as for segloss_accumulate.
// @param search   a search that is not done.
// @return SEGLOSS_OK or any other status; on failure nothing is counted. SEGLOSS_PARAMETER: terms[term] is not a
// TopK by fraction or has a search, or search is done. SEGLOSS_DTYPE: pred is SEGLOSS_F64 in some parts only.
//
// Precondition: As segloss_run. search is NULL or was written by segloss_top_k_begin.
SEGLOSS_API
segloss_status segloss_top_k_count(const struct segloss_term *terms,
                                   size_t n_terms,
                                   uint32_t term,
                                   const struct segloss_args *part,
                                   struct segloss_top_k_search *search);

// Ends a round of a search. Once search->done is not 0, the threshold is found. Equal counts give equal results.
//
// @param term    the TopK by fraction.
// @param search  a search in which every part was counted in this round.
// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_MISALIGNED; SEGLOSS_PARAMETER if term is not a TopK by
// fraction, no part was counted or the search is done; or the status of an invalid term.
//
// Precondition: term is NULL or valid as its comment says. search is NULL or was written by segloss_top_k_begin.
SEGLOSS_API
segloss_status segloss_top_k_narrow(const struct segloss_term *term,
                                    struct segloss_top_k_search *search);

// Adds the counts of another search of the same round, for parts that were counted on several machines.
//
// @param search  the search that is added to.
// @param other   the search that is added.
// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_MISALIGNED; SEGLOSS_PARAMETER if the searches are in different
// rounds; SEGLOSS_OVERLAP if both are the same search.
//
// Precondition: Both are NULL or were written by segloss_top_k_begin; search is writable.
SEGLOSS_API
segloss_status segloss_top_k_merge(struct segloss_top_k_search *search,
                                   const struct segloss_top_k_search *other);

// Computes the value of a loss from its class sums, and the slopes for segloss_backward: the second step of a loss
// over a batch in parts. Reads no voxels.
//
// @param terms       n_terms terms; data of their fields may be NULL.
// @param n_terms     1 to SEGLOSS_MAX_TERMS.
// @param args        shapes and options of the whole batch; data of pred and target may be NULL. Writes value,
//                    term_values and class_values. grad_scale multiplies the slopes.
// @param class_sums  [B,C], the sums of all parts.
// @param slopes      receives [B,C]: the derivative of the loss by each sum. NULL: not wanted.
// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL.
//
// Precondition: As segloss_run. class_sums is NULL or readable, slopes is NULL or writable, for B*C structs each.
SEGLOSS_API
segloss_status segloss_finalize(const struct segloss_term *terms,
                                size_t n_terms,
                                const struct segloss_args *args,
                                const struct segloss_class_sums *class_sums,
                                struct segloss_class_sums *slopes);

// Writes the gradient of a part of a batch: the third step of a loss over a batch in parts.
//
// Accumulate every part before the first backward if grad is pred. Labels are not validated again. grad_scale is
// not applied, because segloss_finalize has put it into the slopes.
//
// @param terms    n_terms terms, as for segloss_accumulate.
// @param n_terms  1 to SEGLOSS_MAX_TERMS.
// @param part     as for segloss_accumulate, with grad.
// @param slopes   [B,C] of the part, from segloss_finalize.
// @return SEGLOSS_OK or any other status but SEGLOSS_LABEL.
//
// Precondition: As segloss_run. slopes is NULL or readable for B*C structs.
SEGLOSS_API
segloss_status segloss_backward(const struct segloss_term *terms,
                                size_t n_terms,
                                const struct segloss_args *part,
                                const struct segloss_class_sums *slopes);

// Fills args with zeros and struct_size. kind, mask, out and scratch remain to be set.
//
// @param args  receives the arguments.
// @param size  sizeof(segloss_distance_args).
// @return SEGLOSS_OK; SEGLOSS_NULL_POINTER if args is NULL; SEGLOSS_STRUCT_SIZE if size is invalid.
//
// Precondition: args is NULL or writable for size bytes.
SEGLOSS_API segloss_status segloss_distance_args_init(struct segloss_distance_args *args, size_t size);

// Computes the exact Euclidean distance transform of a mask, or of every class of a label map.
//
//   d(x) = min over y on the other side of sqrt(sum_a (spacing_a (x_a - y_a))^2)
//
// Distances run from voxel centre to voxel centre. A mask without a boundary (no voxel inside, or no voxel
// outside) has distance 0 everywhere.
//
// @param args  mask, output and scratch.
// @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_STRUCT_SIZE, SEGLOSS_DTYPE, SEGLOSS_SHAPE, SEGLOSS_TOO_LARGE,
// SEGLOSS_STRIDES, SEGLOSS_MISALIGNED, SEGLOSS_OVERLAP, SEGLOSS_SCRATCH or SEGLOSS_PARAMETER; on failure only the
// error of args is written.
//
// Precondition: Every pointer is NULL or valid as its comment says. Nothing else writes the inputs, or uses the outputs
// and scratch, during the call.
SEGLOSS_API
segloss_status segloss_distance(const struct segloss_distance_args *args);

// Computes how many bytes of scratch segloss_distance needs. Reads no element of a tensor.
//
// @param args   as for segloss_distance; data of mask may be NULL, out is ignored.
// @param bytes  receives the size.
// @return as segloss_distance, without SEGLOSS_OVERLAP and SEGLOSS_SCRATCH.
//
// Precondition: As segloss_distance. bytes is NULL or writable.
SEGLOSS_API
segloss_status segloss_distance_scratch_size(const struct segloss_distance_args *args,
                                             size_t *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SEGLOSS_H */
