/* Every loss with its defaults, every preset, and custom losses: value and gradient. */
#include "batch.h"
#include "table.h"

typedef const segloss_loss *(*getter)(void);
typedef segloss_status (*preset)(segloss_term *, size_t, size_t *);

#define GETTER(name, type, uses, variants) segloss_##name,
static const getter LOSSES[] = {EVERY_LOSS(GETTER)};

#define PRESET(name) segloss_preset_##name,
static const preset PRESETS[] = {EVERY_PRESET(PRESET)};

/* The context of the custom region loss. */
typedef struct smoothing {
  double numerator, denominator;
} smoothing;

/* Linear Dice, with the operations of the library in the same order, so that the bits are equal. */
static double dice(void *context, const segloss_class_sums *sums, segloss_class_sums *slope) {
  const smoothing *smooth = (const smoothing *)context;
  const double mismatch = (sums->prediction - sums->intersection) + (sums->target - sums->intersection);
  const double all = 2.0 * sums->intersection + mismatch + smooth->denominator;
  const double loss = (mismatch + smooth->denominator - smooth->numerator) / all;
  CHECK(slope->intersection == 0 && slope->prediction == 0 && slope->squared_error_positive == 0 && slope->squared_error_negative == 0);
  slope->intersection = -2.0 / all;
  slope->prediction = (2.0 * sums->intersection + smooth->numerator) / all / all;
  /* These slopes are ignored. */
  slope->weight = slope->target = slope->loss_sum[0] = 1e9;
  return loss;
}

/* Dice plus a squared error, so that every slope is used. */
static double dice_and_error(void *context, const segloss_class_sums *sums, segloss_class_sums *slope) {
  const double error = (sums->squared_error_positive + 2 * sums->squared_error_negative) / sums->weight;
  const double loss = dice(context, sums, slope);
  slope->squared_error_positive = 1 / sums->weight;
  slope->squared_error_negative = 2 / sums->weight;
  return loss + error;
}

static void check_custom_region(void) {
  static double ours[ALL], theirs[ALL];
  smoothing smooth;
  segloss_term custom = term_of(segloss_custom_region()), built_in = term_of(segloss_dice());
  uint32_t averages;
  smooth.numerator = smooth.denominator = 1e-5;
  custom.region = dice;
  custom.context = &smooth;
  for (averages = 0; averages < 4; averages++) {
    custom.class_average = built_in.class_average = averages % 2 ? SEGLOSS_CLASS_POOLED : SEGLOSS_CLASS_MEAN;
    custom.sample_average = built_in.sample_average = averages / 2 ? SEGLOSS_SAMPLE_POOLED : SEGLOSS_SAMPLE_MEAN;
    CHECK(run(&custom, 1, ours) == run(&built_in, 1, theirs));
    CHECK(memcmp(ours, theirs, sizeof ours) == 0);
  }
  custom.region = dice_and_error;
  CHECK(run(&custom, 1, NULL) > run(&built_in, 1, NULL));
  check_gradient(&custom, 1);
}

/* The Brier score (s - g)^2 by s; -(log p)^3, a likelihood that depends on log p alone, by log p. */
static void brier(void *context, const segloss_voxel_rows *rows) {
  const double *s = (const double *)rows->probability, *g = (const double *)rows->target;
  double *value = (double *)rows->value, *slope = (double *)rows->slope;
  uint32_t i;
  (void)context;
  for (i = 0; i < rows->count; i++) value[i] = (s[i] - g[i]) * (s[i] - g[i]), slope[i] = 2 * (s[i] - g[i]);
}

static void cubed(void *context, const segloss_voxel_rows *rows) {
  const double *log_p = (const double *)rows->log_probability;
  double *value = (double *)rows->value, *slope = (double *)rows->slope;
  uint32_t i;
  (void)context;
  for (i = 0; i < rows->count; i++) value[i] = -pow(log_p[i], 3), slope[i] = -3 * pow(log_p[i], 2);
}

