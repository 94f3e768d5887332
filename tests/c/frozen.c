/* Uses the names that never change, of functions, structs, fields and constants, and no other name of segloss.h: it
 * compiles with every version of the header. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "segloss.h"

enum { C = 2, N = 6 };

static const uint32_t dtypes[] = {SEGLOSS_U8,  SEGLOSS_U16, SEGLOSS_U32, SEGLOSS_U64,  SEGLOSS_I8,
                                  SEGLOSS_I16, SEGLOSS_I32, SEGLOSS_I64, SEGLOSS_BOOL, SEGLOSS_F16,
                                  SEGLOSS_BF16, SEGLOSS_F32, SEGLOSS_F64};
static const uint32_t activations[] = {SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY,
                                       SEGLOSS_PROBABILITY_PER_CLASS};
static const uint32_t kinds[] = {SEGLOSS_SIGNED, SEGLOSS_INSIDE, SEGLOSS_OUTSIDE, SEGLOSS_OTHER_SIDE};

static unsigned char scratch[1 << 20];
static float logits[C * N], gradient[C * N], distances[N];
static uint8_t labels[N];

/* Every getter, so that each has to exist with its type. */
static int init_every_loss(void) {
  segloss_term term;
  int failed = 0;
  failed |= segloss_term_init(segloss_cross_entropy(), &term, sizeof term);
  failed |= segloss_term_init(segloss_top_k(), &term, sizeof term);
  failed |= segloss_term_init(segloss_focal(), &term, sizeof term);
  failed |= segloss_term_init(segloss_distance_penalized(), &term, sizeof term);
  failed |= segloss_term_init(segloss_sensitivity_specificity(), &term, sizeof term);
  failed |= segloss_term_init(segloss_dice(), &term, sizeof term);
  failed |= segloss_term_init(segloss_iou(), &term, sizeof term);
  failed |= segloss_term_init(segloss_tversky(), &term, sizeof term);
  failed |= segloss_term_init(segloss_generalized_dice(), &term, sizeof term);
  failed |= segloss_term_init(segloss_focal_tversky(), &term, sizeof term);
  failed |= segloss_term_init(segloss_asymmetric_similarity(), &term, sizeof term);
  failed |= segloss_term_init(segloss_penalty(), &term, sizeof term);
  failed |= segloss_term_init(segloss_boundary(), &term, sizeof term);
  failed |= segloss_term_init(segloss_hausdorff(), &term, sizeof term);
  failed |= segloss_term_init(segloss_balanced_cross_entropy(), &term, sizeof term);
  failed |= segloss_term_init(segloss_power_cross_entropy(), &term, sizeof term);
  failed |= segloss_term_init(segloss_log_dice(), &term, sizeof term);
  failed |= segloss_term_init(segloss_custom_region(), &term, sizeof term);
  return failed;
}

static int init_every_preset(void) {
  segloss_term terms[4];
  size_t n_terms;
  int failed = 0;
  failed |= segloss_preset_dice_cross_entropy(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_combo(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_exponential_logarithmic(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_dice_top_k(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_dice_focal(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_generalized_dice_boundary(terms, sizeof terms[0], &n_terms);
  failed |= segloss_preset_dice_hausdorff(terms, sizeof terms[0], &n_terms);
  return failed;
}

int main(void) {
  const int64_t shape[] = {1, C, N}, flat[] = {1, N}, line[] = {N};
  segloss_term term;
  segloss_args args;
  segloss_tensor tensor;
  segloss_output output;
  segloss_executor executor;
  segloss_distance_args distance;
  double value = -1, term_values = 0, class_values[C];
  size_t bytes = 0;
  int i;

  for (i = 0; i < N; i++) labels[i] = (uint8_t)(i % C), logits[i] = (float)i / N;
  if (init_every_loss() != 0 || init_every_preset() != 0) return 1;
  if (segloss_term_init(segloss_dice(), &term, sizeof term) != 0) return 1;
  /* Fields of a term, at their defaults. */
  term.variant = term.class_average = term.sample_average = term.absent = term.normalizer = term.flags = 0;
  term.weight = 1;
  term.alpha = term.beta = term.gamma = term.k = term.label_smoothing = 0;
  term.smooth_numerator = term.smooth_denominator = 1e-5;
  term.class_weight = NULL;
  memset(&term.field, 0, sizeof term.field);

  memset(&tensor, 0, sizeof tensor);
  memset(&output, 0, sizeof output);
  memset(&executor, 0, sizeof executor);
  executor.struct_size = sizeof executor;
  executor.workers = 1;
  if (segloss_args_init(&args, sizeof args) != 0) return 1;
  args.activation = activations[0];
  args.ignore = NULL;
  args.ignore_len = 0;
  args.grad_scale = 1;
  tensor.data = logits, tensor.shape = shape, tensor.strides = NULL, tensor.ndim = 3, tensor.dtype = dtypes[11];
  args.pred = tensor;
  tensor.data = labels, tensor.shape = flat, tensor.ndim = 2, tensor.dtype = dtypes[0];
  args.target = tensor;
  memset(&args.voxel_weight, 0, sizeof args.voxel_weight);
  args.class_present = NULL;
  args.spacing = NULL;
  args.value = &value;
  args.term_values = &term_values;
  args.class_values = class_values;
  output.data = gradient, output.strides = NULL, output.dtype = 0;
  args.grad = output;
  args.executor = &executor;
  if (segloss_scratch_size(&term, 1, &args, &bytes) != 0 || bytes > sizeof scratch) return 1;
  args.scratch = scratch;
  args.scratch_size = bytes;
  if (segloss_run(&term, 1, &args) != 0 || !(value > 0) || term_values != value) return 1;

  for (i = 0; i < 4; i++) {
    memset(&distance, 0, sizeof distance);
    distance.struct_size = sizeof distance;
    distance.kind = kinds[i];
    distance.mask = tensor;
    distance.mask.shape = line, distance.mask.ndim = 1;
    distance.out.data = distances;
    if (segloss_distance_scratch_size(&distance, &bytes) != 0 || bytes > sizeof scratch) return 1;
    distance.scratch = scratch;
    distance.scratch_size = bytes;
    if (segloss_distance(&distance) != 0) return 1;
  }
  puts("passed");
  return 0;
}
