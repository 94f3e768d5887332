/* A small batch of three classes in f64, and a check of the gradient against differences. */
#ifndef BATCH_H
#define BATCH_H
#include "check.h"

enum { B = 2, C = 3, H = 4, W = 5, N = H * W, ALL = B * C * N };
static const int64_t SHAPE[] = {B, C, H, W}, FLAT[] = {B, H, W};

static double logits[ALL];
static uint8_t labels[B * N];
static unsigned char scratch[1 << 20];

static inline segloss_args arguments(void) {
  segloss_args args;
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(logits, SEGLOSS_F64, 4, SHAPE);
  args.target = tensor(labels, SEGLOSS_U8, 3, FLAT);
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  return args;
}

static inline segloss_term term_of(const segloss_loss *loss) {
  segloss_term term;
  CHECK(segloss_term_init(loss, &term, sizeof term) == SEGLOSS_OK);
  CHECK(term.weight == 1 && term.loss == loss && term.struct_size == sizeof term);
  return term;
}

/* The value of a loss; writes the gradient unless it is NULL. */
static inline double run(const segloss_term *terms, size_t n_terms, double *gradient) {
  segloss_args args = arguments();
  segloss_error error;
  double value = -1;
  args.value = &value;
  args.grad.data = gradient;
  args.error = &error;
  if (segloss_run(terms, n_terms, &args) != SEGLOSS_OK) {
    fprintf(stderr, "term %u, %s: %s\n", (unsigned)error.term, error.argument, error.expected);
    exit(1);
  }
  return value;
}

/* The softmax probability of a class. */
static inline double probability(int b, int c, int i) {
  const double *z = logits + b * C * N + i;
  double all = 0;
  int k;
  for (k = 0; k < C; k++) all += exp(z[k * N]);
  return exp(z[c * N]) / all;
}

/* The step of the differences; five points move a logit by up to two steps. */
static const double STEP = 2e-3;

static inline int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* Selections must not change while a logit moves: no probability is near 0.5, the threshold of Hausdorff's mask, no two
 * classes are close, and no voxel loss is near the threshold of TopK. */
static inline void check_selections(void) {
  double losses[B * N];
  int b, c, i;
  for (b = 0; b < B; b++)
    for (i = 0; i < N; i++) {
      double z[C];
      for (c = 0; c < C; c++) {
        CHECK(fabs(probability(b, c, i) - 0.5) > STEP);
        z[c] = logits[(b * C + c) * N + i];
      }
      qsort(z, C, sizeof z[0], descending);
      CHECK(z[0] - z[1] > 2 * STEP);
      losses[b * N + i] = -log(probability(b, labels[b * N + i], i));
    }
  qsort(losses, B * N, sizeof losses[0], descending);
  CHECK(losses[B * N / 10 - 1] - losses[B * N / 10] > 2 * STEP);
}

/* Fills the batch. In one voxel the largest class, 1, has a probability below 0.5. */
static inline void paint(void) {
  int i;
  for (i = 0; i < ALL; i++) logits[i] = painted(i) + i % 13 * 0.011;
  for (i = 0; i < C; i++) logits[i * N + 18] = i == 1 ? 0.5 : 0.3;
  for (i = 0; i < B * N; i++) labels[i] = (uint8_t)(i * 7 % 5 % C);
  check_selections();
}

/* Compares with central differences of five points, whose error, of the fourth power of the step, is below the
 * tolerance. */
static inline void check_gradient(const segloss_term *terms, size_t n_terms) {
  static double gradient[ALL];
  double largest = 0;
  int i;
  run(terms, n_terms, gradient);
  for (i = 0; i < ALL; i++) largest = fmax(largest, fabs(gradient[i]));
  CHECK(largest > 1e-6);
  for (i = 0; i < ALL; i++) {
    const double z = logits[i];
    double at[5];
    int k;
    for (k = 0; k < 5; k++) {
      logits[i] = z + (k - 2) * STEP;
      at[k] = run(terms, n_terms, NULL);
    }
    logits[i] = z;
    CLOSE(gradient[i], (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * STEP), 1e-7 * largest);
  }
}

#endif
