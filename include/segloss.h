/* segloss: segmentation losses and their gradients on host memory.
 *
 * Reentrant; no allocation, no I/O, no panics. Structs start with struct_size and have no padding on LP64,
 * LLP64 and ILP32. Zero a struct or call its init. Indices are in C order. Inputs and outputs are borrowed for
 * the time of a call. Outputs are written only on success, but for fault.
 *
 *   segloss_term loss[2];
 *   segloss_args args;
 *   segloss_term_init(segloss_dice(), &loss[0], sizeof loss[0]);
 *   segloss_term_init(segloss_cross_entropy(), &loss[1], sizeof loss[1]);
 *   segloss_args_init(&args, sizeof args);
 *   ... pred, target, activation, grad, value, scratch ...
 *   segloss_run(loss, 2, &args);
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef SEGLOSS_H
#define SEGLOSS_H

#include <stddef.h>
#include <stdint.h>

/* major << 16 | minor << 8 | patch */
#define SEGLOSS_VERSION 0x000100u

/* Scratch that serves every loss but TopK, without fields and without an executor: for a static buffer. */
#define SEGLOSS_SCRATCH_BYTES(samples, classes) \
  ((size_t)(SIZE_MAX > 0xffffffffu ? 352256u : 33792u) + (size_t)2176u * (classes) + (size_t)288u * (samples) * (classes))

#ifndef SEGLOSS_API
#if defined(_WIN32) && defined(SEGLOSS_DLL)
#define SEGLOSS_API __declspec(dllimport)
#else
#define SEGLOSS_API
#endif
#endif

// Most axes of a tensor.
#define SEGLOSS_MAX_NDIM 16

// Most terms of a loss.
#define SEGLOSS_MAX_TERMS 4

// Voxels: parts cut at multiples of it and folded in order keep every bit.
#define SEGLOSS_CHUNK 16384

// dtype: DLPack code << 8 | bits; unsigned 8-bit integers.
#define SEGLOSS_U8 264

// Unsigned 16-bit integers.
#define SEGLOSS_U16 272

// Unsigned 32-bit integers.
#define SEGLOSS_U32 288

// Unsigned 64-bit integers; as labels, those past INT64_MAX are no class and cannot be ignored.
#define SEGLOSS_U64 320

// Signed 8-bit integers.
#define SEGLOSS_I8 8

// Signed 16-bit integers.
#define SEGLOSS_I16 16

// Signed 32-bit integers.
#define SEGLOSS_I32 32

// Signed 64-bit integers.
#define SEGLOSS_I64 64

// Booleans of one byte; read as U8.
#define SEGLOSS_BOOL 1544

// IEEE binary16.
#define SEGLOSS_F16 528

// bfloat16.
#define SEGLOSS_BF16 1040

// IEEE binary32.
#define SEGLOSS_F32 544

// IEEE binary64.
#define SEGLOSS_F64 576

// Success.
#define SEGLOSS_OK 0

// A pointer that is needed is NULL.
#define SEGLOSS_NULL_POINTER 1

// struct_size is 0, differs within an array, or the unknown tail of a longer struct is not zero.
#define SEGLOSS_STRUCT_SIZE 2

// The element type does not fit the argument.
#define SEGLOSS_DTYPE 3

// Shapes that do not belong together, or a wrong number of entries.
#define SEGLOSS_SHAPE 4

// A product past PTRDIFF_MAX bytes.
#define SEGLOSS_TOO_LARGE 5

// An output that meets itself, or strides past the address space.
#define SEGLOSS_STRIDES 6

// An address that is no multiple of the element's alignment.
#define SEGLOSS_MISALIGNED 7

// An output's byte range meets another's; only grad may be pred, in the same dtype and strides.
#define SEGLOSS_OVERLAP 8

// The scratch is shorter than the query says.
#define SEGLOSS_SCRATCH 9

// A number out of its range, an unknown constant or flag.
#define SEGLOSS_PARAMETER 10

// The label of a counted voxel is neither a class nor ignored; fault->index names it.
#define SEGLOSS_LABEL 11

// This form has no meaning for this input.
#define SEGLOSS_UNSUPPORTED 12

// fold and map compute no fields; run does, from labels.
#define SEGLOSS_MISSING_FIELD 13

// In numbers of a fault: given is known.
#define SEGLOSS_ERROR_HAS_GIVEN 1

