/* Every form with its defaults, every preset, and a region loss written in C. */
#include "batch.h"

typedef const segloss_form *(*getter)(void);
typedef segloss_status (*preset)(segloss_term *, size_t, size_t *);

static const getter FORMS[] = {
    segloss_cross_entropy,         segloss_top_k,          segloss_focal,
    segloss_distance_penalized,    segloss_dice,           segloss_iou,
    segloss_sensitivity_specificity, segloss_tversky,      segloss_generalized_dice,
    segloss_focal_tversky,         segloss_asymmetric_similarity, segloss_penalty,
    segloss_hausdorff,             segloss_balanced_cross_entropy,
    segloss_power_cross_entropy,   segloss_log_dice,
};

static const preset PRESETS[] = {
    segloss_preset_dice_cross_entropy,        segloss_preset_combo,
    segloss_preset_exponential_logarithmic,   segloss_preset_dice_top_k,
    segloss_preset_dice_focal,                segloss_preset_generalized_dice_boundary,
    segloss_preset_dice_hausdorff,
};

/* What a custom region is told by its context. */
typedef struct smoothing {
  double numerator, denominator;
} smoothing;

/* Linear Dice, by the operations of the library and in their order. */
static double dice(void *context, const segloss_tally *sums, segloss_tally *slope) {
  const smoothing *smooth = (const smoothing *)context;
  const double mistakes = (sums->predicted - sums->overlap) + (sums->truth - sums->overlap);
  const double all = 2.0 * sums->overlap + mistakes + smooth->denominator;
  const double loss = (mistakes + smooth->denominator - smooth->numerator) / all;
  CHECK(slope->overlap == 0 && slope->predicted == 0 && slope->missed == 0 && slope->spilled == 0);
  slope->overlap = -2.0 / all;
  slope->predicted = (2.0 * sums->overlap + smooth->numerator) / all / all;
  /* Only sums of the prediction count. */
  slope->voxels = slope->truth = slope->cost[0] = 1e9;
  return loss;
}

/* Bent by the squared error, so that every slope is in use. */
static double bent(void *context, const segloss_tally *sums, segloss_tally *slope) {
  const double error = (sums->missed + 2 * sums->spilled) / sums->voxels;
  const double loss = dice(context, sums, slope);
  slope->missed = 1 / sums->voxels;
  slope->spilled = 2 / sums->voxels;
  return loss + error;
}

static void check_custom_region(void) {
  static double ours[ALL], theirs[ALL];
  smoothing smooth;
  segloss_term custom = term_of(segloss_custom_region()), built_in = term_of(segloss_dice());
  uint32_t join;
  smooth.numerator = smooth.denominator = 1e-5;
  custom.region = dice;
  custom.context = &smooth;
  for (join = 0; join < 4; join++) {
    custom.class_average = built_in.class_average = join % 2 ? SEGLOSS_CLASS_POOLED : SEGLOSS_CLASS_MEAN;
    custom.sample_average = built_in.sample_average = join / 2 ? SEGLOSS_SAMPLE_POOLED : SEGLOSS_SAMPLE_MEAN;
    CHECK(run(&custom, 1, ours) == run(&built_in, 1, theirs));
    CHECK(memcmp(ours, theirs, sizeof ours) == 0);
  }
  custom.region = bent;
  CHECK(run(&custom, 1, NULL) > run(&built_in, 1, NULL));
  check_gradient(&custom, 1);
}

int main(void) {
  size_t k;
  segloss_term boundary;

  paint();
  for (k = 0; k < sizeof FORMS / sizeof FORMS[0]; k++) {
    const segloss_term term = term_of(FORMS[k]());
    CHECK(run(&term, 1, NULL) > 0);
    check_gradient(&term, 1);
  }
  /* The boundary loss has no sign. */
  boundary = term_of(segloss_boundary());
  CHECK(run(&boundary, 1, NULL) != 0);
  check_gradient(&boundary, 1);

  for (k = 0; k < sizeof PRESETS / sizeof PRESETS[0]; k++) {
    segloss_term terms[SEGLOSS_MAX_TERMS];
    size_t n_terms = 0, t;
    double sum = 0;
    CHECK(PRESETS[k](terms, sizeof terms[0], &n_terms) == SEGLOSS_OK && n_terms == 2);
    for (t = 0; t < n_terms; t++) {
      /* Of Dice with cross entropy, TopK or Hausdorff. */
      const int is_excluded = t == 0 && (k == 0 || k == 3 || k == 6);
      CHECK((terms[t].flags & SEGLOSS_NO_BACKGROUND) == (is_excluded ? SEGLOSS_NO_BACKGROUND : 0));
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
