/* Voxel losses of the caller equal those of the library, for every contribution, activation, target and dtype, in place
 * and for every number of workers. */
#include "check.h"
#include <stddef.h>

enum { B = 2, C = 3, N = 300, ALL = B * C * N, CHUNKS = 7, LONG = CHUNKS * SEGLOSS_CHUNK + 77 };

/* What a call of the function has to look like, and how often it was called. The tests run on one thread. */
typedef struct expectation {
  uint32_t dtype, has_field;
  size_t *calls;
} expectation;

static int is_aligned(const void *row) { return (uintptr_t)row % 64 == 0; }

static void check_rows(const expectation *expected, const segloss_voxel_rows *rows) {
  ++*expected->calls;
  CHECK(rows->dtype == expected->dtype && (rows->field != NULL) == expected->has_field);
  CHECK(rows->count > 0 && rows->count <= 256 && rows->count % 16 == 0);
  CHECK(is_aligned(rows->probability) && is_aligned(rows->complement) && is_aligned(rows->log_probability));
  CHECK(is_aligned(rows->value) && is_aligned(rows->slope));
}

/* Value and slope of each voxel from p, q = 1 - p, l = log p, g and the field d, in type T. */
#define LOOP(T, value_of, slope_of)                                              \
  do {                                                                           \
    const T *ps = rows->probability, *qs = rows->complement, *gs = rows->target; \
    const T *ls = rows->log_probability, *ds = rows->field;                      \
    T *value = rows->value, *slope = rows->slope;                                \
    uint32_t i;                                                                  \
    for (i = 0; i < rows->count; i++) {                                          \
      const T p = ps[i], q = qs[i], l = ls[i], g = gs[i], d = ds ? ds[i] : 0;    \
      (void)p, (void)q, (void)l, (void)g, (void)d;                               \
      CHECK(p + q > (T)0.999999 && p + q < (T)1.000001 && l <= 0 && g >= 0);     \
      value[i] = (T)(value_of);                                                  \
      slope[i] = (T)(slope_of);                                                  \
    }                                                                            \
  } while (0)

#define VOXEL_LOSS(name, value_of, slope_of)                          \
  static void name(void *context, const segloss_voxel_rows *rows) {   \
    check_rows((const expectation *)context, rows);                   \
    if (rows->dtype == SEGLOSS_F64) LOOP(double, value_of, slope_of); \
    else LOOP(float, value_of, slope_of);                             \
  }

VOXEL_LOSS(focal, q *q * -l, -(q * q) * (1 + (q == 0 ? 1 : -l / q) * (2 * p)))
VOXEL_LOSS(penalized, -l * (1 + d), -(1 + d))
VOXEL_LOSS(nats, -l, -1)
VOXEL_LOSS(half_nats, -l / 2, -0.5)
VOXEL_LOSS(boundary, p * d, d)

/* The same losses of the library. */
static const struct {
  const segloss_loss *(*built_in)(void);
  segloss_voxel_function function;
  size_t has_field;
  /* 0: the same bits. Errors of a few roundings where a compiler may fuse a product and a sum, and where the loss of
   * the library reads no logarithm, so that its probabilities are computed by other loops. */
  double ulps;
  uint32_t variant, power;
} PAIRS[] = {
    {segloss_focal, focal, 0, 4, SEGLOSS_VOXEL_LIKELIHOOD, 2},
    {segloss_distance_penalized, penalized, 1, 0, SEGLOSS_VOXEL_LIKELIHOOD, 0},
    {segloss_power_cross_entropy, nats, 0, 0, SEGLOSS_VOXEL_TRUE_CLASS, 1},
    {segloss_balanced_cross_entropy, half_nats, 0, 0, SEGLOSS_VOXEL_BOTH_OUTCOMES, 0},
    {segloss_boundary, boundary, 1, 4, SEGLOSS_VOXEL_ALL_CLASSES, 0},
};
enum { COUNT = sizeof PAIRS / sizeof PAIRS[0] };

static const double CLASS_WEIGHT[C] = {0.5, 2, 1};
static size_t calls;
static expectation expected;