// In numbers of a fault: needed is known.
#define SEGLOSS_ERROR_HAS_NEEDED 2

// Term flag: value - 1, as nnU-Net's Dice and combo are written.
#define SEGLOSS_MINUS_ONE 1

// Term flag of hausdorff: field is all of its weight, no half to compute.
#define SEGLOSS_FIELD_COMPLETE 2

// Term flag: class 0 of two or more is left out, beside class weights too; without effect where C = 1.
#define SEGLOSS_EXCLUDE_BACKGROUND 4

// class_average: the weighted mean of the classes' values.
#define SEGLOSS_CLASS_MEAN 0

// class_average: the value of the classes' weighted sums.
#define SEGLOSS_CLASS_POOLED 458753

// sample_average: the mean for region forms; others are means over the whole batch.
#define SEGLOSS_SAMPLE_DEFAULT 0

// sample_average: the mean of the samples' values.
#define SEGLOSS_SAMPLE_MEAN 720897

// sample_average: the value of the samples' sums.
#define SEGLOSS_SAMPLE_POOLED 720898

// absent: a class with no truth in a sample counts like any other.
#define SEGLOSS_ABSENT_COUNTED 0

// absent: a class with no truth in a sample is left out.
#define SEGLOSS_ABSENT_SKIPPED 851969

// normalizer: the sum of voxel weights.
#define SEGLOSS_NORMALIZE_BY_VOXELS 0

// normalizer: the sum of class weights over the truth.
#define SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT 917505

// variant of dice, iou: sums of probabilities.
#define SEGLOSS_DICE_LINEAR 0

// variant of dice, iou: sums of squares.
#define SEGLOSS_DICE_SQUARED 1245185

// variant of generalized_dice, penalty: classes weigh 1/G^2.
#define SEGLOSS_GDICE_INVERSE_SQUARE 0

// variant of generalized_dice, penalty: classes weigh 1/G.
#define SEGLOSS_GDICE_INVERSE 1376257

// variant of generalized_dice, penalty: classes weigh 1.
#define SEGLOSS_GDICE_UNIFORM 1376258

// variant of top_k: k is the share of voxels that pay.
#define SEGLOSS_TOPK_FRACTION 0

// variant of top_k: k is the probability below which a voxel pays.
#define SEGLOSS_TOPK_THRESHOLD 1441793

// variant of boundary: the inner rim at distance 0.
#define SEGLOSS_BOUNDARY_RIM_ZERO 1638401

// variant of hausdorff, or-ed: distances of the target only.
#define SEGLOSS_HAUSDORFF_TARGET_ONLY 1703937

// variant of hausdorff, or-ed: distances of the prediction only.
#define SEGLOSS_HAUSDORFF_PREDICTION_ONLY 1703938

// variant of hausdorff, or-ed: the prediction's mask is where the class is the largest.
#define SEGLOSS_HAUSDORFF_ARGMAX 1703940

// variant of hausdorff, or-ed: distances are 0 outside of their mask.
#define SEGLOSS_HAUSDORFF_INTERIOR 1703944

// variant of hausdorff, or-ed: the value is log(1 + loss).
#define SEGLOSS_HAUSDORFF_LOG 1703952

// args flag: grad += instead of =; not in place.
#define SEGLOSS_ADD_TO_GRADIENT 256

// activation: logits of classes that exclude each other. 0 is an error. With any activation a NaN of a voxel that
// counts makes the value NaN, and its gradient; +-inf are legal, as the limits they are.
#define SEGLOSS_SOFTMAX 1

// activation: logits of classes on their own.
#define SEGLOSS_SIGMOID 2

// activation: probabilities of classes that exclude each other; with C = 1 as 4. Numbers outside of [0, 1] are legal:
// sums and mismatches take them as they are, logarithms take at least 2^-126 of s and of 1 - s, powers at least 0.
#define SEGLOSS_PROBABILITY 3

// activation: probabilities of classes on their own; outside of [0, 1] as SEGLOSS_PROBABILITY.
#define SEGLOSS_PROBABILITY_PER_CLASS 4

// kind: negative inside, positive outside. 0 is an error.
#define SEGLOSS_SIGNED 1

// kind: inside the distance to the nearest voxel outside, outside 0.
#define SEGLOSS_INSIDE 2

