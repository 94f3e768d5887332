/* A batch in parts: slabs of one sample are accumulated, finalized and differentiated with the bits of one run. */
#include "check.h"

enum { C = 3, CHUNKS = 3, N = CHUNKS * SEGLOSS_CHUNK + 17 };

static float logits[C * N], whole[C * N], pieces[C * N], field[C * N];
static int16_t labels[N];
static unsigned char scratch[1 << 22];

int main(void) {
  const int64_t shape[] = {1, C, N}, flat[] = {1, N}, strides[] = {C * N, N, 1};
  segloss_term terms[3];
  segloss_args args, part;
  segloss_class_sums class_sums[C], slopes[C];
  segloss_output output;
  double value = 0, without_sums, of_parts = 0;
  int64_t start, part_shape[3] = {1, C, 0}, part_flat[2] = {1, 0};
  int i;

  for (i = 0; i < C * N; i++) logits[i] = (float)painted(i);
  for (i = 0; i < N; i++) labels[i] = (int16_t)(i % 7 % 4 == 3 ? -1 : i % 7 % 4);
  segloss_term_init(segloss_tversky(), &terms[0], sizeof terms[0]);
  segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]);
  segloss_term_init(segloss_boundary(), &terms[2], sizeof terms[2]);
  segloss_args_init(&args, sizeof args);
  {
    static const int64_t ignored = -1;
    args.ignore = &ignored;
    args.ignore_len = 1;
  }
  args.activation = SEGLOSS_SOFTMAX;
  args.grad_scale = 1024;
  args.pred = tensor(logits, SEGLOSS_F32, 3, shape);
  args.target = tensor(labels, SEGLOSS_I16, 2, flat);
  args.value = &value;
  args.grad.data = whole;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  /* A run that is not asked for sums of classes takes fewer logarithms (docs/numbers.md). */
  CHECK(segloss_run(terms, 3, &args) == SEGLOSS_OK);
  without_sums = value;
  args.class_sums = class_sums;
  CHECK(segloss_run(terms, 3, &args) == SEGLOSS_OK);
  args.class_sums = NULL;
  CHECK(without_sums - value <= 1e-7 * value && value - without_sums <= 1e-7 * value);

  /* Parts compute no field: each gets its view of the field of the whole batch. */
  memset(&output, 0, sizeof output);
  output.data = field;
  CHECK(segloss_distance_field(&terms[2], &args, &output) == SEGLOSS_OK);
  memset(class_sums, 0, sizeof class_sums);
  part = args;
  part.value = NULL;
  CHECK(segloss_accumulate(terms, 3, &part, class_sums) == SEGLOSS_MISSING_FIELD);
  CHECK(class_sums[0].weight == 0);

  for (start = 0; start < N; start += SEGLOSS_CHUNK) {
    part_shape[2] = part_flat[1] = start + SEGLOSS_CHUNK < N ? SEGLOSS_CHUNK : N - start;
    part.pred = tensor(logits + start, SEGLOSS_F32, 3, part_shape);
    part.pred.strides = strides;
    part.target = tensor(labels + start, SEGLOSS_I16, 2, part_flat);
    terms[2].field = tensor(field + start, SEGLOSS_F32, 3, part_shape);
    terms[2].field.strides = strides;
    part.grad.data = NULL;
    CHECK(segloss_accumulate(terms, 3, &part, class_sums) == SEGLOSS_OK);
  }
  terms[2].field = tensor(field, SEGLOSS_F32, 3, shape);
  args.value = &of_parts;
  args.grad.data = NULL;
  CHECK(segloss_finalize(terms, 3, &args, class_sums, slopes) == SEGLOSS_OK);
  CHECK(of_parts == value);
  for (start = 0; start < N; start += SEGLOSS_CHUNK) {
    part_shape[2] = part_flat[1] = start + SEGLOSS_CHUNK < N ? SEGLOSS_CHUNK : N - start;
    part.pred = tensor(logits + start, SEGLOSS_F32, 3, part_shape);
    part.pred.strides = strides;
    part.target = tensor(labels + start, SEGLOSS_I16, 2, part_flat);
    terms[2].field = tensor(field + start, SEGLOSS_F32, 3, part_shape);
    terms[2].field.strides = strides;
    part.grad.data = pieces + start; /* strides NULL: the strides of pred */
    CHECK(segloss_backward(terms, 3, &part, slopes) == SEGLOSS_OK);
  }
  CHECK(memcmp(whole, pieces, sizeof whole) == 0);

  /* segloss_finalize accepts tensors without data and NULL slopes. */
  args.pred.data = NULL;
  args.target.data = NULL;
  terms[2].field = tensor(NULL, SEGLOSS_F32, 3, shape);
  CHECK(segloss_finalize(terms, 3, &args, class_sums, NULL) == SEGLOSS_OK);
  puts("passed");
  return 0;
}
