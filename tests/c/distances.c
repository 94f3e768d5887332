/* The distance transform against brute force. */
#include "check.h"

enum { H = 7, W = 9, N = H * W, CLASSES = 3 };

static int32_t mask[N];

static double nearest(int inside, int i, double sy, double sx) {
  double best = INFINITY;
  int j;
  for (j = 0; j < N; j++)
    if ((mask[j] != 0) != inside) {
      const double dy = (i / W - j / W) * sy, dx = (i % W - j % W) * sx;
      best = fmin(best, sqrt(dy * dy + dx * dx));
    }
  return isinf(best) ? 0 : best;
}

/* An executor that runs the tasks on this thread in reverse order. */
static size_t tasks_run;

static void backwards(void *context, size_t count, segloss_task task, void *data) {
  size_t i;
  CHECK(context == &tasks_run && count <= 3);
  for (i = count; i > 0; i--) task(data, i - 1);
  tasks_run += count;
}

/* A broken executor that runs no task. */
static void idle(void *context, size_t count, segloss_task task, void *data) {
  (void)context, (void)count, (void)task, (void)data;
}

int main(void) {
  static unsigned char scratch[1 << 16];
  static const int64_t shape[] = {H, W};
  static const double spacing[] = {2, 0.75};
  static double out[N];
  static float maps[CLASSES * N];
  segloss_distance_args args;
  segloss_error error;
  size_t needed = 0;
  int i, c;

  for (i = 0; i < N; i++) mask[i] = (i * 5 % 23 < 8) * (1 + i % 2);
  memset(&args, 0, sizeof args);
  args.struct_size = sizeof args;
  args.kind = SEGLOSS_SIGNED;
  args.mask = tensor(mask, SEGLOSS_I32, 2, shape);
  args.spacing = spacing;
  args.out.data = out;
  args.out.dtype = SEGLOSS_F64;
  args.error = &error;
  CHECK(segloss_distance_scratch_size(&args, &needed) == SEGLOSS_OK && needed <= sizeof scratch);
  args.scratch = scratch;
  args.scratch_size = needed;
  CHECK(segloss_distance(&args) == SEGLOSS_OK);
  for (i = 0; i < N; i++) {
    const int inside = mask[i] != 0;
    CLOSE(out[i], (inside ? -1 : 1) * nearest(inside, i, 2, 0.75), 1e-12);
  }

  /* All classes of a label map in one call give the same maps as each mask alone. */
  args.classes = CLASSES;
  args.kind = SEGLOSS_OTHER_SIDE;
  args.flags = SEGLOSS_DISTANCE_SQUARED;
  args.out.data = maps;
  args.out.dtype = SEGLOSS_F32;
  CHECK(segloss_distance(&args) == SEGLOSS_OK);
  for (c = 0; c < CLASSES; c++) {
    static uint8_t of_class[N];
    static float alone[N];
    segloss_distance_args one = args;
    for (i = 0; i < N; i++) of_class[i] = mask[i] == c;
    one.classes = 0;
    one.mask = tensor(of_class, SEGLOSS_U8, 2, shape);
    one.out.data = alone;
    CHECK(segloss_distance(&one) == SEGLOSS_OK);
    CHECK(memcmp(alone, maps + c * N, sizeof alone) == 0);
  }

  /* An executor gives the same bits, and needs scratch for each worker. */
  for (c = 0; c < 3; c++) {
    static float again[CLASSES * N];
    segloss_distance_args shared = args;
    segloss_executor executor;
    size_t more = 0;
    memset(&executor, 0, sizeof executor);
    executor.struct_size = sizeof executor;
    executor.workers = 3;
    executor.parallel_for = c == 0 ? backwards : c == 1 ? idle : NULL;
    executor.context = &tasks_run;
    shared.executor = &executor;
    shared.out.data = again;
    CHECK(segloss_distance_scratch_size(&shared, &more) == SEGLOSS_OK && more <= sizeof scratch);
    CHECK(c == 2 ? more == needed : more > 2 * (needed - 64));
    shared.scratch_size = more;
    memset(again, 0xff, sizeof again);
    CHECK(segloss_distance(&shared) == SEGLOSS_OK);
    CHECK(memcmp(again, maps, sizeof maps) == 0);
    shared.scratch_size = more - 1;
    CHECK(segloss_distance(&shared) == SEGLOSS_SCRATCH);
  }
  CHECK(tasks_run > 0);

  args.kind = 0;
  CHECK(segloss_distance(&args) == SEGLOSS_PARAMETER && strcmp(error.argument, "kind") == 0);
  args.kind = SEGLOSS_INSIDE;
  args.mask.dtype = SEGLOSS_F32;
  CHECK(segloss_distance(&args) == SEGLOSS_DTYPE);
  args.mask.dtype = SEGLOSS_I32;
  args.scratch_size = 10;
  CHECK(segloss_distance(&args) == SEGLOSS_SCRATCH);
  args.scratch_size = needed;
  args.out.data = mask;
  CHECK(segloss_distance(&args) == SEGLOSS_OVERLAP);

  /* An image without voxels writes nothing, for any number of classes and any other extents. */
  {
    static const int64_t narrow[] = {1 << 20, 1 << 20, 0}, wide[] = {INT64_C(1) << 40, 1 << 30, 0};
    args.mask = tensor(mask, SEGLOSS_I32, 3, sizeof(void *) > 4 ? wide : narrow);
    args.spacing = NULL;
    args.classes = UINT32_MAX;
    args.out.data = maps;
    CHECK(segloss_distance_scratch_size(&args, &needed) == SEGLOSS_OK && needed == 0);
    CHECK(segloss_distance(&args) == SEGLOSS_OK);
  }
  puts("passed");
  return 0;
}