// kind: outside the distance to the nearest voxel inside, inside 0.
#define SEGLOSS_OUTSIDE 3

// kind: the distance to the nearest voxel on the other side.
#define SEGLOSS_OTHER_SIDE 4

// kind of class weights: 1/f.
#define SEGLOSS_WEIGHT_INVERSE 0

// kind of class weights: the root of 1/f.
#define SEGLOSS_WEIGHT_INVERSE_SQRT 1835009

// kind of class weights: median(f)/f.
#define SEGLOSS_WEIGHT_MEDIAN 1835010

// distance flag: squared distances; a signed square keeps its sign.
#define SEGLOSS_DISTANCE_SQUARED 2293761

// distance flag: the outside of the image counts as background.
#define SEGLOSS_DISTANCE_BLACK_BORDER 2293762

// A loss by name: static, immutable, never freed.
typedef struct segloss_loss segloss_loss;

// 0 is success; the others are SEGLOSS_NULL_POINTER to SEGLOSS_MISSING_FIELD.
typedef int32_t segloss_status;

// One sample and class; w weight, g truth, s probability; every field adds. Never changes.
typedef struct segloss_class_sums {
  // Sum of w.
  double weight;
  // Sum of w g.
  double target;
  // Sum of w s.
  double prediction;
  // Sum of w g s.
  double intersection;
  // Sum of w g (s - g)^2.
  double squared_error_positive;
  // Sum of w (1 - g) (s - g)^2.
  double squared_error_negative;
  // Sum of w min(s, g); 0 where no term reads it, and no loss of this version does.
  double minimum;
  // 0.
  double reserved[3];
  // Of terms[0..3]: cost, without class weights.
  double loss_sum[4];
  // The weight that cost was charged to.
  double loss_weight[4];
} segloss_class_sums;

// A custom region loss: returns the value of one class (or of the pooled classes) and its slopes;
// slope enters as zeros and only its prediction sums count. Runs on the calling thread, from run
// and finish. Must not throw.
typedef double (*segloss_region_function)(void *context,
                                          const struct segloss_class_sums *sums,
                                          struct segloss_class_sums *slope);

// The search for the voxels that TopK by fraction selects from a batch in parts. Never changes.
//
//   segloss_top_k_begin(&select);
//   while (!select.done) {
//     for every part: segloss_top_k_count(terms, n_terms, k, &part, &select);
//     (parts on several machines: add up bins, or segloss_top_k_merge)
//     segloss_top_k_narrow(&terms[k], &select);
//   }
//   terms[k].select = &select; then fold every part, finish, map every part.
typedef struct segloss_top_k_search {
  // Not 0 when the cut is found.
  uint64_t done;
  // 32, or 64 for an F64 prediction; 0 before the first count.
  uint64_t key_bits;
  // How many bits of the key of the cut are found.
  uint64_t found_bits;
  // These bits; when done the key of the cut.
  uint64_t prefix;
  // Places left for the voxels that begin with these bits.
  uint64_t places;
  // Voxels at the cut, which share these places.
  uint64_t ties;
  // Counts of the round, the only entries that differ between machines; these add.
  uint64_t bins[2048];
} segloss_top_k_search;

// A borrowed input; all zero = absent; any dtype beside any other. Never changes.
typedef struct segloss_tensor {
  // NULL if absent or an extent is 0; may be NULL in size queries and in finish.
  const void *data;
  // ndim extents, outermost first.
  const int64_t *shape;
  // ndim strides in elements, 0 and negative allowed; NULL = C-contiguous.
  const int64_t *strides;
  // At most SEGLOSS_MAX_NDIM.
  uint32_t ndim;
  // SEGLOSS_U8 to SEGLOSS_F64.
  uint32_t dtype;
} segloss_tensor;

