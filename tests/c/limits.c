/* Limits: empty batches, more sums than memory holds, struct sizes, unaligned addresses, 16 axes, in-place gradients. */
#include "batch.h"

/* Every function returns for an empty batch, with value 0 and no other write. */
static void check_empty(int64_t samples, int64_t classes, int64_t voxels) {
  const int64_t shape[] = {samples, classes, voxels}, flat[] = {samples, voxels};
  const segloss_loss *const losses[] = {segloss_dice(),       segloss_cross_entropy(), segloss_top_k(),
                                       segloss_boundary(),   segloss_hausdorff(),     segloss_generalized_dice(),
                                       segloss_power_cross_entropy(), segloss_distance_penalized()};
  size_t k;
  for (k = 0; k < sizeof losses / sizeof losses[0]; k++) {
    const segloss_term term = term_of(losses[k]);
    segloss_args args = arguments();
    segloss_error error;
    double value = -7, gradient = -7, term_value = -7;
    size_t needed = 0;
    args.pred = tensor(NULL, SEGLOSS_F64, 3, shape);
    args.target = tensor(NULL, SEGLOSS_U8, 2, flat);
    args.value = &value;
    args.term_values = &term_value;
    args.grad.data = &gradient;
    args.error = &error;
    CHECK(segloss_scratch_size(&term, 1, &args, &needed) == SEGLOSS_OK);
    args.scratch = NULL;
    args.scratch_size = 0;
    CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value == 0 && term_value == 0 && gradient == -7);
    if (samples == 0 || classes == 0) {
      segloss_class_sums none;
      value = -7;
      CHECK(segloss_accumulate(&term, 1, &args, &none) == SEGLOSS_OK);
      CHECK(segloss_finalize(&term, 1, &args, &none, NULL) == SEGLOSS_OK && value == 0 && needed == 0);
      CHECK(segloss_backward(&term, 1, &args, &none) == SEGLOSS_OK && gradient == -7);
    }
  }
}

static void empty_batches(void) {
  const int64_t large = (int64_t)1 << (sizeof(void *) == 8 ? 62 : 30), many = (int64_t)1 << (sizeof(void *) == 8 ? 40 : 20);
  const int64_t classes = (int64_t)1 << (sizeof(void *) == 8 ? 30 : 14);
  check_empty(0, 3, 5);
  check_empty(2, 3, 0);
  check_empty(large, 0, 0);
  check_empty(large, 3, 0);
  check_empty(many, classes, 0);
  check_empty(0, classes, large);
  {
    /* Class weights without any target voxel. */
    const int64_t shape[] = {large, C, 0}, flat[] = {large, 0};
    double weights[C] = {-7, -7, -7};
    segloss_args args = arguments();
    args.pred = tensor(NULL, SEGLOSS_F64, 3, shape);
    args.target = tensor(NULL, SEGLOSS_U8, 2, flat);
    CHECK(segloss_class_weights(&args, SEGLOSS_WEIGHT_MEDIAN, weights) == SEGLOSS_OK);
    CHECK(weights[0] == 1 && weights[1] == 1 && weights[2] == 1);
  }
  {
    static const int64_t none[] = {3, 0};
    segloss_distance_args args;
    float out = -7;
    CHECK(segloss_distance_args_init(&args, sizeof args) == SEGLOSS_OK);
    args.kind = SEGLOSS_SIGNED;
    args.classes = UINT32_MAX;
    args.mask = tensor(NULL, SEGLOSS_U8, 2, none);
    args.out.data = &out;
    CHECK(segloss_distance(&args) == SEGLOSS_OK && out == -7);
  }
}

/* A NULL class_present is accepted for any number of classes. */
static void null_class_present_with_many_classes(void) {
  const int64_t classes = (int64_t)1 << 30, shape[] = {B, classes, 0}, flat[] = {B, 0};
  segloss_term term = term_of(segloss_dice());
  segloss_args args = arguments();
  double value = -7;
  args.pred = tensor(NULL, SEGLOSS_F64, 3, shape);
  args.target = tensor(NULL, SEGLOSS_U8, 2, flat);
  args.value = &value;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value == 0);
}

/* struct_size has to end between two fields. */
static int is_start(size_t size, const size_t *starts, size_t count) {
  size_t k;
  for (k = 0; k < count; k++)
    if (starts[k] == size) return 1;
  return 0;
}

#define F(field) offsetof(segloss_args, field)
#define T(field) offsetof(segloss_term, field)
#define D(field) offsetof(segloss_distance_args, field)
#define E(field) offsetof(segloss_executor, field)