/* Two passes, beside a region loss: the second needs the logarithm again, also of a probability that underflows. */
static void check_beside_region_loss(segloss_term custom) {
  static double of_sum[ALL], of_custom[ALL], of_dice[ALL];
  const double logit = logits[labels[0] * N];
  segloss_term terms[2];
  int i;
  terms[0] = custom;
  terms[1] = term_of(segloss_dice());
  check_gradient(terms, 2);
  logits[labels[0] * N] = -2000;
  run(terms, 2, of_sum), run(terms, 1, of_custom), run(terms + 1, 1, of_dice);
  logits[labels[0] * N] = logit;
  CHECK(fabs(of_custom[labels[0] * N]) > 1e4);
  for (i = 0; i < ALL; i++) CLOSE(of_sum[i], of_custom[i] + of_dice[i], 1e-14 * (1 + fabs(of_custom[i])));
}

static void check_custom_voxel(void) {
  static const uint32_t of_outcomes[] = {SEGLOSS_VOXEL_LIKELIHOOD, SEGLOSS_VOXEL_TRUE_CLASS,
                                         SEGLOSS_VOXEL_BOTH_OUTCOMES};
  segloss_term terms[2];
  double of_brier = 0, of_target = 0, of_both = 0;
  int b, c, i;
  for (b = 0; b < B; b++)
    for (c = 0; c < C; c++)
      for (i = 0; i < N; i++) {
        const double s = probability(b, c, i), g = labels[b * N + i] == c, p = g == 1 ? s : 1 - s;
        of_brier += (s - g) * (s - g) / (C * B * N);
        of_target -= g * pow(log(s), 3) / (B * N);
        of_both -= pow(log(p), 3) / (B * N);
      }
  terms[0] = terms[1] = term_of(segloss_custom_voxel());
  terms[0].voxel = brier;
  terms[0].variant = SEGLOSS_VOXEL_ALL_CLASSES;
  CLOSE(run(terms, 1, NULL), of_brier, 1e-14 * of_brier);
  check_gradient(terms, 1);
  terms[1].voxel = cubed;
  for (i = 0; i < 3; i++) {
    const double of_outcome = of_outcomes[i] == SEGLOSS_VOXEL_BOTH_OUTCOMES ? of_both : of_target;
    terms[1].variant = of_outcomes[i];
    CLOSE(run(&terms[1], 1, NULL), of_outcome, 1e-14 * of_outcome);
    check_gradient(&terms[1], 1);
    CLOSE(run(terms, 2, NULL), of_brier + of_outcome, 1e-14 * of_outcome);
    check_gradient(terms, 2);
    check_beside_region_loss(terms[1]);
  }
}

int main(void) {
  size_t k;

  paint();
  for (k = 0; k < sizeof LOSSES / sizeof LOSSES[0]; k++) {
    const segloss_term term = term_of(LOSSES[k]());
    const double value = run(&term, 1, NULL);
    /* The boundary loss may be negative. */
    CHECK(LOSSES[k] == segloss_boundary ? value != 0 : value > 0);
    check_gradient(&term, 1);
  }

  for (k = 0; k < sizeof PRESETS / sizeof PRESETS[0]; k++) {
    segloss_term terms[SEGLOSS_MAX_TERMS];
    size_t n_terms = 0, t;
    double sum = 0;
    CHECK(PRESETS[k](terms, sizeof terms[0], &n_terms) == SEGLOSS_OK && n_terms == 2);
    for (t = 0; t < n_terms; t++) {
      /* Of Dice with cross entropy, TopK or Hausdorff. */
      const int is_excluded = t == 0 && (k == 0 || k == 3 || k == 6);
      CHECK((terms[t].flags & SEGLOSS_EXCLUDE_BACKGROUND) == (is_excluded ? SEGLOSS_EXCLUDE_BACKGROUND : 0));
      sum += run(&terms[t], 1, NULL);
    }
    CLOSE(run(terms, n_terms, NULL), sum, 1e-14 * fabs(sum));
    check_gradient(terms, n_terms);
    CHECK(PRESETS[k](NULL, sizeof terms[0], &n_terms) == SEGLOSS_NULL_POINTER);
    CHECK(PRESETS[k](terms, sizeof terms[0], NULL) == SEGLOSS_NULL_POINTER);
  }
  check_custom_region();
  check_custom_voxel();
  puts("passed");
  return 0;
}