// A weighted term of a loss. An array of terms has stride terms[0].struct_size; all must agree.
// A parameter or option that the form does not name must be as segloss_term_init wrote it.
typedef struct segloss_term {
  // sizeof(segloss_term).
  uint32_t struct_size;
  // SEGLOSS_MINUS_ONE, SEGLOSS_FIELD_COMPLETE, SEGLOSS_EXCLUDE_BACKGROUND.
  uint32_t flags;
  // Of the form, as SEGLOSS_DICE_SQUARED; 0 is its default.
  uint32_t variant;
  // Region forms: SEGLOSS_CLASS_MEAN or SEGLOSS_CLASS_POOLED.
  uint32_t class_average;
  // Region forms: SEGLOSS_SAMPLE_DEFAULT, _MEAN or _POOLED.
  uint32_t sample_average;
  // Region forms: SEGLOSS_ABSENT_COUNTED or SEGLOSS_ABSENT_SKIPPED.
  uint32_t absent;
  // Cross entropy: SEGLOSS_NORMALIZE_BY_VOXELS or SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT.
  uint32_t normalizer;
  // 0.
  uint32_t reserved;
  // Of the term in the sum; 0 is taken at its word.
  double weight;
  // Of the form.
  double alpha;
  // Of the form.
  double beta;
  // Of the form.
  double gamma;
  // Of the form.
  double k;
  // Smoothing of a ratio's numerator, in voxels.
  double smooth_numerator;
  // Smoothing of a ratio's denominator, in voxels.
  double smooth_denominator;
  // Cross entropy: in [0, 1].
  double label_smoothing;
  // The form: one of the getters'.
  const struct segloss_loss *loss;
  // C values, finite and >= 0; NULL = the form's default.
  const double *class_weight;
  // Of a custom region loss.
  segloss_region_function region;
  // Handed to region.
  void *context;
  // TopK by fraction: a search that is done. NULL selects from the whole batch, which fold and map do not see.
  const struct segloss_top_k_search *top_k_search;
  // Floating; [B,C,...], or [B,...] for all classes. Absent: run computes it from labels.
  struct segloss_tensor field;
} segloss_term;

// A borrowed output; data NULL = not wanted; shape is implied. Never changes.
typedef struct segloss_output {
  // The first element.
  void *data;
  // Strides in elements; NULL: grad as pred, others C-contiguous.
  const int64_t *strides;
  // 0: grad as pred, others F32.
  uint32_t dtype;
  // 0.
  uint32_t reserved;
} segloss_output;

// Written on failure; strings are static ASCII. Never changes.
typedef struct segloss_error {
  // What the function returned.
  segloss_status status;
  // Index in terms, or UINT32_MAX.
  uint32_t term;
  // Voxel b*N + i, axis or entry, or -1.
  int64_t index;
  // The argument, as "alpha".
  const char *argument;
  // What it has to be, as "finite and >= 0".
  const char *expected;
  // The number that was refused: a parameter, a label, an extent, a length, bytes. 0 if SEGLOSS_ERROR_HAS_GIVEN is not in numbers.
  double given;
  // The number that is needed instead: an extent, a length, bytes. 0 if SEGLOSS_ERROR_HAS_NEEDED is not in numbers.
  double needed;
  // SEGLOSS_ERROR_HAS_GIVEN, SEGLOSS_ERROR_HAS_NEEDED: which numbers are known. Integers are exact up to 2^53.
  uint32_t numbers;
  // 0.
  uint32_t reserved;
} segloss_error;

// One of an executor's tasks.
typedef void (*segloss_task)(void *data, size_t index);

// Runs task(data, 0..count-1), each once, count <= workers, in any order, on any threads, and
// returns when all are done, their writes visible. One thread in a row is legal.
typedef struct segloss_executor {
  // sizeof(segloss_executor).
  uint32_t struct_size;
  // Most tasks at a time; scratch grows with it.
  uint32_t workers;
  // Must not throw. NULL: this thread.
  void (*parallel_for)(void *context, size_t count, segloss_task task, void *data);
  // Handed to parallel_for.
  void *context;
} segloss_executor;

