/* Every function with every array and struct at the edge of an inaccessible page: a read or write outside of them
 * ends the program. Values equal those of the same call on ordinary memory. */
#define _DEFAULT_SOURCE
#include "guard.h"
#include "table.h"

enum { B = 2, C = 3, MOST = B * C * 200 };
static int at_end;

static const void *copy(const void *from, size_t bytes) { return guarded_copy(from, bytes, at_end); }

/* A guarded copy of a tensor, its elements, shape and strides. */
static segloss_tensor place(segloss_tensor t, size_t element, size_t count) {
  t.data = copy(t.data, element * count);
  t.shape = copy(t.shape, t.ndim * sizeof t.shape[0]);
  if (t.strides) t.strides = copy(t.strides, t.ndim * sizeof t.strides[0]);
  return t;
}

static double region(void *context, const segloss_class_sums *sums, segloss_class_sums *slope) {
  (void)context;
  slope->intersection = -1.0 / (1.0 + sums->target);
  return -sums->intersection / (1.0 + sums->target);
}

static void voxel(void *context, const segloss_voxel_rows *rows) {
  uint32_t i;
  (void)context;
  for (i = 0; i < rows->count; i++)
    if (rows->dtype == SEGLOSS_F64) {
      const double *p = rows->probability, *g = rows->target;
      double *value = rows->value, *slope = rows->slope;
      value[i] = (p[i] - g[i]) * (p[i] - g[i]), slope[i] = 2 * (p[i] - g[i]);
    } else {
      const float *p = rows->probability, *g = rows->target;
      float *value = rows->value, *slope = rows->slope;
      value[i] = (p[i] - g[i]) * (p[i] - g[i]), slope[i] = 2 * (p[i] - g[i]);
    }
}

#define GETTER(name, type, uses, variants) segloss_##name,
static const segloss_loss *(*const LOSSES[])(void) = {EVERY_LOSS(GETTER) segloss_custom_region, segloss_custom_voxel};

static const struct {
  uint32_t code, bytes;
} FLOATS[] = {{SEGLOSS_F16, 2}, {SEGLOSS_BF16, 2}, {SEGLOSS_F32, 4}, {SEGLOSS_F64, 8}};

/* Fills an array with test data: numbers, or 0 and 1. 16-bit floats are written as bits of numbers from 1/2 to 4. */
static void paint(void *to, uint32_t dtype, size_t count, int is_mask, size_t n) {
  size_t i;
  for (i = 0; i < count; i++) {
    const size_t class = i / n % C, voxel = i / (n * C) * n + i % n;
    const int one = voxel * 7 % 5 % C == class;
    const double x = is_mask ? one : painted((int)i);
    if (dtype == SEGLOSS_F16) ((uint16_t *)to)[i] = is_mask ? (one ? 0x3c00 : 0) : (uint16_t)(0x3800 + i * 37 % 0x600);
    if (dtype == SEGLOSS_BF16) ((uint16_t *)to)[i] = is_mask ? (one ? 0x3f80 : 0) : (uint16_t)(0x3f00 + i * 37 % 0x100);
    if (dtype == SEGLOSS_F32) ((float *)to)[i] = (float)x;
    if (dtype == SEGLOSS_F64) ((double *)to)[i] = x;
    if (dtype == SEGLOSS_U8) ((uint8_t *)to)[i] = (uint8_t)one;
  }
}

static double plain_memory[MOST], plain_target[MOST], plain_gradient[MOST], plain_class_values[B * C];
static segloss_class_sums plain_class_sums[B * C];