static void struct_sizes(void) {
  static const size_t of_args[] = {F(flags), F(activation), F(ignore_len), F(grad_scale), F(pred), F(target),
                                   F(voxel_weight), F(class_present), F(ignore), F(spacing), F(value), F(term_values),
                                   F(class_values), F(class_sums), F(grad), F(error), F(scratch), F(scratch_size),
                                   F(executor), sizeof(segloss_args)};
  static const size_t of_term[] = {T(flags), T(variant), T(class_average), T(sample_average), T(absent), T(normalizer),
                                   T(reserved), T(weight), T(alpha), T(beta), T(gamma), T(k), T(smooth_numerator),
                                   T(smooth_denominator), T(label_smoothing), T(loss), T(class_weight), T(region),
                                   T(context), T(top_k_search), T(field), T(voxel),
                                   T(voxel_context), sizeof(segloss_term)};
  static const size_t of_distance[] = {D(flags), D(kind), D(classes), D(mask), D(spacing), D(out), D(error),
                                       D(scratch), D(scratch_size), D(executor), sizeof(segloss_distance_args)};
  static const size_t of_executor[] = {E(workers), E(parallel_for), E(context), sizeof(segloss_executor)};
  size_t size, taken = 0;
  for (size = 0; size <= sizeof(segloss_args); size++) {
    const int is_whole = is_start(size, of_args, sizeof of_args / sizeof of_args[0]);
    segloss_term term = term_of(segloss_dice());
    segloss_args args = arguments(), made;
    segloss_status status;
    memset(&made, 0x5a, sizeof made);
    CHECK((segloss_args_init(&made, size) == SEGLOSS_OK) == is_whole);
    if (size < sizeof made) CHECK(((const unsigned char *)&made)[size] == 0x5a);
    args.struct_size = (uint32_t)size;
    status = segloss_run(&term, 1, &args);
    CHECK((status == SEGLOSS_STRUCT_SIZE) == !is_whole);
    taken += status == SEGLOSS_OK;
  }
  CHECK(taken == 1 + 1); /* the whole struct, and the struct without executor: a shorter one has no scratch */
  for (size = 0; size <= sizeof(segloss_term); size++) {
    const int is_whole = is_start(size, of_term, sizeof of_term / sizeof of_term[0]);
    segloss_term term = term_of(segloss_dice()), made, terms[2];
    segloss_args args = arguments();
    memset(&made, 0x5a, sizeof made);
    CHECK((segloss_term_init(segloss_dice(), &made, size) == SEGLOSS_OK) == is_whole);
    term.struct_size = (uint32_t)size;
    CHECK((segloss_run(&term, 1, &args) == SEGLOSS_STRUCT_SIZE) == !is_whole);
    /* All terms of an array have the struct_size of the first. */
    terms[0] = terms[1] = term_of(segloss_dice());
    terms[1].struct_size = (uint32_t)size;
    CHECK((segloss_run(terms, 2, &args) == SEGLOSS_OK) == (size == sizeof(segloss_term)));
  }
  for (size = 0; size <= sizeof(segloss_distance_args); size++) {
    const int is_whole = is_start(size, of_distance, sizeof of_distance / sizeof of_distance[0]);
    segloss_distance_args args, made;
    size_t needed;
    memset(&made, 0x5a, sizeof made);
    CHECK((segloss_distance_args_init(&made, size) == SEGLOSS_OK) == is_whole);
    memset(&args, 0, sizeof args);
    args.struct_size = (uint32_t)size;
    CHECK((segloss_distance_scratch_size(&args, &needed) == SEGLOSS_STRUCT_SIZE) == !is_whole);
  }
  for (size = 0; size <= sizeof(segloss_executor); size++) {
    const int is_whole = is_start(size, of_executor, sizeof of_executor / sizeof of_executor[0]);
    segloss_executor executor;
    segloss_term term = term_of(segloss_dice());
    segloss_args args = arguments();
    memset(&executor, 0, sizeof executor);
    executor.struct_size = (uint32_t)size;
    args.executor = &executor;
    CHECK((segloss_run(&term, 1, &args) == SEGLOSS_OK) == is_whole);
  }
}