// The arguments of a loss.
typedef struct segloss_args {
  // sizeof(segloss_args).
  uint32_t struct_size;
  // SEGLOSS_ADD_TO_GRADIENT.
  uint32_t flags;
  // SEGLOSS_SOFTMAX to SEGLOSS_PROBABILITY_PER_CLASS; 0 is an error.
  uint32_t activation;
  // Entries of ignore.
  uint32_t ignore_len;
  // 1; enters the slopes, so finish applies it and map does not.
  double grad_scale;
  // [B,C,...], floating, at least one spatial axis.
  struct segloss_tensor pred;
  // Labels [B,...] or [B,1,...]; 0/1 masks [B,C,...], or floating maps [B,C,...] from 0 to 1 (1e-3
  // beside is taken). C = 1: labels are 0/1 masks.
  struct segloss_tensor target;
  // [B,...] floating or U8, >= 0; stride 0 broadcasts.
  struct segloss_tensor voxel_weight;
  // B*C; 0: not annotated in this sample.
  const uint8_t *class_present;
  // ignore_len labels; label targets only.
  const int64_t *ignore;
  // One per spatial axis, > 0; NULL = 1.
  const double *spacing;
  // Output: the value. NULL = not wanted; outputs are written only on success.
  double *value;
  // Output: n_terms values before the weights.
  double *term_values;
  // Output: n_terms*B*C: region forms before averaging; NaN where a form has none.
  double *class_values;
  // Output: B*C, by run only.
  struct segloss_class_sums *class_sums;
  // Output: shape of pred.
  struct segloss_output grad;
  // The one output of a failure.
  struct segloss_error *error;
  // Of any alignment, holding anything: what is read of it before it is written changes no result.
  void *scratch;
  // Bytes.
  size_t scratch_size;
  // NULL = this thread.
  const struct segloss_executor *executor;
} segloss_args;

// The arguments of a distance transform.
typedef struct segloss_distance_args {
  // sizeof(segloss_distance_args).
  uint32_t struct_size;
  // SEGLOSS_DISTANCE_SQUARED, SEGLOSS_DISTANCE_BLACK_BORDER.
  uint32_t flags;
  // SEGLOSS_SIGNED to SEGLOSS_OTHER_SIDE; 0 is an error.
  uint32_t kind;
  // 0: mask, nonzero is inside; n: label map, n maps out.
  uint32_t classes;
  // Integers, [...].
  struct segloss_tensor mask;
  // One per axis; NULL = 1.
  const double *spacing;
  // F32 or F64, [...] or [n,...], C-contiguous.
  struct segloss_output out;
  // The one output of a failure.
  struct segloss_error *error;
  // Of any alignment.
  void *scratch;
  // Bytes.
  size_t scratch_size;
  // NULL = this thread.
  const struct segloss_executor *executor;
} segloss_distance_args;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Cross entropy (2), (3). Parameters: label_smoothing, normalizer.
SEGLOSS_API const struct segloss_loss *segloss_cross_entropy(void);

// TopK cross entropy (4). Parameters: variant (SEGLOSS_TOPK_FRACTION, SEGLOSS_TOPK_THRESHOLD), k.
SEGLOSS_API const struct segloss_loss *segloss_top_k(void);

// Focal loss (5). Parameters: gamma.
SEGLOSS_API const struct segloss_loss *segloss_focal(void);

// Distance-penalised cross entropy (6). Parameters: field, [B,...] or [B,C,...].
SEGLOSS_API const struct segloss_loss *segloss_distance_penalized(void);

// Sensitivity-specificity (7). Parameters: alpha (r), smooth_denominator.
SEGLOSS_API const struct segloss_loss *segloss_sensitivity_specificity(void);

// Dice (8). Parameters: variant (SEGLOSS_DICE_LINEAR, SEGLOSS_DICE_SQUARED), and those of all region forms:
// smooth_numerator, smooth_denominator, class_average, sample_average, absent.
SEGLOSS_API const struct segloss_loss *segloss_dice(void);

// IoU (9). Parameters: variant (SEGLOSS_DICE_LINEAR, SEGLOSS_DICE_SQUARED), those of region forms.
SEGLOSS_API const struct segloss_loss *segloss_iou(void);

// Tversky (10). Parameters: alpha (false positives), beta (false negatives), those of region forms.
SEGLOSS_API const struct segloss_loss *segloss_tversky(void);

// Generalized Dice (11). Parameters: variant (SEGLOSS_GDICE_INVERSE_SQUARE, SEGLOSS_GDICE_INVERSE,
// SEGLOSS_GDICE_UNIFORM), those of region forms but class_average: the classes meet in the formula.
SEGLOSS_API const struct segloss_loss *segloss_generalized_dice(void);

// Focal Tversky (12). Parameters: alpha, beta, gamma, those of region forms.
SEGLOSS_API const struct segloss_loss *segloss_focal_tversky(void);

// Asymmetric similarity (13). Parameters: beta, those of region forms.
SEGLOSS_API const struct segloss_loss *segloss_asymmetric_similarity(void);

