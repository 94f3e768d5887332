/* Every parameter of every loss at both ends of its range, just outside of it, NaN and infinite, one at a time. */
#include "batch.h"
#include <float.h>

static segloss_error error;
static int taken, refused;

/* value keeps its initial number if the call fails. */
static segloss_status go(const segloss_term *terms, size_t n_terms, segloss_args args) {
  double value = -7;
  segloss_status status;
  memset(&error, 0, sizeof error);
  args.value = &value;
  args.error = &error;
  status = segloss_run(terms, n_terms, &args);
  CHECK((status == SEGLOSS_OK) == (value != -7));
  return status;
}

/* Checks a parameter of the second of two terms. */
static void expect(int is_legal, segloss_term term, const char *name, const char *loss, double x) {
  segloss_term terms[2];
  segloss_status status;
  terms[0] = term_of(segloss_dice());
  terms[1] = term;
  status = go(terms, 2, arguments());
  if (is_legal ? status != SEGLOSS_OK
               : status != SEGLOSS_PARAMETER || strcmp(error.argument, name) != 0 || error.term != 1 ||
                     error.numbers != SEGLOSS_ERROR_HAS_GIVEN || !(error.given == x || (isnan(x) && isnan(error.given)))) {
    fprintf(stderr, "%s = %.17g of %s: status %d, %s: %s\n", name, x, loss, (int)status,
            error.argument ? error.argument : "", error.expected ? error.expected : "");
    exit(1);
  }
  if (is_legal) taken++;
  else refused++;
}

/* low and high are in the range, below and above are outside. */
#define RANGE(getter, member, below, low, high, above)                                    \
  do {                                                                                    \
    const double legal[] = {low, high}, illegal[] = {below, above, NAN, INFINITY, -INFINITY}; \
    size_t k_;                                                                            \
    for (k_ = 0; k_ < 2; k_++) {                                                          \
      segloss_term term = term_of(getter());                                              \
      term.member = legal[k_];                                                            \
      expect(1, term, #member, #getter, legal[k_]);                                       \
    }                                                                                     \
    for (k_ = 0; k_ < 5; k_++) {                                                          \
      segloss_term term = term_of(getter());                                              \
      term.member = illegal[k_];                                                          \
      expect(0, term, #member, #getter, illegal[k_]);                                     \
    }                                                                                     \
  } while (0)
#define NOT_NEGATIVE(getter, member) RANGE(getter, member, -DBL_MIN, 0, 1e6, INFINITY)
#define POSITIVE(getter, member) RANGE(getter, member, 0, 1e-3, 1e3, INFINITY)
#define SHARE(getter, member) RANGE(getter, member, -DBL_MIN, 0, 1, 1 + DBL_EPSILON)
#define SOME_SHARE(getter, member) RANGE(getter, member, 0, DBL_MIN, 1, 1 + DBL_EPSILON)
#define SMOOTHED(getter)                 \
  NOT_NEGATIVE(getter, smooth_numerator); \
  NOT_NEGATIVE(getter, smooth_denominator)

static void parameters(void) {
  SHARE(segloss_cross_entropy, label_smoothing);
  SOME_SHARE(segloss_top_k, k);
  {
    /* The same range as a threshold. */
    static const double illegal[] = {0, 1 + DBL_EPSILON, NAN, INFINITY, -1};
    segloss_term term = term_of(segloss_top_k());
    size_t k;
    term.variant = SEGLOSS_TOPK_THRESHOLD;
    for (k = 0; k < 5; k++) term.k = illegal[k], expect(0, term, "k", "top_k by threshold", illegal[k]);
    term.k = 1;
    expect(1, term, "k", "top_k by threshold", 1);
  }
  NOT_NEGATIVE(segloss_focal, gamma);
  SHARE(segloss_sensitivity_specificity, alpha);
  NOT_NEGATIVE(segloss_sensitivity_specificity, smooth_denominator);
  SMOOTHED(segloss_dice);
  SMOOTHED(segloss_iou);
  SMOOTHED(segloss_tversky);
  NOT_NEGATIVE(segloss_tversky, alpha);
  NOT_NEGATIVE(segloss_tversky, beta);
  SMOOTHED(segloss_generalized_dice);
  SMOOTHED(segloss_focal_tversky);
  NOT_NEGATIVE(segloss_focal_tversky, alpha);
  NOT_NEGATIVE(segloss_focal_tversky, beta);
  POSITIVE(segloss_focal_tversky, gamma);
  SMOOTHED(segloss_asymmetric_similarity);
  NOT_NEGATIVE(segloss_asymmetric_similarity, beta);
  SMOOTHED(segloss_penalty);
  NOT_NEGATIVE(segloss_penalty, k);
  POSITIVE(segloss_hausdorff, alpha);
  SHARE(segloss_balanced_cross_entropy, beta);
  NOT_NEGATIVE(segloss_power_cross_entropy, gamma);
  SMOOTHED(segloss_log_dice);
  NOT_NEGATIVE(segloss_log_dice, gamma);
  /* The weight of a term may be any finite number. */
  RANGE(segloss_focal, weight, NAN, -1e6, 1e6, INFINITY);
  CHECK(taken > 50 && refused > 130);
}

/* Parameters of args. */
static void arguments_of_a_call(void) {
  static const double illegal[] = {NAN, INFINITY, -INFINITY, -DBL_MIN, 0};
  const segloss_term plain = term_of(segloss_dice());
  size_t k;
  for (k = 0; k < 5; k++) {
    double weights[C] = {1, 1, 1}, spacing[2] = {1, 1};
    static double voxels[B * N];
    segloss_term term = plain;
    segloss_args args = arguments();
    const int is_zero = illegal[k] == 0;
    int i;
    weights[1] = illegal[k];
    term.class_weight = weights;
    CHECK(go(&term, 1, args) == (is_zero ? SEGLOSS_OK : SEGLOSS_PARAMETER));
    if (!is_zero) CHECK(strcmp(error.argument, "class_weight") == 0 && error.index == 1 && error.term == 0);
    spacing[1] = illegal[k];
    args.spacing = spacing;
    CHECK(go(&plain, 1, args) == SEGLOSS_PARAMETER && strcmp(error.argument, "spacing") == 0 && error.index == 1);
    args = arguments();
    args.grad_scale = illegal[k];
    CHECK(go(&plain, 1, args) == (k < 3 ? SEGLOSS_PARAMETER : SEGLOSS_OK));
    if (k < 3) CHECK(strcmp(error.argument, "grad_scale") == 0);
    args = arguments();
    for (i = 0; i < B * N; i++) voxels[i] = 1;
    voxels[N + 3] = illegal[k];
    args.voxel_weight = tensor(voxels, SEGLOSS_F64, 3, FLAT);
    CHECK(go(&plain, 1, args) == (is_zero ? SEGLOSS_OK : SEGLOSS_PARAMETER));
    if (!is_zero) CHECK(strcmp(error.argument, "voxel_weight") == 0 && error.index == N + 3);
  }
}

int main(void) {
  paint();
  parameters();
  arguments_of_a_call();
  puts("passed");
  return 0;
}