/* Shapes, strides and counts may be unaligned; doubles may not. */
static void unaligned_addresses(void) {
  static unsigned char room[16 * 8 + 1], of_strides[16 * 8 + 1], places[sizeof(size_t) + 1];
  static double gradient[ALL];
  const int64_t strides[] = {C * N, N, W, 1};
  segloss_term term = term_of(segloss_dice()), preset[SEGLOSS_MAX_TERMS];
  segloss_args args = arguments();
  segloss_error error;
  double value = -7, expected = -7;
  size_t count;
  args.value = &expected;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  memcpy(room + 1, SHAPE, sizeof SHAPE);
  memcpy(of_strides + 1, strides, sizeof strides);
  args.pred.shape = (const int64_t *)(const void *)(room + 1);
  args.pred.strides = (const int64_t *)(const void *)(of_strides + 1);
  args.grad.data = gradient;
  args.grad.strides = args.pred.strides;
  args.value = &value;
  args.error = &error;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value == expected);
  CHECK(segloss_preset_dice_cross_entropy(preset, sizeof preset[0], (size_t *)(void *)(places + 1)) == SEGLOSS_OK);
  memcpy(&count, places + 1, sizeof count);
  CHECK(count == 2);
  args = arguments(), args.error = &error;
  args.value = (double *)(void *)(room + 1);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_MISALIGNED && strcmp(error.argument, "value") == 0);
  args = arguments(), args.error = &error;
  args.spacing = (const double *)(const void *)(room + 1);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_MISALIGNED && strcmp(error.argument, "spacing") == 0);
  args = arguments(), args.error = &error;
  term.class_weight = (const double *)(const void *)(room + 1);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_MISALIGNED && strcmp(error.argument, "class_weight") == 0);
}

/* Sixteen axes, the maximum, give the same result as fewer axes with the same number of voxels. */
static void sixteen_axes(void) {
  static double few[ALL], many[ALL];
  static const int64_t shape[16] = {B, C, 1, 2, 1, 2, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1},
                       flat[15] = {B, 1, 2, 1, 2, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1}, more[17] = {B, C, H, W};
  const segloss_loss *const losses[] = {segloss_dice(), segloss_cross_entropy(), segloss_top_k()};
  size_t k;
  for (k = 0; k < 3; k++) {
    const segloss_term term = term_of(losses[k]);
    segloss_args args = arguments();
    segloss_error error;
    double value = -7, expected = run(&term, 1, few);
    args.pred = tensor(logits, SEGLOSS_F64, 16, shape);
    args.target = tensor(labels, SEGLOSS_U8, 15, flat);
    args.value = &value;
    args.grad.data = many;
    args.error = &error;
    CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && value == expected && memcmp(few, many, sizeof few) == 0);
    args.pred = tensor(logits, SEGLOSS_F64, 17, more);
    CHECK(segloss_run(&term, 1, &args) == SEGLOSS_SHAPE && strcmp(error.argument, "pred") == 0);
  }
}

/* The gradient may overwrite the prediction only with the same dtype and strides, and without ADD_TO_GRADIENT. */
static void in_place(void) {
  static double expected[ALL], buffer[ALL];
  static const int64_t last[] = {C * N, 1, W * C, C}, same[] = {C * N, N, W, 1};
  const segloss_term term = term_of(segloss_dice());
  segloss_args args = arguments();
  int refused;
  run(&term, 1, expected);
  for (refused = 0; refused < 4; refused++) {
    memcpy(buffer, logits, sizeof buffer);
    args = arguments();
    args.pred.data = buffer;
    args.grad.data = buffer;
    if (refused == 1) args.grad.dtype = SEGLOSS_F32;
    if (refused == 2) args.grad.strides = last;
    if (refused == 3) args.flags = SEGLOSS_ADD_TO_GRADIENT;
    CHECK(segloss_run(&term, 1, &args) == (refused ? SEGLOSS_OVERLAP : SEGLOSS_OK));
    CHECK(memcmp(buffer, refused ? logits : expected, sizeof buffer) == 0);
  }
  memcpy(buffer, logits, sizeof buffer);
  args = arguments();
  args.pred.data = buffer;
  args.grad.data = buffer;
  args.grad.strides = same; /* explicit strides that equal those of pred */
  args.grad.dtype = SEGLOSS_F64;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK && memcmp(buffer, expected, sizeof buffer) == 0);
}

/* Reserved fields must be 0. */
static void reserved_fields(void) {
  static double gradient[ALL];
  segloss_term term = term_of(segloss_dice());
  segloss_args args = arguments();
  segloss_error error;
  double value = -7;
  args.value = &value;
  args.error = &error;
  args.grad.data = gradient;
  args.grad.reserved = 1;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_PARAMETER && strcmp(error.argument, "grad") == 0 && value == -7);
  args.grad.reserved = 0;
  term.reserved = 1;
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_PARAMETER && strcmp(error.argument, "reserved") == 0);
  CHECK(error.term == 0 && value == -7);
}