// Penalty, or pGD (14). Parameters: k, those of generalized Dice.
SEGLOSS_API const struct segloss_loss *segloss_penalty(void);

// Boundary loss. Parameters: variant (0, SEGLOSS_BOUNDARY_RIM_ZERO), field. Class 0 of two or more is left out where no class
// weights are given.
SEGLOSS_API
const struct segloss_loss *segloss_boundary(void);

// Hausdorff by distance transform. Parameters: alpha, field (the target's half, or all of it by
// SEGLOSS_FIELD_COMPLETE), variant: SEGLOSS_HAUSDORFF_TARGET_ONLY, SEGLOSS_HAUSDORFF_PREDICTION_ONLY, SEGLOSS_HAUSDORFF_ARGMAX,
// SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG, or-ed. Class 0 of two or more is left out where no class weights are given.
SEGLOSS_API
const struct segloss_loss *segloss_hausdorff(void);

// Balanced cross entropy, combo's first half (15). Parameters: beta.
SEGLOSS_API const struct segloss_loss *segloss_balanced_cross_entropy(void);

// Power cross entropy, exponential logarithmic's second half (16). Parameters: gamma.
SEGLOSS_API const struct segloss_loss *segloss_power_cross_entropy(void);

// Logarithmic Dice, exponential logarithmic's first half (16). Parameters: gamma, those of region
// forms.
SEGLOSS_API const struct segloss_loss *segloss_log_dice(void);

// A custom region loss. Parameters: region, context, class_average, sample_average, absent.
SEGLOSS_API const struct segloss_loss *segloss_custom_region(void);

// Dice without background + cross entropy: nnU-Net's. Fills terms[0..*n_terms), room for
// SEGLOSS_MAX_TERMS; size is sizeof(segloss_term). So do all presets.
// terms is writable for SEGLOSS_MAX_TERMS times size bytes, n_terms is writable.
SEGLOSS_API
segloss_status segloss_preset_dice_cross_entropy(struct segloss_term *terms,
                                                 size_t size,
                                                 size_t *n_terms);

// Combo (15): a half of balanced cross entropy, a half of minus Dice with smoothing 1.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API segloss_status segloss_preset_combo(struct segloss_term *terms, size_t size, size_t *n_terms);

// Exponential logarithmic (16): 0.8 of logarithmic Dice, 0.2 of power cross entropy.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API
segloss_status segloss_preset_exponential_logarithmic(struct segloss_term *terms,
                                                      size_t size,
                                                      size_t *n_terms);

// Dice without background + TopK of the hardest tenth: nnU-Net's.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API
segloss_status segloss_preset_dice_top_k(struct segloss_term *terms,
                                         size_t size,
                                         size_t *n_terms);

// Dice + focal: AnatomyNet's.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API
segloss_status segloss_preset_dice_focal(struct segloss_term *terms,
                                         size_t size,
                                         size_t *n_terms);

// Generalized Dice + 0.01 boundary: Kervadec's, at the start of a schedule that the caller raises.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API
segloss_status segloss_preset_generalized_dice_boundary(struct segloss_term *terms,
                                                        size_t size,
                                                        size_t *n_terms);

// Dice without background + Hausdorff.
// As segloss_preset_dice_cross_entropy.
SEGLOSS_API
segloss_status segloss_preset_dice_hausdorff(struct segloss_term *terms,
                                             size_t size,
                                             size_t *n_terms);

// Fills a term with the form's defaults: weight 1, its parameters as in the paper. size is
// sizeof(segloss_term).
// form is a getter's; term is writable for size bytes.
SEGLOSS_API
segloss_status segloss_term_init(const struct segloss_loss *form,
                                 struct segloss_term *term,
                                 size_t size);

// Fills args with zeros, its size and grad_scale = 1. size is sizeof(segloss_args).
// args is writable for size bytes.
SEGLOSS_API segloss_status segloss_args_init(struct segloss_args *args, size_t size);

// The loss: value, gradient, and whatever else args asks for.
// Pointers are NULL or valid as their comments say; outputs and scratch are used by nobody else.
SEGLOSS_API
segloss_status segloss_run(const struct segloss_term *terms,
                           size_t n_terms,
                           const struct segloss_args *args);

// Bytes of scratch, enough for every verb with these terms and shapes; reads no tensor's data.
// As segloss_run; bytes is writable.
SEGLOSS_API
segloss_status segloss_scratch_size(const struct segloss_term *terms,
                                    size_t n_terms,
                                    const struct segloss_args *args,
                                    size_t *bytes);

