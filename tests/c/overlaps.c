/* Every pair of arguments of which one is written, in every function: refused if they share a byte, accepted if they
 * are adjacent. */
#include "batch.h"

/* Every argument, in a separate array with a byte of room on each side. */
enum Argument {
  PRED, TARGET, WEIGHT, PRESENT, IGNORE, SPACING, CLASS_WEIGHT, GIVEN_FIELD, /* inputs of all functions */
  GRAD, VALUE, TERM_VALUES, CLASS_VALUES, CLASS_SUMS, ERROR_STRUCT, SCRATCH,           /* outputs of all functions */
  SUMS_OF_PARTS, SLOPES, FIELD, WEIGHTS,                                            /* arguments of one function */
  COUNT
};
static const char *const names[COUNT] = {
    "pred",         "target",  "voxel_weight", "class_present", "ignore",  "spacing", "class_weight",
    "field",        "grad",    "value",        "term_values",   "class_values", "class_sums", "error",
    "scratch",      "class_sums", "slopes",       "field",         "weights"};
enum { ROOM = 1 << 12, SPACE = 1 << 19 };
static double memory[COUNT][ROOM / 8], space[SPACE / 8];
static size_t bytes[COUNT];
static void *at[COUNT];

enum Function { RUN, ACCUMULATE, FINALIZE, BACKWARD, WRITE_FIELD, COUNT_CLASSES, FUNCTIONS };
/* The arguments that a function has besides those of all functions. */
static const int own[FUNCTIONS][4] = {{-1},         {SUMS_OF_PARTS, -1}, {SUMS_OF_PARTS, SLOPES, -1},
                                      {SLOPES, -1}, {FIELD, -1},         {WEIGHTS, -1}};

static int is_own(int function, int argument) {
  int k;
  for (k = 0; own[function][k] >= 0; k++)
    if (own[function][k] == argument) return 1;
  return 0;
}

static int is_taken(int function, int argument) {
  if (argument > SCRATCH) return is_own(function, argument);
  /* segloss_class_weights has no terms, and segloss_distance_field ignores the field of its term. */
  if (argument == CLASS_WEIGHT) return function != COUNT_CLASSES;
  if (argument == GIVEN_FIELD) return function != COUNT_CLASSES && function != WRITE_FIELD;
  if (argument == TERM_VALUES || argument == CLASS_VALUES) return function != COUNT_CLASSES;
  return 1;
}

static int is_written(int function, int argument) {
  if (argument < GRAD) return 0;
  if (argument <= SCRATCH) return 1;
  return !(function == FINALIZE && argument == SUMS_OF_PARTS) && !(function == BACKWARD && argument == SLOPES);
}

static void reset(void) {
  static const size_t sizes[COUNT] = {
      ALL * 8, B * N,   B * N * 8,     B * C, 8,       2 * 8,          C * 8,
      ALL * 8, ALL * 8, 8,             2 * 8, 2 * B * C * 8, B * C * sizeof(segloss_class_sums), sizeof(segloss_error),
      SPACE,   B * C * sizeof(segloss_class_sums), B * C * sizeof(segloss_class_sums), ALL * 8, C * 8};
  const int64_t ignored = 255;
  double *doubles;
  int k, i;
  memset(memory, 0, sizeof memory);
  for (k = 0; k < COUNT; k++) {
    at[k] = k == SCRATCH ? space : memory[k];
    bytes[k] = sizes[k];
  }
  memcpy(at[PRED], logits, sizeof logits);
  memcpy(at[TARGET], labels, sizeof labels);
  for (doubles = memory[WEIGHT], i = 0; i < B * N; i++) doubles[i] = 1;
  memset(at[PRESENT], 1, B * C);
  memcpy(at[IGNORE], &ignored, sizeof ignored);
  for (doubles = memory[SPACING], i = 0; i < 2; i++) doubles[i] = 1;
  for (doubles = memory[CLASS_WEIGHT], i = 0; i < C; i++) doubles[i] = 1;
}

