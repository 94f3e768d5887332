/* Flags, variants, class weights, and distance fields that are passed back. */
#include "batch.h"

static double ours[ALL], theirs[ALL];

static int same(const segloss_term *one, const segloss_term *other) {
  const double value = run(one, 1, ours);
  return value == run(other, 1, theirs) && memcmp(ours, theirs, sizeof ours) == 0;
}

static void check_flags(void) {
  static const double objects[C] = {0, 1, 1};
  segloss_term plain = term_of(segloss_dice()), flagged = plain, weighted = plain;
  flagged.flags = SEGLOSS_EXCLUDE_BACKGROUND;
  weighted.class_weight = objects;
  CHECK(same(&flagged, &weighted) && !same(&flagged, &plain));
  /* The flag has no effect beside class weights that exclude class 0. */
  flagged.class_weight = objects;
  CHECK(same(&flagged, &weighted));
  flagged = plain;
  flagged.flags = SEGLOSS_MINUS_ONE;
  CHECK(run(&flagged, 1, ours) == run(&plain, 1, theirs) - 1);
  CHECK(memcmp(ours, theirs, sizeof ours) == 0);
}

/* Each variant changes the value, and its gradient agrees with differences. */
static void check_variants(void) {
  const struct {
    const segloss_loss *loss;
    uint64_t variants[6];
  } all[] = {
      {segloss_dice(), {SEGLOSS_DICE_SQUARED}},
      {segloss_iou(), {SEGLOSS_DICE_SQUARED}},
      {segloss_generalized_dice(), {SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM}},
      {segloss_penalty(), {SEGLOSS_GDICE_INVERSE, SEGLOSS_GDICE_UNIFORM}},
      {segloss_boundary(), {SEGLOSS_BOUNDARY_RIM_ZERO}},
      {segloss_hausdorff(),
       {SEGLOSS_HAUSDORFF_TARGET_ONLY, SEGLOSS_HAUSDORFF_PREDICTION_ONLY, SEGLOSS_HAUSDORFF_ARGMAX, SEGLOSS_HAUSDORFF_INTERIOR, SEGLOSS_HAUSDORFF_LOG}},
  };
  size_t k, v;
  for (k = 0; k < sizeof all / sizeof all[0]; k++)
    for (v = 0; all[k].variants[v] != 0; v++) {
      segloss_term plain = term_of(all[k].loss), variant = plain;
      variant.variant = (uint32_t)all[k].variants[v];
      CHECK(!same(&plain, &variant));
      check_gradient(&variant, 1);
    }
  {
    segloss_term term = term_of(segloss_cross_entropy());
    static const double weights[C] = {0.5, 2, 1};
    term.normalizer = SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT;
    term.label_smoothing = 0.1;
    term.class_weight = weights;
    check_gradient(&term, 1);
    /* Thresholds that select all voxels, and none. */
    term = term_of(segloss_top_k());
    term.variant = SEGLOSS_TOPK_THRESHOLD;
    term.k = 1;
    {
      const segloss_term all_voxels = term_of(segloss_cross_entropy());
      CLOSE(run(&term, 1, NULL), run(&all_voxels, 1, NULL), 1e-14);
    }
    term.k = 1e-9;
    CHECK(run(&term, 1, NULL) == 0);
  }
}

static void check_class_weights(void) {
  segloss_args args = arguments();
  double count[C] = {0, 0, 0}, weights[C], middle;
  int i, c;
  for (i = 0; i < B * N; i++) count[labels[i]] += 1;
  CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_INVERSE, weights) == SEGLOSS_OK);
  for (c = 0; c < C; c++) CLOSE(weights[c], B * N / count[c], 1e-14);
  CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_INVERSE_SQRT, weights) == SEGLOSS_OK);
  for (c = 0; c < C; c++) CLOSE(weights[c], sqrt(B * N / count[c]), 1e-14);
  CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_MEDIAN, weights) == SEGLOSS_OK);
  middle = count[0] + count[1] + count[2] - fmin(count[0], fmin(count[1], count[2])) -
           fmax(count[0], fmax(count[1], count[2]));
  for (c = 0; c < C; c++) CLOSE(weights[c], middle / count[c], 1e-14);
  weights[0] = -7;
  CHECK(segloss_class_weights(&args, 3, weights) == SEGLOSS_PARAMETER && weights[0] == -7);
  CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_MEDIAN, NULL) == SEGLOSS_NULL_POINTER);
}

/* The field that segloss_run computes gives the same bits when it is passed back. */
static void check_fields(void) {
  static double field[ALL];
  const segloss_loss *const losses[] = {segloss_boundary(), segloss_hausdorff(), segloss_distance_penalized()};
  size_t k;
  for (k = 0; k < 3; k++) {
    const int is_shared = k == 2;
    segloss_term computed = term_of(losses[k]), given = computed;
    segloss_args args = arguments();
    segloss_output into;
    memset(&into, 0, sizeof into);
    memset(field, 0, sizeof field);
    into.data = field;
    into.dtype = SEGLOSS_F64;
    CHECK(segloss_distance_field(&computed, &args, &into) == SEGLOSS_OK);
    given.field = tensor(field, SEGLOSS_F64, is_shared ? 3 : 4, is_shared ? FLAT : SHAPE);
    CHECK(same(&computed, &given));
    field[N + 1] += 0.5;
    CHECK(!same(&computed, &given));
  }
  {
    segloss_term none = term_of(segloss_dice());
    segloss_args args = arguments();
    segloss_output into;
    memset(&into, 0, sizeof into);
    into.data = field;
    CHECK(segloss_distance_field(&none, &args, &into) == SEGLOSS_UNSUPPORTED);
  }
}

/* A complete field of Hausdorff: the part of the target, and the part of the prediction from segloss_distance. */
static void check_complete_field(void) {
  static double field[ALL], of_prediction[N];
  static const int64_t image[] = {H, W};
  const segloss_term computed = term_of(segloss_hausdorff());
  segloss_term given = computed;
  segloss_args args = arguments();
  segloss_output into;
  int b, c, i;
  memset(&into, 0, sizeof into);
  into.data = field;
  into.dtype = SEGLOSS_F64;
  CHECK(segloss_distance_field(&computed, &args, &into) == SEGLOSS_OK);
  for (b = 0; b < B; b++)
    for (c = 0; c < C; c++) {
      uint8_t mask[N];
      segloss_distance_args distance;
      for (i = 0; i < N; i++) mask[i] = probability(b, c, i) > 0.5;
      memset(&distance, 0, sizeof distance);
      distance.struct_size = sizeof distance;
      distance.kind = SEGLOSS_OTHER_SIDE;
      distance.flags = SEGLOSS_DISTANCE_SQUARED;
      distance.mask = tensor(mask, SEGLOSS_U8, 2, image);
      distance.out.data = of_prediction;
      distance.out.dtype = SEGLOSS_F64;
      distance.scratch = scratch;
      distance.scratch_size = sizeof scratch;
      CHECK(segloss_distance(&distance) == SEGLOSS_OK);
      for (i = 0; i < N; i++) field[(b * C + c) * N + i] += of_prediction[i];
    }
  given.field = tensor(field, SEGLOSS_F64, 4, SHAPE);
  given.flags = SEGLOSS_FIELD_COMPLETE;
  CHECK(same(&computed, &given));
  given.flags = 0;
  CHECK(!same(&computed, &given));
}

int main(void) {
  paint();
  check_flags();
  check_variants();
  check_class_weights();
  check_fields();
  check_complete_field();
  puts("passed");
  return 0;
}
