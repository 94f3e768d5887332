/* Every loss with its defaults, every preset, and a custom region loss: value and gradient. */
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
  puts("passed");
  return 0;
}
