/* Every parameter of every loss at both ends of its range, just outside of it, NaN and infinite, one at a time. */
#include "batch.h"
#include "table.h"
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
/* The ranges of table.h. */
#define NON_NEGATIVE -DBL_MIN, 0, 1e6, INFINITY
#define POSITIVE 0, 1e-3, 1e3, INFINITY
#define UNIT -DBL_MIN, 0, 1, 1 + DBL_EPSILON
#define SHARE 0, DBL_MIN, 1, 1 + DBL_EPSILON
#define NUMBER(name, field, range) RANGE(segloss_##name, field, range);

static void parameters(void) {
  EVERY_NUMBER(NUMBER)
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