/* Voxel weights of U8 and BOOL give the bits of the same weights as doubles. */
static void weights_of_bytes(void) {
  static uint8_t small[B * N], flags[B * N];
  static double doubles[B * N], expected[ALL], gradient[ALL];
  const segloss_loss *const losses[] = {segloss_dice(), segloss_cross_entropy(), segloss_top_k(), segloss_boundary()};
  size_t k;
  int i, is_bool;
  for (i = 0; i < B * N; i++) {
    small[i] = (uint8_t)(i * 5 % 7 * 40);
    flags[i] = i % 3 != 0;
  }
  for (is_bool = 0; is_bool < 2; is_bool++)
    for (k = 0; k < 4; k++) {
      const segloss_term term = term_of(losses[k]);
      segloss_args args = arguments();
      double of_doubles, of_bytes;
      for (i = 0; i < B * N; i++) doubles[i] = is_bool ? flags[i] : small[i];
      args.value = &of_doubles;
      args.grad.data = expected;
      args.voxel_weight = tensor(doubles, SEGLOSS_F64, 3, FLAT);
      CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
      args.value = &of_bytes;
      args.grad.data = gradient;
      args.voxel_weight = tensor(is_bool ? flags : small, is_bool ? SEGLOSS_BOOL : SEGLOSS_U8, 3, FLAT);
      CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
      CHECK(of_doubles == of_bytes && memcmp(expected, gradient, sizeof gradient) == 0);
    }
}

/* Labels, masks and label maps of every integer dtype give the same bits. A value that is not a class is refused. */
static void integer_types(void) {
  static const struct {
    uint32_t dtype, bytes;
  } types[] = {{SEGLOSS_U8, 1}, {SEGLOSS_U16, 2}, {SEGLOSS_U32, 4}, {SEGLOSS_U64, 8}, {SEGLOSS_I8, 1},
               {SEGLOSS_I16, 2}, {SEGLOSS_I32, 4}, {SEGLOSS_I64, 8}};
  static double of_labels[ALL], of_masks[ALL], gradient[ALL], distances[C * N], others[C * N];
  static uint64_t words[ALL];
  static const int64_t image[] = {H, W}, minus_one[] = {-1};
  const segloss_term term = term_of(segloss_cross_entropy());
  unsigned char *stored = (unsigned char *)words;
  segloss_distance_args map;
  size_t k;
  int i, is_mask;
  for (k = 0; k < sizeof types / sizeof types[0]; k++) {
    for (is_mask = 0; is_mask < 2; is_mask++) {
      segloss_args args = arguments();
      double *const expected = is_mask ? of_masks : of_labels;
      memset(words, 0, sizeof words);
      for (i = 0; i < (is_mask ? ALL : B * N); i++) {
        const int b = i / (C * N), c = i / N % C;
        const uint64_t value = is_mask ? labels[b * N + i % N] == c : labels[i];
        const uint16_t one = 1;
        const size_t low = *(const unsigned char *)&one ? 0 : 8 - types[k].bytes;
        memcpy(stored + (size_t)i * types[k].bytes, (const unsigned char *)&value + low, types[k].bytes);
      }
      args.target = tensor(words, types[k].dtype, is_mask ? 4 : 3, is_mask ? SHAPE : FLAT);
      args.grad.data = k == 0 ? expected : gradient;
      CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
      if (k > 0) CHECK(memcmp(expected, gradient, sizeof gradient) == 0);
      if (is_mask) continue;
      CHECK(segloss_distance_args_init(&map, sizeof map) == SEGLOSS_OK);
      map.kind = SEGLOSS_SIGNED;
      map.classes = C;
      map.mask = tensor(words, types[k].dtype, 2, image);
      map.out.data = k == 0 ? distances : others;
      map.out.dtype = SEGLOSS_F64;
      map.scratch = scratch;
      map.scratch_size = sizeof scratch;
      CHECK(segloss_distance(&map) == SEGLOSS_OK);
      if (k > 0) CHECK(memcmp(distances, others, sizeof others) == 0);
      /* A voxel with all bits set is -1 in a signed dtype, which can be ignored, and the largest number in others. */
      memset(stored + 5 * types[k].bytes, 0xff, types[k].bytes);
      CHECK(segloss_run(&term, 1, &args) == SEGLOSS_LABEL);
      args.ignore = minus_one;
      args.ignore_len = 1;
      CHECK(segloss_run(&term, 1, &args) == (k < 4 ? SEGLOSS_LABEL : SEGLOSS_OK));
    }
  }
}

int main(void) {
  paint();
  integer_types();
  empty_batches();
  null_class_present_with_many_classes();
  struct_sizes();
  unaligned_addresses();
  sixteen_axes();
  in_place();
  reserved_fields();
  weights_of_bytes();
  puts("passed");
  return 0;
}