/* One loss on one kind of target, dtype and layout. */
static void check_loss(const segloss_loss *loss, size_t f, int kind, int channels_last, int64_t n) {
  static const double spacing[] = {1.5};
  static const uint8_t class_present[B * C] = {1, 1, 1, 1, 1, 1};
  static const int64_t ignore[] = {255, 77};
  const int64_t shape[] = {B, C, n}, flat[] = {B, n}, last[] = {C * n, 1, C};
  const size_t voxels = (size_t)(B * n), all = C * voxels;
  segloss_term term, *placed;
  segloss_args args, *inside;
  segloss_class_sums *class_sums, *slopes;
  double plain = 0, *value, *parts;
  size_t needed = 0, i;

  CHECK(segloss_term_init(loss, &term, sizeof term) == SEGLOSS_OK);
  term.region = loss == segloss_custom_region() ? region : NULL;
  if (loss == segloss_custom_voxel()) term.voxel = voxel, term.variant = SEGLOSS_VOXEL_ALL_CLASSES;
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  paint(plain_memory, FLOATS[f].code, all, 0, (size_t)n);
  args.pred = tensor(plain_memory, FLOATS[f].code, 3, shape);
  if (channels_last) args.pred.strides = last;
  args.spacing = spacing;
  args.class_present = class_present;
  if (kind < 2) {
    for (i = 0; i < voxels; i++) {
      const int label = (int)(i * 7 % 5 % C);
      if (kind) ((int64_t *)plain_target)[i] = label;
      else ((uint8_t *)plain_target)[i] = (uint8_t)label;
    }
    args.target = tensor(plain_target, kind ? SEGLOSS_I64 : SEGLOSS_U8, 2, flat);
    args.ignore = ignore;
    args.ignore_len = 2;
  } else {
    paint(plain_target, kind == 2 ? SEGLOSS_U8 : FLOATS[f].code, all, 1, (size_t)n);
    args.target = tensor(plain_target, kind == 2 ? SEGLOSS_U8 : FLOATS[f].code, 3, shape);
  }
  CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
  args.value = &plain;
  args.class_values = plain_class_values; /* with outputs by class, the value may have other roundings */
  args.class_sums = plain_class_sums;
  args.grad.data = plain_gradient;
  args.scratch = malloc(needed);
  args.scratch_size = needed;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  free((void *)args.scratch);

  args.pred = place(args.pred, FLOATS[f].bytes, all);
  args.target = place(args.target, kind == 0 || kind == 2 ? 1 : kind == 1 ? 8 : FLOATS[f].bytes, kind < 2 ? voxels : all);
  args.spacing = copy(spacing, sizeof spacing);
  args.class_present = copy(class_present, sizeof class_present);
  if (args.ignore) args.ignore = copy(ignore, sizeof ignore);
  args.value = value = guarded(sizeof *value, at_end);
  args.term_values = parts = guarded(sizeof *parts, at_end);
  args.class_values = guarded(B * C * sizeof(double), at_end);
  args.class_sums = class_sums = guarded(B * C * sizeof *class_sums, at_end);
  args.grad.data = guarded(FLOATS[f].bytes * all, at_end);
  args.error = guarded(sizeof *args.error, at_end);
  args.scratch = guarded(needed, at_end);
  placed = (segloss_term *)copy(&term, sizeof term);
  inside = (segloss_args *)copy(&args, sizeof args);
  CHECK(segloss_run(placed, 1, inside) == SEGLOSS_OK);
  CHECK(memcmp(&plain, value, sizeof plain) == 0 && memcmp(plain_gradient, args.grad.data, FLOATS[f].bytes * all) == 0);
  CHECK(parts[0] == plain || plain != plain);

  /* The same in parts. TopK by fraction needs a search, and parts compute no distance fields. */
  if (loss == segloss_top_k() || loss == segloss_distance_penalized() || loss == segloss_boundary() ||
      loss == segloss_hausdorff()) {
    release();
    return;
  }
  slopes = guarded(B * C * sizeof *slopes, at_end);
  memset(class_sums, 0, B * C * sizeof *class_sums);
  args.class_sums = NULL;
  inside = (segloss_args *)copy(&args, sizeof args);
  CHECK(segloss_accumulate(placed, 1, inside, class_sums) == SEGLOSS_OK);
  CHECK(segloss_finalize(placed, 1, inside, class_sums, slopes) == SEGLOSS_OK);
  CHECK(segloss_backward(placed, 1, inside, slopes) == SEGLOSS_OK);
  CHECK(memcmp(&plain, value, sizeof plain) == 0 && memcmp(plain_gradient, args.grad.data, FLOATS[f].bytes * all) == 0);
  release();
}

