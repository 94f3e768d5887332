/* Every error: its status, index and argument, and that no output was written. */
#include "check.h"

enum { B = 2, C = 3, N = 6 };
static const int64_t SHAPE[] = {B, C, N}, FLAT[] = {B, N};
static float logits[B * C * N], gradient[B * C * N];
static int32_t labels[B * N];
static unsigned char scratch[1 << 18];
static double value;
static segloss_error error;
static segloss_term term;

static segloss_args arguments(void) {
  segloss_args args;
  int i;
  for (i = 0; i < B * C * N; i++) logits[i] = (float)painted(i), gradient[i] = -7;
  for (i = 0; i < B * N; i++) labels[i] = i % C;
  value = -7;
  memset(&error, 0, sizeof error);
  segloss_term_init(segloss_tversky(), &term, sizeof term);
  segloss_args_init(&args, sizeof args);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(logits, SEGLOSS_F32, 3, SHAPE);
  args.target = tensor(labels, SEGLOSS_I32, 2, FLAT);
  args.value = &value;
  args.grad.data = gradient;
  args.error = &error;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  return args;
}

#define REFUSED(expected_status, place, name)                                           \
  do {                                                                         \
    int i;                                                                     \
    CHECK(segloss_run(&term, 1, &args) == (expected_status));                         \
    CHECK(error.status == (expected_status) && error.index == (place));               \
    CHECK(strcmp(error.argument, (name)) == 0 && error.expected[0] != 0);         \
    CHECK(value == -7);                                                        \
    for (i = 0; i < B * C * N; i++) CHECK(gradient[i] == -7);                  \
  } while (0)

