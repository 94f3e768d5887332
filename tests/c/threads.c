/* Losses and distances on several threads that share a queue of tasks: the bits of one thread, and no data race that
 * ThreadSanitizer reports. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include <pthread.h>

enum { C = 3, H = 90, W = 2 * SEGLOSS_CHUNK / 90 + 7, N = H * W, WORKERS = 3 };

static struct {
  pthread_mutex_t lock;
  segloss_task task;
  void *data;
  size_t next, count;
} queue = {PTHREAD_MUTEX_INITIALIZER, NULL, NULL, 0, 0};

static void *work(void *unused) {
  (void)unused;
  for (;;) {
    size_t index;
    pthread_mutex_lock(&queue.lock);
    index = queue.next++;
    pthread_mutex_unlock(&queue.lock);
    if (index >= queue.count) return NULL;
    queue.task(queue.data, index);
  }
}

static void on_threads(void *context, size_t count, segloss_task task, void *data) {
  pthread_t threads[WORKERS];
  int i;
  (void)context;
  queue.task = task, queue.data = data, queue.next = 0, queue.count = count;
  for (i = 0; i < WORKERS; i++) CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  for (i = 0; i < WORKERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Cross entropy of the caller. */
static void nats(void *context, const segloss_voxel_rows *rows) {
  const float *log_p = rows->log_probability;
  float *value = rows->value, *slope = rows->slope;
  uint32_t i;
  (void)context;
  for (i = 0; i < rows->count; i++) value[i] = -log_p[i], slope[i] = -1;
}

static float logits[C * N], alone[C * N], shared[C * N];
static uint8_t labels[N];

static double evaluate(const segloss_loss *loss, const segloss_executor *executor, float *gradient) {
  static const int64_t pred_shape[] = {1, C, H, W}, target_shape[] = {1, H, W};
  segloss_term term;
  segloss_args args;
  size_t needed = 0;
  double value = 0;
  CHECK(segloss_term_init(loss, &term, sizeof term) == SEGLOSS_OK);
  if (loss == segloss_custom_voxel()) term.voxel = nats;
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(logits, SEGLOSS_F32, 4, pred_shape);
  args.target = tensor(labels, SEGLOSS_U8, 3, target_shape);
  args.value = &value;
  args.grad.data = gradient;
  args.executor = executor;
  CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
  args.scratch = malloc(needed);
  args.scratch_size = needed;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  free((void *)args.scratch);
  return value;
}

static void distances(const segloss_executor *executor, float *out) {
  static const int64_t shape[] = {H, W};
  segloss_distance_args args;
  size_t needed = 0;
  memset(&args, 0, sizeof args);
  args.struct_size = sizeof args;
  args.kind = SEGLOSS_SIGNED;
  args.mask = tensor(labels, SEGLOSS_U8, 2, shape);
  args.out.data = out;
  args.executor = executor;
  CHECK(segloss_distance_scratch_size(&args, &needed) == SEGLOSS_OK);
  args.scratch = malloc(needed);
  args.scratch_size = needed;
  CHECK(segloss_distance(&args) == SEGLOSS_OK);
  free((void *)args.scratch);
}

int main(void) {
  const segloss_loss *losses[9];
  segloss_executor executor;
  int i, count = 0;
  losses[count++] = segloss_cross_entropy(), losses[count++] = segloss_dice(), losses[count++] = segloss_top_k();
  losses[count++] = segloss_hausdorff(), losses[count++] = segloss_boundary(), losses[count++] = segloss_focal();
  losses[count++] = segloss_distance_penalized(), losses[count++] = segloss_generalized_dice();
  losses[count++] = segloss_custom_voxel();
  memset(&executor, 0, sizeof executor);
  executor.struct_size = sizeof executor;
  executor.workers = WORKERS;
  executor.parallel_for = on_threads;
  for (i = 0; i < C * N; i++) logits[i] = (float)(i % 61) / 16.0f - 2.0f;
  for (i = 0; i < N; i++) labels[i] = (uint8_t)(i / 97 % C);
  for (i = 0; i < count; i++) {
    const double one = evaluate(losses[i], NULL, alone), many = evaluate(losses[i], &executor, shared);
    CHECK(memcmp(&one, &many, sizeof one) == 0 && memcmp(alone, shared, sizeof alone) == 0);
  }
  for (i = 0; i < N; i++) labels[i] = labels[i] == 1;
  distances(NULL, alone);
  distances(&executor, shared);
  CHECK(memcmp(alone, shared, N * sizeof(float)) == 0);
  puts("passed");
  return 0;
}