/* Class weights, and a distance field that is passed back to its loss. */
static void weights_and_fields(int64_t n) {
  const int64_t shape[] = {B, C, n}, flat[] = {B, n};
  const size_t voxels = (size_t)(B * n), all = C * voxels;
  segloss_term term;
  segloss_args args;
  segloss_output field;
  double *weights = guarded(C * sizeof *weights, at_end);
  size_t needed = 0, i;
  memset(&field, 0, sizeof field);
  CHECK(segloss_term_init(segloss_boundary(), &term, sizeof term) == SEGLOSS_OK);
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  paint(plain_memory, SEGLOSS_F32, all, 0, (size_t)n);
  for (i = 0; i < voxels; i++) ((uint8_t *)plain_target)[i] = (uint8_t)(i * 7 % 5 % C);
  args.pred = place(tensor(plain_memory, SEGLOSS_F32, 3, shape), 4, all);
  args.target = place(tensor(plain_target, SEGLOSS_U8, 2, flat), 1, voxels);
  CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
  args.scratch = guarded(needed, at_end);
  args.scratch_size = needed;
  CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_INVERSE, weights) == SEGLOSS_OK);
  field.data = guarded(4 * all, at_end);
  field.dtype = SEGLOSS_F32;
  CHECK(segloss_distance_field(&term, &args, &field) == SEGLOSS_OK);
  term.class_weight = copy(weights, C * sizeof *weights);
  term.field = place(tensor(field.data, SEGLOSS_F32, 3, shape), 4, all);
  args.value = guarded(sizeof *args.value, at_end);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  release();
}

static void distances(int64_t rows, int64_t columns, uint32_t classes) {
  const int64_t shape[] = {rows, columns};
  static const double spacing[] = {1.5, 0.75};
  const size_t voxels = (size_t)(rows * columns), outputs = voxels * (classes ? classes : 1);
  uint32_t kind;
  size_t i;
  for (i = 0; i < voxels; i++) ((uint8_t *)plain_target)[i] = (uint8_t)(i * 7 % 5 % C);
  for (kind = SEGLOSS_SIGNED; kind <= SEGLOSS_OTHER_SIDE; kind++) {
    segloss_distance_args args;
    const uint32_t dtype = kind % 2 ? SEGLOSS_F32 : SEGLOSS_F64;
    size_t needed = 0;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.kind = kind;
    args.classes = classes;
    args.mask = place(tensor(plain_target, SEGLOSS_U8, 2, shape), 1, voxels);
    args.spacing = copy(spacing, sizeof spacing);
    args.out.dtype = dtype;
    args.out.data = guarded(outputs * (kind % 2 ? 4 : 8), at_end);
    args.error = guarded(sizeof *args.error, at_end);
    CHECK(segloss_distance_scratch_size(&args, &needed) == SEGLOSS_OK);
    args.scratch = guarded(needed, at_end);
    args.scratch_size = needed;
    CHECK(segloss_distance((segloss_distance_args *)copy(&args, sizeof args)) == SEGLOSS_OK);
    release();
  }
}

int main(void) {
  /* One voxel, a block of 64 and one voxel more, several blocks. */
  static const int64_t extents[] = {1, 65, 200};
  size_t loss, f, n;
  int kind, channels_last;
  for (at_end = 0; at_end < 2; at_end++) {
    for (loss = 0; loss < sizeof LOSSES / sizeof LOSSES[0]; loss++)
      for (f = 0; f < sizeof FLOATS / sizeof FLOATS[0]; f++)
        for (kind = 0; kind < 4; kind++)
          for (channels_last = 0; channels_last < 2; channels_last++)
            for (n = 0; n < sizeof extents / sizeof extents[0]; n++)
              check_loss(LOSSES[loss](), f, kind, channels_last, extents[n]);
    for (n = 0; n < sizeof extents / sizeof extents[0]; n++) {
      weights_and_fields(extents[n]);
      distances(1, extents[n], 0);
      distances(3, extents[n], C);
      distances(extents[n], 2, 0);
    }
  }
  puts("passed");
  return 0;
}
