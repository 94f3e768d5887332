/* Losses with an executor: the same bits for every order of tasks, scratch for each worker, an error for less
 * scratch. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

enum { C = 3, N = 2 * SEGLOSS_CHUNK + 77, WORKERS = 3 };

static size_t tasks_run;

static void backwards(void *context, size_t count, segloss_task task, void *data) {
  size_t *run = (size_t *)context;
  *run += count;
  while (count > 0) task(data, --count);
}

static void idle(void *context, size_t count, segloss_task task, void *data) {
  (void)context, (void)count, (void)task, (void)data;
}

static float logits[C * N], alone[C * N], shared[C * N];
static uint8_t labels[N];

int main(void) {
  const int64_t pred_shape[3] = {1, C, N}, target_shape[2] = {1, N};
  const segloss_loss *losses[4];
  size_t f, way;
  int i;
  losses[0] = segloss_cross_entropy(), losses[1] = segloss_dice(), losses[2] = segloss_top_k();
  losses[3] = segloss_hausdorff();
  for (i = 0; i < C * N; i++) logits[i] = (float)(i % 61) / 16.0f - 2.0f;
  for (i = 0; i < N; i++) labels[i] = (uint8_t)(i / 97 % C);

  for (f = 0; f < 4; f++) {
    segloss_term term;
    segloss_args args;
    segloss_error error;
    double value = 0.0, again = 0.0;
    size_t needed = 0;
    void *scratch;
    memset(&error, 0, sizeof error);
    CHECK(segloss_term_init(losses[f], &term, sizeof term) == SEGLOSS_OK);
    CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
    args.activation = SEGLOSS_SOFTMAX;
    args.pred = tensor(logits, SEGLOSS_F32, 3, pred_shape);
    args.target = tensor(labels, SEGLOSS_U8, 2, target_shape);
    args.value = &value;
    args.grad.data = alone;
    args.error = &error;
    CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
    scratch = malloc(needed);
    args.scratch = scratch;
    args.scratch_size = needed;
    CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);

    for (way = 0; way < 3; way++) {
      segloss_args many = args;
      segloss_executor executor;
      size_t more = 0;
      memset(&executor, 0, sizeof executor);
      executor.struct_size = sizeof executor;
      executor.workers = WORKERS;
      executor.parallel_for = way == 0 ? backwards : way == 1 ? idle : NULL;
      executor.context = &tasks_run;
      many.executor = &executor;
      many.value = &again;
      many.grad.data = shared;
      CHECK(segloss_scratch_size(&term, 1, &many, &more) == SEGLOSS_OK);
      CHECK(way == 2 ? more == needed : more > needed);
      many.scratch = malloc(more);
      many.scratch_size = more;
      memset(shared, 0xff, sizeof shared);
      tasks_run = 0;
      CHECK(segloss_run(&term, 1, &many) == SEGLOSS_OK);
      CHECK(memcmp(&value, &again, sizeof value) == 0 && memcmp(alone, shared, sizeof alone) == 0);
      CHECK(way != 0 || tasks_run >= WORKERS);
      many.scratch_size = way == 2 ? needed / 2 : needed;
      CHECK(segloss_run(&term, 1, &many) == SEGLOSS_SCRATCH);
      free(many.scratch);
      executor.struct_size = 0;
      CHECK(segloss_run(&term, 1, &many) == SEGLOSS_STRUCT_SIZE);
    }
    free(scratch);
  }
  puts("passed");
  return 0;
}
