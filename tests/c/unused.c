/* A field that a loss does not use is refused unless it has its default; a field that it uses is accepted. A constant
 * of another option is refused. */
#include "batch.h"
#include "table.h"

typedef const segloss_loss *(*getter)(void);

/* The constants of an option other than 0; a set of flags is one option. */
static const uint32_t squares[] = {SEGLOSS_DICE_SQUARED, 0}, volume[] = {SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM, 0},
                      selection[] = {SEGLOSS_TOPK_THRESHOLD, 0}, rim_zero[] = {SEGLOSS_BOUNDARY_RIM_ZERO, 0},
                      sides[] = {SEGLOSS_HAUSDORFF_TARGET_ONLY, SEGLOSS_HAUSDORFF_PREDICTION_ONLY, SEGLOSS_HAUSDORFF_ARGMAX,
                               SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG, SEGLOSS_HAUSDORFF_ARGMAX | SEGLOSS_HAUSDORFF_LOG,
                               SEGLOSS_HAUSDORFF_TARGET_ONLY | SEGLOSS_HAUSDORFF_INTERIOR, 0},
                      class_averages[] = {SEGLOSS_CLASS_POOLED, 0},
                      sample_averages[] = {SEGLOSS_SAMPLE_MEAN, SEGLOSS_SAMPLE_POOLED, 0},
                      absents[] = {SEGLOSS_ABSENT_SKIPPED, 0}, normalizers[] = {SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT, 0},
                      weight_kinds[] = {SEGLOSS_WEIGHT_INVERSE_SQRT, SEGLOSS_WEIGHT_MEDIAN, 0},
                      distance_flags[] = {SEGLOSS_DISTANCE_SQUARED, SEGLOSS_DISTANCE_BLACK_BORDER, SEGLOSS_DISTANCE_SQUARED | SEGLOSS_DISTANCE_BLACK_BORDER, 0},
                      contributions[] = {SEGLOSS_VOXEL_TRUE_CLASS, SEGLOSS_VOXEL_BOTH_OUTCOMES, SEGLOSS_VOXEL_ALL_CLASSES, 0},
                      none[] = {0};
static const uint32_t *const options[] = {squares,        volume,          selection, rim_zero,    sides,
                                          class_averages, sample_averages, absents,   normalizers, weight_kinds,
                                          distance_flags, contributions};
/* Numbers that are no constant of an option: flags, activations, option bits alone, two constants or-ed. */
static const uint32_t strays[] = {1, 2, 3, 4, 8, 16, SEGLOSS_ADD_TO_GRADIENT, 0x130000, 0x1a0000, UINT32_MAX,
                                  SEGLOSS_DICE_SQUARED | SEGLOSS_GDICE_INVERSE, SEGLOSS_DISTANCE_SQUARED | SEGLOSS_DICE_SQUARED,
                                  SEGLOSS_TOPK_THRESHOLD | SEGLOSS_HAUSDORFF_ARGMAX, SEGLOSS_CLASS_POOLED | SEGLOSS_SAMPLE_POOLED,
                                  SEGLOSS_HAUSDORFF_TARGET_ONLY | SEGLOSS_HAUSDORFF_PREDICTION_ONLY};

#define LOSS(name, type, uses, variants) {#name, segloss_##name, uses, variants},
static const struct {
  const char *name;
  getter loss;
  size_t uses;
  const uint32_t *variants;
} losses[] = {
    EVERY_LOSS(LOSS)
    {"custom_region", segloss_custom_region, USES_REGION | USES_CLASS_AVERAGE | USES_SAMPLE_AVERAGE | USES_ABSENT, none},
    {"custom_voxel", segloss_custom_voxel, USES_VOXEL | USES_VARIANT | USES_FIELD, contributions},
};

static double field[ALL];
static int accepted, refused;

static double score(void *context, const segloss_class_sums *sums, segloss_class_sums *slope) {
  (void)context;
  slope->prediction = 1;
  return sums->prediction;
}

static void zero(void *context, const segloss_voxel_rows *rows) {
  const size_t bytes = rows->count * (rows->dtype == SEGLOSS_F64 ? sizeof(double) : sizeof(float));
  (void)context;
  memset(rows->value, 0, bytes);
  memset(rows->slope, 0, bytes);
}

/* Checks that the second of two terms is accepted, or refused with the name and the index of the term. */
static void expect(int is_used, segloss_term term, const char *argument, const char *title) {
  segloss_term terms[2];
  segloss_args args = arguments();
  segloss_error error;
  double value = -7;
  segloss_status status;
  memset(&error, 0, sizeof error);
  terms[0] = term_of(segloss_dice());
  terms[1] = term;
  args.value = &value;
  args.error = &error;
  status = segloss_run(terms, 2, &args);
  if (is_used ? status != SEGLOSS_OK
              : status != SEGLOSS_PARAMETER || strcmp(error.argument, argument) != 0 || error.term != 1 ||
                    error.expected[0] == 0 || value != -7) {
    fprintf(stderr, "%s of %s: status %d, %s: %s\n", argument, title, (int)status, error.argument ? error.argument : "",
            error.expected ? error.expected : "");
    exit(1);
  }
  if (is_used) accepted++;
  else refused++;
}

static int is_among(uint32_t constant, const uint32_t *list) {
  for (; *list != 0; list++)
    if (*list == constant) return 1;
  return 0;
}