// Adds a part to B*C tallies, which start at zero. A part: any view of some voxels of the same
// samples and classes, or of some samples (tallies + b*C).
// As segloss_run; tallies holds B*C.
SEGLOSS_API
segloss_status segloss_accumulate(const struct segloss_term *terms,
                                  size_t n_terms,
                                  const struct segloss_args *part,
                                  struct segloss_class_sums *tallies);

// Starts a search for the voxels that TopK by fraction selects: writes zeros.
// select is writable.
SEGLOSS_API segloss_status segloss_top_k_begin(struct segloss_top_k_search *select);

// Adds a part to the counts of a round. term is the index of the TopK by fraction in terms; its own select is
// NULL until the search is done. Checks labels, as fold does; on an error nothing is counted.
// As segloss_run; select is begun.
SEGLOSS_API
segloss_status segloss_top_k_count(const struct segloss_term *terms,
                                   size_t n_terms,
                                   uint32_t term,
                                   const struct segloss_args *part,
                                   struct segloss_top_k_search *select);

// Ends a round: when done is not 0, the search is over. Every machine that holds the same counts gets the same.
// term is a TopK by fraction; select is begun.
SEGLOSS_API
segloss_status segloss_top_k_narrow(const struct segloss_term *term,
                                    struct segloss_top_k_search *select);

// Adds the counts of other, a search of the same round.
// Both are begun; select is writable.
SEGLOSS_API
segloss_status segloss_top_k_merge(struct segloss_top_k_search *select,
                                   const struct segloss_top_k_search *other);

// The value of the tallies, and B*C slopes with grad_scale; reads no voxels. slopes may be NULL.
// As segloss_run; tallies and slopes hold B*C.
SEGLOSS_API
segloss_status segloss_finalize(const struct segloss_term *terms,
                                size_t n_terms,
                                const struct segloss_args *args,
                                const struct segloss_class_sums *tallies,
                                struct segloss_class_sums *slopes);

// Writes the part's gradient. Fold every part before any map in place.
// As segloss_run; slopes holds B*C.
SEGLOSS_API
segloss_status segloss_backward(const struct segloss_term *terms,
                                size_t n_terms,
                                const struct segloss_args *part,
                                const struct segloss_class_sums *slopes);

// Writes the field that run would compute for the term from the target: [B,C,...]. Given back it
// yields the same bits, if it has the precision of the run: F64 for an F64 pred, else F32.
// As segloss_run; field is writable.
SEGLOSS_API
segloss_status segloss_distance_field(const struct segloss_term *term,
                                      const struct segloss_args *args,
                                      const struct segloss_output *field);

// Writes C class weights from the frequencies of the classes in the target: kind is
// SEGLOSS_WEIGHT_INVERSE, _INVERSE_SQRT or _MEDIAN. A class without truth takes the largest weight
// of the others. The scratch of any loss serves.
// As segloss_run; weights holds C.
SEGLOSS_API
segloss_status segloss_class_weights(const struct segloss_args *args,
                                     uint32_t kind,
                                     double *weights);

// A status in words: static, never NULL.
SEGLOSS_API const char *segloss_status_string(int32_t status);

// The version of the library, as SEGLOSS_VERSION.
SEGLOSS_API uint32_t segloss_version(void);

// The vector instructions in use: 1 baseline, 2 AVX2, 3 AVX-512.
SEGLOSS_API uint32_t segloss_cpu_level(void);

// Fills args with zeros and its size. size is sizeof(segloss_distance_args); kind, mask, out and scratch remain to be
// set.
// args is writable for size bytes.
SEGLOSS_API
segloss_status segloss_distance_args_init(struct segloss_distance_args *args,
                                          size_t size);

// Exact Euclidean distances of a mask, or of every class of a label map.
// Pointers are NULL or valid as their comments say; out and scratch are used by nobody else.
SEGLOSS_API segloss_status segloss_distance(const struct segloss_distance_args *args);

// Bytes of scratch for these shapes; reads no tensor's data.
// As segloss_distance; bytes is writable.
SEGLOSS_API
segloss_status segloss_distance_scratch_size(const struct segloss_distance_args *args,
                                             size_t *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SEGLOSS_H */