/* The term of the library, or the one with the function of the caller. */
static segloss_term term_of(size_t pair, int is_ours, uint32_t dtype, const segloss_tensor *field) {
  segloss_term term;
  CHECK(segloss_term_init(is_ours ? segloss_custom_voxel() : PAIRS[pair].built_in(), &term, sizeof term) == SEGLOSS_OK);
  term.class_weight = CLASS_WEIGHT;
  term.flags = SEGLOSS_EXCLUDE_BACKGROUND;
  if (PAIRS[pair].has_field) term.field = *field;
  if (is_ours) {
    expected.dtype = dtype, expected.has_field = PAIRS[pair].has_field != 0, expected.calls = &calls;
    term.variant = PAIRS[pair].variant, term.voxel = PAIRS[pair].function, term.voxel_context = &expected;
  } else if (PAIRS[pair].power) {
    term.gamma = PAIRS[pair].power;
  }
  return term;
}

/* Allocates scratch and runs. */
static double run(const segloss_term *term, segloss_args *args) {
  double value = 0;
  size_t needed = 0;
  CHECK(segloss_scratch_size(term, 1, args, &needed) == SEGLOSS_OK);
  args->value = &value;
  args->scratch = malloc(needed);
  args->scratch_size = needed;
  CHECK(segloss_run(term, 1, args) == SEGLOSS_OK);
  free((void *)args->scratch);
  return value;
}