/* Checks every constant of the header, and numbers that are no constant, for one field of a term. */
#define EVERY_CONSTANT(member, own, is_read)                                                  \
  do {                                                                                        \
    size_t o, c;                                                                              \
    for (o = 0; o < sizeof options / sizeof options[0]; o++)                                  \
      for (c = 0; options[o][c] != 0; c++) {                                                  \
        term = plain, term.member = options[o][c];                                            \
        expect((is_read) && is_among(options[o][c], own), term, #member, losses[k].name);      \
      }                                                                                       \
    for (c = 0; c < sizeof strays / sizeof strays[0]; c++) {                                  \
      term = plain, term.member = strays[c];                                                  \
      expect(0, term, #member, losses[k].name);                                                \
    }                                                                                         \
  } while (0)

#define NUMBER(member, use)                                      \
  term = plain, term.member = plain.member == 0.75 ? 0.5 : 0.75; \
  expect((losses[k].uses & (use)) != 0, term, #member, losses[k].name)

static void every_form(void) {
  static segloss_top_k_search search;
  size_t k;
  CHECK(segloss_top_k_begin(&search) == SEGLOSS_OK);
  for (k = 0; k < sizeof losses / sizeof losses[0]; k++) {
    segloss_term plain = term_of(losses[k].loss()), term;
    const size_t uses = losses[k].uses;
    if ((uses & USES_REGION) != 0) plain.region = score;
    if ((uses & USES_VOXEL) != 0) plain.voxel = zero;
    expect(1, plain, "nothing", losses[k].name);
    NUMBER(alpha, USES_ALPHA);
    NUMBER(beta, USES_BETA);
    NUMBER(gamma, USES_GAMMA);
    NUMBER(k, USES_K);
    NUMBER(smooth_numerator, USES_SMOOTH_NUMERATOR);
    NUMBER(smooth_denominator, USES_SMOOTH_DENOMINATOR);
    NUMBER(label_smoothing, USES_LABEL_SMOOTHING);
    term = plain, term.alpha = NAN; /* NaN differs from the default */
    expect(0, term, "alpha", losses[k].name);
    EVERY_CONSTANT(variant, losses[k].variants, 1);
    EVERY_CONSTANT(class_average, class_averages, uses & USES_CLASS_AVERAGE);
    EVERY_CONSTANT(sample_average, sample_averages, uses & USES_SAMPLE_AVERAGE);
    EVERY_CONSTANT(absent, absents, uses & USES_ABSENT);
    EVERY_CONSTANT(normalizer, normalizers, uses & USES_NORMALIZER);
    term = plain, term.region = score;
    expect((uses & USES_REGION) != 0, term, "region", losses[k].name);
    term = plain, term.context = &term;
    expect((uses & USES_REGION) != 0, term, "context", losses[k].name);
    term = plain, term.voxel = zero;
    expect((uses & USES_VOXEL) != 0, term, "voxel", losses[k].name);
    term = plain, term.voxel_context = &term;
    expect((uses & USES_VOXEL) != 0, term, "voxel_context", losses[k].name);
    term = plain, term.field = tensor(field, SEGLOSS_F64, 4, SHAPE);
    expect((uses & USES_FIELD) != 0, term, "field", losses[k].name);
    term.flags = SEGLOSS_FIELD_COMPLETE;
    expect((uses & USES_FIELD_COMPLETE) != 0, term, (uses & USES_FIELD) != 0 ? "flags" : "field", losses[k].name);
    if (losses[k].loss != segloss_top_k) { /* tests/c/top_k.c: a term that uses its search */
      term = plain, term.top_k_search = &search;
      expect(0, term, "top_k_search", losses[k].name);
    }
    term = plain, term.flags = SEGLOSS_MINUS_ONE | SEGLOSS_EXCLUDE_BACKGROUND;
    expect(1, term, "flags", losses[k].name);
    term = plain, term.flags = SEGLOSS_ADD_TO_GRADIENT;
    expect(0, term, "flags", losses[k].name);
    term = plain, term.reserved = 1;
    expect(0, term, "reserved", losses[k].name);
  }
  CHECK(accepted > 100 && refused > 2000);
}

/* The kinds of class weights and the flags of the distance transform. */
static void other_constants(void) {
  size_t o, c;
  for (o = 0; o < sizeof options / sizeof options[0]; o++)
    for (c = 0; options[o][c] != 0; c++) {
      const uint32_t constant = options[o][c];
      static double out[N];
      double weights[C] = {-7, -7, -7};
      segloss_args args = arguments();
      segloss_distance_args distance;
      segloss_error error;
      static const int64_t image[] = {H, W};
      args.error = &error;
      if (is_among(constant, weight_kinds))
        CHECK(segloss_class_weights(&args, constant, weights) == SEGLOSS_OK && weights[0] > 0);
      else
        CHECK(segloss_class_weights(&args, constant, weights) == SEGLOSS_PARAMETER && weights[0] == -7 &&
              strcmp(error.argument, "kind") == 0);
      memset(&distance, 0, sizeof distance);
      distance.struct_size = sizeof distance;
      distance.kind = SEGLOSS_OTHER_SIDE;
      distance.flags = constant;
      distance.mask = tensor(labels, SEGLOSS_U8, 2, image);
      distance.out.data = out;
      distance.out.dtype = SEGLOSS_F64;
      distance.error = &error;
      distance.scratch = scratch;
      distance.scratch_size = sizeof scratch;
      if (is_among(constant, distance_flags))
        CHECK(segloss_distance(&distance) == SEGLOSS_OK);
      else
        CHECK(segloss_distance(&distance) == SEGLOSS_PARAMETER && strcmp(error.argument, "flags") == 0);
      args.flags = constant;
      CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_INVERSE, weights) == SEGLOSS_PARAMETER &&
            strcmp(error.argument, "flags") == 0);
    }
}

int main(void) {
  int i;
  paint();
  for (i = 0; i < ALL; i++) field[i] = 1;
  every_form();
  other_constants();
  puts("passed");
  return 0;
}
