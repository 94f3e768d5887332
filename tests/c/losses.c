/* Values against plain loops, gradients against central differences, and every combination of outputs. */
#include "check.h"

enum { B = 2, C = 3, N = 4 * 5, ALL = B * C * N };
static const int64_t SHAPE[] = {B, C, 4, 5}, FLAT[] = {B, 4, 5};

static double logits[ALL];
static uint8_t labels[B * N];
static unsigned char scratch[1 << 20];

static void paint(void) {
  int i;
  for (i = 0; i < ALL; i++) logits[i] = painted(i);
  for (i = 0; i < B * N; i++) labels[i] = (uint8_t)(i * 7 % 5 % C);
}

static segloss_args arguments(void) {
  segloss_args args;
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(logits, SEGLOSS_F64, 4, SHAPE);
  args.target = tensor(labels, SEGLOSS_U8, 3, FLAT);
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  return args;
}

static double run(const segloss_term *terms, size_t n_terms, segloss_args args) {
  double value = -1;
  segloss_error error;
  args.value = &value;
  args.error = &error;
  if (segloss_run(terms, n_terms, &args) != SEGLOSS_OK) {
    fprintf(stderr, "%s: %s\n", error.argument, error.expected);
    exit(1);
  }
  return value;
}

/* Cross entropy by its equation. */
static double cross_entropy(void) {
  double sum = 0;
  int b, c, i;
  for (b = 0; b < B; b++)
    for (i = 0; i < N; i++) {
      const double *z = logits + b * C * N + i;
      double all = 0;
      for (c = 0; c < C; c++) all += exp(z[c * N]);
      sum += log(all) - z[labels[b * N + i] * N];
    }
  return sum / (B * N);
}

/* Linear Dice by its equation: the mean over classes and samples. */
static double dice(double smooth) {
  double mean = 0;
  int b, c, k, i;
  for (b = 0; b < B; b++)
    for (c = 0; c < C; c++) {
      double overlap = 0, predicted = 0, truth = 0;
      for (i = 0; i < N; i++) {
        const double *z = logits + b * C * N + i;
        double all = 0, s;
        for (k = 0; k < C; k++) all += exp(z[k * N]);
        s = exp(z[c * N]) / all;
        predicted += s;
        truth += labels[b * N + i] == c;
        overlap += labels[b * N + i] == c ? s : 0;
      }
      mean += 1 - (2 * overlap + smooth) / (predicted + truth + smooth);
    }
  return mean / (B * C);
}

/* The gradient against five-point differences of the value. */
static void check_gradient(const segloss_term *terms, size_t n_terms) {
  static double gradient[ALL];
  segloss_args args = arguments();
  double largest = 0;
  int i;
  args.grad.data = gradient;
  run(terms, n_terms, args);
  for (i = 0; i < ALL; i++) largest = fmax(largest, fabs(gradient[i]));
  for (i = 0; i < ALL; i += 7) {
    const double z = logits[i], h = 1e-2;
    double at[5], difference;
    int k;
    for (k = 0; k < 5; k++) {
      logits[i] = z + (k - 2) * h;
      at[k] = run(terms, n_terms, arguments());
    }
    logits[i] = z;
    difference = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * h);
    CLOSE(gradient[i], difference, 1e-7 * largest);
  }
}

int main(void) {
  segloss_term terms[3];
  segloss_args args;
  size_t needed = 0;
  double value, parts[2], classes[2 * B * C];
  segloss_class_sums class_sums[B * C];
  int i;

  paint();
  CHECK(segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]) == SEGLOSS_OK);
  CHECK(segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]) == SEGLOSS_OK);
  CHECK(segloss_term_init(segloss_boundary(), &terms[2], sizeof terms[2]) == SEGLOSS_OK);
  CHECK(terms[0].weight == 1 && terms[0].smooth_numerator == 1e-5 && terms[0].struct_size == sizeof terms[0]);

  CLOSE(run(&terms[0], 1, arguments()), dice(1e-5), 1e-14);
  CLOSE(run(&terms[1], 1, arguments()), cross_entropy(), 1e-14);
  terms[2].weight = 0.25;
  value = run(terms, 2, arguments());
  CLOSE(value, dice(1e-5) + cross_entropy(), 1e-14);
  check_gradient(&terms[0], 1);
  check_gradient(&terms[1], 1);
  check_gradient(terms, 3);
  terms[0].variant = SEGLOSS_DICE_SQUARED;
  check_gradient(terms, 1);
  terms[0].variant = SEGLOSS_DICE_LINEAR;

  /* Scratch of exactly the queried size succeeds, one byte less fails. */
  args = arguments();
  args.scratch = NULL;
  args.scratch_size = 0;
  CHECK(segloss_scratch_size(terms, 3, &args, &needed) == SEGLOSS_OK);
  CHECK(needed > 0 && needed <= sizeof scratch);
  args = arguments();
  args.value = &value;
  args.scratch = scratch + 1;
  args.scratch_size = needed;
  CHECK(segloss_run(terms, 3, &args) == SEGLOSS_OK);
  args.scratch = scratch;
  args.scratch_size = needed - 128;
  CHECK(segloss_run(terms, 3, &args) == SEGLOSS_SCRATCH);
  CHECK(segloss_scratch_size(terms, 2, &args, &needed) == SEGLOSS_OK);
  CHECK(needed <= SEGLOSS_SCRATCH_BYTES(B, C));

  /* The optional outputs: term values, class values, class sums. */
  args = arguments();
  args.value = &value;
  args.term_values = parts;
  args.class_values = classes;
  args.class_sums = class_sums;
  CHECK(segloss_run(terms, 2, &args) == SEGLOSS_OK);
  CLOSE(parts[0], dice(1e-5), 1e-14);
  CLOSE(parts[1], cross_entropy(), 1e-14);
  CHECK(isnan(classes[B * C]) && class_sums[0].weight == N);
  for (value = 0, i = 0; i < B * C; i++) value += classes[i] / (B * C);
  CLOSE(value, parts[0], 1e-14);

  /* In place, and with an executor that runs on this thread. */
  {
    static double in_place[ALL], gradient[ALL];
    segloss_executor executor;
    memset(&executor, 0, sizeof executor);
    executor.struct_size = sizeof executor;
    executor.workers = 4;
    args = arguments();
    args.grad.data = gradient;
    args.executor = &executor;
    run(terms, 3, args);
    memcpy(in_place, logits, sizeof in_place);
    args.pred.data = in_place;
    args.grad.data = in_place;
    run(terms, 3, args);
    CHECK(memcmp(in_place, gradient, sizeof gradient) == 0);
    args.pred.data = logits;
    args.grad.data = gradient;
    args.flags = SEGLOSS_ADD_TO_GRADIENT;
    run(terms, 3, args);
    for (i = 0; i < ALL; i++) CHECK(gradient[i] == in_place[i] + in_place[i]);
  }
  CHECK(segloss_cpu_level() >= 1 && segloss_cpu_level() <= 3);
  puts("passed");
  return 0;
}