static double at(const void *array, uint32_t dtype, int i) {
  return dtype == SEGLOSS_F64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

static double prediction_f64[ALL], dense[ALL], field_values[ALL], ours[ALL], theirs[ALL], in_place[ALL];
static float prediction_f32[ALL];
static uint8_t labels[B * N], masks[ALL];

static void compare(uint32_t activation, int target_kind, uint32_t dtype, int is_flat_field) {
  static const int64_t shape[] = {B, C, N}, flat[] = {B, N}, ignore[] = {9};
  const segloss_tensor field = tensor(field_values, SEGLOSS_F64, is_flat_field ? 2 : 3, is_flat_field ? flat : shape);
  const size_t bytes = dtype == SEGLOSS_F64 ? sizeof prediction_f64 : sizeof prediction_f32;
  const double epsilon = dtype == SEGLOSS_F64 ? 2.3e-16 : 1.2e-7;
  size_t pair;
  for (pair = 0; pair < COUNT; pair++) {
    const segloss_term custom = term_of(pair, 1, dtype, &field), built_in = term_of(pair, 0, dtype, &field);
    const double tolerance = PAIRS[pair].ulps * epsilon;
    segloss_args args;
    double mine, other, largest = 0;
    int i, nonzero = 0;
    CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
    args.activation = activation;
    args.pred = tensor(dtype == SEGLOSS_F64 ? (const void *)prediction_f64 : prediction_f32, dtype, 3, shape);
    if (target_kind == 0) args.target = tensor(labels, SEGLOSS_U8, 2, flat), args.ignore = ignore, args.ignore_len = 1;
    if (target_kind == 1) args.target = tensor(masks, SEGLOSS_U8, 3, shape);
    if (target_kind == 2) args.target = tensor(dense, SEGLOSS_F64, 3, shape);
    args.grad.data = theirs;
    other = run(&built_in, &args);
    args.grad.data = ours;
    calls = 0;
    mine = run(&custom, &args);
    CHECK(calls > 0);
    CLOSE(mine, other, tolerance * fabs(other));
    for (i = 0; i < ALL; i++) largest = fmax(largest, fabs(at(theirs, dtype, i)));
    for (i = 0; i < ALL; i++) {
      const double gradient = at(theirs, dtype, i);
      /* A gradient is a difference of slopes: rounding errors are relative to these. */
      CLOSE(at(ours, dtype, i), gradient, tolerance * largest);
      nonzero += gradient != 0;
    }
    CHECK(nonzero > ALL / 8);
    memcpy(in_place, args.pred.data, bytes);
    args.pred.data = args.grad.data = in_place;
    CHECK(run(&custom, &args) == mine && memcmp(in_place, ours, bytes) == 0);
  }
}

static void every_activation_target_and_dtype(void) {
  static const uint32_t activations[] = {SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY,
                                         SEGLOSS_PROBABILITY_PER_CLASS};
  int i, a, target_kind, is_flat_field;
  for (i = 0; i < B * N; i++) labels[i] = (uint8_t)(i % 11 == 0 ? 9 : i * 7 % 5 % C);
  for (i = 0; i < ALL; i++) masks[i] = i * 7 % 5 < 2, dense[i] = i % 17 / 16.0, field_values[i] = fabs(painted(3 * i));
  for (a = 0; a < 4; a++) {
    for (i = 0; i < ALL; i++) {
      prediction_f64[i] = a < 2 ? 3 * painted(i) : painted(i) / 6.5 + 0.5;
      prediction_f32[i] = (float)prediction_f64[i];
    }
    for (target_kind = 0; target_kind < 3; target_kind++)
      for (is_flat_field = 0; is_flat_field < 2; is_flat_field++) {
        compare(activations[a], target_kind, SEGLOSS_F32, is_flat_field);
        compare(activations[a], target_kind, SEGLOSS_F64, is_flat_field);
      }
  }
}

static void backwards(void *context, size_t count, segloss_task task, void *data) {
  (void)context;
  while (count > 0) task(data, --count);
}

static float logits[C * LONG], alone[C * LONG], shared[C * LONG];
static uint8_t long_labels[LONG];

static void workers_do_not_change_bits(void) {
  static const int64_t shape[] = {1, C, LONG}, flat[] = {1, LONG};
  static const uint32_t workers[] = {1, 2, 7};
  segloss_tensor field;
  segloss_executor executor;
  size_t pair, w;
  int i;
  for (i = 0; i < C * LONG; i++) logits[i] = (float)(i % 61) / 16.0f - 2.0f;
  for (i = 0; i < LONG; i++) long_labels[i] = (uint8_t)(i / 97 % C);
  field = tensor(logits, SEGLOSS_F32, 3, shape);
  memset(&executor, 0, sizeof executor);
  executor.struct_size = sizeof executor;
  executor.parallel_for = backwards;
  for (pair = 0; pair < COUNT; pair++) {
    segloss_term term = term_of(pair, 1, SEGLOSS_F32, &field);
    segloss_args args;
    double value;
    CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
    args.activation = SEGLOSS_SOFTMAX;
    args.pred = tensor(logits, SEGLOSS_F32, 3, shape);
    args.target = tensor(long_labels, SEGLOSS_U8, 2, flat);
    args.grad.data = alone;
    value = run(&term, &args);
    for (w = 0; w < sizeof workers / sizeof workers[0]; w++) {
      double again;
      executor.workers = workers[w];
      args.executor = &executor;
      args.grad.data = shared;
      memset(shared, 0xff, sizeof shared);
      again = run(&term, &args);
      CHECK(memcmp(&value, &again, sizeof value) == 0 && memcmp(alone, shared, sizeof alone) == 0);
    }
  }
}

/* A missing function and an unknown contribution are errors of the second term. */
static void errors_name_the_field(void) {
  static const int64_t shape[] = {1, C, N}, flat[] = {1, N};
  segloss_term terms[2];
  segloss_args args;
  segloss_error error;
  size_t needed = 0;
  memset(&error, 0, sizeof error);
  CHECK(segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]) == SEGLOSS_OK);
  CHECK(segloss_term_init(segloss_custom_voxel(), &terms[1], sizeof terms[1]) == SEGLOSS_OK);
  CHECK(terms[1].voxel == NULL && terms[1].voxel_context == NULL && terms[1].variant == SEGLOSS_VOXEL_LIKELIHOOD);
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(prediction_f32, SEGLOSS_F32, 3, shape);
  args.target = tensor(masks, SEGLOSS_U8, 2, flat);
  args.error = &error;
  CHECK(segloss_scratch_size(terms, 2, &args, &needed) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_run(terms, 2, &args) == SEGLOSS_NULL_POINTER);
  CHECK(error.term == 1 && strcmp(error.argument, "voxel") == 0 && error.expected[0] != 0);
  terms[1].voxel = nats;
  terms[1].variant = SEGLOSS_VOXEL_ALL_CLASSES + 1;
  CHECK(segloss_run(terms, 2, &args) == SEGLOSS_PARAMETER);
  CHECK(error.term == 1 && strcmp(error.argument, "variant") == 0 && error.given == SEGLOSS_VOXEL_ALL_CLASSES + 1);
  /* A struct of a header without these fields ends before them. */
  terms[0].struct_size = terms[1].struct_size = (uint32_t)offsetof(segloss_term, voxel);
  memmove((char *)terms + terms[0].struct_size, &terms[1], terms[0].struct_size);
  ((segloss_term *)((char *)terms + terms[0].struct_size))->variant = SEGLOSS_VOXEL_LIKELIHOOD;
  CHECK(segloss_scratch_size(terms, 2, &args, &needed) == SEGLOSS_NULL_POINTER);
  CHECK(strcmp(error.argument, "voxel") == 0);
}

int main(void) {
  every_activation_target_and_dtype();
  workers_do_not_change_bits();
  errors_name_the_field();
  puts("passed");
  return 0;
}