static segloss_status go(int function) {
  segloss_term terms[2];
  segloss_args args = arguments();
  segloss_output field;
  terms[0] = term_of(segloss_boundary());
  terms[1] = term_of(segloss_dice());
  terms[0].class_weight = (const double *)at[CLASS_WEIGHT];
  if (function != WRITE_FIELD) terms[0].field = tensor(at[GIVEN_FIELD], SEGLOSS_F64, 4, SHAPE);
  args.pred.data = at[PRED];
  args.target.data = at[TARGET];
  args.voxel_weight = tensor(at[WEIGHT], SEGLOSS_F64, 3, FLAT);
  args.class_present = (const uint8_t *)at[PRESENT];
  args.ignore = (const int64_t *)at[IGNORE];
  args.ignore_len = 1;
  args.spacing = (const double *)at[SPACING];
  args.value = (double *)at[VALUE];
  args.term_values = (double *)at[TERM_VALUES];
  args.class_values = (double *)at[CLASS_VALUES];
  args.class_sums = (segloss_class_sums *)at[CLASS_SUMS];
  args.grad.data = at[GRAD];
  args.error = (segloss_error *)at[ERROR_STRUCT];
  args.scratch = at[SCRATCH];
  args.scratch_size = bytes[SCRATCH];
  memset(&field, 0, sizeof field);
  field.data = at[FIELD];
  field.dtype = SEGLOSS_F64;
  switch (function) {
    case RUN: return segloss_run(terms, 2, &args);
    case ACCUMULATE: return segloss_accumulate(terms, 2, &args, (segloss_class_sums *)at[SUMS_OF_PARTS]);
    case FINALIZE:
      return segloss_finalize(terms, 2, &args, (const segloss_class_sums *)at[SUMS_OF_PARTS],
                              (segloss_class_sums *)at[SLOPES]);
    case BACKWARD: return segloss_backward(terms, 2, &args, (const segloss_class_sums *)at[SLOPES]);
    case WRITE_FIELD: return segloss_distance_field(terms, &args, &field);
    default: return segloss_class_weights(&args, SEGLOSS_WEIGHT_INVERSE, (double *)at[WEIGHTS]);
  }
}

int main(void) {
  static double before[COUNT][ROOM / 8];
  int function, one, other, pairs = 0, k;
  paint();
  for (function = 0; function < FUNCTIONS; function++) {
    reset();
    CHECK(go(function) == SEGLOSS_OK);
    for (one = 0; one < COUNT; one++)
      for (other = 0; other < COUNT; other++) {
        const segloss_error *error;
        size_t room;
        if (one == other || !is_taken(function, one) || !is_taken(function, other) || !is_written(function, one))
          continue;
        /* The gradient may be the prediction: limits.c. */
        if (one == GRAD && other == PRED) continue;
        /* segloss_finalize reads no voxels, so these inputs overlap nothing. */
        if (function == FINALIZE && (other == PRED || other == TARGET || other == WEIGHT || other == GIVEN_FIELD))
          continue;
        reset();
        if (function == WRITE_FIELD) bytes[TERM_VALUES] /= 2, bytes[CLASS_VALUES] /= 2; /* of one term */
        if (one == SCRATCH) bytes[SCRATCH] = 64; /* so that it overlaps one other argument only */
        /* Places one over the last element of the other, at the alignment of one. */
        room = bytes[other] - 1;
        at[one] = (char *)(other == SCRATCH ? space : memory[other]) + (one == SCRATCH ? room : room / 8 * 8);
        memcpy(before, memory, sizeof memory);
        if (go(function) != SEGLOSS_OVERLAP) {
          fprintf(stderr, "function %d: overlap of %s with %s is accepted\n", function, names[one], names[other]);
          return 1;
        }
        /* The error names one of the two. It is the only argument written, unless it is one of the two. */
        error = (const segloss_error *)(const void *)memory[ERROR_STRUCT];
        if (one != ERROR_STRUCT && other != ERROR_STRUCT)
          CHECK(error->status == SEGLOSS_OVERLAP &&
                (strcmp(error->argument, names[one]) == 0 || strcmp(error->argument, names[other]) == 0));
        for (k = 0; k < COUNT; k++)
          CHECK((k == ERROR_STRUCT && one != ERROR_STRUCT && other != ERROR_STRUCT) ||
                memcmp(memory[k], before[k], sizeof before[k]) == 0);
        pairs++;
      }
    /* Adjacent without a shared byte: value directly after class_weight. */
    reset();
    if (is_taken(function, CLASS_WEIGHT)) {
      at[VALUE] = (char *)memory[CLASS_WEIGHT] + bytes[CLASS_WEIGHT];
      CHECK(go(function) == SEGLOSS_OK);
    }
  }
  CHECK(pairs > 6 * 40);
  puts("passed");
  return 0;
}