int main(void) {
  segloss_args args = arguments();
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value >= 0);

  args = arguments(), labels[N + 2] = 3, labels[N + 4] = 9;
  REFUSED(SEGLOSS_LABEL, N + 2, "target");
  CHECK(error.numbers == SEGLOSS_ERROR_HAS_GIVEN && error.given == 3 && error.reserved == 0);
  args = arguments(), labels[1] = -1;
  REFUSED(SEGLOSS_LABEL, 1, "target");
  CHECK(error.numbers == SEGLOSS_ERROR_HAS_GIVEN && error.given == -1);
  args = arguments(), term.beta = -0.5;
  REFUSED(SEGLOSS_PARAMETER, -1, "beta");
  CHECK(error.numbers == SEGLOSS_ERROR_HAS_GIVEN && error.given == -0.5 && error.term == 0);
  args = arguments(), term.k = 0.5;
  REFUSED(SEGLOSS_PARAMETER, -1, "k");
  CHECK(error.numbers == (SEGLOSS_ERROR_HAS_GIVEN | SEGLOSS_ERROR_HAS_NEEDED) && error.given == 0.5 && error.needed == 0);
  args = arguments(), term.alpha = NAN;
  REFUSED(SEGLOSS_PARAMETER, -1, "alpha");
  CHECK(error.term == 0 && error.numbers == SEGLOSS_ERROR_HAS_GIVEN && isnan(error.given));
  args = arguments(), segloss_term_init(segloss_dice(), &term, sizeof term), term.variant = 7;
  REFUSED(SEGLOSS_PARAMETER, -1, "variant");
  args = arguments(), term.flags = 1u << 30;
  REFUSED(SEGLOSS_PARAMETER, -1, "flags");
  args = arguments(), term.loss = NULL;
  REFUSED(SEGLOSS_NULL_POINTER, -1, "loss");
  args = arguments(), term.struct_size = 0;
  REFUSED(SEGLOSS_STRUCT_SIZE, -1, "terms");
  args = arguments(), args.activation = 0;
  REFUSED(SEGLOSS_PARAMETER, -1, "activation");
  args = arguments(), args.pred.data = NULL;
  REFUSED(SEGLOSS_NULL_POINTER, -1, "pred");
  args = arguments(), args.pred.dtype = 77;
  REFUSED(SEGLOSS_DTYPE, -1, "pred");
  args = arguments(), args.pred.dtype = SEGLOSS_I32;
  REFUSED(SEGLOSS_DTYPE, -1, "pred");
  args = arguments(), args.target.ndim = 1;
  REFUSED(SEGLOSS_SHAPE, -1, "target");
  CHECK(error.given == 1 && error.needed == 2);
  args = arguments(), args.target.shape = SHAPE;
  REFUSED(SEGLOSS_SHAPE, 1, "target");
  CHECK(error.given == C && error.needed == N);
  args = arguments(), args.pred.ndim = 17;
  REFUSED(SEGLOSS_SHAPE, -1, "pred");
  args = arguments(), args.pred.data = (char *)logits + 1;
  REFUSED(SEGLOSS_MISALIGNED, -1, "pred");
  args = arguments(), args.grad.data = logits + 1;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OVERLAP);
  args = arguments(), args.flags = SEGLOSS_ADD_TO_GRADIENT, args.grad.data = logits;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OVERLAP);
  args = arguments(), args.scratch = gradient, args.scratch_size = sizeof gradient;
  REFUSED(SEGLOSS_OVERLAP, -1, "scratch");
  args = arguments(), args.scratch_size = 100;
  REFUSED(SEGLOSS_SCRATCH, -1, "scratch");
  {
    size_t needed;
    CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
    CHECK(error.numbers == (SEGLOSS_ERROR_HAS_GIVEN | SEGLOSS_ERROR_HAS_NEEDED) && error.given == 100 && error.needed == (double)needed);
  }
  {
    static const int64_t broadcast[] = {0, 6, 1}, far[] = {INT64_MAX, 6, 1};
    static const int64_t negative[] = {B, C, -6}, huge[] = {INT64_MAX, INT64_MAX, 2};
    static const double nothing[C], spacing[] = {0};
    args = arguments(), args.grad.strides = broadcast;
    REFUSED(SEGLOSS_STRIDES, -1, "grad");
    args = arguments(), args.pred.strides = far;
    REFUSED(SEGLOSS_STRIDES, 1, "pred");
    args = arguments(), args.pred.shape = negative;
    REFUSED(SEGLOSS_SHAPE, 2, "pred");
    args = arguments(), args.pred.shape = huge;
    REFUSED(SEGLOSS_TOO_LARGE, -1, "pred");
    args = arguments(), term.class_weight = nothing;
    REFUSED(SEGLOSS_PARAMETER, -1, "class_weight");
    args = arguments(), args.spacing = spacing;
    REFUSED(SEGLOSS_PARAMETER, 0, "spacing");
  }

  /* struct_size: the missing tail of a shorter struct is zero, the unknown tail of a longer one must be zero. */
  args = arguments(), args.struct_size = 0;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_STRUCT_SIZE && value == -7);
  args = arguments(), args.struct_size = (uint32_t)offsetof(segloss_args, executor);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value != -7);
  {
    struct {
      segloss_args known;
      uint64_t unknown;
    } later;
    later.known = arguments();
    later.known.struct_size = sizeof later;
    later.unknown = 0;
    CHECK(segloss_run(&term, 1, &later.known) == SEGLOSS_OK);
    later.unknown = 1;
    CHECK(segloss_run(&term, 1, &later.known) == SEGLOSS_STRUCT_SIZE);
  }
  args = arguments();
  CHECK(segloss_run(&term, 0, &args) == SEGLOSS_PARAMETER);
  CHECK(segloss_run(&term, 5, &args) == SEGLOSS_PARAMETER);
  CHECK(segloss_run(NULL, 1, &args) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_run(&term, 1, NULL) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_term_init(NULL, &term, sizeof term) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_term_init(segloss_dice(), &term, 0) == SEGLOSS_STRUCT_SIZE);

  /* Without an error pointer the status alone is reported. An empty batch succeeds. */
  args = arguments(), args.error = NULL, term.alpha = -1;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_PARAMETER);
  {
    static const int64_t none[] = {B, C, 0}, flat[] = {B, 0};
    args = arguments();
    args.pred = tensor(NULL, SEGLOSS_F32, 3, none);
    args.target = tensor(NULL, SEGLOSS_I32, 2, flat);
    CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value == 0);
  }
  {
    int status;
    for (status = -1; status < 20; status++) CHECK(segloss_status_string(status)[0] != 0);
  }
  puts("passed");
  return 0;
}
